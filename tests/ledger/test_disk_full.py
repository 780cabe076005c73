"""A full disk: clear refusals, nothing lost, and work goes on when there is room again."""

import asyncio
import contextlib
import os
import shutil
import subprocess
from collections import Counter
from uuid import uuid4

import asyncpg
import pytest

from ledger.books import LedgerVerdict
from ledger.migrate import migrate
from ledger.postgres import EmbeddedPostgres
from ledger.verify import verify
from ledger.writer import Writer
from schemas.errors import Unavailable
from tests.ledger.hosts import PlainHost, pay

pytestmark = pytest.mark.chaos

SMALL = {"shared_buffers": "16MB", "wal_buffers": "1MB", "max_wal_size": "64MB", "min_wal_size": "32MB"}
PAYERS = 50


@pytest.fixture
def small_disk(data_directory):
    """A file system of 200 MB in memory."""
    yield from mounted_disk(data_directory / "disk", "200M")


@pytest.fixture
def small_log_disk(data_directory):
    """A file system of 80 MB in memory, for the write-ahead log alone."""
    yield from mounted_disk(data_directory / "log", "80M")


def mounted_disk(disk, size):
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "tmpfs", disk],
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip("only root may mount a small disk")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


async def test_a_full_disk_refuses_and_loses_nothing(small_disk):
    server = EmbeddedPostgres(small_disk / "postgres", SMALL)
    database_url = server.start()
    await migrate(database_url, ("ledger",))
    writer = Writer(database_url, PlainHost())
    await writer.start()
    try:
        await live_through_a_full_disk(writer, small_disk)
        await writer.stop()
        connection = await asyncpg.connect(database_url)
        assert [result async for result in verify(connection) if not result.ok] == []
        await connection.close()
    finally:
        server.stop()


async def live_through_a_full_disk(writer, disk):
    debtor = await writer.submit(("open", "alpha"))
    creditor = await writer.submit(("open", "beta"))
    granted, paying = Counter(), True

    async def payer():
        while paying:
            granted[(await writer.submit(("reserve", uuid4(), pay(debtor, creditor, 1)))).verdict] += 1

    async def until(condition):
        async with asyncio.timeout(60):
            while not condition():
                await asyncio.sleep(0.01)

    payers = asyncio.gather(*(payer() for _ in range(PAYERS)))
    await until(lambda: granted.total() > PAYERS)
    fill(disk / "filler")
    await until(lambda: writer.away)
    with pytest.raises(Unavailable, match="unavailable"):
        await writer.submit(("open", "gamma"))
    before = granted.total()
    (disk / "filler").unlink()
    await until(lambda: granted.total() > before + PAYERS)
    paying = False
    await payers
    assert set(granted) <= {LedgerVerdict.CREATED, LedgerVerdict.EXISTS}


def fill(path):
    """Write until nothing more fits."""
    with path.open("wb", buffering=0) as filler:
        size = 1 << 20
        while size:
            try:
                filler.write(os.urandom(size))
            except OSError:
                size //= 2


async def test_a_full_disk_of_the_log_stops_the_server_and_loses_nothing(data_directory, small_log_disk):
    """PostgreSQL panics when its log's disk is full. Nothing is acknowledged that is not there afterwards."""
    server = EmbeddedPostgres(data_directory / "postgres", SMALL)
    server.start()
    server.stop()
    wal = server.data / "pg_wal"
    shutil.copytree(wal, small_log_disk / "pg_wal")
    give(small_log_disk / "pg_wal", wal.stat())
    shutil.rmtree(wal)
    wal.symlink_to(small_log_disk / "pg_wal")
    database_url = server.start()
    await migrate(database_url, ("ledger",))
    writer = Writer(database_url, PlainHost())
    await writer.start()
    try:
        acknowledged = await pay_until_the_log_is_full(writer, small_log_disk)
        with pytest.raises(Unavailable):
            await writer.submit(("open", "gamma"))
        (small_log_disk / "filler").unlink()
        if not server.running:
            server.start()
        assert await until_it_pays_again(writer)
        await writer.stop()
        connection = await asyncpg.connect(database_url)
        rows = await connection.fetch("SELECT id FROM ledger.transfer")
        assert acknowledged <= {row["id"] for row in rows}
        assert [result async for result in verify(connection) if not result.ok] == []
        await connection.close()
    finally:
        await writer.stop()
        server.stop()


def give(directory, owner):
    for place in (directory, *directory.rglob("*")):
        os.chown(place, owner.st_uid, owner.st_gid)
    directory.chmod(0o700)


async def pay_until_the_log_is_full(writer, disk):
    """The ids that were acknowledged until the writer had to say that its database is away."""
    debtor, creditor = await writer.submit(("open", "alpha")), await writer.submit(("open", "beta"))
    acknowledged = set()

    async def payer():
        with contextlib.suppress(Unavailable):
            while True:
                id_ = uuid4()
                await writer.submit(("move", id_, pay(debtor, creditor, 1)))
                acknowledged.add(id_)

    payers = [asyncio.create_task(payer()) for _ in range(PAYERS)]
    async with asyncio.timeout(60):
        while len(acknowledged) < PAYERS:
            await asyncio.sleep(0.01)
        fill(disk / "filler")
        while not writer.away:
            await asyncio.sleep(0.01)
    for task in payers:
        task.cancel()
    await asyncio.gather(*payers, return_exceptions=True)
    return acknowledged


async def until_it_pays_again(writer):
    async with asyncio.timeout(60):
        while True:
            try:
                return await writer.submit(("open", "delta"))
            except Unavailable:
                await asyncio.sleep(0.05)
