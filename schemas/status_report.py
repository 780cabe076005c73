"""pacs.002, any supported version: the status report of a payment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Protocol

from schemas import remedies
from schemas.codec import Message
from schemas.errors import Refused
from schemas.money import Money
from schemas.parties import (
    Content,
    build_agent,
    code_or_proprietary,
    first_of,
    instant_text,
    read_agent,
    read_date,
    read_instant,
)
from schemas.payment import Agent
from schemas.reasons import Reason

ROOT: Final = "FIToFIPmtStsRpt"
DEFAULT_VERSION: Final = "pacs.002.001.10"
_TX: Final = f"{ROOT}/TxInfAndSts"
_ADDITIONAL_MAX: Final = 105
TODO: Final = "To do: "
"""Begins the remedy in the additional information of a refusal."""
_REFERENCES: Final = ("InstrId", "EndToEndId", "TxId", "UETR")
"""References of a payment, in the order of a report."""


class Original(Protocol):
    """The references of the original payment in a report; a `CreditTransfer` has them."""

    @property
    def uetr(self) -> str:
        """The identity of the payment."""

    @property
    def end_to_end_id(self) -> str:
        """The debtor's reference."""

    @property
    def instruction_id(self) -> str | None:
        """The instructing agent's reference."""

    @property
    def transaction_id(self) -> str | None:
        """The first agent's reference."""


@dataclass(frozen=True, slots=True)
class OriginalPayment:
    """The ids of a payment, if the payment itself is not available."""

    uetr: str
    end_to_end_id: str
    instruction_id: str | None = None
    transaction_id: str | None = None


@dataclass(frozen=True, slots=True)
class StatusReport:
    """The status of one transaction, read from a pacs.002."""

    message_id: str
    created_at: datetime
    uetr: str | None
    status: str | None
    """ExternalPaymentTransactionStatus1Code: `ACSC`, `ACSP`, `RJCT` and others."""
    reason: str | None = None
    """ExternalStatusReason1Code, or the sender's own code."""
    additional: tuple[str, ...] = ()
    end_to_end_id: str | None = None
    instruction_id: str | None = None
    transaction_id: str | None = None
    original_message_id: str | None = None
    original_message_name: str | None = None
    accepted_at: datetime | None = None
    effective_settlement_date: date | None = None
    instructing_agent: Agent | None = None
    instructed_agent: Agent | None = None


def build(
    *,
    message_id: str,
    created_at: datetime,
    original: Original,
    original_message_id: str,
    original_message_name: str,
    status: str,
    reason: str | None = None,
    additional: str | None = None,
    remedy: str | None = None,
    accepted_at: datetime | None = None,
    effective_settlement_date: date | None = None,
    instructing_agent: Agent | None = None,
    instructed_agent: Agent | None = None,
    charges: Sequence[Money] = (),
    charging_agent: Agent | None = None,
    version: str = DEFAULT_VERSION,
) -> dict[str, Any]:
    """Build the document of a pacs.002 about one payment; `codec.encode` writes it.

    The agents are in the transaction and not in the header, as cross-border schemes require. `version` has no
    effect: every supported version has these elements; it is a parameter so that callers state it. `charges`
    need the agent that takes them; those of nought are left out.
    """
    assert version.startswith("pacs.002.")
    transaction = {
        "OrgnlGrpInf": {"OrgnlMsgId": original_message_id, "OrgnlMsgNmId": original_message_name},
        "OrgnlInstrId": original.instruction_id,
        "OrgnlEndToEndId": original.end_to_end_id,
        "OrgnlTxId": original.transaction_id,
        "OrgnlUETR": original.uetr,
        "TxSts": status,
        "StsRsnInf": _reason(reason, additional, remedy),
        "ChrgsInf": _charges(charges, charging_agent),
        "AccptncDtTm": accepted_at and instant_text(accepted_at),
        "FctvIntrBkSttlmDt": effective_settlement_date and {"Dt": effective_settlement_date.isoformat()},
        "InstgAgt": instructing_agent and build_agent(instructing_agent),
        "InstdAgt": instructed_agent and build_agent(instructed_agent),
    }
    present = {tag: value for tag, value in transaction.items() if value is not None}
    group = {"MsgId": message_id, "CreDtTm": instant_text(created_at)}
    return {ROOT: {"GrpHdr": group, "TxInfAndSts": [present]}}


