"""Orders, queries and cancellations with which the operator calls us at `/in/qr`, and our answers. Pure.

    POST check          -> the payee, masked, or HTTP 452      whose account abroad it is
    POST create         -> status 10, or HTTP 452              the same, for a transaction with an id
    POST execute/{id}   -> its status; later our `update`      an order
    GET  get/{id}       -> its status, or HTTP 404             a status query
    POST cancel/{id}    -> `cancelStatus`; later our `update`  the operator does not want it any more

Observed: the paths, which mirror the operator's own, its headers, whole tyiyn, status numbers, HTTP codes.
Profile: `execute` has the content of `create` again, so that one signed message orders the payment, and
nothing is kept of a `create` that is not executed; `extra` with the BIC of the payee's bank, the originator
and the expiry, and with `quoteId` in `execute` if that is at the firm price in our answer to `create`;
`cancel` and `cancelStatus`; `update` as a compact JWS.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from adapters import amounts
from adapters.called import CalledRequest
from adapters.json_text import integer_of, parse, text_of
from adapters.kyrgyzstan import elqr, messages
from adapters.kyrgyzstan.codes import ElqrStatus
from adapters.kyrgyzstan.profile import PROFILE
from adapters.originating import (
    InboundRequest,
    OrderVerdict,
    PayeeQuery,
    PayeeVerdict,
    PaymentOrder,
    ReturnOrder,
    StatusQuery,
    bank_abroad,
    order_of,
    ref_of,
)
from adapters.port import Outcome
from schemas.errors import InvalidMessage
from schemas.money import Money
from schemas.parties import named_account
from schemas.payment import Agent, Party
from schemas.reasons import Reason

ROOT: Final = "/in/qr/1/tx"
NOT_FOUND: Final = 404
RECIPIENT_WRONG: Final = 452
_STEP = re.compile(
    rf"(?:POST {ROOT}/(check|create|execute|cancel)|GET {ROOT}/(get))(?:/([0-9A-Za-z]+))?", re.ASCII
)
_WITHOUT_ID: Final = frozenset({"check", "create"})
_BANK_OF_PAYER = re.compile(r"\d{6}", re.ASCII)
Content = dict[str, Any]


def step_of(request: CalledRequest) -> tuple[str, str]:
    """What is called, and the id in the path; empty without one.

    Raises:
        InvalidMessage: not one of the operator's paths.

    """
    place = _STEP.fullmatch(f"{request.method} {request.path}")
    if place is None:
        raise InvalidMessage("not a path of this rail")
    step, ref = place[1] or place[2], place[3] or ""
    if (step in _WITHOUT_ID) is not (ref == ""):
        raise InvalidMessage("not a path of this rail")
    return step, ref


def read(request: CalledRequest, provider: str) -> InboundRequest:
    """A request of the operator; `provider` is ours.

    Raises:
        InvalidMessage: malformed, not to us, or it states what we cannot honour.

    """
    step, ref = step_of(request)
    readers: dict[str, Callable[[], InboundRequest]] = {
        "check": lambda: _payee_query("check", parse(request.body), provider),
        "create": lambda: _announced(parse(request.body), provider),
        "execute": lambda: _order(ref, parse(request.body), provider),
        "get": lambda: StatusQuery(ref_of(ref), ref),
        "cancel": lambda: ReturnOrder(ref_of(ref), ref),
    }
    return readers[step]()


def _announced(body: Content, provider: str) -> PayeeQuery:
    """`create`: it is read like the order that may follow, so that what we would refuse is refused now."""
    ref = text_of(body, "pspTransactionId")
    _order(ref, body, provider)
    purpose = _extra(body).get("purpose")
    return replace(_payee_query(ref, body, provider), purpose=purpose, quotable=True)


def _payee_query(ref: str, body: Content, provider: str) -> PayeeQuery:
    account = _recipient(body, provider)
    agent = bank_abroad(_extra(body).get("recipientBank", ""), "extra/recipientBank")
    return PayeeQuery(ref, named_account(account), agent, _amount(body))


def _order(ref: str, body: Content, provider: str) -> PaymentOrder:
    if text_of(body, "pspTransactionId") != ref:
        raise InvalidMessage("is not that of the path", path="pspTransactionId")
    if integer_of(body, "transactionType") != messages.PERSON_TO_PERSON:
        raise InvalidMessage("not a payment between persons", path="transactionType")
    account, extra = _recipient(body, provider), _extra(body)
    amount = _amount(body)
    names = {name: extra.get(name, "") for name in ("senderName", "recipientName", "senderBank")}
    if not all(names.values()):
        raise InvalidMessage("sender, its bank and the recipient must be named", path="extra")
    if _BANK_OF_PAYER.fullmatch(names["senderBank"]) is None:
        raise InvalidMessage("must be a bank of this rail", path="extra/senderBank")
    _check_link(
        body,
        elqr.Payload(
            provider, messages.SERVICE, account, messages.CATEGORY, names["recipientName"], amount.minor
        ),
    )
    bank = bank_abroad(extra.get("recipientBank", ""), "extra/recipientBank")
    sender = extra.get("senderAccount", "")
    return order_of(
        PROFILE.country,
        ref,
        amount,
        made_at=messages.read_timestamp(text_of(body, "createdDate")),
        expires_at=messages.read_timestamp(extra.get("expiresAt", "")),
        end_to_end_id=extra.get("endToEndId"),
        debtor=Party(name=names["senderName"], country=PROFILE.country),
        debtor_account=named_account(sender) if sender else None,
        debtor_agent=Agent(member_id=names["senderBank"]),
        creditor=Party(name=names["recipientName"], country=(bank.bic or "")[4:6]),
        creditor_account=named_account(account),
        creditor_agent=bank,
        purpose=extra.get("purpose"),
        remittance=extra.get("comment"),
        quote=extra.get("quoteId"),
    )


def _check_link(body: Content, payload: elqr.Payload) -> None:
    """The check value of the order's ELQR payload, as `create` of the operator's own orders has it."""
    try:
        expected = elqr.write(payload)[-4:]
    except ValueError:
        raise InvalidMessage("longer than an ELQR payload can carry", path="extra/recipientName") from None
    if text_of(body, "qrLinkHash") != expected:
        raise InvalidMessage("is not that of the order", path="qrLinkHash")


def _recipient(body: Content, provider: str) -> str:
    """The payee's account abroad, in a request to us."""
    if text_of(body, "merchantProvider") != provider:
        raise InvalidMessage("not to us", path="merchantProvider")
    return text_of(body, "beneficiaryAccountNumber")


