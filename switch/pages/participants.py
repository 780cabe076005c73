"""Participants: list and details, and links to the forms of their changes.

The page shows what `GET /v1/participants/{id}` returns to the same person: the names to everybody, the rest
to readers with the right.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final

import asyncpg
from babel.numbers import get_currency_name
from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from adapters import registry
from schemas.errors import NotAllowed, SwitchError
from schemas.money import EXPONENTS, Money
from switch.api.participants import Id, may_read
from switch.approvals import approvals
from switch.base.sql import statements
from switch.change_catalogue import KINDS
from switch.identity.model import Person
from switch.pages import audited, forms, language, shell
from switch.pages.audited import read_only
from switch.pages.change_links import CHANGES, link, may_request
from switch.pages.forms import CONFIRMED
from switch.pages.language import Language
from switch.pages.shell import PREFIX, Context, Viewer, form, redirect, render
from switch.participants import certification, limits, liquidity, reads, velocity
from switch.payments.pricing import POSITION

router = APIRouter(prefix=PREFIX, include_in_schema=False)
Reader = Annotated[Person, Depends(audited.reader(shell.PARTICIPANTS))]

_statement: Final = statements("switch.pages")
_CORRIDORS: Final = _statement("corridors_of_country")
STATES: Final = {
    "active": ("participant.suspend",),
    "suspended": ("participant.resume", "participant.remove"),
    "removed": (),
}
"""Changes that may be requested, by a participant's status."""
ONBOARD: Final = "participant.onboard"
ROWS: Final = 3
"""Number of accounts and of keys in the form of a new participant; more can be added later."""
KINDS_OF: Final = ("direct", "fx_provider", "settlement_agent", "central_bank", "gateway")
KEY_STATES: Final = ("in force", "future", "retired", "revoked")


@router.get("/participants")
async def get_participants(request: Request, context: Context, person: Reader) -> Response:
    """List current and former participants."""
    async with read_only(context.reading) as connection:
        rows = await reads.read(connection)
        alerts = await liquidity.read(connection)
    countries = {row.id: row.country for row in rows}
    levels: dict[str, int] = {}
    for use in alerts:
        if may_read(person, use.participant, countries[use.participant]):
            levels[use.participant] = max(levels.get(use.participant, 0), use.level)
    return render(
        request,
        "participants.html",
        person,
        rows=rows,
        levels=levels,
        may_onboard=may_request(person, ONBOARD),
    )


@router.get("/participants/new")
async def get_onboarding(request: Request, person: Viewer) -> Response:
    """Show the form of a new participant."""
    return _onboarding(request, person, {})


@router.post("/participants/new")
async def post_onboarding(request: Request, context: Context, person: Viewer) -> Response:
    """Request to onboard a participant. An invalid form is shown again with the error."""
    values = await form(request)
    try:
        change = await approvals.request(
            context,
            KINDS,
            person,
            ONBOARD,
            content=onboarding(values, language.of(request)),
            reason=values.get("why", ""),
        )
    except SwitchError as error:
        return _onboarding(request, person, values, error)
    return redirect(request, f"{CHANGES}/{change.number}")


def onboarding(values: Mapping[str, str], lang: Language) -> dict[str, Any]:
    """The form as the content of the request; empty rows are left out, caps may have separators."""

    def rows(*names: str) -> list[dict[str, str]]:
        found = [{name: values.get(f"{name}.{row}", "").strip() for name in names} for row in range(ROWS)]
        return [row for row in found if row[names[0]]]

    accounts = [
        {name: lang.plain(text) if name == "net_debit_cap" else text for name, text in row.items() if text}
        for row in rows("currency", "net_debit_cap")
    ]
    plain = {name: values.get(name, "").strip() for name in ("id", "name", "bic", "country", "kind")}
    factor = values.get(CONFIRMED, "").strip()
    members = values.get("member_ids", "").split()
    content = {**plain, "member_ids": members, "accounts": accounts, "keys": rows("keyid", "request")}
    return {**content, CONFIRMED: factor} if factor else content


def _onboarding(
    request: Request, person: Person, values: Mapping[str, str], problem: SwitchError | None = None
) -> Response:
    if not may_request(person, ONBOARD):
        raise NotAllowed("your role may not do this")
    lang = language.of(request)
    return render(
        request,
        "onboarding.html",
        person,
        200 if problem is None else problem.status,
        values=values,
        kinds=KINDS_OF,
        rows=range(ROWS),
        countries=registry.countries(),
        names={code: registry.country(code).names.in_language(lang.code) for code in registry.countries()},
        currencies={code: get_currency_name(code, locale=lang.locale) for code in sorted(EXPONENTS)},
        problem="" if problem is None else problem.detail,
    )


@router.get("/participants/{id}")
async def get_participant(request: Request, context: Context, person: Reader, id: Id) -> Response:  # noqa: A002
    """Show one participant: all details to readers with the right, only names to others."""
    async with read_only(context.reading) as connection:
        found = await reads.find(connection, id)
        more = await _more(connection, id) if may_read(person, id, found.country) else None
    return render(
        request,
        "participant.html",
        person,
        found=found,
        more=more,
        actions=_actions(person, found),
        words=forms.WORDS,
        link=link,
    )


async def _more(connection: asyncpg.Connection, id_: str) -> dict[str, Any]:
    """Details of a participant; amounts as `Money`, so that the page can format them."""
    detail = await reads.detail(connection, id_)
    return {
        "positions": [
            {
                "currency": p.currency,
                "purpose": p.purpose,
                "closed": p.closed,
                "net": Money(p.net, p.currency),
                "pending": Money(p.debits_pending, p.currency),
                "cap": None if p.net_debit_cap is None else Money(p.net_debit_cap, p.currency),
                "headroom": None if p.headroom is None else Money(p.headroom, p.currency),
                "is_account": p.purpose in {POSITION, "gross"},
            }
            for p in detail.positions
        ],
        "use": {u.currency: u for u in await liquidity.read(connection) if u.participant == id_},
        "limits": [
            {
                "currency": limit.currency,
                "per_payment": None
                if limit.per_payment is None
                else Money(limit.per_payment, limit.currency),
                "per_day": None if limit.per_day is None else Money(limit.per_day, limit.currency),
                "used_today": Money(limit.used_today, limit.currency),
            }
            for limit in await limits.read(connection)
            if limit.participant == id_
        ],
        "velocity": velocity.concerning(await velocity.read(connection), id_),
        "signatures": detail.keys,
        "certificate": await certification.last(connection, id_),
        "in_flight": detail.in_flight,
        "corridors": await connection.fetch(_CORRIDORS, detail.participant.country),
    }


def _actions(person: Person, found: reads.ParticipantRow) -> dict[str, str]:
    """Addresses of the forms that this person may use, by kind of change."""
    if found.status == "removed":
        return {}
    kinds = (
        *STATES[found.status],
        "participant.member_ids",
        "participant.certify",
        "account.open",
        "account.close",
        "cap.set",
        "funds.in",
        "funds.out",
        "limit.set",
        "velocity.set",
        "key.add",
        "key.retire",
        "key.revoke",
    )
    return {
        kind: link(kind, participant=found.id)
        for kind in kinds
        if may_request(person, kind, participant=found.id)
    }
