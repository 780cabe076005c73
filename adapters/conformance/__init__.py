"""The conformance kit: checks that an adapter and its simulated rail meet the requirements of the port.

`check("IN")` starts the country's simulated rail in a separate process and returns a `ConformanceReport` for
the engineer of that country: each requirement, what was found, and where to look for the cause. The same kit
checks third-party adapters, which it finds by their entry points.

A requirement is a function. The first line of its docstring is the requirement; the rest says where to look
when it is not met. Functions in `pure` call only the adapter, those in `live` make payments at the simulated
rail, and those in `failures` stop the rail, close it or capture its logs, so they run one at a time.
"""

import asyncio
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Final

from adapters import registry
from adapters.conformance import failures, live, pure
from adapters.conformance.report import (
    ConformanceReport,
    Requirement,
    RequirementGroup,
    RequirementNotMet,
    RequirementResult,
    check_requirement,
)
from adapters.conformance.timeouts import RAIL_SCALE, use_long_timeouts
from adapters.port import RailAdapter
from adapters.reasons import ISO_REASONS
from adapters.simulation.harness import SimulatedRail, running

__all__ = [
    "QUICK",
    "ConformanceReport",
    "RequirementGroup",
    "RequirementNotMet",
    "RequirementResult",
    "check",
]

AT_ONCE: Final = 5
"""Live promises that are examined at once."""
QUICK: Final = (("AC04", "AM04", "RR04"), (RequirementGroup.PURE, RequirementGroup.LIVE))
"""Reasons and groups for an engineer at work; the rest takes its time."""


async def check(
    country: str,
    reasons: Collection[str] = ISO_REASONS,
    groups: Collection[RequirementGroup] = tuple(RequirementGroup),
) -> ConformanceReport:
    """Run the kit, or some groups of it; `reasons` are those that the rail is made to refuse with.

    Raises:
        NotFound: no adapter for this country.

    """
    profile = registry.profile(country)
    report = ConformanceReport(country, profile.rail)
    with tempfile.TemporaryDirectory(prefix="payswitch-") as directory:
        async with running(Path(directory), country, time_scale=RAIL_SCALE) as rail:
            await use_long_timeouts(rail)
            if RequirementGroup.PURE in groups:
                report.checks += await asyncio.to_thread(_pure, rail.adapter)
            if RequirementGroup.LIVE in groups:
                report.checks.append(
                    await check_requirement(RequirementGroup.LIVE, live.every_reason, (rail, sorted(reasons)))
                )
                report.checks += await _some_at_once(live.REQUIREMENTS, rail)
            if RequirementGroup.FAILURES in groups:
                report.checks += [
                    await check_requirement(RequirementGroup.FAILURES, each, rail)
                    for each in failures.REQUIREMENTS
                ]
    return report


def _pure(adapter: RailAdapter) -> list[RequirementResult]:
    """In a thread, because they only compute: whoever waits for a rail meanwhile is not held up."""
    return [
        asyncio.run(check_requirement(RequirementGroup.PURE, each, adapter)) for each in pure.REQUIREMENTS
    ]


async def _some_at_once(promises: Collection[Requirement], rail: SimulatedRail) -> list[RequirementResult]:
    """Examine promises side by side, a few at once: they mostly wait."""
    places = asyncio.Semaphore(AT_ONCE)

    async def one(promise: Requirement) -> RequirementResult:
        async with places:
            return await check_requirement(RequirementGroup.LIVE, promise, rail)

    return await asyncio.gather(*map(one, promises))
