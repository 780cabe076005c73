"""`GET /v1/tariffs`: what payments cost, now and from dates to come."""

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from ledger.encoding import microseconds
from schemas.money import Money
from switch.api import paging
from switch.api.paging import After, Limit
from switch.api.reads import Context, Reader
from switch.payments.rails import Rails
from switch.payments.tariffs import FeeDirection, Tariff

router = APIRouter(prefix="/v1")


@router.get("/tariffs", operation_id="listTariffs", tags=["directory"])
async def list_tariffs(
    request: Request,
    context: Context,
    reader: Reader,
    after: After = "",
    limit: Limit = paging.LIMIT_MAX,
) -> JSONResponse:
    """Get the tariffs in force and to come: those for any participant, and the caller's own.

    Where none applies, a corridor has the fee that `GET /v1/corridors` shows.
    """
    found = [row for row in context.directory.now.tariffs if row.participant in {"", reader.id}]
    page = paging.within(
        tariff_documents(found, context.rails), limit, lambda row: f"{row['number']:019}", after
    )
    return JSONResponse(page.entries, headers=paging.link(request, "after", page))


def tariff_documents(rows: list[Tariff], rails: Rails) -> list[dict[str, Any]]:
    """The rows that have not ended, of the countries whose currency this process knows by its rails."""
    now = microseconds(datetime.now(UTC))
    currencies = {country: rail.adapter.profile.currency for country, rail in rails.items()}
    return [
        tariff_document(row, currencies[row.source])
        for row in rows
        if row.source in currencies and (row.valid_until is None or row.valid_until > now)
    ]


def tariff_document(row: Tariff, currency: str) -> dict[str, Any]:
    """Describe a tariff."""

    def money(minor: int | None) -> str | None:
        return None if minor is None else Money(minor, currency).text

    return {
        "number": row.number,
        "source": row.source,
        "target": row.target,
        "of": row.component,
        "borne_by": "debtor" if row.direction == FeeDirection.OUT else "creditor",
        "participant": row.participant or None,
        "purpose": row.purpose or None,
        "charge_bearer": row.bearer or None,
        "currency": currency,
        "from_amount": money(row.from_minor),
        "below_amount": money(row.below_minor),
        "flat": money(row.flat_minor),
        "basis_points": row.bps,
        "least": money(row.least_minor),
        "most": money(row.most_minor),
        "valid_from": _instant(row.valid_from),
        "valid_until": None if row.valid_until is None else _instant(row.valid_until),
    }


def _instant(micros: int) -> str:
    return datetime.fromtimestamp(micros / 1_000_000, UTC).isoformat()