def _amount(body: Content) -> Money:
    if text_of(body, "currencyCode") != messages.CURRENCY:
        raise InvalidMessage(f"must be in {PROFILE.currency}", path="currencyCode")
    return amounts.of_units(integer_of(body, "amount"), PROFILE.currency, path="amount")


_UNDERSTOOD: Final = frozenset({
    *("senderName", "senderAccount", "senderBank", "recipientName", "recipientBank"),
    *("comment", "purpose", "endToEndId", "expiresAt", "quoteId"),
})  # fmt: skip
"""Every part of `extra` is honoured or carried; any other is refused, so that nothing is silently lost."""


def _extra(body: Content) -> dict[str, str]:
    parts = body.get("extra")
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise InvalidMessage("not a list of parts", path="extra")
    found = {text_of(part, "key"): text_of(part, "value") for part in parts}
    if len(found) != len(parts) or found.keys() - _UNDERSTOOD:
        raise InvalidMessage("a part twice, or one that is not taken from this rail", path="extra")
    return found


def status(request: CalledRequest, verdict: OrderVerdict) -> Content:
    """What became of an order or of a cancellation; without a status for an order that never came."""
    step, ref = step_of(request)
    said: Content = {"pspTransactionId": ref}
    if verdict.outcome is Outcome.NOT_FOUND:
        return said
    number = _STATUSES.get(verdict.outcome, ElqrStatus.IN_PROCESS)
    said["cancelStatus" if step == "cancel" else "status"] = int(number)
    said["updateDate"] = messages.timestamp(verdict.at)
    if step == "execute":
        said["amount"] = integer_of(parse(request.body), "amount")
    if verdict.outcome is Outcome.REFUSED:
        said["reason"] = verdict.reason or Reason.REASON_NOT_SPECIFIED
    return said


_STATUSES: Final = {Outcome.DONE: ElqrStatus.SUCCESS, Outcome.REFUSED: ElqrStatus.ERROR}
"""A cancellation is a transaction with a status of its own: success means that nothing is paid."""


def payee(request: CalledRequest, verdict: PayeeVerdict) -> Content | None:
    """The answer to `check` or `create`; None if nobody has the account: HTTP 452."""
    if verdict.payee is None:
        return None
    step, _ = step_of(request)
    body = parse(request.body)
    said: Content = {"beneficiaryName": verdict.payee.name or ""}
    if step == "create":
        said = {"pspTransactionId": body["pspTransactionId"], "status": int(ElqrStatus.CREATED), **said}
    said |= {"account": body["beneficiaryAccountNumber"], "bankCode": _extra(body)["recipientBank"]}
    if verdict.credit is not None:
        price = {"creditAmount": verdict.credit.text, "creditCurrency": verdict.credit.currency}
        price["rate"] = verdict.rate or "1"
        if verdict.until is not None:
            price |= {"quoteId": verdict.quote, "validUntil": messages.timestamp(verdict.until)}
        said["extra"] = [{"key": key, "value": value} for key, value in price.items()]
    return said
