"""Migrations: once, in order, never edited; and the schema file says the same as they do."""

import asyncio
import subprocess
from collections import Counter
from importlib.resources import files
from uuid import uuid4

import asyncpg
import pytest

from ledger.books import LedgerVerdict
from ledger.migrate import MigrationError, Phase, migrate, migrations, pending
from ledger.postgres import BIN
from ledger.verify import verify
from tests.conftest import dump
from tests.ledger.hosts import pay


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


def test_the_schema_file_equals_the_result_of_the_migrations(empty_database_url, database_url):
    schema = (files("ledger") / "schema.sql").read_text()
    subprocess.run(
        [BIN / "psql", empty_database_url, "-qX", "-v", "ON_ERROR_STOP=1"],
        input=schema,
        text=True,
        check=True,
    )

    assert dump(empty_database_url, "ledger") == dump(database_url, "ledger")


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Makes a package with these migrations, as `{name: text}`; its name."""

    def make(name, texts):
        directory = tmp_path / name / "migrations"
        directory.mkdir(parents=True)
        (tmp_path / name / "__init__.py").touch()
        for file, text in texts.items():
            (directory / file).write_text(text)
        return name

    monkeypatch.syspath_prepend(tmp_path)
    return make


async def test_every_pre_comes_before_any_post_and_a_phase_may_come_alone(empty_database_url, package):
    nothing = "SELECT 1"
    first = package(
        "first_of_two", {"0001_pre_a.sql": nothing, "0002_post_b.sql": nothing, "0003_pre_c.sql": nothing}
    )
    second = package("second_of_two", {"0001_post_d.sql": nothing, "0002_pre_e.sql": nothing})
    both = (first, second)

    expected = ["first_of_two/0001_pre_a.sql", "first_of_two/0003_pre_c.sql", "second_of_two/0002_pre_e.sql"]
    assert await pending(empty_database_url, both, phase=Phase.PRE) == expected
    assert await migrate(empty_database_url, both, phase=Phase.PRE) == expected
    assert await migrate(empty_database_url, both, phase=Phase.PRE) == []
    assert await migrate(empty_database_url, both) == [
        "first_of_two/0002_post_b.sql",
        "second_of_two/0001_post_d.sql",
    ]


EXPAND = "ALTER TABLE ledger.transfer ADD COLUMN remark text"
FILL = "UPDATE ledger.transfer SET remark = '' WHERE remark IS NULL AND number < 100"
CONTRACT = "ALTER TABLE ledger.transfer DROP COLUMN remark"


async def test_a_migration_under_load_fails_no_payment_and_holds_none_up_for_long(
    writer, database_url, package, monkeypatch
):
    """K3: with a long reader in the way, which would otherwise queue every payment up behind the migration."""
    monkeypatch.setattr("ledger.migrate._LOCK_TIMEOUT", "100ms")
    name = package(
        "expand_and_contract",
        {"0001_pre_expand.sql": EXPAND, "0002_pre_fill.sql": FILL, "0003_post_contract.sql": CONTRACT},
    )
    debtor, creditor = await writer.submit(("open", "alpha")), await writer.submit(("open", "beta"))
    verdicts, paying = Counter(), True

    async def payer():
        while paying:
            reply = await writer.submit(("move", uuid4(), pay(debtor, creditor, 1)))
            verdicts[reply.verdict] += 1

    async def long_reader(connection):
        async with connection.transaction():
            await connection.execute("SELECT count(*) FROM ledger.transfer")
            before = verdicts.total()
            await asyncio.sleep(0.7)
            return verdicts.total() - before

    payers = [asyncio.create_task(payer()) for _ in range(8)]
    reader = await asyncpg.connect(database_url)
    reading = asyncio.create_task(long_reader(reader))
    await asyncio.sleep(0.1)
    applied = await migrate(database_url, (name,), phase=Phase.PRE)
    applied += await migrate(database_url, (name,), phase=Phase.POST)
    while_reading = await reading
    paying = False
    await asyncio.gather(*payers)
    assert [result async for result in verify(reader) if not result.ok] == []
    await reader.close()

    assert len(applied) == 3
    assert set(verdicts) == {LedgerVerdict.CREATED}
    assert writer.meters.retries == 0
    assert while_reading > 2 * len(payers)  # behind a migration that waits, each would end one at most


async def test_an_older_release_leaves_the_rights_of_a_later_one(database_url: str) -> None:
    """An old `up` set back the rights of a release that had changed grants.sql and no migration."""
    connection = await asyncpg.connect(database_url)
    may = "SELECT has_table_privilege('payswitch_messenger', 'ledger.account', 'SELECT')"
    own = await connection.fetchval("SELECT release FROM migration.rights")
    later = [own[0], own[1], own[2] + 1]
    try:
        await connection.execute("GRANT SELECT ON ledger.account TO payswitch_messenger")
        await connection.execute("UPDATE migration.rights SET release = $1", later)
        await migrate(database_url)

        assert await connection.fetchval(may) is True
        assert await connection.fetchval("SELECT release FROM migration.rights") == later
        await connection.execute("UPDATE migration.rights SET release = $1", [0, 0, 9])
        await migrate(database_url)

        assert await connection.fetchval(may) is False
        assert await connection.fetchval("SELECT release FROM migration.rights") == own
    finally:
        await connection.close()
