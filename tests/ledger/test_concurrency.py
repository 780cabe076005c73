"""Many tasks at once on real PostgreSQL: caps to the unit, storms without deadlock, auditors who see zero."""

import asyncio
import random
from collections import Counter
from uuid import uuid4

import asyncpg
import pytest

from ledger import positions
from ledger.books import LedgerVerdict
from ledger.verify import verify
from ledger.writer import Frozen, Writer
from tests.ledger.hosts import PlainHost, pay


async def all_well(connection):
    return [result async for result in verify(connection) if not result.ok] == []


@pytest.mark.parametrize("batch_max", [1, 7, 500])
async def test_64_tasks_at_the_edge_of_a_cap_are_granted_exactly_the_cap(database_url, connection, batch_max):
    writer = Writer(database_url, PlainHost(), batch_max=batch_max)
    await writer.start()
    debtor = await writer.submit(("open", "alpha", "INR", "position", 1_000))
    creditor = await writer.submit(("open", "beta"))

    replies = await asyncio.gather(
        *(writer.submit(("reserve", uuid4(), pay(debtor, creditor, 100))) for _ in range(64))
    )
    await writer.stop()

    assert Counter(reply.verdict for reply in replies) == {
        LedgerVerdict.CREATED: 10,
        LedgerVerdict.CAP_EXCEEDED: 54,
    }
    assert await all_well(connection)


async def test_storms_both_ways_with_retries_and_auditors(writer, connection, database_url):
    accounts = [await writer.submit(("open", f"bank {n}", "INR", "position", 10_000)) for n in range(4)]
    seeded = random.Random(4)
    storming = True

    async def payer():
        for _ in range(15):
            debtor, creditor = seeded.sample(accounts, 2)
            uetr, legs = uuid4(), pay(debtor, creditor, seeded.randint(1, 2_000))
            end = seeded.choice(["post", "void"])
            await asyncio.gather(*(writer.submit(("reserve", uetr, legs)) for _ in range(2)))
            await asyncio.gather(*(writer.submit((end, uetr)) for _ in range(2)))

    async def auditor():
        looks = 0
        auditing = await asyncpg.connect(database_url)
        while storming:
            assert set((await positions.imbalance(auditing)).values()) == {0}
            assert all(p.headroom >= 0 for p in await positions.read(auditing))
            looks += 1
            await asyncio.sleep(0)
        await auditing.close()
        return looks

    async def closer():
        for _ in range(5):
            await asyncio.sleep(0.02)
            await writer.submit(("window",))

    auditors = asyncio.gather(auditor(), auditor())
    await asyncio.gather(closer(), *(payer() for _ in range(48)))
    storming = False

    assert min(await auditors) > 0
    assert await connection.fetchval("SELECT sum(debits_pending) FROM ledger.account") == 0
    assert await all_well(connection)


async def test_post_and_void_at_once_one_wins(writer, connection):
    debtor = await writer.submit(("open", "alpha"))
    creditor = await writer.submit(("open", "beta"))
    ids = [uuid4() for _ in range(100)]
    await writer.submit_many([("reserve", id_, pay(debtor, creditor, 1)) for id_ in ids])

    pairs = await asyncio.gather(
        *(
            asyncio.gather(
                *(writer.submit((verb, id_)) for verb in random.Random(n).sample(["post", "void"], 2))
            )
            for n, id_ in enumerate(ids)
        )
    )

    for pair in pairs:
        won = {reply.verdict for reply in pair}
        assert won in ({"posted", "already_posted"}, {"voided", "already_voided"})
    assert await all_well(connection)


async def test_two_writers_in_turn_never_fork_the_ledger(database_url, connection):
    """Rivals keep taking over from each other under load; each refuses once it is fenced."""
    first = Writer(database_url, PlainHost())
    await first.start()
    debtor = await first.submit(("open", "alpha", "INR", "position", 10_000))
    creditor = await first.submit(("open", "beta"))
    acknowledged = []

    async def load_forever(writer):
        while True:
            uetr = uuid4()
            await writer.submit(("reserve", uetr, pay(debtor, creditor, 1)))
            acknowledged.append(uetr)

    async def load(writer):
        with pytest.raises(Frozen):
            await load_forever(writer)

    loads, writers = [asyncio.gather(*(load(first) for _ in range(16)))], [first]
    for _ in range(4):
        await asyncio.sleep(0.05)
        rival = Writer(database_url, PlainHost())
        await rival.start()
        loads.append(asyncio.gather(*(load(rival) for _ in range(16))))
        writers.append(rival)
    last = Writer(database_url, PlainHost())
    await last.start()
    await asyncio.gather(*loads)
    await asyncio.gather(*(writer.stop() for writer in [*writers, last]))

    known = await connection.fetch("SELECT id FROM ledger.transfer WHERE kind = 'two_phase'")
    assert set(acknowledged) <= {row["id"] for row in known}
    assert await connection.fetchval("SELECT epoch FROM ledger.head") == 6
    assert await all_well(connection)
