"""`payswitch doctor`: what is wrong with an installation, and what to do about it.

It looks and changes nothing; it starts nothing, so it can be asked about a switch that does not run. Each
check is one function that yields findings. A finding has a code that scripts can rely on, a sentence, what
to do, and the runbook that says more.
"""

import asyncio
import json
import os
import resource
import shutil
import socket
import ssl
import sys
import urllib.error
import urllib.request
import warnings
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import asyncpg
from cryptography import x509
from yarl import URL

from adapters import registry
from ledger import backup, migrate, partitions
from ledger.postgres import EmbeddedPostgres, NotInstalled, program
from schemas.errors import NotFound, SwitchError
from switch.base import calendars, metrics
from switch.base.settings import Settings
from switch.operations import facts, housekeeping
from switch.payments.rails import CONNECTION, read_connection
from switch.processes import caretaker, messenger
from switch.writer.client import Link

RUNBOOKS: Final = "docs/operate/runbooks"
PYTHON_MIN: Final = (3, 11)
OPEN_FILES_MIN: Final = 8192
"""An API worker takes 4,000 connections, and has as many again to rails, database and files."""
POSTGRES_MIN: Final = 160000
DISK_FREE_MIN: Final = 0.15
CLOCK_MAX_S: Final = 1.0
CHECKPOINT_MAX_S: Final = 300.0
UNKNOWN_MAX_S: Final = 900.0
LOOK_MAX_S: Final = 300.0
BACKUP_MAX_S: Final = 26 * 3600.0
CERTIFICATE_LEFT: Final = timedelta(days=30)
PARTITION_ROOM_MIN: Final = 1 << 24
"""The same bounds as the alerts have."""

_WITHIN_S: Final = 5.0
_PEM_END: Final = b"-----END CERTIFICATE-----"
_SAFE: Final = ("fsync", "full_page_writes", "synchronous_commit", "data_checksums")
_AWAY: Final = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError, ValueError)
_LOCK_HELD: Final = """
SELECT count(*) > 0 FROM pg_locks
WHERE locktype = 'advisory' AND granted AND (classid::bigint << 32 | objid::bigint) = $1
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
_APPLIED: Final = "SELECT package || '/' || name FROM migration.applied"
_UNKNOWN: Final = """
SELECT rail, count(*) AS n, extract(epoch FROM clock_timestamp() - min(entered_at))::float8 AS age
FROM switch.open_payment WHERE state = 'UNKNOWN' GROUP BY rail
"""
_LOOK: Final = """
SELECT extract(epoch FROM clock_timestamp() - at)::float8 AS age, faults::text FROM switch.invariant_look
"""
_BREAKS: Final = (
    "SELECT rail, count(*) FROM switch.reconciliation_break WHERE resolved_at IS NULL GROUP BY rail"
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong."""

    code: str
    text: str
    act: str
    runbook: str


@dataclass(frozen=True, slots=True)
class Examination:
    """What was looked at, and what was found."""

    checked: tuple[str, ...]
    findings: tuple[Finding, ...]

    def document(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "ok": not self.findings,
            "checked": self.checked,
            "findings": [asdict(finding) for finding in self.findings],
        }


def _finding(code: str, text: str, act: str, runbook: str) -> Finding:
    return Finding(code, text, act, f"{RUNBOOKS}/{runbook}.md")


# ── the machine ──────────────────────────────────────────────────────────────────────────────────────────


def _python(_: Settings) -> Iterator[Finding]:
    if sys.version_info < PYTHON_MIN:
        yield _finding(
            "python-version",
            f"Python is {sys.version_info[0]}.{sys.version_info[1]}; 3.11 or later is needed.",
            "Install Python 3.11 or later, remove .venv, and run `make setup`.",
            "machine",
        )


def _open_files(_: Settings) -> Iterator[Finding]:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if most != resource.RLIM_INFINITY and most < OPEN_FILES_MIN:
        yield _finding(
            "open-files",
            f"A process may open {most} files; {OPEN_FILES_MIN} are needed.",
            f"Raise the hard limit (`ulimit -Hn`, LimitNOFILE= of systemd) to {OPEN_FILES_MIN} or more.",
            "machine",
        )


