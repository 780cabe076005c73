"""A firm price for orders of a rail: what the answer to a look-up promises is what its order gets, once."""

import asyncio
import base64
import contextlib
import os
import secrets
import signal
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any, NamedTuple

import pytest

from adapters.simulation.debit_book import DebitState
from adapters.simulation.magic import magic_account
from adapters.simulation.payers import PaymentAbroad, QuotingMessages
from schemas.money import Money
from switch.clients.python import AsyncClient
from switch.operations import retention
from switch.payments import inbound_lookups
from tests.switch.conftest import PATIENCE
from tests.switch.payments.inbound_doors import SOURCES, Door, door_of
from tests.switch.payments.inbound_world import (
    Kept,
    credited,
    debits,
    ended,
    originate,
    until_kept,
    with_gateways,
)
from tests.switch.stack import Stack, started
from tests.tiers import some

FORECASTS = {"BY", "KZ", "PK"}
"""Look-ups of ISO 20022 have no place for an amount, nor their answers for a price."""
QUOTING = [country for country in SOURCES if country not in FORECASTS]
TRIES = 20


@pytest.fixture(scope="module")
def two(stack: Stack) -> Stack:
    """The switch of all tests, whose rails are two."""
    asyncio.run(with_gateways(stack, ("IN", "PK")))
    return stack


@pytest.fixture(params=some(QUOTING, "IN"))
def door(two: Stack, request: pytest.FixtureRequest) -> Door:
    return door_of(two if request.param == "IN" else request.getfixturevalue("ten"), request.param)


@pytest.fixture
def india(two: Stack) -> Door:
    return door_of(two, "IN")


class Promised(NamedTuple):
    """A firm quote of a look-up, as the database has it."""

    id: str
    credit: int
    rate: str
    left_s: float


async def looked_up(door: Door, wish: PaymentAbroad) -> Promised:
    """Look up a payee and the price until it is firm: a busy caretaker may be late."""
    messages = door.messages
    assert isinstance(messages, QuotingMessages)
    for _ in range(TRIES):
        status, raw = await door.ask(messages.payee_query(wish))
        assert status == 200
        if id_ := messages.read_quote(raw):
            row = await asked_of(
                door.stack,
                "SELECT credit_minor, rate, extract(epoch FROM expires_at - clock_timestamp())::float8 AS left"
                " FROM switch.quote WHERE id = $1",
                uuid.UUID(id_),
            )
            return Promised(id_, *row)
        await asyncio.sleep(0.2)
    raise AssertionError("no price is firm")


async def asked_of(stack: Stack, question: str, *values: object) -> Any:
    connection = await stack.connect()
    try:
        return await connection.fetchrow(question, *values)
    finally:
        await connection.close()


async def ordered(door: Door, quote: str = "", *, amount: str = "1200.00", word: str = "") -> str:
    """The UETR of an order of a customer of the rail."""
    (uetr,) = await originate(door.stack, door.country, door.target, amount=amount, word=word, quote=quote)
    return uetr


def wish_of(door: Door) -> PaymentAbroad:
    """What `ordered` orders."""
    bank = next(each for each in door.stack.credentials["participants"] if each["country"] == door.target)
    return door.wish(bank=bank["bic"], account=magic_account(door.target, ""))


async def decided(door: Door, uetr: str) -> Kept:
    """An order that is done or refused; its payer's rail says the same."""
    (state,) = await ended(door.stack, door.country, [uetr], within_s=120)
    found = await until_kept(door.stack, uetr)
    assert (found.state == "done") is (state is DebitState.DONE)
    assert door.credits_of(uetr) == (found.state == "done")
    return found


async def done(door: Door, uetr: str) -> None:
    assert (await decided(door, uetr)).state == "done"


async def refused(door: Door, uetr: str) -> str:
    """Why an order was refused."""
    found = await decided(door, uetr)
    assert found.state == "refused"
    return found.reason


async def why(stack: Stack, uetr: str) -> str:
    """The text of a refusal, as the log has it."""
    row = await asked_of(
        stack,
        "SELECT convert_from(e.body, 'UTF8')::jsonb ->> 'detail' AS detail FROM ledger.transfer AS t"
        " JOIN ledger.event AS e ON e.number = t.number WHERE t.id = $1 AND e.kind = 'REFUSE'",
        uuid.UUID(uetr),
    )
    return str(row["detail"])


