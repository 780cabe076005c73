"""Watch rules: what they match, in any order, over the ends of days, across batches and restarts."""

import asyncio
import random
from collections import defaultdict
from uuid import uuid4

import asyncpg
import pytest
from msgspec import structs

from switch.writer import watching
from switch.writer.commands import SetWatch
from switch.writer.decided_once import Orders
from switch.writer.velocity import DAY_US, HOUR_US
from switch.writer.watching import Watches, WatchKind
from tests.switch.writer.test_velocity import START, Bank, payment

RULE = SetWatch(
    kind="structuring",
    participant="*",
    source="",
    target="",
    currency="INR",
    minor=1000,
    percent=80,
    count=3,
    hour_from=22,
    hour_until=6,
    action="hold",
    since=0,
    until=0,
)


class Log:
    """The books, as far as a rule needs them."""

    def __init__(self, now=START):
        self.now_us, self.events = now, []

    @property
    def now(self):
        return watching.datetime.fromtimestamp(self.now_us / 1e6, watching.UTC)

    def record(self, _number, kind, body):
        self.events.append((str(kind), body))
        return len(self.events)

    def find(self, _uetr):
        return None


def part_with(*rules, log):
    part = Watches(Orders())
    for rule in rules:
        assert part.handlers[SetWatch].decide(rule, log).verdict == "watch_set"
    return part


def pay(part, log, payer="a", payee="b", *, minor=900, waived=(), held=True):
    """The rules that hold a payment; if none, or all are waived, it is reserved."""
    one = structs.replace(payment(payer, payee, minor=minor), waived=list(waived))
    reply = part.stop(one, log)
    if reply is not None:
        return f"{reply.verdict} {reply.detail}"
    if held:
        part.held(7, one, log, log.now_us)
    return ""


def test_the_third_payment_of_a_day_a_little_below_the_amount_is_held():
    log = Log()
    part = part_with(RULE, log=log)

    assert [pay(part, log) for _ in range(2)] == ["", ""]
    assert pay(part, log) == "watched 1:structuring"
    assert pay(part, log, "other") == ""
    assert pay(part, log, minor=799) == pay(part, log, minor=1000) == ""
    assert pay(part, log, waived=[1]) == ""
    log.now_us += DAY_US
    assert [pay(part, log) for _ in range(2)] == ["", ""]


def test_payments_of_many_accounts_to_one_are_a_fan_in_and_those_of_one_account_are_not():
    log = Log()
    rule = structs.replace(RULE, kind="fan_in", currency="PKR", participant="payee", minor=300, count=3)
    part = part_with(rule, log=log)

    assert [pay(part, log, "a", minor=100) for _ in range(5)] == [""] * 5
    assert pay(part, log, "b", minor=100) == ""
    assert pay(part, log, "c", minor=100) == "watched 1:fan_in"
    assert pay(part, log, "c", minor=99) == ""
    assert pay(part, log, "c", "another payee", minor=100) == ""


def test_the_first_large_payment_of_an_account_is_held_and_no_later_one():
    log = Log()
    part = part_with(structs.replace(RULE, kind="first_large"), log=log)

    assert pay(part, log, minor=999) == ""
    assert pay(part, log, minor=1000) == "watched 1:first_large"
    assert pay(part, log, minor=1000, waived=[1]) == ""
    log.now_us += 30 * DAY_US
    assert pay(part, log, minor=5000) == ""
    assert pay(part, log, "new", minor=5000) == "watched 1:first_large"


@pytest.mark.parametrize(
    ("hour", "held"), [(15, False), (16, False), (17, True), (23, True), (0, True), (1, False)]
)
def test_hours_of_the_night_are_those_where_the_currency_is_at_home(hour, held):
    """22:00 to 6:00 in India is 16:30 to 00:30 UTC."""
    log = Log(START + hour * HOUR_US)
    part = part_with(structs.replace(RULE, kind="out_of_hours"), log=log)

    assert (pay(part, log, minor=1000) != "") is held
    assert pay(part, log, minor=999) == ""


def test_an_alarm_changes_nothing_but_is_noted_with_its_rule():
    log = Log()
    part = part_with(structs.replace(RULE, action="alarm"), log=log)

    assert [pay(part, log) for _ in range(4)] == [""] * 4
    assert [kind for kind, _ in log.events] == ["WATCH_RULE", "WATCH_ALARM", "WATCH_ALARM"]
    assert [(alarm.payment, alarm.rule, alarm.participant) for alarm in part._alarms] == [(7, 1, "payer")] * 2


def test_the_newest_rule_that_has_begun_counts_and_one_that_ended_does_not():
    log = Log()
    part = part_with(
        structs.replace(RULE, kind="first_large"),
        structs.replace(RULE, kind="first_large", minor=2000, since=START + DAY_US),
        structs.replace(
            RULE, kind="first_large", minor=3000, since=START + 2 * DAY_US, until=START + 3 * DAY_US
        ),
        structs.replace(RULE, kind="first_large", action="none", since=START + 4 * DAY_US),
        log=log,
    )
    held = []
    for day in range(5):
        log.now_us = START + day * DAY_US
        held.append(
            [minor for minor in (1000, 2000, 3000) if pay(part, log, str(day), minor=minor, held=False)]
        )

    assert held == [[1000, 2000, 3000], [2000, 3000], [3000], [], []]


