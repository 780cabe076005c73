"""Orders, queries and reversals that a rail of ISO 20022 sends us, and our answers to them. Pure.

    pacs.008 -> pacs.002     an order; while it is pending, a second pacs.002 follows with the outcome
    pacs.028 -> pacs.002     its status
    camt.056 -> camt.029     the rail does not want it any more; while that is pending, a second one follows
    acmt.023 -> acmt.024     whose account abroad it is

The order is to us: header and `InstdAgt` name our member id. `CdtrAgt/FinInstnId/BICFI` is the payee's bank
abroad and `CdtrAcct` its account there; the amount is in the rail's currency. `TxId` names the order. The
header's time is that of the order: `CreDtTm` of some rails has no offset. Elements that we could neither
honour nor carry make the message invalid, so that nothing is silently lost (profile).
"""

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final

from msgspec import structs

from adapters import uetr as uetrs
from adapters.iso20022.codes import NO_SUCH_ACCOUNT, NOT_RECEIVED
from adapters.iso20022.dialect import Content, IsoDialect, IsoParticipant
from adapters.iso20022.envelope import IsoHeader, Sealed
from adapters.originating import (
    REF_MAX,
    InboundRequest,
    OrderVerdict,
    PayeeQuery,
    PayeeVerdict,
    PaymentOrder,
    ReturnOrder,
    StatusQuery,
    bank_abroad,
    message_id_of,
    uetr_of,
)
from adapters.port import Outcome, Payee
from schemas import credit_transfer, parties
from schemas.errors import InvalidMessage, Refused
from schemas.money import Money
from schemas.payment import Agent
from schemas.reasons import Reason

_UNDERSTOOD: Final = frozenset({
    *("PmtId", "PmtTpInf", "IntrBkSttlmAmt", "IntrBkSttlmDt", "SttlmTmReq", "InstdAmt", "ChrgBr"),
    *("InstgAgt", "InstdAgt", "Dbtr", "DbtrAcct", "DbtrAgt", "CdtrAgt", "Cdtr", "CdtrAcct"),
    *("InstrForNxtAgt", "Purp", "RmtInf"),
})  # fmt: skip
"""Elements of a transaction that are honoured, carried, or the rail's own fixed codes."""
_PENDING: Final = "PDNG"
_REFUSED: Final = "RJCT"


def read(sealed: Sealed, us: IsoParticipant, dialect: IsoDialect) -> InboundRequest | None:
    """A request of the rail to us; None if it is another message.

    Raises:
        InvalidMessage: not to us, or it states what we cannot honour.

    """
    readers: dict[str, Callable[[Sealed, IsoParticipant, IsoDialect], InboundRequest]] = {
        dialect.versions.credit_transfer: _read_order,
        dialect.versions.status_request: _read_status_query,
        dialect.versions.cancellation: _read_reversal,
        dialect.versions.verification_request: _read_payee_query,
    }
    reader = readers.get(sealed.header.definition)
    if reader is None:
        return None
    if sealed.header.receiver != us.bic:
        raise InvalidMessage("not to us", path="AppHdr/To")
    try:
        return reader(sealed, us, dialect)
    except Refused as error:
        raise InvalidMessage(error.detail, path=error.path) from None


