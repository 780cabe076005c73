"""Gauges about the database and its disks. Only the caretaker exports them, so none must be summed."""

import shutil
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

import asyncpg

from ledger import backup, migrate, positions
from switch.base import calendars, metrics
from switch.base.settings import Settings
from switch.payments import reach
from switch.payments.rails import Rails
from switch.settlement import reads
from switch.writer.lifecycle import State

EVERY_S: Final = 2.0
SLOWLY_EVERY_S: Final = 15.0

BREAK_KINDS: Final = (
    "credited_unknown_here",
    "credited_but_aborted",
    "refused_but_committed",
    "another_amount",
    "missing_at_rail",
)

_IN_FLIGHT: Final = """
SELECT r.country, s.state, count(o.number) AS n,
       coalesce(extract(epoch FROM clock_timestamp() - min(o.entered_at)), 0)::float8 AS age
FROM switch.rail AS r CROSS JOIN (VALUES ('RESERVED'), ('SENT'), ('UNKNOWN')) AS s (state)
LEFT JOIN switch.open_payment AS o ON o.rail = r.country AND o.state = s.state GROUP BY 1, 2
"""
_UNCOVERED: Final = """
SELECT coalesce((
    SELECT extract(epoch FROM clock_timestamp() - at) FROM ledger.event
    WHERE seq = 1 + (SELECT coalesce(max(size), 0) FROM ledger.checkpoint)
), 0)::float8
"""
OUTBOX: Final = """
SELECT 'audit_note' AS topic, count(*) AS n,
       coalesce(extract(epoch FROM clock_timestamp() - min(at)), 0)::float8 AS age
FROM switch.audit_note WHERE seq IS NULL
UNION ALL
SELECT 'webhook', d.n, coalesce(extract(epoch FROM clock_timestamp() - (
           SELECT at FROM ledger.event WHERE seq = d.first)), 0)::float8
FROM (SELECT count(*) AS n, min(d.seq) AS first
      FROM switch.webhook_delivery AS d JOIN switch.webhook AS w ON w.id = d.webhook
      WHERE d.due_at IS NOT NULL AND d.seq > 0 AND w.disabled = '') AS d
UNION ALL
SELECT 'correspondence', count(*), coalesce(extract(epoch FROM clock_timestamp() - min(at)), 0)::float8
FROM (SELECT at, made FROM switch.correspondence ORDER BY seq DESC LIMIT 1000) AS newest
WHERE made >= pg_snapshot_xmin(pg_current_snapshot()) -- its receiver cannot see it yet
"""
_BREAKS: Final = """
SELECT r.country, k.kind, count(b.id) AS n
FROM switch.rail AS r CROSS JOIN unnest($1::text[]) AS k (kind)
LEFT JOIN switch.reconciliation_break AS b
       ON b.rail = r.country AND b.kind = k.kind AND b.resolved_at IS NULL
GROUP BY 1, 2
"""
_SETTLEMENTS: Final = """
SELECT s.state, coalesce(extract(epoch FROM clock_timestamp() - min(u.since)), 0)::float8 AS age
FROM (VALUES ('CLOSED'), ('CONFIRMED'), ('SETTLING')) AS s (state)
LEFT JOIN (
    SELECT state, changed_at AS since FROM switch.settlement WHERE state NOT IN ('SETTLED', 'ABORTED')
    UNION ALL
    SELECT 'CLOSED', w.closed_at FROM ledger.settlement_window AS w
    WHERE w.closed_at IS NOT NULL
      AND NOT EXISTS (SELECT FROM switch.settlement AS s WHERE s.settlement_window = w.number)
) AS u USING (state) GROUP BY 1
"""
_OPEN_WINDOW: Final = """
SELECT opened_at, clock_timestamp() AS now FROM ledger.settlement_window
WHERE currency = $1 AND closing_seq IS NULL
"""
ARCHIVER: Final = """
SELECT coalesce(last_failed_time > coalesce(last_archived_time, '-infinity'), false) FROM pg_stat_archiver
"""


