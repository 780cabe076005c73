"""Velocity limits: exactly up to them, in any order, over the ends of hours and days, and across restarts."""

import asyncio
import random
import time
from collections import defaultdict
from uuid import uuid4

import asyncpg
import pytest
from msgspec import structs

from adapters.simulation.harness import sample_order
from ledger.writer import Writer
from schemas.payment import PartyAccount
from switch.base.personal_data import KeyRing
from switch.writer import velocity
from switch.writer.commands import Accept, CommandLeg, Fund, Identity, Meter, OpenAccount, SetVelocity, Terms
from switch.writer.decided_once import Orders
from switch.writer.payment_book import PaymentBook
from switch.writer.velocity import DAY_US, EVERYBODY, HOUR_US, Use, Velocities, Velocity, VelocityScope, judge

TERMS = Terms("payer", "payee", "PK", 100, "INR", 300, "PKR", 1, "", "")
START = 20_000 * DAY_US
ANY = Velocity(None, None, None, None)


def payment(payer: str = "a", payee: str = "b", *, minor: int = 100, meters: bool = True) -> Accept:
    identity = Identity(uuid4().bytes, b"same", "payer", "pacs.008.001.08", "m", b"raw", 0)
    terms = structs.replace(TERMS, debit_minor=minor, credit_minor=3 * minor, fee_minor=0)
    keys = [
        Meter(VelocityScope.DEBTOR_ACCOUNT, key(payer)),
        Meter(VelocityScope.CREDITOR_ACCOUNT, key(payee)),
    ]
    return Accept(identity, terms, [], "r", b"", 0, 0, 0, False, meters=keys if meters else [])


def key(account: str) -> bytes:
    return account.encode().ljust(16)


# fmt: off
TABLE = [
    # limit: per hour, per day      used                        minor  exceeded
    (Velocity(None, None, None, None), Use(0, 9, 9, 0, 9, 9),     10**9, None),
    (Velocity(2, None, None, None),    Use(0, 1, 9, 0, 1, 9),     1,     None),
    (Velocity(2, None, None, None),    Use(0, 2, 9, 0, 2, 9),     1,     ("hour", HOUR_US)),
    (Velocity(None, 10, None, None),   Use(0, 1, 9, 0, 1, 9),     1,     None),
    (Velocity(None, 10, None, None),   Use(0, 1, 9, 0, 1, 9),     2,     ("hour", HOUR_US)),
    (Velocity(None, None, 2, None),    Use(0, 0, 0, 0, 2, 9),     1,     ("day", DAY_US)),
    (Velocity(None, None, None, 10),   Use(0, 0, 0, 0, 1, 9),     2,     ("day", DAY_US)),
    (Velocity(1, None, 1, None),       Use(0, 1, 1, 0, 1, 1),     1,     ("day", DAY_US)),
    (Velocity(0, None, None, None),    Use(),                     1,     ("hour", HOUR_US)),
]
# fmt: on


@pytest.mark.parametrize(("limit", "use", "minor", "exceeded"), TABLE)
def test_the_table_of_velocities(limit, use, minor, exceeded):
    assert judge(limit, use, minor, HOUR_US - 1) == exceeded


def test_hours_and_days_begin_at_nothing():
    limit, use = Velocity(1, None, 2, None), Use().plus(1, START)

    assert judge(limit, use, 1, START + HOUR_US - 1) == ("hour", START + HOUR_US)
    assert judge(limit, use, 1, START + HOUR_US) is None
    use = use.plus(1, START + HOUR_US)
    assert judge(limit, use, 1, START + DAY_US - 1) == ("day", START + DAY_US)
    assert judge(limit, use, 1, START + DAY_US) is None


