"""Commits that wait for a synchronous standby: nothing is acknowledged, shown, or given up before it has them."""

import asyncio
import contextlib
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from ledger import writer as writer_module
from ledger.migrate import migrate
from ledger.postgres import BIN, EmbeddedPostgres
from ledger.writer import LostEvents, NotReplicated, Writer
from schemas.errors import Unavailable
from tests.ledger.hosts import PlainHost

WAITS = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
ACCOUNTS = "SELECT count(*) FROM ledger.account WHERE owner = 'bank'"


@pytest.fixture(scope="module")
def server_url() -> Iterator[str]:
    """A server of its own: whether commits wait is a setting of the whole server."""
    with tempfile.TemporaryDirectory(prefix="payswitch-") as directory:
        settings = {"fsync": "off", "shared_buffers": "16MB"}
        server = EmbeddedPostgres(Path(directory) / "postgres", settings)
        yield server.start()
        server.stop()


@contextlib.contextmanager
def standby(url: str, directory: Path) -> Iterator[None]:
    """A program that confirms each commit as a standby does: it has the log on its disk."""
    command = [
        BIN / "pg_receivewal",
        "-d",
        f"{url}&application_name=standby",
        "-D",
        directory,
        "--synchronous",
    ]
    receiver = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        receiver.terminate()
        receiver.wait()


@pytest.fixture
async def owner(server_url: str) -> AsyncIterator[asyncpg.Connection]:
    await migrate(server_url)
    connection = await asyncpg.connect(server_url)
    yield connection
    await wait_for(connection, "")
    await connection.close()


async def wait_for(connection: asyncpg.Connection, standby: str) -> None:
    """Have commits wait for this standby; empty: for none."""
    await connection.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{standby}'")
    await connection.execute("SELECT pg_reload_conf()")
    async with asyncio.timeout(10):
        while await connection.fetchval("SELECT current_setting('synchronous_standby_names')") != standby:
            await asyncio.sleep(0.02)


async def until(connection: asyncpg.Connection, question: str, answer: int) -> None:
    async with asyncio.timeout(20):
        while await connection.fetchval(question) != answer:
            await asyncio.sleep(0.05)


async def test_a_commit_that_the_standby_has_not_confirmed_is_not_shown_after_the_writer_lost_patience(
    server_url: str, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cancel request would end the wait and keep the commit: shown to every reader, and lost in a failover."""
    monkeypatch.setattr(writer_module, "COMMAND_TIMEOUT_S", 0.5)
    await owner.execute("SET synchronous_commit = local")
    writer = Writer(server_url, PlainHost())
    await writer.start()
    await wait_for(owner, "nobody")
    asked = asyncio.create_task(writer.submit(("open", "bank")))
    await until(owner, WAITS, 1)
    while not writer.meters.reconnections:
        await asyncio.sleep(0.05)
    await asyncio.sleep(1)

    assert not asked.done()
    assert await owner.fetchval(ACCOUNTS) == 0
    assert await owner.fetchval(WAITS) >= 1

    await wait_for(owner, "")  # as if the standby had come back: what waited is done, and done once
    async with asyncio.timeout(20):
        await asked
    assert await owner.fetchval(ACCOUNTS) == 1
    await writer.stop()


async def test_a_writer_freezes_when_its_database_has_lost_what_was_acknowledged(
    server_url: str, owner: asyncpg.Connection
) -> None:
    """As after a failover to a machine that was behind: the head is put back as it was there."""
    writer = Writer(server_url, PlainHost())
    await writer.start()
    before = await owner.fetchval("SELECT next_seq FROM ledger.head")
    await writer.submit(("open", "lost"))
    after = await owner.fetchval("SELECT next_seq FROM ledger.head")
    await owner.execute("DELETE FROM ledger.event WHERE seq >= $1", before)
    await owner.execute("DELETE FROM ledger.account WHERE number >= $1", before)
    await owner.execute("DELETE FROM ledger.settlement_window WHERE number >= $1", before)
    await owner.execute("UPDATE ledger.head SET next_seq = $1", before)
    await owner.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'payswitch writer%'"
    )
    with pytest.raises(Unavailable):
        await writer.submit(("open", "next"))
    with pytest.raises(Unavailable):
        await writer.submit(("open", "next"))

    assert isinstance(writer.frozen, LostEvents)
    assert f"events {before} to {after - 1}" in str(writer.frozen)
    await writer.stop()


async def test_a_writer_that_requires_a_standby_does_not_start_without_one(
    server_url: str, owner: asyncpg.Connection
) -> None:
    writer = Writer(server_url, PlainHost(), replicated=True)

    with pytest.raises(NotReplicated):
        await writer.start()
    await writer.stop()


async def test_a_writer_that_requires_a_standby_refuses_while_none_is_waited_for_and_goes_on_with_one(
    server_url: str, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    await owner.execute("SET synchronous_commit = local")
    await wait_for(owner, "standby")
    writer = Writer(server_url, PlainHost(), replicated=True)
    with standby(server_url, tmp_path):
        await writer.start()
        await writer.submit(("open", f"bank-{uuid4()}"))

        await wait_for(owner, "")  # as Patroni does without its strict mode, when the last standby is lost
        first = asyncio.create_task(writer.submit(("open", f"bank-{uuid4()}")))
        while not writer.away:
            await asyncio.sleep(0.02)
        with pytest.raises(Unavailable):
            await writer.submit(("open", f"bank-{uuid4()}"))

        await wait_for(owner, "standby")
        async with asyncio.timeout(20):
            await first
        await writer.stop()
