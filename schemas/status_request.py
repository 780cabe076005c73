"""pacs.028, any supported version: the status request of a payment."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from schemas.codec import Message
from schemas.errors import Refused
from schemas.parties import Content, instant_text, read_agent, read_instant
from schemas.payment import Agent
from schemas.reasons import Reason
from schemas.status_report import Original

ROOT: Final = "FIToFIPmtStsReq"
DEFAULT_VERSION: Final = "pacs.028.001.03"
_TX: Final = f"{ROOT}/TxInf"


@dataclass(frozen=True, slots=True)
class StatusRequest:
    """The status request of one payment."""

    message_id: str
    created_at: datetime
    uetr: str
    end_to_end_id: str | None = None
    instruction_id: str | None = None
    transaction_id: str | None = None
    original_message_id: str | None = None
    original_message_name: str | None = None
    instructing_agent: Agent | None = None
    instructed_agent: Agent | None = None


def build(
    *,
    message_id: str,
    created_at: datetime,
    original: Original,
    original_message_id: str,
    original_message_name: str,
) -> dict[str, Any]:
    """Build the document of a pacs.028 about one payment; the same in every supported version."""
    transaction = {
        "OrgnlGrpInf": {"OrgnlMsgId": original_message_id, "OrgnlMsgNmId": original_message_name},
        "OrgnlInstrId": original.instruction_id,
        "OrgnlEndToEndId": original.end_to_end_id,
        "OrgnlTxId": original.transaction_id,
        "OrgnlUETR": original.uetr,
    }
    present = {tag: value for tag, value in transaction.items() if value is not None}
    group = {"MsgId": message_id, "CreDtTm": instant_text(created_at)}
    return {ROOT: {"GrpHdr": group, "TxInf": [present]}}


def read(message: Message) -> StatusRequest:
    """Read a pacs.028.

    Raises:
        Refused: it is not about exactly one transaction, or has no UETR.

    """
    content = message.document[ROOT]
    transactions = content.get("TxInf", [])
    if len(transactions) != 1:
        raise Refused("must contain exactly one transaction", reason=Reason.CONTENT_INCORRECT, path=_TX)
    (transaction,) = transactions
    if "OrgnlUETR" not in transaction:
        raise Refused(
            "is missing", reason=Reason.REQUIRED_COMPULSORY_ELEMENT_MISSING, path=f"{_TX}/OrgnlUETR"
        )
    group = content["GrpHdr"]
    original: Content = transaction.get("OrgnlGrpInf") or next(iter(content.get("OrgnlGrpInf", ())), {})
    return StatusRequest(
        message_id=group["MsgId"],
        created_at=read_instant(group["CreDtTm"], f"{ROOT}/GrpHdr/CreDtTm"),
        uetr=transaction["OrgnlUETR"],
        end_to_end_id=transaction.get("OrgnlEndToEndId"),
        instruction_id=transaction.get("OrgnlInstrId"),
        transaction_id=transaction.get("OrgnlTxId"),
        original_message_id=original.get("OrgnlMsgId"),
        original_message_name=original.get("OrgnlMsgNmId"),
        instructing_agent=read_agent(transaction.get("InstgAgt") or group.get("InstgAgt")),
        instructed_agent=read_agent(transaction.get("InstdAgt") or group.get("InstdAgt")),
    )
