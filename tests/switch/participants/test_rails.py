"""Rails come and go by two people; until one is registered and open, no payment is sent to it."""

import uuid
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from schemas.errors import Refused
from switch.payments.directory import load
from switch.processes.caretaker import _DUE
from switch.writer.context import ServiceContext
from tests.switch.desk import agree, done, open_desk

IN = {"country": "IN"}


@pytest_asyncio.fixture
async def desk(database_url: str) -> AsyncIterator[ServiceContext]:
    async with open_desk(database_url) as opened:
        yield opened


async def payment_at(desk: ServiceContext, rail: str, expires_in: str = "-1 second") -> int:
    """A payment that is held for a rail; what is due about it is a matter of these rows alone."""
    number = uuid.uuid4().int % 2**20
    uetr = uuid.uuid4()
    async with desk.pool.acquire() as connection, connection.transaction():
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


async def test_a_rail_is_registered_closed_and_then_opened(desk: ServiceContext) -> None:
    await done(desk, "rail.register", IN)
    registered = (await load(desk.pool)).rail_by_country["IN"]
    await done(desk, "rail.switch", {**IN, "open": True})
    opened = (await load(desk.pool)).rail_by_country["IN"]

    assert (registered.open, registered.opens_at, opened.open) == (False, None, True)


@pytest.mark.parametrize(
    ("country", "said"), [("IN", "registered already"), ("DE", "no adapter")], ids=["twice", "no adapter"]
)
async def test_a_rail_is_registered_once_and_with_an_adapter(
    desk: ServiceContext, country: str, said: str
) -> None:
    await done(desk, "rail.register", IN)
    with pytest.raises(Refused, match=said):
        await agree(desk, "rail.register", {"country": country})


async def test_a_rail_is_retired_once_it_is_closed_and_empty(desk: ServiceContext) -> None:
    with pytest.raises(Refused, match="no such rail"):
        await agree(desk, "rail.retire", IN)
    await done(desk, "rail.register", IN)
    await done(desk, "rail.switch", {**IN, "open": True})
    with pytest.raises(Refused, match="close it first"):
        await agree(desk, "rail.retire", IN)
    await done(desk, "rail.switch", {**IN, "open": False})
    number = await payment_at(desk, "IN")
    with pytest.raises(Refused, match="not final"):
        await agree(desk, "rail.retire", IN)
    await desk.pool.execute("DELETE FROM switch.open_payment WHERE number = $1", number)
    await done(desk, "rail.retire", IN)

    assert "IN" not in (await load(desk.pool)).rail_by_country
    await done(desk, "rail.register", IN)


async def test_a_payment_that_was_accepted_while_its_rail_was_retired_is_released_at_its_expiry(
    desk: ServiceContext,
) -> None:
    """A worker reads the directory each second, so it may hold a payment for a rail that has just gone."""
    over = await payment_at(desk, "IN")
    await payment_at(desk, "IN", expires_in="1 hour")
    rows = await desk.pool.fetch(_DUE, "IN", [], 10, [False, True])

    assert [(row["number"], row["rail_open"]) for row in rows] == [(over, False)]
