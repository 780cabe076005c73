"""Scheduled work: closing windows, advancing settlements, expiring changes, moving notes to the log."""

from collections.abc import Awaitable, Callable
from typing import Final

from switch.approvals import approvals
from switch.change_catalogue import KINDS
from switch.identity import guesses, notices, sessions
from switch.participants import liquidity
from switch.settlement import day, delivery
from switch.writer import audit_notes
from switch.writer.context import ServiceContext

EVERY_S: Final = 1.0


async def execute_approved(services: ServiceContext) -> None:
    """Execute the changes that people approved: somebody waits for it."""
    await approvals.execute_approved(services, KINDS)


async def process_confirmations(services: ServiceContext) -> None:
    """Process confirmations of settlement agents: their agent waits for it."""
    await day.process_confirmations(services)


async def _changes(services: ServiceContext) -> None:
    await approvals.run_due(services, KINDS)


async def _liquidity(services: ServiceContext) -> None:
    await liquidity.watch(services.pool)


async def _notes(services: ServiceContext) -> None:
    await audit_notes.relay(services)


async def _sessions(services: ServiceContext) -> None:
    async with services.pool.acquire() as connection:
        await sessions.forget_old(connection)
        await notices.forget_old(connection)
        await guesses.forget_old(connection)


async def _settle(services: ServiceContext) -> None:
    if not await _is_closed(services):
        await day.run_due(services)


async def _deliver(services: ServiceContext) -> None:
    if not await _is_closed(services):
        await delivery.deliver(services)


async def _is_closed(services: ServiceContext) -> bool:
    """Whether the switch is closed after a restore: an agent may have settled what is due here."""
    return bool(await services.pool.fetchval("SELECT EXISTS (SELECT FROM switch.closed)"))


WORK: Final[tuple[Callable[[ServiceContext], Awaitable[None]], ...]] = (
    _changes,
    _settle,
    _deliver,
    _liquidity,
    _notes,
    _sessions,
)
"""Each task runs separately in the caretaker, every `EVERY_S`, so that one failure affects no other task."""
