"""UPI messages: builds orders and parses UPI's responses. Pure.

Blocks and attributes follow NPCI's UPI XML, version 2.0, in its inward cross-border form
(`initiationMode="12"` with `Payer/Institution`). The specification for members is not public, so three things
are our own profile: the rule `EXPIREAT` (the instant after which UPI must not execute the order), enquiries
that may be answered in the same exchange as well as by callback, and ReqTxnConfirmation, which reports the
outcome of a deemed order and is answered in the same exchange.
"""

import copy
import functools
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from lxml import etree
from lxml.etree import _Element as Element

from adapters import amounts, creditor
from adapters import uetr as uetrs
from adapters.creditor import IdentifierKind
from adapters.identifiers import is_ifsc, rrn
from adapters.identity import require
from adapters.india.codes import PURPOSES, outcome_of
from adapters.india.profile import PROFILE
from adapters.port import Answer, Order, Outcome, Payee, Violation
from adapters.text import ascii_name, ascii_text, debtor_country
from schemas.code_lists import LISTS
from schemas.errors import InvalidMessage
from schemas.money import Money
from schemas.payment import CreditTransfer
from schemas.reasons import Reason

NAMESPACE: Final = "http://npci.org/upi/schema/"
VERSION: Final = "2.0"
CONFIRMATION: Final = "ReqTxnConfirmation"
IST: Final = timezone(timedelta(hours=5, minutes=30))

_ACCOUNT_HANDLE: Final = ".ifsc.npci"
_PRE_APPROVED: Final = "MDB8QVBQUk9WRUQ"
_REFERENCE = re.compile(r"[\x21-\x7e]{1,35}", re.ASCII)


@dataclass(frozen=True, slots=True)
class UpiParticipant:
    """Our identity at UPI."""

    org_id: str
    prefix: str
    """The three letters at the start of our ids."""
    handle: str
    institution: str
    ifsc: str
    account: str
    mobile: str
    purpose: str
    """RBI purpose code for payments whose ISO purpose has no RBI code of its own."""

    @classmethod
    def of(cls, identity: Mapping[str, str]) -> "UpiParticipant":
        """Build from a connection's identity.

        Raises:
            ValueError: an id is missing.

        """
        require(identity, cls.__dataclass_fields__, "UPI")
        return cls(**{name: identity[name] for name in cls.__dataclass_fields__})


def check(order: Order) -> Sequence[Violation]:
    """Every reason why UPI cannot carry the order."""
    payment = order.payment
    found = amounts.check(order, PROFILE)
    found += _check_payee(payment)
    if not _name(payment.debtor.name, debtor_country(payment)):
        found.append(
            Violation(
                Reason.MISSING_DEBTOR_NAME,
                "CdtTrfTxInf/Dbtr/Nm",
                "a name that can be written in ASCII is required",
            )
        )
    if not _name(payment.creditor.name, PROFILE.country):
        found.append(
            Violation(
                Reason.MISSING_CREDITOR_NAME,
                "CdtTrfTxInf/Cdtr/Nm",
                "a name that can be written in ASCII is required",
            )
        )
    if order.expires_at <= order.made_at:
        found.append(Violation(Reason.INVALID_DATE, "CdtTrfTxInf/SttlmTmReq", "expires before its creation"))
    return found


def transaction_id(prefix: str, uetr: str) -> str:
    """Txn.id: 35 characters that contain the UETR, so that every response contains it too."""
    return prefix + uetrs.to_hex(uetr)


def uetr_of(transaction: str) -> str | None:
    """The UETR in a Txn.id; None if it is not the id of one of our orders."""
    return uetrs.from_hex(transaction[3:])


def message_id(prefix: str, transaction: str) -> str:
    """Head.msgId of an order: 35 characters, different for each transaction, always the same for one."""
    return prefix + hashlib.sha256(b"msg" + transaction.encode()).hexdigest()[:32]


