"""Time-outs for the kit: long ones where the rail answers, short ones where it is made not to.

A promise about silence would take the rail's real time-outs, and one about answers must not end in a time-out
because the machine is busy. So the kit has a patient adapter for the one and hasty ones for the other; the
simulated rail's own waits are shortened apart from both.
"""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from adapters.port import Connection, Listening, RailAdapter
from adapters.simulation.harness import Rail

RAIL_SCALE: Final = 0.1
"""Of the simulated rail's waits."""
HASTY_S: Final = 1.5
"""How long a hasty adapter waits for an answer."""
PATIENT: Final = 10.0
"""How many times the profile's time-outs a patient adapter waits."""
PATIENT_S: Final = 120.0
"""The longest that the kit waits for anything: a bound for what never comes, not for a busy machine."""
_EVERY_S: Final = 0.1


def of_scale(rail: Rail, time_scale: float) -> Connection:
    """The rail's connection with other time-outs."""
    return dataclasses.replace(rail.connection, time_scale=time_scale)


@asynccontextmanager
async def hasty(rail: Rail, wait_s: float = HASTY_S) -> AsyncIterator[RailAdapter]:
    """An adapter that soon gives up on an answer; what it overhears is heard by the rail's listeners.

    It is connected before it is lent: what a busy machine cannot connect in time, nothing is learnt from.
    """
    adapter = opened(rail, wait_s / rail.adapter.profile.timing.submit_s)
    try:
        async with asyncio.timeout(PATIENT_S):
            while not await adapter.probe():  # noqa: ASYNC110 - only the rail can tell
                await asyncio.sleep(_EVERY_S)
        yield adapter
    finally:
        await adapter.close()


async def make_patient(rail: Rail) -> None:
    """Give the rail an adapter that waits as long as a busy machine may need."""
    impatient, rail.adapter = rail.adapter, patient(rail)
    await impatient.close()


def patient(rail: Rail) -> RailAdapter:
    """Another adapter for the rail, that waits for longer than any answer takes."""
    return opened(rail, PATIENT)


def opened(rail: Rail, time_scale: float) -> RailAdapter:
    """Another adapter for the rail."""
    adapter = rail.load(of_scale(rail, time_scale))
    if isinstance(adapter, Listening):
        adapter.listen(rail._overhear)  # noqa: SLF001 - as `running` does
    return adapter
