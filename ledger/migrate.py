"""Migrations: plain SQL files, applied once, in order, under one lock, and never edited afterwards.

Each package keeps its own in `<package>/migrations/NNNN_{pre,post}_name.sql`: `pre` runs before new code
starts, `post` after the last of the old has ended. One file is one transaction.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

import asyncpg

_LOCK: Final = 7_266_337_001
"""Advisory lock: one migration of a database at a time."""

_LOCK_TIMEOUT: Final = "5s"
"""A table that traffic holds makes a migration fail, not wait with the traffic queued behind it."""

_NAME = re.compile(r"\d{4}_(pre|post)_[a-z0-9_]+\.sql", re.ASCII)

_HISTORY: Final = """
CREATE SCHEMA IF NOT EXISTS migration;
CREATE TABLE IF NOT EXISTS migration.applied (
    package    text NOT NULL,
    name       text NOT NULL,
    sha256     bytea NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (package, name)
);
"""


class MigrationError(RuntimeError):
    """A migration that was applied has been edited, removed, or is misnamed."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file."""

    package: str
    name: str
    text: str

    @property
    def sha256(self) -> bytes:
        """What its history remembers it by."""
        return hashlib.sha256(self.text.encode()).digest()


def migrations(package: str) -> list[Migration]:
    """The package's migrations in order; none where it has no such directory.

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


async def migrate(database_url: str, packages: Sequence[str] = ("ledger", "switch")) -> list[str]:
    """Apply what is missing; the names of what was applied. Doing it again does nothing.

    Raises:
        MigrationError: history was edited; nothing was applied.

    """
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        await connection.execute(_HISTORY)
        return [name for package in packages for name in await _migrate_package(connection, package)]
    finally:
        await connection.close()


async def _migrate_package(connection: asyncpg.Connection, package: str) -> list[str]:
    known = migrations(package)
    rows = await connection.fetch("SELECT name, sha256 FROM migration.applied WHERE package = $1", package)
    applied: dict[str, bytes] = {row["name"]: row["sha256"] for row in rows}
    _check_history(package, known, applied)
    missing = [migration for migration in known if migration.name not in applied]
    for migration in missing:
        await _apply(connection, migration)
    return [f"{package}/{migration.name}" for migration in missing]


def _check_history(package: str, known: Sequence[Migration], applied: dict[str, bytes]) -> None:
    hashes = {migration.name: migration.sha256 for migration in known}
    for name, sha256 in applied.items():
        if hashes.get(name) != sha256:
            raise MigrationError(f"{package}/{name} was applied and has since been edited or removed")


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
