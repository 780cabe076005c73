"""Parts of a batch: one is added in one place, and a batch that the database refuses leaves all as before."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Iterable
from typing import Any, Final, get_args
from uuid import UUID, uuid4

import asyncpg
import pytest
from msgspec import structs

from ledger.columns import Columns, Function, each
from ledger.writer import Writer
from schemas.errors import OutcomeUnknown
from switch.writer import decided_once
from switch.writer.commands import (
    Accept,
    Advance,
    Claim,
    Command,
    CommandLeg,
    DecideScreening,
    Enquired,
    Freeze,
    Fund,
    GivenBack,
    HoldForScreening,
    Identity,
    OpenAccount,
    Refuse,
    SetLimit,
    SetVelocity,
    Terms,
)
from switch.writer.contradictions import Contradictions
from switch.writer.parts import BatchPart, Handler, Refusal
from switch.writer.payment_book import PaymentBook
from tests.ledger.test_columns import signatures
from tests.ledger.test_pipeline import Held, submitted, until_decided_ahead

HOUR: Final = 3_600_000_000
TERMS: Final = Terms("payer", "payee", "PK", 100, "INR", 100, "INR", 0, "", "")


# A made-up part, as CONTRIBUTING.md says: a module, its migration, and its line in the table of parts.


class UnderWay(BatchPart):
    """Lets a payer have only so many payments under way at once."""

    MOST = 2

    def forget(self) -> None:
        self._payers: dict[int, str] = {}

    def start_batch(self) -> None:
        self._begun: dict[int, str] = {}
        self._gone: list[int] = []

    async def begin(self, connection):
        self._payers = dict(await connection.fetch("SELECT number, payer FROM switch.under_way"))

    def refusal(self, payment, now_us):  # noqa: ARG002
        full = Counter(self._payers.values())[payment.terms.debtor_agent] >= self.MOST
        return Refusal("AM23", "too many payments under way") if full else None

    def held(self, number, payment, books, now_us):  # noqa: ARG002
        self._payers[number] = self._begun[number] = payment.terms.debtor_agent

    def ended(self, number, *, voided):  # noqa: ARG002
        del self._payers[number]
        self._begun.pop(number, None)
        self._gone.append(number)

    def extension(self):
        if not (self._begun or self._gone):
            return ()
        return [RECORD_UNDER_WAY(self._begun.items(), self._gone)]


_BEGUN: Columns[Iterable[tuple[int, str]]] = Columns(
    each("numbers", "bigint", lambda payment: payment[0]),
    each("payers", "text", lambda payment: payment[1]),
)
_GONE: Columns[Iterable[int]] = Columns(each("gone", "bigint", lambda number: number))
RECORD_UNDER_WAY = Function("switch.record_under_way", _BEGUN, _GONE)

MIGRATION = """
CREATE TABLE switch.under_way (number bigint PRIMARY KEY, payer text NOT NULL);
CREATE FUNCTION switch.record_under_way(numbers bigint[], payers text[], gone bigint[]) RETURNS void
LANGUAGE sql AS $$
    DELETE FROM switch.under_way AS u USING unnest(gone) AS t (number) WHERE u.number = t.number;
    INSERT INTO switch.under_way (number, payer) SELECT * FROM unnest(numbers, payers);
$$;
GRANT SELECT, INSERT, DELETE ON switch.under_way TO payswitch_writer;
"""


# A made-up column: its line in the declaration, and its migration. The writer of before still runs.

NEW_COLUMN = """
ALTER TABLE switch.decided_order ADD COLUMN state text NOT NULL DEFAULT '';
CREATE FUNCTION switch.record_orders(ids uuid[], verdicts text[], numbers bigint[], states text[]) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO switch.decided_order (id, verdict, number, state)
    SELECT * FROM unnest(ids, verdicts, numbers, states);
