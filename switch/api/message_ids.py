"""Under which id a message is stored: its sender's own, which is of one message for ever.

A repetition is recognised by it, and other content under it is refused with its place.
"""

from collections.abc import Mapping
from typing import Final

from schemas.codec import Message
from schemas.errors import DuplicateUetr
from switch.api import naming

_PLACES: Final[Mapping[str, tuple[str, ...]]] = {
    "pacs.004": ("PmtRtr/TxInf/RtrId", "PmtRtr/GrpHdr/MsgId"),
    "camt.056": ("FIToFIPmtCxlReq/Assgnmt/Id",),
    "camt.029": ("RsltnOfInvstgtn/Assgnmt/Id",),
    "camt.110": ("InvstgtnReq/InvstgtnReq/MsgId",),
    "camt.111": ("InvstgtnRspn/InvstgtnRspn/MsgId",),
    "pain.013": ("CdtrPmtActvtnReq/GrpHdr/MsgId",),
    "pain.014": ("CdtrPmtActvtnReqStsRpt/GrpHdr/MsgId",),
}
"""Message -> where its id is: the first place that it has. A pacs.008 is known by its UETR."""
_REMEDY: Final = "Resend the first message unchanged, or give a new message a new id."


def find(message: Message) -> tuple[str, str] | None:
    """The place of the id of a message, and the id; None if such messages are not stored."""
    for place in _PLACES.get(message.id[:8], ()):
        parent, _, tag = place.rpartition("/")
        for content in naming.at(message.document, parent):
            if tag in content:
                return place, content[tag]
    return None


def placed(error: DuplicateUetr, message: Message) -> DuplicateUetr:
    """The refusal of a message whose id was used before, with the place of the id."""
    found = find(message)
    if found is not None and error.path is None:
        error.path, error.remedy = found[0], _REMEDY
    return error
