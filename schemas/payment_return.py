"""pacs.004, any supported version: the return of a payment by its creditor agent."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from schemas.codec import Message
from schemas.errors import InvalidAmount, Refused
from schemas.money import Money
from schemas.parties import Content, code_or_proprietary, first_of, instant_text, read_instant
from schemas.reasons import Reason

ROOT: Final = "PmtRtr"
_TX: Final = f"{ROOT}/TxInf"


@dataclass(frozen=True, slots=True)
class PaymentReturn:
    """The return of one payment."""

    message_id: str
    created_at: datetime
    id: str | None
    uetr: str
    """UETR of the returned payment."""
    amount: Money
    """The returned amount, in the currency of the credit."""
    rate: str
    """Exchange rate that the sender states; empty: none."""
    reason: str | None
    """ExternalReturnReason1Code, or the sender's own code."""
    end_to_end_id: str
    instruction_id: str | None
    transaction_id: str | None


def read(message: Message) -> PaymentReturn:
    """Read a pacs.004.

    Raises:
        Refused: it has not exactly one transaction, no UETR, or an amount that is not valid.

    """
    content = message.document[ROOT]
    transactions = content.get("TxInf", [])
    group = content["GrpHdr"]
    if len(transactions) != 1 or group["NbOfTxs"].lstrip("0") != "1":
        raise _wrong("must contain exactly one transaction", _TX)
    (transaction,) = transactions
    if "OrgnlUETR" not in transaction:
        raise _missing(f"{_TX}/OrgnlUETR")
    (cause, *_) = transaction.get("RtrRsnInf") or [{}]
    return PaymentReturn(
        message_id=group["MsgId"],
        created_at=read_instant(group["CreDtTm"], f"{ROOT}/GrpHdr/CreDtTm"),
        id=transaction.get("RtrId"),
        uetr=transaction["OrgnlUETR"],
        amount=_amount(transaction["RtrdIntrBkSttlmAmt"]),
        rate=transaction.get("XchgRate", ""),
        reason=first_of(cause.get("Rsn")),
        end_to_end_id=transaction.get("OrgnlEndToEndId", "NOTPROVIDED"),
        instruction_id=transaction.get("OrgnlInstrId"),
        transaction_id=transaction.get("OrgnlTxId"),
    )


def build(
    *,
    id_: str,
    created_at: datetime,
    uetr: str,
    original_message_id: str,
    original_message_name: str,
    original: Money,
    returned: Money,
    given_back: Money,
    reason: str,
    rate: str = "",
    information: Sequence[str] = (),
) -> Content:
    """Build the document of a pacs.004 of the switch for a payment's debtor agent.

    Args:
        id_: Of the return, and of the message.
        created_at: When the return came.
        uetr: Of the payment.
        original_message_id: Of the message of the payment.
        original_message_name: Its definition.
        original: The amount of the payment.
        returned: What the debtor agent gets of it.
        given_back: What came back at its other end.
        reason: ExternalReturnReason1Code, or the rail's own.
        rate: At which it was converted, if that is not the rate of the payment.
        information: For people, at most 105 characters each.

    """
    cause: Content = {"Rsn": code_or_proprietary(reason, "ExternalReturnReason1Code")}
    if information:
        cause["AddtlInf"] = list(information)
    transaction: Content = {
        "RtrId": id_,
        "OrgnlGrpInf": {"OrgnlMsgId": original_message_id, "OrgnlMsgNmId": original_message_name},
        "OrgnlUETR": uetr,
        "OrgnlIntrBkSttlmAmt": {"Ccy": original.currency, "Amt": original.text},
        "RtrdIntrBkSttlmAmt": {"Ccy": returned.currency, "Amt": returned.text},
        "RtrRsnInf": [cause],
    }
    if rate:
        transaction["XchgRate"] = rate
    if given_back.currency != original.currency:
        transaction["RtrdInstdAmt"] = {"Ccy": given_back.currency, "Amt": given_back.text}
    group: Content = {
        "MsgId": id_,
        "CreDtTm": instant_text(created_at),
        "NbOfTxs": "1",
        "SttlmInf": {"SttlmMtd": "CLRG"},
    }
    return {ROOT: {"GrpHdr": group, "TxInf": [transaction]}}


def _amount(content: Content) -> Money:
    try:
        amount = Money.parse(content["Amt"], content["Ccy"])
    except InvalidAmount as error:
        raise Refused(error.detail, reason=Reason.INVALID_AMOUNT, path=f"{_TX}/RtrdIntrBkSttlmAmt") from None
    if amount.minor <= 0:
        raise Refused(
            "must be more than zero", reason=Reason.INVALID_AMOUNT, path=f"{_TX}/RtrdIntrBkSttlmAmt"
        )
    return amount


def _wrong(text: str, path: str) -> Refused:
    return Refused(text, reason=Reason.CONTENT_INCORRECT, path=path)


def _missing(path: str) -> Refused:
    return Refused("is missing", reason=Reason.REQUIRED_COMPULSORY_ELEMENT_MISSING, path=path)
