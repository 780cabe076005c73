"""Orders, inquiries and returns that SBP sends us, and our answers. Pure.

    ED702 CTPH, ED701 CCPH -> ED201 at once; ED706 or ED705 later             an order
    ED202                  -> ED705 in the exchange                           its status
    ED702 CTRT, ED701 CCRT -> ED201; ED706 (nothing is paid) or ED705 later   a return: a reversal of an order
    ED243                  -> ED244 in the exchange                           whose account abroad it is

Published: the documents, `ClrSysMmbId`, `SwiftBIC` of a foreign payee's bank in ED702, the states. Profile:
the account abroad in ED701, with `{SWBIC}` at the start of the purpose, because ED701 has no place for a
foreign bank; the fields of ED243 and ED244 about an account abroad; `{QTID}` with the id of a firm quote, at
the start of the purpose behind that, in an order at the price of an ED244; a return before the outcome asks
for the order back. What we could neither honour nor carry (an amount to be paid out, a rate, charges, agents
between, organisations) makes an order invalid.

Our answer to a document has its number, above those of our orders: a number is never used twice on a day.
"""

import hashlib
import re
from collections.abc import Callable
from datetime import datetime
from typing import Final

from lxml import etree
from lxml.etree import _Element as Element

from adapters.originating import (
    InboundRequest,
    OrderVerdict,
    PayeeQuery,
    PayeeVerdict,
    PaymentOrder,
    ReturnOrder,
    StatusQuery,
    bank_abroad,
    message_id_of,
    order_of,
    ref_of,
)
from adapters.port import Outcome
from adapters.russia import codes, messages
from adapters.russia.envelope import NAMESPACE, EdId, UfebsMessage, instant, read_instant, root
from adapters.russia.messages import SbpParticipant
from adapters.russia.profile import ORDER_NUMBERS, PROFILE
from adapters.russia.text import ufebs_text
from schemas.errors import InvalidMessage
from schemas.money import Money
from schemas.parties import named_account
from schemas.payment import Agent, Party, PartyAccount
from schemas.reasons import Reason

ACCOUNT_FIELD: Final = "PayeeAccount"
BANK_FIELD: Final = "PayeeBank"
SUM_FIELD: Final = "Sum"
PURPOSE_FIELD: Final = "CodePurpose"
NOBODY: Final = "02"
_UNDERSTOOD: Final = frozenset({
    *("EDNo", "EDDate", "EDAuthor", "EDReceiver", "TransactionID", "Sum", "TransKind", "TransDateTime"),
    *("PaymentID", "PaymentCategory", "CodePurpose", "OperationType", "ChargeBearer"),
    *("TransactionIDPSP", "TransDateTimePSP", "Payer", "Payee", "Purpose", "InstructedAmount"),
})  # fmt: skip
"""Attributes and parts of an order that are honoured, carried, or the rail's own fixed codes."""
_SWIFT_IN_PURPOSE = re.compile(r"\{SW([A-Z0-9]{8,11})\} *")
_QUOTE_IN_PURPOSE = re.compile(r"\{QT([^}]*)\} *")
_ORDERS: Final = {"ED701": messages.DOMESTIC, "ED702": messages.CROSS_BORDER}
_RETURNS: Final = {"ED701": messages.DOMESTIC_RETURN, "ED702": messages.CROSS_BORDER_RETURN}


def read(message: UfebsMessage, us: SbpParticipant) -> InboundRequest | None:
    """A request of the system; None if it is another message.

    Raises:
        InvalidMessage: malformed, not to us, or it states what we cannot honour.

    """
    readers: dict[str, Callable[[UfebsMessage, SbpParticipant], InboundRequest]] = {
        "ED701": _read_order_or_return,
        "ED702": _read_order_or_return,
        "ED202": _read_status_inquiry,
        "ED243": _read_payee_inquiry,
    }
    reader = readers.get(_kind(message.elements[0]))
    return None if reader is None else reader(message, us)


def is_return(message: UfebsMessage) -> bool:
    """Whether a message is a return order."""
    document = message.elements[0]
    return document.get("OperationType") == _RETURNS.get(_kind(document), "")


