"""UFEBS messages: builds orders and parses the system's responses. Pure.

ED702 is the order of a cross-border transfer; if the debtor's bank is Russian, the transfer is domestic and
its order is ED701. Where the schemas leave a choice, we use a profile: `TransactionID` is the UETR without
hyphens, `TransactionIDPSP` the sender's transaction id, `PaymentID` the end-to-end id; ED243 requests a name
or account.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Final

from lxml import etree
from lxml.etree import _Element as Element

from adapters import amounts, creditor
from adapters import uetr as uetrs
from adapters.creditor import IdentifierKind
from adapters.identifiers import is_russian_account
from adapters.identity import require
from adapters.port import Answer, Order, Outcome, Payee, Violation
from adapters.russia import codes
from adapters.russia.directory import Bank, BankDirectory
from adapters.russia.envelope import NAMESPACE, NAMESPACE_701, EdId, UfebsMessage, instant, root
from adapters.russia.profile import ORDER_NUMBERS, PROFILE
from adapters.russia.text import element, text_element, ufebs_text
from schemas.code_lists import LISTS
from schemas.errors import InvalidMessage
from schemas.identifiers import is_iban
from schemas.money import Money
from schemas.payment import Agent, CreditTransfer
from schemas.reasons import Reason

MOSCOW: Final = timezone(timedelta(hours=3))
SERVICE_NUMBERS: Final = 10**9 - 1 - ORDER_NUMBERS
CROSS_BORDER: Final = "CTPH"
CROSS_BORDER_RETURN: Final = "CTRT"
DOMESTIC: Final = "CCPH"
DOMESTIC_RETURN: Final = "CCRT"
STATUS_INQUIRY: Final = "RSTS"
PAYEE_INQUIRY: Final = "01"
PAYEE_FOUND: Final = "01"
PHONE_FIELD: Final = "PhoneNumber"

_CLEARING: Final = "RUCBC"
_PHONES: Final = tuple(form for form in PROFILE.creditor if form.kind is IdentifierKind.PHONE)
_BIK = re.compile(r"\d{9}", re.ASCII)
_SWIFT = re.compile(r"[A-Z]{6}[0-9A-Z]{2}(?:[0-9A-Z]{3})?", re.ASCII)
_OPERATION_CODE = re.compile(r"\{VO(?!\d{5}\})")
_RATE = re.compile(r"(?=.{1,12}$)\d{1,10}(?:\.\d{1,10})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class SbpParticipant:
    """Our identity at the system."""

    uid: str
    """Our UIS, ten digits."""
    operator: str
    """The system's UIS."""
    member: str
    """Our gateway's id at the clearing centre, at most twelve characters."""
    bank: Bank
    """Our gateway."""

    @classmethod
    def of(cls, identity: Mapping[str, str], directory: BankDirectory) -> "SbpParticipant":
        """Build from a connection's identity.

        Raises:
            ValueError: an id is missing, or the directory does not know our gateway.

        """
        require(identity, ("uid", "operator", "member", "bik"), "SBP")
        bank = directory.find(identity["bik"], None)
        if bank is None:
            raise ValueError("the directory of banks does not contain our own")
        return cls(identity["uid"], identity["operator"], identity["member"], bank)


def check(order: Order, directory: BankDirectory) -> Sequence[Violation]:
    """Every reason why SBP cannot carry the order."""
    payment = order.payment
    found = amounts.check(order, PROFILE)
    found += _check_payee(payment, directory)
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
    if _OPERATION_CODE.match(payment.remittance or ""):
        found.append(
            Violation(
                Reason.REGULATORY,
                "CdtTrfTxInf/RmtInf/Ustrd",
                "{VO and five digits} was started and not completed",
            )
        )
    if order.expires_at <= order.made_at:
        found.append(Violation(Reason.INVALID_DATE, "CdtTrfTxInf/SttlmTmReq", "expires before its creation"))
    return found


def bank_of(agent: Agent, directory: BankDirectory) -> Bank | None:
    """The Russian bank that an agent identifies by BIK or SWIFT BIC."""
    bik = agent.member_id if agent.member_id and _BIK.fullmatch(agent.member_id) else None
    return directory.find(bik, agent.bic)


