"""pacs.008, any supported version: conversion between the message and the canonical `CreditTransfer`."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, Final, NamedTuple

from schemas.codec import Message
from schemas.errors import InvalidAmount, Refused
from schemas.money import Money
from schemas.parties import (
    Content,
    build_account,
    build_agent,
    build_party,
    code_or_proprietary,
    first_of,
    instant_text,
    read_account,
    read_agent,
    read_clock,
    read_date,
    read_instant,
    read_party,
)
from schemas.payment import Agent, AgreedRate, CreditTransfer, Party, PartyAccount
from schemas.reasons import Reason

ROOT: Final = "FIToFICstmrCdtTrf"
DEFAULT_VERSION: Final = "pacs.008.001.08"
_TX: Final = f"{ROOT}/CdtTrfTxInf"
_LATER_TIMES: Final = "pacs.008.001.13"
"""From this version on, the acceptance time is in `AddtlDtTm`."""
_INSTRUCTION: Final = "InstrForNxtAgt"
_PURPOSES: Final = "ExternalPurpose1Code"
QUOTE_PREFIX: Final = "/QTID/"
"""Before the id of a quote in `InstrForNxtAgt/InstrInf`, where earlier versions have no `AgrdRate/QtId`."""
QUOTE_ID: Final = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")

_UNSTRUCTURED_MAX: Final = 140


def read_moved(message: Message) -> tuple[str, Money, str, Agent]:
    """Read what a pacs.008 moves, and nothing else.

    That is its UETR, the amount, the institution of the debtor agent's BIC, and the creditor agent.

    Raises:
        Refused: more than one transaction, no UETR, or an amount that its currency does not allow.

    """
    transaction = _only_transaction(message.document[ROOT])
    debtor = transaction["DbtrAgt"]["FinInstnId"].get("BICFI", "")[:8]
    creditor = read_agent(transaction["CdtrAgt"])
    assert creditor is not None
    return transaction["PmtId"]["UETR"], _read_amount(transaction, "IntrBkSttlmAmt"), debtor, creditor


def read_charging(message: Message) -> tuple[str, str]:
    """Read by what a pacs.008 is charged: its charge bearer, and the code of its purpose, if it has one.

    Raises:
        Refused: more than one transaction, or no UETR.

    """
    transaction = _only_transaction(message.document[ROOT])
    return transaction["ChrgBr"], transaction.get("Purp", {}).get("Cd", "")


def purpose_code(text: str | None) -> str:
    """What `read_charging` finds in a pacs.008 of this purpose; empty if no external code list has it."""
    found: str = code_or_proprietary(text, _PURPOSES).get("Cd", "") if text else ""
    return found


def read_quote(message: Message) -> str | None:
    """Read the id of the quote that a pacs.008 names, and nothing else.

    Raises:
        Refused: more than one transaction, or no UETR.

    """
    return _quote_of(_only_transaction(message.document[ROOT]))


def _quote_of(transaction: Content) -> str | None:
    """`AgrdRate/QtId`; without it, the quote that the instruction names."""
    found: str | None = transaction.get("AgrdRate", {}).get("QtId")
    return found if found or _INSTRUCTION not in transaction else instructed_quote(transaction)


def instructed_quote(transaction: Mapping[str, Any]) -> str | None:
    """The quote that `InstrForNxtAgt` names; None if it states anything else."""
    instructions: list[Content] = transaction.get(_INSTRUCTION, [])
    if len(instructions) != 1 or set(instructions[0]) != {"InstrInf"}:
        return None
    text: str = instructions[0]["InstrInf"]
    quote = text.removeprefix(QUOTE_PREFIX)
    return quote if text != quote and QUOTE_ID.fullmatch(quote) else None


class PaymentParties(NamedTuple):
    """Who pays whom, and by which accounts."""

    debtor: Party
    debtor_account: PartyAccount | None
    creditor: Party
    creditor_account: PartyAccount | None


def read_parties(message: Message) -> PaymentParties:
    """Read the parties of a pacs.008 and their accounts, and nothing else.

    Raises:
        Refused: more than one transaction, or no UETR.

    """
    transaction = _only_transaction(message.document[ROOT])
    return PaymentParties(
        read_party(transaction["Dbtr"]),
        read_account(transaction.get("DbtrAcct")),
        read_party(transaction["Cdtr"]),
        read_account(transaction.get("CdtrAcct")),
    )


def read(message: Message) -> CreditTransfer:
    """Read the payment in a pacs.008.

    Raises:
        Refused: more than one transaction, no UETR, a time that is not an instant, or an amount that its
            currency does not allow. `status_report.refusal` makes a pacs.002 of it.

    """
    content = message.document[ROOT]
    header = content["GrpHdr"]
    transaction = _only_transaction(content)
    ids = transaction["PmtId"]
    accepted = transaction.get("AccptncDtTm") or transaction.get("AddtlDtTm", {}).get("AccptncDtTm")
    created_at = read_instant(header["CreDtTm"], f"{ROOT}/GrpHdr/CreDtTm")
    settled_on = _settlement_date(header, transaction)
    not_before, deadline = _time_limits(header, transaction, created_at, settled_on)
    kind = transaction.get("PmtTpInf") or header.get("PmtTpInf") or {}
    debtor_agent, creditor_agent = read_agent(transaction["DbtrAgt"]), read_agent(transaction["CdtrAgt"])
    assert debtor_agent is not None
    assert creditor_agent is not None
    return CreditTransfer(
        uetr=ids["UETR"],
        message_id=header["MsgId"],
        created_at=created_at,
        end_to_end_id=ids["EndToEndId"],
        instruction_id=ids.get("InstrId"),
        transaction_id=ids.get("TxId"),
        interbank_settlement_amount=_read_amount(transaction, "IntrBkSttlmAmt"),
        interbank_settlement_date=settled_on,
        instructed_amount=_read_amount(transaction, "InstdAmt") if "InstdAmt" in transaction else None,
        exchange_rate=transaction.get("XchgRate"),
        agreed_rate=_read_agreed_rate(transaction.get("AgrdRate")),
        quote=_quote_of(transaction),
        charge_bearer=transaction["ChrgBr"],
        accepted_at=accepted and read_instant(accepted, f"{_TX}/AccptncDtTm"),
        not_before=not_before,
        deadline=deadline,
        instructing_agent=read_agent(transaction.get("InstgAgt") or header.get("InstgAgt")),
        instructed_agent=read_agent(transaction.get("InstdAgt") or header.get("InstdAgt")),
        debtor=read_party(transaction["Dbtr"]),
        debtor_account=read_account(transaction.get("DbtrAcct")),
        debtor_agent=debtor_agent,
        creditor_agent=creditor_agent,
        creditor=read_party(transaction["Cdtr"]),
        creditor_account=read_account(transaction.get("CdtrAcct")),
        purpose=first_of(transaction.get("Purp")),
        category_purpose=first_of(kind.get("CtgyPurp")),
        remittance=_read_remittance(transaction.get("RmtInf", {})),
    )


def _only_transaction(content: Content) -> Content:
    transactions: list[Content] = content["CdtTrfTxInf"]
    if len(transactions) != 1:
        raise Refused("must contain exactly one transaction", reason=Reason.CONTENT_INCORRECT, path=_TX)
    if "UETR" not in transactions[0]["PmtId"]:
        raise Refused(
            "is missing", reason=Reason.REQUIRED_COMPULSORY_ELEMENT_MISSING, path=f"{_TX}/PmtId/UETR"
        )
    return transactions[0]


def _settlement_date(header: Content, transaction: Content) -> date | None:
    """The date of the transaction, otherwise of the group; if both are stated, they must be the same."""
    found = {
        read_date(content["IntrBkSttlmDt"], f"{place}/IntrBkSttlmDt")
        for content, place in ((header, f"{ROOT}/GrpHdr"), (transaction, _TX))
        if "IntrBkSttlmDt" in content
    }
    if len(found) > 1:
        path = f"{_TX}/IntrBkSttlmDt"
        raise Refused("differs from the date in the group header", reason=Reason.INVALID_DATE, path=path)
    return found.pop() if found else None


def _time_limits(
    header: Content, transaction: Content, created_at: datetime, settled_on: date | None
) -> tuple[datetime | None, datetime | None]:
    """The sender's earliest and latest settlement time; None without a limit."""
    requested: Content = transaction.get("SttlmTmReq", {})
    clocks = {
        tag: read_clock(text, f"{_TX}/SttlmTmReq/{tag}", created_at, settled_on)
        for tag, text in requested.items()
    }
    expiries = (
        (header.get("XpryDtTm"), f"{ROOT}/GrpHdr/XpryDtTm"),
        (transaction.get("AddtlDtTm", {}).get("XpryDtTm"), f"{_TX}/AddtlDtTm/XpryDtTm"),
    )
    limits = [clocks[tag] for tag in ("TillTm", "RjctTm") if tag in clocks]
    limits += [read_instant(text, path) for text, path in expiries if text]
    return clocks.get("FrTm"), min(limits, default=None)


