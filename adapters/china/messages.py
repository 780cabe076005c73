"""CNAPS messages: builds orders and parses the system's responses. Pure.

`ibps.101` (and `hvps.111` above the cap) is pacs.008.001.02 with the fixed values and element positions of
public samples. Profile: the UETR without hyphens as `EndToEndId`, the expiry as `SttlmTmReq/RjctTm`, coded
lines (`/PURP/`, `/INSA/`, `/ORDB/`, `/ROC/`) in `Ustrd`, and coded remarks (`/E2E/`, `/AMT/`) in messages
that have no field for the transaction or its amount. `inbound` has what CNAPS asks of us.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from lxml.etree import _Element as Element

from adapters import amounts, creditor
from adapters import uetr as uetrs
from adapters.china import codes
from adapters.china.profile import IBPS_CAP_MINOR, ORDER_NUMBERS, PROFILE
from adapters.china.text import element, gbk_text
from adapters.china.wire import BEIJING, NPC, CnapsHeader, CnapsMessage, document
from adapters.identifiers import is_cnaps
from adapters.identity import require
from adapters.port import Answer, Order, Outcome, Payee, Violation
from schemas.errors import InvalidMessage
from schemas.money import Money
from schemas.payment import CreditTransfer
from schemas.reasons import Reason

ORDER: Final = "ibps.101.001.01"
LARGE_ORDER: Final = "hvps.111.001.01"
ANSWER: Final = "ibps.102.001.01"
STATUS_REQUEST: Final = "ibps.305.001.01"
STATUS_ANSWER: Final = "ibps.306.001.01"
CANCELLATION: Final = "ibps.307.001.01"
CANCELLATION_ANSWER: Final = "ibps.308.001.01"
ACCOUNT_REQUEST: Final = "ibps.309.001.01"
ACCOUNT_ANSWER: Final = "ibps.310.001.01"
LOGIN: Final = "ccms.805.001.01"
LOGIN_ANSWER: Final = "ccms.806.001.01"
SIGNED_OFF: Final = "ccms.807.001.01"
SETTLEMENT: Final = "saps.601.001.01"
CONFIRMATION: Final = "ccms.900.001.01"
DISCARDED: Final = "ccms.911.001.01"
COMMUNICATED: Final = "ccms.990.001.01"
NOTICES: Final = frozenset({SIGNED_OFF, SETTLEMENT})

ISO: Final = "urn:iso:std:iso:20022:tech:xsd:"
OWN: Final = "urn:cnaps:std:ibps:2010:tech:xsd:"
PACS_008: Final = ISO + "pacs.008.001.02"
PACS_002: Final = ISO + "pacs.002.001.03"
CAMT_054: Final = ISO + "camt.054.001.02"
CAMT_056: Final = ISO + "camt.056.001.01"

CATEGORY: Final = "C200"
"""Business type of an online credit (observed)."""
LARGE_CATEGORY: Final = "A100"
KIND: Final = "02001"
"""Business kind (observed)."""
PERSONAL: Final = "AT01"
SERVICE_NUMBERS: Final = 10**8 - ORDER_NUMBERS
LONGEST: Final = timedelta(hours=24)
"""`RjctTm` is a time of day, so an order must expire within 24 hours."""

_ACCOUNT_MAX: Final = 32
_DIRECTIONS: Final = {"DBIT": "debit", "CRDT": "credit"}
_REMARK = re.compile(r"/(E2E|AMT|BENB|PURP|QTID|RATE|TILL)/([^/]+)")


@dataclass(frozen=True, slots=True)
class CnapsParticipant:
    """Our identity at the system."""

    bank: str
    """The CNAPS code of our gateway."""
    name: str
    city: str

    @classmethod
    def of(cls, identity: Mapping[str, str]) -> "CnapsParticipant":
        """Build from a connection's identity.

        Raises:
            ValueError: an id is missing, or the check digit of the code is wrong.

        """
        require(identity, cls.__dataclass_fields__, "CNAPS")
        if not is_cnaps(identity["bank"]):
            raise ValueError("the identity at CNAPS has no valid code")
        return cls(**{name: identity[name] for name in cls.__dataclass_fields__})


@dataclass(frozen=True, slots=True)
class Draft:
    """A message before it is signed."""

    header: CnapsHeader
    body: str


def check(order: Order) -> Sequence[Violation]:
    """Every reason why CNAPS cannot carry the order."""
    payment = order.payment
    found = amounts.check(order, PROFILE)
    if not is_cnaps(payment.creditor_agent.member_id or ""):
        place = "CdtTrfTxInf/CdtrAgt/FinInstnId/ClrSysMmbId/MmbId"
        found.append(
            Violation(
                Reason.INVALID_CREDITOR_BANK_IDENTIFIER, place, "a CNAPS code of twelve digits is required"
            )
        )
    if creditor.find(payment.creditor_account, PROFILE.creditor) is None:
        found.append(
            Violation(
                Reason.INVALID_CREDITOR_ACCOUNT_NUMBER,
                *creditor.refusal(payment.creditor_account, PROFILE.creditor),
            )
        )
    if not _name(payment.debtor.name):
        found.append(
            Violation(
                Reason.MISSING_DEBTOR_NAME,
                "CdtTrfTxInf/Dbtr/Nm",
                "a name that the rail can write is required",
            )
        )
    if not _name(payment.creditor.name):
        found.append(
            Violation(
                Reason.MISSING_CREDITOR_NAME,
                "CdtTrfTxInf/Cdtr/Nm",
                "a name that the rail can write is required",
            )
        )
    if not timedelta(0) < order.expires_at - order.made_at < LONGEST:
        found.append(
            Violation(
                Reason.INVALID_DATE,
                "CdtTrfTxInf/SttlmTmReq",
                "must expire after its creation and within a day",
            )
        )
    return found


def is_account(text: str) -> bool:
    """At most 32 letters and digits; a UnionPay card number must have a valid check digit."""
    return creditor.read(text, PROFILE.creditor) is not None


def transaction_id(bank: str, at: datetime, number: int) -> str:
    """28 digits: the bank, the date in Beijing, and the order's number on that date."""
    return f"{bank}{at.astimezone(BEIJING):%Y%m%d}{number:08}"


