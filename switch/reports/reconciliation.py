"""Reconciliation breaks: differences between a rail's end-of-cycle file and the switch.

The report lists breaks found in the period, and older ones that were still open at its beginning.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import asyncpg

from switch.reports.cells import utc_text
from switch.reports.query import ReportQuery, Scope, elapsed
from switch.reports.sql import statement
from switch.reports.table import ColumnKind, Report, ReportColumn, Row

NAME: Final = "reconciliation"
_ROWS: Final = statement("reconciliation_breaks")

COLUMNS: Final = (
    ReportColumn("rail"),
    ReportColumn("cycle"),
    ReportColumn("uetr", title="UETR"),
    ReportColumn("kind", ours=True),
    ReportColumn("detail", ours=True),
    ReportColumn("found_at", ColumnKind.INSTANT),
    ReportColumn("resolved_at", ColumnKind.INSTANT),
    ReportColumn("age_s", ColumnKind.SECONDS, "Age s"),
    ReportColumn("owner"),
)


async def read(connection: asyncpg.Connection, query: ReportQuery, scope: Scope) -> Report:
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
