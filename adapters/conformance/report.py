"""What the kit found, for people and for machines."""

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
    """What a promise needs."""

    PURE = "without a rail"
    LIVE = "at the rail"
    FAILURES = "when things go wrong"


class RequirementNotMet(Exception):
    """A promise that is not kept; the text says how, without anybody's data."""


@dataclass(frozen=True, slots=True)
class RequirementResult:
    """One promise and whether it is kept."""

    group: RequirementGroup
    name: str
    ok: bool
    detail: str = ""
    """What was found."""
    advice: str = ""
    """What to look at when it is broken."""


@dataclass(slots=True)
class ConformanceReport:
    """What the kit found."""

    country: str
    rail: str
    checks: list[RequirementResult] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether every promise is kept."""
        return all(check.ok for check in self.checks)

    @property
    def kept(self) -> int:
        """How many promises are kept."""
        return sum(check.ok for check in self.checks)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**dataclasses.asdict(self), "kept": self.kept, "ok": self.ok}

    def text(self) -> str:
        """For people: the promises by group, those broken with what was found and what to look at."""
        lines = [f"{self.country} {self.rail}"]
        for group in RequirementGroup:
            checks = [check for check in self.checks if check.group is group]
            lines += ["", f"{group}: {sum(check.ok for check in checks)} of {len(checks)}"] if checks else []
            lines += [line for check in checks for line in _lines(check)]
        return "\n".join([*lines, "", f"{self.kept} of {len(self.checks)} promises kept"])


async def check_requirement(
    group: RequirementGroup, promise: Requirement, subject: object
) -> RequirementResult:
    """Whether a promise is kept. An adapter that raises has broken it."""
    name, _, advice = (inspect.getdoc(promise) or promise.__name__).partition("\n")
    advice = " ".join(advice.split())
    try:
        found = promise(subject)
        detail = await found if isinstance(found, Awaitable) else found
    except RequirementNotMet as error:
        return RequirementResult(group, name, ok=False, detail=str(error), advice=advice)
    except Exception as error:  # noqa: BLE001 - the report says so
        return RequirementResult(group, name, ok=False, detail=f"raised {_where(error)}", advice=advice)
    return RequirementResult(group, name, ok=True, detail=detail, advice=advice)


def must(kept: bool, otherwise: str) -> None:  # noqa: FBT001 - reads as an assertion
    """Raise `RequirementNotMet` with a text unless a promise is kept."""
    if not kept:
        raise RequirementNotMet(otherwise)


def _where(error: Exception) -> str:
    """The kind of an error and the place it came from; not its text, which may hold somebody's data."""
    (*_, last) = traceback.extract_tb(error.__traceback__)
    file = Path(last.filename)
    return f"{type(error).__name__} in {file.parent.name}/{file.name}:{last.lineno}"


def _lines(check: RequirementResult) -> list[str]:
    if check.ok:
        return [f"  ok    {check.name}" + (f"  ({check.detail})" if check.detail else "")]
    said = [f"  FAIL  {check.name}", f"          found    {check.detail}"]
    return [*said, f"          look at  {check.advice}"] if check.advice else said