def _data(settings: Settings) -> Iterator[Finding]:
    if not settings.data.is_dir():
        yield _finding(
            "data-directory",
            f"There is no directory {settings.data}.",
            "Name the data directory with --data or PAYSWITCH_DATA; `payswitch up` makes a new one.",
            "machine",
        )
    elif not os.access(settings.data, os.W_OK | os.X_OK):
        yield _finding(
            "data-directory",
            f"We may not write in {settings.data}.",
            "Run as the user that the directory belongs to.",
            "machine",
        )


def _disks(settings: Settings) -> Iterator[Finding]:
    for place, directory in facts.places(settings).items():
        usage = shutil.disk_usage(directory)
        if usage.free < usage.total * DISK_FREE_MIN:
            yield _finding(
                "disk-room",
                f"The disk of {place} is {100 - 100 * usage.free // usage.total} % full.",
                "Make room or enlarge it: a full disk stops every payment.",
                "disk-full",
            )


def _keys(settings: Settings) -> Iterator[Finding]:
    for pattern in ("keys/*", "audit/*.pem", "people/*.key", "sandbox/credentials.json", "rails/*/*.json"):
        for file in sorted(settings.data.glob(pattern)):
            if file.is_file() and file.stat().st_mode & 0o077:
                yield _finding(
                    "key-permissions",
                    f"Others than its owner can read or change {file}.",
                    f"Take the right away (`chmod 600 {file}`), and think of who may have read it.",
                    "key-compromise",
                )


def _metrics(settings: Settings) -> Iterator[Finding]:
    directory = settings.metrics_directory
    if any(directory.glob("*.db")) and not any(
        metrics.lives(directory, file) for file in directory.glob("*.db")
    ):
        yield _finding(
            "metrics-stale",
            f"{directory} holds counters, and none of the processes that wrote them is alive.",
            "The switch was killed or the machine went down: start it again, which empties the directory.",
            "process-away",
        )


def _certificates(settings: Settings) -> Iterator[Finding]:
    for country in settings.rails:
        file = settings.rails_directory / country / CONNECTION
        if not file.is_file():
            continue
        connection = read_connection(file, 1.0)
        if connection.ca_file is not None:
            yield from _expiring(f"the authority of rail {country}", _read(connection.ca_file))
        url = URL(connection.base_url)
        if url.scheme == "https" and url.host and url.port:
            yield from _expiring(f"the server of rail {country}", _served(url.host, url.port))


def _read(file: Path) -> bytes:
    return file.read_bytes() if file.is_file() else b""


def _served(host: str, port: int) -> bytes:
    """The certificate that a server shows, believed or not; empty where it shows none."""
    try:
        return ssl.get_server_certificate((host, port), timeout=_WITHIN_S).encode()
    except (OSError, ValueError):
        return b""  # whether it answers is another check


def _expiring(whose: str, pem: bytes) -> Iterator[Finding]:
    for certificate in x509.load_pem_x509_certificates(pem) if _PEM_END in pem else ():
        until = certificate.not_valid_after_utc
        if until < datetime.now(UTC) + CERTIFICATE_LEFT:
            word = "expired" if until < datetime.now(UTC) else "expires"
            yield _finding(
                f"certificate-{word}",
                f"A certificate of {whose} {word} on {until.date()}.",
                "Ask who issued it for a new one, put it in its place, and start the switch again.",
                "certificates",
            )


# ── the processes ────────────────────────────────────────────────────────────────────────────────────────


async def _answers(settings: Settings) -> bool:
    """Whether the writer of this data directory is there."""
    link = Link(settings.model_copy(update={"data": settings.data.resolve()}).writer_socket)
    try:
        await link.start(within_s=1.0)
        return await link.alive()
    except TimeoutError:
        return False
    finally:
        await link.stop()


async def _as_running(settings: Settings) -> Settings:
    """The settings with the address and the rails of the switch that runs, whatever it was started with."""
    if not settings.running_file.is_file() or not await _answers(settings):
        return settings
    runs = json.loads(settings.running_file.read_text())
    return settings.model_copy(update={**runs, "rails": tuple(runs["rails"])})


