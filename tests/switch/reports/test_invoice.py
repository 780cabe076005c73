"""Invoices equal the accounts of fees: on random days with everything that can happen to a payment."""

import itertools
import random
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from ledger import statements
from schemas.errors import NotFound
from schemas.money import Money
from switch.operations import verify
from switch.reports.query import Scope
from switch.reports.table import Report
from switch.writer.commands import (
    Accept,
    Advance,
    CommandLeg,
    FeeCharge,
    Identity,
    Refuse,
    Return,
    Terms,
)
from switch.writer.context import ServiceContext
from switch.writer.lifecycle import Event
from tests.switch.reports.conftest import make
from tests.switch.services import account, done, onboarding, open_services

BANKS = ("asha-bank", "ganga-bank")
TARIFFS = (
    ("switch", "out", None), ("rail", "out", None), ("switch", "in", None), ("rail", "in", "CRED"),
)  # fmt: skip
HOUR_US = 3_600_000_000


@pytest_asyncio.fixture
async def services(database_url: str) -> AsyncIterator[ServiceContext]:
    async with open_services(database_url) as opened:
        for bank in BANKS:
            await done(opened, "participant.onboard", onboarding(bank, cap="1000000.00"))
        await opened.pool.execute("INSERT INTO switch.corridor (source, target) VALUES ('IN', 'IN')")
        for row in TARIFFS:
            await opened.pool.execute(
                "INSERT INTO switch.tariff (source, target, component, direction, bearer, flat_minor, bps, valid_from, change)"
                " VALUES ('IN', 'IN', $1, $2, $3, 150, 10, clock_timestamp(), 1)",
                *row,
            )
        yield opened


async def one_payment(services: ServiceContext, rng: random.Random) -> bytes | None:
    """Whatever may happen to a payment but a return; its UETR if it was credited."""
    payer, payee = rng.sample(BANKS, 2)
    purpose = rng.choice(("position", "position", "gross"))
    charges = [
        FeeCharge(number, component, direction == "in", rng.choice((0, rng.randrange(1, 500))))
        for number, (component, direction, _) in enumerate(TARIFFS, 1)
        if rng.random() < 0.4
    ]  # fmt: skip
    stated = rng.randrange(5_000, 90_000)
    fee = sum(each.minor for each in charges) if charges else rng.randrange(0, 300)
    moved = stated - sum(each.minor for each in charges if each.deducted)
    paying = await account(services, payer, purpose=purpose)
    legs = [CommandLeg(paying, await account(services, payee, purpose=purpose), moved, "principal")]
    if fee:
        legs.append(CommandLeg(paying, await account(services, "payswitch", purpose="fees"), fee, "fee"))
    terms = Terms(payer, payee, "IN", moved, "INR", moved, "INR", fee, "", "")
    uetr = uuid4().bytes
    identity = Identity(uetr, b"f" * 32, payer, "pacs.008.001.08", "m", b"raw", 0)
    if rng.random() < 0.1:
        await services.link.ask(Refuse(identity, "AM02", "too large", terms))
        return None
    until = time.time_ns() // 1000 + HOUR_US
    held = rng.random() < 0.2
    reply = await services.link.ask(
        Accept(identity, terms, legs, uetr.hex(), b"native", until, HOUR_US, 0, hold=held, charges=charges)
    )
    if reply.verdict == "refused":  # gross accounts have no money of their own
        assert purpose == "gross"
        return None
    if held:
        if rng.random() < 0.4:
            return None  # held for ever, or cancelled
        await services.link.ask(Advance(uetr, rng.choice((Event.SEND, Event.CANCEL)), reason="NARR"))
    outcome = rng.choice((Event.CONFIRM, Event.CONFIRM, Event.CONFIRM, Event.REJECT, None))
    if outcome is None:
        return None
    reply = await services.link.ask(
        Advance(uetr, outcome, rail="IN", reason="" if outcome is Event.CONFIRM else "AC04")
    )
    return uetr if reply.state == "COMMITTED" else None


async def give_back(services: ServiceContext, uetr: bytes) -> None:
    returned = Return(uuid4().bytes, b"f" * 32, uetr, "", "R1", "AC04", change=-1)
    assert (await services.link.ask(returned)).verdict == "created"


def nets(report: Report) -> dict[str, int]:
    found: dict[str, int] = defaultdict(int)
    for participant, net in zip(report.column("participant"), report.column("net"), strict=True):
        assert isinstance(net, Money)
        found[str(participant)] += net.minor
    return {name: minor for name, minor in found.items() if minor}


