"""The conformance kit: checks that an adapter and its simulated rail meet the requirements of the port.

`check("IN")` starts the country's simulated rail in a separate process and returns a `ConformanceReport` for
the engineer of that country: each requirement, what was found, and where to look for the cause. The same kit
checks third-party adapters, which it finds by their entry points.

A requirement is a function. The first line of its docstring is the requirement; the rest says where to look
when it is not met. Functions in `pure` call only the adapter, those in `live` make payments at the simulated
rail, and those in `failures` stop the rail, close it or capture its logs, so they run one at a time. Those in
`originating` let payments begin at the rail, if it can order any of the switch.
"""

import asyncio
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Final

from adapters import registry
from adapters.conformance import failures, live, originating, pure
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
"""Number of live requirements that are checked at the same time."""
QUICK: Final = (("AC04", "AM04", "RR04"), (RequirementGroup.PURE, RequirementGroup.LIVE))
"""Fewer reasons and groups for a quick run during development."""


async def check(
    country: str,
    reasons: Collection[str] = ISO_REASONS,
    groups: Collection[RequirementGroup] = tuple(RequirementGroup),
) -> ConformanceReport:
    """Run the kit or some of its groups; `reasons` are the reasons with which the rail is made to refuse.

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
            if RequirementGroup.ORIGINATING in groups and originating.originates(rail):
                report.checks += [
                    await check_requirement(RequirementGroup.ORIGINATING, each, rail)
                    for each in originating.REQUIREMENTS
                ]
    return report


def _pure(adapter: RailAdapter) -> list[RequirementResult]:
    """Runs in a thread because these checks only compute: other tasks must not be blocked meanwhile."""
    return [
        asyncio.run(check_requirement(RequirementGroup.PURE, each, adapter)) for each in pure.REQUIREMENTS
    ]


async def _some_at_once(
    requirements: Collection[Requirement], rail: SimulatedRail
) -> list[RequirementResult]:
    """Check several requirements at the same time: they mostly wait."""
    places = asyncio.Semaphore(AT_ONCE)

    async def one(requirement: Requirement) -> RequirementResult:
        async with places:
            return await check_requirement(RequirementGroup.LIVE, requirement, rail)

    return await asyncio.gather(*map(one, requirements))
