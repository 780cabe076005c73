"""Scheduled work: closing windows, advancing settlements, expiring changes, moving notes to the log."""

from collections.abc import Awaitable, Callable
from typing import Final

from switch.approvals import approvals
from switch.change_catalogue import KINDS
from switch.identity import sessions
from switch.participants import liquidity
from switch.settlement import day, delivery
from switch.writer import audit_notes
from switch.writer.desk import Desk

EVERY_S: Final = 1.0


async def _changes(desk: Desk) -> None:
    await approvals.tend(desk, KINDS)


async def _liquidity(desk: Desk) -> None:
    await liquidity.watch(desk.pool)


async def _notes(desk: Desk) -> None:
    await audit_notes.relay(desk)


async def _sessions(desk: Desk) -> None:
    async with desk.pool.acquire() as connection:
        await sessions.forget_old(connection)


WORK: Final[tuple[Callable[[Desk], Awaitable[None]], ...]] = (
    _changes,
    day.tend,
    delivery.deliver,
    _liquidity,
    _notes,
    _sessions,
)
"""Each task runs separately in the caretaker, every `EVERY_S`, so that one failure affects no other task."""