def phone_of(payment: CreditTransfer) -> str | None:
    """The creditor's phone in the rail's format, `7` and ten digits; None if none is given."""
    account = payment.creditor_account
    found = creditor.find(account, _PHONES)
    if found is None and account is not None:
        found = creditor.read(account.proxy or "", _PHONES)
    return None if found is None else found.value


def phone(text: str) -> str | None:
    """A Russian phone in the rail's format; None for other texts."""
    found = creditor.read(text, _PHONES)
    return None if found is None else found.value


def order_id(order: Order, us: SbpParticipant) -> EdId:
    """Number, day and author of an order."""
    return EdId(order.serial + 1, _moscow_date(order.made_at), us.uid)


def order_message(order: Order, us: SbpParticipant, directory: BankDirectory) -> UfebsMessage:
    """ED702, or ED701 when the debtor's bank is Russian."""
    payment, identity = order.payment, order_id(order, us)
    bank = bank_of(payment.creditor_agent, directory)
    assert bank is not None, "orders are checked before they are translated"
    make = _domestic if is_domestic(payment) else _cross_border
    transaction = uetrs.to_hex(payment.uetr)
    document = make(order, us, bank, _attributes(order, us, identity, transaction))
    return UfebsMessage(
        sender=us.uid,
        receiver=us.operator,
        id=identity.text,
        about=transaction,
        created_at=order.made_at,
        documents=[document],
        expires_at=order.expires_at,
    )


def is_domestic(payment: CreditTransfer) -> bool:
    """Whether the debtor's bank is Russian."""
    agent = payment.debtor_agent
    return (agent.bic or "")[4:6] == PROFILE.country or agent.clearing_system == _CLEARING


@dataclass(frozen=True, slots=True)
class SentSbpMessage:
    """The parts of an order that later messages about it repeat."""

    id: EdId
    transaction: str
    document: Element

    @classmethod
    def of(cls, message: UfebsMessage) -> "SentSbpMessage":
        """Read from the stored order."""
        document = message.document
        return cls(EdId.of(document), _attribute(document, "TransactionID"), document)


def status_inquiry(sent: SentSbpMessage, us: SbpParticipant, at: datetime, number: int) -> UfebsMessage:
    """ED202: a request for the status of an order."""
    document, identity = _service("ED202", us, at, number, EDInquiryCode=STATUS_INQUIRY)
    _reference(document, "EDRefID", sent.id)
    return _message(us, identity, at, document, about=sent.transaction)


def return_order(sent: SentSbpMessage, us: SbpParticipant, at: datetime) -> UfebsMessage:
    """The order of a return: payer and payee are exchanged. One order has one return, with one id."""
    transaction = return_id(sent.transaction)
    domestic = etree.QName(sent.document).localname == "ED701"
    identity = EdId(
        ORDER_NUMBERS + 1 + int(transaction[1:16], 16) % SERVICE_NUMBERS, _moscow_date(at), us.uid
    )
    source = sent.document
    document = root(
        NAMESPACE_701 if domestic else NAMESPACE,
        etree.QName(source).localname,
        {
            **{str(name): str(value) for name, value in source.attrib.items()},
            **identity.attributes,
            "TransactionID": transaction,
            "TransDateTime": instant(at),
            "OperationType": DOMESTIC_RETURN if domestic else CROSS_BORDER_RETURN,
            "PaymentID": sent.transaction,
        },
    )
    for tag, origin in (("Payer", "Payee"), ("Payee", "Payer")):
        party = _find(source, origin)
        _add(document, tag).extend(_copy(child) for child in party)
    _reference(document, "EDRefID", sent.id)
    etree.cleanup_namespaces(document)
    return _message(us, identity, at, document, about=transaction)


def return_id(transaction: str) -> str:
    """The transaction id of an order's return, which never contains a UETR."""
    return "R" + hashlib.sha256(b"return" + transaction.encode()).hexdigest()[:31]


def can_be_looked_up(alias: str) -> bool:
    """Whether this is a phone or an account in Russian format."""
    return creditor.read(alias, PROFILE.creditor) is not None


