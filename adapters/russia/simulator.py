"""A simulated SBP: strict about envelope, signature, shape, ids and account keys, with a book of its own.

`POST /ufebs/v1/messages` takes every message: ED701 and ED702 (ED201 at once, ED706 or ED705 to the callback
address), ED202 (ED705, and a copy of ED706 when settled), ED243 (ED244) and ED999 (ED201).
"""

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
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
from adapters.russia.directory import Directory
from adapters.russia.envelope import NAMESPACE, EdId, Message, instant, open_sealed, root, seal
from adapters.russia.profile import ORDER_NUMBERS, PROFILE
from adapters.simulation.book import Entry
from adapters.simulation.magic import Spoil
from adapters.simulation.rail import Counter, Credit, OtherContent, Request, Response
from adapters.simulation.server import Callbacks, Settings, open_counter
from schemas.errors import InvalidMessage, NotAuthentic

_ORDERS: Final = {"ED701": messages.DOMESTIC, "ED702": messages.CROSS_BORDER}
_RETURNS: Final = {"ED701": messages.DOMESTIC_RETURN, "ED702": messages.CROSS_BORDER_RETURN}
_STATES: Final = {outcome: state for state, outcome in codes.STATES.items()}
_STRANGER: Final = "0" * 31 + "1"
_MASKED: Final = "\u0418\u0432\u0430\u043d \u0418. \u041f."
_NUMBERS_PER_S: Final = 1000


class Refused(Exception):
    """Control does not pass; the code goes into ED201."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


@dataclass(slots=True)
class SbpSimulator:
    """The system as its participants see it."""

    counter: Counter
    uid: str
    operator: str
    banks: Directory
    rail_key: RSAPrivateKey
    participant_key: RSAPublicKey
    numbers: dict[EdId, str] = field(default_factory=dict)
    """Number -> transaction: one number is one message in its author's day."""
    own: "itertools.count[int]" = field(
        default_factory=lambda: itertools.count(int(time.time()) % 86400 * _NUMBERS_PER_S + 1)
    )
    """Numbers of the system's own messages."""

    async def handle(self, request: Request) -> Response | None:
        """Answer a request on the system's address."""
        if request.path != PATH or request.method != "POST":
            return Response(404)
        if request.headers.get("content-type") != CONTENT_TYPE:
            return Response(415)
        try:
            message = open_sealed(request.body, self.participant_key)
        except (NotAuthentic, InvalidMessage) as error:
            return Response(error.status)
        try:
            self._must_be_ours(message)
            return await self._answer(message, request.body)
        except (Refused, InvalidMessage) as error:
            code = error.code if isinstance(error, Refused) else "1001"
            return self._response(self._control(message, code))

    async def _answer(self, message: Message, raw: bytes) -> Response | None:
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
            case _:
                return self._response(self._control(message, codes.ACCEPTED))

    def _must_be_ours(self, message: Message) -> None:
        """Author, receiver, shape, and a number that was not used for another transaction."""
        document = message.document
        shapes.check(document)
        identity = EdId.of(document)
        if {message.sender, identity.author} != {self.uid}:
            raise Refused("1003")
        if {message.receiver, document.get("EDReceiver")} != {self.operator}:
            raise Refused("1004")
        if message.id != identity.text:
            raise InvalidMessage("the envelope is another message's")

    async def _pay(self, message: Message, raw: bytes) -> Response:
        credit = self._credit(message, raw)
        identity = EdId.of(message.document)
        if identity.number > ORDER_NUMBERS or self.numbers.setdefault(identity, credit.ref) != credit.ref:
            raise Refused("2001")
        try:
            case = self.counter.take(credit)
        except OtherContent:
            raise Refused("2002") from None
        acknowledgement = self._sealed(self._control(message, codes.ACCEPTED))
        return await self.counter.answer_by_callback(case, acknowledgement, _Words(self, identity))

    def _credit(self, message: Message, raw: bytes) -> Credit:
        """An order, every part of it checked."""
        document = message.document
        if document.get("OperationType") != _ORDERS[etree.QName(document).localname]:
            raise Refused("1005")
        ref = document.get("TransactionID", "")
        uetr = uetrs.from_hex(ref)
        if uetr is None or message.about != ref or message.expires_at is None:
            raise Refused("1001")
        amount = messages.read_kopecks(document.get("Sum", ""))
        if amount.minor > PROFILE.limits.maximum_minor:
            raise Refused("4002")
        return Credit(
            ref=ref,
            uetr=uetr,
            amount=amount,
            account=self._account(_part(document, "Payee")),
            expires_at=message.expires_at,
            content=raw,
        )

    def _account(self, payee: Element) -> str:
        """The account that is paid: its key fits the bank, or it stands behind a known phone."""
        place, account = _part(payee, "Bank"), _part(payee, "AccountInfo")
        bank = self.banks.find(place.get("BIC"), None)
        if bank is None or place.get("CorrespAcc") != bank.account:
            raise Refused("3002")
        value = account.get("AccountValue", "")
        if account.get("AccountType") == "EPID":
            number = payee.findtext(f"{{{etree.QName(payee).namespace}}}PhoneNumber")
            if number != value or messages.phone(value) is None:
                raise Refused("3005")
            known = sandbox.ALIASES.get(value)
            if known is None:
                raise Refused("3006")
            return known
        if account.get("AccountType") != "BBAN" or not is_russian_account(value, bank.bik):
            raise Refused("3001")
        return value

    def _return(self, message: Message) -> Response:
        """Take a credit back; the answer comes later, as for an order."""
        document = message.document
        original, ref = document.get("PaymentID", ""), document.get("TransactionID", "")
        if ref != messages.return_id(original) or message.about != ref:
            raise Refused("1001")
        entry = self.counter.reverse(original)
        identity = EdId.of(document)
        if entry is None:
            later = self._state(identity, ref, Outcome.REFUSED, code=codes.native_of("NOOR"))
        else:
            later = self._confirmation(identity, ref, entry.amount_minor)
        self.counter.later(self._sealed(self._message([later], ref)))
        return self._response(self._control(message, codes.ACCEPTED))

    def _status(self, message: Message) -> Message:
        asked = EdId.of(_part(message.document, "EDRefID"))
        ref = message.about
        finding = self.counter.enquire(ref)
        initial = EdId.of(message.document)
        if finding.entry is None:
            found = [self._state(asked, ref, Outcome.NOT_FOUND, initial=initial)]
        else:
            found = [self._state(asked, ref, finding.outcome, code=finding.code, initial=initial)]
            if finding.outcome is Outcome.DONE:
                minor = finding.entry.amount_minor + (finding.spoil is Spoil.AMOUNT)
                found.append(self._confirmation(asked, ref, minor))
        return self._message(found, ref, correlation=message.id)

    def _payee(self, message: Message) -> Message:
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
        """The account that is asked for, by phone or by itself."""
        number = asked.findtext(f"{{{NAMESPACE}}}EDFieldList/{{{NAMESPACE}}}FieldValue")
        if number is not None:
            return sandbox.ALIASES.get(number)
        account = asked.get("PayeeAcc", "")
        return account if is_russian_account(account, sandbox.BIK) else None

    def outcome(self, order: EdId, entry: Entry, outcome: Outcome, spoil: Spoil) -> bytes:
        """ED706 or ED705 about an entry, spoiled where the script says so."""
        ref = _STRANGER if spoil is Spoil.REFERENCE else entry.rail_ref
        if outcome is Outcome.DONE:
            document = self._confirmation(order, ref, entry.amount_minor + (spoil is Spoil.AMOUNT))
        else:
            document = self._state(order, ref, outcome, code=entry.code)
        body = self._sealed(self._message([document], ref))
        return _with_broken_signature(body) if spoil is Spoil.SIGNATURE else body

    def _control(self, message: Message, code: str) -> Message:
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
        """ED705; `code` is a control code, with the ISO reason where it needs one."""
        number, _, reason = code.partition(" ")
        document = self._document("ED705", StatusStateCode=_STATES[outcome], TransactionID=ref)
        if outcome is Outcome.REFUSED:
            document.set("CtrlCode", number)
            _add(document, "Annotation").text = reason or codes.CODES[number].meaning
        _reference(document, "InitialED", initial or order)
        _reference(document, "EDRefID", order)
        return document

    def _document(self, tag: str, **attributes: str) -> Element:
        identity = EdId(next(self.own), datetime.now(messages.MOSCOW).date().isoformat(), self.operator)
        whole = {**identity.attributes, "EDReceiver": self.uid, **attributes}
        return root(NAMESPACE, tag, whole)

    def _message(
        self, documents: Sequence[Element], about: str, *, correlation: str | None = None
    ) -> Message:
        return Message(
            sender=self.operator,
            receiver=self.uid,
            id=EdId.of(documents[0]).text,
            about=about,
            created_at=datetime.now(UTC),
            documents=documents,
            correlation=correlation,
        )

    def _response(self, message: Message) -> Response:
        return Response(body=self._sealed(message), content_type=CONTENT_TYPE)

    def _sealed(self, message: Message) -> bytes:
        return seal(message, self.rail_key)


