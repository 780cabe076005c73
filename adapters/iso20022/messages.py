"""Builds ISO 20022 messages for a rail and parses its responses. Pure; the codec checks the schema.

`TxId` and `EndToEndId` of a transaction are the 32 hexadecimal digits of the UETR, so every response contains
it. The debtor's own end-to-end id is sent as `RltdRmtInf/RmtId`. The rail must not execute the order after
the first `RjctTm` that follows the message's creation.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Final

from adapters import amounts, creditor
from adapters import uetr as uetrs
from adapters.iso20022.codes import NOT_RECEIVED, reason_of
from adapters.iso20022.dialect import Content, IsoDialect, IsoParticipant
from adapters.iso20022.envelope import IsoHeader, Sealed
from adapters.port import Answer, Order, Outcome, Payee, Violation
from adapters.reasons import DUPLICATES
from adapters.text import clean
from schemas import cancellation as cancellation_codes
from schemas import parties, payment_return, status_report
from schemas.errors import InvalidAmount, InvalidMessage, Refused
from schemas.money import Money
from schemas.payment import PartyAccount
from schemas.plan import plan
from schemas.reasons import Reason

_BIC: Final = (8, 11)
_ACCOUNT_MAX: Final = 34


def check(order: Order, dialect: IsoDialect) -> Sequence[Violation]:
    """Every reason why the rail cannot carry the order."""
    found = amounts.check(order, dialect.profile)
    if not _name(order.payment.debtor.name, dialect):
        found.append(Violation(Reason.MISSING_DEBTOR_NAME, "CdtTrfTxInf/Dbtr/Nm", "a name is required"))
    if not _name(order.payment.creditor.name, dialect):
        found.append(Violation(Reason.MISSING_CREDITOR_NAME, "CdtTrfTxInf/Cdtr/Nm", "a name is required"))
    if dialect.profile.purpose_required and not order.payment.purpose:
        found.append(Violation(Reason.INVALID_PURPOSE, "CdtTrfTxInf/Purp", "a purpose is required"))
    if not timedelta() < order.expires_at - order.made_at < timedelta(days=1):
        found.append(
            Violation(
                Reason.INVALID_DATE,
                "CdtTrfTxInf/SttlmTmReq",
                "expires before its creation, or after more than a day",
            )
        )
    return [*found, *check_account(order, dialect), *_check_version(order, dialect)]


def check_account(order: Order, dialect: IsoDialect) -> Sequence[Violation]:
    """An account that the rail pays, at a bank identified by its BIC."""
    found = []
    account, forms = order.payment.creditor_account, dialect.profile.creditor
    if creditor.find(account, forms) is None:
        found.append(Violation(Reason.INVALID_CREDITOR_ACCOUNT_NUMBER, *creditor.refusal(account, forms)))
    if dialect.profile.needs_bic and len(order.payment.creditor_agent.bic or "") not in _BIC:
        place = "CdtTrfTxInf/CdtrAgt/FinInstnId/BICFI"
        found.append(
            Violation(
                Reason.INVALID_CREDITOR_BIC_IDENTIFIER, place, "the BIC of the creditor's bank is required"
            )
        )
    return found


def credit_transfer(order: Order, us: IsoParticipant, dialect: IsoDialect) -> tuple[IsoHeader, Content]:
    """pacs.008 and its header."""
    payment = order.payment
    local = order.made_at.astimezone(dialect.zone)
    message = f"{us.bic}{local:%y%m%d%H%M%S}{order.serial:08}"
    ref = uetrs.to_hex(payment.uetr)
    amount = {"Ccy": order.amount.currency, "Amt": amounts.write(order.amount, dialect.profile.amounts)}
    carried = _carried(order)
    transaction: Content = {
        **carried,
        "PmtId": {
            "InstrId": us.bic[:4] + message[len(us.bic) :],
            "EndToEndId": ref,
            "TxId": ref,
            "UETR": payment.uetr,
        },
        "IntrBkSttlmAmt": amount,
        "IntrBkSttlmDt": local.date().isoformat(),
        "SttlmTmReq": {"RjctTm": _time_text(order.expires_at.astimezone(dialect.zone))},
        "InstdAmt": amount,
        "ChrgBr": payment.charge_bearer,
        "InstgAgt": _member(us.bic),
        "InstdAgt": _member(_receiver(order)),
        "Dbtr": _party(order, "debtor", dialect, carried.get("Dbtr")),
        "DbtrAcct": carried.get("DbtrAcct") or _debtor_account(payment.debtor_account),
        "DbtrAgt": carried.get("DbtrAgt") or parties.build_agent(payment.debtor_agent),
        "CdtrAgt": _creditor_agent(order, carried.get("CdtrAgt")),
        "Cdtr": _party(order, "creditor", dialect, carried.get("Cdtr")),
        "CdtrAcct": _creditor_account(payment.creditor_account, dialect, carried.get("CdtrAcct")),
        "Purp": payment.purpose and parties.code_or_proprietary(payment.purpose, "ExternalPurpose1Code"),
        "RltdRmtInf": [{"RmtId": payment.end_to_end_id}, *carried.get("RltdRmtInf", ())],
        "RmtInf": _remittance(payment.remittance, dialect, carried.get("RmtInf", {})),
    }
    dialect.adapt(order, transaction)
    present = {tag: value for tag, value in transaction.items() if value}
    group = {
        "MsgId": message,
        "CreDtTm": parties.instant_text(local),
        "NbOfTxs": "1",
        "SttlmInf": {"SttlmMtd": "CLRG"},
    }
    header = IsoHeader(us.bic, _receiver(order), message, dialect.versions.credit_transfer, order.made_at)
    document: Content = {"GrpHdr": group, "CdtTrfTxInf": [present]}
    beside = order.original.content.get("SplmtryData") if order.original else None
    return header, {"FIToFICstmrCdtTrf": {**document, **({"SplmtryData": beside} if beside else {})}}


CARRIES: Final = (
    *(f"PmtTpInf/{tag}" for tag in ("SvcLvl/Prtry", "LclInstrm", "CtgyPurp")),
    "PmtId/EndToEndId",
    "ChrgsInf",
    *(
        f"{agent}{number}{kind}"
        for agent in ("PrvsInstgAgt", "IntrmyAgt")
        for number in "123"
        for kind in ("", "Acct")
    ),
    *("UltmtDbtr", "InitgPty", "Dbtr", "DbtrAcct", "DbtrAgt", "DbtrAgtAcct"),
    *(f"CdtrAgt/FinInstnId/{tag}" for tag in ("LEI", "Nm", "PstlAdr", "Othr")),  # its id is its BIC
    *("CdtrAgt/BrnchId", "CdtrAgtAcct", "Cdtr", "CdtrAcct", "UltmtCdtr"),
    *("InstrForCdtrAgt", "Purp", "RgltryRptg", "Tax", "RltdRmtInf", "RmtInf", "SplmtryData"),
)
"""The elements that a pacs.008 of any version can carry."""

_TAGS: Final = frozenset({*(path.partition("/")[0] for path in CARRIES), "MndtRltdInf"} - {"PmtId"})


def _carried(order: Order) -> Content:
    """The elements of the sender's message that are passed on unchanged."""
    if order.original is None:
        return {}
    found = {tag: value for tag, value in order.original.transaction.items() if tag in _TAGS}
    if "DbtrAcct" in found:
        found["DbtrAcct"] = {**(_debtor_account(order.payment.debtor_account) or {}), **found["DbtrAcct"]}
    return found


