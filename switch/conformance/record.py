"""The results of a run: kept in a file after each scenario, so that a run can be continued."""

import json
import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from switch.base.files import write_whole
from switch.conformance import KIT
from switch.conformance.scenario import OPTIONAL, Group, Scenario
from switch.conformance.scenarios import ALL

BY_ID: Final[Mapping[str, Scenario]] = {each.id: each for each in ALL}
_UTF8: Final = "utf-8"


def now_text() -> str:
    """This instant, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class ScenarioVerdict(StrEnum):
    """How a scenario ended."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_SUPPORTED = "not supported"
    NOT_APPLICABLE = "not applicable"
    NOT_RUN = "not run"


class UnreadableRecord(Exception):
    """A file of results that cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class Result:
    """How one scenario ended, and the payments that show it."""

    scenario: str
    verdict: ScenarioVerdict
    detail: str = ""
    uetrs: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(slots=True)
class RunRecord:
    """A run of one participant's client at one switch."""

    participant: str
    switch: str
    """The address of the test switch."""
    client: str = ""
    """What was tested: name and version, in the words of the bank."""
    kit: int = KIT
    started_at: str = field(default_factory=now_text)
    ended_at: str = ""
    results: dict[str, Result] = field(default_factory=dict)

    def add(self, result: Result) -> None:
        """Take a result; it replaces an earlier one of the scenario."""
        self.results[result.scenario] = result
        self.ended_at = now_text()

    def verdict(self, scenario: str) -> ScenarioVerdict:
        """How a scenario ended."""
        found = self.results.get(scenario)
        return ScenarioVerdict.NOT_RUN if found is None else found.verdict

    @property
    def missing(self) -> list[str]:
        """Scenarios that a certificate needs, and that did not pass; empty: the client is conforming.

        A scenario that cannot be played here, and an optional function that the client does not have, are no
        obstacle; but an optional function that it has must pass as a whole.
        """
        return [each.id for each in ALL if not self.is_kept(each)]

    def is_kept(self, scenario: Scenario) -> bool:
        """Whether a scenario needs no further run."""
        verdict = self.verdict(scenario.id)
        if verdict is ScenarioVerdict.NOT_SUPPORTED:
            return scenario.group in OPTIONAL and not self._has(scenario.function)
        return verdict in {ScenarioVerdict.PASSED, ScenarioVerdict.NOT_APPLICABLE}

    def _has(self, function: str) -> bool:
        """Whether the client showed in any scenario that it has a function."""
        return any(
            each.function == function
            and self.verdict(each.id) in {ScenarioVerdict.PASSED, ScenarioVerdict.FAILED}
            for each in ALL
        )

    @property
    def conforming(self) -> bool:
        """Whether a certificate can be made of it."""
        return not self.missing

    def counts(self) -> dict[str, int]:
        """How many scenarios ended in which way."""
        found = [self.verdict(each.id) for each in ALL]
        return {str(verdict): found.count(verdict) for verdict in ScenarioVerdict}

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "kit": self.kit,
            "participant": self.participant,
            "switch": self.switch,
            "client": self.client,
            "started_at": self.started_at,
            "ended_at": self.ended_at,
            "conforming": self.conforming,
            "counts": self.counts(),
            "results": [asdict(self.results[each.id]) for each in ALL if each.id in self.results],
        }

    def keep(self, file: Path) -> None:
        """Write the file, whole or not at all."""
        write_whole(file, (json.dumps(self.as_dict(), indent=1) + "\n").encode())

    def text(self) -> str:
        """For people: each group, and of what did not pass, why."""
        lines = [f"{self.participant} at {self.switch}"]
        for group in Group:
            of_group = [each for each in ALL if each.group is group]
            passed = sum(self.verdict(each.id) is ScenarioVerdict.PASSED for each in of_group)
            lines += ["", f"{group}: {passed} of {len(of_group)}"]
            lines += [line for each in of_group for line in self._lines(each)]
        state = "conforming" if self.conforming else f"not conforming: {len(self.missing)} scenarios to pass"
        return "\n".join([*lines, "", state])

    def _lines(self, scenario: Scenario) -> list[str]:
        found = self.results.get(scenario.id, Result(scenario.id, ScenarioVerdict.NOT_RUN))
        line = f"  {found.verdict:<14} {scenario.id:<14} {scenario.title}"
        if found.verdict is ScenarioVerdict.FAILED:
            return [line, f"{'':<17}seen   {found.detail}", f"{'':<17}right  {scenario.right}"]
        if found.verdict is ScenarioVerdict.NOT_SUPPORTED and not self.is_kept(scenario):
            return [line, f"{'':<17}right  {scenario.right}; no part of this function may be left out"]
        return [line + (f"  ({found.detail})" if found.detail else "")]


def read(file: Path) -> RunRecord:
    """Read a file of results.

    Raises:
        OSError: it cannot be read.
        UnreadableRecord: it has no results of this version of the kit.

    """
    try:
        return of_document(json.loads(file.read_text(_UTF8)))
    except (ValueError, TypeError, KeyError, AttributeError):
        raise UnreadableRecord(f"{file} is not a file of results of `payswitch conform`") from None


def of_document(document: Mapping[str, Any]) -> RunRecord:
    """Read results.

    Raises:
        UnreadableRecord: they are of another version of the kit.
        ValueError, TypeError, KeyError: they are none.

    """
    if document["kit"] != KIT:
        raise UnreadableRecord(f"results of kit {document['kit']}; this is kit {KIT}: begin a new file")
    record = RunRecord(
        document["participant"],
        document["switch"],
        document["client"],
        document["kit"],
        document["started_at"],
        document["ended_at"],
    )
    for each in document["results"]:
        if each["scenario"] in BY_ID:
            verdict = ScenarioVerdict(each["verdict"])
            uetrs = tuple(each["uetrs"])
            record.results[each["scenario"]] = Result(
                each["scenario"], verdict, str(each["detail"]), uetrs, float(each["seconds"])
            )
    return record


def chosen(names: Iterable[str], *, quick: bool) -> list[Scenario]:
    """The scenarios that are named by id, or by the beginning of their ids; all without a name.

    Raises:
        KeyError: nothing has this name.

    """
    wanted = [name.upper() for name in names]
    for name in wanted:
        if not any(_is_named(each, name) for each in ALL):
            raise KeyError(name)
    return [
        each
        for each in ALL
        if (each.quick or not quick) and (not wanted or any(_is_named(each, name) for name in wanted))
    ]


def _is_named(scenario: Scenario, name: str) -> bool:
    return scenario.id == name or scenario.id.startswith(f"{name}-")


def client_text(given: str) -> str:
    """What was tested, as the bank names it."""
    return given or f"a client on {platform.system()}"