async def used_by(stack: Stack, quote: str) -> str:
    row = await asked_of(
        stack,
        "SELECT p.uetr FROM switch.quote_use AS u JOIN switch.payment AS p ON p.number = u.number WHERE u.quote = $1",
        uuid.UUID(quote),
    )
    return "" if row is None else str(row["uetr"])


def test_the_rails_whose_orders_can_name_a_quote(stack: Stack) -> None:
    """The others' look-ups state no amount."""
    door = door_of(stack, "IN")

    assert isinstance(door.messages, QuotingMessages)
    assert not isinstance(door_of(stack, "PK").messages, QuotingMessages)


async def test_an_order_gets_the_price_that_its_payer_was_shown_once(door: Door) -> None:
    shown = await looked_up(door, wish_of(door))

    uetrs = await asyncio.gather(*(ordered(door, shown.id) for _ in range(3)))
    found = {uetr: await decided(door, uetr) for uetr in uetrs}

    (paid,) = [uetr for uetr in uetrs if found[uetr].state == "done"]
    assert [found[uetr].reason for uetr in uetrs if uetr != paid] == ["AB04", "AB04"]
    rails = door.stack.settings.rails_directory
    (credit,) = credited(rails, door.target)[paid]
    assert credit.amount_minor == shown.credit
    assert await used_by(door.stack, shown.id) == paid
    assert 0 < shown.left_s <= door.stack.settings.rail_quote_valid_s
    same = base64.b64decode(debits(rails, door.country)[paid].order)
    assert (await door.ask(same))[0] in {200, 202}  # the same order is the same payment
    await done(door, paid)
    late = await ordered(door, shown.id)
    assert await refused(door, late) == "AB04"
    assert "another payment has used" in await why(door.stack, late)


async def test_an_order_that_differs_from_its_look_up_is_refused_and_leaves_the_quote_open(
    door: Door,
) -> None:
    shown = await looked_up(door, wish_of(door))

    for path, other in {"IntrBkSttlmAmt": {"amount": "1201.00"}, "CdtrAcct": {"word": "AC04"}}.items():
        uetr = await ordered(door, shown.id, **other)
        assert await refused(door, uetr) == "AB04", path
        assert path in await why(door.stack, uetr)
    unknown = await ordered(door, str(uuid.uuid4()))
    assert await refused(door, unknown) == "AB04"

    paid = await ordered(door, shown.id)
    await done(door, paid)
    assert await used_by(door.stack, shown.id) == paid


async def test_a_price_ends_by_itself_and_its_order_is_refused(door: Door) -> None:
    shown = await looked_up(door, wish_of(door))
    await asked_of(
        door.stack,
        "UPDATE switch.quote SET expires_at = clock_timestamp() WHERE id = $1 RETURNING true",
        uuid.UUID(shown.id),
    )

    uetr = await ordered(door, shown.id)

    assert await refused(door, uetr) == "AB04"
    assert "has expired" in await why(door.stack, uetr)
    await done(door, await ordered(door))  # without a quote, as before: at the best offer


async def test_an_order_at_the_instant_at_which_its_price_ends_gets_that_price_or_is_refused(
    india: Door,
) -> None:
    """Eight prices end one after the other while their orders are decided."""
    shown = [await looked_up(india, wish_of(india)) for _ in range(8)]
    for number, each in enumerate(shown):
        await asked_of(
            india.stack,
            "UPDATE switch.quote SET expires_at = clock_timestamp() + $2 * interval '1 second' WHERE id = $1"
            " RETURNING true",
            uuid.UUID(each.id),
            0.2 + 0.15 * number,
        )
    uetrs = await asyncio.gather(*(ordered(india, each.id) for each in shown))

    rails = india.stack.settings.rails_directory
    for each, uetr in zip(shown, uetrs, strict=True):
        found = await decided(india, uetr)
        executed = found.state == "done"
        assert await used_by(india.stack, each.id) == (uetr if executed else "")
        assert executed or found.reason == "AB04"
        there = [credit.amount_minor for credit in credited(rails, india.target).get(uetr, [])]
        assert there == ([each.credit] if executed else [])


