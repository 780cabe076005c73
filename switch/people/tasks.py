"""What goes on by itself: windows close, settlements move on, changes end in time, notes reach the log."""

from collections.abc import Awaitable, Callable
from typing import Final

from switch.participants import liquidity
from switch.people import approvals, notes, sessions
from switch.people.catalogue import KINDS
from switch.people.desk import Desk
from switch.settlement import day, delivery

EVERY_S: Final = 1.0


async def _changes(desk: Desk) -> None:
    await approvals.tend(desk, KINDS)


async def _liquidity(desk: Desk) -> None:
    await liquidity.watch(desk.pool)


async def _notes(desk: Desk) -> None:
    await notes.relay(desk)


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
"""Each goes round on its own in the caretaker, every `EVERY_S`: trouble with one is not another's."""
