"""Limits of what a participant may send: set by people, through approvals, and felt by its payments."""

import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from schemas.errors import SwitchError
from switch.identity.model import ChangeState
from switch.participants import limits
from switch.participants.limits import LimitInForce
from switch.writer.commands import Accept, CommandLeg, Identity, Reply, Terms
from switch.writer.context import ServiceContext
from tests.switch.services import account, agree, done, onboarding, open_services

LIMITS = {"participant": "asha-bank", "currency": "INR", "per_payment": "50.00", "per_day": "80.00"}


@pytest_asyncio.fixture
async def services(database_url: str) -> AsyncIterator[ServiceContext]:
    async with open_services(database_url) as opened:
        for bank in ("asha-bank", "ganga-bank"):
            await done(opened, "participant.onboard", onboarding(bank, cap="1000.00"))
        yield opened


async def order(services: ServiceContext, minor: int) -> Reply:
    identity = Identity(uuid4().bytes, b"same", "asha-bank", "pacs.008.001.08", "m", b"raw", 0)
    terms = Terms("asha-bank", "ganga-bank", "PK", minor, "INR", minor, "INR", 0, "", "")
    legs = [
        CommandLeg(
            await account(services, "asha-bank"), await account(services, "ganga-bank"), minor, "principal"
        )
    ]
    until = time.time_ns() // 1000 + 60_000_000
    return await services.link.ask(
        Accept(identity, terms, legs, "ref", b"native", until, 60_000_000, 0, hold=False)
    )


async def test_a_payment_over_a_limit_that_people_agreed_on_is_refused_with_am14(
    services: ServiceContext,
) -> None:
    before = await order(services, 51_00)
    await done(services, "limit.set", LIMITS)
    over, under, day = [await order(services, minor) for minor in (50_01, 50_00, 30_01)]

    assert before.verdict == under.verdict == "created"
    assert (over.verdict, over.reason) == (day.verdict, day.reason) == ("refused", "AM14")
    assert await limits.read(services.pool) == [LimitInForce("asha-bank", "INR", 50_00, 80_00, 50_00)]


async def test_the_maker_cannot_approve_and_nothing_applies_before_approval(
    services: ServiceContext,
) -> None:
    change = await agree(services, "limit.set", LIMITS, checkers=())
    free = await order(services, 51_00)
    with pytest.raises(SwitchError):
        await agree(services, "limit.set", {**LIMITS, "per_day": "90.00"}, checkers=("olga",))

    assert change.state is ChangeState.REQUESTED
    assert free.verdict == "created"
    assert await limits.read(services.pool) == []


async def test_limits_are_lifted_by_null_and_the_log_has_both(services: ServiceContext) -> None:
    await done(services, "limit.set", LIMITS)
    lifted = {"per_payment": None, "per_day": None, "confirmed_factor": "unlimited"}
    change = await done(services, "limit.set", {**LIMITS, **lifted})

    assert (await order(services, 100_00)).verdict == "created"
    assert change.outcome == "asha-bank may send in INR: any amount a payment, any amount a day"
    assert await services.pool.fetchval("SELECT count(*) FROM ledger.event WHERE kind = 'LIMIT'") == 2


@pytest.mark.parametrize(
    "change",
    [
        {"participant": "nobody"},
        {"currency": "PKR"},
        {"per_payment": "-1"},
        {"per_day": "1.005"},
        {"per_payment": "80.01"},
    ],
    ids=str,
)
async def test_a_limit_that_makes_no_sense_is_refused_at_the_request(
    services: ServiceContext, change: dict[str, Any]
) -> None:
    with pytest.raises(SwitchError):
        await agree(services, "limit.set", {**LIMITS, **change})

    assert await services.pool.fetchval("SELECT count(*) FROM switch.change WHERE kind = 'limit.set'") == 0
