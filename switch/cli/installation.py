"""Files of `payswitch init --from` and `payswitch change request-all`: settings and people, lists of changes.

Both are validated as a whole before anything is done; every fault is one line with its place and its rule.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from schemas.errors import SwitchError
from switch.base import settings_file
from switch.base.settings import Settings
from switch.change_catalogue import KINDS
from switch.cli.connect import read_json
from switch.cli.failures import Incomplete

_OF_FILE: Final = "@"


class FirstPeople(BaseModel):
    """The names of the first two people."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    operator: str
    checker: str


class Installation(BaseModel):
    """The fields of an installation file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    settings: dict[str, Any] = {}
    people: FirstPeople | None = None


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """One change of a list."""

    kind: str
    content: dict[str, Any]


def read_installation(file: Path) -> Installation:
    """Read an installation file.

    Raises:
        CommandFailed: it cannot be read; `Incomplete` with every fault of it.

    """
    content = read_json(file)
    found = []
    try:
        installation = Installation.model_validate(content)
    except ValidationError as error:
        found = [_plain(problem) for problem in error.errors(include_url=False, include_input=False)]
        settings = content.get("settings") if isinstance(content, dict) else None
        installation = Installation(settings=settings if isinstance(settings, dict) else {})
    found += faults_of_settings(installation.settings)
    if found:
        raise Incomplete("\n".join(f"{file}: {fault}" for fault in found))
    return installation


def faults_of_settings(content: Mapping[str, Any]) -> list[str]:
    """Everything that is wrong with settings, by name."""
    found = settings_file.faults(dict(content), Settings.model_fields)
    known = {name: value for name, value in content.items() if name in Settings.model_fields}
    try:
        # An empty text would be read from the environment or a file: only these values are to be checked.
        Settings.model_validate({**known, "data": Path("/nonexistent")})
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False)
        found += [f"settings.{_plain(problem)}" for problem in problems if problem["loc"][0] in known]
    return found


def _plain(problem: Mapping[str, Any]) -> str:
    place = ".".join(map(str, problem["loc"]))
    match problem["type"]:
        case "missing":
            return f"{place} is missing"
        case "extra_forbidden":
            return f"there is no field {place}"
        case _:
            return f"{place}: {problem['msg']}" if place else "it is not a JSON object"


def read_changes(file: Path) -> list[PlannedChange]:
    """Read a list of changes: `[{"kind": ..., "content": {...}}, ...]`, each content complete.

    A public key may be `@FILE`, relative to the directory of the list.

    Raises:
        CommandFailed: it cannot be read; `Incomplete` with every fault of it.

    """
    content = read_json(file)
    if not isinstance(content, list):
        raise Incomplete(f"{file}: it is not a JSON array of changes")
    planned, found = [], []
    for number, entry in enumerate(content, 1):
        try:
            planned.append(_change(entry, file.parent))
        except (SwitchError, OSError, ValueError) as error:
            text = error.detail if isinstance(error, SwitchError) else _why(error)
            found.append(f"{file}: change {number}: {text}")
    if found:
        raise Incomplete("\n".join(found))
    return planned


def _why(error: Exception) -> str:
    return f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else str(error)


def _change(entry: Any, directory: Path) -> PlannedChange:
    if not isinstance(entry, dict) or set(entry) != {"kind", "content"}:
        raise ValueError("it has the fields kind and content, and no other")
    name, content = entry["kind"], entry["content"]
    if name not in KINDS:
        raise ValueError("there is no such kind: `payswitch change kinds` prints them all")
    if not isinstance(content, dict):
        raise ValueError(f"{name}: the content is not a JSON object")  # noqa: TRY004 - the file is wrong
    whole = dict(_with_files(content, directory))
    half = {"maker_half": "0" * 64} if "maker_half" in KINDS[name].content.__struct_fields__ else {}
    try:
        KINDS[name].read({**half, **whole})
    except SwitchError as error:
        raise ValueError(f"{name}: {error.detail}") from None
    return PlannedChange(name, whole)


def _with_files(content: Mapping[str, Any], directory: Path) -> Iterator[tuple[str, Any]]:
    """The content with the text of each key request that is `@FILE`."""
    for name, value in content.items():
        if name == "request" and isinstance(value, str) and value.startswith(_OF_FILE):
            yield name, (directory / value.removeprefix(_OF_FILE)).read_text(encoding="utf-8")
        elif isinstance(value, list):
            yield name, [dict(_with_files(one, directory)) if isinstance(one, dict) else one for one in value]
        else:
            yield name, value
