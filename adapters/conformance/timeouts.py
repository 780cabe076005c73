"""Time-outs of the kit: long ones where the rail responds, short ones where it is made not to respond.

Checks about silence would take the rail's real time-outs, and checks about responses must not fail on a busy
machine. So the kit uses adapters with short time-outs for the former and with long ones for the latter. The
delays of the simulated rail are scaled separately.
"""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from adapters.port import RailAdapter, RailConnection
from adapters.simulation.harness import SimulatedRail

RAIL_SCALE: Final = 0.1
"""Scale of the simulated rail's delays."""
SHORT_TIMEOUT_S: Final = 1.5
"""How long an adapter with short time-outs waits for a response."""
LONG_TIMEOUT_FACTOR: Final = 10.0
"""Factor of the profile's time-outs for an adapter with long ones."""
LONGEST_WAIT_S: Final = 120.0
"""The longest wait of the kit: it limits the wait for what never comes, not the time of a busy machine."""
_EVERY_S: Final = 0.1


def connection_with_scale(rail: SimulatedRail, time_scale: float) -> RailConnection:
    """The rail's connection with other time-outs."""
    return dataclasses.replace(rail.connection, time_scale=time_scale)


@asynccontextmanager
async def with_short_timeouts(
    rail: SimulatedRail, wait_s: float = SHORT_TIMEOUT_S
) -> AsyncIterator[RailAdapter]:
    """An adapter with short time-outs; messages that it receives are given to the rail's listeners.

    It is connected before it is returned: a failure to connect on a busy machine would prove nothing.
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
    """Give the rail an adapter with time-outs that are long enough for a busy machine."""
    impatient, rail.adapter = rail.adapter, with_long_timeouts(rail)
    await impatient.close()


def with_long_timeouts(rail: SimulatedRail) -> RailAdapter:
    """Another adapter for the rail, with time-outs longer than any response takes."""
    return open_adapter(rail, LONG_TIMEOUT_FACTOR)


def open_adapter(rail: SimulatedRail, time_scale: float) -> RailAdapter:
    """Another adapter for the rail."""
    adapter = rail.load(connection_with_scale(rail, time_scale))
    rail.hear(adapter)
    return adapter
