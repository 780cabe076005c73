"""A simulated SBP that checks envelope, signature, structure, ids and account keys, and has its own book.

`POST /ufebs/v1/messages` accepts every message: ED701 and ED702 (ED201 at once, ED706 or ED705 to the
callback address), ED202 (ED705, and a copy of ED706 when settled), ED243 (ED244), ED742 (ED743, and ED705 for
refused orders) and ED999 (ED201). Its customers may pay abroad (`ordering`); ED706 and ED705 are then what
the switch says of it.
"""

import itertools
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from lxml import etree
from lxml.etree import _Element as Element

from adapters import keys
from adapters import uetr as uetrs
from adapters.identifiers import is_russian_account
from adapters.port import Outcome
from adapters.russia import codes, directory, messages, sandbox, shapes
from adapters.russia.client import CONTENT_TYPE, PATH
from adapters.russia.directory import BankDirectory
from adapters.russia.envelope import (
    MAC_BEGIN,
    NAMESPACE,
    EdId,
    UfebsMessage,
    instant,
    open_sealed,
    root,
    seal,
)
from adapters.russia.ordering import SbpOrders
from adapters.russia.profile import ORDER_NUMBERS, PROFILE
from adapters.simulation.book import BookEntry, EntryStatus
from adapters.simulation.magic import Corruption
from adapters.simulation.payers import RailPayers
from adapters.simulation.rail import (
    CreditOrder,
    DifferentContent,
    OrderProcessor,
    RailRequest,
    RailResponse,
    with_broken_signature,
)
from adapters.simulation.server import Callbacks, SimulatorSettings, open_payers, open_processor
from schemas.errors import InvalidMessage, NotAuthentic

_ORDERS: Final = {"ED701": messages.DOMESTIC, "ED702": messages.CROSS_BORDER}
_RETURNS: Final = {"ED701": messages.DOMESTIC_RETURN, "ED702": messages.CROSS_BORDER_RETURN}
_STATES: Final = {outcome: state for state, outcome in codes.STATES.items()}
_ANSWERS: Final = frozenset({"ED705", "ED706"})
_OK: Final = 200
_CONFLICT: Final = 409
_STRANGER: Final = "0" * 31 + "1"
_MASKED: Final = "\u0418\u0432\u0430\u043d \u0418. \u041f."
_NUMBERS_PER_S: Final = 1000


