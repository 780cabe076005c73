"""Volumes, values and speed by corridor, with the share that was final within 10 s, 60 s and an hour.

Speed is the time from durable acceptance to the final posting, both by the ledger's clock. The G20 roadmap
sets targets for shares within an hour. A payment that is still open counts as slower than all of them.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import asyncpg

from schemas.money import Money
from switch.reports.query import Period, Query, Scope
from switch.reports.sql import statement
from switch.reports.table import Column, Kind, Report, Row, Statistic, percent, totals_by_currency

NAME: Final = "corridors"
_ROWS: Final = statement("corridors")

COLUMNS: Final = (
    Column("source"),
    Column("target"),
    Column("debit_currency"),
    Column("credit_currency"),
    Column("payments", Kind.COUNT),
    Column("committed", Kind.COUNT),
    Column("refused", Kind.COUNT),
    Column("rejected", Kind.COUNT),
    Column("open", Kind.COUNT),
    Column("returned", Kind.COUNT, "Returned later"),
    Column("success", Kind.PERCENT, "Success %"),
    Column("debited", Kind.AMOUNT),
    Column("fees", Kind.AMOUNT),
    Column("debits_returned", Kind.AMOUNT, "of which returned"),
    Column("credited", Kind.AMOUNT),
    Column("within_10_s", Kind.PERCENT, "Within 10 s %"),
    Column("within_60_s", Kind.PERCENT, "Within 60 s %"),
    Column("within_1_h", Kind.PERCENT, "Within 1 h %"),
    Column("p50_s", Kind.SECONDS, "P50 s"),
    Column("p95_s", Kind.SECONDS, "P95 s"),
    Column("p99_s", Kind.SECONDS, "P99 s"),
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


async def read(connection: asyncpg.Connection, query: Query, scope: Scope) -> Report:
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
                "A payment that was returned later counts both as committed and as returned, and so"
                " does its value."
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
