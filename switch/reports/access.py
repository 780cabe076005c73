"""Access and change log: who saw or exported what, and what was changed, as the audited log has it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import asyncpg

from switch.reports.query import Period, Query, Scope
from switch.reports.sql import statement
from switch.reports.table import Column, Kind, Report, Row
from switch.writer.event_kinds import OF_PAYMENTS, EventKind

NAME: Final = "access-log"
_ROWS: Final = statement("access_log")
_NOBODYS: Final = (*OF_PAYMENTS, EventKind.MESSAGE_RECEIVED)
"""Kinds of events that are about payments and messages, and no deed of people."""
_WHO: Final = ("caller", "by", "person", "maker", "checker", "name")
"""Where event bodies say who acted, the first that is there."""

COLUMNS: Final = (
    Column("seq", Kind.COUNT, "Event"),
    Column("at", Kind.INSTANT),
    Column("kind"),
    Column("about", Kind.COUNT),
    Column("who"),
    Column("detail"),
)


async def read(connection: asyncpg.Connection, query: Query, scope: Scope) -> Report:
    """The log of a period."""
    period = await Period.read(connection, query)
    return report(await connection.fetch(_ROWS, period.first, period.last, _NOBODYS), period, scope)


def report(rows: Sequence[asyncpg.Record], period: Period, scope: Scope) -> Report:
    """Rows of `access_log.sql` as the report; pure."""
    return Report(
        name=NAME,
        title="Access and change log",
        parameters={"scope": scope.text, **period.parameters},
        columns=COLUMNS,
        rows=tuple(_row(row) for row in rows),
        notes=("Every line is an event of the audited log and can be proved to any checkpoint.",),
    )


def _row(row: asyncpg.Record) -> Row:
    body: Any = json.loads(row["body"]) if row["body"] else {}
    detail = json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":")) if body else ""
    # Logs that are older than the names of their words have lists of values.
    actor = who(body) if isinstance(body, dict) else ""
    return row["seq"], row["at"], row["kind"], row["number"], actor, detail


def who(body: Mapping[str, Any]) -> str:
    """Who acted, by the body of an event; empty where nobody did."""
    return next((str(body[name]) for name in _WHO if body.get(name)), "")