def test_a_rule_that_ends_at_once_ends_one_that_began_at_a_stated_instant():
    log = Log()
    part = part_with(structs.replace(RULE, kind="first_large", since=START + DAY_US), log=log)
    log.now_us += 2 * DAY_US
    assert pay(part, log, minor=1000) != ""
    ending = structs.replace(RULE, kind="first_large", action="none")
    assert part.handlers[SetWatch].decide(ending, log).verdict == "watch_set"
    assert pay(part, log, minor=1000) == ""


def test_rules_are_of_a_participant_a_corridor_and_a_currency():
    log = Log()
    first = structs.replace(RULE, kind="first_large")
    others = [
        structs.replace(first, participant="another"),
        structs.replace(first, source="PK"),
        structs.replace(first, target="IN"),
        structs.replace(first, currency="PKR"),
    ]
    part = part_with(*others, log=log)
    part._countries = {"payer": "IN", "payee": "PK"}
    assert pay(part, log, minor=1000) == ""
    for rule in (
        structs.replace(first, participant="payer"),
        structs.replace(first, source="IN", target="PK"),
    ):
        part = part_with(rule, log=log)
        part._countries = {"payer": "IN", "payee": "PK"}
        assert pay(part, log, minor=1000) != ""


def test_a_payment_whose_worker_does_not_know_of_the_rules_is_not_decided():
    log = Log()
    part = part_with(RULE, log=log)

    assert part.stop(payment(meters=False), log).verdict == "late"
    assert part.stop(structs.replace(payment(meters=False), recovered="ref"), log) is None
    part.held(1, structs.replace(payment(meters=False), recovered="ref"), log, START)


@pytest.mark.parametrize("seed", range(10))
def test_random_payments_are_counted_as_a_plain_recount(seed):
    chance, log = random.Random(seed), Log()
    near = structs.replace(RULE, count=chance.randint(2, 5))
    fan = structs.replace(RULE, kind="fan_in", currency="PKR", minor=0, count=chance.randint(2, 5))
    part = part_with(near, fan, log=log)
    paid = defaultdict(list)
    for _ in range(300):
        log.now_us += chance.choice([1, HOUR_US, 7 * HOUR_US])
        day = log.now_us // DAY_US
        payer, payee, minor = chance.choice("abc"), chance.choice("xy"), chance.randint(700, 1100)
        wanted = []
        if 800 <= minor < 1000 and len([m for m in paid[payer, day] if 800 <= m < 1000]) + 1 >= near.count:
            wanted.append("1:structuring")
        if len({*paid[payee, day], payer}) >= fan.count:
            wanted.append("2:fan_in")

        held = pay(part, log, payer, payee, minor=minor)

        assert held == (f"watched {' '.join(wanted)}" if wanted else "")
        if not held:
            paid[payer, day].append(minor)
            paid[payee, day].append(payer)


def test_the_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(watching, "REMEMBERED_MAX", 10)
    log = Log()
    part = part_with(RULE, log=log)
    for number in range(100):
        pay(part, log, str(number))
    part.durable()

    assert len(part._uses) == 10


@pytest.fixture
async def bank(database_url):
    bank = Bank(database_url)
    await bank.start()
    await bank.open()
    yield bank
    await bank.writer.stop()


async def test_many_at_once_and_a_restart_count_every_payment_once(bank, database_url):
    rule = structs.replace(RULE, minor=120, percent=80, count=6)
    fan = structs.replace(RULE, kind="fan_in", currency="PKR", minor=0, count=4, action="alarm")
    for each in (rule, fan):
        assert (await bank.writer.submit(each)).verdict == "watch_set"
    first = uuid4()
    assert (await bank.pay("a", "b", first))[0] == "created"
    replies = await asyncio.gather(*(bank.pay("a", "b") for _ in range(2)), *(bank.pay(x, "b") for x in "cd"))
    assert {verdict for verdict, _ in replies} == {"created"}
    await bank.writer.stop()
    await bank.start()

    replies = await asyncio.gather(*(bank.pay("a", "b") for _ in range(10)))
    assert sorted(verdict for verdict, _ in replies) == ["created"] * 2 + ["watched"] * 8
    assert (await bank.pay("a", "b", first))[0] == "exists"
    assert (await bank.pay("e", "b"))[0] == "created"
    connection = await asyncpg.connect(database_url)
    counts = await connection.fetch("SELECT count, cardinality(seen) AS n FROM switch.watch_use")
    assert sorted(map(tuple, counts)) == [(0, 4), (1, 0), (1, 0), (1, 0), (5, 0)]
    alarms = await connection.fetch("SELECT kind, participant, examined FROM switch.watch_alarm")
    assert {tuple(row) for row in alarms} == {(WatchKind.FAN_IN, "payee", None)}
    assert await connection.fetchval("SELECT switch.forget_watch_uses(clock_timestamp(), 10)") == 0
    await connection.execute("UPDATE switch.watch_use SET day = day - 401")
    assert await connection.fetchval("SELECT switch.forget_watch_uses(clock_timestamp(), 10)") == 5
    await connection.close()


async def test_a_rule_in_the_batch_of_its_first_payments_counts_them(bank):
    rule = structs.replace(RULE, minor=120, count=3)

    replies = await asyncio.gather(bank.writer.submit(rule), *(bank.pay() for _ in range(5)))

    assert sorted(verdict for verdict, _ in replies[1:]) == ["created", "created", *["watched"] * 3]
