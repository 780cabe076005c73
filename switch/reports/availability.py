"""Availability of each service in a period, measured by probes: accepting, deciding, each rail.

The result of a probe counts until the next probe. Time without probes is not counted: the observed time is
reported beside the percentage. The target is the project's service level, 99.95 % per quarter.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

import asyncpg

from switch.reports.cells import utc_text
from switch.reports.query import ReportQuery, Scope, elapsed
from switch.reports.sql import statement
from switch.reports.table import ColumnKind, Report, ReportColumn, Row, Statistic, percent

NAME: Final = "availability"
TARGET: Final = Decimal("99.95")
_ROWS: Final = statement("probes")
_MICROSECOND: Final = timedelta(microseconds=1)

COLUMNS: Final = (
    ReportColumn("service"),
    ReportColumn("availability", ColumnKind.PERCENT, "Availability %"),
    ReportColumn("target", ColumnKind.PERCENT, "Target %"),
    ReportColumn("met", ColumnKind.FLAG, "Target met"),
    ReportColumn("looks", ColumnKind.COUNT, "Probes"),
    ReportColumn("failed", ColumnKind.COUNT, "Failed probes"),
    ReportColumn("incidents", ColumnKind.COUNT),
    ReportColumn("down_s", ColumnKind.SECONDS, "Down s"),
    ReportColumn("longest_s", ColumnKind.SECONDS, "Longest incident s"),
    ReportColumn("observed_s", ColumnKind.SECONDS, "Observed s"),
    ReportColumn("observed", ColumnKind.PERCENT, "Observed % of the period"),
    ReportColumn("p99_s", ColumnKind.SECONDS, "P99 response s"),
)


async def read(connection: asyncpg.Connection, query: ReportQuery, scope: Scope) -> Report:
    """Read the availability of a period."""
    since, until = await elapsed(connection, query)
    rows = await connection.fetch(_ROWS, since, until)
    return report(rows, since, until, scope)


def report(rows: Sequence[asyncpg.Record], since: datetime, until: datetime, scope: Scope) -> Report:
    """Build the report from rows of `probes.sql`; pure. A country's regulator sees only its own rail."""
    return Report(
        name=NAME,
        title="Availability of services",
        parameters={"scope": scope.text, "since": utc_text(since), "until": utc_text(until)},
        columns=COLUMNS,
        rows=tuple(_row(row, until - since) for row in rows if _is_for(row["service"], scope)),
        notes=(
            (
                "A probe counts until the next one, for at most three times its interval. Time after that is"
                " not observed."
            ),
            "accept: the API responds; decide: the writer decides; rail-CC: the rail responds.",
        ),
        statistic=Statistic("AVAILABILITY", ("service",), tuple(column.name for column in COLUMNS[1:])),
    )


def _is_for(service: str, scope: Scope) -> bool:
    return scope.everything or not service.startswith("rail-") or service == f"rail-{scope.country}"


def _row(row: asyncpg.Record, period: timedelta) -> Row:
    observed, down = row["observed"] // _MICROSECOND, row["down"] // _MICROSECOND
    available = percent(observed - down, observed, 4)
    return (
        row["service"],
        available,
        TARGET,
        None if available is None else available >= TARGET,
        row["looks"],
        row["failed"],
        row["incidents"],
        row["down"],
        row["longest"],
        row["observed"],
        percent(observed, period // _MICROSECOND),
        None if row["p99_micros"] is None else timedelta(microseconds=row["p99_micros"]),
    )
