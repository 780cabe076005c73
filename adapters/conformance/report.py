"""The results of the conformance kit, for people and for machines."""

import dataclasses
import inspect
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

Requirement = Callable[[Any], str | Awaitable[str]]
"""Checks an adapter or rail; returns a detail for the report, or raises `RequirementNotMet`."""


class RequirementGroup(StrEnum):
    """What a requirement needs."""

    PURE = "without a rail"
    LIVE = "at the rail"
    FAILURES = "when things go wrong"
    ORIGINATING = "when payments begin at the rail"


class RequirementNotMet(Exception):
    """A requirement is not met; the text states how, without personal data."""


@dataclass(frozen=True, slots=True)
class RequirementResult:
    """One requirement, and whether it is met."""

    group: RequirementGroup
    name: str
    ok: bool
    detail: str = ""
    """What was found."""
    advice: str = ""
    """Where to look when it is not met."""


@dataclass(slots=True)
class ConformanceReport:
    """The results of the kit for one adapter."""

    country: str
    rail: str
    checks: list[RequirementResult] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether every requirement is met."""
        return all(check.ok for check in self.checks)

    @property
    def kept(self) -> int:
        """How many requirements are met."""
        return sum(check.ok for check in self.checks)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**dataclasses.asdict(self), "kept": self.kept, "ok": self.ok}

    def text(self) -> str:
        """As text: the requirements by group; for those not met, what was found and where to look."""
        lines = [f"{self.country} {self.rail}"]
        for group in RequirementGroup:
            checks = [check for check in self.checks if check.group is group]
            lines += ["", f"{group}: {sum(check.ok for check in checks)} of {len(checks)}"] if checks else []
            lines += [line for check in checks for line in _lines(check)]
        return "\n".join([*lines, "", f"{self.kept} of {len(self.checks)} requirements met"])


async def check_requirement(
    group: RequirementGroup, requirement: Requirement, subject: object
) -> RequirementResult:
    """Check one requirement. An adapter that raises an exception does not meet it."""
    name, _, advice = (inspect.getdoc(requirement) or requirement.__name__).partition("\n")
    advice = " ".join(advice.split())
    try:
        found = requirement(subject)
        detail = await found if isinstance(found, Awaitable) else found
    except RequirementNotMet as error:
        return RequirementResult(group, name, ok=False, detail=str(error), advice=advice)
    except Exception as error:  # noqa: BLE001 - the report says so
        return RequirementResult(group, name, ok=False, detail=f"raised {_where(error)}", advice=advice)
    return RequirementResult(group, name, ok=True, detail=detail, advice=advice)


def must(kept: bool, otherwise: str) -> None:  # noqa: FBT001 - reads as an assertion
    """Raise `RequirementNotMet` with a text unless a condition holds."""
    if not kept:
        raise RequirementNotMet(otherwise)


def _where(error: Exception) -> str:
    """The type of an error and where it was raised; not its text, which may contain personal data."""
    (*_, last) = traceback.extract_tb(error.__traceback__)
    file = Path(last.filename)
    return f"{type(error).__name__} in {file.parent.name}/{file.name}:{last.lineno}"


def _lines(check: RequirementResult) -> list[str]:
    if check.ok:
        return [f"  ok    {check.name}" + (f"  ({check.detail})" if check.detail else "")]
    lines = [f"  FAIL  {check.name}", f"          found    {check.detail}"]
    return [*lines, f"          advice   {check.advice}"] if check.advice else lines