def service_id(us: CnapsParticipant, at: datetime, number: int) -> str:
    """The id of a message that is not an order."""
    return transaction_id(us.bank, at, ORDER_NUMBERS + number % SERVICE_NUMBERS)


def order_message(order: Order, us: CnapsParticipant) -> Draft:
    """ibps.101, or hvps.111 above the cap of IBPS."""
    payment = order.payment
    large = order.amount.minor > IBPS_CAP_MINOR
    transaction = transaction_id(us.bank, order.made_at, order.serial)
    reference = uetrs.to_hex(payment.uetr)
    header = CnapsHeader(
        sender=us.bank,
        receiver=payment.creditor_agent.member_id or "",
        at=order.made_at,
        kind=LARGE_ORDER if large else ORDER,
        id=reference[:20],
        ref=reference[:20],
        system="HVPS" if large else "IBPS",
    )
    at = local(order.made_at)
    day = f"<IntrBkSttlmDt>{at[:10]}</IntrBkSttlmDt>"
    group = (
        f"<GrpHdr><MsgId>{transaction}</MsgId><CreDtTm>{at}</CreDtTm>"
        f"{'' if large else '<BtchBookg>false</BtchBookg>'}<NbOfTxs>1</NbOfTxs>{'' if large else day}"
        "<SttlmInf><SttlmMtd>CLRG</SttlmMtd></SttlmInf></GrpHdr>"
    )
    transfer = (
        f"<PmtId><EndToEndId>{reference}</EndToEndId><TxId>{transaction}</TxId></PmtId>"
        "<PmtTpInf><InstrPrty>NORM</InstrPrty><CtgyPurp>"
        f"<Prtry>{LARGE_CATEGORY if large else CATEGORY}</Prtry></CtgyPurp></PmtTpInf>"
        f'<IntrBkSttlmAmt Ccy="CNY">{amounts.write(order.amount, PROFILE.amounts)}</IntrBkSttlmAmt>'
        f"{day if large else ''}<SttlmTmReq><RjctTm>{_clock(order.expires_at)}</RjctTm></SttlmTmReq>"
        f"<AccptncDtTm>{at}</AccptncDtTm><ChrgBr>DEBT</ChrgBr>{_parties(payment, us)}"
        f"<Purp><Prtry>{KIND}</Prtry></Purp>{_remittance(payment)}"
    )
    content = f"<FIToFICstmrCdtTrf>{group}<CdtTrfTxInf>{transfer}</CdtTrfTxInf></FIToFICstmrCdtTrf>"
    return Draft(header, document(PACS_008, content))