def _read_order(sealed: Sealed, us: IsoParticipant, dialect: IsoDialect) -> PaymentOrder:
    content, header = sealed.content, sealed.header
    if len(content["CdtTrfTxInf"]) != 1:
        raise InvalidMessage("must contain exactly one transaction", path="CdtTrfTxInf")
    (transaction,) = content["CdtTrfTxInf"]
    for tag in transaction:
        if tag not in _UNDERSTOOD:
            raise InvalidMessage("is not taken from this rail", path=f"CdtTrfTxInf/{tag}")
    if _member(transaction.get("InstdAgt")) not in {None, us.bic}:
        raise InvalidMessage("is not us", path="CdtTrfTxInf/InstdAgt")
    ref = _ref(transaction["PmtId"].get("TxId"), "CdtTrfTxInf/PmtId/TxId")
    uetr = uetr_of(dialect.profile.country, ref)
    times = transaction.get("SttlmTmReq", {})
    if set(times) - {"RjctTm"}:
        raise InvalidMessage("only RjctTm is taken from this rail", path="CdtTrfTxInf/SttlmTmReq")
    payment = credit_transfer.read(structs.replace(sealed.message, document=_plain(content, header, uetr)))
    _check_amounts(payment.interbank_settlement_amount, payment.instructed_amount, dialect)
    own_id = uetrs.to_hex(uetr)
    return PaymentOrder(
        ref=ref,
        payment=structs.replace(
            payment,
            message_id=own_id,
            instruction_id=None,
            transaction_id=own_id,
            interbank_settlement_date=None,
            instructed_amount=None,
            charge_bearer="SLEV",
            instructing_agent=None,
            instructed_agent=None,
            debtor_agent=_payer_agent(payment.debtor_agent, header),
            creditor_agent=_bank_abroad(payment.creditor_agent),
            category_purpose=None,
        ),
        expires_at=_expiry(times.get("RjctTm"), header.created_at, dialect),
    )


def _plain(content: Content, header: IsoHeader, uetr: str) -> dict[str, Any]:
    """The order with our UETR, and its time with an offset; without what is only for the rail."""
    (transaction,) = content["CdtTrfTxInf"]
    kept = {tag: value for tag, value in transaction.items() if tag not in {"SttlmTmReq", "PmtTpInf"}}
    kept["PmtId"] = {**transaction["PmtId"], "UETR": uetr}
    group = {**content["GrpHdr"], "CreDtTm": parties.instant_text(header.created_at)}
    return {credit_transfer.ROOT: {"GrpHdr": group, "CdtTrfTxInf": [kept]}}


def _payer_agent(stated: Agent, header: IsoHeader) -> Agent:
    """The payer's bank at the rail: its member id, and the sender's where the order has none."""
    return Agent(member_id=stated.member_id or stated.bic or header.sender)


def _bank_abroad(stated: Agent) -> Agent:
    """The payee's bank: its BIC, and its member id where only the clearing system abroad knows it."""
    bic = stated.bic and bank_abroad(stated.bic, "CdtTrfTxInf/CdtrAgt/FinInstnId/BICFI").bic
    return Agent(bic=bic, member_id=stated.member_id)


def _check_amounts(amount: Money, instructed: Money | None, dialect: IsoDialect) -> None:
    path = "CdtTrfTxInf/IntrBkSttlmAmt"
    if amount.currency != dialect.profile.currency:
        raise InvalidMessage(f"must be in {dialect.profile.currency}", path=path)
    if amount.minor <= 0:
        raise InvalidMessage("must be more than zero", path=path)
    if instructed is not None and instructed != amount:
        raise InvalidMessage("must be the settled amount", path="CdtTrfTxInf/InstdAmt")


def _expiry(text: str | None, made_at: datetime, dialect: IsoDialect) -> datetime | None:
    """The first time of day `RjctTm` after the order was made; without an offset, by the rail's clock."""
    if text is None:
        return None
    path = "CdtTrfTxInf/SttlmTmReq/RjctTm"
    try:
        until = time.fromisoformat(text)
    except ValueError:
        raise InvalidMessage("is not a time of day", path=path) from None
    zone = until.tzinfo or dialect.zone
    at = datetime.combine(made_at.astimezone(zone).date(), until.replace(tzinfo=zone))
    return (at if at >= made_at else at + timedelta(days=1)).astimezone(UTC)


def _read_status_query(sealed: Sealed, us: IsoParticipant, dialect: IsoDialect) -> StatusQuery:  # noqa: ARG001 - every reader
    (asked,) = _one(sealed.content.get("TxInf", ()), "TxInf")
    original = _ref(asked.get("OrgnlTxId"), "TxInf/OrgnlTxId")
    return StatusQuery(_ref(sealed.content["GrpHdr"]["MsgId"], "GrpHdr/MsgId"), original)


