"""A simulated CNAPS that checks header, signature, structure, ids and check digits, and has its own book.

`POST /cnaps/v1/messages` accepts every message: ibps.101 and hvps.111 (ccms.990 at once, then ibps.102 and
ccms.900 to the callback address; only ccms.900 for a large payment), ibps.305 (ibps.306), ibps.307 (ccms.990,
later ibps.308), ibps.309 (ibps.310) and ccms.805 (ccms.806); and ibps.102 and ibps.308 about payments abroad
of its own customers (ccms.990). Messages that it does not accept are discarded with ccms.911.
"""

import itertools
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from adapters import keys
from adapters import uetr as uetrs
from adapters.china import codes, messages, sandbox, shapes
from adapters.china.client import CONTENT_TYPE, PATH
from adapters.china.messages import CnapsReport, text_of
from adapters.china.ordering import CnapsOrders
from adapters.china.profile import IBPS_CAP_MINOR, PROFILE
from adapters.china.text import element
from adapters.china.wire import (
    NPC,
    CnapsHeader,
    CnapsMessage,
    document,
    open_own,
    open_sealed,
    seal,
    with_broken_signature,
)
from adapters.identifiers import is_cnaps
from adapters.port import Outcome
from adapters.simulation.book import BookEntry, EntryStatus
from adapters.simulation.magic import Corruption
from adapters.simulation.payers import RailPayers
from adapters.simulation.rail import CreditOrder, DifferentContent, OrderProcessor, RailRequest, RailResponse
from adapters.simulation.server import Callbacks, SimulatorSettings, open_payers, open_processor
from schemas.errors import InvalidMessage, NotAuthentic
from schemas.money import Money

_STATUSES: Final = {
    Outcome.DONE: codes.PAID,
    Outcome.REFUSED: codes.REJECTED,
    Outcome.PENDING: codes.FORWARDED,
}
_STRANGER: Final = "0" * 31 + "1"
_MASKED: Final = "\u738b*\u660e"
_NUMBERS_PER_S: Final = 1000
_NO_ORIGINAL: Final = "NOOR"
_OK: Final = 200
_CONFLICT: Final = 409