@dataclass(frozen=True, slots=True)
class SentCnapsMessage:
    """The parts of an order that later messages about it repeat."""

    kind: str
    transaction: str
    reference: str
    """The UETR without hyphens."""
    amount: str
    receiver: str
    created_at: str

    @classmethod
    def of(cls, message: CnapsMessage) -> "SentCnapsMessage":
        """Read from the stored order.

        Raises:
            InvalidMessage: not an order.

        """
        root = message.root
        return cls(
            kind=message.header.kind,
            transaction=text_of(root, "CdtTrfTxInf/PmtId/TxId"),
            reference=text_of(root, "CdtTrfTxInf/PmtId/EndToEndId"),
            amount=text_of(root, "CdtTrfTxInf/IntrBkSttlmAmt"),
            receiver=message.header.receiver,
            created_at=text_of(root, "GrpHdr/CreDtTm"),
        )


def status_request(sent: SentCnapsMessage, us: CnapsParticipant, at: datetime, number: int) -> Draft:
    """ibps.305: a request for the status of an order."""
    identity = service_id(us, at, number)
    content = (
        f"<TxStsReq>{own_group(identity, at)}<InstgPty>{us.bank}</InstgPty>"
        f"<InstdPty>{NPC}</InstdPty>"
        f"<OrgnlMsgInf><OrgnlSndrId>{us.bank}</OrgnlSndrId>"
        f"<OrgnlMsgId>{sent.transaction}</OrgnlMsgId></OrgnlMsgInf>"
        f"<RmkInf>{remark(sent.reference)}</RmkInf><DgtSgntr></DgtSgntr></TxStsReq>"
    )
    return _to_centre(STATUS_REQUEST, identity, us, at, content)


def account_request(account: str, us: CnapsParticipant, at: datetime, number: int) -> Draft:
    """ibps.309: a request for the owner of an account."""
    identity = service_id(us, at, number)
    content = (
        f"<AthtctnAcctInfReq>{own_group(identity, at)}<InstgPty>{us.bank}</InstgPty>"
        f"<InstdPty>{NPC}</InstdPty>"
        f"<QryInf><Acct>{account}</Acct><AcctTp>{PERSONAL}</AcctTp></QryInf>"
        "<DgtSgntr></DgtSgntr></AthtctnAcctInfReq>"
    )
    return _to_centre(ACCOUNT_REQUEST, identity, us, at, content)


def login(us: CnapsParticipant, at: datetime, number: int) -> Draft:
    """ccms.805: sign on; the response also shows that the system is available."""
    identity = service_id(us, at, number)
    content = (
        f"<LoginReq><GrpHdr><MsgId>{identity}</MsgId><CreDtTm>{local(at)}</CreDtTm>"
        f"<InstgPty>{us.bank}</InstgPty><InstdPty>{NPC}</InstdPty><SysCd>IBPS</SysCd></GrpHdr>"
        "<LoginInf><LoginOprTp>OT00</LoginOprTp></LoginInf></LoginReq>"
    )
    return _to_centre(LOGIN, identity, us, at, content)


