"""Orders, queries and reversals that a rail of ISO 8583 sends us, and our answers to them. Pure.

    0200 -> 0210          an order; it may be pending (09), and 0220 with the outcome follows in every case
    0201 -> 0211          its status
    0400 -> 0410, 0420 -> 0430, and their repeats 0401 and 0421
                          the rail does not want it any more; 0220 follows
    0100 -> 0110          whose account abroad it is

They come on the connections that we opened and signed on, and are answered there. DE48 is that of our own
orders (`private`), so everything is profile: its reference of 32 digits names the order, its tag 09 is the
BIC of the payee's bank abroad and tag 18 that bank's id at its own rail. DE100 is us. The element of the
creditor's account has the account abroad, at most 28 characters. A request for an owner may have an amount
in DE4, and in tag 10 the purpose that the order will state; if the price is firm, the answer has the quote in
tag 20 and its end in tag 21, and an order at this price has tag 20. An element or a tag that we could neither
honour nor carry makes the order invalid.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from adapters.iso8583 import codes, messages, private
from adapters.iso8583.codec import Fields
from adapters.iso8583.dialect import Iso8583Dialect
from adapters.iso8583.messages import ADVICE, REVERSALS, STANS, Iso8583Member, answer_fields, need, read_ref
from adapters.iso8583.private import PrivateTag
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
)
from adapters.port import Outcome
from adapters.text import ascii_name
from schemas.errors import InvalidMessage
from schemas.parties import named_account
from schemas.payment import Agent, Party
from schemas.reasons import Reason

_UNDERSTOOD: Final = frozenset(
    {"t", "3", "4", "7", "11", "12", "13", "32", "37", "41", "42", "43", "48", "49", "100"}
)
"""Elements of an order that are honoured, carried, or the rail's own; beside that of the account."""
_CARRIED: Final = frozenset({
    *(PrivateTag.UETR, PrivateTag.EXPIRES, PrivateTag.END_TO_END, PrivateTag.PURPOSE, PrivateTag.REMITTANCE),
    *(PrivateTag.DEBTOR_NAME, PrivateTag.DEBTOR_AGENT, PrivateTag.DEBTOR_ACCOUNT, PrivateTag.DEBTOR_COUNTRY),
    *(PrivateTag.CREDITOR_NAME, PrivateTag.CREDITOR_AGENT, PrivateTag.CREDITOR_MEMBER, PrivateTag.QUOTE),
})  # fmt: skip
_PLACE: Final = "48"
_APPROVAL: Final = 6


def read(fields: Fields, us: Iso8583Member, dialect: Iso8583Dialect) -> InboundRequest | None:
    """A request of the rail to us; None if it is another message.

    Raises:
        InvalidMessage: not to us, a required part is missing or malformed, or we cannot honour it.

    """
    reader = _READERS.get(fields["t"])
    if reader is None:
        return None
    if fields.get("100") != us.acquirer:
        raise InvalidMessage("not to us", path="100")
    return reader(fields, dialect)


def _read_order(fields: Fields, dialect: Iso8583Dialect) -> PaymentOrder:
    for name in fields:
        if name not in _UNDERSTOOD and name != dialect.creditor_field:
            raise InvalidMessage("is not taken from this rail", path=name)
    if fields.get("3") != dialect.processing_code:
        raise InvalidMessage("not an order to credit", path="3")
    values = private.read(need(fields, "48"))
    if not values.keys() <= _CARRIED:
        raise InvalidMessage("a tag that is not taken from this rail", path=_PLACE)
    country = dialect.profile.country
    expires_at = private.read_instant(_value(values, PrivateTag.EXPIRES))
    agent = bank_abroad(_value(values, PrivateTag.CREDITOR_AGENT), _PLACE)
    return order_of(
        country,
        read_ref(fields),
        messages.read_amount(fields, dialect),
        made_at=_made_at(need(fields, "7"), expires_at),
        expires_at=expires_at,
        end_to_end_id=values.get(PrivateTag.END_TO_END),
        debtor=Party(
            name=_value(values, PrivateTag.DEBTOR_NAME),
            country=values.get(PrivateTag.DEBTOR_COUNTRY, country),
        ),
        debtor_account=named_account(_value(values, PrivateTag.DEBTOR_ACCOUNT)),
        debtor_agent=Agent(member_id=values.get(PrivateTag.DEBTOR_AGENT) or need(fields, "32")),
        creditor=Party(name=_value(values, PrivateTag.CREDITOR_NAME), country=(agent.bic or "")[4:6]),
        creditor_account=named_account(need(fields, dialect.creditor_field)),
        creditor_agent=Agent(bic=agent.bic, member_id=values.get(PrivateTag.CREDITOR_MEMBER)),
        purpose=values.get(PrivateTag.PURPOSE),
        remittance=values.get(PrivateTag.REMITTANCE),
        quote=values.get(PrivateTag.QUOTE),
    )


