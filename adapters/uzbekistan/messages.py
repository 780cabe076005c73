"""The rail's JSON-RPC: builds orders and parses responses. Pure.

`p2p.universal.credit` credits a card in one step (observed); `hold.create` and `hold.confirm` credit an
account or a phone in two (profile). Observed: `ext` as the payer's own id, tiyin, currency "860", `sender`,
the hold's `time` in minutes, and `refNum` of ISO 8583 in responses. Profile: `recipient` of a hold,
`expiresAt`, `recipientName`, `purpose`, `purposeCode`, `endToEndId`, states, and `data` of an error.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

from adapters import amounts, creditor
from adapters import uetr as uetrs
from adapters.identifiers import is_luhn, rrn
from adapters.json_text import integer_of, text_of
from adapters.port import Answer, Order, Outcome, Payee, Violation
from adapters.text import ascii_name, ascii_text, debtor_country
from adapters.uzbekistan.codes import STATES, SvGateCode, SvGateState, outcome_of
from adapters.uzbekistan.profile import PROFILE
from schemas.errors import InvalidMessage
from schemas.money import Money
from schemas.payment import CreditTransfer
from schemas.reasons import Reason

PATH: Final = "/api/jsonrpc"
VERSION: Final = "2.0"
CURRENCY: Final = "860"
CREATE: Final = "hold.create"
CONFIRM: Final = "hold.confirm"
DISMISS: Final = "hold.dismiss"
HELD: Final = "hold.get"
CREDIT: Final = "p2p.universal.credit"
INFO: Final = "p2p.info"
FIND: Final = "trans.ext"
REVERSE: Final = "trans.reverse"
PING: Final = "get.bin.list"

ZONE: Final = timezone(timedelta(minutes=PROFILE.ids.utc_offset_minutes))
_ACCOUNT = re.compile(r"[1-9]\d{4}000\d{12}", re.ASCII)
_CARD = re.compile(r"(?:8600|5614|9860)\d{12}", re.ASCII)
_PHONE = re.compile(r"998\d{9}", re.ASCII)
_BANK = re.compile(r"\d{5}", re.ASCII)
_SENDER_ID_MAX: Final = 34

Content = dict[str, Any]


def check(order: Order) -> Sequence[Violation]:
    """Every reason why the rail cannot carry the order."""
    found = amounts.check(order, PROFILE)
    if recipient_of(order.payment) is None:
        found.append(
            Violation(
                Reason.INVALID_CREDITOR_ACCOUNT_NUMBER,
                *creditor.refusal(order.payment.creditor_account, PROFILE.creditor),
            )
        )
    if not _name(order.payment.debtor.name, debtor_country(order.payment)):
        found.append(Violation(Reason.MISSING_DEBTOR_NAME, "CdtTrfTxInf/Dbtr/Nm", "a name is required"))
    if not _name(order.payment.creditor.name, PROFILE.country):
        found.append(Violation(Reason.MISSING_CREDITOR_NAME, "CdtTrfTxInf/Cdtr/Nm", "a name is required"))
    bank = order.payment.creditor_agent.member_id
    if bank and _BANK.fullmatch(bank) is None:
        path = "CdtTrfTxInf/CdtrAgt/FinInstnId/ClrSysMmbId/MmbId"
        text = "must be the bank's code of five digits"
        found.append(Violation(Reason.INVALID_CREDITOR_BANK_IDENTIFIER, path, text))
    if order.expires_at <= order.made_at:
        found.append(Violation(Reason.INVALID_DATE, "CdtTrfTxInf/SttlmTmReq", "expires before its creation"))
    return found


def is_account(text: str) -> bool:
    """An account of 20 digits in som, by format: the rule of its key digit is not public."""
    return _ACCOUNT.fullmatch(text) is not None


def is_card(text: str) -> bool:
    """A card of Uzcard or Humo, by its first digits and check digit."""
    return _CARD.fullmatch(text) is not None and is_luhn(text)


def is_phone(text: str) -> bool:
    """A phone in the rail's format."""
    return _PHONE.fullmatch(text) is not None


