"""Requirements on an adapter whose rail also originates payments; skipped for every other one.

The rail's simulator makes customers pay abroad, and the kit takes the place of the switch.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from msgspec import structs

from adapters.conformance.report import Requirement, must
from adapters.originating import (
    OrderVerdict,
    OriginatingAdapter,
    PayeeQuery,
    PayeeVerdict,
    PaymentOrder,
    ReturnOrder,
    StatusQuery,
    uetr_of,
)
from adapters.port import Acceptance, Outcome, Payee
from adapters.simulation.debit_book import DebitState
from adapters.simulation.harness import SimulatedRail, order_messages, sample_wish
from adapters.simulation.payers import OrderMessages, QuotingMessages, SourceBehaviour
from schemas import codec, credit_transfer
from schemas.errors import SwitchError
from schemas.money import Money
from schemas.payment import Agent

_AMOUNT: Final = "1250.00"
_QUOTE: Final = "3f0f5d3c-7c52-4b0e-9a8e-5b0a6f1f2c11"
_PATIENCE_S: Final = 60.0
_PENDING: Final = 0.5
"""How long a payment is watched that must stay open."""
Found = TypeVar("Found")
_FLIPS: Final = 40
"""Places of a message at which one octet is changed."""


def originates(rail: SimulatedRail) -> bool:
    """Whether the requirements apply to this rail."""
    return isinstance(rail.adapter, OriginatingAdapter)


async def order_is_read(rail: SimulatedRail) -> str:
    """An order of the rail is read as what the customer paid: amount, payee, bank, id and time limit.

    Check read_request(): the amount is in the rail's currency, the UETR is `uetr_of` the country and the
    rail's id, the payee's account and bank are those abroad, and the pacs.008 made of it is valid.
    """
    request, raw = await _order(rail, OrderVerdict(Outcome.REFUSED, _now(), "AC03"))
    debit = rail.debit(request.ref)
    payment = request.payment
    must(payment.uetr == uetr_of(rail.country, request.ref), "another UETR")
    amount = Money(debit.amount_minor, debit.currency)
    must(payment.interbank_settlement_amount == amount, f"{payment.interbank_settlement_amount} was read")
    account = payment.creditor_account
    must(account is not None and account.id == debit.payee, "another account of the payee")
    must(bool(payment.debtor.name and payment.creditor.name), "a party without a name")
    must(bool(payment.debtor_agent.member_id or payment.debtor_agent.bic), "the payer's bank is not read")
    must(request.expires_at is not None, "its time limit is not read")
    document = credit_transfer.build(structs.replace(payment, debtor_agent=Agent(bic="SANDXX22")))
    codec.encode(credit_transfer.DEFAULT_VERSION, document, media_type=codec.XML)
    return f"{len(raw)} octets"


async def is_pure(rail: SimulatedRail) -> str:
    """The same message and verdict always give the same answer, and a stored order is read as when it came.

    Check answer() and reply(): ids and times come from the message and from OrderVerdict.at. Check
    read_request(stored=True): it does not verify the signature, and reads everything else alike.
    """
    adapter = _adapter(rail)
    request, raw = await _order(rail, OrderVerdict(Outcome.REFUSED, _now(), "AC03"))
    must(adapter.read_request(raw, stored=True) == request, "a stored order is read differently")
    at = _now()
    for outcome, reason in ((Outcome.DONE, None), (Outcome.REFUSED, "AC04"), (Outcome.PENDING, None)):
        verdict = OrderVerdict(outcome, at, reason)
        must(adapter.answer(raw, verdict) == adapter.answer(raw, verdict), f"two answers {outcome}")
        must(adapter.reply(raw, verdict) == adapter.reply(raw, verdict), f"two replies {outcome}")
    return ""


async def damaged_orders_are_refused(rail: SimulatedRail) -> str:
    """No changed octet of an order is accepted as another order.

    Check read_request(): it verifies the rail's signature over everything that it reads.
    """
    adapter = _adapter(rail)
    request, raw = await _order(rail, OrderVerdict(Outcome.REFUSED, _now(), "AC03"))
    for place in range(0, len(raw), max(1, len(raw) // _FLIPS)):
        damaged = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        try:
            found = adapter.read_request(damaged)
        except SwitchError:
            continue
        must(found in {None, request}, f"octet {place} can be changed")
    return f"{_FLIPS} places"


async def payees_are_named(rail: SimulatedRail) -> str:
    """A payee query is read with account, bank and amount; the answer is the masked name, or "nobody".

    Check read_request() and reply_payee(): the account and the bank are those abroad; an amount, where the
    message has one, is in the rail's currency; the same query and verdict give the same response. With
    `quotable`, the response has the firm quote, and an order that names it is read with it.
    """
    adapter, messages = _adapter(rail), order_messages(rail.country, rail.directory)
    wish = sample_wish(rail.country)
    raw = messages.payee_query(wish)
    asked = adapter.read_request(raw)
    must(isinstance(asked, PayeeQuery), "it is not read as a query about a payee")
    assert isinstance(asked, PayeeQuery)
    must(asked.account.id == wish.account, "another account is read")
    must(asked.agent.bic == wish.bank, "another bank is read")
    must(asked.amount in {None, wish.amount}, "another amount is read")
    known = PayeeVerdict(_now(), Payee(wish.account, wish.bank, "A*** R***"), Money(9_00, "INR"), "0.5000")
    nobody = PayeeVerdict(_now())
    for verdict, name in ((known, "A*** R***"), (nobody, None)):
        reply = adapter.reply_payee(raw, verdict)
        must(messages.read_payee(reply.status, reply.body) == name, f"the rail does not read {name}")
        must(adapter.reply_payee(raw, verdict) == reply, "two responses")
    if asked.quotable:
        order = messages.order(replace(wish, quote=_QUOTE))[1]
        _check_quote(adapter, messages, raw, order, replace(known, quote=_QUOTE, until=_now()))
        return "with a firm price"
    must(not isinstance(messages, QuotingMessages), "the rail reads quotes that it is not told")
    return "" if asked.amount is None else "with an amount"


def _check_quote(
    adapter: OriginatingAdapter, messages: OrderMessages, query: bytes, order: bytes, firm: PayeeVerdict
) -> None:
    """Check that the answer to a query states a quote and that the order which names it is read."""
    must(isinstance(messages, QuotingMessages), "the simulator reads no quotes")
    assert isinstance(messages, QuotingMessages)
    said = messages.read_quote(adapter.reply_payee(query, firm).body)
    must(said == _QUOTE, "the rail does not read the quote")
    forecast = adapter.reply_payee(query, replace(firm, quote="", until=None))
    must(messages.read_quote(forecast.body) == "", "a forecast is stated as a firm price")
    request = adapter.read_request(order)
    must(isinstance(request, PaymentOrder), "an order with a quote is not read")
    assert isinstance(request, PaymentOrder)
    must(request.payment.quote == _QUOTE, "an order is read without its quote")


async def done_debits_the_payer(rail: SimulatedRail) -> str:
    """The payer is debited when the switch says that the payee has the money, and is not refunded after.

    Check answer() and confirm(): the message says that the order is done, and a second delivery is accepted.
    """
    request, raw = await _order(rail, OrderVerdict(Outcome.PENDING, _now()))
    await asyncio.sleep(_PENDING)
    must(rail.debit(request.ref).state is DebitState.HELD, "a pending order was ended")
    adapter = _adapter(rail)
    native = adapter.answer(raw, OrderVerdict(Outcome.DONE, _now()))
    for _ in range(2):
        receipt = await adapter.confirm(native)
        must(receipt.acceptance is Acceptance.ACCEPTED, f"the answer was {receipt.acceptance}")
    must((await _state(rail, request.ref)) is DebitState.DONE, "the payer is not debited")
    return ""


async def refused_refunds_the_payer(rail: SimulatedRail) -> str:
    """The payer has the money again when the switch refuses, whatever the reason.

    Check answer(): every ISO reason becomes a code of the rail that it reads as a refusal.
    """
    adapter = _adapter(rail)
    for reason in ("AC04", "AM04", "TM01", "RR04", "MS03"):
        request, raw = await _order(rail, OrderVerdict(Outcome.PENDING, _now()))
        receipt = await adapter.confirm(adapter.answer(raw, OrderVerdict(Outcome.REFUSED, _now(), reason)))
        must(receipt.acceptance is Acceptance.ACCEPTED, f"the answer {reason} was {receipt.acceptance}")
        must((await _state(rail, request.ref)) is DebitState.REFUNDED, f"not refunded after {reason}")
    return ""


async def ended_otherwise_is_noticed(rail: SimulatedRail) -> str:
    """A rail that has refunded the payer refuses a later "done", and the adapter says so.

    Check confirm(): REFUSED where the rail has ended the order otherwise, so that people learn of it.
    """
    request, raw = await _order(rail, OrderVerdict(Outcome.PENDING, _now()), behaviour=SourceBehaviour.GONE)
    must((await _state(rail, request.ref)) is DebitState.REFUNDED, "the simulator does not refund")
    adapter = _adapter(rail)
    receipt = await adapter.confirm(adapter.answer(raw, OrderVerdict(Outcome.DONE, _now())))
    must(receipt.acceptance is Acceptance.REFUSED, f"the answer was {receipt.acceptance}")
    return receipt.detail


async def enquiries_are_answered(rail: SimulatedRail) -> str:
    """A status query is read with the order's id; "pending" leaves the order open, "done" ends it.

    Check reply() to a status query: pending must not read like done, and not like refused.
    """
    request, _ = await _order(rail, OrderVerdict(Outcome.PENDING, _now()))
    await _until(lambda: _query_of(rail, request.payment.uetr))
    must(rail.debit(request.ref).state is DebitState.HELD, "a pending order was ended")
    rail.verdict = OrderVerdict(Outcome.DONE, _now())
    must((await _state(rail, request.ref)) is DebitState.DONE, "the enquiry did not end it")
    return ""


async def unknown_orders_are_refunded(rail: SimulatedRail) -> str:
    """An order that did not arrive is refunded when the switch answers a query with "not found".

    Check reply() with Outcome.NOT_FOUND.
    """
    rail.verdict = OrderVerdict(Outcome.NOT_FOUND, _now())
    uetr = await rail.originate(_AMOUNT, behaviour=SourceBehaviour.DAMAGED)
    found = await _until(lambda: _query_of(rail, uetr))
    must((await _state(rail, found)) is DebitState.REFUNDED, "not refunded")
    return ""


async def reversals_are_answered(rail: SimulatedRail) -> str:
    """A reversal is read with the order's id; granted it refunds the payer, refused it changes nothing.

    Check reply() and answer() to a reversal: granted, refused and pending are three different messages.
    """
    adapter = _adapter(rail)
    for outcome, after in ((Outcome.DONE, DebitState.REFUNDED), (Outcome.REFUSED, DebitState.HELD)):
        request, raw = await _order(
            rail, OrderVerdict(Outcome.PENDING, _now()), behaviour=SourceBehaviour.REVERSE
        )
        reversal = await _reversal_of(rail, request.ref)
        receipt = await adapter.confirm(adapter.answer(reversal, OrderVerdict(outcome, _now())))
        must(receipt.acceptance is Acceptance.ACCEPTED, f"the answer was {receipt.acceptance}")
        must(rail.debit(request.ref).state is after, f"{outcome} left it {rail.debit(request.ref).state}")
        if outcome is Outcome.REFUSED:
            await adapter.confirm(adapter.answer(raw, OrderVerdict(Outcome.DONE, _now())))
            must((await _state(rail, request.ref)) is DebitState.DONE, "not debited after a refused reversal")
    return ""


def _adapter(rail: SimulatedRail) -> OriginatingAdapter:
    assert isinstance(rail.adapter, OriginatingAdapter)
    return rail.adapter


def _now() -> datetime:
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


async def _order(rail: SimulatedRail, verdict: OrderVerdict, behaviour: str = "") -> tuple[Any, bytes]:
    """Have a customer pay abroad, and return the order as it came."""
    rail.verdict = verdict
    uetr = await rail.originate(_AMOUNT, behaviour=behaviour)

    def found() -> tuple[Any, bytes] | None:
        orders = ((each, raw) for each, raw in rail.requests if isinstance(each, PaymentOrder))
        return next(((each, raw) for each, raw in orders if each.payment.uetr == uetr), None)

    return await _until(found)


async def _until(found: Callable[[], Found | None]) -> Found:
    """Wait until a function returns something that is true, and return it."""
    async with asyncio.timeout(_PATIENCE_S):
        while not (value := found()):  # noqa: ASYNC110 - another process makes it true
            await asyncio.sleep(0.02)
    return value


async def _state(rail: SimulatedRail, ref: str) -> DebitState:
    """Wait until a payment abroad has ended; its state then."""
    await _until(lambda: rail.debit(ref).state is not DebitState.HELD)
    return rail.debit(ref).state


async def _reversal_of(rail: SimulatedRail, ref: str) -> bytes:
    def found() -> bytes | None:
        reversals = ((each, raw) for each, raw in rail.requests if isinstance(each, ReturnOrder))
        return next((raw for each, raw in reversals if each.original == ref), None)

    return await _until(found)


def _query_of(rail: SimulatedRail, uetr: str) -> str:
    for request, _ in rail.requests:
        if isinstance(request, StatusQuery) and uetr_of(rail.country, request.original) == uetr:
            return request.original
    return ""


REQUIREMENTS: Final[tuple[Requirement, ...]] = (
    order_is_read,
    is_pure,
    damaged_orders_are_refused,
    payees_are_named,
    done_debits_the_payer,
    refused_refunds_the_payer,
    ended_otherwise_is_noticed,
    enquiries_are_answered,
    unknown_orders_are_refunded,
    reversals_are_answered,
)