def _read_agreed_rate(content: Content | None) -> AgreedRate | None:
    if content is None:
        return None
    return AgreedRate(
        unit=content.get("UnitCcy"),
        quoted=content.get("QtdCcy"),
        rate=content["PreAgrdXchgRate"],
        agent=read_agent(content.get("FXAgt")),
    )


def _read_amount(transaction: Content, tag: str) -> Money:
    amount = transaction[tag]
    try:
        return Money.parse(amount["Amt"], amount["Ccy"])
    except InvalidAmount as error:
        reason = error.reason if amount["Amt"].strip("+-0.") else Reason.ZERO_AMOUNT
        raise Refused(error.detail, reason=reason, path=f"{_TX}/{tag}") from None


def _read_remittance(content: Content) -> str | None:
    """The unstructured text, or of structured information the document numbers, references and free text."""
    texts: list[str] = [*content.get("Ustrd", ())]
    for structured in content.get("Strd", ()):
        texts += [one["Nb"] for one in structured.get("RfrdDocInf", ()) if "Nb" in one]
        texts += [one for one in [structured.get("CdtrRefInf", {}).get("Ref")] if one]
        texts += structured.get("AddtlRmtInf", ())
    return " ".join(texts) or None


def build(
    payment: CreditTransfer,
    *,
    version: str = DEFAULT_VERSION,
    settlement_method: str = "CLRG",
    clearing_system: str | None = None,
    expires_at: datetime | None = None,
) -> dict[str, Any]:
    """Build the document of a pacs.008 with one payment; `codec.encode` writes it.

    Args:
        payment: The content. `read` of the result gives the same payment.
        version: `pacs.008.001.08` or any other in the catalogue.
        settlement_method: `CLRG`, `INDA`, `INGA` or `COVE`.
        clearing_system: Code or proprietary name, with `CLRG`.
        expires_at: Stated if the version has an element for it (from .13).

    """
    settlement: Content = {"SttlmMtd": settlement_method}
    if clearing_system is not None:
        settlement["ClrSys"] = code_or_proprietary(clearing_system, "ExternalCashClearingSystem1Code")
    group: Content = {
        "MsgId": payment.message_id,
        "CreDtTm": instant_text(payment.created_at),
        "NbOfTxs": "1",
        "SttlmInf": settlement,
    }
    return {ROOT: {"GrpHdr": group, "CdtTrfTxInf": [_transaction(payment, version, expires_at)]}}


