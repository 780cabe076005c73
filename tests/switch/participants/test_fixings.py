"""A central bank fixes the rate of a pair that nobody offers; by two of its people, for a time."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from schemas.errors import NotAllowed, Refused
from schemas.money import Money
from switch.approvals import approvals
from switch.change_catalogue import KINDS
from switch.identity.model import Change
from switch.operations.caused import check_causes
from switch.payments import directory as directories
from switch.payments import pricing
from switch.writer.context import ServiceContext
from tests.switch.participants.test_pairs import CORRIDOR, ROSA, services
from tests.switch.payments.test_signatures import world
from tests.switch.services import person

__all__ = ["services", "world"]


def fixing(**changed: Any) -> dict[str, Any]:
    until = datetime.now(UTC) + timedelta(hours=8)
    stated = {"country": "IN", "source": "INR", "target": "PKR", "provider": "fx", "rate": "3.29"}
    return {**stated, "until": until.isoformat(), **changed}


async def decide(services: ServiceContext, content: dict[str, Any], *, by: str = "ravi") -> Change:
    change = await approvals.request(
        services, KINDS, person(by), "fx.fixing", content=content, reason="no market"
    )
    async with services.pool.acquire() as connection:
        effect = await approvals.present_effect(connection, KINDS, change)
    assert effect is not None
    digest = effect.digest(change.number)
    return await approvals.vote(
        services, KINDS, ROSA, change.number, decision="approve", reason="seen", seen=digest
    )


async def priced(services: ServiceContext) -> str:
    snapshot = await directories.load(services.pool)
    return pricing.price(Money(100_00, "INR"), "PKR", CORRIDOR, snapshot).rate


async def test_a_fixing_counts_only_where_nobody_offers_the_pair(services: ServiceContext) -> None:
    change = await decide(services, fixing())

    assert change.state == "executed", change
    assert await priced(services) == "3.2835000000"  # the rate that two people set is an offer
    await services.pool.execute("DELETE FROM switch.fx_rate WHERE source = 'INR' AND target = 'PKR'")
    assert await priced(services) == "3.2900000000"
    await services.pool.execute("UPDATE switch.fx_fixing SET valid_until = clock_timestamp()")
    with pytest.raises(Refused, match="no FX rate"):
        await priced(services)


async def test_a_newer_fixing_replaces_an_older_one(services: ServiceContext) -> None:
    await decide(services, fixing())
    await decide(services, fixing(rate="3.30"))
    await services.pool.execute("DELETE FROM switch.fx_rate WHERE source = 'INR' AND target = 'PKR'")

    assert await priced(services) == "3.3000000000"


@pytest.mark.parametrize(("by", "error"), [("karim", Refused), ("olga", NotAllowed), ("chen", NotAllowed)])
async def test_only_the_central_bank_of_a_currency_fixes_its_pairs(
    services: ServiceContext, by: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await decide(services, fixing(), by=by)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"source": "PKR", "target": "KZT"}, id="without-its-currency"),
        pytest.param({"target": "INR"}, id="one-currency"),
        pytest.param({"target": "KZT"}, id="no-account"),
        pytest.param({"provider": "asha-bank"}, id="no-provider"),
        pytest.param({"rate": "0.0"}, id="zero"),
        pytest.param({"rate": "4.29"}, id="beyond-the-band"),
        pytest.param({"until": "2020-01-01T00:00:00Z"}, id="past"),
        pytest.param({"until": "2099-01-01T00:00:00Z"}, id="long"),
        pytest.param({"until": "2099-01-01T00:00:00"}, id="no-offset"),
    ],
)
async def test_what_cannot_be_fixed_is_refused(services: ServiceContext, changed: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        await decide(services, fixing(**changed))


async def test_verify_finds_a_fixing_that_no_two_people_set(services: ServiceContext) -> None:
    async def faults() -> str:
        async with services.pool.acquire() as connection, connection.transaction():
            return (await check_causes(connection, KINDS)).detail

    change = await decide(services, fixing())
    assert "fixing" not in (await faults()).partition("faults")[2]
    await services.pool.execute("UPDATE switch.fx_fixing SET rate = 3.5")
    assert f"fixing INR-PKR of change {change.number}: the change says something else" in await faults()
    await services.pool.execute("UPDATE switch.fx_fixing SET change = 9999")
    assert "fixing INR-PKR of change 9999: nobody requested it" in await faults()
