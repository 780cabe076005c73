"""Reads: payments, positions, settlement windows, the directory. A participant sees its own data."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import JSONResponse, Response

from adapters.profile import RailProfile
from ledger import positions, windows
from ledger.encoding import microseconds
from schemas.errors import NotFound
from schemas.money import Money
from switch.api import etags, paging, waiting
from switch.api.authentication import authenticate
from switch.api.documents import net_document, nets_csv, position_document
from switch.api.paging import After, Before, Limit
from switch.api.runtime import Runtime
from switch.payments import corridor_rules, pricing, rail_profile, reach
from switch.payments.directory import CorridorRules, Participant, RailAvailability, Tightening
from switch.payments.journey import read_payment
from switch.payments.rails import Rail
from switch.settlement.positions import flows

router = APIRouter(prefix="/v1")
T = TypeVar("T")


async def _runtime(request: Request) -> Runtime:
    runtime: Runtime = request.app.state.runtime
    return runtime


async def _reader(request: Request) -> Participant:
    return await authenticate(request, b"")


Context = Annotated[Runtime, Depends(_runtime)]
Reader = Annotated[Participant, Depends(_reader)]
Uetr = Annotated[
    str,
    Path(
        pattern="^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$",
        description="a UUID of version 4, in lower case",
    ),
]


@router.get("/payments/{uetr}", operation_id="getPayment", tags=["payments"])
async def get_payment(
    request: Request,
    context: Context,
    reader: Reader,
    uetr: Uetr,
    wait: Annotated[float, Query(ge=0, le=60)] = 0,
) -> Response:
    """Get a payment with its history; with `wait`, wait up to that many seconds for its final status.

    A suspended participant gets the present status without a wait.
    """
    key = UUID(uetr)
    final = context.link.watch(key.bytes)
    try:
        payment = await read_payment(context.pool, key, [reader.id])
        if payment["uetr"] != uetr:  # it has a UETR of its own: its changes are notified under that one
            context.link.unwatch(key.bytes, final)
            key = UUID(payment["uetr"])
            final = context.link.watch(key.bytes)
            payment = await read_payment(context.pool, key, [reader.id])
        if wait and not payment["final"]:
            await waiting.for_final(context, reader.id, final, min(wait, context.settings.wait_max_s))
            payment = await read_payment(context.pool, key, [reader.id])
    finally:
        context.link.unwatch(key.bytes, final)
    headers = {} if payment["final"] else {"Retry-After": "1"}
    return etags.answer(request, JSONResponse({**payment, "uetr": uetr}, headers=headers))


@router.get("/positions", operation_id="listPositions", tags=["settlement"])
async def list_positions(
    request: Request, context: Context, reader: Reader, after: After = "", limit: Limit = paging.LIMIT_MAX
) -> JSONResponse:
    """Get the caller's positions: amounts reserved, posted, and still available to send."""
    found = [p for p in await positions.read(context.pool) if p.owner == reader.id]
    page = paging.within(found, limit, lambda p: f"{p.currency}/{p.purpose}", after)
    return _listed(request, "after", page, position_document)


def _listed(
    request: Request, cursor: str, page: paging.Page[T], document: Callable[[T], Mapping[str, Any]]
) -> JSONResponse:
    """Respond with a page of a list."""
    headers = paging.link(request, cursor, page)
    return JSONResponse([document(entry) for entry in page.entries], headers=headers)


@router.get("/windows", operation_id="listWindows", tags=["settlement"])
async def list_windows(
    request: Request,
    context: Context,
    reader: Reader,  # noqa: ARG001 - must be known
    before: Before = None,
    limit: Limit = 100,
) -> JSONResponse:
    """Get the settlement windows, newest first."""
    found = await windows.read(context.pool, before=before, limit=limit + 1)
    return _listed(request, "before", paging.cut(found, limit, lambda w: w.number), windows.Window.document)


@router.get("/windows/{window}", operation_id="getWindow", tags=["settlement"])
async def get_window(
    context: Context, reader: Reader, window: Annotated[int, Path(ge=1, lt=2**63)], request: Request
) -> Response:
    """Get the caller's net position in a window, as JSON or, with `Accept: text/csv`, as CSV."""
    found = await windows.find(context.pool, window)
    if found is None:
        raise NotFound
    nets = [n for n in await flows(context.pool, window) if n.owner == reader.id]
    if "text/csv" in request.headers.get("accept", ""):
        return Response(nets_csv(found.currency, nets), media_type="text/csv")
    return JSONResponse({**found.document(), "nets": [net_document(found.currency, n) for n in nets]})