def _check_version(order: Order, dialect: IsoDialect) -> list[Violation]:
    """Refuse elements of later versions that the rail's version cannot carry."""
    version = dialect.versions.credit_transfer
    if order.original is None or order.original.version <= version:
        return []
    try:
        plan(version).accept({"FIToFICstmrCdtTrf": _sketch(order.original.content, _carried(order))})
    except InvalidMessage as error:
        path = (error.path or "").removeprefix("FIToFICstmrCdtTrf/")
        return [
            Violation(
                Reason.TRANSACTION_NOT_SUPPORTED, path, f"not possible in {version}, the version of this rail"
            )
        ]
    return []


def _sketch(content: Mapping[str, Any], carried: Content) -> Content:
    """A pacs.008 with the carried elements and those that every pacs.008 has."""
    (transaction,) = content["CdtTrfTxInf"]
    always = {tag: transaction[tag] for tag in ("PmtId", "IntrBkSttlmAmt", "ChrgBr")}
    group = {tag: content["GrpHdr"][tag] for tag in ("MsgId", "CreDtTm", "NbOfTxs", "SttlmInf")}
    return {"GrpHdr": group, "CdtTrfTxInf": [{**carried, **always}]}


def expiry(content: Content) -> datetime:
    """The instant after which a pacs.008 must not be executed.

    Raises:
        InvalidMessage: it states no expiry.
        Refused: its creation time is not an instant.

    """
    (transaction,) = content["CdtTrfTxInf"]
    made_at = parties.read_instant(content["GrpHdr"]["CreDtTm"], "GrpHdr/CreDtTm")
    try:
        until = time.fromisoformat(transaction["SttlmTmReq"]["RjctTm"])
    except (KeyError, ValueError):
        raise InvalidMessage("no time limit", path="CdtTrfTxInf/SttlmTmReq/RjctTm") from None
    if until.tzinfo is None:
        raise InvalidMessage("a time limit without offset", path="CdtTrfTxInf/SttlmTmReq/RjctTm")
    at = datetime.combine(made_at.astimezone(until.tzinfo).date(), until)
    return at if at >= made_at else at + timedelta(days=1)


