"""J1 to J3: a backup and the log bring back any instant since; a damaged one says so."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest

from ledger import backup
from ledger.backup import BackupError
from ledger.migrate import migrate
from ledger.postgres import EmbeddedPostgres
from ledger.verify import verify
from ledger.writer import Writer
from tests.ledger.hosts import PlainHost, pay

SMALL = {"shared_buffers": "32MB"}


@pytest.fixture
def server(data_directory):
    """A server that keeps its log in a directory of backups."""
    settings = {**SMALL, **backup.archive_settings(data_directory / "backups")}
    server = EmbeddedPostgres(data_directory / "postgres", settings)
    yield server
    server.stop()


async def pay_some(writer, count):
    """Acknowledged payments; their ids."""
    debtor, creditor = await writer.submit(("open", "alpha")), await writer.submit(("open", "beta"))
    ids = [uuid4() for _ in range(count)]
    await writer.submit_many([("move", id_, pay(debtor, creditor, 1)) for id_ in ids])
    return set(ids)


async def wait_until_archived(connection):
    """The log up to now is in the directory of backups."""
    await connection.execute(
        "SELECT pg_logical_emit_message(true, 'test', 'a segment with nothing in it stays')"
    )
    segment = await connection.fetchval("SELECT pg_walfile_name(pg_switch_wal())")
    async with asyncio.timeout(30):
        while (await connection.fetchval("SELECT last_archived_wal FROM pg_stat_archiver") or "") < segment:
            await asyncio.sleep(0.02)


async def live_then_lose_everything(server, directory):
    """Pay, back up, pay, note the instant, pay on; what was acknowledged before the instant, after it, and when."""
    url = server.start()
    await migrate(url, ("ledger",))
    writer = Writer(url, PlainHost())
    await writer.start()
    before = await pay_some(writer, 50)
    await asyncio.to_thread(backup.make, url, directory)
    before |= await pay_some(writer, 50)
    connection = await asyncpg.connect(url)
    instant = await connection.fetchval("SELECT clock_timestamp()")
    after = await pay_some(writer, 50)
    await wait_until_archived(connection)
    await connection.close()
    await writer.stop()
    server.stop()
    (server.data / "PG_VERSION").write_text("destroyed")
    return before, after, instant


async def ids_after(server):
    url = server.start()
    connection = await asyncpg.connect(url)
    found = {row["id"] for row in await connection.fetch("SELECT id FROM ledger.transfer")}
    assert [result async for result in verify(connection) if not result.ok] == []
    await connection.close()
    return found


@pytest.mark.timeout(120)
async def test_an_instant_comes_back_with_all_that_was_acknowledged_by_then(server, data_directory):
    directory = data_directory / "backups"
    before, after, instant = await live_then_lose_everything(server, directory)

    replaced = backup.restore(directory, server.data, instant)
    there = await ids_after(server)

    assert (replaced / "PG_VERSION").read_text() == "destroyed"
    assert before <= there
    assert not after & there
    writer = Writer(server.running_url(), PlainHost())
    await writer.start()
    assert len(await pay_some(writer, 5)) == 5
    await writer.stop()
    server.stop()
    # The end of the log, from the same backup: nothing that was acknowledged is missing.
    backup.restore(directory, server.data)
    assert before <= await ids_after(server)


@pytest.mark.timeout(120)
@pytest.mark.long
async def test_what_cannot_be_restored_is_reported(server, data_directory):
    directory = data_directory / "backups"
    _, _, instant = await live_then_lose_everything(server, directory)
    (made,) = backup.read(directory)
    assert backup.problems(made) == []

    with pytest.raises(BackupError, match="no backup that ended before"):
        backup.restore(directory, server.data, made.started_at - timedelta(seconds=1))
    with pytest.raises(BackupError, match="does not cover the instant"):
        backup.restore(directory, server.data, datetime.now(UTC) + timedelta(days=1))
    control = made.directory / "global" / "pg_control"
    control.write_bytes(control.read_bytes()[:-1] + b"x")
    (made.directory / "global" / "pg_filenode.map").unlink()
    assert sorted(backup.problems(made)) == [
        "global/pg_control was changed",
        "global/pg_filenode.map is missing",
    ]
    with pytest.raises(BackupError, match="was changed"):
        backup.restore(directory, server.data, instant)


@pytest.mark.timeout(120)
async def test_old_backups_go_with_the_log_that_only_they_need(server, data_directory):
    directory = data_directory / "backups"
    url = server.start()
    for _ in range(2):
        backup.make(url, directory)
        connection = await asyncpg.connect(url)
        await wait_until_archived(connection)
        await connection.close()
    first, second = backup.read(directory)

    assert backup.prune(directory, 1) == [first]
    assert backup.read(directory) == [second]
    left = {file.name for file in (directory / "wal").iterdir() if len(file.name) == 24}
    assert min(left) == second.first_segment


async def test_a_server_that_runs_is_not_replaced(server, data_directory):
    server.start()

    with pytest.raises(BackupError, match="is using"):
        backup.restore(data_directory / "backups", server.data)
