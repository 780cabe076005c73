"""Which database a report is read from: the replica only for a period that it has whole, else the primary."""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from ledger.migrate import migrate
from ledger.postgres import EmbeddedPostgres, _run, unprivileged_account
from ledger.roles import Login
from ledger.writer import Writer
from loadtests.reports import DAY, write_day
from switch.base.database import connect_pool
from switch.base.settings import Settings
from switch.cli import doctor
from switch.reports import catalogue
from switch.reports.query import ReportQuery, Scope
from switch.reports.source import Source
from tests.ledger.hosts import PlainHost

SMALL = {"fsync": "off", "shared_buffers": "32MB"}
SCOPE = Scope("tester", everything=True)
OVER = ReportQuery(since=DAY, until=DAY + timedelta(days=1))


@dataclass
class Pair:
    """A primary with a day of payments, and a server that follows it."""

    primary: EmbeddedPostgres
    follower: EmbeddedPostgres
    url: str
    replica_url: str


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with tempfile.TemporaryDirectory(prefix="payswitch-") as directory:
        primary = EmbeddedPostgres(Path(directory) / "primary", SMALL)
        follower = EmbeddedPostgres(Path(directory) / "replica", SMALL)
        url = primary.start()
        asyncio.run(_fill(url))
        account = unprivileged_account()
        follower.data.mkdir(mode=0o700)
        if account is not None:
            os.chown(follower.data, account.uid, account.gid)
        copy = ("--dbname", url, "--pgdata", str(follower.data), "--write-recovery-conf", "--checkpoint=fast")
        _run("pg_basebackup", *copy, account=account)
        (follower.data / ".s.PGSQL.5432.lock").unlink()  # the socket is beside the data
        try:
            yield Pair(primary, follower, url, follower.begin())
        finally:
            follower.stop()
            primary.stop()


async def _fill(url: str) -> None:
    await migrate(url)
    connection = await asyncpg.connect(url)
    await write_day(connection, 200)
    await connection.close()


@pytest.fixture
async def source(pair: Pair) -> AsyncIterator[Source]:
    """A source whose replica has every event that there is."""
    settings = Settings(database=pair.url, replica=pair.replica_url)
    pool = await connect_pool(settings, Login.READER)
    found = Source.open(settings, pool)
    await add_event(pair)
    await until_followed(pair)
    yield found
    await found.close()
    await pool.close()


async def add_event(pair: Pair) -> int:
    """An event of this moment on the primary; its number."""
    writer = Writer(pair.url, PlainHost())
    await writer.start()
    await writer.submit(("record", 0, "test", b""))
    await writer.stop()
    return writer.books.next_seq - 1


async def until_followed(pair: Pair) -> None:
    primary = await asyncpg.connect(pair.url)
    place = await primary.fetchval("SELECT pg_current_wal_lsn()")
    await primary.close()
    async with asyncio.timeout(30):
        while True:
            try:
                replica = await asyncpg.connect(pair.replica_url)
            except (OSError, asyncpg.PostgresError):
                await asyncio.sleep(0.05)  # it is starting
                continue
            there = await replica.fetchval("SELECT pg_last_wal_replay_lsn() >= $1::pg_lsn", place)
            await replica.close()
            if there:
                return
            await asyncio.sleep(0.02)


async def read_on_replica(source: Source, query: ReportQuery, *, from_replica: bool = True) -> bool:
    def read(connection: asyncpg.Connection) -> "asyncio.Future[bool]":
        return connection.fetchval("SELECT pg_is_in_recovery()")

    return await source.read(query, read, from_replica=from_replica)


async def test_a_period_that_is_over_is_read_from_the_replica_with_the_same_rows(source: Source) -> None:
    corridors = catalogue.find("corridors")
    assert await read_on_replica(source, OVER)

    found = await source.read(OVER, lambda c: corridors.read(c, OVER, SCOPE), from_replica=True)
    expected = await source.read(OVER, lambda c: corridors.read(c, OVER, SCOPE), from_replica=False)

    assert found == expected
    assert len(found.rows) > 0


@pytest.mark.parametrize("definition", catalogue.CATALOGUE.values(), ids=lambda definition: definition.name)
def test_nothing_that_settles_may_come_from_a_replica(definition: catalogue.Definition) -> None:
    statistics = {"liquidity", "corridors", "costs", "rejects", "patterns"}

    assert definition.from_replica == (definition.name in statistics)


async def test_other_reports_and_periods_that_are_not_over_are_read_from_the_primary(source: Source) -> None:
    assert not await read_on_replica(source, OVER, from_replica=False)
    assert not await read_on_replica(source, ReportQuery(window=1))
    assert not await read_on_replica(
        source, ReportQuery(since=DAY, until=datetime.now(UTC) + timedelta(hours=1))
    )


async def test_a_replica_that_lacks_events_is_not_read(source: Source, pair: Pair) -> None:
    replica = await asyncpg.connect(pair.replica_url)
    await replica.execute("SELECT pg_wal_replay_pause()")
    try:
        began = datetime.now(UTC)
        newest = await add_event(pair)

        assert not await read_on_replica(source, replace(OVER, as_of=newest))
        assert not await read_on_replica(source, ReportQuery(since=DAY, until=began))
        assert not await read_on_replica(replace(source, lag_max_s=0.001), OVER)
        assert await read_on_replica(source, OVER)
    finally:
        await replica.execute("SELECT pg_wal_replay_resume()")
        await replica.close()


async def test_the_doctor_names_a_replica_that_is_behind_and_a_standby_that_is_missing(
    source: Source, pair: Pair, tmp_path: Path
) -> None:
    settings = Settings(
        data=tmp_path,
        rails=(),
        database=pair.url,
        replica=pair.replica_url,
        replica_lag_max_s=0.001,
        synchronous_standby=True,
    )
    primary = await asyncpg.connect(pair.url)
    await primary.execute("SET synchronous_commit = local")
    try:
        await set_standbys(primary, "nobody")
        found = {finding.code for finding in (await doctor.examine(settings)).findings}
        await set_standbys(primary, "")
    finally:
        await primary.close()

    assert found >= {"standby-missing", "replica-behind"}


async def set_standbys(connection: asyncpg.Connection, names: str) -> None:
    await connection.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'")
    await connection.execute("SELECT pg_reload_conf()")
    async with asyncio.timeout(10):
        while await connection.fetchval("SELECT current_setting('synchronous_standby_names')") != names:
            await asyncio.sleep(0.02)


async def test_without_the_replica_the_primary_gives_the_report(source: Source, pair: Pair) -> None:
    away = Source.open(
        Settings(database=pair.url, replica="postgresql://nobody@127.0.0.1:9/none"), source.primary
    )

    assert not await read_on_replica(away, OVER)
    await away.close()
