"""Orders, queries and reversals that the processing sends us by JSON-RPC, and our answers. Pure.

    p2p.universal.credit -> its state; while it is PENDING, our `trans.notify` follows    an order
    trans.ext            -> its state, or error -1001                                     its status
    trans.reverse        -> REVERSED, NOT_REVERSED, or PENDING and later `trans.notify`   a reversal
    p2p.info             -> the masked owner, or error -200                               the payee

Observed: the methods, `ext` as the sender's own id, tiyin, `sender`, `date12`. Profile: `recipient` as the
account abroad and `bank` as the BIC of its bank; `date12` in an order; `expiresAt`; states; `trans.notify`;
amount, purpose and price in `p2p.info`; `quoteId` in its answer and in an order at this price, if it is firm.
A member that we could neither honour nor carry is refused.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from adapters import amounts
from adapters.json_text import integer_of, text_of
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
from adapters.uzbekistan.codes import SvGateCode, SvGateState, native_of
from adapters.uzbekistan.messages import (
    CREDIT,
    CURRENCY,
    FIND,
    INFO,
    REVERSE,
    VERSION,
    ZONE,
    read_timestamp,
    request,
    timestamp,
)
from adapters.uzbekistan.profile import PROFILE
from schemas.errors import InvalidMessage
from schemas.money import Money
from schemas.parties import named_account
from schemas.payment import Agent, Party
from schemas.reasons import Reason

NOTIFY: Final = "trans.notify"
_MFO = re.compile(r"\d{5}", re.ASCII)
_CREDIT: Final = frozenset({
    *("amount", "ext", "merchantId", "terminalId", "recipient", "bank", "recipientName", "sender", "date12"),
    *("currency", "purpose", "purposeCode", "endToEndId", "expiresAt", "quoteId"),
})  # fmt: skip
_SENDER: Final = frozenset({
    *("id", "legalName", "system", "lastName", "firstName", "middleName", "refNum", "bank"),
})  # fmt: skip
Content = dict[str, Any]


def read(content: Content, us: dict[str, str]) -> InboundRequest | None:
    """A request of the processing; None if the message is a response.

    Raises:
        InvalidMessage: malformed, not to us, or it states what we cannot honour.

    """
    if "method" not in content:
        return None
    if content.get("jsonrpc") != VERSION:
        raise InvalidMessage("not JSON-RPC 2.0", path="jsonrpc")
    readers: dict[str, Callable[[Content], InboundRequest]] = {
        CREDIT: lambda params: _order(_object(params, "credit"), us),
        FIND: lambda params: StatusQuery(_ext(params), _ext(params)),
        REVERSE: lambda params: ReturnOrder(_ext(params), _ext(params)),
        INFO: lambda params: _payee_query(text_of(content, "id"), params),
    }
    reader = readers.get(text_of(content, "method"))
    if reader is None:
        return None
    text_of(content, "id")
    return reader(_object(content, "params"))


def _order(credit: Content, us: dict[str, str]) -> PaymentOrder:
    sender = _object(credit, "sender")
    if credit.keys() - _CREDIT or sender.keys() - _SENDER:
        raise InvalidMessage("a member that is not taken from this rail", path="credit")
    if (credit.get("merchantId"), credit.get("terminalId")) != (us["merchant_id"], us["terminal_id"]):
        raise InvalidMessage("not to us", path="credit/merchantId")
    bank = bank_abroad(text_of(credit, "bank"), "credit/bank")
    mfo = text_of(sender, "bank")
    if _MFO.fullmatch(mfo) is None:
        raise InvalidMessage("must be a bank of this rail", path="credit/sender/bank")
    names = (text_of(sender, "firstName"), sender.get("middleName"), text_of(sender, "lastName"))
    account = _text(sender, "id")
    return order_of(
        PROFILE.country,
        text_of(credit, "ext"),
        _amount(credit),
        made_at=_date12(text_of(credit, "date12")),
        expires_at=read_timestamp(text_of(credit, "expiresAt")) if "expiresAt" in credit else None,
        end_to_end_id=_text(credit, "endToEndId"),
        debtor=Party(name=" ".join(name for name in names if name), country=PROFILE.country),
        debtor_account=named_account(account) if account else None,
        debtor_agent=Agent(member_id=mfo),
        creditor=Party(name=text_of(credit, "recipientName"), country=(bank.bic or "")[4:6]),
        creditor_account=named_account(text_of(credit, "recipient")),
        creditor_agent=bank,
        purpose=_text(credit, "purposeCode"),
        remittance=_text(credit, "purpose"),
        quote=_text(credit, "quoteId"),
    )


def _payee_query(request_id: str, params: Content) -> PayeeQuery:
    bank = bank_abroad(text_of(params, "bank"), "params/bank")
    amount = _amount(params) if "amount" in params else None
    account, purpose = named_account(text_of(params, "account")), _text(params, "purposeCode")
    return PayeeQuery(request_id, account, bank, amount, purpose, quotable=True)


def _amount(members: Content) -> Money:
    if text_of(members, "currency") != CURRENCY:
        raise InvalidMessage(f"must be in {PROFILE.currency}", path="currency")
    return amounts.of_units(integer_of(members, "amount"), PROFILE.currency, path="amount")


def _date12(text: str) -> datetime:
    """A local time of the rail, `yyMMddHHmmss`."""
    try:
        return datetime.strptime(text, "%y%m%d%H%M%S").replace(tzinfo=ZONE).astimezone(UTC)
    except ValueError:
        raise InvalidMessage("is not yyMMddHHmmss", path="credit/date12") from None


def _ext(params: Content) -> str:
    return ref_of(text_of(params, "ext"))


def _text(members: Content, name: str) -> str | None:
    return text_of(members, name) if name in members else None


def _object(content: Content, name: str) -> Content:
    value = content.get(name)
    if not isinstance(value, dict):
        raise InvalidMessage(f"{name} is not an object", path=name)
    return value


def reply(content: Content, verdict: OrderVerdict) -> Content:
    """The response in the exchange to an order, a status query or a reversal."""
    if verdict.outcome is Outcome.NOT_FOUND:
        return _error(content, SvGateCode.NO_ORDER, ext=_ext_of(content))
    return {"jsonrpc": VERSION, "id": content["id"], "result": _state(content, verdict)}


def notification(content: Content, verdict: OrderVerdict) -> Content:
    """`trans.notify`: what became of an order or of a reversal, later."""
    state = _state(content, verdict)
    return request(NOTIFY, message_id_of(state["ext"] + content["method"], verdict), state)


def payee(content: Content, verdict: PayeeVerdict) -> Content:
    """The response to `p2p.info`."""
    if verdict.payee is None:
        return _error(content, SvGateCode.NO_CARD)
    asked = content["params"]
    owner = {"account": asked["account"], "bank": asked["bank"], "owner": verdict.payee.name or ""}
    if verdict.credit is not None:
        price = {"amount": verdict.credit.text, "currency": verdict.credit.currency}
        owner["credit"] = {**price, "rate": verdict.rate or "1"}
        if verdict.until is not None:
            owner["credit"] |= {"quoteId": verdict.quote, "expiresAt": timestamp(verdict.until)}
    return {"jsonrpc": VERSION, "id": content["id"], "result": owner}


def _state(content: Content, verdict: OrderVerdict) -> Content:
    states = _OF_REVERSALS if content["method"] == REVERSE else _OF_ORDERS
    state = states.get(verdict.outcome, SvGateState.PENDING)
    at = verdict.at.astimezone(ZONE).strftime("%y%m%d%H%M%S")
    said: Content = {"ext": _ext_of(content), "status": str(state), "date12": at}
    if content["method"] == CREDIT:
        said |= {"amount": content["params"]["credit"]["amount"], "currency": CURRENCY}
    if state is SvGateState.REFUSED:
        said["code"] = native_of(verdict.reason or Reason.REASON_NOT_SPECIFIED)
    return said


_OF_ORDERS: Final = {Outcome.DONE: SvGateState.OK, Outcome.REFUSED: SvGateState.REFUSED}
_OF_REVERSALS: Final = {Outcome.DONE: SvGateState.REVERSED, Outcome.REFUSED: SvGateState.NOT_REVERSED}


def _ext_of(content: Content) -> str:
    params = content["params"]
    return str(params["credit"]["ext"] if content["method"] == CREDIT else params["ext"])


def _error(content: Content, code: SvGateCode, **data: str) -> Content:
    error = {"code": int(code), "message": code.name, "data": data}
    return {"jsonrpc": VERSION, "id": content["id"], "error": error}
