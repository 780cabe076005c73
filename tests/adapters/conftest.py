"""What tests of adapters may ask for."""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from adapters.simulation.harness import Rail, running

ROOT = Path(__file__).parents[2]
TIME_SCALES = {"IN": 0.05}
"""UPI waits longest before it enquires; the others need time for a whole exchange on a busy machine."""


@pytest.fixture(scope="session")
def shared() -> Path:
    """The directory of published vectors and samples; tests that need it are skipped without it."""
    place = Path(os.environ.get("PAYSWITCH_SHARED", ROOT.parent / "shared"))
    if not (place / "rails" / "vectors.json").exists():
        pytest.skip(f"no published vectors in {place}: set PAYSWITCH_SHARED")
    return place


class Rails:
    """Simulated rails, each started when it is first asked for."""

    def __init__(self, directory: Path, stack: AsyncExitStack) -> None:
        self._directory = directory
        self._stack = stack
        self._running: dict[str, Rail] = {}

    async def get(self, country: str) -> Rail:
        if country not in self._running:
            context = running(self._directory / country, country, time_scale=TIME_SCALES.get(country, 0.1))
            self._running[country] = await self._stack.enter_async_context(context)
        return self._running[country]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def rails(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rails]:
    async with AsyncExitStack() as stack:
        yield Rails(tmp_path_factory.mktemp("rails"), stack)
