"""`payswitch init`: from nothing to a configured data directory, and what is still missing.

It asks at a terminal, or takes a file; it may be repeated, and changes nothing that is there. It makes the
data directory, its settings file, the keys, the schema of the database, and the first two people.
"""

import asyncio
import contextlib
import fcntl
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import asyncpg
import typer

from adapters import registry
from ledger.migrate import Phase
from ledger.roles import Login
from switch.base import answer_keys, causes, personal_data, settings_file
from switch.base.database import connect_pool, embedded
from switch.base.settings import Settings
from switch.cli import output, preflight, steps
from switch.cli.as_person import show
from switch.cli.connect import CONNECTS_WITHIN_S, Data, Database, settings_for
from switch.cli.failures import CommandFailed, WrongUse
from switch.cli.installation import (
    FirstPeople,
    Installation,
    faults_of_settings,
    read_installation,
)
from switch.cli.steps import MissingStep
from switch.identity import enrolment
from switch.identity.model import Role
from switch.operations import housekeeping
from switch.settlement.files import SettlementFiles
from switch.webhooks import signing

_ASKED: Final = {
    "rails": "countries whose rails you connect, with blanks between them",
    "authority": "host[:port] that participants send requests to, as in switch.example",
    "log_origin": "name of the event log, which never changes, as in switch.example/ledger",
    "bic": "BIC of the switch, if it has one",
    "database": "URL of your PostgreSQL; empty: the embedded one",
    "backups": "directory of backups, on another disk; empty: none yet",
}
_FOUNDERS: Final = "SELECT role FROM switch.person WHERE status <> 'removed'"