@router.get("/corridors", operation_id="listCorridors", tags=["directory"])
async def list_corridors(
    request: Request,
    context: Context,
    reader: Reader,  # noqa: ARG001 - must be known
    after: After = "",
    limit: Limit = paging.LIMIT_MAX,
) -> JSONResponse:
    """Get the corridors, with their fees and the rate in force."""
    found = corridor_documents(context)
    page = paging.within(found, limit, lambda c: f"{c['source']}-{c['target']}", after)
    return _listed(request, "after", page, dict)


def corridor_documents(context: Runtime) -> list[dict[str, Any]]:
    """Describe every corridor."""
    directory = context.directory.now
    currencies = {c: rail.adapter.profile.currency for c, rail in context.rails.items()}
    return [
        {
            "source": c.source,
            "target": c.target,
            "enabled": c.enabled,
            "settlement": c.settlement,
            "fee": Money(c.fee_minor, currencies[c.source]).text if c.source in currencies else None,
            "fee_basis_points": c.fee_bps,
            "exchange_rate": pricing.best_of_pair(
                currencies.get(c.source, ""), currencies.get(c.target, ""), directory
            ),
            **_rules(context, c.source, c.target),
        }
        for c in directory.corridors
    ]


def _rules(context: Runtime, source: str, target: str) -> dict[str, Any]:
    """What messages of a corridor must have now, and what from later instants on."""
    directory, base = context.directory.now, context.settings.scheme_of(source, target)
    now_us = microseconds(datetime.now(UTC))

    def document(rules: CorridorRules | None) -> dict[str, Any]:
        begins = (
            None if rules is None else datetime.fromtimestamp(rules.valid_from / 1_000_000, UTC).isoformat()
        )
        return {"valid_from": begins, **corridor_rules.document(corridor_rules.scheme(base, rules))}

    in_force = corridor_rules.in_force(directory, source, target, now_us)
    coming = corridor_rules.coming(directory, source, target, now_us)
    return {"requires": document(in_force), "will_require": [document(rules) for rules in coming]}


@router.get("/rails", operation_id="listRails", tags=["directory"])
async def list_rails(
    request: Request,
    context: Context,
    reader: Reader,  # noqa: ARG001 - must be known
    after: After = "",
    limit: Limit = paging.LIMIT_MAX,
) -> JSONResponse:
    """Get the rails: whether they are open now, and whether they respond.

    `reachable` is the result of the last probe, null without a recent probe. A rail that does not respond is
    not open, whatever its operating hours are. Limits and hours are those in force: the rail's own, or
    narrower ones that the operator of the switch has set.
    """
    open_rails = context.directory.now.rail_by_country
    seen = await reach.read(context.pool, context.rails)
    page = paging.within(list(context.rails.items()), limit, lambda item: item[0], after)
    return _listed(
        request,
        "after",
        page,
        lambda item: rail_document(item[1], open_rails.get(item[0]), seen.get(item[0], reach.NOT_SEEN)),
    )


def rail_document(own: Rail, rail: RailAvailability | None, seen: reach.Reach) -> dict[str, Any]:
    """Describe a rail: whether it is open and responds, and its terms in force."""
    profile, since = own.adapter.profile, seen.unreachable_since
    return {
        "country": profile.country,
        "rail": profile.country,
        "rail_name": profile.rail,
        "currency": profile.currency,
        "confirmation": profile.confirmation,
        "open": rail is not None and rail.open and seen.reachable is not False,
        "simulated": own.simulated,
        "reachable": seen.reachable,
        "unreachable_since": since and since.isoformat(),
        **terms_document(profile, rail.tightening if rail else Tightening()),
    }


def terms_document(profile: RailProfile, tightening: Tightening) -> dict[str, Any]:
    """A rail's limits, hours and largest fee in force, and whether two people have tightened any of them."""
    limits, hours = rail_profile.limits(profile, tightening), rail_profile.hours(profile, tightening)
    return {
        "minimum": Money(limits.minimum_minor, profile.currency).text,
        "maximum": Money(limits.maximum_minor, profile.currency).text,
        "hours_from": f"{hours.opens:%H:%M}",
        "hours_to": f"{hours.closes:%H:%M}",
        "time_zone": hours.zone,
        "fee_max_basis_points": tightening.fee_max_bps,
        "tightened": tightening != Tightening(),
    }
