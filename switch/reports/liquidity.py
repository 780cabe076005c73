"""Intraday liquidity: the liquidity of each participant, its peak use, and when that was.

Exposure is what a cap must cover: debits, including pending ones, less posted credits. Available liquidity is
the cap less the exposure; prefunding makes the exposure negative at the beginning. Use is the rise of the
exposure since the beginning, in per cent of the liquidity available then. Alerts are the first instants at
which it reached 60, 80 and 95 %.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import asyncpg

from ledger.decoding import AccountChange, CapChange, decode_change
from schemas.money import Money
from switch.reports.query import Period, ReportQuery, Scope
from switch.reports.sql import statement
from switch.reports.table import ColumnKind, Report, ReportColumn, Row, percent, totals_by_currency
from switch.settlement.positions import PostingType, type_of

NAME: Final = "liquidity"
_EXPOSURES: Final = statement("exposures_at")
_STEPS: Final = statement("liquidity_steps")
_AT: Final = "SELECT seq, at FROM ledger.event WHERE seq = ANY ($1)"
_EVENTS_AT_ONCE: Final = 200_000
LEVELS: Final = (60, 80, 95)
"""Use in per cent at which an alert is due."""

COLUMNS: Final = (
    ReportColumn("participant"),
    ReportColumn("account", ours=True),
    ReportColumn("currency"),
    ReportColumn("cap", ColumnKind.AMOUNT, "Net debit cap", part="Use and headroom"),
    ReportColumn("available", ColumnKind.AMOUNT, "Available at the beginning"),
    ReportColumn("peak", ColumnKind.AMOUNT, "Peak use"),
    ReportColumn("peak_percent", ColumnKind.PERCENT, "Peak use %"),
    ReportColumn("peak_at", ColumnKind.INSTANT, "Time of the peak"),
    ReportColumn("headroom", ColumnKind.AMOUNT, "Least headroom"),
    ReportColumn("debits", ColumnKind.AMOUNT, "Gross debits", part="Movements"),
    ReportColumn("credits", ColumnKind.AMOUNT, "Gross credits"),
    ReportColumn("returned", ColumnKind.AMOUNT, "Returned"),
    ReportColumn("funded", ColumnKind.AMOUNT, "Paid in or out"),
    ReportColumn("settled", ColumnKind.AMOUNT, "Settlements"),
    ReportColumn("left", ColumnKind.AMOUNT, "Available at the end"),
    ReportColumn("at_60", ColumnKind.INSTANT, "60 % reached", part="Warning levels"),
    ReportColumn("at_80", ColumnKind.INSTANT, "80 % reached"),
    ReportColumn("at_95", ColumnKind.INSTANT, "95 % reached"),
)
_ADDED: Final = ("debits", "credits", "returned", "funded", "settled")


@dataclass(frozen=True, slots=True)
class Opening:
    """An account at the beginning; amounts in minor units. `available` is None if there is no cap."""

    account: int
    owner: str
    purpose: str
    currency: str
    cap: int | None
    exposure: int

    @property
    def available(self) -> int | None:
        """Amount that could still be debited."""
        return None if self.cap is None else self.cap - self.exposure


async def openings(
    connection: asyncpg.Connection, first: int, last: int, owners: list[str] | None
) -> list[Opening]:
    """Every position that existed at event `last`, with its values after event `first`."""
    return [_opening(row) for row in await connection.fetch(_EXPOSURES, first, owners, last)]


def _opening(row: asyncpg.Record) -> Opening:
    exposure = row["debits_posted"] + row["debits_pending"] - row["credits_posted"]
    return Opening(
        row["account"], row["owner"], row["purpose"], row["currency"], _cap(row["cap_change"]), exposure
    )


def _cap(change: bytes) -> int | None:
    """The cap set by the newest change of an account."""
    found = decode_change(change)
    assert isinstance(found, AccountChange | CapChange)
    return found.cap


@dataclass(slots=True)
class Course:
    """Movement of one position after its opening: minor units, and the numbers of the causing events."""

    thresholds: Sequence[int]
    """Rises at which a level is reached, lowest first; empty if there is no cap."""
    used: int = 0
    peak: int = 0
    peak_seq: int | None = None
    reached: list[int] = field(default_factory=list)
    """Events that reached each of the thresholds so far."""
    debits: int = 0
    """Posted payments, gross; the other types of postings are separate, as nets."""
    credits: int = 0
    other: Counter[PostingType] = field(default_factory=Counter)

    def count(self, of_type: PostingType, debits: int, credits_: int) -> None:
        """Add posted amounts of one type."""
        if of_type is PostingType.PAID:
            self.debits += debits
            self.credits += credits_
        else:
            self.other[of_type] += credits_ - debits

    def rise_to(self, used: int, seq: int) -> None:
        """Record a new peak of use."""
        self.peak, self.peak_seq = used, seq
        while len(self.reached) < len(self.thresholds) and used >= self.thresholds[len(self.reached)]:
            self.reached.append(seq)


def course_of(opening: Opening) -> Course:
    """The course of a position that has not moved yet."""
    available = opening.available
    return Course(() if available is None else [-(-available * level // 100) for level in LEVELS])


def follow(courses: Mapping[int, Course], steps: Iterable[tuple[int, int, int]]) -> None:
    """Apply steps to positions: event, account, change of its exposure. This is the hot loop of a day."""
    for seq, account, change in steps:
        course = courses[account]
        used = course.used = course.used + change
        if used > course.peak:
            course.rise_to(used, seq)


async def courses(
    connection: asyncpg.Connection, opened: Sequence[Opening], first: int, last: int
) -> dict[int, Course]:
    """Follow positions through a part of the log, in batches of events; by account."""
    found = {opening.account: course_of(opening) for opening in opened}
    accounts = list(found)
    for start in range(first, last, _EVENTS_AT_ONCE):
        row = await connection.fetchrow(_STEPS, start, min(last, start + _EVENTS_AT_ONCE), accounts)
        follow(found, zip(row["seqs"] or (), row["accounts"] or (), row["changes"] or (), strict=True))
        sums = (row[name] or () for name in ("posted", "purposes", "corrects", "debits", "credits"))
        for account, purpose, corrects, debits, credits_ in zip(*sums, strict=True):
            found[account].count(type_of(purpose, corrects=corrects), debits, credits_)
    return found


async def read(connection: asyncpg.Connection, query: ReportQuery, scope: Scope) -> Report:
    """Read the liquidity of a period."""
    period = await Period.read(connection, query)
    opened = await openings(connection, period.first, period.last, await scope.owners(connection))
    found = await courses(connection, opened, period.first, period.last)
    seqs = {seq for course in found.values() for seq in (course.peak_seq, *course.reached) if seq is not None}
    times = {row["seq"]: row["at"] for row in await connection.fetch(_AT, list(seqs))}
    return report(opened, found, times, period, scope)


def report(
    opened: Sequence[Opening],
    found: Mapping[int, Course],
    times: Mapping[int, datetime],
    period: Period,
    scope: Scope,
) -> Report:
    """Build the report from openings and courses by account, and the times of events; pure."""
    rows = tuple(_row(opening, found[opening.account], times) for opening in opened)
    return Report(
        name=NAME,
        title="Intraday liquidity",
        parameters={"scope": scope.text, **period.parameters},
        columns=COLUMNS,
        rows=rows,
        totals=totals_by_currency(COLUMNS, rows, _ADDED),
        notes=(
            "Use is debits, including pending ones, less posted credits, since the beginning of the period.",
            "Gross debits and credits are payments. Funds paid in or out, and settlements, are separate.",
            (
                "Percentages are of the liquidity available at the beginning, without later changes or"
                " payments in."
            ),
        ),
    )


def _row(opening: Opening, course: Course, times: Mapping[int, datetime]) -> Row:
    def money(minor: int | None) -> Money | None:
        return None if minor is None else Money(minor, opening.currency)

    available = opening.available
    reached = [times[seq] for seq in course.reached]
    return (
        opening.owner,
        opening.purpose,
        opening.currency,
        money(opening.cap),
        money(available),
        money(course.peak),
        percent(course.peak, available) if available else None,
        None if course.peak_seq is None else times[course.peak_seq],
        money(None if available is None else available - course.peak),
        money(course.debits),
        money(course.credits),
        *(
            money(course.other[each])
            for each in (PostingType.RETURNED, PostingType.FUNDED, PostingType.SETTLED)
        ),
        money(None if available is None else available - course.used),
        *reached,
        *[None] * (len(LEVELS) - len(reached)),
    )
