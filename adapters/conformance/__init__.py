"""The conformance kit: whether an adapter and its simulated rail keep the port's promises.

`check("IN")` starts the country's simulated rail in a process of its own and returns a `Report` that a
country's engineer can act on: each promise with what was found and what to look at. The same kit runs on a
third party's adapter, found by its entry point.

A promise is a function: its docstring's first line is the promise, the rest what to look at when it is
broken. `pure` ones ask the adapter alone, `live` ones pay at the simulated rail, `rough` ones stop it, close
it or listen in, and so have it to themselves.
"""

import asyncio
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Final

from adapters import registry
from adapters.conformance import live, pure, rough
from adapters.conformance.report import Broken, Check, Group, Promise, Report, examine
from adapters.reasons import ISO_REASONS
from adapters.simulation.harness import Rail, running

__all__ = ["Broken", "Check", "Group", "Report", "check"]

TIME_SCALE: Final = 0.1
AT_ONCE: Final = 6
"""Live promises that are examined at once."""


async def check(
    country: str, reasons: Collection[str] = ISO_REASONS, *, time_scale: float = TIME_SCALE
) -> Report:
    """Run the kit; `reasons` are those that the rail is made to refuse with.

    `time_scale` shortens every time-out and wait: a small one is quick, and needs a machine that is not busy.

    Raises:
        NotFound: no adapter for this country.

    """
    profile = registry.profile(country)
    report = Report(country, profile.rail)
    with tempfile.TemporaryDirectory(prefix="payswitch-") as directory:
        async with running(Path(directory), country, time_scale=time_scale) as rail:
            for promise in pure.PROMISES:
                report.checks.append(await examine(Group.PURE, promise, rail.adapter))
            report.checks.append(await examine(Group.LIVE, live.every_reason, (rail, sorted(reasons))))
            report.checks += await _some_at_once(live.PROMISES, rail)
            for promise in rough.PROMISES:
                report.checks.append(await examine(Group.ROUGH, promise, rail))
    return report


async def _some_at_once(promises: Collection[Promise], rail: Rail) -> list[Check]:
    """Examine promises side by side, a few at once: they mostly wait."""
    places = asyncio.Semaphore(AT_ONCE)

    async def one(promise: Promise) -> Check:
        async with places:
            return await examine(Group.LIVE, promise, rail)

    return await asyncio.gather(*map(one, promises))