def _made_at(stated: str, expires_at: datetime) -> datetime:
    """The last instant of DE7, which has no year, at which the order had not expired."""
    for year in (expires_at.year, expires_at.year - 1):
        try:
            at = datetime.strptime(f"{year}{stated}", "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        except ValueError:  # 29 February exists in one of them at most
            continue
        if at <= expires_at:
            return at
    raise InvalidMessage("not an instant before the expiry", path="7")


def _read_status_query(fields: Fields, dialect: Iso8583Dialect) -> StatusQuery:  # noqa: ARG001 - every reader
    ref = read_ref(fields)
    return StatusQuery(ref, ref)


def _read_reversal(fields: Fields, dialect: Iso8583Dialect) -> ReturnOrder:  # noqa: ARG001 - as above
    """An order is reversed once: request, advice and repeats are the same reversal."""
    ref = read_ref(fields)
    return ReturnOrder(f"{ref}.{messages.REVERSAL}", ref)


def _read_payee_query(fields: Fields, dialect: Iso8583Dialect) -> PayeeQuery:
    if fields.get("3") != messages.INQUIRY_CODE:
        raise InvalidMessage("not an inquiry about an account", path="3")
    values = private.read(need(fields, "48"))
    return PayeeQuery(
        need(fields, "7") + need(fields, "11"),
        named_account(need(fields, dialect.creditor_field)),
        bank_abroad(_value(values, PrivateTag.CREDITOR_AGENT), _PLACE),
        messages.read_amount(fields, dialect) if "4" in fields else None,
        values.get(PrivateTag.PURPOSE),
        quotable=True,
    )


_READERS: Final[dict[str, Callable[[Fields, Iso8583Dialect], InboundRequest]]] = {
    messages.ORDER: _read_order,
    messages.REPEAT: _read_status_query,
    **dict.fromkeys(sorted(REVERSALS), _read_reversal),
    messages.INQUIRY: _read_payee_query,
}


def _value(values: dict[PrivateTag, str], tag: PrivateTag) -> str:
    found = values.get(tag)
    if not found:
        raise InvalidMessage(f"tag {tag} is required", path=_PLACE)
    return found


def response(request: Fields, verdict: OrderVerdict) -> Fields:
    """0210, 0211, 0410 or 0430: what we know of an order, or of its reversal."""
    return answer_fields(request, _code(request, verdict)[:2], _said(request, verdict))


def advice(request: Fields, verdict: OrderVerdict) -> Fields:
    """0220: the outcome of an order or of a reversal, which DE90 names; the rail confirms it by 0230."""
    kept = ("3", "4", "12", "13", "32", "37", "41", "42", "49", "100")
    number = int(message_id_of(request["t"] + read_ref(request), verdict), 16) % STANS
    said = {name: value for name, value in _said(request, verdict).items() if value}
    return {
        "t": ADVICE,
        **{name: request[name] for name in kept if name in request},
        "7": messages.transmitted(verdict.at),
        "11": f"{number:06}",
        "39": _code(request, verdict)[:2],
        **said,
        "90": messages.original_of(request),
    }


def _said(request: Fields, verdict: OrderVerdict) -> Fields:
    """DE38, DE44 and DE48; empty where there is nothing to say."""
    ref = read_ref(request)
    approval = message_id_of(ref, verdict)[:_APPROVAL].upper() if verdict.outcome is Outcome.DONE else ""
    return {
        "38": approval,
        "44": _code(request, verdict)[2:],
        "48": private.write({PrivateTag.UETR: ref}),
    }


def _code(request: Fields, verdict: OrderVerdict) -> str:
    """DE39, and after it DE44."""
    match verdict.outcome:
        case Outcome.DONE:
            return codes.APPROVED
        case Outcome.REFUSED if request["t"] in REVERSALS:  # the payee has the money
            return codes.ENDED
        case Outcome.REFUSED:
            return codes.native_code(verdict.reason or Reason.REASON_NOT_SPECIFIED)
        case Outcome.NOT_FOUND:
            return codes.NOT_FOUND
        case _:
            return codes.IN_PROGRESS


def payee_response(request: Fields, verdict: PayeeVerdict, dialect: Iso8583Dialect) -> Fields:
    """0110: whose account it is and, for a stated amount, what arrives."""
    if verdict.payee is None:
        return answer_fields(request, codes.NOT_FOUND)
    values = {
        PrivateTag.CREDITOR_NAME: ascii_name(verdict.payee.name, dialect.profile.characters.name_max),
        PrivateTag.CREDITOR_AGENT: private.read(request["48"])[PrivateTag.CREDITOR_AGENT],
    }
    if verdict.credit is not None:
        values[PrivateTag.CREDIT] = f"{verdict.credit.currency}{verdict.credit.text}"
        values[PrivateTag.RATE] = format(Decimal(verdict.rate or "1").normalize(), "f")
    if verdict.until is not None:
        values |= {PrivateTag.QUOTE: verdict.quote, PrivateTag.QUOTE_ENDS: private.instant(verdict.until)}
    account = dialect.creditor_field
    return answer_fields(request, codes.APPROVED, {"48": private.write(values), account: request[account]})