async def test_the_price_that_a_bank_was_promised_is_no_price_of_an_order(india: Door) -> None:
    """Of the same country, the same amount and the same payee; the bank can still use it."""
    wish = wish_of(india)
    async with india.stack.client("asha-bank") as client:
        asked = {"creditor_agent": wish.bank, "amount": "1200.00", "currency": "INR"}
        quote = await client.change("POST", "quotes", asked)
        uetr = await ordered(india, quote["id"])
        assert await refused(india, uetr) == "AB04"
        found = await client.read(f"quotes/{quote['id']}")

    assert await used_by(india.stack, quote["id"]) == ""
    assert not found.get("used_by")


async def test_what_is_no_id_of_a_quote_is_no_order(door: Door) -> None:
    _, raw = door.messages.order(replace(door.wish(), quote="0" * 36))

    status, _ = await door.ask(raw)

    assert status in range(400, 500)


async def test_people_look_up_the_price_and_pay_it(door: Door) -> None:
    """The rail's own customers, with the order and the look-up as the simulated rail sends them."""
    for _ in range(TRIES):  # a busy caretaker may be late: then the price is a forecast
        (uetr,) = await originate(door.stack, door.country, door.target, amount="1200.00", look_up="price")
        assert await ended(door.stack, door.country, [uetr], within_s=120) == [DebitState.DONE]
        if quote := debits(door.stack.settings.rails_directory, door.country)[uetr].quote:
            assert await used_by(door.stack, quote) == uetr
            return
    raise AssertionError("no price was firm")


async def test_nothing_that_came_is_kept_once_the_price_is_decided(india: Door) -> None:
    shown = await looked_up(india, wish_of(india))
    row = await asked_of(
        india.stack,
        "SELECT length(request) AS request, payee FROM switch.inbound_lookup WHERE quote = $1",
        uuid.UUID(shown.id),
    )
    connection = await india.stack.connect()
    try:
        async with connection.transaction():
            await connection.execute(
                "UPDATE switch.inbound_lookup SET waits_until = now() - interval '1 day'"
            )
            gone = await connection.execute(retention._LOOKUPS, datetime.now(UTC), 5000)
    finally:
        await connection.close()

    assert (row["request"], len(row["payee"])) == (0, 16)
    assert int(gone.split()[-1]) >= 1


@pytest.mark.long
async def test_while_the_caretaker_is_away_the_price_is_a_forecast_in_time(india: Door) -> None:
    """The rail has its answer in time; what nobody waits for any more is not promised later."""
    messages = india.messages
    assert isinstance(messages, QuotingMessages)
    (pid,) = [
        each.process.pid
        for each in india.stack.supervisor._children
        if each.name == "caretaker" and each.process
    ]
    os.kill(pid, signal.SIGSTOP)
    try:
        begun = time.monotonic()
        status, raw = await india.ask(messages.payee_query(wish_of(india)))
        took_s = time.monotonic() - begun
    finally:
        os.kill(pid, signal.SIGCONT)

    assert (status, messages.read_quote(raw)) == (200, "")
    assert messages.read_payee(status, raw)
    assert inbound_lookups.WAITS_S <= took_s < 2 * inbound_lookups.WAITS_S
    await looked_up(india, wish_of(india))  # it is there again
    late = await asked_of(
        india.stack,
        "SELECT count(*) FROM switch.inbound_lookup WHERE decided_at > waits_until AND quote IS NOT NULL",
    )
    assert late[0] == 0


PROVIDER = "silkroad-fx"


class Provider:
    """The FX provider of the sandbox, with a key."""

    def __init__(self, stack: Stack, bearer: str) -> None:
        self.client = AsyncClient(stack.url, bearer=bearer, tries=8)
        self.stack = stack

    async def publish(self, rate: Decimal | None, inventory: Money | None = None) -> None:
        pair: dict[str, Any] = {
            "source": "INR",
            "target": "PKR",
            "tiers": [] if rate is None else [{"from": "0", "rate": f"{rate:f}"}],
            "until": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
        }
        if inventory is not None:
            pair["inventory"] = inventory.text
        await self.client.change("PUT", "fx/rates", {"pairs": [pair]})

    async def offer(self) -> dict[str, Any]:
        (found,) = [each for each in await self.client.read("fx/rates") if each["target"] == "PKR"]
        return dict(found)