def _transaction(payment: CreditTransfer, version: str, expires_at: datetime | None) -> Content:
    content = {
        "PmtId": _ids(payment),
        "PmtTpInf": payment.category_purpose
        and {"CtgyPurp": code_or_proprietary(payment.category_purpose, "ExternalCategoryPurpose1Code")},
        "IntrBkSttlmAmt": _amount(payment.interbank_settlement_amount),
        "IntrBkSttlmDt": payment.interbank_settlement_date and payment.interbank_settlement_date.isoformat(),
        "SttlmTmReq": _time_request(payment),
        **_times(payment.accepted_at, expires_at, version),
        "InstdAmt": payment.instructed_amount and _amount(payment.instructed_amount),
        "XchgRate": payment.exchange_rate,
        "AgrdRate": payment.agreed_rate and _agreed_rate(payment.agreed_rate, payment.quote),
        "ChrgBr": payment.charge_bearer,
        "InstgAgt": payment.instructing_agent and build_agent(payment.instructing_agent),
        "InstdAgt": payment.instructed_agent and build_agent(payment.instructed_agent),
        "Dbtr": build_party(payment.debtor),
        "DbtrAcct": payment.debtor_account and build_account(payment.debtor_account),
        "DbtrAgt": build_agent(payment.debtor_agent),
        "CdtrAgt": build_agent(payment.creditor_agent),
        "Cdtr": build_party(payment.creditor),
        "CdtrAcct": payment.creditor_account and build_account(payment.creditor_account),
        _INSTRUCTION: _named_quote(payment),
        "Purp": payment.purpose and code_or_proprietary(payment.purpose, _PURPOSES),
        "RmtInf": payment.remittance and {"Ustrd": _lines(payment.remittance, _UNSTRUCTURED_MAX)},
    }
    return {tag: value for tag, value in content.items() if value is not None and value != ""}


