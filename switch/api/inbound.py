"""What a rail asks of us, at its callback address or on our connections to it (`adapters.originating`).

Orders, queries and returns. The rail's signature authenticates it. An order is durable before it is
answered; the caretaker does the rest (`switch.processes.inbound`), and the exchange waits for the outcome as
long as the rail does.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from typing import Final
from uuid import UUID

import structlog

from adapters.creditor import find_alias
from adapters.originating import (
    InboundRequest,
    OrderVerdict,
    OriginatingAdapter,
    PayeeQuery,
    PayeeVerdict,
    PaymentOrder,
    ServingAdapter,
    StatusQuery,
)
from adapters.port import Acknowledgement, Answer, Outcome, Payee
from schemas.errors import Refused, Restoring, SwitchError
from schemas.reasons import Reason
from switch.api import lookups
from switch.api.lookups import LookUp
from switch.api.runtime import Runtime
from switch.base import metrics
from switch.base.failpoints import failpoint
from switch.base.sql import statements
from switch.names.payee import Match, mask
from switch.payments import inbound, inbound_lookups, quotes, routes
from switch.payments.directory import Participant
from switch.payments.inbound import InboundRail, KnownOrder, OrderKind, RefundState, refund_back_direction
from switch.payments.rails import Rail
from switch.payments.routes import Route

_LOOK_S: Final = 0.1
_LOOK_SHARE: Final = 0.1
"""An exchange is at most this part of its own time late."""
_HEARD: Final = statements("switch.api")("hear_of_refund")
_KEEP_BACK: Final = statements("switch.api")("keep_refund_back")
_HEARD_PART: Final = statements("switch.api")("hear_of_part_refund")
_KEEP_PART_BACK: Final = statements("switch.api")("keep_part_refund_back")
_log = structlog.get_logger()


def listen(runtime: Runtime) -> None:
    """Take what rails ask on the connections that we opened, as at their callback addresses."""
    for rail in runtime.rails.values():
        if isinstance(rail.adapter, ServingAdapter):
            rail.adapter.serve(partial(_serve_connection, runtime, rail))


async def _serve_connection(runtime: Runtime, rail: Rail, raw: bytes) -> Acknowledgement | None:
    """The answer to a request; None where a callback would be refused, and the rail asks again.

    Any code of the rail would look like the refusal of an order, of which we may have another copy.
    """
    try:
        return await serve(runtime, rail, raw)
    except SwitchError as error:
        country = rail.adapter.profile.country
        _log.warning("request_unanswered", rail=country, error=type(error).__name__, detail=error.detail)
        return None


async def serve(runtime: Runtime, rail: Rail, raw: bytes) -> Acknowledgement | None:
    """Answer a request of a rail; None if the message is none, or the orders of this rail are not taken.

    Raises:
        InvalidMessage: malformed, or it states what cannot be honoured.
        NotAuthentic: the rail did not sign it.
        DuplicateUetr: the id is known with other content; nothing was changed.
        Unavailable, TooManyRequests: nothing was done, or the answer is not known: the rail asks again.

    """
    adapter = rail.originating
    if adapter is None:
        return None
    setting = await runtime.inbound.get(rail.adapter.profile.country)
    if setting is None:
        return None
    request = rail.request(raw)
    if request is None:
        return None
    metrics.rail_request(setting.rail, "callback", "request", 0.0)
    if runtime.directory.now.closed and not await _is_executed(runtime, request):
        raise Restoring  # what it is about may be lost: no answer would be true
    if isinstance(request, PayeeQuery):
        return adapter.reply_payee(raw, await _payee(runtime, setting, request, raw))
    return adapter.reply(raw, await _verdict(runtime, setting, adapter, request, raw))


async def _is_executed(runtime: Runtime, request: InboundRequest) -> bool:
    """Whether it is the order of a payment that a restore has forgotten, and that its rail executed."""
    if not isinstance(request, PaymentOrder):
        return False
    return await inbound.executed_before_restore(runtime.pool, UUID(request.payment.uetr))


async def hear_of_refund(runtime: Runtime, rail: Rail, answer: Answer, raw: bytes) -> bool:
    """Have the caretaker ask about our refund of an order if the answer is about one; whether it is.

    What is said against a refund that was done is kept, for the caretaker to read it again. In the second
    after the first refund of a rail its answer may be missed: then the caretaker asks when it is due.
    """
    country = rail.adapter.profile.country
    setting = await runtime.inbound.get(country)
    if setting is None or not setting.refunded:
        return False
    about = country, answer.ref, answer.outcome is Outcome.DONE
    row = await runtime.pool.fetchrow(_HEARD, *about) or await runtime.pool.fetchrow(_HEARD_PART, *about)
    if row is None:
        return False
    if row["refund"] == RefundState.DONE and answer.outcome in {Outcome.RETURNED, Outcome.REFUSED}:
        if row["sealed_key"] is None:  # erased: nothing can be kept with it, and the answer is a stray one
            return False
        sealer = runtime.keys.reopened(row["uetr"], row["sealed_key"])
        keep = _KEEP_PART_BACK if row["ordinal"] else _KEEP_BACK
        sealed = sealer.seal(refund_back_direction(row["ordinal"]), raw)
        await runtime.pool.execute(keep, country, answer.ref, sealed)
    return True


async def _verdict(
    runtime: Runtime, setting: InboundRail, adapter: OriginatingAdapter, request: InboundRequest, raw: bytes
) -> OrderVerdict:
    patience_s = adapter.reply_within_s * runtime.settings.time_scale
    if isinstance(request, StatusQuery):
        known = await inbound.look_up(runtime.pool, runtime.inbound, setting.rail, request.original)
        failpoint("after_order_looked_up")
        return known.verdict
    if isinstance(request, PaymentOrder):
        failpoint("before_order_kept")
        lasts_s = runtime.settings.payment_expiry_s
        known = await inbound.keep_order(runtime.pool, runtime.keys, setting, request, raw, lasts_s=lasts_s)
        failpoint("after_order_kept")
        kind = OrderKind.ORDER
    else:
        assert not isinstance(request, PayeeQuery)
        failpoint("before_order_given_up")
        known = await inbound.keep_return(
            runtime.pool, runtime.keys, setting, request, raw, rails=runtime.inbound
        )
        failpoint("after_order_given_up")
        kind = OrderKind.RETURN
    ref = request.ref
    known = await _wait(known, patience_s, lambda: inbound.read(runtime.pool, setting.rail, kind, ref))
    return known.verdict


async def _wait(known: KnownOrder, seconds: float, read: Callable[[], Awaitable[KnownOrder]]) -> KnownOrder:
    """Wait until it is decided, as long as the rail does."""
    now = asyncio.get_running_loop().time
    begun = now()
    while known.verdict.outcome is Outcome.PENDING and (waited := now() - begun) < seconds:
        await asyncio.sleep(pause_s(waited, seconds))
        known = await read()
    return known


def pause_s(waited: float, seconds: float) -> float:
    """Until the next look: longer for an exchange that has waited longer, and never beyond its end."""
    return min(max(_LOOK_S, waited * _LOOK_SHARE), seconds - waited)


async def _payee(runtime: Runtime, setting: InboundRail, asked: PayeeQuery, raw: bytes) -> PayeeVerdict:
    """Whose account it is, with a masked name, and what arrives. The look-up is in the audited log.

    What arrives is promised where the rail's order can name a quote, and else, or if nothing can be promised,
    it is a forecast.
    """
    now = datetime.now(UTC)
    at = now.replace(microsecond=now.microsecond // 1000 * 1000)
    gateway = runtime.directory.now.by_id[setting.gateway]
    bank = (asked.agent.bic or "")[:8]
    runtime.lookups.take(gateway, [bank])
    payee = None
    try:
        route = await inbound_lookups.route_of(
            runtime.pool,
            runtime.directory.now,
            runtime.rails,
            gateway,
            asked,
            at,
            runtime.settings.payment_expiry_s,
        )
        payee = await _resolved(route, gateway, asked)
    except Refused:
        route = None
    claim = quotes.payee_claim(runtime.keys, gateway.id, asked.account).hex()
    country = "" if route is None else route.rail.adapter.profile.country
    result = Reason.INCORRECT_ACCOUNT_NUMBER if payee is None else Match.MATCH
    found = LookUp(country, bank, claim, str(result))
    await lookups.record(runtime.link, gateway.id, [found])
    if payee is None or route is None:
        return PayeeVerdict(at)
    told = Payee(payee.account, payee.agent, mask(payee.name) if payee.name else None)
    if asked.amount is None:
        return PayeeVerdict(at, told)
    if asked.quotable and setting.open and runtime.settings.rail_quote_valid_s:
        firm = await inbound_lookups.firm_price(runtime.pool, runtime.keys, setting, raw)
        if firm is not None:
            return PayeeVerdict(at, told, firm.credit, firm.rate, firm.quote, firm.until)
    try:
        price = routes.price(
            asked.amount,
            route,
            runtime.directory.now,
            at=at,
            purpose=inbound_lookups.purpose_of(asked, setting),
        )
    except Refused:  # the order would be refused for the same reason, and say it
        return PayeeVerdict(at, told)
    return PayeeVerdict(at, told, price.credit, price.rate)


async def _resolved(route: Route, gateway: Participant, asked: PayeeQuery) -> Payee | None:
    forms = route.rail.adapter.profile.creditor
    found = find_alias(asked.account, forms) if forms else None
    alias = found.value if found is not None else "" if forms else asked.account.id
    if not alias:
        return None
    with route.rail.enquiry(gateway.id):
        return await route.rail.adapter.resolve(alias)
