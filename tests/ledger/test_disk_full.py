"""A full disk: clear refusals, nothing lost, and work goes on when there is room again."""

import asyncio
import os
import subprocess
from collections import Counter
from uuid import uuid4

import asyncpg
import pytest

from ledger.books import Verdict
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
    disk = data_directory / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200M,mode=0755", "tmpfs", disk], capture_output=True, check=False
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
    with pytest.raises(Unavailable, match="away"):
        await writer.submit(("open", "gamma"))
    before = granted.total()
    (disk / "filler").unlink()
    await until(lambda: granted.total() > before + PAYERS)
    paying = False
    await payers
    assert set(granted) <= {Verdict.CREATED, Verdict.EXISTS}


def fill(path):
    """Write until nothing more fits."""
    with path.open("wb", buffering=0) as filler:
        size = 1 << 20
        while size:
            try:
                filler.write(os.urandom(size))
            except OSError:
                size //= 2