def _ids(payment: CreditTransfer) -> Content:
    ids = {
        "InstrId": payment.instruction_id,
        "EndToEndId": payment.end_to_end_id,
        "TxId": payment.transaction_id,
        "UETR": payment.uetr,
    }
    return {tag: value for tag, value in ids.items() if value is not None}


def _time_request(payment: CreditTransfer) -> Content | None:
    """The sender's time limits as times of day, in UTC."""
    limits = {"FrTm": payment.not_before, "RjctTm": payment.deadline}
    clocks = {
        tag: limit.astimezone(UTC).timetz().isoformat(timespec="milliseconds")
        for tag, limit in limits.items()
        if limit is not None
    }
    return clocks or None


def _named_quote(payment: CreditTransfer) -> list[Content] | None:
    """The instruction that names a quote, unless the agreed rate does."""
    if payment.quote is None or payment.agreed_rate is not None:
        return None
    return [{"InstrInf": f"{QUOTE_PREFIX}{payment.quote}"}]


def _agreed_rate(rate: AgreedRate, quote: str | None) -> Content:
    content = {
        "UnitCcy": rate.unit,
        "QtdCcy": rate.quoted,
        "PreAgrdXchgRate": rate.rate,
        "QtId": quote,
        "FXAgt": rate.agent and build_agent(rate.agent),
    }
    return {tag: value for tag, value in content.items() if value}


def _times(accepted_at: datetime | None, expires_at: datetime | None, version: str) -> Content:
    accepted = {"AccptncDtTm": instant_text(accepted_at)} if accepted_at else {}
    if version < _LATER_TIMES:
        return accepted
    expiry = {"XpryDtTm": instant_text(expires_at)} if expires_at else {}
    return {"AddtlDtTm": {**accepted, **expiry}} if accepted or expiry else {}


def _amount(money: Money) -> Content:
    return {"Ccy": money.currency, "Amt": money.text}


def _lines(text: str, longest: int) -> list[str]:
    """Split a long text: pacs.008 allows any number of unstructured remittance lines."""
    return [text[start : start + longest] for start in range(0, len(text), longest)]