def _read_order_or_return(message: UfebsMessage, us: SbpParticipant) -> InboundRequest:
    document = message.document
    ref = ref_of(_attribute(document, "TransactionID"))
    if message.about != ref:
        raise InvalidMessage("the envelope is about another transaction", path="AppMessageID")
    if is_return(message):
        return ReturnOrder(ref, ref_of(_attribute(document, "PaymentID")))
    return _read_order(message, document, us)


def _read_order(message: UfebsMessage, document: Element, us: SbpParticipant) -> PaymentOrder:
    if document.get("OperationType") != _ORDERS[_kind(document)]:
        raise InvalidMessage("not an order of a person to a person", path="OperationType")
    parts = [str(name) for name in document.attrib] + [_kind(part) for part in document]
    for part in parts:
        if part not in _UNDERSTOOD:
            raise InvalidMessage("is not taken from this rail", path=part)
    payer, payee = _find(document, "Payer"), _find(document, "Payee")
    bank, purpose = _bank_abroad(document, payee, us)
    quote = _QUOTE_IN_PURPOSE.match(purpose or "")
    amount = messages.read_kopecks(_attribute(document, "Sum"))
    _check_instructed(document, amount)
    return order_of(
        PROFILE.country,
        _attribute(document, "TransactionID"),
        amount,
        made_at=read_instant(document.get("TransDateTime")),
        expires_at=message.expires_at,
        end_to_end_id=document.get("PaymentID"),
        debtor=Party(name=_person(payer), country=PROFILE.country, phone=_phone(payer)),
        debtor_account=_account(payer),
        debtor_agent=Agent(
            clearing_system=PROFILE.clearing_system, member_id=_attribute(_find(payer, "Bank"), "BIC")
        ),
        creditor=Party(name=_person(payee), country=(bank.bic or "")[4:6]),
        creditor_account=_account(payee),
        creditor_agent=bank,
        purpose=document.get("CodePurpose"),
        remittance=(purpose or "")[quote.end() if quote else 0 :] or None,
        quote=quote and quote[1],
    )


def _bank_abroad(document: Element, payee: Element, us: SbpParticipant) -> tuple[Agent, str | None]:
    """The payee's bank abroad, and the purpose without it."""
    place, purpose = _find(payee, "Bank"), _text(document, "Purpose")
    if _kind(document) == "ED702":
        if place.get("ClrSysMmbId") != us.member:
            raise InvalidMessage("not to us", path="Payee/Bank/ClrSysMmbId")
        return bank_abroad(_attribute(place, "SwiftBIC"), "Payee/Bank/SwiftBIC"), purpose
    if place.get("BIC") != us.bank.bik:
        raise InvalidMessage("not to us", path="Payee/Bank/BIC")
    named = _SWIFT_IN_PURPOSE.match(purpose or "")
    if named is None:
        raise InvalidMessage("must begin with the bank abroad, as {SWBIC}", path="Purpose")
    return bank_abroad(named[1], "Purpose"), (purpose or "")[named.end() :] or None


def _check_instructed(document: Element, amount: Money) -> None:
    stated = document.find(_beside(document) + "InstructedAmount")
    if stated is None:
        return
    if (
        stated.get("Currency") != PROFILE.currency
        or messages.read_kopecks(_attribute(stated, "Amount")) != amount
    ):
        raise InvalidMessage("must be the sum in RUB", path="InstructedAmount")


def _person(party: Element) -> str:
    person = _find(party, "PersonInfo")
    name = _text(person, "PersonName")
    if name is None or len(person) != 1:
        raise InvalidMessage("exactly the name of a person is taken", path="PersonInfo")
    return name


def _phone(party: Element) -> str | None:
    """The payer's phone, as ISO 20022 writes it."""
    text = _text(party, "PhoneNumber")
    if text is None:
        return None
    if messages.phone(text) != text:
        raise InvalidMessage("must be 7 and ten digits", path="PhoneNumber")
    return f"+{text[0]}-{text[1:]}"


def _account(party: Element) -> PartyAccount:
    return named_account(_attribute(_find(party, "AccountInfo"), "AccountValue"))


