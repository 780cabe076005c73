"""Migrations: once, in order, never edited; and the schema file says the same as they do."""

import asyncio
import subprocess
from importlib.resources import files

import asyncpg
import pytest

from ledger.migrate import MigrationError, migrate, migrations
from ledger.postgres import BIN
from tests.conftest import dump


async def test_migrating_twice_does_nothing_the_second_time(empty_database_url):
    first = await migrate(empty_database_url, ("ledger",))

    assert first == [f"ledger/{migration.name}" for migration in migrations("ledger")]
    assert await migrate(empty_database_url, ("ledger",)) == []


async def test_two_at_once_apply_each_migration_once(empty_database_url):
    results = await asyncio.gather(*(migrate(empty_database_url, ("ledger",)) for _ in range(3)))

    assert sum(map(len, results)) == len(migrations("ledger"))


async def test_edited_history_is_refused(empty_database_url):
    await migrate(empty_database_url, ("ledger",))
    connection = await asyncpg.connect(empty_database_url)
    await connection.execute("UPDATE migration.applied SET sha256 = sha256('edited')")
    await connection.close()

    with pytest.raises(MigrationError, match="edited"):
        await migrate(empty_database_url, ("ledger",))


async def test_a_table_under_load_is_not_waited_for(empty_database_url, monkeypatch):
    monkeypatch.setattr("ledger.migrate._LOCK_TIMEOUT", "100ms")
    monkeypatch.setattr("ledger.migrate._LOCK_ATTEMPTS", 2)
    connection = await asyncpg.connect(empty_database_url)
    await connection.execute(
        "CREATE SCHEMA migration; CREATE TABLE migration.applied (package text, name text,"
        " sha256 bytea, applied_at timestamptz DEFAULT now())"
    )
    await connection.execute("BEGIN; CREATE SCHEMA ledger")
    try:
        with pytest.raises(asyncpg.LockNotAvailableError):
            await migrate(empty_database_url, ("ledger",))
    finally:
        await connection.close()


def test_a_package_without_migrations_has_none():
    assert migrations("schemas") == []


def test_the_schema_file_says_what_the_migrations_do(empty_database_url, database_url):
    schema = (files("ledger") / "schema.sql").read_text()
    subprocess.run(
        [BIN / "psql", empty_database_url, "-qX", "-v", "ON_ERROR_STOP=1"],
        input=schema,
        text=True,
        check=True,
    )

    assert dump(empty_database_url, "ledger") == dump(database_url, "ledger")
