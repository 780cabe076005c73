"""The event log, newest first, page by page: all events, or only access and changes by people.

Operators, checkers and auditors read the log itself. A regulator reads the events of payments of its country,
with the regulators' database role, whose views show nothing else.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from ledger.sql import statement as ledger_statement
from switch.api.reports import Reporting
from switch.base.sql import statements
from switch.identity.model import Person, Role
from switch.pages import audited, event_facts, filters, shell
from switch.pages.language import Language
from switch.pages.shell import PREFIX, render
from switch.reports import access, service
from switch.reports.reading import reading_as_regulator
from switch.writer import event_bodies
from switch.writer.event_kinds import OF_PAYMENTS

router = APIRouter(prefix=PREFIX, include_in_schema=False)

ROWS: Final = 100
SCAN: Final = 20_000
"""Maximum number of events searched for one page: events of people are rare among those of payments."""
_LAST: Final = "SELECT coalesce(max(seq), 0) FROM ledger.event"
_statement: Final = statements("switch.pages")
_SEQ_AT: Final = ledger_statement("seq_at")
_LOG: Final = _statement("log")
_LAST_OF_COUNTRY: Final = "SELECT coalesce(max(seq), 0) FROM regulator.payment_event"
_OF_COUNTRY: Final = _statement("country_log")
Before = Annotated[int | None, Query(ge=1, lt=2**63)]


async def _reader(request: Request, reporting: Reporting) -> Person:
    """The reader of the log; each access is an event, for every role."""
    person = await shell.LOG.viewer(request)
    await audited.note(request, reporting, person)
    return person


@router.get("/log")
async def get_log(  # noqa: PLR0917 - one per filter
    request: Request,
    reporting: Reporting,
    person: Annotated[Person, Depends(_reader)],
    before: Before = None,
    what: Annotated[str, Query(pattern="^(all|people)$")] = "all",
    until: filters.Day = "",
) -> Response:
    """Show a page of the log; with `until`, what happened up to the end of that day."""
    of_country = person.role is Role.REGULATOR
    lang = shell.language_for(request, person)
    before = before or await _end_of(reporting, until)
    if of_country:
        rows, reached = await _of_country(reporting, person.scope, before)
    else:
        rows, reached = await _everything(reporting, before, people=what == "people")
    return render(
        request,
        "log.html",
        person,
        rows=[_row(row, lang) for row in rows],
        lists_changes=shell.APPROVALS.admits(person),
        lists_cases=shell.CASES.admits(person),
        what=what,
        of_country=of_country,
        until=until,
        older=filters.older(request, reached) if reached > 1 else "",
    )


async def _end_of(reporting: service.ReportService, day: str) -> int | None:
    """The event after the last one of a day; None for no day, or if that part of the log is archived."""
    _, end = filters.period("", day)
    if end is None:
        return None
    async with audited.read_only(reporting.reading) as connection:
        last: int | None = await connection.fetchval(_SEQ_AT, end)
    return None if last is None else last + 1


async def _everything(
    reporting: service.ReportService, before: int | None, *, people: bool
) -> tuple[list[asyncpg.Record], int]:
    """Rows, and the event before which the next page begins."""
    async with audited.read_only(reporting.reading) as connection:
        start = before or await connection.fetchval(_LAST) + 1
        rows = await connection.fetch(_LOG, start, people, OF_PAYMENTS, SCAN, ROWS)
    return rows, rows[-1]["seq"] if len(rows) == ROWS else start - SCAN


async def _of_country(
    reporting: service.ReportService, country: str, before: int | None
) -> tuple[list[asyncpg.Record], int]:
    async with reporting.reading.acquire() as connection, reading_as_regulator(connection, country):
        start = before or await connection.fetchval(_LAST_OF_COUNTRY) + 1
        rows = await connection.fetch(_OF_COUNTRY, start, SCAN, ROWS)
    return rows, rows[-1]["seq"] if len(rows) == ROWS else start - SCAN


def _row(row: asyncpg.Record, lang: Language) -> dict[str, Any]:
    facts = event_bodies.read_facts(row["body"])
    return {
        **dict(row),
        "stated": None if row["uetr"] else _uetr(facts),
        "what": lang.event(row["kind"]),
        "who": access.who(facts),
        "facts": event_facts.pairs(facts, lang),
        "change": _change(facts),
        "case": facts.get("case"),
    }


def _change(facts: Mapping[str, Any]) -> int | None:
    """The number of a change that people requested; the set-up of the sandbox has numbers below nought."""
    number = facts.get("change")
    return number if isinstance(number, int) and number > 0 else None


def _uetr(facts: Mapping[str, Any]) -> UUID | None:
    """The UETR in a body, of a payment that has no number in the books."""
    try:
        return UUID(str(facts.get("uetr", "")))
    except ValueError:
        return None