def _read_reversal(sealed: Sealed, us: IsoParticipant, dialect: IsoDialect) -> ReturnOrder:  # noqa: ARG001 - as above
    (part,) = _one(sealed.content.get("Undrlyg", ()), "Undrlyg")
    (asked,) = _one(part.get("TxInf", ()), "Undrlyg/TxInf")
    path = "Undrlyg/TxInf"
    ref = asked.get("CxlId") or sealed.content["Assgnmt"]["Id"]
    return ReturnOrder(
        _ref(ref, f"{path}/CxlId"),
        _ref(asked.get("OrgnlTxId"), f"{path}/OrgnlTxId"),
    )


def _read_payee_query(sealed: Sealed, us: IsoParticipant, dialect: IsoDialect) -> PayeeQuery:  # noqa: ARG001 - as above
    (asked,) = _one(sealed.content.get("Vrfctn", ()), "Vrfctn")
    account = parties.read_account(asked["PtyAndAcctId"].get("Acct"))
    agent = parties.read_agent(asked["PtyAndAcctId"].get("Agt"))
    if account is None or agent is None or not agent.bic:
        raise InvalidMessage("an account and the BIC of its bank are required", path="Vrfctn/PtyAndAcctId")
    bank = bank_abroad(agent.bic, "Vrfctn/PtyAndAcctId/Agt")
    return PayeeQuery(_ref(asked["Id"], "Vrfctn/Id"), account, bank)


def _one(found: Any, path: str) -> Any:
    if len(found) != 1:
        raise InvalidMessage("must be exactly one", path=path)
    return found


def _ref(text: str | None, path: str) -> str:
    if not text or len(text) > REF_MAX or not text.isprintable() or text != text.strip():
        raise InvalidMessage("an id without spaces around it is required", path=path)
    return text


def status_report(
    sealed: Sealed, verdict: OrderVerdict, us: IsoParticipant, dialect: IsoDialect
) -> tuple[IsoHeader, Content]:
    """pacs.002: what became of an order, in answer to the order itself or to a status query."""
    if sealed.header.definition == dialect.versions.credit_transfer:
        (transaction,) = sealed.content["CdtTrfTxInf"]
        ids = transaction["PmtId"]
        group = {"OrgnlMsgId": sealed.content["GrpHdr"]["MsgId"], "OrgnlMsgNmId": sealed.header.definition}
        references = {
            f"Orgnl{tag}": ids[tag] for tag in ("InstrId", "EndToEndId", "TxId", "UETR") if tag in ids
        }
        amount: Content | None = transaction["IntrBkSttlmAmt"]
    else:
        (asked,) = sealed.content["TxInf"]
        group = asked.get("OrgnlGrpInf") or {}
        names = ("OrgnlInstrId", "OrgnlEndToEndId", "OrgnlTxId", "OrgnlUETR")
        references, amount = {tag: asked[tag] for tag in names if tag in asked}, None
    message = message_id_of(references["OrgnlTxId"] + sealed.header.id, verdict)
    status, reason = _status_of(verdict, dialect)
    report = {
        "StsId": message,
        "OrgnlGrpInf": {tag: group[tag] for tag in ("OrgnlMsgId", "OrgnlMsgNmId") if tag in group} or None,
        **references,
        "TxSts": status,
        "StsRsnInf": reason and [{"Rsn": parties.code_or_proprietary(reason, "ExternalStatusReason1Code")}],
        "InstgAgt": _agent(us.bic),
        "InstdAgt": _agent(sealed.header.sender),
        "OrgnlTxRef": amount and {"IntrBkSttlmAmt": amount},
    }
    document = {
        "FIToFIPmtStsRpt": {
            "GrpHdr": _group(message, verdict.at, dialect),
            "TxInfAndSts": [{tag: value for tag, value in report.items() if value}],
        }
    }
    return _header(us, message, dialect.versions.status_report, verdict.at), document


def _status_of(verdict: OrderVerdict, dialect: IsoDialect) -> tuple[str, str | None]:
    match verdict.outcome:
        case Outcome.DONE:
            return dialect.accepted, None
        case Outcome.REFUSED:
            return _REFUSED, verdict.reason or Reason.REASON_NOT_SPECIFIED
        case Outcome.NOT_FOUND:
            return _REFUSED, NOT_RECEIVED
        case _:
            return _PENDING, None


