"""The next batch is decided while one is being applied: what happens to it when that one does not end well."""

import asyncio
from uuid import uuid4

import pytest

from ledger.books import LedgerVerdict
from ledger.verify import verify
from ledger.writer import Footprint, Frozen, Writer
from schemas.errors import NotFound, Unavailable
from tests.ledger.hosts import PlainHost, pay


class Held:
    """The writer's apply, stopped at a gate: `flying` says that a batch is in flight, `go` lets it end."""

    def __init__(self, writer):
        self.writer, self.apply = writer, writer._apply
        self.flying, self.go = asyncio.Event(), asyncio.Event()
        self.flights = []
        writer._apply = self

    async def __call__(self, flight):
        self.flights.append([waiting.command for waiting in flight.decided])
        self.flying.set()
        await self.go.wait()
        await self.before()
        await self.apply(flight)
        await self.after()

    async def before(self):
        """What happens before the batch is applied."""

    async def after(self):
        """What happens when it is durable, but the writer does not know yet."""


async def open_two(writer):
    return [await writer.submit(("open", name, "INR", "position", 100)) for name in ("alpha", "beta")]


def submitted(writer, *commands):
    return [asyncio.create_task(writer.submit(command)) for command in commands]


async def until_decided_ahead(writer):
    """Wait until the batch behind the one in flight was decided."""
    while not writer._taken or any(waiting.reply is None for waiting in writer._taken):
        await asyncio.sleep(0.001)


async def two_batches(writer, first, second):
    """`first` in flight, held; `second` decided on top of it."""
    held = Held(writer)
    tasks = submitted(writer, *first)
    await held.flying.wait()
    tasks += submitted(writer, *second)
    await until_decided_ahead(writer)
    return held, tasks


async def sound(connection):
    return [result async for result in verify(connection) if not result.ok] == []


async def test_a_batch_is_decided_on_top_of_the_one_in_flight_and_answered_after_it(writer, connection):
    debtor, creditor = await open_two(writer)
    uetr = uuid4()
    held, tasks = await two_batches(
        writer, [("reserve", uetr, pay(debtor, creditor, 60))], [("post", uetr), ("find", uetr)]
    )

    await asyncio.sleep(0.02)
    assert not any(task.done() for task in tasks)
    assert await connection.fetchval("SELECT count(*) FROM ledger.transfer") == 0
    held.go.set()
    reserved, posted, found = await asyncio.gather(*tasks)

    assert len(held.flights) == 2
    assert (reserved.verdict, posted.verdict, found.verdict) == (
        LedgerVerdict.CREATED,
        LedgerVerdict.POSTED,
        "posted",
    )
    assert await sound(connection)


async def test_a_batch_in_flight_that_fails_takes_the_one_decided_ahead_with_it(writer, connection):
    """Both are decided again, in their order: the cap goes to who came first."""
    debtor, creditor = await open_two(writer)
    first, second = uuid4(), uuid4()
    held, tasks = await two_batches(
        writer,
        [("reserve", first, pay(debtor, creditor, 60))],
        [("reserve", second, pay(debtor, creditor, 60))],
    )
    failures = iter([True])

    async def fail_once():
        if next(failures, False):
            raise ConnectionResetError

    held.before = fail_once
    held.go.set()
    replies = await asyncio.gather(*tasks)

    assert [reply.verdict for reply in replies] == [LedgerVerdict.CREATED, LedgerVerdict.CAP_EXCEEDED]
    assert writer.meters.retries == 1
    assert await connection.fetchval("SELECT sum(debits_pending) FROM ledger.account") == 60
    assert await sound(connection)


async def test_a_commit_whose_answer_is_lost_is_found_out_with_a_batch_decided_ahead(writer, connection):
    debtor, creditor = await open_two(writer)
    uetr = uuid4()
    held, tasks = await two_batches(
        writer, [("reserve", uetr, pay(debtor, creditor, 9))], [("post", uetr), ("post", uetr)]
    )
    losses = iter([True])

    async def answer_lost():
        if next(losses, False):
            raise ConnectionResetError

    held.after = answer_lost
    held.go.set()
    replies = await asyncio.gather(*tasks)

    assert [reply.verdict for reply in replies] == ["exists", "posted", "already_posted"]
    assert await connection.fetchval("SELECT sum(debits_posted) FROM ledger.account") == 9
    assert await sound(connection)


