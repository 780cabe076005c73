"""Open data: volumes, cost and speed by corridor for one quarter, for the public.

No person or bank can be identified. A corridor with few payments, or between few banks, is not shown. Cells
from which it could be derived by subtraction are not shown either (`suppression`). Only quarters that have
ended are published.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import MAXYEAR, UTC, datetime
from itertools import groupby
from typing import Final

import asyncpg

from schemas.errors import Refused
from schemas.money import Money
from schemas.reasons import Reason
from switch.base.calendars import EARLIEST
from switch.reports import corridors, costs
from switch.reports.query import Period, ReportQuery, Scope
from switch.reports.suppression import TOTAL, Place, hidden, with_totals
from switch.reports.table import Cell, ColumnKind, Report, ReportColumn, Row, Statistic, percent

NAME: Final = "open-data"
PAYMENTS_MIN: Final = 10
BANKS_MIN: Final = 3
"""Minimum on either side: with two banks, each would know the other's numbers."""
_MONTHS: Final = 3

COLUMNS: Final = (
    ReportColumn("source"),
    ReportColumn("target"),
    ReportColumn("payments", ColumnKind.COUNT),
    ReportColumn("currency"),
    ReportColumn("value", ColumnKind.AMOUNT),
    ReportColumn("cost_percent", ColumnKind.PERCENT, "Cost to the sender %"),
    ReportColumn("within_60_s", ColumnKind.PERCENT, "Within 60 s %"),
    ReportColumn("within_1_h", ColumnKind.PERCENT, "Within 1 h %"),
    ReportColumn("banks", ColumnKind.COUNT, "Sending banks"),
    ReportColumn("shown", ColumnKind.FLAG),
)


@dataclass(frozen=True, slots=True)
class QuarterlyCorridor:
    """One corridor in a quarter: committed payments; `value` in minor units of `currency`."""

    payments: int
    currency: str
    value: int
    accepted: int
    within_60_s: int
    within_1_h: int
    debtor_agents: int
    creditor_agents: int
    cost_percent: Cell


def bounds(quarter: str) -> tuple[datetime, datetime]:
    """Beginning and end of `2026-Q4`, in UTC.

    Raises:
        Refused: the year is outside the calendar.

    """
    if not EARLIEST.year <= int(quarter[:4]) < MAXYEAR:
        raise _refused(
            "the calendar has no such quarter", remedy="State a quarter such as 2026-Q4, from 1970 on."
        )
    year, month = int(quarter[:4]), (int(quarter[-1]) - 1) * _MONTHS + 1
    until = (year + 1, 1) if month + _MONTHS > 12 else (year, month + _MONTHS)  # noqa: PLR2004 - months
    return datetime(year, month, 1, tzinfo=UTC), datetime(*until, 1, tzinfo=UTC)


def _refused(text: str, *, remedy: str) -> Refused:
    return Refused(text, reason=Reason.NARRATIVE, path="query.quarter", remedy=remedy)


async def read(connection: asyncpg.Connection, query: ReportQuery, scope: Scope) -> Report:
    """Read the open data of a quarter; the same for every reader.

    Raises:
        Refused: the quarter has not ended.

    """
    assert query.quarter is not None
    since, until = bounds(query.quarter)
    if await connection.fetchval("SELECT clock_timestamp() < $1", until):
        raise _refused(
            "the quarter has not ended", remedy="Ask for an earlier quarter, or for this one after its end."
        )
    period = await Period.read(connection, ReportQuery(since=since, until=until, as_of=query.as_of))
    del scope  # the data is public, so every reader gets the same
    volumes = await corridors.rows_of(connection, period, None)
    return report(query.quarter, volumes, await costs.rows_of(connection, period, None), period.as_of)


def report(
    quarter: str, volumes: Sequence[asyncpg.Record], priced: Sequence[asyncpg.Record], as_of: int
) -> Report:
    """Select the rows of `corridors.sql` and `costs.sql` that may be published; pure."""
    found = _corridors(volumes, priced)
    counts = {place: corridor.payments for place, corridor in found.items()}
    small = frozenset(place for place, corridor in found.items() if _is_small(corridor))
    unseen = hidden(counts, small, PAYMENTS_MIN)
    whole = with_totals(counts)
    return Report(
        name=NAME,
        title="Open data: cross-border payments by corridor",
        parameters={"quarter": quarter, "as_of": str(as_of)},
        columns=COLUMNS,
        rows=tuple(_row(place, found[place], place not in unseen) for place in sorted(found)),
        totals=tuple(
            _total(place, whole[place], place not in unseen) for place in sorted(whole) if TOTAL in place
        ),
        notes=(
            f"Corridors under {PAYMENTS_MIN} payments or {BANKS_MIN} banks on a side are not shown.",
            "Cells from which these could be derived by subtraction are not shown either.",
            "Totals have an empty source, target or both. Cost is the switch's fee plus the exchange margin.",
        ),
        statistic=Statistic(
            "OPEN_DATA", ("source", "target"), tuple(c.name for c in COLUMNS[2:] if c.name != "currency")
        ),
    )


def _corridors(
    volumes: Sequence[asyncpg.Record], priced: Sequence[asyncpg.Record]
) -> Mapping[Place, QuarterlyCorridor]:
    """Corridors with committed payments, by source and target."""
    cost: dict[Place, Cell] = {}
    for corridor, parts in groupby(priced, key=lambda row: (row["source"], row["target"], row["currency"])):
        row = costs.corridor_row(corridor, tuple(parts))
        cost[corridor[:2]] = dict(zip((c.name for c in costs.COLUMNS), row, strict=True))["cost_percent"]
    return {
        (row["source"], row["target"]): QuarterlyCorridor(
            payments=row["committed"],
            currency=row["debit_currency"],
            value=row["debit_minor"],
            accepted=row["payments"] - row["refused"],
            within_60_s=row["within_60_s"],
            within_1_h=row["within_1_h"],
            debtor_agents=row["debtor_agents"],
            creditor_agents=row["creditor_agents"],
            cost_percent=cost.get((row["source"], row["target"])),
        )
        for row in volumes
        if row["committed"]
    }


def _is_small(corridor: QuarterlyCorridor) -> bool:
    return (
        corridor.payments < PAYMENTS_MIN or min(corridor.debtor_agents, corridor.creditor_agents) < BANKS_MIN
    )


def _row(place: Place, corridor: QuarterlyCorridor, shown: bool) -> Row:  # noqa: FBT001 - a cell of the row
    if not shown:
        return *place, None, corridor.currency, None, None, None, None, None, False
    return (
        *place,
        corridor.payments,
        corridor.currency,
        Money(corridor.value, corridor.currency),
        corridor.cost_percent,
        percent(corridor.within_60_s, corridor.accepted),
        percent(corridor.within_1_h, corridor.accepted),
        corridor.debtor_agents,
        True,
    )


def _total(place: Place, payments: int, shown: bool) -> Row:  # noqa: FBT001 - a cell of the row
    return *place, payments if shown else None, None, None, None, None, None, None, shown
