"""`GET /v1/quotes`: what a payment would come to now. A quote holds nothing: rates may move."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import JSONResponse

from schemas.errors import NotFound, Refused
from schemas.money import Money
from schemas.reasons import Reason
from switch import pricing
from switch.api.reads import Context, Reader

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
    directory = context.directory.now
    creditor = directory.by_bic.get(creditor_agent[:8])
    if creditor is None or creditor.status != "active" or creditor.kind != "direct":
        raise NotFound("no such bank takes part")
    corridor = directory.corridor_by_pair.get((reader.country, creditor.country))
    rail = context.rails.get(creditor.country)
    if corridor is None or not corridor.enabled or rail is None:
        raise Refused("this corridor is not open", reason=Reason.TRANSACTION_FORBIDDEN)
    profile = rail.adapter.profile
    price = pricing.price(Money.parse(amount, currency), profile.currency, corridor, directory)
    limits = profile.limits
    return JSONResponse(
        {
            "creditor_agent": creditor.bic,
            "rail": profile.rail,
            "interbank_settlement_amount": _money(price.debit),
            "fee": _money(price.fee),
            "credited_amount": _money(price.credit),
            "exchange_rate": price.rate or None,
            "fx_provider": price.fx_provider or None,
            "within_limits": limits.minimum_minor <= price.credit.minor <= limits.maximum_minor,
            "opens_at": profile.hours.open_from(
                datetime.now(UTC), directory.stated_by_currency.get(profile.currency, {})
            ).isoformat(),
            "quoted_at": datetime.now(UTC).isoformat(),
        }
    )


def _money(amount: Money) -> dict[str, Any]:
    return {"currency": amount.currency, "amount": amount.text}
