"""A central bank blocks a currency pair at once, or bounds its rate for a day; by two of its people."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from schemas.errors import NotAllowed, Refused
from schemas.money import Money
from switch.approvals import approvals
from switch.change_catalogue import KINDS
from switch.identity.model import Change, Person, Role, Status
from switch.operations.caused import check_causes
from switch.payments import directory as directories
from switch.payments import pricing, returnable
from switch.payments.directory import Corridor
from switch.payments.returnable import RateInForce, Returnable, ReturnRefusal
from switch.writer.commands import BookReturn, GivenBack, SetPair
from switch.writer.context import ServiceContext
from switch.writer.pairs import PairControl
from tests.switch.payments.test_signatures import World, world
from tests.switch.services import executed_with, person
from tests.switch.writer.test_quotes import asked, naming, promised

__all__ = ["world"]
CORRIDOR = Corridor("IN", "PK", enabled=True, fee_minor=0, fee_bps=0)
BLOCK = {"country": "IN", "source": "INR", "target": "PKR", "control": "blocked"}
ROSA = Person("rosa", "Rosa", Role.REGULATOR, "IN", Status.ACTIVE)


@pytest.fixture
async def services(world: World) -> ServiceContext:
    await world.services.pool.execute(
        "INSERT INTO switch.person (name, display_name, role, scope, status)"
        " VALUES ('rosa', 'Rosa', 'regulator', 'IN', 'active')"
    )
    services = replace(world.services, link=world.link)
    executed_with(services)
    return services


async def decide(services: ServiceContext, content: dict[str, Any], *, by: str = "ravi") -> Change:
    """What one person of a central bank requests and a second one approves."""
    change = await approvals.request(
        services, KINDS, person(by), "pair.control", content=content, reason="market closed"
    )
    async with services.pool.acquire() as connection:
        effect = await approvals.present_effect(connection, KINDS, change)
    assert effect is not None
    return await approvals.vote(
        services,
        KINDS,
        ROSA,
        change.number,
        decision="approve",
        reason="seen",
        seen=effect.digest(change.number),
    )


def bounded(**bounds: str) -> dict[str, Any]:
    until = datetime.now(UTC) + timedelta(hours=8)
    return {**BLOCK, "control": "bounded", "until": until.isoformat(), **bounds}


async def refusal(world: World) -> tuple[str, str]:
    reply = await world.link.ask(world.payment("indus-bank"))
    return reply.verdict, reply.reason


async def test_a_block_acts_on_every_payment_and_quote_that_is_decided_after_it(
    world: World, services: ServiceContext
) -> None:
    quote = await promised(world)
    change = await decide(services, BLOCK)

    assert change.state == "executed", change
    assert await refusal(world) == ("refused", "RR04")
    reply = await world.link.ask(naming(world, quote))
    assert (reply.verdict, reply.reason) == ("refused", "RR04")
    reply = await world.link.ask(asked(world))
    assert (reply.verdict, reply.reason) == ("refused", "RR04")
    assert (await world.link.ask(world.payment())).verdict == "created"  # in one currency
    world.server._writer.host.abandoned()  # a writer that starts anew has read it
    assert await refusal(world) == ("refused", "RR04")

    assert (await decide(services, {**BLOCK, "control": "open"})).state == "executed"
    assert (await refusal(world))[0] == "created"


async def test_bounds_hold_until_their_end(world: World, services: ServiceContext) -> None:
    await decide(services, bounded(lowest="3.30", highest="3.40"))
    assert await refusal(world) == ("refused", "RR04")
    await decide(services, bounded(lowest="3.20"))
    assert (await refusal(world))[0] == "created"
    soon = datetime.now(UTC) + timedelta(seconds=1)
    await decide(services, {**bounded(lowest="3.30"), "until": soon.isoformat()})
    assert await refusal(world) == ("refused", "RR04")
    await asyncio.sleep(1.1)
    assert (await refusal(world))[0] == "created"


async def test_workers_price_within_what_central_banks_permit(world: World, services: ServiceContext) -> None:
    async def priced() -> str:
        found = pricing.price(Money(100_00, "INR"), "PKR", CORRIDOR, await directories.load(services.pool))
        return found.rate

    assert await priced() == "3.2835000000"
    await decide(services, bounded(highest="3.28"))
    with pytest.raises(Refused, match="within the bounds"):
        await priced()
    await decide(services, BLOCK)
    with pytest.raises(Refused, match="blocked") as refused:
        await priced()
    assert refused.value.reason == "RR04"


async def test_each_central_bank_decides_for_itself(world: World, services: ServiceContext) -> None:
    """The other one can neither decide in its name nor lift what it decided; nor can an operator."""
    await decide(services, BLOCK)
    for by, error in (("karim", Refused), ("olga", NotAllowed), ("chen", NotAllowed)):
        with pytest.raises(error):
            await decide(services, {**BLOCK, "control": "open"}, by=by)
    assert await refusal(world) == ("refused", "RR04")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param({**BLOCK, "source": "PKR", "target": "KZT"}, id="without-its-currency"),
        pytest.param({**BLOCK, "target": "INR"}, id="one-currency"),
        pytest.param({**BLOCK, "lowest": "3"}, id="block-with-bounds"),
        pytest.param({**BLOCK, "control": "bounded", "lowest": "3"}, id="bounds-without-end"),
        pytest.param(bounded(), id="no-bounds"),
        pytest.param(bounded(lowest="4", highest="3"), id="crossed"),
        pytest.param(bounded(lowest="0"), id="zero"),
        pytest.param({**bounded(lowest="3"), "until": "2099-01-01T00:00:00Z"}, id="long"),
        pytest.param({**BLOCK, "until": "2020-01-01T00:00:00Z"}, id="past"),
        pytest.param({**BLOCK, "control": "open", "until": "2099-01-01T00:00:00Z"}, id="open-with-end"),
    ],
)
async def test_what_cannot_be_decided_is_refused(services: ServiceContext, content: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        await decide(services, content)


async def test_a_control_without_a_decision_is_refused_and_verify_compares_them(
    world: World, services: ServiceContext
) -> None:
    command = SetPair("INR", "PKR", "IN", True, "", "", 0, b"i" * 16, 99)
    with pytest.raises(Refused, match="change 99"):
        await world.link.ask(command)
    change = await decide(services, BLOCK)
    forged = msgspec.structs.replace(command, change=change.number)
    with pytest.raises(Refused, match="executed"):
        await world.link.ask(forged)
    async with services.pool.acquire() as connection, connection.transaction():
        result = await check_causes(connection, KINDS)
    assert "PAIR_CONTROL" not in result.detail


NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
US = int(NOW.timestamp()) * 1_000_000


def control(
    source: str, target: str, *, blocked: bool = False, lowest: str = "", highest: str = "", until: int = 0
):
    return PairControl(source, target, "IN", blocked, lowest, highest, until, 1)


@pytest.mark.parametrize(
    ("controls", "forbidden"),
    [
        ([], ""),
        ([control("INR", "PKR", blocked=True)], "blocked"),
        ([control("PKR", "INR", blocked=True)], "blocked"),
        ([control("INR", "PKR", blocked=True, until=US)], ""),
        ([control("INR", "PKR", blocked=True, until=US + 1)], "blocked"),
        ([control("INR", "PKR", lowest="3.20", highest="3.31")], ""),
        ([control("INR", "PKR", highest="3.29")], "outside the bounds"),
        ([control("INR", "PKR", lowest="3.31")], "outside the bounds"),
        ([control("PKR", "INR", lowest="0.30", highest="0.31")], ""),  # 3.30 is 0.30303 back
        ([control("PKR", "INR", highest="0.30")], "outside the bounds"),
        ([control("INR", "PKR"), control("PKR", "INR", lowest="0.31")], "outside the bounds"),
    ],
)
def test_a_return_at_the_rate_in_force_is_an_exchange_that_central_banks_control(
    controls: list[PairControl], forbidden: str
) -> None:
    payment = Returnable(
        "indus-bank",
        "fx",
        Money(100_00, "INR"),
        Money(328_35, "PKR"),
        "3.2835",
        posted=True,
        credited_at=NOW,
        returned=False,
        rate_in_force="3.30",
        controls=tuple(controls),
    )
    asked = returnable.terms(payment, 328_35, NOW, timedelta(days=30), rate="3.30")
    given = returnable.terms_by_rule(payment, 328_35, NOW, timedelta(days=30))
    at_its_rate = returnable.terms(
        payment._replace(rate_in_force="3.20"), 328_35, NOW, timedelta(days=30), rate=""
    )

    assert at_its_rate is None, "it exchanges nothing anew"
    for found in (asked, given):
        if forbidden:
            assert isinstance(found, ReturnRefusal)
            assert (found.reason, forbidden in found.text) == ("RR04", True), found.text
        else:
            assert isinstance(found, RateInForce)


async def test_what_a_rail_gives_back_of_a_blocked_pair_is_left_to_people(
    world: World, services: ServiceContext
) -> None:
    """At the rate in force; the block counts from the next command on, and not after its end."""

    async def given_back(*, blocked: bool) -> tuple[str, str]:
        uetr = await world.credited("indus-bank")
        await world.services.pool.execute("UPDATE switch.fx_rate SET rate = 3.30")
        given = GivenBack(uetr, "PK", "R1", 328_35, "PKR", "AC04", "AC04", 0, b"sealed", b"key")
        assert (await world.link.ask(given)).verdict == "given_back"
        if blocked:
            await decide(services, BLOCK)
        reply = await world.link.ask(BookReturn(uetr, "R1"))
        await world.services.pool.execute("UPDATE switch.fx_rate SET rate = 3.2835")
        if blocked:
            await decide(services, {**BLOCK, "control": "open"})
        return reply.verdict, reply.detail

    answers = [await given_back(blocked=blocked) for blocked in (False, True, False)]

    assert [verdict for verdict, _ in answers] == ["created", "left_to_people", "created"], answers
    assert "a central bank has blocked this currency pair" in answers[1][1]
