"""Cost to the sender, compared with the remittance targets of SDG 10.c.

The targets for 2030 are less than 3 % on average, and no corridor above 5 %. The cost is the switch's fee
plus the exchange margin: how far the rate was from the middle of the provider's two quotes. The switch does
not know what banks charge their own customers.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Final

import asyncpg

from schemas.money import Money
from switch.reports.query import Period, ReportQuery, Scope
from switch.reports.sql import statement
from switch.reports.table import (
    ColumnKind,
    Report,
    ReportColumn,
    Row,
    Statistic,
    percent,
    ratio,
    totals_by_currency,
)

NAME: Final = "costs"
AVERAGE_MAX_PPM: Final = 30_000
"""SDG 10.c: 3 % on average."""
CORRIDOR_MAX_PPM: Final = 50_000
"""SDG 10.c: no corridor above 5 %."""
_MILLION: Final = 1_000_000
_ROWS: Final = statement("costs")

COLUMNS: Final = (
    ReportColumn("source"),
    ReportColumn("target"),
    ReportColumn("currency"),
    ReportColumn("payments", ColumnKind.COUNT),
    ReportColumn("debited", ColumnKind.AMOUNT),
    ReportColumn("fees", ColumnKind.AMOUNT),
    ReportColumn("fee_percent", ColumnKind.PERCENT, "Fee %"),
    ReportColumn("exchange_percent", ColumnKind.PERCENT, "Exchange margin %"),
    ReportColumn("cost_percent", ColumnKind.PERCENT, "Total cost %"),
    ReportColumn("within_3_percent", ColumnKind.PERCENT, "Payments at 3 % or less, %"),
    ReportColumn("within_5_percent", ColumnKind.PERCENT, "Payments at 5 % or less, %"),
    ReportColumn("meets_3_percent", ColumnKind.FLAG, "Average below 3 %"),
    ReportColumn("meets_5_percent", ColumnKind.FLAG, "Not above 5 %"),
)


async def rows_of(
    connection: asyncpg.Connection, period: Period, owners: list[str] | None
) -> list[asyncpg.Record]:
    """Rows of `costs.sql`."""
    found: list[asyncpg.Record] = await connection.fetch(
        _ROWS, period.first, period.last, period.as_of, owners
    )
    return found


async def read(connection: asyncpg.Connection, query: ReportQuery, scope: Scope) -> Report:
    """Read the costs of a period."""
    period = await Period.read(connection, query)
    return report(await rows_of(connection, period, await scope.owners(connection)), period, scope)


def report(rows: Sequence[asyncpg.Record], period: Period, scope: Scope) -> Report:
    """Build the report from rows of `costs.sql`; pure."""
    table = tuple(
        corridor_row(corridor, tuple(parts))
        for corridor, parts in groupby(rows, key=lambda row: (row["source"], row["target"], row["currency"]))
    )
    return Report(
        name=NAME,
        title="Cost to the sender (SDG 10.c)",
        parameters={"scope": scope.text, **period.parameters},
        columns=COLUMNS,
        rows=table,
        totals=totals_by_currency(COLUMNS, table, ("payments", "debited", "fees")),
        notes=(
            "SDG 10.c asks for less than 3 % on average and for no corridor above 5 % by 2030.",
            "The exchange margin is the distance of the rate below the middle of the provider's two quotes.",
            "If the provider quotes one direction only, the margin is unknown and counts as zero.",
            "Payments that were returned are not counted, because their fee was returned too.",
            "The switch does not know what banks charge their own customers. Those charges are not included.",
        ),
        statistic=Statistic("COSTS", ("source", "target", "currency"), tuple(c.name for c in COLUMNS[3:])),
    )


def corridor_row(corridor: tuple[str, str, str], parts: Sequence[asyncpg.Record]) -> Row:
    """One corridor from its rows; there is one row for each exchange margin."""
    currency = corridor[2]
    debited, fees = _sum(parts, "debit_minor"), _sum(parts, "fee_minor")
    count = _sum(parts, "payments")
    known = all(part["margin_ppm"] is not None for part in parts)
    lost = sum(part["debit_minor"] * (part["margin_ppm"] or 0) for part in parts)
    cost = fees * _MILLION + lost
    return (
        *corridor,
        count,
        Money(debited, currency),
        Money(fees, currency),
        percent(fees, debited, 4),
        ratio(100 * lost, debited * _MILLION, 4) if known else None,
        ratio(100 * cost, debited * _MILLION, 4),
        percent(_sum(parts, "within_3_percent"), count),
        percent(_sum(parts, "within_5_percent"), count),
        cost < debited * AVERAGE_MAX_PPM,
        cost <= debited * CORRIDOR_MAX_PPM,
    )


def _sum(parts: Iterable[asyncpg.Record], name: str) -> int:
    return sum(part[name] for part in parts)
