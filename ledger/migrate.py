"""Migrations: plain SQL files, applied once, in order, under one lock, and never edited afterwards.

Each package has its own in `<package>/migrations/NNNN_{pre,post}_name.sql`. `pre` extends the schema, before
the new version starts and while the old version runs; `post` removes parts, after the old version has ended,
and no `pre` may depend on it. One file is one transaction. If a table is busy, the migration gives way and
retries.

The rights of the roles are in `<package>/grants.sql`. This file is not a migration: it is edited with the
schema, and applied whole after the migrations, every time. Rights that only the version before needs are in
`<package>/grants_until_post.sql`: they are given as well while a `post` migration of the package is missing.
The database notes the release that set the rights: an older one, started again, leaves them as they are.
"""

import asyncio
import contextlib
import hashlib
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import version
from importlib.resources import files
from typing import Final

import asyncpg

from ledger import roles
from ledger.sql import statement

_LOCK: Final = 7_266_337_000
"""Advisory lock: one migration of a database at a time."""

_LOCK_TIMEOUT: Final = "2s"
"""How long traffic may wait behind a migration that waits for a table."""

_LOCK_ATTEMPTS: Final = 10
_CONNECT_WITHIN_S: Final = 10.0
_PAUSE_S: Final = 0.2
_APPLIED: Final = "SELECT package, name, sha256 FROM migration.applied ORDER BY package, name"
_HAS_HISTORY: Final = "SELECT to_regclass('migration.applied') IS NOT NULL"

PACKAGES: Final = ("ledger", "switch")
"""The packages with migrations, in the order of their imports."""

_NAME = re.compile(r"\d{4}_(pre|post)_[a-z0-9_]+\.sql", re.ASCII)

_HISTORY: Final = statement("prepare_history")
_STATE_RIGHTS: Final = statement("state_rights")


class Phase(StrEnum):
    """When a migration runs, in this order."""

    PRE = "pre"
    POST = "post"


class MigrationError(RuntimeError):
    """An applied migration was changed, removed or misnamed, or the schema lacks what this version needs."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file."""

    package: str
    name: str
    text: str

    @property
    def phase(self) -> Phase:
        """The phase in which it runs."""
        return Phase(self.name.split("_")[1])

    @property
    def title(self) -> str:
        """Its name for people."""
        return f"{self.package}/{self.name}"

    @property
    def sha256(self) -> bytes:
        """The hash that is recorded when it is applied."""
        return hashlib.sha256(self.text.encode()).digest()


@dataclass(frozen=True, slots=True)
class Schema:
    """The schema of a database, compared with the migrations of this version."""

    applied: tuple[str, ...]
    """Titles of the applied migrations, in order."""
    missing: tuple[Migration, ...]
    """Migrations of this version that are not applied: every `pre` before any `post`."""
    newer: tuple[str, ...]
    """Titles of applied migrations of later versions. All are `pre`: this version continues to work."""

    def pending(self, phase: Phase | None = None) -> list[Migration]:
        """The missing migrations of one phase, or all of them."""
        return [migration for migration in self.missing if phase in (None, migration.phase)]


def migrations(package: str) -> list[Migration]:
    """The migrations of a package in order; none without a directory of migrations.

    Raises:
        MigrationError: a file's name breaks the pattern, or two have the same number.

    """
    directory = files(package) / "migrations"
    if not directory.is_dir():
        return []
    names = sorted(entry.name for entry in directory.iterdir() if entry.name.endswith(".sql"))
    for name in names:
        if _NAME.fullmatch(name) is None:
            raise MigrationError(f"{package}: {name} is not NNNN_pre_name.sql or NNNN_post_name.sql")
    if len({name[:4] for name in names}) != len(names):
        raise MigrationError(f"{package}: two migrations have the same number")
    return [Migration(package, name, (directory / name).read_text(encoding="utf-8")) for name in names]


async def migrate(
    database_url: str, packages: Sequence[str] = PACKAGES, *, phase: Phase | None = None
) -> list[str]:
    """Apply missing migrations, or only those of one phase; return the names of the applied ones, in order.

    A repetition changes nothing. If one fails, earlier ones stay applied, and the next call continues.
    Afterwards the roles have the rights of `grants.sql`, unless a later version has set them.

    Raises:
        MigrationError: an applied migration was changed, or this version is too old; nothing was applied.
        RolesMissing: the roles do not exist, and this user may not create them; the migrations are applied.
        asyncpg.LockNotAvailableError: a table stayed busy.

    """
    async with _history(database_url) as connection:
        schema = await compare(connection, packages)
        missing = schema.pending(phase)
        for migration in missing:
            await _apply_patiently(connection, migration)
        if not schema.newer:  # a later version knows what its processes need
            await _grant(connection, packages, (await compare(connection, packages)).pending(Phase.POST))
        return [migration.title for migration in missing]