def cancellation(sent: SentCnapsMessage, us: CnapsParticipant, at: datetime, reason: str) -> Draft:
    """ibps.307: undo an order. An order has one cancellation, with one id a day."""
    identity = cancellation_id(sent.transaction, us, at)
    agent = "<Agt><FinInstnId><ClrSysMmbId><MmbId>{}</MmbId></ClrSysMmbId></FinInstnId></Agt>"
    content = (
        f"<FIToFIPmtCxlReq><Assgnmt><Id>{identity}</Id><Assgnr>{agent.format(us.bank)}</Assgnr>"
        f"<Assgne>{agent.format(sent.receiver)}</Assgne><CreDtTm>{local(at)}</CreDtTm></Assgnmt>"
        f"<Case><Id>{identity}</Id><Cretr><Pty>{element('Nm', gbk_text(us.name, 60))}"
        "<CtctDtls><EmailAdr></EmailAdr></CtctDtls></Pty></Cretr></Case>"
        f"<Undrlyg><TxInf><CxlId>{identity}</CxlId><OrgnlGrpInf><OrgnlMsgId>{sent.transaction}</OrgnlMsgId>"
        f"<OrgnlMsgNmId>{sent.kind}</OrgnlMsgNmId></OrgnlGrpInf>"
        f"<OrgnlEndToEndId>{sent.reference}</OrgnlEndToEndId><OrgnlTxId>{sent.transaction}</OrgnlTxId>"
        f'<OrgnlIntrBkSttlmAmt Ccy="CNY">{sent.amount}</OrgnlIntrBkSttlmAmt>'
        f"<CxlRsnInf><Rsn>{element('Prtry', gbk_text(reason, 35) or 'CUST')}</Rsn></CxlRsnInf>"
        "</TxInf></Undrlyg></FIToFIPmtCxlReq>"
    )
    draft = _to_centre(CANCELLATION, identity, us, at, "")
    header = replace(draft.header, receiver=sent.receiver)
    return Draft(header, document(CAMT_056, content))


def cancellation_id(transaction: str, us: CnapsParticipant, at: datetime) -> str:
    """The id of an order's cancellation, derived from the order's number."""
    return service_id(us, at, int(transaction) % SERVICE_NUMBERS)


def read_receipt(message: CnapsMessage, sent: CnapsHeader) -> str:
    """The code of ccms.990 or ccms.911: `0000`, or the process code with which the message was discarded.

    Raises:
        InvalidMessage: not about this message.

    """
    root, kind = message.root, message.header.kind
    about = (text_of(root, "OrigSndr"), text_of(root, "MsgTp"), text_of(root, "MsgId"))
    if kind not in {COMMUNICATED, DISCARDED} or about != (sent.sender, sent.kind, sent.id):
        raise InvalidMessage("not about the message that was sent")
    return text_of(root, "MsgProCd" if kind == COMMUNICATED else "ProcCd")


def read_answers(message: CnapsMessage) -> list[Answer]:
    """ibps.102, ibps.308 or ccms.900. A settlement notice of an order that was answered adds nothing.

    Raises:
        InvalidMessage: another message, or a required part is missing or malformed.

    """
    kind, root = message.header.kind, message.root
    if kind == ANSWER:
        return [_read_report(root, enquired=False)]
    if kind == CONFIRMATION:
        return _read_confirmation(root)
    if kind != CANCELLATION_ANSWER:
        raise InvalidMessage("not a response about an order")
    # The cancellation is a separate order: its outcome must not be read as that of the payment.
    report = _read_report(root, enquired=True)
    return [replace(report, ref=text_of(root, "OrgnlGrpInfAndSts/OrgnlMsgId"), uetr=None)]


def read_notice(message: CnapsMessage) -> str | None:
    """ccms.807 and saps.601 as text for operators; None for other messages.

    Raises:
        InvalidMessage: a required part is missing.

    """
    kind, root = message.header.kind, message.root
    if kind == SIGNED_OFF:
        return f"signed off: {text_of(root, 'GrpHdr/Rmk')}"
    return _read_settlement(root) if kind == SETTLEMENT else None


def read_status(message: CnapsMessage, sent: SentCnapsMessage, asked: str) -> Answer:
    """ibps.306, the response to the enquiry with the id `asked`.

    Raises:
        InvalidMessage: not the response to this enquiry.

    """
    root = message.root
    about = (text_of(root, "OrgnlGrpInf/OrgnlMsgId"), text_of(root, "RspsnInf/OrgnlMsgInf/OrgnlMsgId"))
    if message.header.kind != STATUS_ANSWER or about != (asked, sent.transaction):
        raise InvalidMessage("not the response to the enquiry")
    status, code = text_of(root, "RspsnInf/ProcSts"), text_at(root, "RspsnInf/ProcCd")
    if code == codes.NOT_FOUND:
        return _answer(sent.reference, Outcome.NOT_FOUND, code)
    if code not in {"", codes.OK}:
        return _answer(sent.reference, Outcome.UNKNOWN, code)
    party_code = text_at(root, "RspsnInf/PtyProcCd")
    amount = remarks(text_at(root, "RmkInf")).get("AMT")
    return _outcome_answer(sent.reference, status, party_code, amount, enquired=True)