def payee_inquiry(alias: str, us: SbpParticipant, at: datetime, number: int) -> UfebsMessage:
    """ED243: a request for the owner of an account or phone."""
    document, identity = _service("ED243", us, at, number, EDDefineRequestCode=PAYEE_INQUIRY)
    _reference(document, "OriginalEPD", identity)
    asked = _add(document, "EDDefineRequestInfo")
    number_there = phone(alias)
    if number_there is None:
        asked.set("PayeeAcc", alias)
    else:
        field = _add(asked, "EDFieldList")
        _add(field, "FieldNo").text = PHONE_FIELD
        _add(field, "FieldValue").text = number_there
    return _message(us, identity, at, document)


def probe(us: SbpParticipant, at: datetime, number: int) -> UfebsMessage:
    """ED999: checks that the system is available."""
    document, identity = _service("ED999", us, at, number, CreationDateTime=instant(at))
    return _message(us, identity, at, document)


def register_request(day: str, us: SbpParticipant, at: datetime, number: int) -> UfebsMessage:
    """ED742: a request for the list of executed and refused orders of a day of the system."""
    document, identity = _service("ED742", us, at, number)
    info = _add(document, "RequestInfo", BIC=us.bank.bik, CorrespAcc=us.bank.account)
    _add(info, "BusinessDay", AbstractDate=day)
    return _message(us, identity, at, document)


def read_control(message: UfebsMessage, about: str) -> tuple[str, str]:
    """ED201 in response to a message: the control code and its explanation.

    Raises:
        InvalidMessage: not the control result of this message.

    """
    document = message.document
    if document.tag != f"{{{NAMESPACE}}}ED201" or message.correlation != about:
        raise InvalidMessage("not the control result of this message")
    return _attribute(document, "CtrlCode"), document.findtext(f"{{{NAMESPACE}}}Annotation") or ""


def read_answers(message: UfebsMessage, *, enquired: bool = False) -> list[Answer]:
    """ED705 and ED706: outcomes of orders; a state and a confirmation of one order give one answer.

    Raises:
        InvalidMessage: another document, or a required part is missing or malformed.

    """
    found: dict[str, Answer] = {}
    for document in message.elements:
        answer = _read_answer(document, enquired=enquired)
        known = found.setdefault(answer.ref, answer)
        if known is not answer:
            found[answer.ref] = _agreed(known, answer)
    return list(found.values())


def read_notice(message: UfebsMessage) -> str | None:
    """ED330: changed hours as text for operators; None for other messages.

    Raises:
        InvalidMessage: an ED330 without a text.

    """
    (document, *others) = message.elements
    if others or document.tag != f"{{{NAMESPACE}}}ED330":
        return None
    text = document.findtext(f"{{{NAMESPACE}}}CorrectionDescription")
    if not text:
        raise InvalidMessage("a notice without a text", path="CorrectionDescription")
    return text


def read_register(message: UfebsMessage, about: str, day: str) -> list[Answer]:
    """ED743, and ED705 for every refused order: everything that the system did on a day.

    Money that was returned to us is counted but gives no answer: a return is not the order of a payment.

    Raises:
        InvalidMessage: of another day, incomplete, or not consistent with its own numbers and sums.

    """
    register, *refused = message.elements
    if register.tag != f"{{{NAMESPACE}}}ED743" or message.correlation != about:
        raise InvalidMessage("not the register of the requested day")
    business_day = _find(_find(register, "RequestInfo"), "BusinessDay")
    if business_day.get("AbstractDate") != day or register.find(f"{{{NAMESPACE}}}PartInfo") is not None:
        raise InvalidMessage("not the complete register of the day")
    ours = _lines(register, "DEBT")
    _must_add_up(register, "Debet", ours)
    _must_add_up(register, "Credit", _lines(register, "CRED"))
    done = [Answer(ref, Outcome.DONE, uetrs.from_hex(ref), "SETL", amount=amount) for ref, amount in ours]
    answers = [*done, *map(_read_refusal, refused)]
    if len({answer.ref for answer in answers}) != len(answers):
        raise InvalidMessage("an order is repeated")
    return answers


def read_payee(message: UfebsMessage, about: str) -> Payee | None:
    """ED244: the owner of an account or phone; None if the system does not know it.

    Raises:
        InvalidMessage: not the response to this inquiry.

    """
    document = message.document
    if document.tag != f"{{{NAMESPACE}}}ED244" or message.correlation != about:
        raise InvalidMessage("not the response to the request")
    info = document.find(f"{{{NAMESPACE}}}EDDefineAnswerInfo")
    if _attribute(document, "EDDefineAnswerCode") != PAYEE_FOUND or info is None:
        return None
    name = info.findtext(f"{{{NAMESPACE}}}PayeeLongName")
    return Payee(account=_attribute(info, "PayeeAcc"), agent=_attribute(info, "PayeeBIC"), name=name or None)