$$;
"""


# A part whose function refuses the batch, so many times: a sequence does not go back with its transaction.


class Refusing(BatchPart):
    """Its function raises while its sequence is at `switch.refusals` or less."""

    def extension(self):
        return [RECORD_REFUSAL([])]


_NONE: Columns[Iterable[int]] = Columns(each("nothing", "bigint", lambda number: number))
RECORD_REFUSAL = Function("switch.record_refusal", _NONE)


def refusing(times: int) -> str:
    return f"""
    CREATE SEQUENCE switch.refusal;
    GRANT USAGE ON switch.refusal TO payswitch_writer;
    CREATE FUNCTION switch.record_refusal(nothing bigint[]) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
        IF nextval('switch.refusal') <= {times} THEN
            RAISE EXCEPTION 'refused by the test';
        END IF;
    END $$;
    """


class Bank:
    """A writer with a payment book on a database of its own."""

    def __init__(self, database_url: str, *more: BatchPart) -> None:
        self.url = database_url
        self.told: list[Any] = []
        self.book = PaymentBook(self.told.extend, more=more)
        self.writer = Writer(database_url, self.book)

    async def __aenter__(self):
        self.connection = await asyncpg.connect(self.url)
        await self.writer.start()
        return self

    async def __aexit__(self, *_):
        await self.writer.stop()
        await self.connection.close()

    async def ask(self, *commands):
        return await self.writer.submit_many(commands)

    async def open(self):
        """A payer with money."""
        orders = [OpenAccount(owner, "INR", "position", cap) for owner, cap in ACCOUNTS]
        source, self.payer, self.payee = [reply.number for reply in await self.ask(*orders)]
        legs = [CommandLeg(source, self.payer, 1_000_000, "funding")]
        await self.ask(Fund(uuid4().bytes, b"f", legs, "start"))

    def pay(self, uetr: UUID, *claims: Claim) -> Accept:
        identity = Identity(uetr.bytes, b"content", "payer", "pacs.008.001.08", "m", b"raw", 0, b"key")
        legs = [CommandLeg(self.payer, self.payee, 100, "principal")]
        expires = time.time_ns() // 1_000 + HOUR
        return Accept(identity, TERMS, legs, "ref", b"native", expires, HOUR, 0, False, claims=[*claims])

    async def written(self) -> dict[str, int]:
        """How many rows each table has that a batch can write to."""
        return {table: await self.connection.fetchval(f"SELECT count(*) FROM {table}") for table in WRITTEN}


ACCOUNTS: Final = (("scheme", None), ("payer", 0), ("payee", 0))
WRITTEN: Final = (
    "ledger.event",
    "ledger.transfer",
    "ledger.resolution",
    *(
        f"switch.{table}"
        for table in (
            "payment",
            "message",
            "open_payment",
            "payment_limit",
            "daily_use",
            "velocity_limit",
            "velocity_use",
            "counted_payment",
            "decided_order",
            "freeze",
            "claim",
            "reconciliation_break",
            "rail_return",
            "screening_hold",
        )
    ),
)


async def test_a_made_up_part_needs_its_module_and_its_migration(database_url):
    connection = await asyncpg.connect(database_url)
    await connection.execute(MIGRATION)
    first, second, third, fourth = (uuid4() for _ in range(4))

    async with Bank(database_url, UnderWay()) as bank:
        await bank.open()
        replies = await bank.ask(*(bank.pay(uetr) for uetr in (first, second, third)))
        payer, payee = bank.payer, bank.payee
    async with Bank(database_url, UnderWay()) as bank:  # what it knows outlives the writer
        bank.payer, bank.payee = payer, payee
        replies += await bank.ask(bank.pay(fourth), Advance(first.bytes, "CONFIRM"))
        replies += await bank.ask(bank.pay(uuid4()))
        rows = await connection.fetch("SELECT number FROM switch.under_way ORDER BY number")
    await connection.close()

    assert [reply.verdict for reply in replies] == [
        "created",
        "created",
        "refused",
        "refused",
        "advanced",
        "created",
    ]
    assert replies[2].detail == "too many payments under way"
    assert [row["number"] for row in rows] == [replies[1].number, replies[5].number]
    assert RECORD_UNDER_WAY.parameters in await signatures(database_url, RECORD_UNDER_WAY.name)


async def test_a_made_up_column_needs_its_line_and_its_migration(database_url, monkeypatch):
    old = decided_once.RECORD_ORDERS
    new = Function(
        old.name,
        Columns(*old.groups[0].columns, each("states", "text", lambda order: order[1].state or "none")),
    )
    connection = await asyncpg.connect(database_url)
    await connection.execute(NEW_COLUMN)
    order = OpenAccount("alpha", "INR", "position", 0, uuid4().bytes)

    async with Bank(database_url) as bank:  # the writer of before
        await bank.ask(OpenAccount("beta", "INR", "position", 0, uuid4().bytes))
    monkeypatch.setattr(decided_once, "RECORD_ORDERS", new)
    async with Bank(database_url) as bank:
        [reply] = await bank.ask(order)
    rows = await connection.fetch("SELECT verdict, number, state FROM switch.decided_order ORDER BY state")
    await connection.close()

    assert [row["state"] for row in rows] == ["", "none"]
    assert tuple(rows[1])[:2] == ("opened", reply.number)
    found = await signatures(database_url, old.name)
    assert old.parameters in found
    assert new.parameters in found


# A batch in which every part has something to decide and to write.


async def before(bank: Bank) -> list[UUID]:
    """Payments in doubt, committed, and sent."""
    await bank.open()
    uetrs = [uuid4() for _ in range(3)]
    await bank.ask(SetLimit("payer", "INR", None, 10_000))
    await bank.ask(SetVelocity("participant", "*", "INR", None, 10_000, None, None))
    await bank.ask(*(bank.pay(uetr) for uetr in uetrs))
    await bank.ask(Advance(uetrs[0].bytes, "DOUBT"), Advance(uetrs[1].bytes, "CONFIRM", rail="PK"))
    bank.told.clear()
    return uetrs


def of_every_part(bank: Bank, uetrs: list[UUID]) -> list[Any]:
    doubtful, committed, sent = uetrs
    account = OpenAccount("gamma", "INR", "position", 0, b"order of account")
    limit = SetLimit("payer", "INR", 500, 10_000, b"order of a limit")
    velocity = SetVelocity("participant", "payer", "INR", 10, None, 10, None, b"order of a speed")
    refused, held = (
        Identity(uuid4().bytes, b"content", "payer", "pacs.008.001.08", "m", b"raw", 0, b"key")
        for _ in range(2)
    )
    return [
        bank.pay(uuid4(), Claim("message_id", b"m" * 16, HOUR)),
        Refuse(refused, "AC01", "no such account"),
        Advance(sent.bytes, "REJECT", rail="PK"),
        Enquired(doubtful.bytes, "not_found", rail_code="NF"),
        Advance(committed.bytes, "REJECT", rail="PK"),
        GivenBack(committed.bytes, "PK", "R1", 100, "INR", "AC04", "AC04", 0, b"sealed", b"key"),
        HoldForScreening.of(
            structs.replace(bank.pay(uuid4()), identity=held),
            lasts=HOUR,
            lists=1,
            hits=b"sealed hits",
            hit_count=1,
        ),
        DecideScreening(held.uetr, 1, "refuse", b"order of refusal"),
        account,
        limit,
        velocity,
        Freeze("people", "a look"),
    ]


PLAIN: Final = (dict, set, list, deque, tuple, int, str, type(None))
VERDICTS: Final = [
    "created",
    "refused",
    "advanced",
    "noted",
    "contradiction",
    "given_back",
    "held",
    "decided",
    "opened",
    "limit_set",
    "limit_set",
    "frozen",
]
ADDED: Final = {
    "ledger.event": 13,
    "ledger.transfer": 2,
    "ledger.resolution": 1,
    "switch.payment": 2,
    "switch.message": 3,
    "switch.decided_order": 4,
    "switch.velocity_limit": 1,
    "switch.freeze": 1,
    "switch.claim": 1,
    "switch.counted_payment": 1,
    "switch.reconciliation_break": 2,
    "switch.rail_return": 1,
    "switch.screening_hold": 1,
}
"""Rows; the sent payment ends where the new one begins, so as many are open as before, and the held one is counted."""


def memory(part: BatchPart) -> dict[str, Any]:
    """What a part remembers: plain values, but not what it was made with, nor other parts and their hooks."""
    found = {name: value for name, value in vars(part).items() if isinstance(value, PLAIN)}
    met = {name for name, value in found.items() if isinstance(value, list) and any(map(is_of_a_part, value))}
    return {name: value for name, value in found.items() if name not in {"handlers", "_rules", *met}}


def is_of_a_part(value: Any) -> bool:
    return callable(value) or isinstance(value, BatchPart)


async def test_a_batch_of_every_part_is_written(database_url):
    async with Bank(database_url) as bank:
        uetrs = await before(bank)
        was = await bank.written()
        replies = await bank.ask(*of_every_part(bank, uetrs))
        now = await bank.written()

    assert [reply.verdict for reply in replies] == VERDICTS
    assert {table: now[table] - was[table] for table in WRITTEN if now[table] != was[table]} == ADDED
    assert len(bank.told) == 2


async def test_a_batch_that_the_database_refuses_leaves_nothing(database_url):
    async with Bank(database_url) as bank:
        uetrs = await before(bank)
    was = await state_of(database_url)
    await run(database_url, refusing(times=1_000))

    async with Bank(database_url, Refusing()) as other:
        other.payer, other.payee = bank.payer, bank.payee
        replies = await other.ask(*of_every_part(other, uetrs))
        told = list(other.told)

    assert all(isinstance(reply, OutcomeUnknown) for reply in replies)
    assert told == []
    assert await state_of(database_url) == was


async def test_a_batch_that_the_database_refuses_once_is_written_once(database_url):
    """And every part remembers what one remembers that has just read it from the database."""
    async with Bank(database_url) as bank:
        uetrs = await before(bank)
        was = await bank.written()
    await run(database_url, refusing(times=1))

    async with Bank(database_url, Refusing()) as other:
        other.payer, other.payee = bank.payer, bank.payee
        commands = of_every_part(other, uetrs)
        replies = await other.ask(*commands)
        now = await other.written()
        retries = other.writer.meters.retries
        kept = {type(part): memory(part) for part in other.book.parts}
        fresh = PaymentBook(lambda _: None)
        opened = [Enquired(commands[0].identity.uetr, "not_found")]
        await fresh.load(other.connection, [*commands, *opened])
        read = {type(part): memory(part) for part in fresh.parts}

    assert [reply.verdict for reply in replies] == VERDICTS
    assert retries == 1
    assert {table: now[table] - was[table] for table in WRITTEN if now[table] != was[table]} == ADDED
    assert len(other.told) == 2
    del read[Contradictions], kept[Contradictions], kept[Refusing]  # these are in the log, and nowhere else
    assert kept == read


async def test_a_batch_ahead_of_one_that_is_refused_goes_with_it(database_url):
    """It was decided on top of what did not happen: each part forgets both, and decides both again."""
    async with Bank(database_url) as bank:
        await before(bank)
        limit = SetLimit("payer", "INR", 50, 10_000, b"order of a limit")
        failures = iter([True])

        async def fail_once():
            if next(failures, False):
                await bank.connection.execute("SELECT 1/0")

        held = Held(bank.writer)
        held.before = fail_once
        tasks = submitted(bank.writer, limit)
        await held.flying.wait()
        tasks += submitted(bank.writer, bank.pay(uuid4()))
        await until_decided_ahead(bank.writer)
        held.go.set()
        set_, paid = await asyncio.gather(*tasks)
        orders = await bank.connection.fetchval("SELECT count(*) FROM switch.decided_order")

    assert (set_.verdict, paid.verdict, paid.reason) == ("limit_set", "refused", "AM14")
    assert orders == 1


def test_every_part_forgets_all_that_it_took_in():
    """What memory holds after `forget` is what it held at the start, whatever a batch had put into it."""
    fresh, used = PaymentBook(lambda _: None), PaymentBook(lambda _: None)
    for part in used.parts:
        for value in memory(part).values():
            if isinstance(value, set):
                value.add(("a", "b"))
            elif isinstance(value, dict):
                value[b"anything"] = None
    assert [memory(part) for part in used.parts] != [memory(part) for part in fresh.parts]
    used.abandoned()

    assert [memory(part) for part in used.parts] == [memory(part) for part in fresh.parts]


def test_every_command_is_decided_by_a_part():
    book = PaymentBook(lambda _: None)

    assert {kind for part in book.parts for kind in part.handlers} == set(get_args(Command))


def test_two_parts_do_not_decide_the_same_command():
    class Other(BatchPart):
        def __init__(self):
            self.handlers = {SetLimit: Handler(lambda *_: None)}
            super().__init__()

    with pytest.raises(AssertionError, match="SetLimit"):
        PaymentBook(lambda _: None, more=[Other()])


async def run(database_url: str, sql: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute(sql)
    await connection.close()


async def state_of(database_url: str) -> dict[str, list[Any]]:
    """Every row of the tables that a batch can write to."""
    connection = await asyncpg.connect(database_url)
    rows = {
        table: await connection.fetch(f"SELECT t::text FROM {table} AS t ORDER BY 1") for table in WRITTEN
    }
    await connection.close()
    return rows
