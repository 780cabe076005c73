"""`GET /v1/quotes`: what a payment would credit and cost now. A quote reserves nothing: rates may change.

It uses the routing and pricing of payments, so it is refused for the same reasons, and the quoted amount is
credited while the rate is in force. A payment that states the quoted amount as its `InstdAmt`, or the rate as
its `XchgRate`, is refused once they no longer apply.
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import JSONResponse

from schemas.errors import NotFound
from schemas.money import Money
from switch.api import suspension
from switch.api.reads import Context, Reader
from switch.payments import pricing, rail_profile, routes

router = APIRouter(prefix="/v1")


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
    asked = Money.parse(amount, currency)
    directory, now = context.directory.now, datetime.now(UTC)
    if creditor_agent[:8] not in directory.by_bic:
        raise NotFound("there is no participant with this BIC")
    route = routes.find(
        directory,
        context.rails,
        reader,
        creditor_agent,
        currency,
        now=now,
        expires_at=now + timedelta(seconds=context.settings.payment_expiry_s),
    )
    profile = route.rail.adapter.profile
    price = routes.price(asked, route, directory)
    pricing.legs(
        price, route.debtor, route.creditor, route.corridor, directory
    )  # refuses a payment without an account
    rail_profile.check_limits(price.credit, profile.limits)
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


def _money(amount: Money) -> dict[str, Any]:
    return {"currency": amount.currency, "amount": amount.text}
