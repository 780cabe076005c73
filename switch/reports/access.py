"""Access and change log: who read or exported data, and what was changed, from the audited log."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import asyncpg

from switch.reports.query import Period, ReportQuery, Scope
from switch.reports.sql import statement
from switch.reports.table import ColumnKind, Report, ReportColumn, Row
from switch.writer import event_bodies
from switch.writer.event_kinds import OF_PAYMENTS, EventKind

NAME: Final = "access-log"
_ROWS: Final = statement("access_log")
_NOBODYS: Final = (*OF_PAYMENTS, EventKind.MESSAGE_RECEIVED)
"""Kinds of events about payments and messages: they are not actions of people."""
_WHO: Final = ("caller", "by", "person", "maker", "checker", "name")
"""Keys of event bodies that state who acted; the first one that is present counts."""

COLUMNS: Final = (
    ReportColumn("seq", ColumnKind.COUNT, "Event"),
    ReportColumn("at", ColumnKind.INSTANT),
    ReportColumn("kind", ours=True),
    ReportColumn("about", ColumnKind.COUNT),
    ReportColumn("who"),
    ReportColumn("detail"),
)


async def read(connection: asyncpg.Connection, query: ReportQuery, scope: Scope) -> Report:
    """Read the log of a period."""
    period = await Period.read(connection, query)
    return report(await connection.fetch(_ROWS, period.first, period.last, _NOBODYS), period, scope)


def report(rows: Sequence[asyncpg.Record], period: Period, scope: Scope) -> Report:
    """Build the report from rows of `access_log.sql`; pure."""
    return Report(
        name=NAME,
        title="Access and change log",
        parameters={"scope": scope.text, **period.parameters},
        columns=COLUMNS,
        rows=tuple(_row(row) for row in rows),
        notes=("Every line is an event of the audited log and can be proved to any checkpoint.",),
    )


def _row(row: asyncpg.Record) -> Row:
    body: Any = event_bodies.read(row["body"])
    detail = json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":")) if body else ""
    actor = who(body) if isinstance(body, dict) else ""
    return row["seq"], row["at"], row["kind"], row["number"], actor, detail


def who(body: Mapping[str, Any]) -> str:
    """Return who acted according to the body of an event; empty if no one did. A person needs no prefix."""
    return next((str(body[name]).removeprefix("person:") for name in _WHO if body.get(name)), "")