@dataclass(frozen=True, slots=True)
class SentIsoMessage:
    """The parts of an order that later messages about it repeat."""

    message: str
    definition: str
    made_at: str
    instruction: str
    end_to_end: str
    transaction: str
    uetr: str
    amount: Content
    date: str
    receiver: str

    @classmethod
    def of(cls, definition: str, content: Content) -> "SentIsoMessage":
        """Read from the stored pacs.008."""
        (transaction,) = content["CdtTrfTxInf"]
        ids = transaction["PmtId"]
        return cls(
            message=content["GrpHdr"]["MsgId"],
            definition=definition,
            made_at=content["GrpHdr"]["CreDtTm"],
            instruction=ids["InstrId"],
            end_to_end=ids["EndToEndId"],
            transaction=ids["TxId"],
            uetr=ids["UETR"],
            amount=transaction["IntrBkSttlmAmt"],
            date=transaction["IntrBkSttlmDt"],
            receiver=transaction["InstdAgt"]["FinInstnId"]["ClrSysMmbId"]["MmbId"],
        )

    def references(self) -> Content:
        """The references to a payment in messages about it."""
        return {
            "OrgnlInstrId": self.instruction,
            "OrgnlEndToEndId": self.end_to_end,
            "OrgnlTxId": self.transaction,
            "OrgnlUETR": self.uetr,
        }

    def group(self) -> Content:
        """The reference to the original message."""
        return {"OrgnlMsgId": self.message, "OrgnlMsgNmId": self.definition, "OrgnlCreDtTm": self.made_at}


def status_request(
    sent: SentIsoMessage, us: IsoParticipant, dialect: IsoDialect, *, message: str, at: datetime
) -> tuple[IsoHeader, Content]:
    """pacs.028: a request for the status of an order that was sent."""
    transaction = {"OrgnlGrpInf": sent.group(), **sent.references()}
    group = {"MsgId": message, "CreDtTm": _now_text(at, dialect)}
    header = IsoHeader(us.bic, us.operator, message, dialect.versions.status_request, at)
    return header, {"FIToFIPmtStsReq": {"GrpHdr": group, "TxInf": [transaction]}}


def cancellation(
    sent: SentIsoMessage, us: IsoParticipant, dialect: IsoDialect, *, reason: str, at: datetime
) -> tuple[IsoHeader, Content]:
    """camt.056: request to return the money. One order has one cancellation, with one id."""
    message = undo_id(sent.transaction)
    return _cancellation(sent, us, dialect, message=message, reason=reason, at=at)