def payment_request(order: Order, us: UpiParticipant) -> Element:
    """ReqPay, unsigned."""
    payment = order.payment
    at = timestamp(order.made_at)
    value = amounts.write(order.amount, PROFILE.amounts)
    reference = rrn(order.made_at.astimezone(IST), order.serial)
    transaction = transaction_id(us.prefix, payment.uetr)
    root = root_of("ReqPay", us.org_id, message_id(us.prefix, transaction), at)
    add(add(root, "Meta"), "Tag", name="PAYREQSTART", value=at)
    txn = add(
        root,
        "Txn",
        id=transaction,
        note=_note(payment.remittance) or "payment",
        custRef=reference,
        refId=payment.end_to_end_id if _REFERENCE.fullmatch(payment.end_to_end_id) else reference,
        refCategory="00",
        ts=at,
        type="PAY",
        purpose="00",
        initiationMode="12",
    )
    rules = add(txn, "Rules")
    add(rules, "Rule", name="EXPIREAT", value=timestamp(order.expires_at))
    _add_payer(root, payment, value, reference, us)
    _add_payee(add(root, "Payees"), payment, value)
    return root


def status_request(native: "SentUpiMessage", us: UpiParticipant, at: datetime, message: str) -> Element:
    """ReqChkTxn for an order that was sent, unsigned; `message` is new for each enquiry."""
    now = timestamp(at)
    root = root_of("ReqChkTxn", us.org_id, message, now)
    add(
        root,
        "Txn",
        id=message,
        ts=now,
        type="ChkTxn",
        orgTxnId=native.transaction,
        orgRrn=native.reference,
        orgTxnDate=native.made_at,
    )
    return root


def reversal_request(native: "SentUpiMessage", us: UpiParticipant, at: datetime, reason: str) -> Element:
    """ReqRev for an order that was sent, unsigned; an order has one reversal, with one id."""
    now = timestamp(at)
    transaction = us.prefix + hashlib.sha256(b"rev" + native.transaction.encode()).hexdigest()[:32]
    root = root_of("ReqRev", us.org_id, message_id(us.prefix, transaction), now)
    add(
        root,
        "Txn",
        id=transaction,
        note=_note(reason) or "reversal",
        custRef=native.reference,
        ts=now,
        type="REVERSAL",
        orgTxnId=native.transaction,
        orgRrn=native.reference,
        orgTxnDate=native.made_at,
    )
    add(root, "Amount", value=native.value, curr=PROFILE.currency)
    return root


def validation_request(address: str, us: UpiParticipant, at: datetime, message: str) -> Element:
    """ReqValAdd: the owner of an address; unsigned."""
    now = timestamp(at)
    root = root_of("ReqValAdd", us.org_id, message, now)
    add(root, "Txn", id=message, ts=now, type="ValAdd")
    add(root, "Payer", addr=f"sco@{us.handle}", name=us.institution, seqNum="1", type="ENTITY", code="0000")
    add(root, "Payee", addr=address, seqNum="1", type="PERSON", code="0000")
    return root


def heartbeat_request(us: UpiParticipant, at: datetime, message: str) -> Element:
    """ReqHbt: whether the rail is available; unsigned."""
    now = timestamp(at)
    root = root_of("ReqHbt", us.org_id, message, now)
    add(root, "Txn", id=message, ts=now, type="Hbt")
    add(root, "HbtMsg", type="ALIVE", value="NA")
    return root


def acknowledgement(answer: Element) -> bytes:
    """The Ack of a callback. Pure, so its time is that of the callback."""
    head = one(answer, "Head")
    ack = etree.Element(f"{{{NAMESPACE}}}Ack", nsmap={"upi": NAMESPACE})
    ack.set("api", etree.QName(answer).localname)
    ack.set("reqMsgId", attribute(head, "msgId"))
    ack.set("ts", attribute(head, "ts"))
    return etree.tostring(ack)


def is_confirmation(root: Element) -> bool:
    """Whether a message is ReqTxnConfirmation, which requires more than an Ack."""
    return api_of(root) == CONFIRMATION


def confirmation_reply(request: Element, us: UpiParticipant) -> Element:
    """RespTxnConfirmation: a confirmation of receipt; unsigned. Pure: id and time come from the request."""
    head, txn = one(request, "Head"), one(request, "Txn")
    transaction, at = attribute(txn, "id"), attribute(head, "ts")
    root = root_of("RespTxnConfirmation", us.org_id, message_id(us.prefix, transaction), at)
    add(root, "Txn", id=transaction, ts=at, type="TxnConfirmation", orgTxnId=attribute(txn, "orgTxnId"))
    add(root, "Resp", reqMsgId=attribute(head, "msgId"), result="SUCCESS")
    return root


