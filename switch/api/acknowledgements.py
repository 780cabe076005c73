"""admi.007: a message was accepted and is stored for its addressee."""

import uuid
from datetime import UTC, datetime
from typing import Final

from schemas.parties import instant_text
from switch.api.receiving import IsoResponse

_DEFINITION: Final = "admi.007.001.01"
_TAKEN: Final = "ACPT"


def acknowledgement(reference: str) -> IsoResponse:
    """Build the acknowledgement of the message with this id."""
    head = {"MsgId": uuid.uuid4().hex, "CreDtTm": instant_text(datetime.now(UTC))}
    report = {"RltdRef": {"Ref": reference}, "ReqHdlg": {"StsCd": _TAKEN}}
    return IsoResponse(_DEFINITION, {"RctAck": {"MsgId": head, "Rpt": [report]}}, 202)