class SbpRefusal(Exception):
    """The control refuses the message; the code is sent in ED201."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


@dataclass(slots=True)
class SbpSimulator:
    """The system as participants see it."""

    processor: OrderProcessor
    uid: str
    operator: str
    banks: BankDirectory
    rail_key: RSAPrivateKey
    participant_key: RSAPublicKey
    payers: RailPayers
    numbers: "Numbers"
    own: "itertools.count[int]" = field(
        default_factory=lambda: itertools.count(int(time.time()) % 86400 * _NUMBERS_PER_S + 1)
    )
    """Numbers of the system's own messages."""

    async def handle(self, request: RailRequest) -> RailResponse | None:
        """Respond to a request at the system's address."""
        if request.path != PATH or request.method != "POST":
            return RailResponse(404)
        if request.headers.get("content-type") != CONTENT_TYPE:
            return RailResponse(415)
        try:
            message = open_sealed(request.body, self.participant_key)
        except (NotAuthentic, InvalidMessage) as error:
            return RailResponse(error.status)
        if etree.QName(message.elements[0]).localname in _ANSWERS:
            return self._told(message, request.body)
        try:
            self._must_be_ours(message)
            return await self._answer(message, request.body)
        except (SbpRefusal, InvalidMessage) as error:
            code = error.code if isinstance(error, SbpRefusal) else "1001"
            return self._response(self._control(message, code))

    def _told(self, message: UfebsMessage, raw: bytes) -> RailResponse:
        """What the switch says about an order of ours."""
        document = message.document
        if (document.get("EDAuthor"), document.get("EDReceiver")) != (self.uid, self.operator):
            return self._response(self._control(message, "1003"))
        status = self.payers.told(raw)
        code = {_OK: codes.ACCEPTED, _CONFLICT: codes.ENDED}.get(status)
        return RailResponse(status) if code is None else self._response(self._control(message, code))

    async def _answer(self, message: UfebsMessage, raw: bytes) -> RailResponse | None:
        kind = etree.QName(message.document).localname
        match kind:
            case "ED701" | "ED702":
                if message.document.get("OperationType") == _RETURNS[kind]:
                    return self._return(message)
                return await self._pay(message, raw)
            case "ED202":
                return self._response(self._status(message))
            case "ED243":
                return self._response(self._payee(message))
            case "ED742":
                return self._response(self._register(message))
            case _:
                return self._response(self._control(message, codes.ACCEPTED))

    def _must_be_ours(self, message: UfebsMessage) -> None:
        """Check author, receiver, structure, and that the number is not that of another transaction."""
        document = message.document
        shapes.check(document)
        identity = EdId.of(document)
        if {message.sender, identity.author} != {self.uid}:
            raise SbpRefusal("1003")
        if {message.receiver, document.get("EDReceiver")} != {self.operator}:
            raise SbpRefusal("1004")
        if message.id != identity.text:
            raise InvalidMessage("the envelope is that of another message")

    async def _pay(self, message: UfebsMessage, raw: bytes) -> RailResponse:
        credit = self._credit(message, raw)
        identity = EdId.of(message.document)
        operation = message.document.get("OperationType", "")
        if identity.number > ORDER_NUMBERS or not self.numbers.claim(identity, credit.ref, operation):
            raise SbpRefusal("2001")
        try:
            case = self.processor.accept(credit)
        except DifferentContent:
            raise SbpRefusal("2002") from None
        acknowledgement = self._sealed(self._control(message, codes.ACCEPTED))
        return await self.processor.respond_by_callback(
            case, acknowledgement, _ResponseBuilder(self, identity)
        )

    def _credit(self, message: UfebsMessage, raw: bytes) -> CreditOrder:
        """Parse an order and check every part of it."""
        document = message.document
        if document.get("OperationType") != _ORDERS[etree.QName(document).localname]:
            raise SbpRefusal("1005")
        ref = document.get("TransactionID", "")
        uetr = uetrs.from_hex(ref)
        if uetr is None or message.about != ref or message.expires_at is None:
            raise SbpRefusal("1001")
        amount = messages.read_kopecks(document.get("Sum", ""))
        if amount.minor > PROFILE.limits.maximum_minor:
            raise SbpRefusal("4002")
        return CreditOrder(
            ref=ref,
            uetr=uetr,
            amount=amount,
            account=self._account(_part(document, "Payee")),
            expires_at=message.expires_at,
            content=raw,
        )

    def _account(self, payee: Element) -> str:
        """The account to pay: its key matches the bank, or it is the account of a known phone."""
        place, account = _part(payee, "Bank"), _part(payee, "AccountInfo")
        bank = self.banks.find(place.get("BIC"), None)
        if bank is None or place.get("CorrespAcc") != bank.account:
            raise SbpRefusal("3002")
        value = account.get("AccountValue", "")
        if account.get("AccountType") == "EPID":
            number = payee.findtext(f"{{{etree.QName(payee).namespace}}}PhoneNumber")
            if number != value or messages.phone(value) is None:
                raise SbpRefusal("3005")
            known = sandbox.ALIASES.get(value)
            if known is None:
                raise SbpRefusal("3006")
            return known
        if account.get("AccountType") != "BBAN" or not is_russian_account(value, bank.bik):
            raise SbpRefusal("3001")
        return value

    def _return(self, message: UfebsMessage) -> RailResponse:
        """Reverse a credit; the response is sent later, as for an order."""
        document = message.document
        original, ref = document.get("PaymentID", ""), document.get("TransactionID", "")
        if ref != messages.return_id(original) or message.about != ref:
            raise SbpRefusal("1001")
        entry = self.processor.reverse(original)
        identity = EdId.of(document)
        if entry is None:
            later = self._state(identity, ref, Outcome.REFUSED, code=codes.native_of("NOOR"))
        else:
            later = self._confirmation(identity, ref, entry.amount_minor)
        self.processor.later(self._sealed(self._message([later], ref)))
        return self._response(self._control(message, codes.ACCEPTED))

    def _status(self, message: UfebsMessage) -> UfebsMessage:
        asked = EdId.of(_part(message.document, "EDRefID"))
        ref = message.about
        finding = self.processor.enquire(ref)
        initial = EdId.of(message.document)
        if finding.entry is None:
            found = [self._state(asked, ref, Outcome.NOT_FOUND, initial=initial)]
        else:
            found = [self._state(asked, ref, finding.outcome, code=finding.code, initial=initial)]
            if finding.outcome is Outcome.DONE:
                minor = finding.entry.amount_minor + (finding.corruption is Corruption.AMOUNT)
                found.append(self._confirmation(asked, ref, minor))
        return self._message(found, ref, correlation=message.id)

    def _register(self, message: UfebsMessage) -> UfebsMessage:
        """ED743 about a day, then ED705 for every refused order of it."""
        asked = _part(message.document, "RequestInfo")
        day = _part(asked, "BusinessDay").get("AbstractDate", "")
        entries = self.processor.cycle(day)
        paid = [entry for entry in entries if entry.outcome is not EntryStatus.REFUSED]
        back = [replace(entry, rail_ref=messages.return_id(entry.rail_ref)) for entry in paid
                if entry.outcome is EntryStatus.REVERSED]  # fmt: skip
        register = self._document(
            "ED743",
            CreationDateTime=instant(datetime.now(UTC)),
            **_totals("Debet", paid),
            **_totals("Credit", back),
        )
        info = _add(register, "RequestInfo", BIC=asked.get("BIC", ""), CorrespAcc=asked.get("CorrespAcc", ""))
        _add(info, "BusinessDay", AbstractDate=day)
        bank = self.banks.find(sandbox.BIK, None)
        assert bank is not None
        for direction, lines in (("DEBT", paid), ("CRED", back)):
            there = _add(register, "FPSTransInfo", BICCorr=bank.bik, CorrespAcc=bank.account, DC=direction)
            for entry in lines:
                self._add_line(there, entry, day)
        initial = EdId.of(message.document)
        _reference(register, "InitialED", initial)
        refused = [self._refusal(entry, initial) for entry in entries if entry.outcome is EntryStatus.REFUSED]
        return self._message([register, *refused], "", correlation=message.id)

    def _add_line(self, there: Element, entry: BookEntry, day: str) -> None:
        _, operation = self.numbers.of(entry.rail_ref)
        _add(
            there,
            "TransInfo",
            TransactionID=entry.rail_ref,
            Sum=str(entry.amount_minor),
            OperationType=operation,
            TransDateTime=instant(datetime.fromisoformat(entry.at)),
            ExecDate=day,
        )

    def _refusal(self, entry: BookEntry, initial: EdId) -> Element:
        order, _ = self.numbers.of(entry.rail_ref)
        return self._state(order, entry.rail_ref, Outcome.REFUSED, code=entry.code, initial=initial)

    def _payee(self, message: UfebsMessage) -> UfebsMessage:
        document = message.document
        identity = EdId.of(document)
        asked = document.find(f"{{{NAMESPACE}}}EDDefineRequestInfo")
        found = self._known(asked) if asked is not None else None
        answer = self._document(
            "ED244",
            EDDefineRequestCode=document.get("EDDefineRequestCode", ""),
            EDDefineAnswerCode=messages.PAYEE_FOUND if found else "02",
        )
        _reference(answer, "OriginalEPD", EdId.of(_part(document, "OriginalEPD")))
        if found:
            bank = self.banks.find(sandbox.BIK, None)
            assert bank is not None
            info = _add(
                answer, "EDDefineAnswerInfo", PayeeAcc=found, PayeeBIC=bank.bik, PayeeCorrAcc=bank.account
            )
            _add(info, "PayeeLongName").text = _MASKED
        _reference(answer, "InitialED", identity)
        return self._message([answer], "", correlation=message.id)

    def _known(self, asked: Element) -> str | None:
        """The requested account, by phone or by number."""
        number = asked.findtext(f"{{{NAMESPACE}}}EDFieldList/{{{NAMESPACE}}}FieldValue")
        if number is not None:
            return sandbox.ALIASES.get(number)
        account = asked.get("PayeeAcc", "")
        return account if is_russian_account(account, sandbox.BIK) else None

    def outcome(self, order: EdId, entry: BookEntry, outcome: Outcome, corruption: Corruption) -> bytes:
        """ED706 or ED705 about an entry, corrupted if the script says so."""
        ref = _STRANGER if corruption is Corruption.REFERENCE else entry.rail_ref
        if outcome is Outcome.DONE:
            document = self._confirmation(order, ref, entry.amount_minor + (corruption is Corruption.AMOUNT))
        else:
            document = self._state(order, ref, outcome, code=entry.code)
        body = self._sealed(self._message([document], ref))
        return with_broken_signature(body, MAC_BEGIN) if corruption is Corruption.SIGNATURE else body

    def _control(self, message: UfebsMessage, code: str) -> UfebsMessage:
        """ED201 about a message."""
        row = codes.CODES[code]
        document = self._document("ED201", CtrlCode=code, CtrlTime=instant(datetime.now(UTC)))
        _add(document, "Annotation").text = row.meaning
        identity = _readable_id(message)
        if identity is not None:
            _reference(document, "EDRefID", identity)
        return self._message([document], message.about, correlation=message.id)

    def _confirmation(self, order: EdId, ref: str, minor: int) -> Element:
        """ED706."""
        at = instant(datetime.now(UTC))
        document = self._document("ED706", Sum=str(minor), TransDateTime=at, TransactionID=ref)
        _reference(document, "EDRefID", order)
        return document

    def _state(
        self, order: EdId, ref: str, outcome: Outcome, *, code: str = "", initial: EdId | None = None
    ) -> Element:
        """ED705; `code` is a control code, with the ISO reason if it needs one."""
        number, _, reason = code.partition(" ")
        document = self._document("ED705", StatusStateCode=_STATES[outcome], TransactionID=ref)
        if outcome is Outcome.REFUSED:
            document.set("CtrlCode", number)
            _add(document, "Annotation").text = reason or codes.CODES[number].meaning
        _reference(document, "InitialED", initial or order)
        _reference(document, "EDRefID", order)
        return document

    def announcement(self, until: datetime) -> bytes:
        """ED330: the system has closed."""
        document = root(NAMESPACE, "ED330", self._own_id().attributes)
        text = f"Система закрыта до {until.astimezone(messages.MOSCOW):%d.%m.%Y %H:%M} по московскому времени"
        _add(document, "CorrectionDescription").text = text
        return self._sealed(self._message([document], ""))

    def _own_id(self) -> EdId:
        return EdId(next(self.own), datetime.now(messages.MOSCOW).date().isoformat(), self.operator)

    def _document(self, tag: str, **attributes: str) -> Element:
        whole = {**self._own_id().attributes, "EDReceiver": self.uid, **attributes}
        return root(NAMESPACE, tag, whole)

    def _message(
        self, documents: Sequence[Element], about: str, *, correlation: str | None = None
    ) -> UfebsMessage:
        return UfebsMessage(
            sender=self.operator,
            receiver=self.uid,
            id=EdId.of(documents[0]).text,
            about=about,
            created_at=datetime.now(UTC),
            documents=documents,
            correlation=correlation,
        )

    def _response(self, message: UfebsMessage) -> RailResponse:
        return RailResponse(body=self._sealed(message), content_type=CONTENT_TYPE)

    def _sealed(self, message: UfebsMessage) -> bytes:
        return seal(message, self.rail_key)


