"""`GET /v1/quotes`: what a payment would credit and cost now. A quote reserves nothing: rates may change.

It uses the routing and pricing of payments, so it is refused for the same reasons, and the quoted amount is
credited while the rate is in force. A payment that states the quoted amount as its `InstdAmt`, or the rate as
its `XchgRate`, is refused once they no longer apply.
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from starlette.responses import JSONResponse

from schemas.errors import InvalidAmount, NotFound, Refused
from schemas.money import Money
from schemas.reasons import Reason
from switch.api import suspension
from switch.api.reads import Context, Reader
from switch.api.runtime import Runtime
from switch.payments import pricing, rail_profile, routes
from switch.payments.directory import Participant

router = APIRouter(prefix="/v1")
_PARAMETERS: Final = {
    pricing.CREDITOR_AGENT: "query.creditor_agent",
    pricing.AMOUNT: "query.amount",
}
"""Path in a payment -> the parameter that stands for it."""


@router.get("/quotes", operation_id="getQuote", tags=["payments"])
async def get_quote(
    context: Context,
    reader: Reader,
    creditor_agent: Annotated[
        str, Query(pattern="^[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?$", description="a BIC")
    ],
    amount: Annotated[str, Query(max_length=20, description="a decimal number of at most 20 characters")],
    currency: Annotated[
        str, Query(pattern="^[A-Z]{3}$", description="an ISO 4217 code: three capital letters")
    ],
) -> JSONResponse:
    """Get what a credit transfer of `amount` by the caller to a bank would credit and cost."""
    suspension.require_active(reader)
    try:
        asked = Money.parse(amount, currency)
    except InvalidAmount as error:
        raise InvalidAmount(
            error.detail, reason=Reason(error.reason), path="query.amount", rule="amount"
        ) from None
    now = datetime.now(UTC)
    if creditor_agent[:8] not in context.directory.now.by_bic:
        text = "there is no participant with this BIC: GET /v1/participants lists them"
        raise NotFound(text, path="query.creditor_agent")
    try:
        route, price = _priced(context, reader, creditor_agent, asked, now)
    except Refused as refused:
        refused.path = _PARAMETERS.get(refused.path or "", refused.path)
        raise
    profile = route.rail.adapter.profile
    return JSONResponse(
        {
            "creditor_agent": route.creditor.bic,
            "rail": profile.country,
            "rail_name": profile.rail,
            "interbank_settlement_amount": _money(price.debit),
            "fee": _money(price.fee),
            "credited_amount": _money(price.credit),
            "exchange_rate": price.rate or None,
            "fx_provider": price.fx_provider or None,
            "within_limits": True,
            "opens_at": datetime.fromtimestamp(route.opens_at / 1_000_000, UTC).isoformat(),
            "quoted_at": now.isoformat(),
        }
    )


def _priced(
    context: Runtime, debtor: Participant, creditor_agent: str, asked: Money, now: datetime
) -> tuple[routes.Route, pricing.Price]:
    """The route and the price of the payment that is asked about.

    Raises:
        Refused: a payment would be refused too.

    """
    directory = context.directory.now
    expires_at = now + timedelta(seconds=context.settings.payment_expiry_s)
    route = routes.find(
        directory, context.rails, debtor, creditor_agent, asked.currency, now=now, expires_at=expires_at
    )
    price = routes.price(asked, route, directory)
    pricing.legs(price, route.debtor, route.creditor, route.corridor, directory)  # an account is there
    rail_profile.check_limits(price.credit, route.rail.adapter.profile.limits)
    return route, price


def _money(amount: Money) -> dict[str, Any]:
    return {"currency": amount.currency, "amount": amount.text}
