"""Scheduled work: closing windows, advancing settlements, expiring changes, moving notes to the log."""

from collections.abc import Awaitable, Callable
from typing import Final

from switch.approvals import approvals
from switch.change_catalogue import KINDS
from switch.identity import sessions
from switch.participants import liquidity
from switch.settlement import day, delivery
from switch.writer import audit_notes
from switch.writer.context import ServiceContext

EVERY_S: Final = 1.0


async def _changes(desk: ServiceContext) -> None:
    await approvals.run_due(desk, KINDS)


async def _liquidity(desk: ServiceContext) -> None:
    await liquidity.watch(desk.pool)


async def _notes(desk: ServiceContext) -> None:
    await audit_notes.relay(desk)


async def _sessions(desk: ServiceContext) -> None:
    async with desk.pool.acquire() as connection:
        await sessions.forget_old(connection)


async def _settle(desk: ServiceContext) -> None:
    if not await _is_closed(desk):
        await day.run_due(desk)


async def _deliver(desk: ServiceContext) -> None:
    if not await _is_closed(desk):
        await delivery.deliver(desk)


async def _is_closed(desk: ServiceContext) -> bool:
    """Whether the switch is closed after a restore: an agent may have settled what is due here."""
    return bool(await desk.pool.fetchval("SELECT EXISTS (SELECT FROM switch.closed)"))


WORK: Final[tuple[Callable[[ServiceContext], Awaitable[None]], ...]] = (
    _changes,
    _settle,
    _deliver,
    _liquidity,
    _notes,
    _sessions,
)
"""Each task runs separately in the caretaker, every `EVERY_S`, so that one failure affects no other task."""