async def test_a_rival_between_two_batches_fences_the_second_and_not_the_first(
    writer, database_url, connection
):
    debtor, creditor = await open_two(writer)
    first, second = uuid4(), uuid4()
    held, tasks = await two_batches(
        writer,
        [("reserve", first, pay(debtor, creditor, 1))],
        [("reserve", second, pay(debtor, creditor, 1))],
    )
    rival = Writer(database_url, PlainHost())
    takeovers = iter([rival])

    async def taken_over():
        if next(takeovers, None):
            await rival.start()

    held.after = taken_over
    held.go.set()
    done, frozen = await asyncio.gather(*tasks, return_exceptions=True)
    known = await connection.fetch("SELECT id FROM ledger.transfer")

    assert done.verdict is LedgerVerdict.CREATED
    assert isinstance(frozen, Frozen)
    assert [row["id"] for row in known] == [first]
    assert (
        await rival.submit(("reserve", second, pay(debtor, creditor, 1)))
    ).verdict is LedgerVerdict.CREATED
    await rival.stop()
    assert await sound(connection)


async def test_a_fenced_batch_in_flight_answers_neither_itself_nor_the_one_decided_ahead(
    writer, database_url, connection
):
    debtor, creditor = await open_two(writer)
    uetr = uuid4()
    held, tasks = await two_batches(
        writer, [("reserve", uetr, pay(debtor, creditor, 1))], [("find", uetr), ("post", uetr)]
    )
    rival = Writer(database_url, PlainHost())
    await rival.start()
    held.go.set()
    replies = await asyncio.gather(*tasks, return_exceptions=True)
    await rival.stop()

    assert [type(reply) for reply in replies] == [Frozen] * 3
    assert await connection.fetchval("SELECT count(*) FROM ledger.transfer") == 0


async def test_a_command_that_raises_behind_a_batch_in_flight_fails_alone(writer, connection):
    debtor, creditor = await open_two(writer)
    held = Held(writer)
    tasks = submitted(writer, ("reserve", uuid4(), pay(debtor, creditor, 1)))
    await held.flying.wait()
    behind = ("reserve", uuid4(), pay(debtor, creditor, 2)), ("raise", NotFound()), ("find", uuid4())
    tasks += submitted(writer, *behind)
    await asyncio.sleep(0.02)
    held.go.set()
    first, second, third, fourth = await asyncio.gather(*tasks, return_exceptions=True)

    assert (first.verdict, second.verdict, fourth) == (LedgerVerdict.CREATED, LedgerVerdict.CREATED, None)
    assert isinstance(third, NotFound)
    assert await connection.fetchval("SELECT sum(debits_pending) FROM ledger.account") == 3
    assert await sound(connection)


async def test_a_load_that_fails_leaves_the_batch_in_flight_to_its_commit(writer, connection):
    """The connection that loads is cut while a batch flies: that one commits and is acknowledged once."""
    debtor, creditor = await open_two(writer)
    uetr = uuid4()
    held = Held(writer)
    tasks = submitted(writer, ("reserve", uetr, pay(debtor, creditor, 4)))
    await held.flying.wait()
    writer._loading.terminate()
    tasks += submitted(writer, ("post", uetr))
    await asyncio.sleep(0.02)
    held.go.set()
    replies = await asyncio.gather(*tasks)

    assert [reply.verdict for reply in replies] == [LedgerVerdict.CREATED, LedgerVerdict.POSTED]
    assert writer.meters.retries == 1
    assert await sound(connection)


