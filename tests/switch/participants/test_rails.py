"""Rails come and go by two people; until one is registered and open, no payment is sent to it."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import time
from typing import Any

import pytest
import pytest_asyncio

from adapters import registry
from adapters.profile import Hours
from schemas.errors import Refused, SwitchError
from schemas.money import Money
from switch.payments import rail_profile
from switch.payments.directory import Tightening, load
from switch.payments.pricing import Price
from switch.processes.caretaker import _DUE
from switch.writer.context import ServiceContext
from tests.switch.services import agree, done, open_services

IN = {"country": "IN"}


@pytest_asyncio.fixture
async def services(database_url: str) -> AsyncIterator[ServiceContext]:
    async with open_services(database_url) as opened:
        yield opened


async def payment_at(services: ServiceContext, rail: str, expires_in: str = "-1 second") -> int:
    """A payment that is held for a rail; what is due about it is a matter of these rows alone."""
    number = uuid.uuid4().int % 2**20
    uetr = uuid.uuid4()
    async with services.pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL ROLE NONE")
        await connection.execute(
            "INSERT INTO switch.payment VALUES"
            " ($1, $2, 'a', 'm', 'm', 'a', 'b', $3, '', '', 'INR', 'INR', 1, 1, 0, 'ref')",
            number,
            uetr,
            rail,
        )
        await connection.execute("INSERT INTO switch.message VALUES ($1, 1, '\\x00')", number)
        await connection.execute("INSERT INTO switch.message_key VALUES ($1, '\\x00')", number)
        await connection.execute(
            "INSERT INTO switch.open_payment (number, uetr, state, rail, credit_minor, credit_currency,"
            " entered_at, expires_at, due_at, sendings)"
            " VALUES ($1, $2, 'RESERVED', $3, 1, 'INR', clock_timestamp(),"
            " clock_timestamp() + $4::text::interval, clock_timestamp(), 0)",
            number,
            uetr,
            rail,
            expires_in,
        )
    return number


async def test_a_rail_is_registered_closed_and_then_opened(services: ServiceContext) -> None:
    await done(services, "rail.register", IN)
    registered = (await load(services.pool)).rail_by_country["IN"]
    await done(services, "rail.switch", {**IN, "open": True})
    opened = (await load(services.pool)).rail_by_country["IN"]

    assert (registered.open, registered.opens_at, opened.open) == (False, None, True)


@pytest.mark.parametrize(
    ("country", "said"), [("IN", "registered already"), ("DE", "no adapter")], ids=["twice", "no adapter"]
)
async def test_a_rail_is_registered_once_and_with_an_adapter(
    services: ServiceContext, country: str, said: str
) -> None:
    await done(services, "rail.register", IN)
    with pytest.raises(Refused, match=said):
        await agree(services, "rail.register", {"country": country})


async def test_a_rail_is_retired_once_it_is_closed_and_empty(services: ServiceContext) -> None:
    with pytest.raises(Refused, match="no such rail"):
        await agree(services, "rail.retire", IN)
    await done(services, "rail.register", IN)
    await done(services, "rail.switch", {**IN, "open": True})
    with pytest.raises(Refused, match="close it first"):
        await agree(services, "rail.retire", IN)
    await done(services, "rail.switch", {**IN, "open": False})
    number = await payment_at(services, "IN")
    with pytest.raises(Refused, match="not final"):
        await agree(services, "rail.retire", IN)
    await services.pool.execute("DELETE FROM switch.open_payment WHERE number = $1", number)
    await done(services, "rail.retire", IN)

    assert "IN" not in (await load(services.pool)).rail_by_country
    await done(services, "rail.register", IN)


async def test_a_payment_that_was_accepted_while_its_rail_was_retired_is_released_at_its_expiry(
    services: ServiceContext,
) -> None:
    """A worker reads the directory each second, so it may hold a payment for a rail that has just gone."""
    over = await payment_at(services, "IN")
    await payment_at(services, "IN", expires_in="1 hour")
    rows = await services.pool.fetch(_DUE, "IN", [], 10, [False, True])

    assert [(row["number"], row["rail_open"]) for row in rows] == [(over, False)]


TIGHT = {
    "minimum": "5.00",
    "maximum": "1000.00",
    "hours_from": "08:00",
    "hours_to": "20:00",
    "fee_max_bps": 20,
}


async def test_a_profile_is_tightened_and_given_back(services: ServiceContext) -> None:
    await done(services, "rail.register", IN)
    await done(services, "rail.profile", {**IN, **TIGHT})
    tight = (await load(services.pool)).rail_by_country["IN"].tightening
    await done(services, "rail.profile", IN)
    own = (await load(services.pool)).rail_by_country["IN"].tightening

    assert tight == Tightening(
        minimum_minor=500, maximum_minor=100_000, hours_from=time(8), hours_to=time(20), fee_max_bps=20
    )
    assert own == Tightening()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            {"maximum": "99999999999.00"},
            "maximum: the rail itself accepts no more than 500,000.00 INR|maximum",
        ),
        ({"minimum": "2.00", "maximum": "1.00"}, "minimum: it may not exceed the maximum"),
        ({"hours_from": "20:00", "hours_to": "08:00"}, "hours_to: it must be later than hours_from"),
        ({"minimum": "0"}, "zero|amount"),
        ({"fee_max_bps": 5}, "lower the fees of the corridors from PK first"),
    ],
)
async def test_what_is_looser_or_contradicts_itself_is_refused(
    services: ServiceContext, content: dict[str, Any], said: str
) -> None:
    await done(services, "rail.register", IN)
    await services.pool.execute("INSERT INTO switch.corridor VALUES ('PK', 'IN', true, 0, 10)")
    with pytest.raises(SwitchError, match=said):
        await agree(services, "rail.profile", {**IN, **content})


async def test_a_rail_with_hours_of_its_own_is_not_opened_earlier_or_later() -> None:
    office = replace(registry.profile("IN"), hours=Hours("Asia/Kolkata", time(9), time(17)))
    early, late = Tightening(hours_from=time(8)), Tightening(hours_to=time(0))

    assert list(rail_profile.faults(office, early)) == [
        "hours_from: the rail itself opens at 09:00 (Asia/Kolkata)"
    ]
    assert list(rail_profile.faults(office, late)) == [
        "hours_to: the rail itself closes at 17:00 (Asia/Kolkata)"
    ]
    assert list(rail_profile.faults(office, Tightening(hours_from=time(10), hours_to=time(16)))) == []


async def test_a_fee_above_the_largest_one_is_refused_while_that_limit_applies(
    services: ServiceContext,
) -> None:
    await done(services, "rail.register", IN)
    await services.pool.execute("INSERT INTO switch.corridor VALUES ('PK', 'IN', true, 0, 10)")
    await done(services, "rail.profile", {**IN, "fee_max_bps": 10})
    for fees in ({"fee_minor": 0, "fee_bps": 11}, {"fee_minor": 1, "fee_bps": 10}):
        with pytest.raises(Refused, match="at most 10 basis points"):
            await agree(services, "corridor.fees", {"source": "PK", "target": "IN", **fees})
    await done(services, "corridor.fees", {"source": "PK", "target": "IN", "fee_minor": 1, "fee_bps": 9})


def test_a_price_is_held_against_the_tightened_profile() -> None:
    profile = registry.profile("IN")
    tight = Tightening(maximum_minor=1000, fee_max_bps=100)

    def price(credit: int, fee: int) -> Price:
        return Price(Money(1000, "PKR"), Money(credit, "INR"), Money(fee, "PKR"), "fx", "1")

    rail_profile.check(price(1000, 10), profile, tight)
    with pytest.raises(Refused, match="this rail accepts") as amount:
        rail_profile.check(price(1001, 10), profile, tight)
    with pytest.raises(Refused, match="100 basis points") as fee:
        rail_profile.check(price(1000, 11), profile, tight)
    assert (amount.value.reason, fee.value.reason) == ("AM02", "AM06")
