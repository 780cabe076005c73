"""admi.002: the response to bytes that are not a valid, authentic message.

The response to a valid message that the switch refuses is a pacs.002 instead.
"""

from datetime import datetime
from typing import Any, Final

from schemas.errors import InvalidMessage, Problem, SwitchError
from schemas.parties import instant_text

ID: Final = "admi.002.001.01"
UNKNOWN_REFERENCE: Final = "NOTPROVIDED"
_LOCATION_MAX: Final = 350
_DESCRIPTION_MAX: Final = 350
_DATA_MAX: Final = 20_000


def build(*, error: SwitchError, rejected_at: datetime, reference: str | None = None) -> dict[str, Any]:
    """Build the document of an admi.002; `codec.encode(rejection.ID, ...)` writes it.

    Args:
        error: The error; its reason, path and text are reported, and all problems as data.
        rejected_at: The time of the rejection; aware.
        reference: The id of the rejected message, if it could be read.

    """
    reason: dict[str, Any] = {"RjctgPtyRsn": str(error.reason), "RjctnDtTm": instant_text(rejected_at)}
    if error.path:
        reason["ErrLctn"] = error.path[-_LOCATION_MAX:]
    reason["RsnDesc"] = error.detail[:_DESCRIPTION_MAX]
    if isinstance(error, InvalidMessage) and (len(error.problems) > 1 or error.problems[0].line):
        reason["AddtlData"] = _listed(error.problems)
    return {ID: {"RltdRef": {"Ref": reference or UNKNOWN_REFERENCE}, "Rsn": reason}}


def _listed(problems: tuple[Problem, ...]) -> str:
    """The problems, one per line, as many as fit."""
    lines: list[str] = []
    room = _DATA_MAX
    for problem in problems:
        line = _line(problem)
        room -= len(line) + 1
        if room < 0:
            break
        lines.append(line)
    return "\n".join(lines)


def _line(problem: Problem) -> str:
    place = f" (line {problem.line}, column {problem.column})" if problem.line else ""
    expected = f"; expected: {problem.expected}" if problem.expected else ""
    return f"{problem.path or '/'}{place}: {problem.text} [{problem.rule}]{expected}"
