"""Checks before a start: whatever needs a person's action is reported at once, before any process starts.

A process that fails because of a missing file fails again. So files, keys, the schema and the permissions of
the database user are checked here, and each problem is reported in one line, with what to do.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

import asyncpg

from adapters import registry
from ledger import roles
from ledger.migrate import Phase, compare, migrate, pending
from switch.base import answer_keys, causes, files, installation, outside_keys, personal_data, settings_file
from switch.base.settings import Settings
from switch.base.sql import statements
from switch.cli import steps
from switch.identity import secrets
from switch.operations import certificates, housekeeping
from switch.payments import rail_connection
from switch.processes import status
from switch.webhooks import secrets as webhook_secrets
from switch.webhooks import signing
from switch.writer import addresses

_SECRETS: Final = (
    settings_file.NAME,
    "keys/*",
    "keys/openid/*",
    "audit/*.key",
    "people/*.key",
    "settlement/*.key",
    "sandbox/credentials.json",
)
_DECRYPTING: Final = frozenset({"api", "pages", "caretaker"})
"""The processes that read personal data, and know the rails."""
_LATEST_KEY: Final = statements("switch.cli")("latest_sealed_key")
_SEAL_NEEDED: Final = statements("switch.cli")("is_seal_needed")
_MAY_TAKE: Final = "SELECT pg_has_role(current_user, $1::text::name, $2)"
_TAKE: Final = "GRANT {} TO CURRENT_USER{}"
_USER: Final = "SELECT current_user"
_SET_OPTION_SINCE: Final = 16
"""Since PostgreSQL 16, a membership may not include SET ROLE."""


def examine(settings: Settings) -> list[str]:
    """The problems that need a person's action before a start; an empty list if there are none."""
    return [*_steps(settings), *examine_files(settings)]


def examine_files(settings: Settings) -> list[str]:
    """The problems with packages, files and keys."""
    return [*_adapters(), *_database(settings), *_rails(settings), *_secrets(settings), *_keys(settings)]


def _steps(settings: Settings) -> Iterator[str]:
    if not settings.sandbox:
        yield from (f"{step.text} {step.act}" for step in steps.before_start(settings))


def _database(settings: Settings) -> Iterator[str]:
    if settings.synchronous_standby and not settings.database:
        yield (
            "PAYSWITCH_SYNCHRONOUS_STANDBY requires a database with a standby, and the embedded one has none:"
            " set PAYSWITCH_DATABASE"
        )


def open_secrets(settings: Settings) -> Iterator[Path]:
    """Files with secrets, except those that connection files name, that others than their owner may read."""
    for pattern in _SECRETS:
        for file in sorted(settings.data.glob(pattern)):
            if file.is_file() and files.others_may_read(file):
                yield file


def _secrets(settings: Settings) -> Iterator[str]:
    for file in open_secrets(settings):
        yield f"others than its owner can read {file}: run chmod 600 {file}"


def examine_part(settings: Settings, part: str) -> Iterator[str]:
    """Find what is wrong with the settings and files of one kind of process on a machine of its own.

    Its keys must be there: a process that made new ones could not read what the others wrote, nor recognise
    a payment that it has seen.
    """
    yield from _adapters()
    yield from _secrets(settings)
    yield from addresses.faults(settings, writes=part == "writer")
    yield from _expired(settings)
    if settings.health:
        try:
            status.parse(settings.health)
        except ValueError as error:
            yield f"PAYSWITCH_HEALTH: {error}"
    if part in {"api", "pages"}:
        yield from _steps(settings)
    if part in _DECRYPTING:
        yield from _rails(settings)
    if part in {*_DECRYPTING, "messenger"} and not settings.personal_data_keys.exists():
        yield signing.NO_KEY.format(settings.personal_data_keys)
    if part == "messenger" and not settings.webhook_key.exists():
        yield signing.NO_KEY.format(settings.webhook_key)
    yield from _keys(settings)


def _expired(settings: Settings) -> Iterator[str]:
    """Find certificates of this process towards the writer that nobody accepts any more.

    One towards a rail is no reason against a start: the other rails work (see docs/operate/start.md).
    """
    for found in certificates.read(settings.model_copy(update={"rails": ()})):
        if found.kind == "client" and found.until <= datetime.now(UTC):
            yield (
                f"the certificate in {found.file} expired on {found.until:%Y-%m-%d %H:%M} UTC:"
                " PAYSWITCH_WRITER_TLS_CERTIFICATE needs a valid one"
            )


async def examine_database(settings: Settings, part: str) -> list[str]:
    """Find what is wrong with the database, for a process on a machine of its own, with its login.

    Raises:
        OSError, TimeoutError, asyncpg.PostgresError: it does not respond.

    """
    if missing := await pending(settings.database, phase=Phase.PRE):
        return [f"the database lacks {len(missing)} migrations: run `payswitch migrate` before new processes"]
    connection = await asyncpg.connect(settings.database, timeout=10)
    try:
        if part == "pages" and (fault := await fault_of_seal(connection, settings)):
            return [fault]
        if part == "messenger":
            lacking = await signing.faults(connection, settings.webhook_key)
            return [*lacking, *await webhook_secrets.faults(connection, settings.personal_data_keys)]
        if part in _DECRYPTING and settings.personal_data_keys.exists():
            return await _of_personal_data(connection, settings)
    finally:
        await connection.close()
    return []


