"""admi.002: the response to bytes that are not a valid, authentic message.

The response to a valid message that the switch refuses is a pacs.002 instead.
"""

from datetime import datetime
from typing import Any, Final

from schemas import remedies
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
    reason["AddtlData"] = _listed(error)
    return {ID: {"RltdRef": {"Ref": reference or UNKNOWN_REFERENCE}, "Rsn": reason}}


def _listed(error: SwitchError) -> str:
    """The problems, one per line with what to do, as many as fit."""
    own = Problem(error.path or "", "", error.detail)
    lines: list[str] = []
    room = _DATA_MAX
    for problem in error.problems if isinstance(error, InvalidMessage) else (own,):
        line = _line(problem, str(error.reason), error.remedy)
        room -= len(line) + 1
        if room < 0:
            break
        lines.append(line)
    return "\n".join(lines)


def _line(problem: Problem, reason: str, own: str | None) -> str:
    place = f" (line {problem.line}, column {problem.column})" if problem.line else ""
    rule = f" [{problem.rule}]" if problem.rule else ""
    expected = f"; expected: {problem.expected}" if problem.expected else ""
    todo = f"; to do: {own or remedies.remedy(reason, problem.rule)}"
    return f"{problem.path or '/'}{place}: {problem.text}{rule}{expected}{todo}"
