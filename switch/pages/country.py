"""A regulator's country: positions of its banks, payments with unknown outcome, changes that need its vote.

The ledger is read with the regulators' database role, whose views show this country only, so that an error in
the page cannot show another country's data.
"""

import json
from collections.abc import Collection
from typing import Annotated, Any, Final

import asyncpg
from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from ledger import windows
from schemas.money import Money
from switch.approvals import approvals
from switch.base.sql import statements
from switch.change_catalogue import KINDS
from switch.identity.model import Change, Person
from switch.pages import audited, language, shell
from switch.pages.audited import read_only
from switch.pages.shell import PREFIX, Context, render
from switch.pages.windows import has_seat
from switch.payments.pricing import POSITION
from switch.reports.reading import reading_as_regulator
from switch.settlement.positions import flows

router = APIRouter(prefix=PREFIX, include_in_schema=False)
Reader = Annotated[Person, Depends(audited.reader(shell.COUNTRY))]

UNKNOWNS_MAX: Final = 200
REQUESTS_MAX: Final = 100
_PARTICIPANTS: Final = "SELECT id, name, kind, status FROM regulator.participant ORDER BY id"
_statement: Final = statements("switch.pages")
_POSITIONS: Final = _statement("country_positions")
_OPEN: Final = _statement("country_open")
_UNKNOWN: Final = _statement("country_unknown")
_REQUESTS: Final = _statement("changes_for_seat")


@router.get("/country")
async def get_country(request: Request, context: Context, person: Reader) -> Response:
    """Show the country of a regulator."""
    async with context.reading.acquire() as connection, reading_as_regulator(connection, person.scope):
        participants = await connection.fetch(_PARTICIPANTS)
        positions = await connection.fetch(_POSITIONS)
        counts = await connection.fetchrow(_OPEN)
        unknowns = await connection.fetch(_UNKNOWN, UNKNOWNS_MAX + 1)
    async with read_only(context.reading) as connection:
        waiting, more_waiting = await waiting_for(connection, person)
        owners = {row["id"] for row in participants}
        nets = [
            net
            for window in await _open_windows(connection, {row["currency"] for row in positions})
            for net in await _nets(connection, *window, owners)
        ]
    return render(
        request,
        "country.html",
        person,
        name=language.of(request).country(person.scope),
        participants=participants,
        positions=[_position(row) for row in positions],
        nets=nets,
        counts=counts,
        unknowns=[_payment(row) for row in unknowns[:UNKNOWNS_MAX]],
        more_unknowns=len(unknowns) > UNKNOWNS_MAX,
        unknowns_max=UNKNOWNS_MAX,
        more_waiting=more_waiting,
        waiting_max=REQUESTS_MAX,
        waiting=[(change, KINDS[change.kind].title, json.loads(change.content)) for change in waiting],
    )


async def waiting_for(connection: asyncpg.Connection, person: Person) -> tuple[list[Change], bool]:
    """Changes that await this person's vote, newest first, and whether there may be more."""
    seat = json.dumps([{"role": person.role, "scope": person.scope}])
    rows = await connection.fetch(_REQUESTS, seat, REQUESTS_MAX + 1)
    found = [await approvals.find(connection, row["number"]) for row in rows[:REQUESTS_MAX]]
    return [change for change in found if has_seat(person, change)], len(rows) > REQUESTS_MAX


async def _open_windows(connection: asyncpg.Connection, currencies: Collection[str]) -> list[tuple[int, str]]:
    return [
        (window.number, window.currency)
        for window in await windows.read(connection)
        if window.closing_seq is None and window.currency in currencies
    ]


async def _nets(
    connection: asyncpg.Connection, window: int, currency: str, owners: Collection[str]
) -> list[dict[str, Any]]:
    """Net positions of these owners in a window to date: payments only, as in its instruction."""
    return [
        {
            "owner": flow.owner,
            "window": window,
            "debits": Money(flow.debits, currency),
            "credits": Money(flow.credits, currency),
            "returned": Money(flow.other.returned, currency),
            "net": Money(flow.net, currency),
            "funded": Money(flow.other.funded, currency),
            "settled": Money(flow.other.settled, currency),
        }
        for flow in await flows(connection, window)
        if flow.purpose == POSITION and flow.owner in owners
    ]


def _position(row: asyncpg.Record) -> dict[str, Any]:
    def money(name: str) -> Money | None:
        return None if row[name] is None else Money(row[name], row["currency"])

    return {
        "owner": row["owner"],
        "purpose": row["purpose"],
        **{name: money(name) for name in ("net", "held", "cap", "headroom")},
    }


def _payment(row: asyncpg.Record) -> dict[str, Any]:
    return {
        **dict(row),
        "debit": Money(row["debit_minor"], row["debit_currency"]),
        "credit": Money(row["credit_minor"], row["credit_currency"]),
    }