def recall(
    sent: SentIsoMessage, us: IsoParticipant, dialect: IsoDialect, *, reason: str, at: datetime
) -> tuple[IsoHeader, Content]:
    """camt.056 to the payee's bank. One order has one recall; to send it again asks for its answer."""
    message = hashlib.sha256(b"recall" + sent.transaction.encode()).hexdigest()[:32]
    return _cancellation(
        sent, us, dialect, message=message, reason=reason or cancellation_codes.NARRATIVE, at=at
    )


def undo_id(transaction: str) -> str:
    """The id of the cancellation that undoes an order."""
    return hashlib.sha256(b"undo" + transaction.encode()).hexdigest()[:32]


def _cancellation(
    sent: SentIsoMessage,
    us: IsoParticipant,
    dialect: IsoDialect,
    *,
    message: str,
    reason: str,
    at: datetime,
) -> tuple[IsoHeader, Content]:
    assignment = {
        "Id": message,
        "Assgnr": {"Agt": _member(us.bic)},
        "Assgne": {"Agt": _member(sent.receiver)},
        "CreDtTm": _now_text(at, dialect),
    }
    transaction = {
        "CxlId": message,
        "OrgnlGrpInf": sent.group(),
        **sent.references(),
        "OrgnlIntrBkSttlmAmt": sent.amount,
        "OrgnlIntrBkSttlmDt": sent.date,
        "CxlRsnInf": [{"Rsn": parties.code_or_proprietary(reason, "ExternalCancellationReason1Code")}],
    }
    header = IsoHeader(us.bic, sent.receiver, message, dialect.versions.cancellation, at)
    return header, {"FIToFIPmtCxlReq": {"Assgnmt": assignment, "Undrlyg": [{"TxInf": [transaction]}]}}


def verification_request(
    alias: str, us: IsoParticipant, dialect: IsoDialect, *, message: str, at: datetime
) -> tuple[IsoHeader, Content]:
    """acmt.023: the owner of an account or alias."""
    assignment = {
        "MsgId": message,
        "CreDtTm": _now_text(at, dialect),
        "Assgnr": {"Agt": _member(us.bic)},
        "Assgne": {"Agt": _member(us.operator)},
    }
    account = {"Prxy": {"Tp": {"Cd": "TELE"}, "Id": alias}} if alias.startswith("+") else _account_id(alias)
    request = {"Id": message, "PtyAndAcctId": {"Acct": account}}
    header = IsoHeader(us.bic, us.operator, message, dialect.versions.verification_request, at)
    return header, {"IdVrfctnReq": {"Assgnmt": assignment, "Vrfctn": [request]}}


def read_unsolicited(sealed: Sealed, us: IsoParticipant, dialect: IsoDialect) -> Answer:
    """An unsolicited message about an order: pacs.002, or pacs.004 for a return.

    Raises:
        InvalidMessage: neither.

    """
    read = read_return if sealed.header.definition == dialect.versions.payment_return else read_answer
    return read(sealed, us, dialect)


def read_answer(sealed: Sealed, us: IsoParticipant, dialect: IsoDialect, *, enquired: bool = False) -> Answer:
    """pacs.002: the outcome of an order.

    Args:
        sealed: The rail's message; its signature has been verified.
        us: The addressee that it must have.
        dialect: The meaning of this rail's statuses.
        enquired: It responds to an enquiry, so that "never received" concerns the order and is not a refusal.

    Raises:
        InvalidMessage: not a status report to us from the rail about one transaction.

    """
    _must_be(sealed, us, dialect.versions.status_report)
    try:
        report = status_report.read(sealed.message)
    except Refused as error:
        raise InvalidMessage(error.detail, path=error.path) from None
    if report.transaction_id is None:
        raise InvalidMessage("names no transaction", path="TxInfAndSts/OrgnlTxId")
    outcome = dialect.statuses.get(report.status or "", Outcome.UNKNOWN)
    if outcome is Outcome.REFUSED:
        outcome = _refusal(report.reason or "", enquired=enquired)
    (transaction,) = sealed.content["TxInfAndSts"]
    has_reason = outcome in {Outcome.REFUSED, Outcome.PENDING}
    return Answer(
        ref=report.transaction_id,
        outcome=outcome,
        uetr=uetrs.from_hex(report.transaction_id),
        rail_code=report.reason or report.status,
        reason=reason_of(report.reason) if has_reason else None,
        amount=_stated_amount(transaction),
        rail_reference=transaction.get("AcctSvcrRef") or transaction.get("ClrSysRef"),
    )