@dataclass(frozen=True, slots=True)
class _Words:
    """The words of one order's answers."""

    simulator: SbpSimulator
    order: EdId

    def __call__(self, entry: Entry, outcome: Outcome, spoil: Spoil) -> bytes:
        return self.simulator.outcome(self.order, entry, outcome, spoil)


def simulator(settings: Settings, callbacks: Callbacks) -> SbpSimulator:
    """The simulated rail for these settings."""
    return SbpSimulator(
        counter=open_counter(
            settings, callbacks, PROFILE, native_code=codes.native_of, word_of=sandbox.word_of
        ),
        uid=settings.identity["uid"],
        operator=settings.identity["operator"],
        banks=directory.load(),
        rail_key=keys.private(settings.rail_key),
        participant_key=keys.public(settings.participant_key),
    )


def _with_broken_signature(body: bytes) -> bytes:
    before, tag, after = body.partition(b"MACValue")
    place = after.index(b">") + 1
    return (
        before
        + tag
        + after[:place]
        + (b"A" if after[place : place + 1] != b"A" else b"B")
        + after[place + 1 :]
    )


def _readable_id(message: Message) -> EdId | None:
    """The id of the message's document; None where control failed on that."""
    try:
        return EdId.of(message.document)
    except InvalidMessage:
        return None


def _reference(parent: Element, tag: str, identity: EdId) -> None:
    _add(parent, tag, **identity.attributes)


def _add(parent: Element, tag: str, **attributes: str) -> Element:
    return etree.SubElement(parent, f"{{{NAMESPACE}}}{tag}", attributes)


def _part(parent: Element, tag: str) -> Element:
    """A part that the shape has required."""
    found = parent.find(f"{{{etree.QName(parent).namespace}}}{tag}")
    assert found is not None
    return found