class MessageDiscarded(Exception):
    """The system discards the message; the process code is sent in ccms.911."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


@dataclass(slots=True)
class CnapsSimulator:
    """The system as participants see it."""

    processor: OrderProcessor
    bank: str
    """The participant's CNAPS code."""
    rail_key: RSAPrivateKey
    participant_key: RSAPublicKey
    payers: RailPayers
    references: dict[str, str] = field(default_factory=dict)
    """Message id -> reference of the order: one id belongs to one order."""
    own: "itertools.count[int]" = field(
        default_factory=lambda: itertools.count(int(time.time()) % 86400 * _NUMBERS_PER_S)
    )
    """Numbers of the system's own messages."""
    signed_on: bool = True
    """Becomes false when the system closes out of hours and signs its participants off."""

    async def handle(self, request: RailRequest) -> RailResponse | None:
        """Respond to a request at the system's address."""
        if request.path != PATH or request.method != "POST":
            return RailResponse(404)
        if request.headers.get("content-type") != CONTENT_TYPE:
            return RailResponse(415)
        try:
            message = open_sealed(request.body, self.participant_key)
        except InvalidMessage:
            return RailResponse(400)
        except NotAuthentic:
            return self._unauthentic(request.body)
        try:
            self._must_be_ours(message)
            return await self._answer(message, request.body)
        except (MessageDiscarded, InvalidMessage) as error:
            code = error.code if isinstance(error, MessageDiscarded) else "IB1O0002"
            return RailResponse(body=self._discarded(message.header, code))

    def _unauthentic(self, raw: bytes) -> RailResponse:
        """Respond with ccms.911, since the header is readable; without one HTTP refuses the request."""
        try:
            header = open_own(raw).header
        except (InvalidMessage, NotAuthentic):
            return RailResponse(401)
        return RailResponse(body=self._discarded(header, "IB1O0003"))

    async def _answer(self, message: CnapsMessage, raw: bytes) -> RailResponse | None:
        match message.header.kind:
            case messages.ORDER | messages.LARGE_ORDER:
                return await self._pay(message, raw)
            case messages.STATUS_REQUEST:
                return RailResponse(body=self._status(message))
            case messages.CANCELLATION:
                return self._cancel(message)
            case messages.ACCOUNT_REQUEST:
                return RailResponse(body=self._account_owner(message))
            case messages.ANSWER | messages.CANCELLATION_ANSWER:
                return self._told(message, raw)
            case _:
                return RailResponse(body=self._signed_on(message))

    def _must_be_ours(self, message: CnapsMessage) -> None:
        """Check structure, sender and direction."""
        header = message.header
        shapes.check(header.kind, message.root)
        answers = header.kind in {messages.ANSWER, messages.CANCELLATION_ANSWER}
        if header.direction != "U" or (header.ref == header.id) == answers:
            raise MessageDiscarded("IB1O0001")
        if header.sender != self.bank:
            raise MessageDiscarded(codes.NOT_SIGNED_ON)

    async def _pay(self, message: CnapsMessage, raw: bytes) -> RailResponse:
        credit = self._credit(message, raw)
        if not self.signed_on:
            self.processor.must_be_open()
            raise MessageDiscarded(codes.NOT_SIGNED_ON)
        transaction = text_of(message.root, "CdtTrfTxInf/PmtId/TxId")
        if self.references.setdefault(transaction, credit.ref) != credit.ref:
            raise MessageDiscarded("IB1O0006")
        try:
            case = self.processor.accept(credit)
        except DifferentContent:
            raise MessageDiscarded("IB1O0006") from None
        builder = _ResponseBuilder(self, message.header.kind, transaction)
        return await self.processor.respond_by_callback(case, self._communicated(message.header), builder)

    def _credit(self, message: CnapsMessage, raw: bytes) -> CreditOrder:
        """Parse an order and check every part of it."""
        root, header = message.root, message.header
        transaction, ref = (text_of(root, f"CdtTrfTxInf/PmtId/{tag}") for tag in ("TxId", "EndToEndId"))
        sender, receiver = (
            text_of(root, f"CdtTrfTxInf/{tag}/FinInstnId/ClrSysMmbId/MmbId") for tag in ("DbtrAgt", "CdtrAgt")
        )
        if (sender, receiver) != (header.sender, header.receiver):
            raise MessageDiscarded("IB1O0007")
        day = header.at.strftime("%Y%m%d")
        if text_of(root, "GrpHdr/MsgId") != transaction or not transaction.startswith(sender + day):
            raise MessageDiscarded("IB1O0008")
        if not is_cnaps(receiver):
            raise MessageDiscarded("IB1O0009")
        amount = messages.read_amount(text_of(root, "CdtTrfTxInf/IntrBkSttlmAmt"))
        large = header.kind == messages.LARGE_ORDER
        if amount.minor > PROFILE.limits.maximum_minor or (amount.minor > IBPS_CAP_MINOR) != large:
            raise MessageDiscarded("IB1O0012")
        account = text_of(root, "CdtTrfTxInf/CdtrAcct/Id/Othr/Id")
        if not messages.is_account(account):
            raise MessageDiscarded("IB1O0013")
        return CreditOrder(
            ref=ref,
            uetr=uetrs.from_hex(ref) or "",
            amount=amount,
            account=account,
            expires_at=messages.expiry(root),
            content=raw,
        )

    def _status(self, message: CnapsMessage) -> bytes:
        root = message.root
        asked = text_of(root, "OrgnlMsgInf/OrgnlMsgId")
        ref = self.references.get(asked) or messages.remarks(text_of(root, "RmkInf")).get("E2E", "")
        finding = self.processor.enquire(ref)
        amount, code = None, ""
        if finding.entry is None:
            state = f"<ProcSts>{codes.REJECTED}</ProcSts><ProcCd>{codes.NOT_FOUND}</ProcCd>"
        else:
            state = f"<ProcSts>{_STATUSES[finding.outcome]}</ProcSts><ProcCd>{codes.OK}</ProcCd>"
            code = finding.code if finding.outcome is Outcome.REFUSED else ""
            minor = finding.entry.amount_minor + (finding.corruption is Corruption.AMOUNT)
            amount = Money(minor, finding.entry.currency)
        identity, at = self._new_id(), datetime.now(UTC)
        content = (
            f"<TxStsRspn>{messages.own_group(identity, at)}<InstgPty>{NPC}</InstgPty>"
            f"<InstdPty>{self.bank}</InstdPty><OrgnlGrpInf>"
            f"<OrgnlMsgId>{text_of(root, 'GrpHdr/MsgId')}</OrgnlMsgId><ProcSts>{codes.PROCESSED}</ProcSts>"
            f"</OrgnlGrpInf><RspsnInf><OrgnlMsgInf><OrgnlSndrId>{self.bank}</OrgnlSndrId>"
            f"<OrgnlMsgId>{asked}</OrgnlMsgId></OrgnlMsgInf>{state}{element('PtyProcCd', code)}</RspsnInf>"
            f"{element('RmkInf', messages.remark(ref, amount))}<DgtSgntr></DgtSgntr></TxStsRspn>"
        )
        return self._down(messages.STATUS_ANSWER, message.header, identity, content)

    def _cancel(self, message: CnapsMessage) -> RailResponse:
        """Reverse a credit; the response is sent later."""
        root = message.root
        original = text_of(root, "Undrlyg/TxInf/OrgnlEndToEndId")
        entry = self.processor.reverse(original)
        identity = text_of(root, "Assgnmt/Id")
        status = codes.PROCESSED if entry else codes.REJECTED
        amount = text_of(root, "Undrlyg/TxInf/OrgnlIntrBkSttlmAmt")
        code = "" if entry else _NO_ORIGINAL
        said = CnapsReport(identity, messages.CANCELLATION, identity, original, status, code, amount)
        content = messages.report(self._new_id(), datetime.now(UTC), said)
        header = self._header(messages.CANCELLATION_ANSWER, message.header.id)
        self.processor.later(seal(header, document(messages.PACS_002, content), self.rail_key))
        return RailResponse(body=self._communicated(message.header))

    def _account_owner(self, message: CnapsMessage) -> bytes:
        root = message.root
        account = text_of(root, "QryInf/Acct")
        known = bool(account in sandbox.ALIASES or sandbox.word_of(account))
        status = codes.PROCESSED if known else codes.REJECTED
        result = (
            f"<QryRslt><Acct>{account}</Acct><AcctTp>{messages.PERSONAL}</AcctTp><AcctRslt><DbtAcct><Ntry>"
            f'<Acct>{account}</Acct><Bal Ccy="CNY">0.00</Bal><TpNm>{_MASKED}</TpNm>'
            "</Ntry></DbtAcct></AcctRslt></QryRslt>"
        )
        identity, at = self._new_id(), datetime.now(UTC)
        content = (
            f"<AthtctnAcctInfRspn>{messages.own_group(identity, at)}<InstgPty>{sandbox.BANK}</InstgPty>"
            f"<InstdPty>{self.bank}</InstdPty>"
            f"<OrgnlGrpInf><OrgnlMsgId>{text_of(root, 'GrpHdr/MsgId')}</OrgnlMsgId></OrgnlGrpInf>"
            f"<RspsnInf><RspsnSts>{status}</RspsnSts>{'' if known else '<RjctCd>RJ01</RjctCd>'}</RspsnInf>"
            f"{result if known else ''}<DgtSgntr></DgtSgntr></AthtctnAcctInfRspn>"
        )
        return self._down(messages.ACCOUNT_ANSWER, message.header, identity, content)

    def _told(self, message: CnapsMessage, raw: bytes) -> RailResponse:
        """What the switch says about an order of ours; discarded if the payer is not debited any more."""
        status = self.payers.told(raw)
        if status == _CONFLICT:
            raise MessageDiscarded(codes.ENDED)
        return (
            RailResponse(body=self._communicated(message.header)) if status == _OK else RailResponse(status)
        )

    def _signed_on(self, message: CnapsMessage) -> bytes:
        self.signed_on = True
        identity = self._new_id()
        content = (
            f"<LoginRspn>{messages.own_group(identity, datetime.now(UTC))}<OrgnlGrpHdr>"
            f"<OrgnlMsgId>{text_of(message.root, 'GrpHdr/MsgId')}</OrgnlMsgId></OrgnlGrpHdr>"
            f"<LoginRslt><ProcCd>{codes.OK}</ProcCd></LoginRslt></LoginRspn>"
        )
        return self._down(messages.LOGIN_ANSWER, message.header, identity, content)

    def outcome(
        self, kind: str, transaction: str, entry: BookEntry, outcome: Outcome, corruption: Corruption
    ) -> bytes:
        """The response about an order: ibps.102, or ccms.900 for a large one; corrupted if scripted."""
        ref, original = entry.rail_ref, transaction
        if corruption is Corruption.REFERENCE:
            ref, original = _STRANGER, transaction[:20] + "99999999"
        amount = Money(entry.amount_minor + (corruption is Corruption.AMOUNT), entry.currency)
        code = entry.code if outcome is Outcome.REFUSED else ""
        if kind == messages.LARGE_ORDER:
            status = codes.SETTLED if outcome is Outcome.DONE else _STATUSES[outcome]
            body = self._confirmation(kind, original, ref, status, code=code, amount=amount)
        else:
            said = CnapsReport(original, kind, original, ref, _STATUSES[outcome], code, amount.text)
            content = messages.report(self._new_id(), datetime.now(UTC), said)
            header = self._header(messages.ANSWER, ref[:20], sender=sandbox.BANK)
            body = seal(header, document(messages.PACS_002, content), self.rail_key)
            if outcome is Outcome.DONE and entry.outcome is EntryStatus.DONE:
                self.processor.later(self._confirmation(kind, original, ref, codes.SETTLED, amount=amount))
        return with_broken_signature(body) if corruption is Corruption.SIGNATURE else body

    def _confirmation(
        self, kind: str, transaction: str, ref: str, status: str, *, amount: Money, code: str = ""
    ) -> bytes:
        """ccms.900 about an order."""
        identity, at = self._new_id(), datetime.now(UTC)
        content = (
            f"<CmonConf><GrpHdr><MsgId>{identity}</MsgId><CreDtTm>{messages.local(at)}</CreDtTm>"
            f"<InstgPty>{NPC}</InstgPty><InstdPty>{self.bank}</InstdPty><SysCd>{kind[:4].upper()}</SysCd>"
            f"<Rmk>{messages.remark(ref, amount)}</Rmk></GrpHdr>"
            f"<OrgnlGrpHdr><OrgnlMsgId>{transaction}</OrgnlMsgId>"
            f"<OrgnlInstgPty>{self.bank}</OrgnlInstgPty><OrgnlMsgTp>{kind}</OrgnlMsgTp></OrgnlGrpHdr>"
            f"<CmonConfInf><ProcSts>{status}</ProcSts><ProcCd>{codes.OK}</ProcCd>{element('PtyProcCd', code)}"
            f"<PrcDt>{messages.local(at)[:10]}</PrcDt></CmonConfInf></CmonConf>"
        )
        header = self._header(messages.CONFIRMATION, ref[:20], system=kind[:4].upper())
        return seal(header, document(messages.OWN + messages.CONFIRMATION, content), self.rail_key)

    def announcement(self, until: datetime) -> bytes:
        """ccms.807: participants are signed off. Before it, saps.601 settles their payments of the day."""
        self.signed_on = False
        at = datetime.now(UTC)
        day = PROFILE.hours.day(at)
        paid = sum(
            entry.amount_minor for entry in self.processor.cycle(day) if entry.outcome is EntryStatus.DONE
        )
        if paid:
            self.processor.later(self._settlement(day, paid))
        text = f"系统关闭至 {messages.local(until).replace('T', ' ')} 北京时间"
        content = (
            f"<LogoutNtfctn><GrpHdr><MsgId>{self._new_id()}</MsgId><CreDtTm>{messages.local(at)}</CreDtTm>"
            f"<InstgPty>{NPC}</InstgPty><InstdPty>{self.bank}</InstdPty><SysCd>IBPS</SysCd><Rmk>{text}</Rmk>"
            "</GrpHdr></LogoutNtfctn>"
        )
        header = self._header(messages.SIGNED_OFF)
        return seal(header, document(messages.OWN + messages.SIGNED_OFF, content), self.rail_key)

    def _settlement(self, day: str, paid_minor: int) -> bytes:
        """saps.601 (camt.054.001.02): our payments of this day of the rail's clock are debited."""
        at, identity = datetime.now(UTC), self._new_id()
        content = (
            f"<BkToCstmrDbtCdtNtfctn><GrpHdr><MsgId>{identity}</MsgId><CreDtTm>{messages.local(at)}</CreDtTm>"
            f"</GrpHdr><Ntfctn><Id>{identity}</Id><CreDtTm>{messages.local(at)}</CreDtTm>"
            f"<Acct><Id><Othr><Id>{self.bank}</Id></Othr></Id></Acct>"
            f'<Ntry><Amt Ccy="{PROFILE.currency}">{Money(paid_minor, PROFILE.currency).text}</Amt>'
            f"<CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>{day}</Dt></BookgDt>"
            f"<BkTxCd><Prtry><Cd>{messages.CATEGORY}</Cd></Prtry></BkTxCd></Ntry>"
            "</Ntfctn></BkToCstmrDbtCdtNtfctn>"
        )
        header = self._header(messages.SETTLEMENT)
        return seal(header, document(messages.CAMT_054, content), self.rail_key)

    def _communicated(self, about: CnapsHeader) -> bytes:
        """ccms.990."""
        content = f"<ComuCnfm>{messages.subject(about)}<MsgProCd>{codes.COMMUNICATED}</MsgProCd></ComuCnfm>"
        header = self._header(messages.COMMUNICATED, about.id, system=about.system)
        return seal(header, document(messages.OWN + messages.COMMUNICATED, content), self.rail_key)

    def _discarded(self, about: CnapsHeader, code: str) -> bytes:
        """ccms.911."""
        content = (
            f"<DscrdMsgNtfctn>{messages.subject(about)}<ProcCd>{code}</ProcCd>"
            f"<RjctInf>{codes.PROCESS[code].meaning}</RjctInf></DscrdMsgNtfctn>"
        )
        header = self._header(messages.DISCARDED, about.id, system=about.system)
        return seal(header, document(messages.OWN + messages.DISCARDED, content), self.rail_key)

    def _down(self, kind: str, about: CnapsHeader, identity: str, content: str) -> bytes:
        """A message of the processing centre in response to one of ours."""
        header = self._header(kind, about.id, identity=identity[-20:])
        return seal(header, document(messages.OWN + kind, content), self.rail_key)

    def _header(
        self, kind: str, ref: str = "", *, sender: str = NPC, identity: str = "", system: str = "IBPS"
    ) -> CnapsHeader:
        """`ref` is the id of the message that is answered; a message that answers none refers to itself."""
        mine = identity or uuid4().hex[:20]
        return CnapsHeader(sender, self.bank, datetime.now(UTC), kind, mine, ref or mine, "D", system)

    def _new_id(self) -> str:
        return messages.transaction_id("0" * 12, datetime.now(UTC), next(self.own))


@dataclass(frozen=True, slots=True)
class _ResponseBuilder:
    """Builds the responses about one order."""

    simulator: CnapsSimulator
    kind: str
    transaction: str

    def __call__(self, entry: BookEntry, outcome: Outcome, corruption: Corruption) -> bytes:
        return self.simulator.outcome(self.kind, self.transaction, entry, outcome, corruption)


def simulator(settings: SimulatorSettings, callbacks: Callbacks) -> CnapsSimulator:
    """The simulated rail for these settings."""
    bank, rail_key = settings.identity["bank"], keys.private(settings.rail_key)
    participant_key = keys.public(settings.participant_key)
    orders = CnapsOrders(bank, rail_key, participant_key)
    return CnapsSimulator(
        processor=open_processor(
            settings, callbacks, PROFILE, native_code=codes.native_of, word_of=sandbox.word_of
        ),
        bank=bank,
        rail_key=rail_key,
        participant_key=participant_key,
        payers=open_payers(settings, callbacks, PROFILE, orders),
    )
