"""Random histories through the writer on real PostgreSQL equal a sequential replay by the model.

Duplicates, mixed linked sets and refusals share batches; writers are replaced in the middle.
"""

import asyncio
from uuid import uuid4

import asyncpg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.books import Leg
from ledger.verify import verify
from ledger.writer import Writer
from tests.ledger.hosts import PlainHost
from tests.ledger.model import Model, ModelAccount

IDS = st.integers(0, 9)
PLACES = st.integers(0, 4)
LEGS = st.lists(
    st.tuples(PLACES, PLACES, st.sampled_from([0, 1, 3, 5, 10]), st.sampled_from(["principal", "fee"])),
    max_size=3,
)
PAYMENT = st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(1, 5)).map(
    lambda drawn: [(*drawn, "principal")]
)
COMMAND = st.one_of(
    st.tuples(st.just("reserve"), IDS, PAYMENT),
    st.tuples(st.just("reserve"), IDS, LEGS),
    st.tuples(st.just("move"), IDS, LEGS),
    st.tuples(st.just("post"), IDS),
    st.tuples(st.just("post"), IDS),
    st.tuples(st.just("void"), IDS),
    st.tuples(st.just("fail"), IDS),
    st.tuples(st.just("correct"), IDS, IDS),
    st.tuples(st.just("cap"), PLACES, st.sampled_from([None, 0, 5, 50])),
    st.tuples(st.just("window")),
    st.tuples(st.just("restart")),
)
HISTORY = st.lists(st.lists(COMMAND, min_size=1, max_size=25), min_size=1, max_size=6)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=HISTORY)
def test_the_writer_equals_a_sequential_replay(database_url, history):
    with asyncio.Runner() as runner:
        runner.run(play(database_url, history))


async def play(database_url, history):
    writer = await started(database_url)
    model, world = Model(), {n: uuid4() for n in range(10)}
    accounts = await open_accounts(writer, model)
    try:
        for batch in history:
            if ("restart",) in batch:
                await writer.stop()
                writer = await started(database_url)
            commands = [translated(command, accounts, world) for command in batch if command[0] != "restart"]
            replies = await writer.submit_many(commands)
            said = [getattr(reply, "verdict", "closed") for reply in replies]
            assert said == [expected(model, command) for command in commands]
    finally:
        await writer.stop()
    await check(database_url, model)


async def started(database_url):
    writer = Writer(database_url, PlainHost(), transfers_max=5)
    await writer.start()
    return writer


async def open_accounts(writer, model):
    """Three in rupees (two with caps), one in yuan, and a number that is no account."""
    accounts = []
    for currency, cap in (("INR", 10), ("INR", 0), ("INR", None), ("CNY", 5)):
        number = await writer.submit(("open", str(uuid4()), currency, "position", cap))
        model.accounts[number] = ModelAccount(currency, cap)
        accounts.append(number)
    return [*accounts, 10**12]


def translated(command, accounts, world):
    match command:
        case ("reserve" | "move" as verb, id_, legs):
            return verb, world[id_], [Leg(accounts[d], accounts[c], a, p) for d, c, a, p in legs]
        case ("correct", id_, corrects):
            return "correct", world[id_], world[corrects]
        case ("cap", place, cap):
            return "cap", accounts[place], cap
        case ("window",):
            return ("window",)
        case (verb, id_):
            return verb, world[id_]


def expected(model, command):
    match command:
        case ("window",):
            return "closed"
        case ("cap", account, cap):
            return model.set_cap(account, cap)
        case (verb, *arguments):
            return getattr(model, verb)(*arguments)


async def check(database_url, model):
    connection = await asyncpg.connect(database_url)
    try:
        rows = await connection.fetch(
            "SELECT number, debits_pending, debits_posted, credits_pending, credits_posted"
            " FROM ledger.account WHERE number = ANY ($1::bigint[])",
            list(model.accounts),
        )
        assert {row[0]: tuple(row)[1:] for row in rows} == {n: model.counters(n) for n in model.accounts}
        assert [result async for result in verify(connection) if not result.ok] == []
    finally:
        await connection.close()