@dataclass(frozen=True, slots=True)
class SentUpiMessage:
    """The parts of an order that later messages about it repeat."""

    transaction: str
    message: str
    reference: str
    made_at: str
    value: str

    @classmethod
    def of(cls, root: Element) -> "SentUpiMessage":
        """Read from the stored ReqPay."""
        txn = one(root, "Txn")
        amount = one(one(root, "Payer"), "Amount")
        return cls(
            transaction=attribute(txn, "id"),
            message=attribute(one(root, "Head"), "msgId"),
            reference=attribute(txn, "custRef"),
            made_at=attribute(txn, "ts"),
            value=attribute(amount, "value"),
        )


def read_acknowledgement(root: Element, message: str) -> str | None:
    """The error code of an Ack; None if the rail accepted the message.

    Raises:
        InvalidMessage: not the Ack of this message.

    """
    if api_of(root) != "Ack" or root.get("reqMsgId") != message:
        raise InvalidMessage("not the acknowledgement of this message")
    return root.get("err") or None


def read_answer(root: Element) -> Answer:
    """RespPay, RespRev, RespChkTxn or ReqTxnConfirmation: the outcome of an order.

    Raises:
        InvalidMessage: a required part is missing or malformed.

    """
    api, txn = api_of(root), one(root, "Txn")
    if api == CONFIRMATION:
        return _read_confirmation(attribute(txn, "orgTxnId"), one(root, "TxnConfirmation"))
    resp = one(root, "Resp")
    if api == "RespChkTxn":
        return _read_status(attribute(txn, "orgTxnId"), resp)
    if api == "RespPay":
        return _read_outcome(attribute(txn, "id"), resp)
    if api == "RespRev":
        # The reversal is a separate order: its outcome must not be read as that of the payment.
        return replace(_read_outcome(attribute(txn, "id"), resp), uetr=None)
    raise InvalidMessage("not a response about an order")


def read_payee(root: Element) -> Payee | None:
    """RespValAdd: the owner of an address; None if the rail does not know it.

    Raises:
        InvalidMessage: not a RespValAdd, or a required part is missing.

    """
    if api_of(root) != "RespValAdd":
        raise InvalidMessage("not the response to an address enquiry")
    resp = one(root, "Resp")
    if attribute(resp, "result") != "SUCCESS":
        return None
    return Payee(
        account=attribute(resp, "addr"), agent=attribute(resp, "IFSC"), name=resp.get("maskName") or None
    )


def api_of(root: Element) -> str:
    """The name of the message.

    Raises:
        InvalidMessage: not a UPI message.

    """
    name = etree.QName(root)
    if name.namespace != NAMESPACE:
        raise InvalidMessage("not a UPI message")
    return name.localname


def timestamp(at: datetime) -> str:
    """Indian time with offset and milliseconds."""
    return at.astimezone(IST).isoformat(timespec="milliseconds")


