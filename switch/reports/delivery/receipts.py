"""What people and programs read of destinations, schedules and deliveries; no address has a secret in it."""

import json
from datetime import datetime
from typing import Any, Final

import asyncpg

from switch.base.sql import statements

_statement: Final = statements("switch.reports.delivery")
_DESTINATIONS: Final = _statement("read_destinations")
_SCHEDULES: Final = _statement("read_schedules")
_DELIVERIES: Final = _statement("report_deliveries")
_LATE: Final = _statement("late_report_deliveries")
_FAILING: Final = "SELECT count(*) FROM switch.report_schedule WHERE fault <> '' AND removed_at IS NULL"


async def destinations(pool: asyncpg.Pool | asyncpg.Connection) -> list[dict[str, Any]]:
    """The destinations in force."""
    return [dict(row) for row in await pool.fetch(_DESTINATIONS)]


async def schedules(pool: asyncpg.Pool | asyncpg.Connection) -> list[dict[str, Any]]:
    """The schedules in force, each with why its last report could not be made, if so."""
    rows = await pool.fetch(_SCHEDULES)
    return [{**row, "parameters": json.loads(row["parameters"])} for row in rows]


async def deliveries(
    pool: asyncpg.Pool | asyncpg.Connection,
    limit: int,
    *,
    before: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[dict[str, Any]]:
    """Reports made by schedule from `since` on, before `until`; newest first, with their receipts."""
    rows = await pool.fetch(_DELIVERIES, limit, before, since, until)
    return [
        {
            **_shown(row),
            "sha256": row["sha256"].hex(),
            "file_sha256": row["file_sha256"].hex(),
            "state": _state(row),
        }
        for row in rows
    ]


async def late(pool: asyncpg.Pool) -> list[asyncpg.Record]:
    """Of each destination: numbers `waiting` and `given_up`, and the age of the oldest that waits."""
    found: list[asyncpg.Record] = await pool.fetch(_LATE)
    return found


async def failing(pool: asyncpg.Pool) -> int:
    """Number of schedules whose last report could not be made."""
    found: int = await pool.fetchval(_FAILING)
    return found


def _shown(row: asyncpg.Record) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "again_by"}


def _state(row: asyncpg.Record) -> str:
    if row["again_by"] is not None:
        return "waiting"
    if row["delivered_at"] is not None:
        return "delivered"
    return "waiting" if row["given_up_at"] is None else "given up"
