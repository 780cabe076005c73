"""The writer on real PostgreSQL: batches, duplicates, fences, lost connections."""

import asyncio
import gc
from uuid import uuid4

import asyncpg
import psutil
import pytest

from ledger.books import Decision, LedgerVerdict, TransferState
from ledger.garbage import collect_in_short_steps
from ledger.writer import Frozen, Writer
from schemas.errors import NotFound, OutcomeUnknown, Unavailable
from tests.conftest import psql
from tests.ledger.hosts import PlainHost, pay


async def open_two(writer, cap=None):
    """Two accounts in rupees; the first has the cap."""
    return await writer.submit(("open", "alpha", "INR", "position", cap)), await writer.submit(
        ("open", "beta")
    )


async def test_a_payment_is_reserved_then_posted(writer, connection):
    debtor, creditor = await open_two(writer)
    uetr = uuid4()

    reserved = await writer.submit(("reserve", uetr, pay(debtor, creditor, 1500)))
    posted = await writer.submit(("post", uetr))

    assert (reserved.verdict, reserved.state) == (LedgerVerdict.CREATED, TransferState.PENDING)
    assert (posted.verdict, posted.number) == (LedgerVerdict.POSTED, reserved.number)
    rows = await connection.fetch(
        "SELECT debits_pending, debits_posted, credits_pending, credits_posted, entries"
        " FROM ledger.account ORDER BY number"
    )
    assert [tuple(row) for row in rows] == [(0, 1500, 0, 0, 1), (0, 0, 0, 1500, 1)]
    kinds = await connection.fetch("SELECT seq, kind FROM ledger.event ORDER BY seq")
    assert [tuple(row) for row in kinds] == [
        (1, "account_opened"),
        (2, "window_opened"),
        (3, "account_opened"),
        (4, "reserved"),
        (5, "posted"),
    ]


async def test_what_memory_has_forgotten_is_loaded_again(writer):
    debtor, creditor = await open_two(writer)
    uetr, fix = uuid4(), uuid4()
    reserved = await writer.submit(("reserve", uetr, pay(debtor, creditor, 5)))
    writer.books._transfers.clear()

    assert (await writer.submit(("reserve", uetr, pay(debtor, creditor, 5)))).verdict is LedgerVerdict.EXISTS
    writer.books._transfers.clear()
    assert await writer.submit(("post", uetr)) == Decision(
        LedgerVerdict.POSTED, reserved.number, TransferState.POSTED
    )
    writer.books._transfers.clear()
    assert (await writer.submit(("void", uetr))).verdict is LedgerVerdict.ALREADY_POSTED
    assert (await writer.submit(("correct", fix, uetr))).verdict is LedgerVerdict.CREATED
    writer.books._transfers.clear()
    assert (await writer.submit(("correct", uuid4(), uetr))).verdict is LedgerVerdict.ALREADY_CORRECTED
    assert (await writer.submit(("correct", uuid4(), fix))).verdict is LedgerVerdict.CORRECTION_OF_CORRECTION


async def test_a_command_that_raises_fails_alone(writer, connection):
    debtor, creditor = await open_two(writer)
    commands = [
        ("reserve", uuid4(), pay(debtor, creditor, 1)),
        ("raise", NotFound()),
        ("reserve", uuid4(), pay(debtor, creditor, 2)),
        ("raise", ValueError()),
    ]

    first, second, third, fourth = await writer.submit_many(commands)

    assert (first.verdict, third.verdict) == (LedgerVerdict.CREATED, LedgerVerdict.CREATED)
    assert isinstance(second, NotFound)
    assert isinstance(fourth, ValueError)
    assert await connection.fetchval("SELECT sum(debits_pending) FROM ledger.account") == 3
    with pytest.raises(NotFound):
        await writer.submit(("raise", NotFound()))