async def test_an_unforeseen_error_ahead_still_acknowledges_what_lands(writer):
    debtor, creditor = await open_two(writer)
    held = Held(writer)
    tasks = submitted(writer, ("reserve", uuid4(), pay(debtor, creditor, 4)))
    await held.flying.wait()

    async def broken(batch):
        raise AssertionError("broken")

    writer._load = broken
    tasks += submitted(writer, ("find", uuid4()))
    await asyncio.sleep(0.02)
    held.go.set()
    landed, ahead = await asyncio.gather(*tasks, return_exceptions=True)

    assert landed.verdict is LedgerVerdict.CREATED
    assert isinstance(ahead, Frozen)
    with pytest.raises(Frozen):
        await writer.submit(("find", uuid4()))


async def test_memory_never_forgets_what_is_in_flight(writer, connection):
    """The database does not have it yet: looked up there it would be missing, and be made twice."""
    debtor, creditor = await open_two(writer)
    writer.books.transfers_max = 0
    uetr = uuid4()
    held, tasks = await two_batches(
        writer, [("reserve", uetr, pay(debtor, creditor, 9))], [("reserve", uetr, pay(debtor, creditor, 9))]
    )
    held.go.set()
    replies = await asyncio.gather(*tasks)

    assert [reply.verdict for reply in replies] == [LedgerVerdict.CREATED, LedgerVerdict.EXISTS]
    assert await connection.fetchval("SELECT sum(debits_pending) FROM ledger.account") == 9


async def test_a_writer_that_stops_lands_what_is_in_flight_and_what_was_decided_ahead(writer, connection):
    debtor, creditor = await open_two(writer)
    uetr = uuid4()
    held, tasks = await two_batches(writer, [("reserve", uetr, pay(debtor, creditor, 9))], [("post", uetr)])
    stopping = asyncio.create_task(writer.stop())
    await asyncio.sleep(0.01)
    held.go.set()
    await stopping

    assert [(await task).verdict for task in tasks] == [LedgerVerdict.CREATED, LedgerVerdict.POSTED]


async def test_half_of_a_full_queue_flies_while_the_other_half_is_decided(writer):
    debtor, creditor = await open_two(writer)
    held = Held(writer)
    held.go.set()

    await writer.submit_many([("reserve", uuid4(), pay(debtor, creditor, 1)) for _ in range(200)])

    assert [len(flight) for flight in held.flights] == [100, 100]


class WeighedHost(PlainHost):
    """Every command weighs a hundred bytes."""

    def footprint(self, command):
        return Footprint(super().footprint(command).transfers, 100)


async def test_the_queue_is_bounded_by_bytes_and_frees_them_with_the_answer(database_url):
    writer = Writer(database_url, WeighedHost(), queue_bytes_max=1_000)
    await writer.start()
    commands = [("find", uuid4()) for _ in range(11)]

    with pytest.raises(Unavailable, match="full"):
        await writer.submit_many(commands)
    assert await writer.submit_many(commands[:10]) == [None] * 10
    held = Held(writer)
    waiting = asyncio.create_task(writer.submit_many(commands[:10]))
    await held.flying.wait()
    assert writer.waiting_bytes == 1_000
    with pytest.raises(Unavailable, match="full"):
        await writer.submit(commands[10])
    held.go.set()
    await waiting
    assert writer.waiting_bytes == 0
    await writer.stop()


async def test_a_batch_is_bounded_by_bytes(database_url, monkeypatch):
    monkeypatch.setattr("ledger.writer.BATCH_BYTES_MAX", 250)
    writer = Writer(database_url, WeighedHost())
    await writer.start()
    held = Held(writer)
    held.go.set()

    await writer.submit_many([("find", uuid4()) for _ in range(7)])
    await writer.stop()

    assert [len(flight) for flight in held.flights] == [3, 3, 1]


async def test_a_host_that_breaks_after_the_commit_freezes_the_writer_and_leaves_nobody_waiting(writer):
    debtor, creditor = await open_two(writer)
    held = Held(writer)
    tasks = submitted(writer, ("reserve", uuid4(), pay(debtor, creditor, 4)))
    await held.flying.wait()
    tasks += submitted(writer, ("find", uuid4()))

    def broken():
        raise AssertionError("broken")

    writer.host.committed = broken
    held.go.set()
    landed, _ = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 10)

    assert landed.verdict is LedgerVerdict.CREATED
    with pytest.raises(Frozen):
        await writer.submit(("find", uuid4()))