def read_payee(message: CnapsMessage, account: str, asked: str) -> Payee | None:
    """ibps.310: the owner of an account; None if the system does not know the account.

    Raises:
        InvalidMessage: not the response to this request.

    """
    root = message.root
    if message.header.kind != ACCOUNT_ANSWER or text_of(root, "OrgnlGrpInf/OrgnlMsgId") != asked:
        raise InvalidMessage("not the response to the request")
    if codes.STATUSES.get(text_of(root, "RspsnInf/RspsnSts")) is not Outcome.DONE:
        return None
    if text_of(root, "QryRslt/Acct") != account:
        raise InvalidMessage("about another account")
    name = text_at(root, "QryRslt/AcctRslt/DbtAcct/Ntry/TpNm")
    return Payee(account=account, agent=text_of(root, "InstgPty"), name=name or None)


def is_signed_on(message: CnapsMessage, asked: str) -> bool:
    """ccms.806: whether the system accepted our sign-on with the id `asked`."""
    root = message.root
    about = text_at(root, "OrgnlGrpHdr/OrgnlMsgId")
    return (
        message.header.kind == LOGIN_ANSWER
        and about == asked
        and text_at(root, "LoginRslt/ProcCd") == codes.OK
    )


def local(at: datetime) -> str:
    """Date and time in Beijing without an offset, in the format of CNAPS."""
    return at.astimezone(BEIJING).isoformat(timespec="seconds")[:19]


def expiry(root: Element) -> datetime:
    """The instant when an order must be rejected: the next time of day `RjctTm` after `AccptncDtTm`.

    Raises:
        InvalidMessage: one of the two is missing or malformed.

    """
    try:
        made = datetime.fromisoformat(text_of(root, "CdtTrfTxInf/AccptncDtTm"))
        clock = datetime.strptime(text_of(root, "CdtTrfTxInf/SttlmTmReq/RjctTm"), "%H:%M:%S.%f").time()  # noqa: DTZ007 - a time of day
    except ValueError:
        raise InvalidMessage("not a time") from None
    at = datetime.combine(made.date(), clock)
    return (at if at >= made else at + timedelta(days=1)).replace(tzinfo=BEIJING)


def read_amount(text: str) -> Money:
    """Parse an amount in yuan with two decimals.

    Raises:
        InvalidMessage: not such an amount.

    """
    return amounts.read(text, PROFILE.currency, PROFILE.amounts)


def remark(reference: str, amount: Money | None = None) -> str:
    """A coded remark about an order."""
    return f"/E2E/{reference}" + (f"/AMT/{amount.currency}{amount.text}" if amount else "")


def own_group(identity: str, at: datetime) -> str:
    """The group header of CNAPS's own messages."""
    return f"<GrpHdr><MsgId>{identity}</MsgId><CreDtTm>{local(at)}</CreDtTm></GrpHdr>"


def subject(header: CnapsHeader) -> str:
    """The message that a communication message (ccms.990, ccms.911) is about."""
    return (
        f"<OrigSndr>{header.sender}</OrigSndr><OrigSndDt>{header.at:%Y%m%d}</OrigSndDt>"
        f"<MsgTp>{header.kind}</MsgTp><MsgId>{header.id}</MsgId><MsgRefId>{header.ref}</MsgRefId>"
    )


@dataclass(frozen=True, slots=True)
class CnapsReport:
    """What ibps.102 and ibps.308 say."""

    original: str
    """Id of the message that is answered."""
    kind: str
    """Of that message."""
    transaction: str
    reference: str
    """`EndToEndId` of the order."""
    status: str
    code: str
    """Reject code; may be empty."""
    amount: str
    """May be empty."""


