"""Orders, queries and reversals that UPI sends us as the payee's service provider, and our answers. Pure.

    ReqPay, type CREDIT -> Ack at once, RespPay later       an order
    ReqChkTxn           -> RespChkTxn in the exchange       its status
    ReqRev              -> Ack at once, RespRev later       UPI does not want it any more
    ReqValAdd           -> RespValAdd in the exchange       whose account abroad it is

The payee's address is `ACCOUNT.BIC@HANDLE`: its account abroad, the BIC of its bank (eight characters) and
our handle (profile). The time limit is `EXPIREAFTER` in minutes (published), or our own `EXPIREAT`. A query
about an address may state an amount, and is then answered with what arrives (`Fx`, profile). If that is firm,
`Fx` has `quoteId` and `validTill`, and an order at this price has `Fx` with the `quoteId` in its payee
(profile). The status of an order that is not final is `PENDING` with `01` (profile): `DEEMED` would mean that
the payee has the money.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from lxml.etree import _Element as Element

from adapters.identifiers import is_vpa
from adapters.india.codes import native_of
from adapters.india.messages import (
    UpiParticipant,
    add,
    api_of,
    attribute,
    one,
    read_amount,
    read_timestamp,
    root_of,
    timestamp,
)
from adapters.india.profile import PROFILE
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
from schemas.errors import InvalidMessage
from schemas.money import Money
from schemas.parties import named_account
from schemas.payment import Agent, Party, PartyAccount
from schemas.reasons import Reason

ORDER: Final = "ReqPay"
REVERSAL: Final = "ReqRev"
_CREDIT: Final = "CREDIT"
_BIC: Final = 8
_MINUTES_MAX: Final = 64_800
_NOT_FOUND: Final = "NO"
_UNKNOWN_ADDRESS: Final = "ZH"
_PENDING: Final = ("PENDING", "01")
_DONE: Final = ("SUCCESS", "00")


def read(root: Element, us: UpiParticipant) -> InboundRequest | None:
    """A request of UPI to us; None if it is another message.

    Raises:
        InvalidMessage: a required part is missing or malformed, or we cannot honour it.

    """
    reader = _READERS.get(api_of(root))
    return None if reader is None else reader(root, us)


def _read_order(root: Element, us: UpiParticipant) -> PaymentOrder:
    txn, payer = one(root, "Txn"), one(root, "Payer")
    payees = one(root, "Payees").findall("Payee")
    if len(payees) != 1:
        raise InvalidMessage("not exactly one Payee")
    (payee,) = payees
    if attribute(txn, "type") != _CREDIT:
        raise InvalidMessage("not an order to credit", path="Txn/type")
    made_at = read_timestamp(attribute(txn, "ts"))
    account, agent = _payee(attribute(payee, "addr"), us)
    return order_of(
        PROFILE.country,
        attribute(txn, "id"),
        _amount(payer, payee),
        made_at=made_at,
        expires_at=_expiry(txn, made_at),
        end_to_end_id=txn.get("refId") or txn.get("custRef"),
        debtor=Party(name=attribute(payer, "name"), country=PROFILE.country),
        debtor_account=_payer_account(payer),
        debtor_agent=Agent(member_id=_detail(payer, "IFSC")),
        creditor_agent=agent,
        creditor=Party(name=attribute(payee, "name"), country=(agent.bic or "")[4:6]),
        creditor_account=account,
        remittance=txn.get("note"),
        quote=None if (fx := payee.find("Fx")) is None else attribute(fx, "quoteId"),
    )


def _amount(payer: Element, payee: Element) -> Money:
    """The amount of both sides, which must be one."""
    stated = set()
    for party in (payer, payee):
        amount = one(party, "Amount")
        if attribute(amount, "curr") != PROFILE.currency:
            raise InvalidMessage(f"must be in {PROFILE.currency}", path="Amount")
        stated.add(read_amount(attribute(amount, "value"), PROFILE.currency))
    if len(stated) != 1:
        raise InvalidMessage("payer and payee have two amounts", path="Amount")
    (found,) = stated
    return found


def _payee(address: str, us: UpiParticipant) -> tuple[PartyAccount, Agent]:
    """Account and bank abroad in an address at our handle."""
    user, _, handle = address.rpartition("@")
    account, _, bic = user.rpartition(".")
    if not is_vpa(address) or handle.lower() != us.handle.lower() or not account or len(bic) != _BIC:
        raise InvalidMessage("must be ACCOUNT.BIC at our handle", path="Payee/addr")
    return named_account(account.upper()), bank_abroad(bic.upper(), "Payee/addr")


def _payer_account(payer: Element) -> PartyAccount:
    """The payer's account number, with its address as the proxy; an address alone names both."""
    address = attribute(payer, "addr")
    return PartyAccount(other=_detail(payer, "ACNUM") or address[:34], proxy=address)


def _detail(party: Element, name: str) -> str | None:
    found = [each for each in party.findall("Ac/Detail") if each.get("name") == name]
    return found[0].get("value") if len(found) == 1 else None


def _expiry(txn: Element, made_at: datetime) -> datetime | None:
    """The first of the stated time limits."""
    limits = []
    for rule in txn.findall("Rules/Rule"):
        name, value = attribute(rule, "name"), attribute(rule, "value")
        if name == "EXPIREAT":
            limits.append(read_timestamp(value))
        elif name == "EXPIREAFTER":
            if not (value.isascii() and value.isdigit() and 0 < int(value) <= _MINUTES_MAX):
                raise InvalidMessage("not a number of minutes", path="Rules/EXPIREAFTER")
            limits.append(made_at + timedelta(minutes=int(value)))
        else:
            raise InvalidMessage("a rule that we cannot honour", path="Rules")
    return min(limits, default=None)


