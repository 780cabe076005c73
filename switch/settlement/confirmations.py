"""Settlement agents' confirmations of instructions: camt.054 or pacs.002, converted to one form. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from schemas import codec
from schemas.codec import Message
from schemas.errors import InvalidMessage
from schemas.money import Money
from schemas.parties import first_of
from switch.settlement.instructions import BYTES_MAX

_DONE: Final = frozenset({"ACSC", "ACCC"})
_REFUSED: Final = "RJCT"


class LineOutcome(StrEnum):
    """Outcome of one line, as the agent reports it."""

    DONE = "done"
    REFUSED = "refused"
    UNDONE = "undone"
    """Reversed, or booked without an amount: no line may be moved because of it."""


@dataclass(frozen=True, slots=True)
class AgentNotification:
    """The agent's response on one line or, without `uetr`, on every line of the instruction `message_id`.

    `amount` is signed from the scheme's view: a positive amount was received. `stated` has no sign. Either is
    None if the message does not state it. A notification without `uetr` and `message_id` matches nothing.
    """

    outcome: LineOutcome
    uetr: str | None
    message_id: str | None = None
    amount: Money | None = None
    stated: Money | None = None
    reason: str = ""


def read(raw: bytes, media_type: str) -> tuple[Message, list[AgentNotification]]:
    """Read a confirmation; notifications that are not final (pending, information) are left out.

    Raises:
        InvalidMessage: neither a camt.054 nor a pacs.002, or not valid against its schema.

    """
    message = codec.decode(raw, media_type=media_type, max_bytes=BYTES_MAX)
    readers = {"camt.054": _notification, "pacs.002": _status_report}
    reader = readers.get(message.name)
    if reader is None:
        raise InvalidMessage("a confirmation is a camt.054 or a pacs.002")
    return message, list(reader(next(iter(message.document.values()))))


def _notification(content: dict[str, Any]) -> Iterator[AgentNotification]:
    for notification in content["Ntfctn"]:
        for entry in notification.get("Ntry", ()):
            if first_of(entry["Sts"]) == "BOOK":
                yield from _entry(entry)


def _entry(entry: dict[str, Any]) -> Iterator[AgentNotification]:
    details = [tx for group in entry.get("NtryDtls", ()) for tx in group.get("TxDtls", ())]
    if not details:
        yield AgentNotification(LineOutcome.DONE, None)
    for tx in details:
        amount = tx.get("Amt") or (entry["Amt"] if len(details) == 1 else None)
        uetr = tx.get("Refs", {}).get("UETR")
        if amount is None or entry.get("RvslInd"):
            yield AgentNotification(LineOutcome.UNDONE, uetr)
        else:
            sign = 1 if tx.get("CdtDbtInd", entry["CdtDbtInd"]) == "CRDT" else -1
            money = Money.parse(amount["Amt"], amount["Ccy"])
            yield AgentNotification(LineOutcome.DONE, uetr, amount=Money(sign * money.minor, money.currency))


def _status_report(content: dict[str, Any]) -> Iterator[AgentNotification]:
    transactions = content.get("TxInfAndSts", ())
    for tx in transactions:
        yield from _response(tx.get("TxSts"), tx, tx.get("OrgnlUETR"), None)
    if not transactions:
        for group in content.get("OrgnlGrpInfAndSts", ()):
            yield from _response(group.get("GrpSts"), group, None, group["OrgnlMsgId"])


def _response(
    status: str | None, content: dict[str, Any], uetr: str | None, message_id: str | None
) -> Iterator[AgentNotification]:
    original = content.get("OrgnlTxRef", {}).get("IntrBkSttlmAmt")
    stated = original and Money.parse(original["Amt"], original["Ccy"])
    if status in _DONE:
        yield AgentNotification(LineOutcome.DONE, uetr, message_id, stated=stated)
    elif status == _REFUSED:
        causes = [first_of(cause.get("Rsn")) for cause in content.get("StsRsnInf", ())]
        reason = next((c for c in causes if c), "")
        yield AgentNotification(LineOutcome.REFUSED, uetr, message_id, stated=stated, reason=reason)
