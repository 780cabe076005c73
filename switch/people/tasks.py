"""What goes on by itself: windows close, settlements move on, changes end in time, notes reach the log."""

from typing import Final

from switch.participants import liquidity
from switch.people import approvals, notes, sessions
from switch.people.catalogue import KINDS
from switch.people.desk import Desk
from switch.settlement import day

EVERY_S: Final = 1.0


async def tend(desk: Desk) -> None:
    """One round; the caretaker calls it again and again. What fails is tried again in the next."""
    await approvals.tend(desk, KINDS)
    await day.tend(desk)
    await liquidity.watch(desk.pool)
    await notes.relay(desk)
    async with desk.pool.acquire() as connection:
        await sessions.forget_old(connection)