async def _processes(settings: Settings) -> AsyncIterator[Finding]:
    if not await _answers(settings):
        yield _finding(
            "writer-away",
            "No writer answers: the switch does not run, or its writer is away.",
            f"Start it with `payswitch up`; where it runs, read {settings.data}/logs/writer.log.",
            "process-away",
        )
        if await asyncio.to_thread(_taken, settings.host, settings.port):
            yield _finding(
                "port-taken",
                f"Somebody else listens on {settings.host}:{settings.port}.",
                "End that program, or give the switch another port with --port or PAYSWITCH_PORT.",
                "machine",
            )
        return
    status, text = await asyncio.to_thread(_ready, f"http://{settings.host}:{settings.port}/readyz")
    if status != 200:  # noqa: PLR2004
        yield _finding(
            "api-not-ready",
            f"The API at {settings.host}:{settings.port} takes no payments: {text}.",
            f"Read {settings.data}/logs/api-0.log.",
            "process-away",
        )


def _taken(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
        return False


def _ready(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=_WITHIN_S) as answer:  # noqa: S310 - our own address
            return answer.status, "ready"
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"{}").get("detail", "")
    except (OSError, ValueError):
        return 0, "it does not answer"


async def _rails(settings: Settings) -> AsyncIterator[Finding]:
    for country, answers in zip(
        settings.rails,
        await asyncio.gather(*(_probe(settings, country) for country in settings.rails)),
        strict=True,
    ):
        if answers is None:
            yield _finding(
                "rail-unconfigured",
                f"Nothing says where the rail of {country} is.",
                f"Write {settings.rails_directory / country / CONNECTION}, or leave {country} out of"
                " PAYSWITCH_RAILS.",
                "rail-down",
            )
        elif not answers:
            yield _finding(
                "rail-away",
                f"The rail of {country} does not answer.",
                "Ask its operator; payments to it are turned away or stay in doubt meanwhile.",
                "rail-down",
            )


async def _probe(settings: Settings, country: str) -> bool | None:
    """Whether a rail answers; None where it is not configured."""
    file = settings.rails_directory / country / CONNECTION
    if not file.is_file():
        return None
    try:
        adapter = registry.load(country, read_connection(file, 1.0))
    except NotFound:
        return None
    try:
        return await asyncio.wait_for(adapter.probe(), _WITHIN_S)
    except (OSError, TimeoutError, SwitchError):
        return False
    finally:
        await adapter.close()


# ── the database ─────────────────────────────────────────────────────────────────────────────────────────


async def _settings_of(connection: asyncpg.Connection, _: Settings) -> AsyncIterator[Finding]:
    version = int(await connection.fetchval("SHOW server_version_num"))
    if version < POSTGRES_MIN:
        yield _finding(
            "database-version",
            f"PostgreSQL is {version // 10000}; {POSTGRES_MIN // 10000} or later is needed.",
            "Upgrade the server, or use the embedded one.",
            "database-settings",
        )
    for name in _SAFE:
        value = await connection.fetchval("SELECT current_setting($1)", name)
        if value == "off":
            yield _finding(
                f"database-{name.replace('_', '-')}",
                f"PostgreSQL runs with {name} off: what was acknowledged can be lost, or damaged unseen.",
                "Set it to on in postgresql.conf and start the server again"
                if name != "data_checksums"
                else "Stop the server and run `pg_checksums --enable`.",
                "database-settings",
            )


async def _schema(connection: asyncpg.Connection, _: Settings) -> AsyncIterator[Finding]:
    there = await connection.fetchval("SELECT to_regclass('migration.applied') IS NOT NULL")
    applied = {row[0] for row in await connection.fetch(_APPLIED)} if there else set()
    known = [m.title for package in migrate.PACKAGES for m in migrate.migrations(package)]
    missing = [title for title in known if title not in applied]
    if missing:
        yield _finding(
            "schema-behind",
            f"The database lacks {len(missing)} migrations; the first is {missing[0]}.",
            "Run `payswitch migrate`.",
            "schema-behind",
        )
    ahead = applied - set(known)
    if ahead:
        yield _finding(
            "schema-ahead",
            f"The database has {len(ahead)} migrations that this version does not know: {min(ahead)}.",
            "Run the version that made them, or a later one.",
            "schema-behind",
        )


