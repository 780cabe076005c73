"""Messages in files: validation, and conversion to the other representation."""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from schemas import codec, diagnosis, envelopes, gates, official, rules, verdict
from schemas.errors import MOST_PROBLEMS, InvalidMessage, Problem

MAX_BYTES: Final = 64 * 1024 * 1024
"""Bytes; files may contain statements, which are far larger than payments."""

_NAMES: Final = re.compile(
    rb"""(?:urn:iso:std:iso:20022:tech:xsd:|"\$type"\s*:\s*")((?!head\.|nvlp\.)[a-z]{4}\.\d{3}\.\d{3}\.\d{2})"""
)


@dataclass(frozen=True, slots=True)
class FileReport:
    """The result of the check of one file. `message` is None if it cannot be identified."""

    file: str
    message: str | None
    valid: bool
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The report as the command line prints it, without empty members of problems."""
        report = asdict(self)
        for kind in ("problems", "warnings"):
            report[kind] = [
                {name: value for name, value in problem.items() if value is not None}
                for problem in report[kind]
            ]
        return report


def check(path: Path, *, scheme: rules.Scheme | None = rules.SWITCH) -> FileReport:
    """Check one file by its schema and, unless `scheme` is None, by the rules of the scheme.

    If the environment names a directory of official schemas, they are also used.

    Raises:
        OSError: the file cannot be read.

    """
    return check_bytes(path.read_bytes(), str(path), scheme=scheme)


def check_bytes(raw: bytes, name: str, *, scheme: rules.Scheme | None = rules.SWITCH) -> FileReport:
    """As `check`, for the content of a file."""
    media_type = codec.representation(raw)
    try:
        message = codec.inspect(raw, media_type=media_type, max_bytes=MAX_BYTES)
        official.check_where_set(message)
    except InvalidMessage as error:
        return FileReport(name, _claimed(raw), valid=False, problems=error.problems)
    if scheme is None:
        return FileReport(name, message.id, valid=True)
    problems: list[Problem] = []
    warnings: list[Problem] = []
    try:
        codec.check_agreement(message, media_type=media_type)
    except InvalidMessage as error:
        problems.append(error.as_problem())
    for finding in verdict.findings(message, scheme=scheme):
        found = warnings if finding.warning else problems
        found.append(Problem(finding.path, finding.code, finding.text))
    problems, warnings = (_located(raw, media_type, found[:MOST_PROBLEMS]) for found in (problems, warnings))
    return FileReport(name, message.id, not problems, tuple(problems), tuple(warnings))


def _located(raw: bytes, media_type: str, problems: list[Problem]) -> list[Problem]:
    """The problems, with lines and columns if the file is XML."""
    if not problems or media_type != codec.XML:
        return problems
    root = gates.xml(raw, MAX_BYTES)
    return diagnosis.located(raw, root, envelopes.tops(root), problems)


def convert(path: Path, *, to: str) -> tuple[bytes, tuple[str, ...]]:
    """Convert the message in a file, with its header, to `application/xml` or `application/json`; lossless.

    The second result is the paths of other content of the envelope.

    Raises:
        InvalidMessage: the file contains no valid message.
        OSError: the file cannot be read.

    """
    raw = path.read_bytes()
    message = codec.inspect(raw, media_type=codec.representation(raw), max_bytes=MAX_BYTES)
    octets = codec.encode(
        message.id, message.document, media_type=to, header=message.header, header_id=message.header_id
    )
    return octets, message.beside


def _claimed(raw: bytes) -> str | None:
    """The message that an invalid file claims to be, if that can be detected."""
    found = _NAMES.search(raw)
    return found[1].decode() if found else None


def indented(document: object) -> str:
    """Format the JSON of a message for people."""
    return json.dumps(document, indent=2, ensure_ascii=False)