def report(identity: str, at: datetime, said: CnapsReport) -> str:
    """pacs.002.001.03 with an empty signature element."""
    reason = f"<StsRsnInf><Rsn><Prtry>{said.code}</Prtry></Rsn></StsRsnInf>" if said.code else ""
    amount = f'<IntrBkSttlmAmt Ccy="CNY">{said.amount}</IntrBkSttlmAmt>' if said.amount else ""
    return (
        f"<FIToFIPmtStsRpt>{own_group(identity, at)}<OrgnlGrpInfAndSts>"
        f"<OrgnlMsgId>{said.original}</OrgnlMsgId><OrgnlMsgNmId>{said.kind}</OrgnlMsgNmId></OrgnlGrpInfAndSts>"
        f"<TxInfAndSts><StsId>{said.status}</StsId>{element('OrgnlEndToEndId', said.reference)}"
        f"<OrgnlTxId>{said.transaction}</OrgnlTxId>{reason}<OrgnlTxRef>"
        f"{amount}<Cdtr><CtctDtls><EmailAdr></EmailAdr></CtctDtls></Cdtr></OrgnlTxRef></TxInfAndSts></FIToFIPmtStsRpt>"
    )


def text_of(root: Element, path: str) -> str:
    """The text at a path of local names.

    Raises:
        InvalidMessage: absent or empty.

    """
    found = text_at(root, path)
    if not found:
        raise InvalidMessage(f"{path} is missing", path=path)
    return found


def text_at(root: Element, path: str) -> str:
    """The text at a path of local names; empty if there is none."""
    namespace = str(root.tag).partition("}")[0] + "}"
    return root.findtext("/".join(namespace + tag for tag in path.split("/"))) or ""


def _parties(payment: CreditTransfer, us: CnapsParticipant) -> str:
    """Debtor, agents and creditor, in the order of pacs.008.001.02."""
    account = creditor.find(payment.creditor_account, PROFILE.creditor)
    assert account is not None, "orders are checked before they are translated"
    agent, code = payment.debtor_agent, payment.creditor_agent.member_id
    branch = gbk_text(agent.name, 60) or gbk_text(agent.bic or agent.member_id, 60)
    return (
        f"<Dbtr>{element('Nm', _name(payment.debtor.name))}"
        "<CtctDtls><EmailAdr></EmailAdr></CtctDtls></Dbtr>"
        f"<DbtrAcct><Id><Othr>{element('Id', _debtor_account(payment))}{element('Issr', branch)}"
        f"</Othr></Id><Tp><Prtry>{PERSONAL}</Prtry></Tp></DbtrAcct>"
        f"<DbtrAgt><FinInstnId><ClrSysMmbId><MmbId>{us.bank}</MmbId></ClrSysMmbId></FinInstnId>"
        f"<BrnchId><Id>{us.bank}</Id><PstlAdr><CtrySubDvsn>{us.city}</CtrySubDvsn></PstlAdr></BrnchId></DbtrAgt>"
        f"<CdtrAgt><FinInstnId><ClrSysMmbId><MmbId>{code}</MmbId></ClrSysMmbId></FinInstnId>"
        f"<BrnchId><Id>{code}</Id></BrnchId></CdtrAgt>"
        f"<Cdtr>{element('Nm', _name(payment.creditor.name))}</Cdtr>"
        f"<CdtrAcct><Id><Othr><Id>{account.value}</Id>{_issuer(payment)}</Othr></Id></CdtrAcct>"
    )


def _debtor_account(payment: CreditTransfer) -> str:
    """The debtor's account; the payment's id if there is none, or none that can be written in full."""
    number = (payment.debtor_account and payment.debtor_account.id) or ""
    text = gbk_text(number, _ACCOUNT_MAX)
    whole = number.isascii() and len(number) <= _ACCOUNT_MAX
    return text if text and whole else uetrs.to_hex(payment.uetr)


def _issuer(payment: CreditTransfer) -> str:
    return element("Issr", gbk_text(payment.creditor_agent.name, 60))