async def _grant(connection: asyncpg.Connection, packages: Sequence[str], left: Sequence[Migration]) -> None:
    """Give every role the rights of these packages, and no others, unless a later release has set them.

    `left`: the `post` migrations that are missing, so that processes of the version before may run.
    """
    rights = [files(package) / "grants.sql" for package in packages]
    rights += [files(package) / "grants_until_post.sql" for package in {one.package for one in left}]
    texts = [file.read_text(encoding="utf-8") for file in rights if file.is_file()]
    if texts:
        await roles.ensure(connection)
        async with connection.transaction():
            if await connection.fetchval(_STATE_RIGHTS, _release()):
                for text in texts:
                    await connection.execute(text)


def _release() -> list[int]:
    """The numbers of this release, in the order of releases: [0, 1, 0]."""
    return [int(number) for number in re.findall(r"\d+", version("payswitch"))[:3]]


async def pending(
    database_url: str, packages: Sequence[str] = PACKAGES, *, phase: Phase | None = None
) -> list[str]:
    """The names of the migrations that `migrate` would apply. Any process may ask.

    Raises:
        MigrationError: an applied migration was changed, or this version is too old.

    """
    connection = await asyncpg.connect(database_url, timeout=_CONNECT_WITHIN_S)
    try:
        return [migration.title for migration in (await compare(connection, packages)).pending(phase)]
    finally:
        await connection.close()


async def compare(connection: asyncpg.Connection, packages: Sequence[str] = PACKAGES) -> Schema:
    """Compare the schema with the migrations of this version. Reads only; the database may be empty.

    Raises:
        MigrationError: an applied migration was changed, or this version is too old.

    """
    there = await connection.fetchval(_HAS_HISTORY)
    rows = await connection.fetch(_APPLIED) if there else []
    missing: list[Migration] = []
    newer: list[str] = []
    for package in packages:
        known = migrations(package)
        applied = {row["name"]: row["sha256"] for row in rows if row["package"] == package}
        newer += _check_history(package, known, applied)
        missing += [migration for migration in known if migration.name not in applied]
    return Schema(
        applied=tuple(f"{row['package']}/{row['name']}" for row in rows),
        missing=tuple(migration for phase in Phase for migration in missing if migration.phase is phase),
        newer=tuple(newer),
    )


@contextlib.asynccontextmanager
async def _history(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url, timeout=_CONNECT_WITHIN_S)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        await connection.execute(_HISTORY)
        yield connection
    finally:
        await connection.close()


def _check_history(package: str, known: Sequence[Migration], applied: dict[str, bytes]) -> list[str]:
    """Check what was applied; return the titles of migrations of later versions.

    A later `pre` leaves this version working; a later `post` removed something that it may need.
    """
    hashes = {migration.name: migration.sha256 for migration in known}
    newer = [name for name in applied if known and name > known[-1].name]
    removed = [name for name in newer if name.split("_")[1] == Phase.POST]
    if removed:
        raise MigrationError(
            f"the database's schema is newer than this version: it has {package}/{max(removed)}, and ours"
            f" ends with {known[-1].name}; start the version that applied it, or a later one"
        )
    for name, sha256 in applied.items():
        if name not in newer and hashes.get(name) != sha256:
            raise MigrationError(f"{package}/{name} was applied and has since been edited or removed")
    return [f"{package}/{name}" for name in newer]


async def _apply_patiently(connection: asyncpg.Connection, migration: Migration) -> None:
    """Try, let traffic pass, and try again: no payment waits longer than one time-out."""
    for attempt in range(1, _LOCK_ATTEMPTS + 1):
        try:
            await _apply(connection, migration)
        except asyncpg.LockNotAvailableError:
            if attempt == _LOCK_ATTEMPTS:
                raise
            await asyncio.sleep(_PAUSE_S * attempt)
        else:
            return


async def _apply(connection: asyncpg.Connection, migration: Migration) -> None:
    async with connection.transaction():
        await connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'")
        await connection.execute(migration.text)
        await connection.execute(
            "INSERT INTO migration.applied (package, name, sha256) VALUES ($1, $2, $3)",
            migration.package,
            migration.name,
            migration.sha256,
        )
