"""A participant's accounts: position, headroom, and statements."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final
from urllib.parse import urlencode

import asyncpg
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from ledger import positions
from ledger.positions import Position
from ledger.sql import statement as ledger_statement
from schemas.money import Money
from switch.base.sql import statements
from switch.pages import debts, language, reports
from switch.pages.own import BASE, Member
from switch.pages.shell import PREFIX, Switch, render
from switch.reports import account_statement, catalogue, liquidity
from switch.reports.reading import reading
from switch.writer.limits import Limit

router = APIRouter(prefix=PREFIX + BASE, include_in_schema=False)

FOLLOWED_MAX: Final = 300_000
"""Maximum number of events searched for the peak of a day; for a busier day the page links to the report."""
_WINDOWS_MAX: Final = 20
_SEQ_AT: Final = ledger_statement("seq_at")
_AT: Final = "SELECT at FROM ledger.event WHERE seq = $1"
_statement: Final = statements("switch.pages")
_LIMITS: Final = _statement("own_limits")
_WINDOWS: Final = _statement("closed_windows")


@dataclass(frozen=True, slots=True)
class Peak:
    """Peak use of a position today; `at` is None if it never exceeded the use at the beginning."""

    money: Money
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Holding:
    """One account, for its owner."""

    position: Position
    limit: Limit
    used: int
    """Minor units sent today, if there is a limit per day."""
    peak: Peak | None
    """None if the day has too many events to search."""

    def money(self, minor: int | None) -> Money | None:
        """An amount of this account; None stays None."""
        return None if minor is None else Money(minor, self.position.currency)

    @property
    def in_use_percent(self) -> int | None:
        """Used share of the amount that can be debited; None without a cap or without funds."""
        headroom = self.position.headroom
        in_use = max(0, self.position.debits_pending - min(0, self.position.net))
        if headroom is None or headroom + in_use <= 0:
            return None
        return 100 * in_use // (headroom + in_use)


@router.get("/position")
async def get_position(request: Request, switch: Switch, person: Member) -> Response:
    """Show every account: posted, reserved, headroom, limits and the day's peak."""
    found = await holdings(switch.reading, person.scope)
    today = datetime.now(UTC).date()
    report = {"since": today, "until": today + timedelta(days=1), "show": 1}
    return render(
        request,
        "own_position.html",
        person,
        holdings=found,
        dues=await debts.of_participant(switch.reading, person.scope, language.of(request)),
        report=f"{PREFIX}/reports/{liquidity.NAME}?{urlencode(report)}",
    )


async def holdings(pool: asyncpg.Pool, participant: str) -> list[Holding]:
    """A participant's accounts, with its limits and the peaks of this day, UTC."""
    found = await positions.read(pool, participant)
    limits = {row["currency"]: row for row in await pool.fetch(_LIMITS, participant)}
    peaks = await _peaks(pool, participant)
    return [
        Holding(p, *_limit(limits.get(p.currency)), None if peaks is None else _peak(peaks, p))
        for p in sorted(found, key=order)
        if not p.closed
    ]


def order(position: Position) -> tuple[str, bool]:
    """By currency, what is settled net first: that is what most payments are."""
    return position.currency, position.purpose != "position"


def _limit(row: asyncpg.Record | None) -> tuple[Limit, int]:
    if row is None:
        return Limit(None, None), 0
    return Limit(row["per_payment"], row["per_day"]), row["used"]


def _peak(peaks: dict[int, Peak], position: Position) -> Peak:
    return peaks.get(position.account, Peak(Money(0, position.currency), None))


async def _peaks(pool: asyncpg.Pool, participant: str) -> dict[int, Peak] | None:
    """Peaks of today by account; None if there are too many events to search."""
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    async with pool.acquire() as connection, reading(connection):
        first = await connection.fetchval(_SEQ_AT, midnight)
        last = await connection.fetchval("SELECT next_seq - 1 FROM ledger.head")
        if first is None or last - first > FOLLOWED_MAX:
            return None
        opened = await liquidity.openings(connection, first, last, [participant])
        courses = await liquidity.courses(connection, opened, first, last)
        return {
            opening.account: Peak(
                Money(course.peak, opening.currency),
                await connection.fetchval(_AT, course.peak_seq) if course.peak_seq else None,
            )
            for opening in opened
            for course in (courses[opening.account],)
        }


@router.get("/statements")
async def get_statements(
    request: Request,
    switch: Switch,
    person: Member,
    before: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
) -> Response:
    """List the statements of every account, and every report that a participant may request."""
    found = [p for p in await positions.read(switch.reading, person.scope) if not p.closed]
    currencies = sorted({p.currency for p in found})
    read = await switch.reading.fetch(_WINDOWS, currencies, _WINDOWS_MAX + 1, before)
    windows = read[:_WINDOWS_MAX]
    today, code = datetime.now(UTC).date(), language.of(request).code
    period = {"since": str(today), "until": str(today + timedelta(days=1)), "participant": person.scope}
    return render(
        request,
        "own_statements.html",
        person,
        older=windows[-1]["number"] if len(read) > _WINDOWS_MAX else None,
        base=PREFIX + BASE,
        accounts=[
            (
                currency,
                _links(account_statement.ACCOUNT_REPORT, {**period, "currency": currency}, code),
                _links(account_statement.NOTIFICATIONS, {**period, "currency": currency}, code),
            )
            for currency in currencies
        ],
        windows=[
            (
                row,
                _links(
                    account_statement.STATEMENT,
                    {"window": str(row["number"]), "participant": person.scope},
                    code,
                ),
            )
            for row in windows
        ],
        reports=[
            report
            for report in catalogue.CATALOGUE.values()
            if catalogue.Audience.PARTICIPANT in report.audience
        ],
    )


def _links(name: str, given: dict[str, str], code: str) -> list[tuple[str, str]]:
    """Name and address of a report's page and of each of its files."""
    days = {key: f"{value}T00:00:00+00:00" for key, value in given.items() if key in {"since", "until"}}
    files = reports.files(name, {**given, **days}, code)
    return [("", f"{PREFIX}/reports/{name}?{urlencode({**given, 'show': '1'})}"), *files]