@pytest.fixture(scope="module")
def own() -> Iterator[Stack]:
    """A switch whose rates these tests change."""
    with started(rails=("IN", "PK"), **PATIENCE) as stack:
        asyncio.run(with_gateways(stack, ("IN",)))
        yield stack


@pytest.fixture
async def provider(own: Stack) -> AsyncIterator[Provider]:
    stack = own
    bearer = f"sk_test_{secrets.token_urlsafe(24)}"
    connection = await stack.connect()
    await connection.execute(
        "INSERT INTO switch.bearer_key VALUES ($1, $2)", sha256(bearer.encode()).digest(), PROVIDER
    )
    await connection.close()
    found = Provider(stack, bearer)
    async with found.client:
        async with asyncio.timeout(30):
            while True:
                with contextlib.suppress(Exception):
                    await found.client.read("fx/rates")
                    break
                await asyncio.sleep(0.2)
        yield found


async def rate_of(stack: Stack) -> Decimal:
    async with stack.client("asha-bank") as client:
        asked = {"creditor_agent": "NOORPKKA", "amount": "100.00", "currency": "INR"}
        rate = Decimal((await client.read("quotes", **asked))["exchange_rate"])
        return rate.quantize(Decimal("0.0001"))


@pytest.mark.long
async def test_look_ups_promise_at_most_half_of_what_is_left(provider: Provider) -> None:
    """The other half is for who pays, and for quotes of participants; the next look-up gets a forecast."""
    india = door_of(provider.stack, "IN")
    messages = india.messages
    assert isinstance(messages, QuotingMessages)
    rate = await rate_of(india.stack)
    best = rate + Decimal("0.03")
    credit = int(best * 1200_00)
    await provider.publish(best, Money(4 * credit, "PKR"))
    promised = [await looked_up(india, wish_of(india)) for _ in range(2)]
    status, third = await india.ask(messages.payee_query(wish_of(india)))
    held = await provider.offer()

    assert [each.credit for each in promised] == [credit, credit]
    assert (status, messages.read_quote(third)) == (200, "")
    assert messages.read_payee(status, third)
    assert Decimal(held["promised"]) == Decimal(2 * credit) / 100
    plain = await ordered(india)  # the other half is sold
    await done(india, plain)
    (paid,) = credited(india.stack.settings.rails_directory, "PK")[plain]
    assert paid.amount_minor == credit
    for each in promised:
        await done(india, await ordered(india, each.id))
    held = await provider.offer()
    assert (Decimal(held["used"]), Decimal(held["promised"])) == (Decimal(3 * credit) / 100, 0)


@pytest.mark.long
async def test_a_price_holds_when_its_provider_withdraws_it_or_becomes_worse(provider: Provider) -> None:
    india = door_of(provider.stack, "IN")
    rate = await rate_of(india.stack)
    best, worse = rate + Decimal("0.02"), rate - Decimal("0.02")
    for after in (worse, None):
        await provider.publish(best)
        shown = await looked_up(india, wish_of(india))
        assert Decimal(shown.rate) == best
        await provider.publish(after)

        uetr = await ordered(india, shown.id)

        await done(india, uetr)
        (credit,) = credited(india.stack.settings.rails_directory, "PK")[uetr]
        assert credit.amount_minor == shown.credit
    await provider.publish(rate)  # for the tests that follow, in whatever order


@pytest.fixture(scope="module")
def without() -> Iterator[Stack]:
    with started(rails=("IN", "PK"), rail_quote_valid_s=0, **PATIENCE) as stack:
        asyncio.run(with_gateways(stack, ("IN",)))
        yield stack


@pytest.mark.long
async def test_with_a_validity_of_nothing_every_price_is_a_forecast(without: Stack) -> None:
    door = door_of(without, "IN")
    messages = door.messages
    assert isinstance(messages, QuotingMessages)

    status, raw = await door.ask(messages.payee_query(door.wish()))

    assert (status, messages.read_quote(raw)) == (200, "")
    assert messages.read_payee(status, raw)
    row = await asked_of(without, "SELECT count(*) FROM switch.inbound_lookup")
    assert row[0] == 0
    await done(door, await ordered(door))