async def test_a_second_writer_fences_the_first(writer, database_url, connection):
    debtor, creditor = await open_two(writer)
    second = Writer(database_url, PlainHost())
    await second.start()
    uetr = uuid4()
    try:
        with pytest.raises(Frozen):
            await writer.submit(("reserve", uuid4(), pay(debtor, creditor, 7)))
        with pytest.raises(Frozen):
            await writer.submit(("find", uetr))
        assert (
            await second.submit(("reserve", uetr, pay(debtor, creditor, 5)))
        ).verdict is LedgerVerdict.CREATED
    finally:
        await second.stop()

    assert await connection.fetchval("SELECT sum(debits_pending) FROM ledger.account") == 5


async def test_a_fenced_batch_cannot_commit_even_if_it_was_loaded_before(writer, connection):
    debtor, creditor = await open_two(writer)
    apply = writer._apply

    async def taken_over_before_apply(flight):
        await connection.execute("UPDATE ledger.head SET epoch = epoch + 1, writer = gen_random_uuid()")
        await apply(flight)

    writer._apply = taken_over_before_apply

    with pytest.raises(Frozen):
        await writer.submit(("reserve", uuid4(), pay(debtor, creditor, 7)))
    assert await connection.fetchval("SELECT count(*) FROM ledger.transfer") == 0


async def test_a_lost_connection_is_taken_up_again(writer, connection):
    debtor, creditor = await open_two(writer)

    async def storm():
        return [await writer.submit(("reserve", uuid4(), pay(debtor, creditor, 1))) for _ in range(20)]

    async def cut():
        for _ in range(5):
            await asyncio.sleep(0.01)
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name LIKE 'payswitch writer%' AND datname = current_database()"
            )

    *replies, _ = await asyncio.gather(*(storm() for _ in range(8)), cut())

    assert {reply.verdict for storm in replies for reply in storm} <= {
        LedgerVerdict.CREATED,
        LedgerVerdict.EXISTS,
    }
    assert await connection.fetchval("SELECT sum(debits_pending) FROM ledger.account") == 160
    assert writer.meters.retries > 0


async def test_an_unknown_commit_outcome_is_found_out(writer, connection):
    """The batch commits, but the connection is gone before the answer: it is not done twice."""
    debtor, creditor = await open_two(writer)
    apply, cuts = writer._apply, iter([True])

    async def answer_lost(flight):
        await apply(flight)
        if next(cuts, False):
            raise ConnectionResetError

    writer._apply = answer_lost

    reply = await writer.submit(("reserve", uuid4(), pay(debtor, creditor, 9)))

    assert reply.verdict is LedgerVerdict.EXISTS
    assert await connection.fetchval("SELECT sum(debits_pending) FROM ledger.account") == 9


async def test_balances_that_differ_from_memory_freeze_the_writer(writer, connection):
    debtor, creditor = await open_two(writer)
    await connection.execute("UPDATE ledger.account SET debits_posted = 1, credits_posted = 1")

    with pytest.raises(Frozen):
        await writer.submit(("reserve", uuid4(), pay(debtor, creditor, 9)))
    assert await connection.fetchval("SELECT count(*) FROM ledger.transfer") == 0
    with pytest.raises(Frozen):
        await writer.submit(("find", uuid4()))


async def test_what_may_be_durable_is_never_refused_as_not_done(writer, connection):
    """A batch whose commit was not confirmed went back to the queue, and a second loss refused its rest."""
    debtor, creditor = await open_two(writer)
    apply, load = writer._apply, writer._load
    lost = iter([ConnectionResetError(), None, None])

    async def committed_and_then_lost(flight):
        await apply(flight)
        if (error := next(lost, None)) is not None:
            writer.batch_max = 1  # of two that were tried, one is taken again and one stays in the queue
            writer._load = lost_again
            raise error

    async def lost_again(batch):
        writer._load = load
        raise ConnectionResetError

    writer._apply = committed_and_then_lost
    commands = [("reserve", uuid4(), pay(debtor, creditor, 1)) for _ in range(2)]
    replies = await writer.submit_many(commands)

    assert [reply.verdict for reply in replies] == [LedgerVerdict.EXISTS] * 2
    assert await connection.fetchval("SELECT count(*) FROM ledger.transfer") == 2


