"""A payment whose history was detached is known for ever, and says so instead of being guessed at."""

import asyncio
from uuid import UUID, uuid4

import asyncpg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger import audit, partitions
from ledger.detach import detach_oldest
from ledger.signing import Signer
from ledger.writer import Writer
from schemas.errors import NotFound
from switch.operations import housekeeping, verify
from switch.payments import journey
from switch.writer.commands import Accept, Advance, CommandLeg, Fund, Identity, OpenAccount, Refuse, Terms
from switch.writer.lifecycle import State
from switch.writer.payment_book import PaymentBook

SIGNER = Signer("test/ledger", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
TERMS = Terms("payer", "payee", "PK", 1, "INR", 1, "INR", 0, "", "")
MINUTE_US = 60_000_000


def identity(uetr: UUID) -> Identity:
    return Identity(uetr.bytes, b"same", "payer", "pacs.008.001.08", "m", b"raw", 0)


@pytest.fixture
async def pool(database_url):
    """A database with small partitions, and a pool of connections to it."""
    pool = await asyncpg.create_pool(database_url, min_size=1, max_size=2)
    for table in housekeeping.TABLES:
        for partition in await partitions.read(pool, table):
            await pool.execute(f"DROP TABLE {partition.name}")
        await partitions.add_ahead(pool, table, span=256, ahead=1024)
    yield pool
    await pool.close()


async def live(url, pool):
    """Payments that end in each way, and enough of them to fill a partition; their ids."""
    writer = Writer(url, PaymentBook(lambda _: None))
    await writer.start()
    source = (await writer.submit(OpenAccount("payswitch", "INR", "settlement", None))).number
    payer = (await writer.submit(OpenAccount("payer", "INR", "position", 0))).number
    payee = (await writer.submit(OpenAccount("payee", "INR", "position", 0))).number
    await writer.submit(Fund(b"f" * 16, b"f", [CommandLeg(source, payer, 1000, "funding")], "start"))
    refused, ids = uuid4(), [uuid4() for _ in range(120)]
    await writer.submit(Refuse(identity(refused), "AC01", "no"))
    now = int(await pool.fetchval("SELECT extract(epoch FROM clock_timestamp())") * 1_000_000)
    legs = [CommandLeg(payer, payee, 1, "principal")]
    await writer.submit_many(
        [
            Accept(identity(id_), TERMS, legs, "r", b"native", now + MINUTE_US, MINUTE_US, 0, False)
            for id_ in ids
        ]
    )
    ends = ["CONFIRM" if place else "REJECT" for place in range(len(ids))]
    await writer.submit_many([Advance(id_.bytes, end, rail="PK") for id_, end in zip(ids, ends, strict=True)])
    await writer.stop()
    return refused, ids


async def test_an_archived_payment_keeps_its_place(database_url, pool, tmp_path):
    refused, ids = await live(database_url, pool)
    async with pool.acquire() as connection:
        await audit.checkpoint(connection, SIGNER)
        archive = await detach_oldest(connection, tmp_path, SIGNER, companions=[housekeeping.MESSAGES])
        faults = [r async for r in verify.verify(connection, tmp_path / "none", None) if not r.ok]
        with_files = [
            r async for r in verify.verify(connection, tmp_path / "none", None, archives=tmp_path) if not r.ok
        ]
    states = await asyncio.gather(
        *(journey.read_status(pool, uetr) for uetr in (refused, ids[0], ids[1], ids[-1]))
    )

    assert [s.state for s in states] == [State.ABORTED, State.ABORTED, State.COMMITTED, State.COMMITTED]
    assert [s.refused_here for s in states] == [True, False, False, False]
    assert states[0].detail == "its history is archived"
    assert (await journey.read_payment(pool, refused, ["payer"]))["journey"] == []
    with pytest.raises(NotFound):
        await journey.read_status(pool, uuid4())
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "archive-1-256.note", "events-1-256.jsonl.gz", "message-1-256.jsonl.gz"
    ]  # fmt: skip
    assert "message-1-256.jsonl.gz" in archive.note
    assert (faults, with_files) == ([], [])
