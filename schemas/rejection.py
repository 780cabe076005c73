"""admi.002: the answer to bytes that are no valid, authentic message at all.

A valid message that the switch refuses is answered with a pacs.002 instead.
"""

from datetime import datetime
from typing import Any, Final

from schemas.errors import SwitchError
from schemas.parties import instant_text

ID: Final = "admi.002.001.01"
UNKNOWN_REFERENCE: Final = "NOTPROVIDED"
_LOCATION_MAX: Final = 350
_DESCRIPTION_MAX: Final = 350


def build(*, error: SwitchError, rejected_at: datetime, reference: str | None = None) -> dict[str, Any]:
    """The document of an admi.002; `codec.encode(rejection.ID, ...)` writes it.

    Args:
        error: What was wrong; its reason, path and text become the answer.
        rejected_at: When; aware.
        reference: The rejected message's id, where it could be read.

    """
    reason: dict[str, Any] = {"RjctgPtyRsn": str(error.reason), "RjctnDtTm": instant_text(rejected_at)}
    if error.path:
        reason["ErrLctn"] = error.path[-_LOCATION_MAX:]
    reason["RsnDesc"] = error.detail[:_DESCRIPTION_MAX]
    return {ID: {"RltdRef": {"Ref": reference or UNKNOWN_REFERENCE}, "Rsn": reason}}