def read_return(sealed: Sealed, us: IsoParticipant, dialect: IsoDialect) -> Answer:
    """pacs.004: the money of an order is given back, whatever was reported before.

    What it means for the payment depends on whether it was credited, and on the amount: the writer decides.

    Raises:
        InvalidMessage: not a return of one order to us from the rail.

    """
    _must_be(sealed, us, dialect.versions.payment_return)
    try:
        given_back = payment_return.read(sealed.message)
    except Refused as error:
        raise InvalidMessage(error.detail, path=error.path) from None
    ref = uetrs.to_hex(given_back.uetr)
    if given_back.transaction_id != ref:
        raise InvalidMessage("names two orders", path="TxInf/OrgnlTxId")
    return Answer(
        ref=ref,
        outcome=Outcome.RETURNED,
        uetr=given_back.uetr,
        rail_code=given_back.reason or "pacs.004",
        reason=reason_of(given_back.reason),
        amount=given_back.amount,
        rail_reference=given_back.id or given_back.message_id,
    )


def _refusal(reason: str, *, enquired: bool) -> Outcome:
    """The outcome that a refusal with this reason proves."""
    if enquired:
        return Outcome.NOT_FOUND if reason == NOT_RECEIVED else Outcome.REFUSED
    return Outcome.UNKNOWN if reason in DUPLICATES else Outcome.REFUSED


def read_resolution(sealed: Sealed, us: IsoParticipant, dialect: IsoDialect) -> Answer:
    """camt.029: the outcome of a cancellation. Its ref is that of the cancellation.

    Raises:
        InvalidMessage: not a resolution to us from the rail about one cancellation.

    """
    _must_be(sealed, us, dialect.versions.resolution)
    details, status = _resolved(sealed)
    outcome = _RESOLUTIONS.get(status, Outcome.UNKNOWN)
    return Answer(ref=undo_id(details["OrgnlTxId"]), outcome=outcome, rail_code=status)


def read_recall(sealed: Sealed, ref: str, us: IsoParticipant, dialect: IsoDialect) -> Answer:
    """camt.029: what the payee's bank answers to the recall of an order.

    Raises:
        InvalidMessage: not a resolution to us from the rail about the recall of this order.

    """
    _must_be(sealed, us, dialect.versions.resolution)
    details, status = _resolved(sealed)
    if details["OrgnlTxId"] != ref:
        raise InvalidMessage("about another order", path="CxlDtls/TxInfAndSts/OrgnlTxId")
    (cause, *_) = details.get("CxlStsRsnInf") or [{}]
    reason = parties.first_of(cause.get("Rsn"))
    return Answer(ref, _RESOLUTIONS.get(status, Outcome.UNKNOWN), rail_code=status, reason=reason)


def _resolved(sealed: Sealed) -> tuple[Content, str]:
    """The only cancellation of a camt.029, and the answer to it."""
    try:
        ((details,),) = ([*part["TxInfAndSts"]] for part in sealed.content["CxlDtls"])
        details["OrgnlTxId"]
        return details, sealed.content["Sts"]["Conf"]
    except (KeyError, ValueError):
        raise InvalidMessage("not about one cancellation", path="CxlDtls/TxInfAndSts") from None


_RESOLUTIONS: Final = {"CNCL": Outcome.DONE, "RJCR": Outcome.REFUSED, "PDCR": Outcome.PENDING}
"""ExternalInvestigationExecutionConfirmation1Code."""


