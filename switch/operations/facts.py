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
from switch.base.sql import statements
from switch.cases import reading as cases
from switch.operations import certificates, witnesses
from switch.payments import reach
from switch.payments.rails import Rails
from switch.reports.delivery import receipts
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
    "returned_by_rail",
)

_statement: Final = statements("switch.operations")
_IN_FLIGHT: Final = _statement("in_flight")
_UNCOVERED: Final = _statement("uncovered_age")
OUTBOX: Final = _statement("outbox")
DUE: Final = _statement("due_queues")
_BREAKS: Final = _statement("breaks_by_kind")
_SETTLEMENTS: Final = _statement("settlement_ages")
_ORDERS: Final = _statement("inbound_queues")
_FILES: Final = _statement("payment_file_queues")
_FILE_LINES: Final = _statement("payment_file_lines_by_state")
_HELD_LINES: Final = _statement("held_lines")
_RATE_AGES: Final = _statement("rate_ages")
_LIST_AGES: Final = _statement("screening_list_ages")
_OPEN_WINDOW: Final = statements("switch.settlement")("open_window")
ARCHIVER: Final = _statement("is_archiver_failing")


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
    metrics.CLOSED.set(await pool.fetchval("SELECT count(*) FROM switch.closed"))
    metrics.CHECKPOINT_AGE.set(await uncovered_s(pool))
    metrics.FACTS_AT.set(time.time())


async def state_slowly(pool: asyncpg.Pool, settings: Settings, known: Rails) -> None:
    """Set the gauges that change slowly, over minutes and hours."""
    _state_build()
    _state_disks(settings)
    _state_certificates(settings)
    await _state_clock(pool)
    for topic, rows, age in [*await pool.fetch(OUTBOX), *await pool.fetch(DUE)]:
        metrics.OUTBOX_ROWS.labels(topic).set(rows)
        metrics.OUTBOX_AGE.labels(topic).set(age)
    for rail, kind, count in await pool.fetch(_BREAKS, BREAK_KINDS):
        metrics.BREAKS.labels(rail, kind).set(count)
    for country, rail in known.items():
        metrics.RAIL_IDS_USED.labels(country).set(await rail.serials.used(datetime.now(UTC)))
    for country, seen in (await reach.read(pool, known)).items():
        metrics.RAIL_REACHABLE.labels(country).set(seen.reachable is True)
    await state_settlements(pool)
    await state_cases(pool)
    await state_reports(pool)
    await state_orders(pool)
    await state_files(pool)
    await state_rates(pool)
    await state_lists(pool)
    await _state_witnesses(pool, settings)
    metrics.WAL_ARCHIVE_FAILING.set(await pool.fetchval(ARCHIVER))


async def state_settlements(pool: asyncpg.Pool) -> None:
    """Export settlements that are not final, lines that nobody paid, and open windows."""
    for state_, age in await pool.fetch(_SETTLEMENTS):
        metrics.SETTLEMENT_AGE.labels(state_).set(age)
    for participant, lines in await pool.fetch(_HELD_LINES):
        metrics.HELD_LINES.labels(participant).set(lines)
    await _state_windows(pool)


async def state_cases(pool: asyncpg.Pool) -> None:
    """Export open cases by kind, and the age of the oldest."""
    for row in await cases.counts(pool):
        for state_, n in (("open", row["n"]), ("untaken", row["untaken"]), ("overdue", row["overdue"])):
            metrics.CASES.labels(row["kind"], state_).set(n)
        metrics.CASE_AGE.labels(row["kind"]).set(row["age_s"])


async def state_reports(pool: asyncpg.Pool) -> None:
    """Export reports that were not delivered, by destination, and schedules that make none."""
    for row in await receipts.late(pool):
        metrics.REPORT_DELIVERIES.labels(row["destination"], "waiting").set(row["waiting"])
        metrics.REPORT_DELIVERIES.labels(row["destination"], "given up").set(row["given_up"])
        metrics.REPORT_AGE.labels(row["destination"]).set(row["age_s"])
    metrics.REPORTS_FAILING.set(await receipts.failing(pool))


async def state_orders(pool: asyncpg.Pool) -> None:
    """Export orders of rails that are not ended, and what is owed for orders."""
    for row in await pool.fetch(_ORDERS):
        metrics.ORDERS.labels(row["rail"], row["state"]).set(row["n"])
        metrics.ORDER_AGE.labels(row["rail"], row["state"]).set(row["age_s"])


async def state_files(pool: asyncpg.Pool) -> None:
    """Export files of payments that have not ended, and their lines."""
    for row in await pool.fetch(_FILES):
        metrics.PAYMENT_FILES.labels(row["state"]).set(row["n"])
        metrics.PAYMENT_FILE_AGE.labels(row["state"]).set(row["age_s"])
    for state_, count in await pool.fetch(_FILE_LINES):
        metrics.PAYMENT_FILE_LINES.labels(state_).set(count)


async def state_rates(pool: asyncpg.Pool) -> None:
    """Export how old the rate of each corridor is."""
    for corridor, age in await pool.fetch(_RATE_AGES):
        metrics.RATE_AGE.labels(corridor).set(age)


async def state_lists(pool: asyncpg.Pool) -> None:
    """Export how old the sanctions lists in force are."""
    for publisher, age in await pool.fetch(_LIST_AGES):
        metrics.SCREENING_LIST_AGE.labels(publisher).set(age)


async def _state_witnesses(pool: asyncpg.Pool, settings: Settings) -> None:
    """Export who vouches for the log, and for how long too few have."""
    metrics.WITNESS_AGE.set(await witnesses.unwitnessed_s(pool, settings.witness_quorum))
    refusing = [witness.refuses_at is not None for witness in await witnesses.read(pool)]
    metrics.WITNESSES.labels("refusing").set(sum(refusing))
    metrics.WITNESSES.labels("cosigning").set(len(refusing) - sum(refusing))


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


def _state_certificates(settings: Settings) -> None:
    """Export the end of the first certificate to expire, by owner and kind."""
    first: dict[tuple[str, str], float] = {}
    for kept in certificates.read(settings):
        name = kept.owner, kept.kind
        first[name] = min(first.get(name, float("inf")), kept.until.timestamp())
    for (owner, kind), until in first.items():
        metrics.CERTIFICATE_UNTIL.labels(owner, kind).set(until)


def _backup_age(directory: Path) -> float:
    found = backup.read(directory)
    return (datetime.now(UTC) - found[-1].ended_at).total_seconds() if found else float("inf")


async def _state_clock(pool: asyncpg.Pool) -> None:
    """Compare our clock with the database's."""
    async with pool.acquire() as connection:
        metrics.CLOCK_OFFSET.set(await clock_offset(connection))


async def _state_windows(pool: asyncpg.Pool) -> None:
    """Export when each window began, and by how much a scheduled one is past its cut-off."""
    for schedule in await reads.schedules(pool):
        row = await pool.fetchrow(_OPEN_WINDOW, schedule.currency)
        overdue = 0.0
        if row is not None:
            metrics.WINDOW_OPENED.labels(schedule.currency).set(row["opened_at"].timestamp())
        if row is not None and schedule.enabled:
            calendar = await calendars.load(pool, schedule.currency)
            cut_off = calendar.next_close(schedule.closes_at, row["opened_at"])
            overdue = max(0.0, (row["now"] - cut_off).total_seconds())
        metrics.WINDOW_OVERDUE.labels(schedule.currency).set(overdue)