async def fault_of_seal(connection: asyncpg.Connection, settings: Settings) -> str:
    """Why nobody could sign in here with an authenticator; empty if they can, or if nobody needs to."""
    file = secrets.Seal(settings.data).file
    if file.exists() or not await connection.fetchval(_SEAL_NEEDED):
        return ""
    return (
        f"{file} is missing, and people of this switch have authenticators that it seals: copy it from"
        " the backup of the data directory, or from another machine of this switch (docs/operate/backup.md)"
    )


async def _of_personal_data(connection: asyncpg.Connection, settings: Settings) -> list[str]:
    row = await connection.fetchrow(_LATEST_KEY)
    keys = personal_data.load(settings.personal_data_keys)
    if row is not None and not keys.opens(row["uetr"], row["sealed"]):
        return [f"{settings.personal_data_keys} is not the key file of the payments in this database"]
    return []


def _adapters() -> Iterator[str]:
    """Check every installed package: maps, calendars and reports read all of them."""
    for country in registry.countries():
        try:
            registry.country(country)
        except (ImportError, AttributeError) as error:
            yield (
                f"the adapter package of {country} does not state its country ({error}): install a version"
                " that has the module `country`, or remove the package"
            )


def _rails(settings: Settings) -> Iterator[str]:
    known = [country for country in settings.rails if country in registry.countries()]
    for country in set(settings.rails).difference(known):
        yield f"no adapter for {country}: install its package, or leave it out of PAYSWITCH_RAILS"
    if settings.sandbox:
        return  # their connections are created for them
    named = {country: rail_connection.file_of(settings.rails_directory, country) for country in known}
    missing = [country for country, file in named.items() if not file.exists()]
    if missing:
        yield (
            f"there is no connection file for the rails of {', '.join(missing)}: write"
            f" {settings.rails_directory.resolve()}/COUNTRY/{rail_connection.CONNECTION} for each, or name in"
            " PAYSWITCH_RAILS only the rails that are connected; `payswitch up --sandbox` simulates them all"
        )
    for country, file in named.items():
        for fault in rail_connection.faults(file, country) if file.exists() else ():
            yield f"{file}: {fault}"


def _keys(settings: Settings) -> Iterator[str]:
    readers: dict[Path, Callable[[Path], object]] = {
        settings.personal_data_keys: personal_data.load,
        settings.webhook_key: signing.load,
        settings.answer_key: answer_keys.published,
    }
    for file, read in readers.items():
        fault = _fault(partial(read, file), file) if file.exists() else ""
        if fault:
            yield fault
    for key in (outside_keys.of_checkpoints(settings), outside_keys.of_reports(settings)):
        yield from key.faults()
    yield from _faults_of_checkpoint_files(settings)


def _faults_of_checkpoint_files(settings: Settings) -> Iterator[str]:
    outside = outside_keys.of_checkpoints(settings)
    if not outside.stated or list(outside.faults()):
        return
    try:
        housekeeping.signer(settings)
    except (ValueError, TypeError, OSError) as error:
        yield f"DATA/audit: {error}"


def _fault(read: Callable[[], object], file: Path) -> str:
    """Why a file cannot be used; empty if it can."""
    try:
        read()
    except OSError as error:
        return causes.of(error).text
    except (ValueError, TypeError):
        return f"{file} is not a readable key file: restore it from the backup of your keys"
    return ""


async def reach(url: str) -> None:
    """Connect once.

    Raises:
        Exception: as asyncpg.

    """
    await (await asyncpg.connect(url, timeout=10)).close()


async def bring_up_to_date(settings: Settings, phase: Phase | None = None) -> None:
    """Apply missing migrations and the rights of the roles, and make sure that every process can log in.

    With a `phase`, migrations of the other phase stay missing, except in an empty database.

    Raises:
        Impossible: a process cannot, the database is of the other kind (sandbox or not), or the key that
            seals authenticators is missing.
        Exception: as `ledger.migrate.migrate`, and as asyncpg if the database is unavailable or refuses.

    """
    connection = await asyncpg.connect(settings.database, timeout=10)
    try:
        is_empty = not (await compare(connection)).applied
        await migrate(settings.database, phase=None if is_empty else phase)
        await installation.state(connection, settings)
        if fault := await fault_of_seal(connection, settings):
            raise causes.Impossible(fault)
    finally:
        await connection.close()
    await take_roles(settings)


async def take_roles(settings: Settings) -> None:
    """Make sure that every process can take its role.

    Raises:
        Impossible: one cannot, and the user of `database` cannot grant itself the permission.

    """
    connection = await asyncpg.connect(settings.database, timeout=10)
    try:
        for role in _taken_by_owner(settings):
            await _take_role(connection, role)
    finally:
        await connection.close()


def _taken_by_owner(settings: Settings) -> list[str]:
    """The roles of processes that log in as the user of `database`: they have no user of their own."""
    shared = [login for login in roles.PROCESSES if settings.database_of(login) == settings.database]
    return [*shared, roles.REGULATOR] if roles.Login.READER in shared else [*shared]


async def _take_role(connection: asyncpg.Connection, role: str) -> None:
    """Let the user take a role: the creator of a role may lack that permission."""
    since_16 = connection.get_server_version().major >= _SET_OPTION_SINCE
    if await connection.fetchval(_MAY_TAKE, role, "SET" if since_16 else "MEMBER"):
        return
    try:
        await connection.execute(_TAKE.format(role, " WITH SET TRUE, INHERIT FALSE" if since_16 else ""))
    except asyncpg.InsufficientPrivilegeError:
        user = await connection.fetchval(_USER)
        raise causes.Impossible(
            f"the database user {user} may not use the role {role}: as a user who may grant it, run"
            f" GRANT {role} TO {user}, or give each process a user of its own (`payswitch database roles`)"
        ) from None