def read_kopecks(text: str) -> Money:
    """Parse an amount in kopecks.

    Raises:
        InvalidMessage: not a positive whole number.

    """
    return amounts.read(text, PROFILE.currency, PROFILE.amounts)


def _check_payee(payment: CreditTransfer, directory: BankDirectory) -> list[Violation]:
    bank = bank_of(payment.creditor_agent, directory)
    if bank is None:
        place = "CdtTrfTxInf/CdtrAgt/FinInstnId"
        return [
            Violation(
                Reason.INVALID_CREDITOR_BANK_IDENTIFIER,
                place,
                "a bank of the Russian directory is required, by BIK or SWIFT BIC",
            )
        ]
    stated, by_bic = payment.creditor_agent.member_id, directory.find(None, payment.creditor_agent.bic)
    if stated and (stated != bank.bik or (by_bic is not None and by_bic.bik != stated)):
        place = "CdtTrfTxInf/CdtrAgt/FinInstnId/ClrSysMmbId/MmbId"
        text = "must be the BIK of a bank of the Russian directory, and of the same bank as the BIC"
        return [Violation(Reason.INVALID_CREDITOR_BANK_IDENTIFIER, place, text)]
    found = creditor.find(payment.creditor_account, PROFILE.creditor)
    if found is not None and (
        found.kind is IdentifierKind.PHONE or is_russian_account(found.value, bank.bik)
    ):
        return []
    return [
        Violation(
            Reason.INVALID_CREDITOR_ACCOUNT_NUMBER,
            *creditor.refusal(payment.creditor_account, PROFILE.creditor),
        )
    ]


def _attributes(order: Order, us: SbpParticipant, identity: EdId, transaction: str) -> dict[str, str]:
    """The attributes that ED701 and ED702 have in common."""
    payment = order.payment
    return {
        **identity.attributes,
        "EDReceiver": us.operator,
        "TransactionID": transaction,
        "Sum": amounts.write(order.amount, PROFILE.amounts),
        "TransKind": "01",
        "TransDateTime": instant(order.made_at),
        "PaymentCategory": "FREE",
        "PaymentID": ufebs_text(payment.end_to_end_id, 35),
        "CodePurpose": ufebs_text(payment.purpose, 35),
    }


def _cross_border(order: Order, us: SbpParticipant, bank: Bank, attributes: dict[str, str]) -> str:
    payment, gateway = order.payment, us.bank
    rate = payment.exchange_rate or ""
    attributes |= {
        "OperationType": CROSS_BORDER,
        "ChargeBearer": "SLEV",
        "TransactionIDPSP": ufebs_text(payment.transaction_id or payment.end_to_end_id, 35),
        "TransDateTimePSP": instant(payment.created_at),
        "ExchangeRate": rate if _RATE.fullmatch(rate) else "",
    }
    payer = element(
        "Payer",
        {},
        _person(payment.debtor.name),
        element("AccountInfo", _payer_account(payment)),
        _country(payment.debtor.country or (payment.debtor_agent.bic or "")[4:6]),
        _phone(payment.debtor.phone),
        _foreign_bank(payment.debtor_agent, us),
    )
    payee = element(
        "Payee",
        {},
        _person(payment.creditor.name),
        element("AccountInfo", _payee_account(payment)),
        _country(payment.creditor.country),
        _phone(phone_of(payment)),
        element("Bank", {"BIC": bank.bik, "CorrespAcc": bank.account, "ClrSysMmbId": bank.uid}),
    )
    previous = {"BIC": gateway.bik, "CorrespAcc": gateway.account, "ClrSysMmbId": us.member}
    return element(
        "ED702",
        {"xmlns": NAMESPACE, **attributes},
        payer,
        payee,
        _purpose(payment),
        element("PrvsInstgAgt1", previous),
        _amount("InstructedAmount", payment.instructed_amount or payment.interbank_settlement_amount),
        _amount("DuePayableAmount", order.amount),
    )


