"""Limits per payment and per day: exactly up to them, in any order, and across restarts of the writer."""

import asyncio
import json
from uuid import uuid4

import asyncpg
import pytest
from typer.testing import CliRunner

from ledger.verify import verify
from ledger.writer import Writer
from switch.cli import application
from switch.writer.commands import Accept, Advance, CommandLeg, Fund, Identity, OpenAccount, SetLimit, Terms
from switch.writer.decided_once import Orders
from switch.writer.limits import MICROSECONDS_A_DAY, DailyUse, Excess, Limit, Limits, judge
from switch.writer.payment_book import PaymentBook

# fmt: off
TABLE = [
    # per payment, per day    used today     payment    verdict
    (Limit(None, None),       DailyUse(7, 10**9), 10**9,     None),
    (Limit(100, None),        DailyUse(7, 0),     100,       None),
    (Limit(100, None),        DailyUse(7, 0),     101,       Excess.PAYMENT),
    (Limit(None, 100),        DailyUse(7, 60),    40,        None),
    (Limit(None, 100),        DailyUse(7, 60),    41,        Excess.DAY),
    (Limit(None, 100),        DailyUse(6, 60),    100,       None),
    (Limit(50, 100),          DailyUse(7, 60),    51,        Excess.PAYMENT),
    (Limit(0, None),          DailyUse(7, 0),     1,         Excess.PAYMENT),
    (Limit(None, 0),          DailyUse(7, 0),     1,         Excess.DAY),
]
# fmt: on


@pytest.mark.parametrize(("limit", "use", "minor", "verdict"), TABLE)
def test_the_table_of_limits(limit, use, minor, verdict):
    assert judge(limit, use, 7, minor) is verdict


def test_a_new_day_begins_at_nothing():
    limits = Limits(Orders())
    limits.set("a", "INR", Limit(None, 100))
    limits.count(1, "a", "INR", minor=100, now_us=MICROSECONDS_A_DAY - 1)

    assert limits.excess("a", "INR", 1, MICROSECONDS_A_DAY - 1) is Excess.DAY
    assert limits.excess("a", "INR", 100, MICROSECONDS_A_DAY) is None
    assert limits.excess("a", "PKR", 10**9, 0) is None


def test_a_payment_that_is_voided_on_a_later_day_gives_nothing_back():
    limits = Limits(Orders())
    limits.set("a", "INR", Limit(None, 100))
    limits.count(1, "a", "INR", minor=100, now_us=MICROSECONDS_A_DAY - 1)
    limits.count(2, "a", "INR", minor=60, now_us=MICROSECONDS_A_DAY)
    limits.ended(1, voided=True)

    assert limits.excess("a", "INR", 41, MICROSECONDS_A_DAY) is Excess.DAY
    assert limits.excess("a", "INR", 40, MICROSECONDS_A_DAY) is None


def test_what_was_not_counted_gives_nothing_back():
    limits = Limits(Orders())
    limits.count(1, "a", "INR", minor=100, now_us=0)
    limits.set("a", "INR", Limit(None, 100))
    limits.count(2, "a", "INR", minor=100, now_us=0)
    limits.ended(1, voided=True)

    assert limits.excess("a", "INR", 1, 0) is Excess.DAY


class Bank:
    """A payer with money and a writer."""

    def __init__(self, url):
        self.url = url

    async def start(self):
        self.writer = Writer(self.url, PaymentBook(lambda _: None))
        await self.writer.start()

    async def open(self):
        source = (await self.writer.submit(OpenAccount("payswitch", "INR", "settlement", None))).number
        self.payer = (await self.writer.submit(OpenAccount("payer", "INR", "position", 0))).number
        self.payee = (await self.writer.submit(OpenAccount("payee", "INR", "position", 0))).number
        legs = [CommandLeg(source, self.payer, 10**6, "funding")]
        await self.writer.submit(Fund(uuid4().bytes, b"f", legs, "start"))

    async def pay(self, minor, uetr=None):
        reply = await self.writer.submit(await self.order(minor, uetr))
        return reply.verdict, reply.reason

    async def order(self, minor, uetr=None):
        identity = Identity((uetr or uuid4()).bytes, b"same", "payer", "pacs.008.001.08", "m", b"raw", 0)
        terms = Terms("payer", "payee", "PK", minor, "INR", minor, "INR", 0, "", "")
        legs = [CommandLeg(self.payer, self.payee, minor, "principal")]
        now = int(await self.clock() * 1e6)
        return Accept(identity, terms, legs, "ref", b"native", now + 60_000_000, 60_000_000, 0, False)

    async def end(self, uetr, event):
        return (await self.writer.submit(Advance(uetr.bytes, event, rail="PK"))).state

    async def used(self):
        return await self.connection.fetchval("SELECT minor FROM switch.daily_use")

    async def clock(self):
        return await self.connection.fetchval("SELECT extract(epoch FROM clock_timestamp())::float8")