def resolution(
    sealed: Sealed, verdict: OrderVerdict, us: IsoParticipant, dialect: IsoDialect
) -> tuple[IsoHeader, Content]:
    """camt.029: what became of a reversal."""
    (part,) = sealed.content["Undrlyg"]
    (asked,) = part["TxInf"]
    names = ("OrgnlInstrId", "OrgnlEndToEndId", "OrgnlTxId", "OrgnlUETR")
    message = message_id_of(asked["OrgnlTxId"] + sealed.header.id, verdict)
    details = {
        "CxlStsId": message,
        "OrgnlGrpInf": asked.get("OrgnlGrpInf"),
        **{tag: asked[tag] for tag in names if tag in asked},
    }
    assignment = {
        "Id": message,
        "Assgnr": {"Agt": _agent(us.bic)},
        "Assgne": {"Agt": _agent(sealed.header.sender)},
        "CreDtTm": parties.instant_text(verdict.at.astimezone(dialect.zone)),
    }
    confirmation = _RESOLUTIONS.get(verdict.outcome, "PDCR")
    document = {
        "RsltnOfInvstgtn": {
            "Assgnmt": assignment,
            "Sts": {"Conf": confirmation},
            "CxlDtls": [{"TxInfAndSts": [{tag: value for tag, value in details.items() if value}]}],
        }
    }
    return _header(us, message, dialect.versions.resolution, verdict.at), document


_RESOLUTIONS: Final = {Outcome.DONE: "CNCL", Outcome.REFUSED: "RJCR"}
"""ExternalInvestigationExecutionConfirmation1Code; everything else is pending."""


def verification_report(
    sealed: Sealed, verdict: PayeeVerdict, us: IsoParticipant, dialect: IsoDialect
) -> tuple[IsoHeader, Content]:
    """acmt.024: whose account it is. It has no place for a price."""
    (asked,) = sealed.content["Vrfctn"]
    message = message_id_of(asked["Id"] + sealed.header.id, verdict)
    known = verdict.payee is not None
    report: Content = {
        "OrgnlId": asked["Id"],
        "Vrfctn": known,
        "OrgnlPtyAndAcctId": asked["PtyAndAcctId"],
    }
    if verdict.payee is not None:
        report["UpdtdPtyAndAcctId"] = _owner(verdict.payee, asked["PtyAndAcctId"])
    else:
        report["Rsn"] = {"Cd": NO_SUCH_ACCOUNT}
    assignment = {
        "MsgId": message,
        "Assgnr": {"Agt": _agent(us.bic)},
        "Assgne": {"Agt": _agent(sealed.header.sender)},
        "CreDtTm": parties.instant_text(verdict.at.astimezone(dialect.zone)),
    }
    document = {"IdVrfctnRpt": {"Assgnmt": assignment, "Rpt": [report]}}
    return _header(us, message, dialect.versions.verification_report, verdict.at), document


def end_to_end_of(answer: Sealed) -> str:
    """The end-to-end id of the order that one of our answers is about, else its id at the rail."""
    if "TxInfAndSts" in answer.content:
        (details,) = answer.content["TxInfAndSts"]
    else:
        (part,) = answer.content["CxlDtls"]
        (details,) = part["TxInfAndSts"]
    return str(details.get("OrgnlEndToEndId") or details["OrgnlTxId"])


def _owner(payee: Payee, asked: Content) -> Content:
    owner = {"Acct": asked["Acct"], "Agt": asked["Agt"]}
    return {"Pty": {"Nm": payee.name}, **owner} if payee.name else owner


def _header(us: IsoParticipant, message: str, definition: str, at: datetime) -> IsoHeader:
    """Our answers go to the operator, which passes them on."""
    return IsoHeader(us.bic, us.operator, message, definition, at)


def _group(message: str, at: datetime, dialect: IsoDialect) -> Content:
    return {"MsgId": message, "CreDtTm": parties.instant_text(at.astimezone(dialect.zone))}


def _agent(member: str) -> Content:
    return {"FinInstnId": {"ClrSysMmbId": {"MmbId": member}}}


def _member(agent: Content | None) -> str | None:
    found = parties.read_agent(agent)
    return None if found is None else (found.member_id or found.bic)