def recipient_of(payment: CreditTransfer) -> str | None:
    """The account, card or phone to credit; None if no identifier known to the rail is given."""
    found = creditor.find(payment.creditor_account, PROFILE.creditor)
    return None if found is None else found.value


def request(method: str, request_id: str, params: Content) -> Content:
    """A JSON-RPC request."""
    return {"jsonrpc": VERSION, "id": request_id, "method": method, "params": params}


def order_request(order: Order, us: dict[str, str]) -> Content:
    """The order: a credit to a card, or a hold for an account."""
    recipient = recipient_of(order.payment)
    assert recipient is not None, "orders are checked before they are translated"
    ext = uetrs.to_hex(order.payment.uetr)
    if is_card(recipient):
        return request(CREDIT, ext, {"credit": _credit(order, ext, recipient, us)})
    minutes = -(-int((order.expires_at - order.made_at).total_seconds()) // 60) or 1
    hold = {**_credit(order, ext, recipient, us), "currency": CURRENCY, "time": minutes}
    return request(CREATE, f"{ext}.hold", {"hold": hold})


def by_ext(method: str, ext: str, **more: str) -> Content:
    """A request that identifies an order by our own id."""
    kind = method.partition(".")[0]
    request_id = ext if method == CONFIRM else f"{ext}.{method}"
    named = {"ext": ext, **more}
    return request(method, request_id, {"hold": named} if kind == "hold" else named)


def info(alias: str) -> Content:
    """A request for the owner of an account, card or phone; all of them use the member for cards."""
    member = "hpan" if is_card(alias) else "account" if is_account(alias) else "phone"
    return request(INFO, "info", {member: alias})


def read_answer(content: Content) -> Answer:
    """The rail's statement about an order: in response to it, or later by callback.

    Raises:
        InvalidMessage: not a JSON-RPC response about an order.

    """
    _must_be_answer(content)
    return _refusal(content) if "error" in content else _state(_object(content, "result"))


def read_enquiry(ext: str, found: Content, held: Content) -> Answer:
    """The outcome of an order from the replies to `trans.ext` and `hold.get` together.

    Raises:
        InvalidMessage: a reply is not JSON-RPC, or an error that does not concern the order.

    """
    _must_be_answer(found)
    if "error" not in found:
        return _state(_object(found, "result"), enquired=True)
    _must_be_answer(held)
    if integer_of(_object(found, "error"), "code") != SvGateCode.NO_ORDER:
        raise InvalidMessage("the enquiry itself failed")
    if "error" not in held:
        return _state(_object(held, "result"), enquired=True)
    if integer_of(_object(held, "error"), "code") != SvGateCode.NO_ORDER:
        raise InvalidMessage("the enquiry itself failed")
    return Answer(ext, Outcome.NOT_FOUND, uetr=uetrs.from_hex(ext), rail_code=str(int(SvGateCode.NO_ORDER)))


def read_payee(content: Content) -> Payee:
    """The response to `p2p.info`.

    Raises:
        InvalidMessage: a member is missing or malformed.

    """
    result = _object(content, "result")
    return Payee(text_of(result, "account"), text_of(result, "bank"), text_of(result, "owner"))


def error_of(content: Content) -> int | None:
    """The code of an error; None if the response is a result.

    Raises:
        InvalidMessage: not a JSON-RPC response.

    """
    _must_be_answer(content)
    return integer_of(_object(content, "error"), "code") if "error" in content else None


def state_of(content: Content) -> str | None:
    """The state in a result."""
    result = content.get("result")
    return result.get("status") if isinstance(result, dict) else None


def open_from(content: Content) -> datetime:
    """When a closed rail opens.

    Raises:
        InvalidMessage: the instant is missing.

    """
    return read_timestamp(text_of(_object(_object(content, "error"), "data"), "openFrom"))


def timestamp(at: datetime) -> str:
    """UTC with milliseconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def read_timestamp(text: str) -> datetime:
    """Parse an instant.

    Raises:
        InvalidMessage: not UTC with milliseconds.

    """
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    except ValueError:
        raise InvalidMessage("not an instant in UTC") from None


def _credit(order: Order, ext: str, recipient: str, us: dict[str, str]) -> Content:
    """The content that a card's credit and an account's hold have in common."""
    payment, bank = order.payment, order.payment.creditor_agent.member_id or ""
    named = {
        "bank": bank if _BANK.fullmatch(bank) else "",
        "recipientName": _name(payment.creditor.name, PROFILE.country),
        "purpose": ascii_text(payment.remittance or "", PROFILE.characters.remittance_max),
        "purposeCode": payment.purpose or "",
        "endToEndId": payment.end_to_end_id,
        "expiresAt": timestamp(order.expires_at),
    }
    return {
        "amount": amounts.units(order.amount),
        "ext": ext,
        "merchantId": us["merchant_id"],
        "terminalId": us["terminal_id"],
        "recipient": recipient,
        "sender": _sender(order, us),
        **{name: text for name, text in named.items() if text},
    }


def _sender(order: Order, us: dict[str, str]) -> dict[str, str]:
    """The originator. The rail requires the parts of a name: the first word, the last, and those between."""
    payment = order.payment
    first, *rest = _name(payment.debtor.name, debtor_country(payment)).split()
    last = rest.pop() if rest else first
    account = payment.debtor_account
    values = {
        "id": ((account and account.id) or "")[:_SENDER_ID_MAX],
        "legalName": us["legal_name"],
        "system": us["system"],
        "lastName": last,
        "firstName": first,
        "middleName": " ".join(rest),
        "refNum": rrn(order.made_at.astimezone(ZONE), order.serial),
        "country": payment.debtor.country or (payment.debtor_agent.bic or "")[4:6],
        "bank": payment.debtor_agent.bic or payment.debtor_agent.member_id or "",
    }
    return {name: text for name, text in values.items() if text}


def _name(text: str | None, country: str) -> str:
    return ascii_name(text, PROFILE.characters.name_max, country).upper()


def _must_be_answer(content: Content) -> None:
    """Check version, id, and that there is either a result or an error."""
    if content.get("jsonrpc") != VERSION or ("result" in content) == ("error" in content):
        raise InvalidMessage("not a JSON-RPC response")
    text_of(content, "id")


def _object(content: Content, name: str) -> Content:
    value = content.get(name)
    if not isinstance(value, dict):
        raise InvalidMessage(f"{name} is not an object", path=name)
    return value


def _state(result: Content, *, enquired: bool = False) -> Answer:
    ref, status = text_of(result, "ext"), text_of(result, "status")
    if status == SvGateState.REFUSED:
        native = text_of(result, "code")
        outcome, reason = outcome_of(native, enquired=enquired)
        return Answer(ref, outcome, uetrs.from_hex(ref), native, reason)
    outcome = STATES.get(status, Outcome.UNKNOWN)
    return Answer(
        ref=ref,
        outcome=outcome,
        uetr=uetrs.from_hex(ref),
        rail_code=status,
        amount=_amount(result) if outcome is Outcome.DONE else None,
        rail_reference=result.get("refNum") or None,
    )


def _refusal(content: Content) -> Answer:
    """An error. One that is raised before the order was parsed has only the id of the request."""
    error = _object(content, "error")
    data, code = _object(error, "data"), str(integer_of(error, "code"))
    ref = text_of(data if "ext" in data else {"ext": content["id"].partition(".")[0]}, "ext")
    native = f"{code}/{data['reason']}" if isinstance(data.get("reason"), str) else code
    outcome, reason = outcome_of(native, enquired=False)
    return Answer(ref, outcome, uetrs.from_hex(ref), native, reason)


def _amount(result: Content) -> Money:
    if result.get("currency") != CURRENCY:
        raise InvalidMessage("not an amount of som", path="currency")
    return amounts.of_units(integer_of(result, "amount"), PROFILE.currency, path="amount")