def init(
    file: Annotated[
        Path | None, typer.Option("--from", help="installation file; without it, the command asks")
    ] = None,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Configure a data directory, and print what is missing.

    It makes the settings file, keys, the schema of the database and the first two people. It may be repeated,
    before and after the first start; what is there is not changed.
    """
    installation = Installation() if file is None else read_installation(file)
    directory = settings_for(data, None).data
    asks = file is None and sys.stdin.isatty()
    if file is None and not asks and not settings_for(data, None).authority:
        raise WrongUse("init asks for what is not configured: it needs a terminal, or --from FILE")
    _make_directory(directory)
    _write_settings(directory, installation, asks=asks, given={"database"} if database_url else set())
    settings = settings_for(data, database_url)
    _make_keys(settings)
    if faults := [*preflight.examine_files(settings.model_copy(update={"rails": ()}))]:
        raise CommandFailed("; ".join(faults))
    missing = [*steps.of_files(settings), *steps.of_connections(settings)]
    missing += asyncio.run(_in_database(settings, installation.people))
    for step in missing:
        line = f"missing: {step.code}: {step.text} {step.act}"
        output.told(line, missing=step.code, text=step.text, act=step.act)
    if not missing:
        output.told("nothing is missing", missing=None)
        output.what_now("payswitch up", "docs/operate/going-live.md")


def _make_directory(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise CommandFailed(f"{directory}: {error.strerror}") from None
    if not os.access(directory, os.W_OK | os.X_OK):
        raise CommandFailed(f"this user may not write in {directory}: run as the owner of the directory")


def _write_settings(directory: Path, installation: Installation, *, asks: bool, given: set[str]) -> None:
    """Add what is stated to the settings file; the name of a log that exists is not changed."""
    file = directory / settings_file.NAME
    before = settings_file.read(file, Settings.model_fields)
    after = {**before, **(_asked(before.keys() | given) if asks else installation.settings)}
    named = before.get("log_origin")
    if named not in {None, after.get("log_origin")} and (directory / "audit").is_dir():
        raise CommandFailed(f"log_origin is {named} and never changes: verifiers know the log by this name")
    if after != before:
        settings_file.write(file, after)


def _asked(known: set[str]) -> dict[str, Any]:
    """Ask for each setting that a live switch needs and that is neither `known` nor in the environment."""
    found: dict[str, Any] = {}
    for name, what in _ASKED.items():
        if name in known or f"PAYSWITCH_{name.upper()}" in os.environ:
            continue
        default = " ".join(registry.countries()) if name == "rails" else ""
        while True:
            text = str(typer.prompt(what, default=default, show_default=bool(default))).strip()
            value: Any = text.upper().split() if name == "rails" else text
            faults = faults_of_settings({name: value}) if value else []
            if not faults:
                break
            typer.echo("; ".join(faults), err=True)
        if value:
            found[name] = value
    return found


def _make_keys(settings: Settings) -> None:
    """Make the keys that are missing, each in a file that only its owner may read."""
    made: dict[str, Callable[[], object]] = {
        "personal data": lambda: personal_data.load(settings.personal_data_keys),
        "webhooks": lambda: signing.load(settings.webhook_key),
        "checkpoints": lambda: housekeeping.signer(settings),
        "answers": lambda: answer_keys.make(settings.answer_key),
        "settlement": lambda: SettlementFiles(settings.data).public_key,
    }
    for what, make in made.items():
        try:
            make()
        except (OSError, ValueError, TypeError) as error:
            raise CommandFailed(f"the key of {what} cannot be used: {causes.of(error).text}") from None


async def _in_database(settings: Settings, people: FirstPeople | None) -> list[MissingStep]:
    with _database(settings) as url:
        try:
            # As at a start: older processes may use a database by URL.
            phase = Phase.PRE if settings.database else None
            await preflight.bring_up_to_date(settings.model_copy(update={"database": url}), phase)
            connection = await asyncpg.connect(url, timeout=CONNECTS_WITHIN_S)
        except Exception as error:  # noqa: BLE001 - every failure becomes a reason
            raise CommandFailed(f"the database cannot be used: {causes.of(error).text}") from None
        try:
            there = {row["role"] for row in await connection.fetch(_FOUNDERS)}
            async with _pool(settings, url) as pool:
                for role in (Role.OPERATOR, Role.CHECKER):
                    if role not in there:
                        await _found(pool, settings.data.resolve(), role, people)
            return [step async for step in steps.of_database(connection, settings)]
        finally:
            await connection.close()


@contextlib.contextmanager
def _database(settings: Settings) -> Iterator[str]:
    """The database of the running switch, or the embedded server for the duration of the command."""
    if settings.database:
        yield settings.database_of(Login.OWNER)
        return
    server = embedded(settings)
    running = server.running_url()
    if running:
        yield running
        return
    lock = settings.data / "run" / "supervisor.lock"
    lock.parent.mkdir(exist_ok=True)
    with lock.open("a") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)  # a start must not find a server that stops
        except BlockingIOError:
            raise CommandFailed(f"a switch is starting on {settings.data}: wait until it is ready") from None
        try:
            yield server.start()
        finally:
            server.stop()


@contextlib.asynccontextmanager
async def _pool(settings: Settings, url: str) -> AsyncIterator[asyncpg.Pool]:
    """Connect as the owner, who creates the first people; no writer is needed, here or on another machine."""
    pool = await connect_pool(settings.model_copy(update={"database": url}), Login.OWNER)
    try:
        yield pool
    finally:
        await pool.close()


async def _found(pool: asyncpg.Pool, data: Path, role: Role, people: FirstPeople | None) -> None:
    """Create the first person of a role, who chooses a password here; if nobody is named, the step is left.

    Raises:
        CommandFailed: a person is named, and there is nobody to choose a password.

    """
    given = os.environ.get("PAYSWITCH_PASSWORD")
    if not given and not sys.stdin.isatty():
        if people is None:
            return
        raise CommandFailed(
            f"the first {role} chooses a password: it needs a terminal, or PAYSWITCH_PASSWORD"
        )
    name = people.model_dump()[role] if people else str(typer.prompt(f"sign-in name of the first {role}"))
    if people:
        typer.echo(f"{name}, the first {role}:", err=True)
    password = given or str(typer.prompt("password", hide_input=True, confirmation_prompt=True))
    made = await enrolment.create_first(pool, data, name, name, role, password)
    show({"name": made.name, "totp_uri": made.totp_uri, "totp_secret": made.totp_secret})