async def test_a_writer_that_stops_separates_done_from_possibly_done(writer):
    """Both got "nothing was done; or it was: ask again"."""
    debtor, creditor = await open_two(writer)
    apply = writer._apply
    behind = []

    async def committed_and_then_broken(flight):
        behind.append(asyncio.create_task(writer.submit(("find", uuid4()))))
        await apply(flight)
        raise AssertionError("broken")

    writer._apply = committed_and_then_broken
    uetr = uuid4()

    with pytest.raises(OutcomeUnknown):
        await writer.submit(("reserve", uetr, pay(debtor, creditor, 1)))
    with pytest.raises(Frozen):
        await behind[0]


async def test_a_full_queue_refuses_and_loses_nothing(writer):
    debtor, creditor = await open_two(writer)
    writer.queue_max = 10
    commands = [("reserve", uuid4(), pay(debtor, creditor, 1)) for _ in range(11)]

    with pytest.raises(Unavailable):
        await writer.submit_many(commands)
    replies = await writer.submit_many(commands[:10])
    assert [reply.verdict for reply in replies] == [LedgerVerdict.CREATED] * 10


async def test_a_stopped_writer_finishes_what_is_queued(writer, connection):
    debtor, creditor = await open_two(writer)
    tasks = [
        asyncio.create_task(writer.submit(("reserve", uuid4(), pay(debtor, creditor, 1)))) for _ in range(50)
    ]
    await asyncio.sleep(0)
    await writer.stop()

    replies = await asyncio.gather(*tasks)
    assert {reply.verdict for reply in replies} == {LedgerVerdict.CREATED}
    with pytest.raises(Unavailable):
        await writer.submit(("find", uuid4()))


async def test_a_window_closes_between_two_postings_of_one_batch(writer, connection):
    debtor, creditor = await open_two(writer)
    first, second = uuid4(), uuid4()
    commands = [
        ("move", first, pay(debtor, creditor, 10)),
        ("window",),
        ("move", second, pay(debtor, creditor, 5)),
        ("window",),
    ]

    await writer.submit_many(commands)

    rows = await connection.fetch(
        "SELECT settlement_window, debits_posted FROM ledger.window_balance WHERE account = $1 ORDER BY 1",
        debtor,
    )
    assert [row["debits_posted"] for row in rows] == [10, 15]