def _read_status_query(root: Element, us: UpiParticipant) -> StatusQuery:  # noqa: ARG001 - every reader
    txn = one(root, "Txn")
    return StatusQuery(ref_of(attribute(one(root, "Head"), "msgId")), ref_of(attribute(txn, "orgTxnId")))


def _read_reversal(root: Element, us: UpiParticipant) -> ReturnOrder:  # noqa: ARG001 - as above
    txn = one(root, "Txn")
    return ReturnOrder(ref_of(attribute(txn, "id")), ref_of(attribute(txn, "orgTxnId")))


def _read_payee_query(root: Element, us: UpiParticipant) -> PayeeQuery:
    payee = one(root, "Payee")
    account, agent = _payee(attribute(payee, "addr"), us)
    stated = payee.find("Amount")
    amount = None
    if stated is not None:
        if attribute(stated, "curr") != PROFILE.currency:
            raise InvalidMessage(f"must be in {PROFILE.currency}", path="Payee/Amount")
        amount = read_amount(attribute(stated, "value"), PROFILE.currency)
    return PayeeQuery(ref_of(attribute(one(root, "Head"), "msgId")), account, agent, amount, quotable=True)


_READERS: Final[dict[str, Callable[[Element, UpiParticipant], InboundRequest]]] = {
    ORDER: _read_order,
    "ReqChkTxn": _read_status_query,
    REVERSAL: _read_reversal,
    "ReqValAdd": _read_payee_query,
}


def response(request: Element, verdict: OrderVerdict, us: UpiParticipant) -> Element:
    """RespPay, RespRev or RespChkTxn, unsigned: what became of an order or a reversal."""
    txn, head = one(request, "Txn"), one(request, "Head")
    api = api_of(request).replace("Req", "Resp")
    message = us.prefix + message_id_of(attribute(head, "msgId"), verdict)
    root = root_of(api, us.org_id, message, timestamp(verdict.at))
    answered = add(root, "Txn")
    for name in ("id", "note", "custRef", "refId", "ts", "type", "orgTxnId", "orgRrn", "orgTxnDate"):
        if value := txn.get(name):
            answered.set(name, value)
    resp = add(root, "Resp", reqMsgId=attribute(head, "msgId"))
    if verdict.outcome is Outcome.NOT_FOUND:
        resp.set("result", "FAILURE")
        resp.set("errCode", _NOT_FOUND)
        return root
    result, code = _codes(verdict)
    resp.set("result", result)
    if result == "FAILURE" and api != "RespChkTxn":  # there it would be about the query
        resp.set("errCode", code)
    _add_line(resp, request, code, verdict)
    return root


def _codes(verdict: OrderVerdict) -> tuple[str, str]:
    """Result and code: UPI's own where it has one for the reason, else the ISO reason (profile)."""
    match verdict.outcome:
        case Outcome.DONE:
            return _DONE
        case Outcome.REFUSED:
            return "FAILURE", native_of(verdict.reason or Reason.REASON_NOT_SPECIFIED)
        case _:
            return _PENDING


def _add_line(resp: Element, request: Element, code: str, verdict: OrderVerdict) -> None:
    """The payee's line: with its address and amount where the request states them."""
    line = add(resp, "Ref", type="PAYEE", seqNum="1")
    payee = request.find("Payees/Payee")
    amount = request.find("Payees/Payee/Amount") if payee is not None else request.find("Amount")
    if payee is not None:
        line.set("addr", attribute(payee, "addr"))
    if amount is not None:
        for name in ("settAmount", "orgAmount"):
            line.set(name, attribute(amount, "value"))
        line.set("settCurrency", attribute(amount, "curr"))
    if verdict.outcome is Outcome.DONE:
        line.set("approvalNum", message_id_of(attribute(one(request, "Txn"), "id"), verdict)[:6])
    line.set("respCode", code)


def payee_response(request: Element, verdict: PayeeVerdict, us: UpiParticipant) -> Element:
    """RespValAdd, unsigned: whose account it is and, for a stated amount, what arrives."""
    txn, head = one(request, "Txn"), one(request, "Head")
    message = us.prefix + message_id_of(attribute(head, "msgId"), verdict)
    root = root_of("RespValAdd", us.org_id, message, timestamp(verdict.at))
    add(root, "Txn", id=attribute(txn, "id"), ts=attribute(txn, "ts"), type=attribute(txn, "type"))
    resp = add(root, "Resp", reqMsgId=attribute(head, "msgId"))
    if verdict.payee is None:
        resp.set("result", "FAILURE")
        resp.set("errCode", _UNKNOWN_ADDRESS)
        return root
    address = attribute(one(request, "Payee"), "addr")
    resp.set("result", "SUCCESS")
    resp.set("addr", address)
    resp.set("IFSC", us.ifsc)
    resp.set("maskName", verdict.payee.name or "")
    if verdict.credit is not None:
        fx = add(resp, "Fx", settAmount=verdict.credit.text, settCurr=verdict.credit.currency)
        fx.set("rate", format(Decimal(verdict.rate or "1").normalize(), "f"))
        if verdict.until is not None:
            fx.set("quoteId", verdict.quote)
            fx.set("validTill", timestamp(verdict.until))
    return root