def _remittance(payment: CreditTransfer) -> str:
    """The sender's text, after it the coded lines, which every system on the way must preserve."""
    instructed = payment.instructed_amount or payment.interbank_settlement_amount
    bank = payment.debtor_agent.bic or payment.debtor_agent.member_id
    lines = [
        gbk_text(payment.remittance, PROFILE.characters.remittance_max),
        gbk_text(payment.purpose and f"/PURP/{payment.purpose}", 140),
        f"/INSA/{instructed.currency}{instructed.text}",
        gbk_text(bank and f"/ORDB/{bank}", 140),
        gbk_text(f"/ROC/{payment.end_to_end_id}", 140),
    ]
    return f"<RmtInf>{''.join(element('Ustrd', line) for line in lines)}</RmtInf>"


def _to_centre(kind: str, identity: str, us: CnapsParticipant, at: datetime, content: str) -> Draft:
    """A message to the processing centre. The id in the header is the end of the message's own id."""
    header = CnapsHeader(us.bank, NPC, at, kind, identity[-20:], identity[-20:])
    return Draft(header, document(OWN + kind, content))


def _read_report(root: Element, *, enquired: bool) -> Answer:
    status = text_of(root, "TxInfAndSts/StsId")
    reference = text_of(root, "TxInfAndSts/OrgnlEndToEndId")
    code = text_at(root, "TxInfAndSts/StsRsnInf/Rsn/Prtry")
    amount = root.find("{*}TxInfAndSts/{*}OrgnlTxRef/{*}IntrBkSttlmAmt")
    stated = None if amount is None else f"{amount.get('Ccy', '')}{amount.text}"
    return _outcome_answer(reference, status, code, stated, enquired=enquired)


def _read_confirmation(root: Element) -> list[Answer]:
    """The outcome of a large payment; for an online payment only a rejection contains something new."""
    status = text_of(root, "CmonConfInf/ProcSts")
    remarks_of = remarks(text_at(root, "GrpHdr/Rmk"))
    large = text_of(root, "OrgnlGrpHdr/OrgnlMsgTp") == LARGE_ORDER
    if "E2E" not in remarks_of or (codes.STATUSES.get(status) is Outcome.DONE and not large):
        return []
    code = text_at(root, "CmonConfInf/PtyProcCd") or text_at(root, "CmonConfInf/ProcCd")
    return [_outcome_answer(remarks_of["E2E"], status, code, remarks_of.get("AMT"), enquired=False)]


def _read_settlement(root: Element) -> str:
    """saps.601: one booked entry, as text."""
    entry = "Ntfctn/Ntry"
    amount = root.find(f"{entry}/Amt", {"": CAMT_054})
    direction, day = text_of(root, f"{entry}/CdtDbtInd"), text_of(root, f"{entry}/BookgDt/Dt")
    if amount is None or amount.get("Ccy") != PROFILE.currency or direction not in _DIRECTIONS:
        raise InvalidMessage("not an entry in yuan", path=entry)
    value = read_amount(amount.text or "")
    return f"settled on {day}: {_DIRECTIONS[direction]} {value.currency} {value.text}"


def _outcome_answer(reference: str, status: str, code: str, amount: str | None, *, enquired: bool) -> Answer:
    """The outcome for a status and the code beside it."""
    outcome = codes.STATUSES.get(status, Outcome.UNKNOWN)
    if outcome is Outcome.REFUSED:
        outcome, reason = codes.outcome_of(code, enquired=enquired)
        return replace(_answer(reference, outcome, code or status), reason=reason)
    answer = _answer(reference, outcome, status)
    if outcome is not Outcome.DONE:
        return answer
    if amount is None or not amount.startswith(PROFILE.currency):
        raise InvalidMessage("a success without an amount")
    return replace(answer, amount=read_amount(amount.removeprefix(PROFILE.currency)))


def _answer(reference: str, outcome: Outcome, code: str) -> Answer:
    return Answer(reference, outcome, uetr=uetrs.from_hex(reference), rail_code=code or None)


def remarks(text: str) -> dict[str, str]:
    """The parts of a coded remark."""
    return dict(_REMARK.findall(text))


def _clock(at: datetime) -> str:
    return at.astimezone(BEIJING).strftime("%H:%M:%S.%f")[:-3]


def _name(text: str | None) -> str:
    return gbk_text(text, PROFILE.characters.name_max)