def read_payee(sealed: Sealed, us: IsoParticipant, dialect: IsoDialect) -> Payee | None:
    """acmt.024: the owner of the account; None if the rail does not know it.

    Raises:
        InvalidMessage: not a verification report to us from the rail.

    """
    _must_be(sealed, us, dialect.versions.verification_report)
    (report, *_) = sealed.content["Rpt"]
    if report["Vrfctn"] is not True:
        return None
    known = report.get("UpdtdPtyAndAcctId") or report.get("OrgnlPtyAndAcctId") or {}
    try:
        return Payee(
            account=parties.read_account(known["Acct"]).id or "",  # type: ignore[union-attr]
            agent=known["Agt"]["FinInstnId"]["ClrSysMmbId"]["MmbId"],
            name=known.get("Pty", {}).get("Nm"),
        )
    except KeyError:
        raise InvalidMessage("confirms an account without naming it", path="Rpt") from None


def _must_be(sealed: Sealed, us: IsoParticipant, definition: str) -> None:
    header = sealed.header
    if header.definition != definition:
        raise InvalidMessage(f"not a {definition}", path="AppHdr/MsgDefIdr")
    if header.sender != us.operator or header.receiver != us.bic:
        raise InvalidMessage("not from the rail to us", path="AppHdr")


def _stated_amount(transaction: Content) -> Money | None:
    amount = transaction.get("OrgnlTxRef", {}).get("IntrBkSttlmAmt")
    if amount is None:
        return None
    try:
        return Money.parse(amount["Amt"], amount["Ccy"])
    except InvalidAmount:
        raise InvalidMessage("not an amount", path="TxInfAndSts/OrgnlTxRef/IntrBkSttlmAmt") from None


def _receiver(order: Order) -> str:
    """The creditor agent's member id: the first eight characters of its BIC."""
    agent = order.payment.creditor_agent
    return (agent.bic or agent.member_id or "")[:8]


def _member(member: str) -> Content:
    return {"FinInstnId": {"ClrSysMmbId": {"MmbId": member}}}


def _creditor_agent(order: Order, carried: Content | None) -> Content:
    """The creditor's bank as the rail knows it, with the sender's details of it."""
    member = _member(_receiver(order))
    if carried is None:
        return member
    return {**carried, "FinInstnId": {**carried["FinInstnId"], **member["FinInstnId"]}}


def _party(order: Order, role: str, dialect: IsoDialect, carried: Content | None) -> Content:
    party = order.payment.debtor if role == "debtor" else order.payment.creditor
    content = parties.build_party(party) if carried is None else dict(carried)
    content["Nm"] = _name(party.name, dialect)
    return content


def _debtor_account(account: PartyAccount | None) -> Content | None:
    """A proxy without an account is repeated as the number: some versions require an account."""
    if account is None:
        return None
    content = parties.build_account(account)
    if account.proxy and "Id" not in content:
        content["Id"] = {"Othr": {"Id": account.proxy[:_ACCOUNT_MAX]}}
    return content


def _creditor_account(
    account: PartyAccount | None, dialect: IsoDialect, carried: Content | None
) -> Content | None:
    """The account in the rail's format, with its proxy if there is one."""
    found = creditor.find(account, dialect.profile.creditor)
    if account is None or found is None:
        return None
    named = {"iban": found.value} if found.kind is creditor.IdentifierKind.IBAN else {"other": found.value}
    built = parties.build_account(PartyAccount(**named, proxy=account.proxy, proxy_type=account.proxy_type))
    return {**carried, **built} if carried else built


def _account_id(text: str) -> Content:
    return {"Id": {"IBAN": text} if text[:2].isalpha() else {"Othr": {"Id": text}}}


def _remittance(text: str | None, dialect: IsoDialect, carried: Content) -> Content | None:
    """Structured information unchanged; lines of text joined into one, which every rail accepts."""
    if "Strd" in carried:
        return carried
    line = clean(text or "", dialect.profile.characters.remittance_max)
    return {"Ustrd": [line]} if line else None


def _name(text: str | None, dialect: IsoDialect) -> str:
    return clean(text or "", dialect.profile.characters.name_max)


def _time_text(at: datetime) -> str:
    return at.timetz().isoformat(timespec="milliseconds")


def _now_text(at: datetime, dialect: IsoDialect) -> str:
    return parties.instant_text(at.astimezone(dialect.zone))