async def _clock(connection: asyncpg.Connection, _: Settings) -> AsyncIterator[Finding]:
    offset = await facts.clock_offset(connection)
    if abs(offset) > CLOCK_MAX_S:
        yield _finding(
            "clock-drift",
            f"This machine's clock and the database's differ by {offset:.1f} s.",
            "Let both follow one time server (`timedatectl set-ntp true`).",
            "clock-drift",
        )


async def _guards(connection: asyncpg.Connection, _: Settings) -> AsyncIterator[Finding]:
    for name, lock in (("caretaker", caretaker.LOCK), ("messenger", messenger.LOCK)):
        if not await connection.fetchval(_LOCK_HELD, lock):
            yield _finding(
                f"{name}-away",
                f"No {name} works on this database.",
                "Start the switch; where it runs, read its log in DATA/logs.",
                "process-away",
            )


async def _books(connection: asyncpg.Connection, _: Settings) -> AsyncIterator[Finding]:
    frozen = await connection.fetchrow("SELECT at, reason, detail FROM switch.freeze")
    if frozen is not None:
        yield _finding(
            "books-frozen",
            f"The books are frozen since {frozen['at']:%Y-%m-%d %H:%M} UTC: {frozen['reason']}.",
            "Find out what is wrong; two people end the freeze with `payswitch ledger unfreeze`.",
            "ledger-imbalance",
        )
    look = await connection.fetchrow(_LOOK)
    if look is None or look["age"] > LOOK_MAX_S:
        yield _finding(
            "invariants-stale",
            "Nobody has looked at the invariants for five minutes.",
            "See whether the caretaker lives, and run `payswitch verify`.",
            "invariants-stale",
        )
    for check, text in json.loads(look["faults"])[:1] if look is not None else ():
        yield _finding(
            "invariant-broken",
            f"The last look at the invariants found this wrong: {check}, {text}.",
            "Run `payswitch verify`, and change nothing before you know why.",
            "ledger-imbalance",
        )


async def _history(connection: asyncpg.Connection, settings: Settings) -> AsyncIterator[Finding]:
    age = await facts.uncovered_s(connection)
    if age > CHECKPOINT_MAX_S:
        yield _finding(
            "checkpoint-stale",
            f"Events are {age / 60:.0f} minutes old and under no signed checkpoint.",
            f"See whether the caretaker lives and can read {settings.data}/audit.",
            "checkpoint-stale",
        )
    for table in housekeeping.TABLES:
        if await partitions.room(connection, table) < PARTITION_ROOM_MIN:
            yield _finding(
                "partition-room",
                f"{table} has no partition ahead.",
                "See why the caretaker makes none: at the end nothing can be written.",
                "partition-room",
            )


async def _backups(connection: asyncpg.Connection, settings: Settings) -> AsyncIterator[Finding]:
    if settings.backups is None:
        if not settings.database and not settings.sandbox and not settings.credentials_file.exists():
            yield _finding(
                "backup-none",
                "Nothing keeps backups of the embedded database.",
                "Set PAYSWITCH_BACKUPS to a directory on another disk, and run `payswitch backup` each day.",
                "backup-stale",
            )
        return
    found = backup.read(settings.backups)
    if not found or datetime.now(UTC) - found[-1].ended_at > timedelta(seconds=BACKUP_MAX_S):
        yield _finding(
            "backup-stale",
            "The newest backup is older than 26 hours." if found else "There is no backup yet.",
            "Run `payswitch backup`, and see why the daily one did not.",
            "backup-stale",
        )
    if await connection.fetchval(facts.ARCHIVER):
        yield _finding(
            "wal-archive-failing",
            "The write-ahead log is not copied to the backups.",
            f"See whether {settings.backups} can be written and has room.",
            "disk-full",
        )


async def _doubts(connection: asyncpg.Connection, _: Settings) -> AsyncIterator[Finding]:
    for rail, count, age in await connection.fetch(_UNKNOWN):
        if age > UNKNOWN_MAX_S:
            yield _finding(
                "unknown-old",
                f"{count} payments at {rail} are in doubt, the oldest for {age / 60:.0f} minutes.",
                "Ask the rail; what it does not answer, two people end by evidence.",
                "unknowns-growing",
            )
    for rail, count in await connection.fetch(_BREAKS):
        yield _finding(
            "reconciliation-breaks",
            f"{count} differences between the file of {rail} and our books are not resolved.",
            "Look at each with `payswitch rails breaks`.",
            "reconciliation-breaks",
        )


