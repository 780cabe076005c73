"""Messages in files: what is wrong with them, and the same message in the other representation."""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from schemas import codec, official, rules
from schemas.errors import InvalidMessage

MAX_BYTES: Final = 64 * 1024 * 1024
"""Files may hold statements, which are far larger than payments."""

_NAMES: Final = re.compile(
    rb"""(?:urn:iso:std:iso:20022:tech:xsd:|"\$type"\s*:\s*")((?!head\.|nvlp\.)[a-z]{4}\.\d{3}\.\d{3}\.\d{2})"""
)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and where."""

    path: str
    rule: str
    text: str


@dataclass(frozen=True, slots=True)
class Report:
    """What a check of one file found. `message` is None where nothing says what it is."""

    file: str
    message: str | None
    valid: bool
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The report as the command line prints it."""
        return asdict(self)


def check(path: Path, *, scheme: rules.Scheme | None = rules.SWITCH) -> Report:
    """Check one file by schema and, unless `scheme` is None, by the scheme's rules.

    Where the environment names a directory of official schemas, those are asked as well.

    Raises:
        OSError: the file cannot be read.

    """
    return check_bytes(path.read_bytes(), str(path), scheme=scheme)


def check_bytes(raw: bytes, name: str, *, scheme: rules.Scheme | None = rules.SWITCH) -> Report:
    """As `check`, of a file's content."""
    try:
        message = codec.inspect(raw, media_type=codec.representation(raw), max_bytes=MAX_BYTES)
        official.check_where_set(message)
    except InvalidMessage as error:
        return Report(name, _said(raw), valid=False, problems=(_problem(error),))
    if scheme is None:
        return Report(name, message.id, valid=True)
    return _by_rules(name, message, scheme)


def _by_rules(file: str, message: codec.Message, scheme: rules.Scheme) -> Report:
    problems: list[Problem] = []
    warnings: list[Problem] = []
    try:
        codec.check_agreement(message, media_type=codec.XML)
    except InvalidMessage as error:
        problems.append(_problem(error))
    for finding in rules.check(message, scheme=scheme):
        found = warnings if finding.warning else problems
        found.append(Problem(finding.path, finding.code, finding.text))
    return Report(file, message.id, not problems, tuple(problems), tuple(warnings))


def convert(path: Path, *, to: str) -> bytes:
    """The message in a file as `application/xml` or `application/json`; header included, nothing lost.

    Raises:
        InvalidMessage: the file holds no valid message.
        OSError: the file cannot be read.

    """
    raw = path.read_bytes()
    message = codec.inspect(raw, media_type=codec.representation(raw), max_bytes=MAX_BYTES)
    return codec.encode(
        message.id, message.document, media_type=to, header=message.header, header_id=message.header_id
    )


def _problem(error: InvalidMessage) -> Problem:
    return Problem(error.path or "", error.rule, error.detail)


def _said(raw: bytes) -> str | None:
    """What an invalid file says that it is, as far as that can be seen without believing it."""
    found = _NAMES.search(raw)
    return found[1].decode() if found else None


def indented(document: object) -> str:
    """A message's JSON for people to read."""
    return json.dumps(document, indent=2, ensure_ascii=False)