def _read_status_inquiry(message: UfebsMessage, us: SbpParticipant) -> StatusQuery:  # noqa: ARG001 - every reader
    if _attribute(message.document, "EDInquiryCode") != messages.STATUS_INQUIRY:
        raise InvalidMessage("only the status of an order can be queried", path="EDInquiryCode")
    EdId.of(_find(message.document, "EDRefID"))
    return StatusQuery(message.id, ref_of(message.about))


def _read_payee_inquiry(message: UfebsMessage, us: SbpParticipant) -> PayeeQuery:  # noqa: ARG001 - as above
    asked = _find(message.document, "EDDefineRequestInfo")
    fields = {
        _text(each, "FieldNo"): _text(each, "FieldValue") or ""
        for each in asked.iterfind(_beside(asked) + "EDFieldList")
    }
    account = fields.get(ACCOUNT_FIELD, "")
    if not account or fields.keys() - {ACCOUNT_FIELD, BANK_FIELD, SUM_FIELD, PURPOSE_FIELD}:
        raise InvalidMessage("an account and its bank abroad are required", path="EDFieldList")
    amount = messages.read_kopecks(fields[SUM_FIELD]) if SUM_FIELD in fields else None
    bank = bank_abroad(fields.get(BANK_FIELD, ""), f"EDFieldList/{BANK_FIELD}")
    purpose = fields.get(PURPOSE_FIELD)
    return PayeeQuery(message.id, named_account(account), bank, amount, purpose, quotable=True)


def control(message: UfebsMessage, at: datetime, us: SbpParticipant) -> UfebsMessage:
    """ED201: a message is received; the outcome of its order follows."""
    identity = _service_id(f"control {message.id}", at, us)
    document = _document("ED201", identity, us, CtrlCode=codes.ACCEPTED, CtrlTime=instant(at))
    etree.SubElement(document, f"{{{NAMESPACE}}}Annotation").text = codes.CODES[codes.ACCEPTED].meaning
    _reference(document, "EDRefID", EdId.of(message.document))
    return _message([document], us, identity, at, about=message.about, correlation=message.id)


def state(message: UfebsMessage, verdict: OrderVerdict, us: SbpParticipant) -> UfebsMessage:
    """ED705 in answer to an inquiry."""
    identity = _service_id(message_id_of(message.id, verdict), verdict.at, us)
    inquiry = message.document
    document = _state(identity, message.about, verdict, us)
    _reference(document, "InitialED", EdId.of(inquiry))
    _reference(document, "EDRefID", EdId.of(_find(inquiry, "EDRefID")))
    return _message([document], us, identity, verdict.at, about=message.about, correlation=message.id)


def outcome(message: UfebsMessage, verdict: OrderVerdict, us: SbpParticipant) -> UfebsMessage:
    """ED706, or ED705 for a refusal: what became of an order or of a return."""
    order = message.document
    identity = _answer_id(EdId.of(order), verdict.at, us)
    if verdict.outcome is Outcome.DONE:
        document = _document(
            "ED706",
            identity,
            us,
            Sum=_attribute(order, "Sum"),
            TransDateTime=instant(verdict.at),
            TransactionID=message.about,
        )
    else:
        document = _state(identity, message.about, verdict, us)
        _reference(document, "InitialED", EdId.of(order))
    _reference(document, "EDRefID", EdId.of(order))
    return _message([document], us, identity, verdict.at, about=message.about)


