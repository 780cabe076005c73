"""Reconciliation breaks: differences between a rail's end-of-cycle file and the switch.

The report lists breaks found in the period, and older ones that were still open at its beginning.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import asyncpg

from switch.reports.cells import utc_text
from switch.reports.query import Query, Scope, elapsed
from switch.reports.sql import statement
from switch.reports.table import Column, Kind, Report, Row

NAME: Final = "reconciliation"
_ROWS: Final = statement("reconciliation_breaks")

COLUMNS: Final = (
    Column("rail"),
    Column("cycle"),
    Column("uetr", title="UETR"),
    Column("kind", ours=True),
    Column("detail"),
    Column("found_at", Kind.INSTANT),
    Column("resolved_at", Kind.INSTANT),
    Column("age_s", Kind.SECONDS, "Age s"),
    Column("owner"),
)


async def read(connection: asyncpg.Connection, query: Query, scope: Scope) -> Report:
    """Read the breaks of a period; a country's regulator sees those of its rail."""
    since, until = await elapsed(connection, query)
    rows = await connection.fetch(_ROWS, since, until, scope.country)
    return report(rows, since, until, scope)


def report(rows: Sequence[asyncpg.Record], since: datetime, until: datetime, scope: Scope) -> Report:
    """Build the report from rows; pure. Ages end at the resolution, or at the end of the period."""
    table: tuple[Row, ...] = tuple(
        (
            row["rail"],
            str(row["cycle"]),
            row["uetr"],
            row["kind"],
            row["detail"],
            row["found_at"],
            row["resolved_at"],
            (row["resolved_at"] or until) - row["found_at"],
            row["owner"],
        )
        for row in rows
    )
    return Report(
        name=NAME,
        title="Reconciliation breaks",
        parameters={"scope": scope.text, "since": utc_text(since), "until": utc_text(until)},
        columns=COLUMNS,
        rows=table,
        notes=(
            (
                "Ages are from the finding to the resolution, to the end of the period, or to now,"
                " whichever is first."
            ),
        ),
    )
