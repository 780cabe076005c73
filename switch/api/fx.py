"""`/v1/fx/rates`: FX providers set their own rates, and see what is left of their inventories.

A rate outside the band around the rate that two people set is refused with the factor by which it departs:
a mistyped rate of a provider costs the provider, and a pair without such a rate has nothing to compare with.
"""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import asyncpg
from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from schemas.errors import NotAllowed, Refused
from schemas.money import Money
from schemas.reasons import Reason
from switch.api import body as bodies
from switch.api import suspension
from switch.api.authentication import SIGNED, authenticate
from switch.api.proof import Signed
from switch.api.reads import Context, Reader
from switch.api.runtime import Runtime
from switch.base.decoding import decoded
from switch.base.plausibility import Bands
from switch.base.sql import statements
from switch.participants import comparisons
from switch.payments import fx_offers
from switch.payments.directory import Participant
from switch.payments.fx_offers import AskedPair, AskedRates
from switch.writer.commands import Evidence, Publish
from switch.writer.offers import improved

router = APIRouter(prefix="/v1/fx", tags=["directory"])
_BODY_MAX: Final = 64 * 1024
_PROVIDER: Final = "fx_provider"
_PAYERS: Final = {"direct", "gateway"}
_OFFERS: Final = statements("switch.api")("offers_of_provider")


@router.put("/rates", operation_id="setFxRates", status_code=204)
async def set_fx_rates(request: Request, context: Context) -> Response:
    """Set the caller's rates for some pairs of currencies, by tiers of the amount to convert.

    Each replaces the caller's offer for its pair at once, for new payments and quotes; no tiers withdraw it.
    Quotes that are open keep their terms.
    """
    raw = await bodies.read(request, _BODY_MAX)
    caller = await authenticate(request, raw)
    suspension.require_active(caller)
    _check_provider(caller)
    asked = decoded(raw, AskedRates)
    offers = fx_offers.of(asked)
    _check_times(asked, datetime.now(UTC))
    _check_accounts(context, caller, asked)
    _check_improved(context, asked)
    async with context.pool.acquire() as connection:
        for place, pair in enumerate(asked.pairs):
            await _check_band(connection, pair, f"pairs[{place}]", context.settings.bands)
    signed: Signed | None = request.scope[SIGNED]
    evidence = Evidence(signed.keyid, signed.signature, signed.base, raw) if signed else None
    await context.link.ask(Publish(caller.id, offers, evidence))
    return Response(status_code=204)


@router.get("/rates", operation_id="listFxRates")
async def list_fx_rates(context: Context, reader: Reader) -> JSONResponse:
    """Get the caller's offers: tiers, end, inventory, and what payments and open quotes have taken of it."""
    _check_provider(reader)
    rows = await context.pool.fetch(_OFFERS, reader.id)
    return JSONResponse([_document(row) for row in rows])


def _document(row: asyncpg.Record) -> dict[str, Any]:
    source, target = row["source"], row["target"]

    def money(minor: int | None) -> str | None:
        return None if minor is None else Money(minor, target).text

    return {
        "source": source,
        "target": target,
        "tiers": [
            {"from": Money(least, source).text, "rate": rate} for least, rate in json.loads(row["tiers"])
        ],
        "improvements": [
            {"participant": name, "basis_points": bps} for name, bps in json.loads(row["improvements"])
        ],
        "until": row["valid_until"].isoformat(),
        "published_at": row["published_at"].isoformat(),
        "inventory": money(row["inventory_minor"]),
        "used": money(row["used_minor"] if row["inventory_minor"] is not None else None),
        "promised": money(row["promised_minor"]),
    }


def _check_provider(caller: Participant) -> None:
    if caller.kind != _PROVIDER:
        raise NotAllowed("only an FX provider has rates")


def _check_times(asked: AskedRates, now: datetime) -> None:
    for place, pair in enumerate(asked.pairs):
        if pair.tiers and not now < pair.until <= now + fx_offers.LONGEST:
            text = f"must be in the future, and at most {fx_offers.LONGEST.days} days away"
            raise Refused(
                text,
                reason=Reason.NARRATIVE,
                path=f"pairs[{place}].until",
                remedy=(
                    "State an instant with its offset that has not passed, within the longest time that"
                    " the text names."
                ),
            )


def _check_accounts(context: Runtime, caller: Participant, asked: AskedRates) -> None:
    accounts = context.directory.now.account_id
    for place, pair in enumerate(asked.pairs):
        for member in ("source", "target"):
            if (caller.id, getattr(pair, member), "position") not in accounts:
                text = "you have no account in this currency: the operator opens one (account.open)"
                raise Refused(
                    text,
                    reason=Reason.NARRATIVE,
                    path=f"pairs[{place}].{member}",
                    remedy=(
                        "Ask the operator to open an account in this currency, or leave the pair out:"
                        " GET /v1/positions has yours."
                    ),
                )


def _check_improved(context: Runtime, asked: AskedRates) -> None:
    """Refuse an improvement for nobody: a mistyped id would give the better rate to no payment."""
    known = context.directory.now.by_id
    for place, pair in enumerate(asked.pairs):
        for at, each in enumerate(pair.improvements):
            named = known.get(each.participant)
            if named is None or named.kind not in _PAYERS:
                text = "is no bank or wallet that pays through this switch: GET /v1/participants lists them"
                path = f"pairs[{place}].improvements[{at}].participant"
                raise Refused(
                    text,
                    reason=Reason.NARRATIVE,
                    path=path,
                    remedy=(
                        "Use the id of a bank or wallet of GET /v1/participants, or leave the"
                        " improvement out."
                    ),
                )


async def _check_band(connection: asyncpg.Connection, pair: AskedPair, path: str, bands: Bands) -> None:
    """Refuse rates outside the band. It is one interval, so the lowest and the highest rate are enough.

    The highest is that of the largest improvement.
    """
    order = sorted(range(len(pair.tiers)), key=lambda index: Decimal(pair.tiers[index].rate))
    most = max((each.basis_points for each in pair.improvements), default=0)
    ends = dict.fromkeys((index, 0) for index in (*order[:1], *order[-1:]))
    if most:
        ends |= dict.fromkeys((index, most) for index in order[-1:])
    for index, bps in ends:
        rate, place = improved(pair.tiers[index].rate, bps), f"{path}.tiers[{index}].rate"
        compared = await comparisons.of_rate(
            connection, pair.source, pair.target, rate=rate, valid_from=None, bands=bands
        )
        if compared[0].factor is None:
            text = (
                "this pair has no rate to compare with: two people of the operator set the first (rate.set)"
            )
            todo = "Ask the operator to set the pair's first rate, and send these rates again then."
            raise Refused(text, reason=Reason.NARRATIVE, path=place, remedy=todo)
        worst = next((each for each in compared if each.beyond), None)
        if worst is not None:
            text = (
                f"departs from {worst.what.lower()}, {worst.reference}, by the factor {worst.factor_text}: "
                "correct it, or ask the operator, whose two people move the reference (rate.set)"
            )
            todo = "Correct the rate; GET /v1/fx/rates has yours that are in force."
            raise Refused(text, reason=Reason.NARRATIVE, path=place, remedy=todo)