@dataclass(slots=True)
class Numbers:
    """The number of each order: one number is one message on a day of its author. Stored beside the book."""

    path: Path
    _orders: dict[EdId, str] = field(default_factory=dict, init=False)
    _by_ref: dict[str, tuple[EdId, str]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        if not self.path.exists():
            return
        text = self.path.read_text()
        whole = text[: text.rfind("\n") + 1]
        if whole != text:  # the process was killed while it wrote
            self.path.write_text(whole)
        for line in whole.splitlines():
            number, date, author, ref, operation = json.loads(line)
            self._keep(EdId(number, date, author), ref, operation)

    def claim(self, identity: EdId, ref: str, operation: str) -> bool:
        """Store an order's number; False if another order has it."""
        if identity not in self._orders:
            with self.path.open("a") as file:
                line = [identity.number, identity.date, identity.author, ref, operation]
                file.write(json.dumps(line) + "\n")
            self._keep(identity, ref, operation)
        return self._orders[identity] == ref

    def of(self, ref: str) -> tuple[EdId, str]:
        """The number and operation of an order, or of its return."""
        found = self._by_ref.get(ref)
        assert found is not None, "orders get numbers before they are booked"
        return found

    def _keep(self, identity: EdId, ref: str, operation: str) -> None:
        self._orders[identity] = ref
        self._by_ref.setdefault(ref, (identity, operation))
        kind = messages.DOMESTIC_RETURN if operation == messages.DOMESTIC else messages.CROSS_BORDER_RETURN
        self._by_ref.setdefault(messages.return_id(ref), (identity, kind))


@dataclass(frozen=True, slots=True)
class _ResponseBuilder:
    """Builds the responses about one order."""

    simulator: SbpSimulator
    order: EdId

    def __call__(self, entry: BookEntry, outcome: Outcome, corruption: Corruption) -> bytes:
        return self.simulator.outcome(self.order, entry, outcome, corruption)


def simulator(settings: SimulatorSettings, callbacks: Callbacks) -> SbpSimulator:
    """The simulated rail for these settings."""
    identity, banks = settings.identity, directory.load()
    rail_key, participant_key = keys.private(settings.rail_key), keys.public(settings.participant_key)
    bank = banks.find(sandbox.BIK, None)
    assert bank is not None
    orders = SbpOrders(
        identity["operator"], identity["uid"], identity["member"], bank, rail_key, participant_key
    )
    return SbpSimulator(
        processor=open_processor(
            settings, callbacks, PROFILE, native_code=codes.native_of, word_of=sandbox.word_of
        ),
        uid=identity["uid"],
        operator=identity["operator"],
        banks=banks,
        numbers=Numbers(settings.data / "numbers.jsonl"),
        rail_key=rail_key,
        participant_key=participant_key,
        payers=open_payers(settings, callbacks, PROFILE, orders),
    )


def _totals(direction: str, entries: Sequence[BookEntry]) -> dict[str, str]:
    return {
        f"FPS{direction}TransQuantity": str(len(entries)),
        f"FPS{direction}Sum": str(sum(entry.amount_minor for entry in entries)),
    }


def _readable_id(message: UfebsMessage) -> EdId | None:
    """The id of the document in a message; None if the control failed on it."""
    try:
        return EdId.of(message.document)
    except InvalidMessage:
        return None


def _reference(parent: Element, tag: str, identity: EdId) -> None:
    _add(parent, tag, **identity.attributes)


def _add(parent: Element, tag: str, **attributes: str) -> Element:
    return etree.SubElement(parent, f"{{{NAMESPACE}}}{tag}", attributes)


def _part(parent: Element, tag: str) -> Element:
    """A part that the structure requires."""
    found = parent.find(f"{{{etree.QName(parent).namespace}}}{tag}")
    assert found is not None
    return found
