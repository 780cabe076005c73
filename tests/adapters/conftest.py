"""What tests of adapters may ask for."""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from adapters.conformance.timeouts import (
    LONG_TIMEOUT_FACTOR,
    RAIL_SCALE,
    connection_with_scale,
    use_long_timeouts,
)
from adapters.simulation.harness import SimulatedRail, running

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The directory of published vectors and samples; tests that need it are skipped without it."""
    place = Path(os.environ.get("TEST_SHARED", ROOT.parent / "shared"))
    if not (place / "rails" / "vectors.json").exists():
        pytest.skip(f"no published vectors in {place}: set TEST_SHARED")
    return place


class Rails:
    """Simulated rails, each started when it is first asked for; their adapters wait as long as it takes.

    Where a rail is made to say nothing, `adapters.conformance.timeouts.with_short_timeouts` has one that soon gives up.
    """

    def __init__(self, directory: Path, stack: AsyncExitStack) -> None:
        self._directory = directory
        self._stack = stack
        self._running: dict[str, SimulatedRail] = {}

    async def get(self, country: str) -> SimulatedRail:
        if country not in self._running:
            context = running(self._directory / country, country, time_scale=RAIL_SCALE)
            rail = await self._stack.enter_async_context(context)
            rail.connection = connection_with_scale(rail, LONG_TIMEOUT_FACTOR)
            await use_long_timeouts(rail)
            self._running[country] = rail
        return self._running[country]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def rails(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rails]:
    async with AsyncExitStack() as stack:
        yield Rails(tmp_path_factory.mktemp("rails"), stack)