async def _calendars(connection: asyncpg.Connection, _: Settings) -> AsyncIterator[Finding]:
    year = datetime.now(UTC).year
    for currency, country in await connection.fetch(
        "SELECT currency::text, country::text FROM switch.window_schedule WHERE enabled"
    ):
        if not await asyncio.to_thread(_holidays, country, year):
            yield _finding(
                "calendar-missing",
                f"Nobody knows the holidays of {country} in {year}, and windows of {currency} close by them.",
                "Upgrade the `holidays` package, or correct the country of the schedule.",
                "window-wont-close",
            )


def _holidays(country: str, year: int) -> int:
    with warnings.catch_warnings(action="ignore", category=UserWarning):  # it tells where it only guesses
        try:
            return calendars.business_days(country).holidays_in(year)
        except NotImplementedError:
            return 0


LOCAL: Final[Mapping[str, Callable[[Settings], Iterator[Finding]]]] = {
    "python": _python,
    "open files": _open_files,
    "data directory": _data,
    "disks": _disks,
    "keys": _keys,
    "metrics": _metrics,
    "certificates": _certificates,
}
RUNNING: Final[Mapping[str, Callable[[Settings], AsyncIterator[Finding]]]] = {
    "processes": _processes,
    "rails": _rails,
}
DATABASE: Final[Mapping[str, Callable[[asyncpg.Connection, Settings], AsyncIterator[Finding]]]] = {
    "database settings": _settings_of,
    "schema": _schema,
    "clock": _clock,
    "guards": _guards,
    "books": _books,
    "history": _history,
    "backups": _backups,
    "doubts": _doubts,
    "calendars": _calendars,
}


async def examine(settings: Settings) -> Examination:
    """Look at everything that can be looked at."""
    settings = await _as_running(settings)
    findings: list[Finding] = []
    for look in LOCAL.values():
        findings += await asyncio.to_thread(_all, look, settings)
    for ask in RUNNING.values():
        findings += [finding async for finding in ask(settings)]
    checked = [*LOCAL, *RUNNING, "database"]
    connection = await _connect(settings)
    if isinstance(connection, Finding):
        return Examination(tuple(checked), (*findings, connection))
    try:
        for name, look_into in DATABASE.items():
            found = [finding async for finding in look_into(connection, settings)]
            findings += found
            checked.append(name)
            if any(finding.code == "schema-behind" for finding in found):
                break  # what comes next reads tables that may not be there
    finally:
        await connection.close()
    return Examination(tuple(checked), tuple(findings))


def _all(look: Callable[[Settings], Iterator[Finding]], settings: Settings) -> list[Finding]:
    return list(look(settings))


async def _connect(settings: Settings) -> asyncpg.Connection | Finding:
    url = settings.database or EmbeddedPostgres((settings.data / "postgres").resolve()).running_url()
    if url is None:
        return _no_server()
    try:
        return await asyncpg.connect(url, timeout=_WITHIN_S, command_timeout=30)
    except _AWAY as error:
        return _finding(
            "database-unreachable",
            f"The database does not let us in: {type(error).__name__}.",  # its words may hold the URL
            "Check PAYSWITCH_DATABASE, the server, and the network between.",
            "postgresql-lost",
        )


def _no_server() -> Finding:
    try:
        program("postgres")
    except NotInstalled:
        return _finding(
            "database-not-installed",
            "No database is named, and the embedded PostgreSQL is not installed.",
            "pip install 'payswitch[embedded]', or name a database of your own with PAYSWITCH_DATABASE.",
            "postgresql-lost",
        )
    return _finding(
        "database-stopped",
        "The embedded PostgreSQL of this data directory does not run.",
        "Start the switch with `payswitch up`; where it does not come up, read DATA/postgres.log.",
        "postgresql-lost",
    )


def say(examination: Examination) -> Sequence[str]:
    """The examination for people, a line each."""
    if not examination.findings:
        return [f"Nothing is wrong: {len(examination.checked)} things were looked at."]
    lines: list[str] = []
    for finding in examination.findings:
        lines += [f"{finding.code}: {finding.text}", f"  {finding.act}", f"  {finding.runbook}"]
    return lines