def payee(message: UfebsMessage, verdict: PayeeVerdict, us: SbpParticipant) -> UfebsMessage:
    """ED244: the masked holder of an account abroad and, for a stated sum, what arrives."""
    inquiry = message.document
    identity = _service_id(message_id_of(message.id, verdict), verdict.at, us)
    document = _document(
        "ED244",
        identity,
        us,
        EDDefineRequestCode=_attribute(inquiry, "EDDefineRequestCode"),
        EDDefineAnswerCode=NOBODY if verdict.payee is None else messages.PAYEE_FOUND,
    )
    _reference(document, "OriginalEPD", EdId.of(_find(inquiry, "OriginalEPD")))
    if verdict.payee is not None:
        info = etree.SubElement(document, f"{{{NAMESPACE}}}EDDefineAnswerInfo")
        name = ufebs_text(verdict.payee.name, PROFILE.characters.name_max)
        if name:
            etree.SubElement(info, f"{{{NAMESPACE}}}PayeeLongName").text = name
        if verdict.credit is not None:
            _field(info, "CreditAmount", f"{verdict.credit.text} {verdict.credit.currency}")
            _field(info, "ExchangeRate", verdict.rate or "1")
        if verdict.until is not None:
            _field(info, "QuoteID", verdict.quote)
            _field(info, "QuoteValidUntil", instant(verdict.until))
    _reference(document, "InitialED", EdId.of(inquiry))
    return _message([document], us, identity, verdict.at, correlation=message.id)


def _state(identity: EdId, ref: str, verdict: OrderVerdict, us: SbpParticipant) -> Element:
    code = _STATES.get(verdict.outcome, "WAIT")
    document = _document("ED705", identity, us, StatusStateCode=code, TransactionID=ref)
    if verdict.outcome is Outcome.REFUSED:
        number, _, iso = codes.native_of(verdict.reason or Reason.REASON_NOT_SPECIFIED).partition(" ")
        document.set("CtrlCode", number)
        etree.SubElement(document, f"{{{NAMESPACE}}}Annotation").text = iso or codes.CODES[number].meaning
    return document


_STATES: Final = {outcome: code for code, outcome in codes.STATES.items()}


def _answer_id(asked: EdId, at: datetime, us: SbpParticipant) -> EdId:
    """The id of our answer: the number of the document that it answers, in the range of other messages."""
    number = ORDER_NUMBERS + 1 + asked.number % messages.SERVICE_NUMBERS
    return EdId(number, at.astimezone(messages.MOSCOW).date().isoformat(), us.uid)


def _service_id(text: str, at: datetime, us: SbpParticipant) -> EdId:
    """The id of a response in an exchange, which is never sent again by itself."""
    return _answer_id(
        EdId(int(hashlib.sha256(text.encode()).hexdigest()[:12], 16) % messages.SERVICE_NUMBERS, "", ""),
        at,
        us,
    )


def _document(tag: str, identity: EdId, us: SbpParticipant, **attributes: str) -> Element:
    return root(NAMESPACE, tag, {**identity.attributes, "EDReceiver": us.operator, **attributes})


def _message(
    documents: list[Element],
    us: SbpParticipant,
    identity: EdId,
    at: datetime,
    *,
    about: str = "",
    correlation: str | None = None,
) -> UfebsMessage:
    return UfebsMessage(
        sender=us.uid,
        receiver=us.operator,
        id=identity.text,
        about=about,
        created_at=at,
        documents=documents,
        correlation=correlation,
    )


def _field(parent: Element, name: str, value: str) -> None:
    field = etree.SubElement(parent, f"{{{NAMESPACE}}}EDFieldList")
    etree.SubElement(field, f"{{{NAMESPACE}}}FieldNo").text = name
    etree.SubElement(field, f"{{{NAMESPACE}}}FieldValue").text = value


def _reference(parent: Element, tag: str, identity: EdId) -> None:
    etree.SubElement(parent, f"{{{NAMESPACE}}}{tag}", identity.attributes)


def _kind(element: Element) -> str:
    return str(etree.QName(element).localname)


def _beside(element: Element) -> str:
    """The namespace of an element, as a prefix for the tags of its children."""
    return f"{{{etree.QName(element).namespace}}}"


def _find(parent: Element, tag: str) -> Element:
    found = parent.findall(_beside(parent) + tag)
    if len(found) != 1:
        raise InvalidMessage("must be there exactly once", path=tag)
    return found[0]


def _text(parent: Element, tag: str) -> str | None:
    return parent.findtext(_beside(parent) + tag) or None


def _attribute(element: Element, name: str) -> str:
    value = element.get(name)
    if not value:
        raise InvalidMessage("is missing", path=f"{_kind(element)}/{name}")
    return str(value)
