"""Pages for operators beside payments: positions, rails and corridors, queues, reconciliation breaks."""

from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from ledger import positions
from schemas.money import Money
from switch.api.participants import may_read
from switch.api.reads import corridor_documents, terms_document
from switch.api.reports import Reporting
from switch.api.tariffs import tariff_documents
from switch.cases import reading as cases
from switch.identity.model import Person, Role
from switch.identity.permissions import Right, may
from switch.operations import oversight, source_rails
from switch.pages import audited, exports, filters, forms, language, shell, views
from switch.pages.change_links import link
from switch.pages.shell import PREFIX, Switch, render
from switch.participants import liquidity, reads, resolution
from switch.payments import reconciliation
from switch.payments.directory import RailAvailability, Tightening
from switch.payments.rails import Rail

router = APIRouter(prefix=PREFIX, include_in_schema=False)
_ROWS: Final = 200


@router.get("/positions")
async def get_positions(
    request: Request,
    switch: Switch,
    reporting: Reporting,
    person: Annotated[Person, Depends(audited.reader(shell.POSITIONS))],
    format_: Annotated[exports.Format, Query(alias="format")] = "",
) -> Response:
    """Show posted, pending and available amounts of every participant, in every currency."""
    countries = {p.id: p.country for p in await reads.read(switch.pool)}
    uses = {(use.participant, use.currency): use for use in await liquidity.read(switch.pool)}
    found = [
        position
        for position in await positions.read(switch.pool)
        if position.owner in countries and may_read(person, position.owner, countries[position.owner])
    ]
    if format_:
        at = exports.positions(found)
        return await exports.respond(request, reporting, person, format_, columns=exports.POSITIONS, rows=at)
    return render(
        request,
        "positions.html",
        person,
        exports=exports.links(request),
        rows=[
            {"at": at, "use": uses.get((at.owner, at.currency)) if at.purpose == "position" else None}
            for at in found
        ],
        money=Money,
        may_request=may(person, Right.REQUEST_CHANGE),
    )


@router.get("/rails")
async def get_rails(
    request: Request, switch: Switch, person: Annotated[Person, Depends(audited.reader(shell.RAILS))]
) -> Response:
    """Show rails and corridors, with links to open, close and tighten them."""
    snapshot = switch.directory.now
    directory = snapshot.rail_by_country
    return render(
        request,
        "rails.html",
        person,
        rails=await oversight.rails(switch.pool, switch.rails),
        profiles=[_profile(rail, directory.get(country)) for country, rail in switch.rails.items()],
        corridors=corridor_documents(switch),
        tariffs=[_tariff(row) for row in tariff_documents(snapshot.tariffs, switch.rails)],
        words=forms.WORDS,
        currencies={country: rail.adapter.profile.currency for country, rail in switch.rails.items()},
        sources=await source_rails.read(switch.pool) if may(person, Right.READ_AUDIT) else [],
        may_request=may(person, Right.REQUEST_CHANGE),
    )


def _tariff(row: dict[str, Any]) -> dict[str, Any]:
    """A tariff with its instants as such."""
    ends = row["valid_until"]
    return {
        **row,
        "begins": datetime.fromisoformat(row["valid_from"]),
        "ends": ends and datetime.fromisoformat(ends),
    }


def _profile(rail: Rail, status: RailAvailability | None) -> dict[str, Any]:
    """A rail's limits, hours and largest fee in force, with a link to the form that changes them."""
    profile = rail.adapter.profile
    tightening = status.tightening if status else Tightening()
    terms = terms_document(profile, tightening)
    stated = {
        "minimum": tightening.minimum_minor and terms["minimum"],
        "maximum": tightening.maximum_minor and terms["maximum"],
        "hours_from": tightening.hours_from and terms["hours_from"],
        "hours_to": tightening.hours_to and terms["hours_to"],
        "fee_max_bps": tightening.fee_max_bps,
    }
    known = {name: value for name, value in stated.items() if value is not None}
    change = status and link("rail.profile", country=profile.country, **known)
    return {**terms, "country": profile.country, "currency": profile.currency, "change": change}


@router.get("/queues")
async def get_queues(
    request: Request, switch: Switch, person: Annotated[Person, Depends(audited.reader(shell.QUEUES))]
) -> Response:
    """Show queues, webhooks with pending deliveries, and services."""
    webhooks = await oversight.webhooks(switch.pool)
    return render(
        request,
        "queues.html",
        person,
        queues=await oversight.queues(switch.pool),
        writer=await oversight.writer(switch.pool),
        webhooks=webhooks[: oversight.WEBHOOKS_MAX],
        more_webhooks=len(webhooks) > oversight.WEBHOOKS_MAX,
        webhooks_max=oversight.WEBHOOKS_MAX,
        services=await oversight.services(switch.pool),
    )


@router.get("/breaks")
async def get_breaks(  # noqa: PLR0917 - one per filter
    request: Request,
    switch: Switch,
    reporting: Reporting,
    person: Annotated[Person, Depends(audited.reader(shell.BREAKS))],
    rail_: Annotated[str, Query(alias="rail", pattern="^([A-Z]{2})?$")] = "",
    resolved: Annotated[bool, Query()] = False,  # noqa: FBT002 - a query parameter
    after: Annotated[int, Query(ge=0, lt=2**63)] = 0,
    since: filters.Day = "",
    until: filters.Day = "",
    format_: Annotated[exports.Format, Query(alias="format")] = "",
) -> Response:
    """Show differences between rail files and the ledger, oldest first; a regulator sees its own rail."""
    rail = person.scope if person.role is Role.REGULATOR else rail_ or None
    since_at, until_at = filters.period(since, until)
    found = await reconciliation.list_breaks(
        switch.pool,
        resolved=resolved,
        rail=rail,
        after=after,
        limit=_ROWS + 1,
        since=since_at,
        until=until_at,
    )
    if format_:
        rows = exports.breaks(found[:_ROWS])
        return await exports.respond(request, reporting, person, format_, columns=exports.BREAKS, rows=rows)
    about = {}
    if shell.CASES.admits(person):
        subjects = [f"break/{row['id']}" for row in found[:_ROWS]]
        about = {case.subject: case for case in await cases.of_subjects(switch.pool, subjects)}
    lang = language.of(request)
    return render(
        request,
        "breaks.html",
        person,
        rails_of=[] if person.role is Role.REGULATOR else filters.rails(request, switch.rails, lang),
        states_of=filters.flag(request, "resolved", lang.text("Open only"), lang.text("Include resolved")),
        ranges=filters.ranges(request, lang),
        views=await views.read(switch.pool, request, person),
        exports=exports.links(request),
        rows=found[:_ROWS],
        more=filters.after(request, found[_ROWS - 1]["id"]) if len(found) > _ROWS else "",
        kinds=resolution.BREAKS,
        cases=about,
        may_request=may(person, Right.REQUEST_CHANGE),
    )
