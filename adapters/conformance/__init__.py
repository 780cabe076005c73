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
from adapters.conformance.patience import RAIL_SCALE, make_patient
from adapters.conformance.report import Broken, Check, Group, Promise, Report, examine
from adapters.port import RailAdapter
from adapters.reasons import ISO_REASONS
from adapters.simulation.harness import Rail, running

__all__ = ["QUICK", "Broken", "Check", "Group", "Report", "check"]

AT_ONCE: Final = 5
"""Live promises that are examined at once."""
QUICK: Final = (("AC04", "AM04", "RR04"), (Group.PURE, Group.LIVE))
"""Reasons and groups for an engineer at work; the rest takes its time."""


async def check(
    country: str, reasons: Collection[str] = ISO_REASONS, groups: Collection[Group] = tuple(Group)
) -> Report:
    """Run the kit, or some groups of it; `reasons` are those that the rail is made to refuse with.

    Raises:
        NotFound: no adapter for this country.

    """
    profile = registry.profile(country)
    report = Report(country, profile.rail)
    with tempfile.TemporaryDirectory(prefix="payswitch-") as directory:
        async with running(Path(directory), country, time_scale=RAIL_SCALE) as rail:
            await make_patient(rail)
            if Group.PURE in groups:
                report.checks += await asyncio.to_thread(_pure, rail.adapter)
            if Group.LIVE in groups:
                report.checks.append(await examine(Group.LIVE, live.every_reason, (rail, sorted(reasons))))
                report.checks += await _some_at_once(live.PROMISES, rail)
            if Group.ROUGH in groups:
                report.checks += [await examine(Group.ROUGH, each, rail) for each in rough.PROMISES]
    return report


def _pure(adapter: RailAdapter) -> list[Check]:
    """In a thread, because they only compute: whoever waits for a rail meanwhile is not held up."""
    return [asyncio.run(examine(Group.PURE, each, adapter)) for each in pure.PROMISES]


async def _some_at_once(promises: Collection[Promise], rail: Rail) -> list[Check]:
    """Examine promises side by side, a few at once: they mostly wait."""
    places = asyncio.Semaphore(AT_ONCE)

    async def one(promise: Promise) -> Check:
        async with places:
            return await examine(Group.LIVE, promise, rail)

    return await asyncio.gather(*map(one, promises))