@pytest.mark.parametrize("seed", range(20))
def test_random_payments_and_times_are_as_a_plain_recount(seed):
    """What a recount of everything that was accepted says, in the same order."""
    chance = random.Random(seed)
    part = Velocities(Orders())
    limits = {}
    for scope in VelocityScope:
        currency = "PKR" if scope is VelocityScope.CREDITOR_ACCOUNT else "INR"
        whose = {VelocityScope.CREDITOR_ACCOUNT: "payee"}.get(scope, "payer")
        values = [chance.choice([None, chance.randint(0, top)]) for top in (6, 900, 12, 1_500)]
        limits[scope] = Velocity(*values)
        part.set((scope, chance.choice([whose, EVERYBODY]), currency), limits[scope])
    accepted = defaultdict(list)
    now = START + chance.randrange(DAY_US)
    for _ in range(300):
        now += chance.choice([1, HOUR_US // 7, HOUR_US // 2, DAY_US // 3])
        one = payment(chance.choice("ab"), chance.choice("cde"), minor=chance.randint(1, 200))
        minor = one.terms.debit_minor
        counted = {
            VelocityScope.PARTICIPANT: ("payer", minor),
            VelocityScope.DEBTOR_ACCOUNT: (one.meters[0].key, minor),
            VelocityScope.CREDITOR_ACCOUNT: (one.meters[1].key, 3 * minor),
        }
        over = any(
            exceeds(limits[scope], accepted[scope, of], amount, now)
            for scope, (of, amount) in counted.items()
        )

        refusal = part.refusal(one, now)

        assert (refusal is not None) == over
        if refusal is None:
            part.held(1, one, None, now)
            for scope, (of, amount) in counted.items():
                accepted[scope, of].append((now, amount))


def exceeds(limit: Velocity, before: list[tuple[int, int]], minor: int, now: int) -> bool:
    for span, count, total in (
        (HOUR_US, limit.hour_count, limit.hour_minor),
        (DAY_US, limit.day_count, limit.day_minor),
    ):
        same = [amount for at, amount in before if at // span == now // span]
        if count is not None and len(same) + 1 > count:
            return True
        if total is not None and sum(same) + minor > total:
            return True
    return False


def test_a_limit_of_its_own_is_in_place_of_that_of_everybody():
    part = Velocities(Orders())
    part.set((VelocityScope.PARTICIPANT, EVERYBODY, "INR"), Velocity(0, None, None, None))
    assert part.refusal(payment(), START) is not None
    part.set((VelocityScope.PARTICIPANT, "payer", "INR"), Velocity(1, None, None, None))
    assert part.refusal(payment(), START) is None
    part.set((VelocityScope.PARTICIPANT, "payer", "INR"), ANY)
    assert part.refusal(payment(), START) is None


def test_a_payment_whose_worker_does_not_know_of_the_limit_is_not_decided():
    part = Velocities(Orders())
    assert part.stop(payment(meters=False), None) is None
    part.set((VelocityScope.DEBTOR_ACCOUNT, "payer", "INR"), Velocity(1, None, None, None))

    assert part.stop(payment(), None) is None
    assert part.stop(payment(meters=False), None).verdict == "late"
    assert part.stop(structs.replace(payment(meters=False), recovered="ref"), None) is None
    part.held(1, structs.replace(payment(meters=False), recovered="ref"), None, START)


def test_a_refusal_names_the_place_and_the_end_of_the_period_and_no_numbers():
    part = Velocities(Orders())
    part.set((VelocityScope.CREDITOR_ACCOUNT, "payee", "PKR"), Velocity(0, None, None, None))

    refusal = part.refusal(payment(), START + 5)

    assert refusal.reason == "AM21"
    assert refusal.detail == (
        "FIToFICstmrCdtTrf/CdtTrfTxInf/CdtrAcct: the payments to this account have reached their limit"
        " for this hour: it ends at 2024-10-04T01:00:00Z"
    )


def test_the_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(velocity, "REMEMBERED_MAX", 10)
    part = Velocities(Orders())
    part.set((VelocityScope.DEBTOR_ACCOUNT, EVERYBODY, "INR"), Velocity(1, None, None, None))
    for number in range(100):
        part.held(number, payment(str(number)), None, START)
    part.durable()

    assert len(part._uses) == 10
    assert part.refusal(payment("99"), START) is not None


def test_hashes_are_made_only_of_what_is_limited():
    keys = KeyRing(b"k" * 32, [b"m" * 32])
    one = sample_order("PK").payment
    limited = frozenset({("debtor_account", "payer", "INR"), ("creditor_account", EVERYBODY, "PKR")})

    found = velocity.meters(one, TERMS, keys, limited)

    assert [meter.scope for meter in found] == ["debtor_account", "creditor_account"]
    other = structs.replace(one, debtor_account=PartyAccount(other="another"))
    assert velocity.meters(other, TERMS, keys, limited)[0].key != found[0].key
    assert velocity.meters(one, structs.replace(TERMS, debtor_agent="x"), keys, limited) == found[1:]
    assert velocity.meters(one, TERMS, keys, frozenset({("participant", "payer", "INR")})) == []


class Bank:
    """A payer with money, a payee, and a writer."""

    def __init__(self, url):
        self.url = url

    async def start(self):
        self.writer = Writer(self.url, PaymentBook(lambda _: None))
        await self.writer.start()

    async def open(self):
        orders = [
            OpenAccount(owner, "INR", "position", cap) for owner, cap in (("s", None), ("p", 0), ("q", 0))
        ]
        source, self.payer, self.payee = [(await self.writer.submit(order)).number for order in orders]
        legs = [CommandLeg(source, self.payer, 10**6, "funding")]
        await self.writer.submit(Fund(uuid4().bytes, b"f", legs, "start"))

    async def pay(self, payer="a", payee="b", uetr=None):
        legs = [CommandLeg(self.payer, self.payee, 100, "principal")]
        now = time.time_ns() // 1_000
        one = payment(payer, payee)
        identity = structs.replace(one.identity, uetr=(uetr or uuid4()).bytes)
        one = structs.replace(one, identity=identity, legs=legs, expires_at=now + HOUR_US, lifetime=HOUR_US)
        reply = await self.writer.submit(one)
        return reply.verdict, reply.reason


@pytest.fixture
async def bank(database_url):
    bank = Bank(database_url)
    await bank.start()
    await bank.open()
    yield bank
    await bank.writer.stop()


async def test_many_at_once_and_a_restart_stay_within_the_limit(bank, database_url):
    limit = SetVelocity("debtor_account", EVERYBODY, "INR", None, None, 10, None)
    assert (await bank.writer.submit(limit)).verdict == "limit_set"
    first = uuid4()
    replies = [await bank.pay("a", "b", first)]
    replies += await asyncio.gather(*(bank.pay("a", str(n)) for n in range(8)))
    assert [verdict for verdict, _ in replies] == ["created"] * 9
    await bank.writer.stop()
    await bank.start()

    replies = await asyncio.gather(*(bank.pay("a", str(n)) for n in range(20)), bank.pay("z"))

    assert sorted(replies) == [("created", ""), ("created", ""), *[("refused", "AM21")] * 19]
    assert (await bank.pay("a", "b", first))[0] == "exists"
    connection = await asyncpg.connect(database_url)
    assert sorted(await connection.fetchval("SELECT array_agg(day_count) FROM switch.velocity_use")) == [
        1,
        10,
    ]
    assert await connection.fetchval("SELECT switch.forget_velocity(clock_timestamp(), 10)") == 0
    await connection.execute("UPDATE switch.velocity_use SET day = day - 2, hour = hour - 48")
    assert await connection.fetchval("SELECT switch.forget_velocity(clock_timestamp(), 10)") == 2
    await connection.close()


async def test_a_limit_in_the_batch_of_its_first_payments_counts_them(bank):
    limit = SetVelocity("participant", "payer", "INR", 2, None, None, None)

    replies = await asyncio.gather(bank.writer.submit(limit), *(bank.pay() for _ in range(5)))

    assert sorted(verdict for verdict, _ in replies[1:]) == ["created", "created", *["refused"] * 3]
