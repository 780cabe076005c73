"""Time-outs for the kit: long ones where the rail answers, short ones where it is made not to.

A promise about silence would take the rail's real time-outs, and one about answers must not end in a time-out
because the machine is busy. So the kit has a patient adapter for the one and hasty ones for the other; the
simulated rail's own waits are shortened apart from both.
"""

import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from adapters import registry
from adapters.port import Connection, Listening, RailAdapter
from adapters.profile import Timing
from adapters.simulation.harness import Rail

HASTY_S: Final = 1.5
"""How long a hasty adapter waits for an answer."""
LONGEST_S: Final = 5.0
"""The longest wait of a simulated rail: until an enquiry was made."""
_PAST_ENQUIRY: Final = 1.5
"""How many times the rail's first enquiry that wait is: see `adapters.simulation.magic`."""


def rail_scale(timing: Timing) -> float:
    """By how much the simulated rail's waits are shortened."""
    return min(0.1, LONGEST_S / (_PAST_ENQUIRY * timing.enquiry_first_s))


def of_scale(rail: Rail, time_scale: float) -> Connection:
    """The rail's connection with other time-outs."""
    return dataclasses.replace(rail.connection, time_scale=time_scale)


@asynccontextmanager
async def hasty(rail: Rail) -> AsyncIterator[RailAdapter]:
    """An adapter that soon gives up; what it overhears is heard by the rail's listeners."""
    adapter = opened(rail, HASTY_S / rail.adapter.profile.timing.submit_s)
    try:
        yield adapter
    finally:
        await adapter.close()


async def make_patient(rail: Rail) -> None:
    """Give the rail an adapter with the profile's own time-outs."""
    impatient, rail.adapter = rail.adapter, opened(rail, 1.0)
    await impatient.close()


def opened(rail: Rail, time_scale: float) -> RailAdapter:
    """Another adapter for the rail."""
    adapter = registry.load(rail.country, of_scale(rail, time_scale))
    if isinstance(adapter, Listening):
        adapter.listen(rail._overhear)  # noqa: SLF001 - as `running` does
    return adapter