@pytest.fixture
async def bank(database_url):
    bank = Bank(database_url)
    bank.connection = await asyncpg.connect(database_url)
    await bank.start()
    await bank.open()
    yield bank
    await bank.writer.stop()
    await bank.connection.close()


async def test_many_at_once_are_granted_exactly_the_days_limit(bank):
    await bank.writer.submit(SetLimit("payer", "INR", 50, 1_000))
    now = await bank.clock()
    bank.clock = lambda: asyncio.sleep(0, now)
    verdicts = await asyncio.gather(*(bank.pay(30) for _ in range(64)))

    assert verdicts.count(("created", "")) == 33
    assert verdicts.count(("refused", "AM14")) == 31
    assert await bank.pay(51) == ("refused", "AM14")
    assert await bank.connection.fetchval("SELECT minor FROM switch.daily_use") == 990
    assert [result async for result in verify(bank.connection) if not result.ok] == []


async def test_a_limit_and_its_use_survive_the_writer(bank):
    await bank.writer.submit(SetLimit("payer", "INR", None, 100))
    known = uuid4()
    assert await bank.pay(80, known) == ("created", "")
    await bank.writer.stop()
    await bank.start()

    assert await bank.pay(21) == ("refused", "AM14")
    assert await bank.pay(20) == ("created", "")
    assert await bank.pay(80, known) == ("exists", "")
    await bank.writer.submit(SetLimit("payer", "INR", None, None))
    assert await bank.pay(10_000) == ("created", "")
    events = await bank.connection.fetch("SELECT body FROM ledger.event WHERE kind = 'LIMIT' ORDER BY seq")
    assert [row["body"] for row in events] == [
        b'{"change":0,"currency":"INR","participant":"payer","per_day_minor":100,"per_payment_minor":null}',
        b'{"change":0,"currency":"INR","participant":"payer","per_day_minor":null,"per_payment_minor":null}',
    ]


async def test_the_event_of_a_limit_broke_the_list_of_events(bank, database_url):
    await bank.writer.submit(SetLimit("payer", "INR", None, 100))

    done = await asyncio.to_thread(CliRunner().invoke, application(), ["events", "--database", database_url])

    assert done.exit_code == 0, done.exception
    last = json.loads(done.stdout.splitlines()[-1])
    assert (last["event"], last["participant"], last["per_day_minor"]) == ("LIMIT", "payer", 100)


async def test_a_limit_gave_nothing_back_when_a_payment_was_aborted(bank):
    """Held or posted counts, and nothing else, whatever happens at once and across writers."""
    await bank.writer.submit(SetLimit("payer", "INR", None, 1_000))
    now = await bank.clock()
    bank.clock = lambda: asyncio.sleep(0, now)
    uetrs = [uuid4() for _ in range(40)]
    made = await asyncio.gather(*(bank.pay(25, uetr) for uetr in uetrs))
    await bank.writer.stop()
    await bank.start()
    ends = ["REJECT"] * 10 + ["CONFIRM"] * 10 + ["DOUBT"] * 20
    states = await asyncio.gather(*map(bank.end, uetrs, ends))
    more = await asyncio.gather(*(bank.pay(25) for _ in range(16)))

    assert made == [("created", "")] * 40
    assert [states.count(state) for state in ("ABORTED", "COMMITTED", "UNKNOWN")] == [10, 10, 20]
    assert (more.count(("created", "")), more.count(("refused", "AM14"))) == (10, 6)
    assert await bank.used() == 1_000
    assert await bank.connection.fetchval("SELECT count(*) FROM switch.counted_payment") == 30


async def test_a_payment_that_begins_and_ends_in_one_batch_leaves_nothing(bank):
    await bank.writer.submit(SetLimit("payer", "INR", None, 100))
    uetr = uuid4()
    order = await bank.order(80, uetr)
    _, state = await asyncio.gather(bank.writer.submit(order), bank.end(uetr, "REJECT"))

    assert state == "ABORTED"
    assert await bank.used() == 0
    assert await bank.connection.fetchval("SELECT count(*) FROM switch.counted_payment") == 0
    assert await bank.pay(100) == ("created", "")