async def state(pool: asyncpg.Pool) -> None:
    """Set the gauges that change with every payment; the timestamp is set last, so it covers all of them."""
    for row in await pool.fetch(_IN_FLIGHT):
        metrics.IN_FLIGHT.labels(row["country"], row["state"]).set(row["n"])
        if row["state"] == State.UNKNOWN:
            metrics.UNKNOWN_AGE.labels(row["country"]).set(row["age"])
    for position in await positions.read(pool):
        if position.headroom is not None:
            metrics.HEADROOM.labels(position.owner, position.currency).set(position.headroom)
    for currency, imbalance in (await positions.imbalance(pool)).items():
        metrics.IMBALANCE.labels(currency).set(imbalance)
    metrics.FROZEN.set(await pool.fetchval("SELECT count(*) FROM switch.freeze"))
    metrics.CHECKPOINT_AGE.set(await uncovered_s(pool))
    metrics.FACTS_AT.set(time.time())


async def state_slowly(pool: asyncpg.Pool, settings: Settings, known: Rails) -> None:
    """Set the gauges that change slowly, over minutes and hours."""
    _state_build()
    _state_disks(settings)
    await _state_clock(pool)
    for topic, rows, age in await pool.fetch(OUTBOX):
        metrics.OUTBOX_ROWS.labels(topic).set(rows)
        metrics.OUTBOX_AGE.labels(topic).set(age)
    for rail, kind, count in await pool.fetch(_BREAKS, BREAK_KINDS):
        metrics.BREAKS.labels(rail, kind).set(count)
    for country, rail in known.items():
        metrics.RAIL_IDS_USED.labels(country).set(await rail.serials.used(datetime.now(UTC)))
    for country, seen in (await reach.read(pool, known)).items():
        metrics.RAIL_REACHABLE.labels(country).set(seen.reachable is True)
    for state_, age in await pool.fetch(_SETTLEMENTS):
        metrics.SETTLEMENT_AGE.labels(state_).set(age)
    await _state_windows(pool)
    metrics.WAL_ARCHIVE_FAILING.set(await pool.fetchval(ARCHIVER))


def _state_build() -> None:
    """Export the running version, its schema version, and the service level objectives."""
    schema = migrate.migrations("switch")[-1].name.removesuffix(".sql")
    metrics.BUILD.labels(version("payswitch"), schema).set(1)
    for objective, (ratio, within_s) in metrics.OBJECTIVES.items():
        metrics.SLO_TARGET.labels(objective).set(ratio)
        if within_s is not None:
            metrics.SLO_WITHIN.labels(objective).set(within_s)


def places(settings: Settings) -> dict[str, Path]:
    """Directories that need free space; a remote database has its log elsewhere."""
    known = {
        "data": settings.data,
        "pg_wal": settings.data / "postgres" / "pg_wal",
        "backups": settings.backups,
    }
    return {place: directory for place, directory in known.items() if directory and directory.exists()}


async def uncovered_s(connection: asyncpg.Connection | asyncpg.Pool) -> float:
    """Age of the oldest event that no signed checkpoint covers, in seconds; 0 if all are covered."""
    age: float = await connection.fetchval(_UNCOVERED)
    return age


async def clock_offset(connection: asyncpg.Connection) -> float:
    """Our clock less the database's, in seconds, measured at the middle of the query."""
    before = time.time()
    theirs: float = await connection.fetchval("SELECT extract(epoch FROM clock_timestamp())::float8")
    return (before + time.time()) / 2 - theirs


def _state_disks(settings: Settings) -> None:
    """Export free disk space, and the age of the newest backup."""
    if settings.backups is not None:
        metrics.BACKUP_AGE.labels("base").set(_backup_age(settings.backups))
    for place, directory in places(settings).items():
        usage = shutil.disk_usage(directory)
        metrics.DISK_FREE.labels(place).set(usage.free)
        metrics.DISK_SIZE.labels(place).set(usage.total)


def _backup_age(directory: Path) -> float:
    found = backup.read(directory)
    return (datetime.now(UTC) - found[-1].ended_at).total_seconds() if found else float("inf")


async def _state_clock(pool: asyncpg.Pool) -> None:
    """Compare our clock with the database's."""
    async with pool.acquire() as connection:
        metrics.CLOCK_OFFSET.set(await clock_offset(connection))


async def _state_windows(pool: asyncpg.Pool) -> None:
    """Export by how much each scheduled window is past its cut-off."""
    for schedule in await reads.schedules(pool):
        row = await pool.fetchrow(_OPEN_WINDOW, schedule.currency)
        overdue = 0.0
        if row is not None and schedule.enabled:
            calendar = await calendars.load(pool, schedule.currency)
            cut_off = calendar.next_close(schedule.closes_at, row["opened_at"])
            overdue = max(0.0, (row["now"] - cut_off).total_seconds())
        metrics.WINDOW_OVERDUE.labels(schedule.currency).set(overdue)