def read_timestamp(text: str) -> datetime:
    """Parse an instant in a UPI message.

    Raises:
        InvalidMessage: not a date and time with milliseconds and an offset.

    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidMessage("not a timestamp") from None
    if at.tzinfo is None or at.isoformat(timespec="milliseconds") != text:
        raise InvalidMessage("not a timestamp")
    return at.astimezone(UTC)


def read_amount(text: str, currency: str) -> Money:
    """Parse an amount with two decimals.

    Raises:
        InvalidMessage: not an amount of this currency in UPI's format.

    """
    return amounts.read(text, currency, PROFILE.amounts)


def address_of(payment: CreditTransfer) -> str | None:
    """The payee's address: the VPA, or the account's address at its branch; None if neither is given."""
    found = creditor.find(payment.creditor_account, PROFILE.creditor)
    if found is None or found.kind is IdentifierKind.ADDRESS:
        return None if found is None else found.value
    ifsc = (payment.creditor_agent.member_id or "").strip().upper()
    return f"{found.value}@{ifsc}{_ACCOUNT_HANDLE}" if is_ifsc(ifsc) else None


def _check_payee(payment: CreditTransfer) -> list[Violation]:
    stated = payment.creditor_agent.member_id
    if stated and not is_ifsc(stated.strip().upper()):
        place = "CdtTrfTxInf/CdtrAgt/FinInstnId/ClrSysMmbId/MmbId"
        return [Violation(Reason.INVALID_CREDITOR_BANK_IDENTIFIER, place, "must be the IFSC of a branch")]
    if address_of(payment) is not None:
        return []
    if creditor.find(payment.creditor_account, PROFILE.creditor) is not None:
        place = "CdtTrfTxInf/CdtrAgt/FinInstnId/ClrSysMmbId/MmbId"
        return [
            Violation(
                Reason.INVALID_CREDITOR_BANK_IDENTIFIER,
                place,
                "an account number requires the IFSC of its branch",
            )
        ]
    return [
        Violation(
            Reason.INVALID_CREDITOR_ACCOUNT_NUMBER,
            *creditor.refusal(payment.creditor_account, PROFILE.creditor),
        )
    ]


def _add_payer(
    root: Element, payment: CreditTransfer, value: str, reference: str, us: UpiParticipant
) -> None:
    name = _name(payment.debtor.name, debtor_country(payment))
    country = payment.debtor.country or (payment.debtor_agent.bic or "")[4:6]
    payer = copy.deepcopy(_payer(us))
    root.append(payer)
    payer.set("name", name)
    add(payer, "Amount", value=value, curr=PROFILE.currency)
    institution = add(payer, "Institution", route="RDA", type="BANK")
    add(institution, "Name", value=us.institution, acNum=us.account, ifsc=us.ifsc)
    code, note = _purpose(payment.purpose or "", us)
    add(institution, "Purpose", code=code, note=note)
    originator = add(institution, "Originator", name=name, refNo=reference, type="INDIVIDUAL")
    add(originator, "Address", location=country or "XX")
    add(institution, "Beneficiary", name=_name(payment.creditor.name, PROFILE.country))


def _purpose(stated: str, us: UpiParticipant) -> tuple[str, str]:
    """RBI purpose code and note: the sender's own code for receipts, else that of its ISO purpose."""
    if stated.startswith("P") and LISTS["IN-RBI"].has(stated):
        return stated, "remittance"
    return PURPOSES.get(stated, (us.purpose, stated or "remittance"))


@functools.lru_cache(maxsize=16)
def _payer(us: UpiParticipant) -> Element:
    """Our part of every order. It is copied, which takes a fifth of the time of building it."""
    payer = etree.Element("Payer", addr=f"sco@{us.handle}", name="", seqNum="1", type="ENTITY", code="0000")
    info = add(payer, "Info")
    add(info, "Identity", id=us.account, type="ACCOUNT", verifiedName=us.institution)
    add(info, "Rating", verifiedAddress="TRUE")
    add(add(payer, "Device"), "Tag", name="MOBILE", value=us.mobile)
    _add_account(payer, us.ifsc, "CURRENT", us.account)
    credential = add(add(payer, "Creds"), "Cred", type="PreApproved", subType="NA")
    add(credential, "Data").text = _PRE_APPROVED
    return payer


def _add_payee(payees: Element, payment: CreditTransfer, value: str) -> None:
    address = address_of(payment)
    assert address is not None, "orders are checked before they are translated"
    payee = add(
        payees,
        "Payee",
        addr=address,
        name=_name(payment.creditor.name, PROFILE.country),
        seqNum="1",
        type="PERSON",
        code="0000",
    )
    if address.endswith(_ACCOUNT_HANDLE):
        number, _, branch = address.removesuffix(_ACCOUNT_HANDLE).partition("@")
        _add_account(payee, branch, "SAVINGS", number)
    add(payee, "Amount", value=value, curr=PROFILE.currency)