def _domestic(order: Order, us: SbpParticipant, bank: Bank, attributes: dict[str, str]) -> str:
    payment = order.payment
    payer = element(
        "Payer",
        {},
        _person(payment.debtor.name),
        element("AccountInfo", _domestic_account(payment)),
        _phone(payment.debtor.phone),
        element("Bank", {"BIC": us.bank.bik, "CorrespAcc": us.bank.account}),
    )
    payee = element(
        "Payee",
        {},
        _person(payment.creditor.name),
        element("AccountInfo", _payee_account(payment)),
        _phone(phone_of(payment)),
        element("Bank", {"BIC": bank.bik, "CorrespAcc": bank.account}),
    )
    whole = {"xmlns": NAMESPACE_701, **attributes, "OperationType": DOMESTIC}
    return element("ED701", whole, payer, payee, _purpose(payment))


def _payer_account(payment: CreditTransfer) -> dict[str, str]:
    """For a foreign debtor: the IBAN, the account, or another identification that the sender gives."""
    account = payment.debtor_account
    if account and account.iban and is_iban(account.iban):
        return _account("IBAN", account.iban)
    number = ufebs_text(account.id if account else "", 36)
    fits = 0 < len(number) <= 35  # noqa: PLR2004 - the schema's
    return _account("BBAN", number) if fits else _account("EPID", uetrs.to_hex(payment.uetr))


def _domestic_account(payment: CreditTransfer) -> dict[str, str]:
    number = ufebs_text(payment.debtor_account.id if payment.debtor_account else "", 21)
    fits = 0 < len(number) <= 20  # noqa: PLR2004 - the schema's
    return _account("BBAN", number) if fits else _account("OTHA", uetrs.to_hex(payment.uetr)[:20])


def _payee_account(payment: CreditTransfer) -> dict[str, str]:
    """The account if it is given, otherwise the phone by which the clearing centre knows it."""
    found = creditor.find(payment.creditor_account, PROFILE.creditor)
    assert found is not None, "orders are checked before they are translated"
    return _account("EPID" if found.kind is IdentifierKind.PHONE else "BBAN", found.value)


def _account(kind: str, value: str) -> dict[str, str]:
    return {"AccountType": kind, "AccountValue": value}


def _foreign_bank(agent: Agent, us: SbpParticipant) -> str:
    """The debtor's bank, which reaches the system through us."""
    attributes = {"ClrSysMmbId": us.member}
    if agent.bic and _SWIFT.fullmatch(agent.bic):
        attributes["SwiftBIC"] = agent.bic
    return element(
        "Bank", attributes, text_element("BankName", ufebs_text(agent.name or agent.member_id, 140))
    )


def _person(name: str | None) -> str:
    return element("PersonInfo", {}, text_element("PersonName", _name(name)))


def _country(country: str | None) -> str:
    return text_element("CountryOfResidence", ufebs_text(country, 2))


def _phone(text: str | None) -> str:
    digits = "".join(filter(str.isdecimal, text or ""))
    fits = digits.isascii() and len(digits) <= 15  # noqa: PLR2004 - the schema's
    return text_element("PhoneNumber", digits if fits else "")


def _purpose(payment: CreditTransfer) -> str:
    """The text of the payment; a code of currency operations that is its purpose stands in front of it."""
    text, code = payment.remittance or "", payment.purpose or ""
    if LISTS["RU-VO"].has(code) and not text.startswith("{VO"):
        text = f"{{{code}}}{text}"
    return text_element("Purpose", ufebs_text(text, PROFILE.characters.remittance_max))


def _amount(tag: str, amount: Money) -> str:
    return element(tag, {"Amount": amounts.write(amount, PROFILE.amounts), "Currency": amount.currency})


def _service(
    tag: str, us: SbpParticipant, at: datetime, number: int, **attributes: str
) -> tuple[Element, EdId]:
    """A message that is not an order; `number` distinguishes it from others of the day."""
    identity = EdId(ORDER_NUMBERS + 1 + number % SERVICE_NUMBERS, _moscow_date(at), us.uid)
    whole = {**identity.attributes, "EDReceiver": us.operator, **attributes}
    return root(NAMESPACE, tag, whole), identity


