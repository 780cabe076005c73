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

from adapters.port import ListeningAdapter, RailAdapter, RailConnection
from adapters.simulation.harness import SimulatedRail

RAIL_SCALE: Final = 0.1
"""Of the simulated rail's waits."""
SHORT_TIMEOUT_S: Final = 1.5
"""How long a hasty adapter waits for an answer."""
LONG_TIMEOUT_FACTOR: Final = 10.0
"""How many times the profile's time-outs a patient adapter waits."""
LONGEST_WAIT_S: Final = 120.0
"""The longest that the kit waits for anything: a bound for what never comes, not for a busy machine."""
_EVERY_S: Final = 0.1


def connection_with_scale(rail: SimulatedRail, time_scale: float) -> RailConnection:
    """The rail's connection with other time-outs."""
    return dataclasses.replace(rail.connection, time_scale=time_scale)


@asynccontextmanager
async def with_short_timeouts(
    rail: SimulatedRail, wait_s: float = SHORT_TIMEOUT_S
) -> AsyncIterator[RailAdapter]:
    """An adapter that soon gives up on an answer; what it overhears is heard by the rail's listeners.

    It is connected before it is lent: what a busy machine cannot connect in time, nothing is learnt from.
    """
    adapter = open_adapter(rail, wait_s / rail.adapter.profile.timing.submit_s)
    try:
        async with asyncio.timeout(LONGEST_WAIT_S):
            while not await adapter.probe():  # noqa: ASYNC110 - only the rail can tell
                await asyncio.sleep(_EVERY_S)
        yield adapter
    finally:
        await adapter.close()


async def use_long_timeouts(rail: SimulatedRail) -> None:
    """Give the rail an adapter that waits as long as a busy machine may need."""
    impatient, rail.adapter = rail.adapter, with_long_timeouts(rail)
    await impatient.close()


def with_long_timeouts(rail: SimulatedRail) -> RailAdapter:
    """Another adapter for the rail, that waits for longer than any answer takes."""
    return open_adapter(rail, LONG_TIMEOUT_FACTOR)


def open_adapter(rail: SimulatedRail, time_scale: float) -> RailAdapter:
    """Another adapter for the rail."""
    adapter = rail.load(connection_with_scale(rail, time_scale))
    if isinstance(adapter, ListeningAdapter):
        adapter.listen(rail._receive_message)  # noqa: SLF001 - as `running` does
    return adapter