def _add_account(party: Element, ifsc: str, kind: str, number: str) -> None:
    account = add(party, "Ac", addrType="ACCOUNT")
    add(account, "Detail", name="IFSC", value=ifsc)
    add(account, "Detail", name="ACTYPE", value=kind)
    add(account, "Detail", name="ACNUM", value=number)


def _read_outcome(ref: str, resp: Element, *, enquired: bool = False) -> Answer:
    return _outcome_answer(ref, attribute(resp, "result"), resp.get("errCode"), resp, enquired=enquired)


def _read_confirmation(ref: str, confirmation: Element) -> Answer:
    """The outcome of a deemed order."""
    return _outcome_answer(
        ref,
        attribute(confirmation, "orgStatus"),
        confirmation.get("orgErrCode"),
        confirmation,
        enquired=False,
    )


def _outcome_answer(ref: str, result: str, error: str | None, lines: Element, *, enquired: bool) -> Answer:
    """A result and the payee's line about it; if they differ, the outcome is unknown."""
    payee = lines.find("Ref[@type='PAYEE']")
    code = error or (payee.get("respCode") if payee is not None else None) or ""
    outcome, reason = outcome_of(code, enquired=enquired)
    if result not in _AGREES.get(outcome, frozenset()):
        return _answer(ref, Outcome.UNKNOWN, code)
    if outcome is not Outcome.DONE:
        return _answer(ref, outcome, code, reason=reason)
    if payee is None:
        raise InvalidMessage("a success without the payee's line")
    amount = read_amount(attribute(payee, "settAmount"), attribute(payee, "settCurrency"))
    approval = payee.get("approvalNum") or None
    return _answer(ref, Outcome.DONE, code, amount=amount, rail_reference=approval)


def _read_status(ref: str, resp: Element) -> Answer:
    """`errCode` concerns the enquiry itself; the outcome of the order is in the payee's line."""
    error = resp.get("errCode")
    if error is None:
        return _read_outcome(ref, resp, enquired=True)
    found = outcome_of(error)[0] is Outcome.NOT_FOUND
    return _answer(ref, Outcome.NOT_FOUND if found else Outcome.UNKNOWN, error)


_AGREES: Final = {
    Outcome.DONE: frozenset({"SUCCESS"}),
    Outcome.REFUSED: frozenset({"FAILURE"}),
    Outcome.PENDING: frozenset({"DEEMED"}),
    Outcome.NOT_FOUND: frozenset({"FAILURE"}),
}
"""The results that are consistent with a code."""


def _answer(
    ref: str,
    outcome: Outcome,
    code: str,
    *,
    reason: str | None = None,
    amount: Money | None = None,
    rail_reference: str | None = None,
) -> Answer:
    return Answer(
        ref=ref,
        outcome=outcome,
        uetr=uetr_of(ref),
        rail_code=code or None,
        reason=reason,
        amount=amount,
        rail_reference=rail_reference,
    )


def root_of(api: str, organisation: str, message: str, at: str) -> Element:
    """The root of a message of ours with its head."""
    root = etree.Element(f"{{{NAMESPACE}}}{api}", nsmap={"upi": NAMESPACE})
    add(root, "Head", ver=VERSION, ts=at, orgId=organisation, msgId=message, prodType="UPI")
    return root


def add(parent: Element, tag: str, **attributes: str) -> Element:
    """A new last child."""
    element = etree.SubElement(parent, tag)
    for name, value in attributes.items():  # twice as fast as passing all of them at once
        element.set(name, value)
    return element


def _name(text: str | None, country: str) -> str:
    return ascii_name(text, PROFILE.characters.name_max, country)


def _note(text: str | None) -> str:
    return ascii_text(text or "", PROFILE.characters.remittance_max)


def one(parent: Element, tag: str) -> Element:
    """The only child with a tag.

    Raises:
        InvalidMessage: there is none, or more than one.

    """
    found = parent.findall(tag)
    if len(found) != 1:
        raise InvalidMessage(f"not exactly one {tag}")
    return found[0]


def attribute(element: Element, name: str) -> str:
    """The value of an attribute.

    Raises:
        InvalidMessage: it is absent or empty.

    """
    value = element.get(name)
    if not value:
        raise InvalidMessage(f"{element.tag} has no {name}")
    return str(value)