def _charges(charges: Sequence[Money], agent: Agent | None) -> list[Content] | None:
    """One entry for each charge."""
    if agent is None:
        return None
    taker = build_agent(agent)
    found = [
        {"Amt": {"Ccy": each.currency, "Amt": each.text}, "Agt": taker} for each in charges if each.minor
    ]
    return found or None


def refusal(message: Message, refused: Refused, *, message_id: str, created_at: datetime) -> dict[str, Any]:
    """Build a pacs.002 RJCT about a valid pacs.008 that `read` refused as a payment.

    It has all references of the transaction; a message with several transactions is refused as a whole.
    """
    content = message.content
    original = {"OrgnlMsgId": content["GrpHdr"]["MsgId"], "OrgnlMsgNmId": message.id}
    text = refused.placed
    todo = refused.remedy or remedies.of_text(refused.reason, text)
    cause = _reason(refused.reason, text, todo)
    group = {"MsgId": message_id, "CreDtTm": instant_text(created_at)}
    transactions: list[Content] = content["CdtTrfTxInf"]
    if len(transactions) != 1:
        whole = {**original, "GrpSts": "RJCT", "StsRsnInf": cause}
        return {ROOT: {"GrpHdr": group, "OrgnlGrpInfAndSts": [whole]}}
    ids = transactions[0]["PmtId"]
    references = {f"Orgnl{tag}": ids[tag] for tag in _REFERENCES if tag in ids}
    transaction = {"OrgnlGrpInf": original, **references, "TxSts": "RJCT", "StsRsnInf": cause}
    return {ROOT: {"GrpHdr": group, "TxInfAndSts": [transaction]}}


def _reason(reason: str | None, additional: str | None, remedy: str | None) -> list[Content] | None:
    """The reason of a status with its text, and what to do about it in lines of its own."""
    if not reason and not additional:
        return None
    content: Content = {"Rsn": code_or_proprietary(reason, "ExternalStatusReason1Code")} if reason else {}
    lines = [*_lines(additional or ""), *_lines(f"{TODO}{remedy}" if remedy else "")]
    if lines:
        content["AddtlInf"] = lines
    return [content]


def _lines(text: str) -> list[str]:
    return [text[start : start + _ADDITIONAL_MAX] for start in range(0, len(text), _ADDITIONAL_MAX)]


def read(message: Message) -> StatusReport:
    """Read the status of the transaction in a pacs.002.

    Raises:
        Refused: it is not about exactly one transaction.

    """
    content = message.document[ROOT]
    transactions = content.get("TxInfAndSts", [])
    if len(transactions) != 1:
        raise Refused("must contain exactly one transaction", reason=Reason.CONTENT_INCORRECT, path=_TX)
    (transaction,) = transactions
    group = content["GrpHdr"]
    original: Content = transaction.get("OrgnlGrpInf") or next(iter(content.get("OrgnlGrpInfAndSts", ())), {})
    (cause, *_) = transaction.get("StsRsnInf") or [{}]
    accepted, settled = transaction.get("AccptncDtTm"), first_of(transaction.get("FctvIntrBkSttlmDt"))
    return StatusReport(
        message_id=group["MsgId"],
        created_at=read_instant(group["CreDtTm"], f"{ROOT}/GrpHdr/CreDtTm"),
        uetr=transaction.get("OrgnlUETR"),
        status=transaction.get("TxSts"),
        reason=first_of(cause.get("Rsn")),
        additional=tuple(cause.get("AddtlInf", ())),
        end_to_end_id=transaction.get("OrgnlEndToEndId"),
        instruction_id=transaction.get("OrgnlInstrId"),
        transaction_id=transaction.get("OrgnlTxId"),
        original_message_id=original.get("OrgnlMsgId"),
        original_message_name=original.get("OrgnlMsgNmId"),
        accepted_at=accepted and read_instant(accepted, f"{_TX}/AccptncDtTm"),
        effective_settlement_date=read_date(settled, f"{_TX}/FctvIntrBkSttlmDt") if settled else None,
        instructing_agent=read_agent(transaction.get("InstgAgt") or group.get("InstgAgt")),
        instructed_agent=read_agent(transaction.get("InstdAgt") or group.get("InstdAgt")),
    )
