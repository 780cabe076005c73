"""Two people of an FX provider set an offer: within the band, published once, and verified."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from schemas.errors import NotAllowed, Refused
from switch.approvals import approvals
from switch.change_catalogue import KINDS
from switch.identity.model import Change, Person, Role, Status
from switch.operations.caused import check_causes
from switch.writer.commands import OfferOfPair, Publish
from switch.writer.context import ServiceContext
from tests.switch.payments.test_signatures import World, world
from tests.switch.services import executed_with, person
from tests.switch.writer.test_offers import market, paid

__all__ = ["market", "world"]
FIONA = Person("fiona", "Fiona", Role.PARTICIPANT, "fx", Status.ACTIVE)
FELIX = Person("felix", "Felix", Role.PARTICIPANT, "fx", Status.ACTIVE)


@pytest.fixture
async def services(market: World) -> ServiceContext:
    for name in ("fiona", "felix"):
        await market.services.pool.execute(
            "INSERT INTO switch.person (name, display_name, role, scope, status)"
            " VALUES ($1, initcap($1), 'participant', 'fx', 'active')",
            name,
        )
    services = replace(market.services, link=market.link)
    executed_with(services)
    return services


def offer(**changed: Any) -> dict[str, Any]:
    until = datetime.now(UTC) + timedelta(hours=8)
    return {
        "provider": "fx",
        "source": "INR",
        "target": "PKR",
        "rate": "3.29",
        "until": until.isoformat(),
        **changed,
    }


async def request(services: ServiceContext, content: dict[str, Any], by: Person = FIONA) -> Change:
    return await approvals.request(services, KINDS, by, "fx.offer", content=content, reason="new quote")


async def decide(services: ServiceContext, content: dict[str, Any]) -> Change:
    change = await request(services, content)
    async with services.pool.acquire() as connection:
        effect = await approvals.present_effect(connection, KINDS, change)
    assert effect is not None
    digest = effect.digest(change.number)
    return await approvals.vote(
        services, KINDS, FELIX, change.number, decision="approve", reason="seen", seen=digest
    )


async def number(services: ServiceContext) -> int:
    found: int = await services.pool.fetchval("SELECT number FROM switch.fx_offer")
    return found


async def test_payments_are_converted_at_what_two_people_set(market: World, services: ServiceContext) -> None:
    change = await decide(services, offer(large_from="100000.00", large_rate="3.30", inventory="1000.00"))

    assert change.state == "executed", change
    assert (await market.link.ask(paid(market, await number(services)))).verdict == "created"
    row = await services.pool.fetchrow("SELECT tiers::text, inventory_minor FROM switch.fx_offer")
    assert msgspec.json.decode(row["tiers"]) == [[0, "3.2900000000"], [100_000_00, "3.3000000000"]]
    assert row["inventory_minor"] == 1_000_00
    async with services.pool.acquire() as connection, connection.transaction():
        result = await check_causes(connection, KINDS)
    assert "offer" not in result.detail, result.detail
    withdrawn = await decide(services, offer(rate=None))
    assert withdrawn.state == "executed", withdrawn
    assert (await market.link.ask(paid(market, await number(services)))).verdict == "offer_ended"


async def test_nobody_else_sets_it_and_nobody_alone(services: ServiceContext) -> None:
    for by, error in ((person("olga"), NotAllowed), (person("pia"), (NotAllowed, Refused))):
        with pytest.raises(error):
            await request(services, offer(), by)
    change = await request(services, offer())
    with pytest.raises((NotAllowed, Refused)):
        await approvals.vote(
            services, KINDS, FIONA, change.number, decision="approve", reason="mine", seen=""
        )


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"rate": "9.29"}, id="beyond-the-band"),
        pytest.param({"rate": "9.29", "confirmed_factor": "2.82"}, id="beyond-it-and-confirmed"),
        pytest.param({"rate": "3.60", "improvements": "asha-bank=500"}, id="improved-beyond-it"),
        pytest.param({"improvements": "nobody=5"}, id="better-for-nobody"),
        pytest.param({"large_from": "10.00"}, id="half-a-tier"),
        pytest.param({"large_from": "0", "large_rate": "3.3"}, id="tiers-that-do-not-ascend"),
        pytest.param({"target": "KZT"}, id="no-account"),
        pytest.param({"until": "2020-01-01T00:00:00Z"}, id="past"),
        pytest.param({"until": "2099-01-01T00:00:00Z"}, id="far"),
        pytest.param({"inventory": "1.001"}, id="decimals"),
        pytest.param({"source": "PKR", "target": "INR", "rate": "0.3"}, id="no-reference"),
    ],
)
async def test_what_cannot_be_offered_is_refused(services: ServiceContext, changed: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        await decide(services, offer(**changed))


async def test_the_writer_publishes_only_what_people_approved(
    market: World, services: ServiceContext
) -> None:
    until = int((datetime.now(UTC) + timedelta(hours=1)).timestamp() * 1_000_000)
    pair = OfferOfPair("INR", "PKR", [(0, "3.2900000000")], until, None)
    forged = Publish("fx", [pair], None, b"i" * 16, 99)
    with pytest.raises(Refused, match="change 99"):
        await market.link.ask(forged)
    change = await request(services, offer())
    with pytest.raises(Refused, match="requested"):
        await market.link.ask(msgspec.structs.replace(forged, change=change.number))
    assert await services.pool.fetchval("SELECT count(*) FROM switch.fx_offer") == 0
