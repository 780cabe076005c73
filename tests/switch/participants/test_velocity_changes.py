"""Velocity limits: set by two people, felt by payments, and shown to whom they concern."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from schemas.errors import SwitchError
from switch.approvals import approvals
from switch.change_catalogue import KINDS
from switch.operations import caused
from switch.participants import velocity
from switch.participants.velocity import VelocityInForce
from switch.writer.commands import SetVelocity
from switch.writer.context import ServiceContext
from switch.writer.velocity import Velocity
from tests.switch.operations.test_caused import check
from tests.switch.services import agree, done, killed, onboarding, open_services
from tests.switch.stack import Stack

LIMIT = {
    "scope": "debtor_account",
    "participant": "asha-bank",
    "currency": "INR",
    "payments_per_hour": 5,
    "per_hour": "100.00",
    "per_day": "1000.00",
}


@pytest_asyncio.fixture
async def services(database_url: str) -> AsyncIterator[ServiceContext]:
    async with open_services(database_url) as opened:
        await done(opened, "participant.onboard", onboarding("asha-bank", cap="1000.00"))
        yield opened


async def test_two_people_set_a_limit_and_its_event_has_its_cause(services: ServiceContext) -> None:
    assert (await agree(services, "velocity.set", LIMIT, checkers=())).state == "requested"
    await done(services, "velocity.set", {**LIMIT, "participant": None, "per_day": None})
    await done(services, "velocity.set", LIMIT)

    found = await velocity.read(services.pool)

    general = VelocityInForce("debtor_account", "*", "INR", Velocity(5, 100_00, None, None))
    own = VelocityInForce("debtor_account", "asha-bank", "INR", Velocity(5, 100_00, None, 1000_00))
    assert found == [general, own]
    assert velocity.concerning(found, "asha-bank") == [own]
    assert velocity.concerning(found, "ganga-bank") == [general]
    result = await check(services)
    assert result.ok, (caused.NAME, result.detail)
    await done(services, "velocity.set", {name: LIMIT[name] for name in ("scope", "participant", "currency")})
    assert await velocity.read(services.pool) == [general]


async def test_a_crash_after_the_command_sets_the_limit_once(services: ServiceContext) -> None:
    await killed(services, "velocity.set", LIMIT, SetVelocity)
    await approvals.run_due(services, KINDS, after_s=0)

    assert await services.pool.fetchval("SELECT state FROM switch.change ORDER BY number DESC") == "executed"
    assert await services.pool.fetchval("SELECT count(*) FROM ledger.event WHERE kind = 'VELOCITY'") == 1


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({**LIMIT, "participant": "nobody"}, "no such participant"),
        ({**LIMIT, "currency": "PKR"}, "no account in this currency"),
        ({**LIMIT, "currency": "ABC", "participant": None}, "unknown currency"),
        ({**LIMIT, "per_day": "99.99"}, "may not exceed"),
        ({**LIMIT, "payments_per_day": 4}, "may not exceed"),
        ({**LIMIT, "per_hour": "1.005"}, "decimal"),
        ({**LIMIT, "scope": "bank"}, ""),
        ({**LIMIT, "payments_per_hour": -1}, ""),
    ],
)
async def test_limits_that_cannot_be_are_refused(
    services: ServiceContext, content: dict[str, Any], text: str
) -> None:
    with pytest.raises(SwitchError) as error:
        await agree(services, "velocity.set", content)
    assert text in error.value.detail


async def test_payments_to_one_account_are_limited_whoever_sends_them(stack: Stack) -> None:
    of = {"scope": "creditor_account", "participant": "indus-bank", "currency": "PKR"}
    await stack.agreed("velocity.set", {**of, "payments_per_day": 0})
    try:
        async with stack.client("asha-bank") as client:
            refused = await client.pay(stack.document("asha-bank", "indus-bank", amount="7.00"))
            shown = await client.payment(refused.uetr)
            other = await client.pay(stack.document("asha-bank", "noor-wallet", amount="7.00"), wait=10)
        async with stack.client("indus-bank") as client:
            own = await client.read("participants/indus-bank")
    finally:
        await stack.agreed("velocity.set", of)

    assert (refused.status, refused.reason) == ("RJCT", "AM21")
    assert shown.detail is not None
    assert "CdtTrfTxInf/CdtrAcct: the payments to this account have reached their limit" in shown.detail
    assert other.status == "ACCC"
    assert own["velocity_limits"] == [
        {
            "scope": "creditor_account",
            "everybody": False,
            "currency": "PKR",
            "payments_per_hour": None,
            "per_hour": None,
            "payments_per_day": 0,
            "per_day": None,
        }
    ]