def _message(
    us: SbpParticipant, identity: EdId, at: datetime, document: Element, about: str = ""
) -> UfebsMessage:
    return UfebsMessage(
        sender=us.uid,
        receiver=us.operator,
        id=identity.text,
        about=about,
        created_at=at,
        documents=[document],
    )


def _read_refusal(document: Element) -> Answer:
    """ED705 in a register: the order is finally refused, even if its code is unknown."""
    if document.tag != f"{{{NAMESPACE}}}ED705" or _attribute(document, "StatusStateCode") != "RJCT":
        raise InvalidMessage("not a refusal")
    found = _read_answer(document, enquired=True)
    return replace(found, outcome=Outcome.REFUSED, reason=found.reason or codes.NO_REASON)


def _read_answer(document: Element, *, enquired: bool) -> Answer:
    ref = _attribute(document, "TransactionID")
    if document.tag == f"{{{NAMESPACE}}}ED705":
        return _read_state(document, ref, enquired=enquired)
    if document.tag != f"{{{NAMESPACE}}}ED706":
        raise InvalidMessage("not a response about an order")
    amount, number = read_kopecks(_attribute(document, "Sum")), EdId.of(document).text
    return Answer(ref, Outcome.DONE, uetrs.from_hex(ref), "SETL", amount=amount, rail_reference=number)


def _read_state(document: Element, ref: str, *, enquired: bool) -> Answer:
    state = _attribute(document, "StatusStateCode")
    outcome = codes.STATES.get(state, Outcome.UNKNOWN)
    answer = Answer(ref, outcome, uetrs.from_hex(ref), state)
    if outcome is not Outcome.REFUSED:
        return answer
    number = document.get("CtrlCode", "")
    annotation = document.findtext(f"{{{NAMESPACE}}}Annotation") or ""
    outcome, reason = codes.outcome_of(number, annotation, enquired=enquired)
    return replace(
        answer, outcome=outcome, rail_code=codes.code_of(number, annotation) or state, reason=reason
    )


def _agreed(first: Answer, second: Answer) -> Answer:
    """Two documents about one order: the one with the amount if they agree, otherwise UNKNOWN."""
    if first.outcome is not second.outcome:
        return replace(first, outcome=Outcome.UNKNOWN, amount=None, reason=None)
    return first if first.amount is not None else second


def _lines(register: Element, direction: str) -> list[tuple[str, Money]]:
    """Transactions and sums that debited (`DEBT`) or credited (`CRED`) our account."""
    return [
        (_attribute(line, "TransactionID"), read_kopecks(_attribute(line, "Sum")))
        for bank in register.iterfind(f"{{{NAMESPACE}}}FPSTransInfo")
        if bank.get("DC") == direction
        for line in bank.iterfind(f"{{{NAMESPACE}}}TransInfo")
    ]


def _must_add_up(register: Element, direction: str, lines: Sequence[tuple[str, Money]]) -> None:
    stated = (register.get(f"FPS{direction}TransQuantity"), register.get(f"FPS{direction}Sum"))
    if stated != (str(len(lines)), str(sum(amount.minor for _, amount in lines))):
        raise InvalidMessage("the lines of the register do not match its totals")


def _moscow_date(at: datetime) -> str:
    return at.astimezone(MOSCOW).date().isoformat()


def _name(text: str | None) -> str:
    return ufebs_text(text, PROFILE.characters.name_max)


def _reference(parent: Element, tag: str, identity: EdId) -> None:
    _add(parent, tag, **identity.attributes)


def _copy(element: Element) -> Element:
    return etree.fromstring(etree.tostring(element, with_tail=False))


def _add(parent: Element, tag: str, **attributes: str) -> Element:
    return etree.SubElement(parent, _beside(parent) + tag, attributes)


def _beside(element: Element) -> str:
    """The namespace of an element, as a prefix for the tags of its children."""
    return str(element.tag).partition("}")[0] + "}"


def _find(parent: Element, tag: str) -> Element:
    found = parent.find(_beside(parent) + tag)
    if found is None:
        raise InvalidMessage(f"{tag} is missing")
    return found


def _attribute(element: Element, name: str) -> str:
    value = element.get(name)
    if not value:
        raise InvalidMessage(f"{etree.QName(element).localname} has no {name}")
    return str(value)
