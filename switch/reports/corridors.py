"""Volumes, values and speed by corridor, with the share that was final within 10 s, 60 s and an hour.

Speed is the time from durable acceptance to the final posting, both by the ledger's clock. The G20 roadmap
sets targets for shares within an hour. A payment that is still open counts as slower than all of them.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import asyncpg

from schemas.money import Money
from switch.reports.query import Period, ReportQuery, Scope
from switch.reports.sql import statement
from switch.reports.table import ColumnKind, Report, ReportColumn, Row, Statistic, percent, totals_by_currency

NAME: Final = "corridors"
_ROWS: Final = statement("corridors")

COLUMNS: Final = (
    ReportColumn("source"),
    ReportColumn("target"),
    ReportColumn("debit_currency"),
    ReportColumn("credit_currency"),
    ReportColumn("payments", ColumnKind.COUNT, part="Number of payments"),
    ReportColumn("committed", ColumnKind.COUNT),
    ReportColumn("refused", ColumnKind.COUNT),
    ReportColumn("rejected", ColumnKind.COUNT),
    ReportColumn("open", ColumnKind.COUNT, "Not final yet"),
    ReportColumn("returned", ColumnKind.COUNT, "Returned later"),
    ReportColumn("success", ColumnKind.PERCENT, "Success %"),
    ReportColumn("debited", ColumnKind.AMOUNT, part="Value"),
    ReportColumn("fees", ColumnKind.AMOUNT),
    ReportColumn("debits_returned", ColumnKind.AMOUNT, "of which returned"),
    ReportColumn("credited", ColumnKind.AMOUNT),
    ReportColumn("within_10_s", ColumnKind.PERCENT, "Within 10 s %", part="Speed"),
    ReportColumn("within_60_s", ColumnKind.PERCENT, "Within 60 s %"),
    ReportColumn("within_1_h", ColumnKind.PERCENT, "Within 1 h %"),
    ReportColumn("p50_s", ColumnKind.SECONDS, "P50 s"),
    ReportColumn("p95_s", ColumnKind.SECONDS, "P95 s"),
    ReportColumn("p99_s", ColumnKind.SECONDS, "P99 s"),
)
_COUNTS: Final = ("payments", "committed", "refused", "rejected", "open", "returned")


async def rows_of(
    connection: asyncpg.Connection, period: Period, owners: list[str] | None
) -> list[asyncpg.Record]:
    """Rows of `corridors.sql`."""
    found: list[asyncpg.Record] = await connection.fetch(
        _ROWS, period.first, period.last, period.as_of, owners
    )
    return found


async def read(connection: asyncpg.Connection, query: ReportQuery, scope: Scope) -> Report:
    """Read the corridors of a period."""
    period = await Period.read(connection, query)
    return report(await rows_of(connection, period, await scope.owners(connection)), period, scope)


def report(rows: Sequence[asyncpg.Record], period: Period, scope: Scope) -> Report:
    """Build the report from rows of `corridors.sql`; pure."""
    table = tuple(_row(row) for row in rows)
    return Report(
        name=NAME,
        title="Volumes, values and speed by corridor",
        parameters={"scope": scope.text, **period.parameters},
        columns=COLUMNS,
        rows=table,
        totals=totals_by_currency(COLUMNS, table, (*_COUNTS, "debited", "fees", "debits_returned")),
        notes=(
            (
                "Values and speed are of committed payments. Speed is the time from acceptance to the"
                " final posting."
            ),
            "Shares are of accepted payments. A payment that is still open counts as outside every limit.",
            (
                "A payment counts both as committed and as returned once all that was credited has come"
                " back, in full or in parts. The value returned is what debtors got back, by parts too."
            ),
            (
                "A payment to an agent that the switch does not know has no target. Refused payments"
                " move no money."
            ),
        ),
        statistic=Statistic(
            "CORRIDORS",
            ("source", "target", "debit_currency", "credit_currency"),
            tuple(column.name for column in COLUMNS[4:]),
        ),
    )


def _row(row: asyncpg.Record) -> Row:
    accepted = row["payments"] - row["refused"]
    p50, p95, p99 = (_seconds(micros) for micros in row["percentiles"] or (None, None, None))
    debit, credit = row["debit_currency"], row["credit_currency"]
    return (
        row["source"],
        row["target"],
        debit,
        credit,
        *(row[name] for name in _COUNTS),
        percent(row["committed"], row["payments"]),
        Money(row["debit_minor"], debit) if debit else None,
        Money(row["fee_minor"], debit) if debit else None,
        Money(row["returned_minor"], debit) if debit else None,
        Money(row["credit_minor"], credit) if credit else None,
        percent(row["within_10_s"], accepted),
        percent(row["within_60_s"], accepted),
        percent(row["within_1_h"], accepted),
        p50,
        p95,
        p99,
    )


def _seconds(micros: int | None) -> timedelta | None:
    return None if micros is None else timedelta(microseconds=micros)
