"""Payments behind a batch in flight: what the database does not know yet, the payment book does."""

import asyncio
import time
from collections.abc import Sequence
from uuid import uuid4

import asyncpg
import pytest

from ledger.writer import Writer
from switch.writer.commands import (
    Accept,
    Advance,
    CommandLeg,
    Fund,
    Identity,
    OpenAccount,
    PaymentChange,
    Terms,
)
from switch.writer.lifecycle import State
from switch.writer.payment_book import PaymentBook
from tests.ledger.test_pipeline import Held, submitted

HOUR = 3_600_000_000
TERMS = Terms("payer", "payee", "PK", 100, "INR", 100, "INR", 0, "", "")


class Switch:
    """A writer of payments on a database of its own, one payment sent, and what was told to the workers."""

    def __init__(self, database_url: str) -> None:
        self.told: list[PaymentChange] = []
        self.writer = Writer(database_url, PaymentBook(self._tell))

    def _tell(self, changes: Sequence[PaymentChange]) -> None:
        self.told.extend(changes)

    async def start(self) -> bytes:
        await self.writer.start()
        scheme, payer, payee = [
            (await self.writer.submit(OpenAccount(owner, "INR", "position", cap))).number
            for owner, cap in (("scheme", None), ("payer", 0), ("payee", 0))
        ]
        await self.writer.submit(
            Fund(uuid4().bytes, b"f", [CommandLeg(scheme, payer, 1_000, "funding")], "start")
        )
        uetr = uuid4().bytes
        identity = Identity(uetr, b"content", "payer", "pacs.008.001.08", "m", b"raw", 0)
        legs = [CommandLeg(payer, payee, 100, "principal")]
        expires = time.time_ns() // 1_000 + HOUR
        accept = Accept(identity, TERMS, legs, "ref", b"native", expires, HOUR, 0, hold=False)
        assert (await self.writer.submit(accept)).state == State.SENT
        return uetr


@pytest.fixture
async def switch(database_url):
    switch = Switch(database_url)
    yield switch
    await switch.writer.stop()


async def test_a_payment_that_closes_in_flight_is_not_opened_again_from_the_database(switch, database_url):
    uetr = await switch.start()
    held = Held(switch.writer)
    tasks = submitted(switch.writer, Advance(uetr, "CONFIRM"))
    await held.flying.wait()
    tasks += submitted(switch.writer, Advance(uetr, "CONFIRM"), Advance(uetr, "REJECT"))
    await asyncio.sleep(0.05)
    assert switch.told == []
    held.go.set()
    replies = await asyncio.gather(*tasks)

    assert [reply.verdict for reply in replies] == ["advanced", "final", "contradiction"]
    assert [(change.uetr, change.state) for change in switch.told] == [(uetr, State.COMMITTED)]
    connection = await asyncpg.connect(database_url)
    assert await connection.fetchval("SELECT count(*) FROM switch.open_payment") == 0
    await connection.close()


async def test_the_result_of_a_failed_batch_is_sent_once_when_it_is_durable(switch):
    uetr = await switch.start()
    held = Held(switch.writer)
    tasks = submitted(switch.writer, Advance(uetr, "CONFIRM"))
    await held.flying.wait()
    tasks += submitted(switch.writer, Advance(uetr, "CONFIRM"))
    await asyncio.sleep(0.05)
    failures = iter([True])

    async def fail_once():
        if next(failures, False):
            raise ConnectionResetError

    held.before = fail_once
    held.go.set()
    first, second = await asyncio.gather(*tasks)

    assert (first.verdict, second.verdict) == ("advanced", "final")
    assert [(change.uetr, change.state) for change in switch.told] == [(uetr, State.COMMITTED)]


async def test_a_contradiction_in_a_batch_that_failed_is_written_down_all_the_same(switch, database_url):
    """It was remembered as said before it was durable, and then never written."""
    uetr = await switch.start()
    await switch.writer.submit(Advance(uetr, "CONFIRM"))
    held = Held(switch.writer)
    failures = iter([True])

    async def fail_once():
        if next(failures, False):
            raise ConnectionResetError

    held.before = fail_once
    held.go.set()
    reply = await switch.writer.submit(Advance(uetr, "REJECT"))

    assert reply.verdict == "contradiction"
    connection = await asyncpg.connect(database_url)
    written = await connection.fetchval("SELECT count(*) FROM ledger.event WHERE kind = 'CONTRADICTION'")
    assert written == 1
    await connection.close()