@pytest.mark.parametrize("seed", range(3))
async def test_invoices_are_what_the_accounts_of_fees_got(services: ServiceContext, seed: int) -> None:
    rng = random.Random(seed)
    pool = services.pool
    for bank in BANKS:  # payments that settle gross need money paid in
        gross = {"participant": bank, "currency": "INR", "account": "gross"}
        await done(services, "account.open", {**gross, "net_debit_cap": "0"})
        await done(services, "funds.in", {**gross, "amount": "20000.00", "reference": f"of {bank}"})
    marks: list[datetime] = [await pool.fetchval("SELECT clock_timestamp()")]
    credited: list[bytes] = []
    for _ in range(3):
        for _ in range(25):
            uetr = await one_payment(services, rng)
            if uetr is not None:
                credited.append(uetr)
            if credited and rng.random() < 0.2:
                await give_back(services, credited.pop(rng.randrange(len(credited))))
        marks.append(await pool.fetchval("SELECT clock_timestamp()"))
    fees = await account(services, "payswitch", purpose="fees")
    whole = []
    for since, until in [*itertools.pairwise(marks), (marks[0], marks[-1])]:
        first, last = [
            await pool.fetchval("SELECT coalesce(max(seq), 0) FROM ledger.event WHERE at < $1", at)
            for at in (since, until)
        ]
        entries = (await statements.read_between(pool, fees, first, last)).entries
        expected: dict[str, int] = defaultdict(int)
        for entry in entries:
            expected[entry.counterparty] += entry.amount
        async with pool.acquire() as connection:
            report = await make(connection, "invoice", since=since, until=until)
            each = [
                await make(connection, "invoice", Scope("t", participant=bank), since=since, until=until)
                for bank in BANKS
            ]

        assert nets(report) == {name: minor for name, minor in expected.items() if minor}
        assert [nets(one).get(bank, 0) for bank, one in zip(BANKS, each, strict=True)] == [
            expected[bank] for bank in BANKS
        ]
        assert report.totals == () or report.totals[0][-1] == Money(sum(expected.values()), "INR")
        whole.append(nets(report))
    for bank in BANKS:
        assert sum(part.get(bank, 0) for part in whole[:-1]) == whole[-1].get(bank, 0)
    assert len(credited) > 5
    counters: Any = await pool.fetchrow(
        "SELECT credits_posted - debits_posted AS net FROM ledger.account WHERE number = $1", fees
    )
    assert sum(whole[-1].values()) == counters["net"]


async def test_an_invoice_says_for_what_each_charge_is(services: ServiceContext) -> None:
    since = await services.pool.fetchval("SELECT clock_timestamp()")
    paying, payee = await account(services, "asha-bank"), await account(services, "ganga-bank")
    fees = await account(services, "payswitch", purpose="fees")
    charges = [FeeCharge(1, "switch", False, 160), FeeCharge(4, "rail", True, 40)]
    terms = Terms("asha-bank", "ganga-bank", "IN", 9_960, "INR", 9_960, "INR", 200, "", "")
    legs = [CommandLeg(paying, payee, 9_960, "principal"), CommandLeg(paying, fees, 200, "fee")]
    until = time.time_ns() // 1000 + HOUR_US
    for _ in range(2):
        uetr = uuid4().bytes
        identity = Identity(uetr, b"f" * 32, "asha-bank", "pacs.008.001.08", "m", b"raw", 0)
        await services.link.ask(
            Accept(identity, terms, legs, uetr.hex(), b"n", until, HOUR_US, 0, hold=False, charges=charges)
        )
        await services.link.ask(Advance(uetr, Event.CONFIRM, rail="IN"))
    await give_back(services, uetr)
    period = {"since": since, "until": datetime.now(UTC) + timedelta(hours=1)}
    async with services.pool.acquire() as connection:
        report = await make(connection, "invoice", participant="asha-bank", **period)
        for scope, participant in (
            (Scope("t", participant="ganga-bank"), "asha-bank"),
            (Scope("t", everything=True), "nobody"),
        ):
            with pytest.raises(NotFound):
                await make(connection, "invoice", scope, participant=participant, **period)

    def inr(minor: int) -> Money:
        return Money(minor, "INR")

    pair = ("asha-bank", "IN", "IN")
    assert report.rows == (
        (*pair, "switch", "debtor", "1", "1.50 + 10 bp", "INR", 2, inr(320), 1, inr(160), inr(160)),
        (*pair, "rail", "creditor", "4", "1.50 + 10 bp", "INR", 2, inr(80), 1, inr(40), inr(40)),
    )
    assert report.totals[0][8:] == (4, inr(400), 2, inr(200), inr(200))

    async with services.pool.acquire() as connection, connection.transaction():
        assert (await verify._terms(connection, 0, 2**62)).ok
        await connection.execute(
            "UPDATE switch.payment_charge SET minor = minor + 1 WHERE (number, place) IN"
            " (SELECT number, place FROM switch.payment_charge ORDER BY number, place LIMIT 1)"
        )
        assert not (await verify._terms(connection, 0, 2**62)).ok