async def test_the_database_that_comes_back_is_taken_up_after_refusals(writer, postgres_url, connection):
    debtor, creditor = await open_two(writer)
    name = await connection.fetchval("SELECT current_database()")
    psql(postgres_url, f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'payswitch writer%'"
        " AND datname = current_database()"
    )
    in_flight = asyncio.create_task(writer.submit(("reserve", uuid4(), pay(debtor, creditor, 1))))
    while not writer.away:
        await asyncio.sleep(0.01)

    with pytest.raises(Unavailable, match="unavailable"):
        await writer.submit(("reserve", uuid4(), pay(debtor, creditor, 1)))
    psql(postgres_url, f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    assert (await in_flight).verdict is LedgerVerdict.CREATED


async def holds_the_head(database_url):
    """A session of the switch in the middle of a batch, whose client is gone."""
    session = await asyncpg.connect(database_url, server_settings={"application_name": "payswitch writer"})
    await session.execute("BEGIN")
    await session.execute("UPDATE ledger.head SET epoch = epoch")
    return session


async def test_a_lost_session_that_holds_the_locks_of_the_writer_is_ended(database_url, monkeypatch):
    """It waited until the session ended by itself: with a silent client that took half a minute or more."""
    monkeypatch.setattr("ledger.writer.BLOCKED_S", 0.1)
    session = await holds_the_head(database_url)
    writer = Writer(database_url, PlainHost())

    await writer.start()
    async with asyncio.timeout(30):  # the end is known here once the connection was read
        while not session.is_closed():
            await asyncio.sleep(0.01)

    assert session.is_closed()
    await writer.stop()


async def test_a_frozen_session_that_holds_the_locks_of_the_writer_is_reported(database_url, monkeypatch):
    monkeypatch.setattr("ledger.writer.BLOCKED_S", 0.1)
    monkeypatch.setattr("ledger.writer.ENDS_WITHIN_S", 0.5)
    session = await holds_the_head(database_url)
    backend = psutil.Process(session.get_server_pid())
    backend.suspend()
    reported = asyncio.Event()
    stuck = set()

    def note(pids):
        stuck.update(pids)
        reported.set()

    writer = Writer(database_url, PlainHost(), on_stuck=note)
    starting = asyncio.create_task(writer.start())
    async with asyncio.timeout(20):
        await reported.wait()
    backend.resume()  # a supervisor would kill it, and with it every session of this server
    await starting

    assert stuck == {backend.pid}
    await writer.stop()


async def test_a_session_of_a_person_that_holds_the_locks_of_the_writer_is_waited_for(
    database_url, connection, monkeypatch
):
    monkeypatch.setattr("ledger.writer.BLOCKED_S", 0.1)
    await connection.execute("BEGIN")
    await connection.execute("UPDATE ledger.head SET epoch = epoch")
    writer = Writer(database_url, PlainHost())
    starting = asyncio.create_task(writer.start())
    await asyncio.sleep(1)

    assert not starting.done()

    await connection.execute("COMMIT")
    await starting
    await writer.stop()


async def test_what_is_durable_is_acknowledged_even_if_the_next_batch_freezes_the_writer(writer):
    debtor, creditor = await open_two(writer)
    writer.batch_max = 1
    apply, calls = writer._apply, iter([False, True])

    async def second_fails(flight):
        if next(calls):
            raise AssertionError("broken")
        await apply(flight)

    writer._apply = second_fails
    commands = [("reserve", uuid4(), pay(debtor, creditor, 1)) for _ in range(3)]

    first, second, third = await writer.submit_many(commands)

    assert first.verdict is LedgerVerdict.CREATED
    assert isinstance(second, OutcomeUnknown)
    assert isinstance(third, Frozen)


async def test_a_command_that_the_host_cannot_read_is_refused_at_the_endpoint(writer):
    with pytest.raises(TypeError):
        await writer.submit(None)
    assert await writer.submit(("find", uuid4())) is None


async def test_a_writer_that_was_replaced_while_its_connection_was_lost_does_not_come_back(
    writer, database_url, connection
):
    debtor, creditor = await open_two(writer)
    second = Writer(database_url, PlainHost())
    await second.start()
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'payswitch writer%'"
        " AND datname = current_database()"
    )

    with pytest.raises(Frozen):
        await writer.submit(("reserve", uuid4(), pay(debtor, creditor, 1)))
    assert (
        await second.submit(("reserve", uuid4(), pay(debtor, creditor, 1)))
    ).verdict is LedgerVerdict.CREATED
    await second.stop()
    assert await connection.fetchval("SELECT sum(debits_pending) FROM ledger.account") == 1


async def test_time_never_goes_back_across_a_takeover(writer, database_url, connection):
    """B11: the database's clock steps back an hour; the log's time stands still instead."""
    await open_two(writer)
    await writer.stop()
    await connection.execute("UPDATE ledger.head SET at = at + interval '1 hour'")
    second = Writer(database_url, PlainHost())
    await second.start()
    await second.submit(("open", "gamma"))
    await second.stop()

    head, last = await connection.fetchrow(
        "SELECT (SELECT at FROM ledger.head), (SELECT max(at) FROM ledger.event)"
    )
    assert head == last


async def test_a_fenced_writer_does_not_even_answer_from_memory(writer, database_url):
    await open_two(writer)
    second = Writer(database_url, PlainHost())
    await second.start()
    await second.stop()

    with pytest.raises(Frozen):
        await writer.submit(("find", uuid4()))


def test_garbage_is_collected_in_short_steps():
    """A step looks at some ten thousand new objects, not at the hundred thousand sets that are kept."""
    before = gc.get_threshold()
    try:
        collect_in_short_steps()

        assert gc.isenabled()
        assert gc.get_threshold()[0] <= 20_000
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)
