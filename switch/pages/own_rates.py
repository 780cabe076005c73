"""An FX provider's rates: its offers, what they promise, a form to set one, and what waits for its people.

A person of the provider requests an offer, another one approves it: see
`switch.participants.offers_by_people`. Its machine publishes alone, with its key.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlencode

import asyncpg
from fastapi import APIRouter, Request
from starlette.responses import Response

from schemas.errors import InvalidAmount, InvalidMessage, NotAllowed, Refused
from schemas.money import Money
from switch.approvals import approvals
from switch.base.sql import statements
from switch.change_catalogue import KINDS
from switch.identity.model import ChangeState, Person
from switch.pages import forms, language
from switch.pages.own import BASE, Own
from switch.pages.own_money import holdings
from switch.pages.shell import PREFIX, Context, Switch, Viewer, form, redirect, render
from switch.payments.directory import Participant
from switch.reports import fx_result

router = APIRouter(prefix=PREFIX + BASE, include_in_schema=False)

KIND: Final = "fx.offer"
FX_PROVIDER: Final = "fx_provider"
_CHANGES_MAX: Final = 20
_DAYS_OF_RESULT: Final = 7
_ORDER: Final = ("source", "target", "rate", "large_from", "large_rate", "until", "inventory", "improvements")
"""Of the fields that a person fills in; the provider is its own."""
_FIELDS: Final = tuple(
    sorted(
        (field for field in forms.fields_of(KINDS[KIND]) or () if field.name in _ORDER),
        key=lambda field: _ORDER.index(field.name),
    )
)
_OFFERS: Final = statements("switch.api")("offers_of_provider")
_CHANGES: Final = statements("switch.pages")("own_offer_changes")
_QUOTES: Final = statements("switch.pages")("own_promises")


@dataclass(frozen=True, slots=True)
class ShownOffer:
    """An offer as its provider sees it; amounts of the target currency. No tiers: it is withdrawn."""

    source: str
    target: str
    tiers: list[tuple[Money, str]]
    until: datetime
    published_at: datetime
    ended: bool
    inventory: Money | None
    used: Money | None
    promised: Money
    improvements: list[tuple[str, int]]


def _provider(participant: Own) -> Participant:
    """The FX provider of the reader.

    Raises:
        NotAllowed: its participant is of another kind.

    """
    if participant.kind != FX_PROVIDER:
        raise NotAllowed("this page is for FX providers only")
    return participant


@router.get("/rates")
async def get_rates(
    request: Request, switch: Switch, context: Context, person: Viewer, participant: Own
) -> Response:
    """Show the offers, what quotes hold of them, the accounts, and the form."""
    _provider(participant)
    return await _show(request, switch, context, person)


@router.post("/rates")
async def post_rates(
    request: Request, switch: Switch, context: Context, person: Viewer, participant: Own
) -> Response:
    """Request an offer; another person of the provider must approve it."""
    _provider(participant)
    values = await form(request)
    try:
        typed = forms.read(_FIELDS, values, language.of(request))
        content = {name: value for name, value in typed.items() if value is not None}
        await approvals.request(
            context,
            KINDS,
            person,
            KIND,
            content={**content, "provider": person.scope},
            reason=values.get("reason", ""),
        )
    except (InvalidMessage, Refused) as error:
        return await _show(request, switch, context, person, problem=error, values=values)
    return redirect(request, f"{BASE}/rates")


async def _show(
    request: Request,
    switch: Switch,
    context: Context,
    person: Person,
    *,
    problem: InvalidMessage | Refused | None = None,
    values: Mapping[str, str] | None = None,
) -> Response:
    lang = language.of(request)
    today = datetime.now(UTC).date()
    since = today - timedelta(days=_DAYS_OF_RESULT - 1)
    period = {"since": since, "until": today + timedelta(days=1), "show": 1}
    rows = await context.pool.fetch(_CHANGES, person.scope, _CHANGES_MAX)
    async with context.pool.acquire() as connection:
        changes = [await approvals.find(connection, row["number"]) for row in rows]
    return render(
        request,
        "own_rates.html",
        person,
        422 if problem else 200,
        fields=await forms.with_choices(context.pool, KINDS[KIND], _FIELDS, lang),
        words=forms.WORDS,
        offers=[_offer(row) for row in await switch.pool.fetch(_OFFERS, person.scope)],
        promises=[
            (row, Money(row["credit_minor"], row["target"]))
            for row in await switch.pool.fetch(_QUOTES, person.scope)
        ],
        holdings=await holdings(switch.reading, person.scope),
        changes=[(change, json.loads(change.content)) for change in changes],
        open=ChangeState.REQUESTED,
        result=f"{PREFIX}/reports/{fx_result.NAME}?{urlencode(period)}",
        problem=problem and forms.problem(problem.detail, KINDS[KIND], lang),
        wrong=forms.field_of(problem.detail, _FIELDS, amount=isinstance(problem, InvalidAmount))
        if problem
        else "",
        values=values or {},
        base=PREFIX + BASE,
    )


def _offer(row: asyncpg.Record) -> ShownOffer:
    source, target = row["source"], row["target"]
    inventory, used = row["inventory_minor"], row["used_minor"]
    tiers = json.loads(row["tiers"])
    return ShownOffer(
        source,
        target,
        [(Money(least, source), rate) for least, rate in tiers],
        row["valid_until"],
        row["published_at"],
        not tiers or row["valid_until"] <= datetime.now(UTC),
        None if inventory is None else Money(inventory, target),
        None if inventory is None else Money(used, target),
        Money(row["promised_minor"], target),
        json.loads(row["improvements"]),
    )
