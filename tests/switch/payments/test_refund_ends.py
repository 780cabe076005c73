"""Refunds over the source rail have an end: those that the rail never takes, and those that it gives back later."""

import asyncio
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from adapters import registry
from adapters.port import Answer, Outcome
from adapters.simulation.debit_book import DebitState
from schemas.money import Money
from switch.base import personal_data
from switch.operations import verify
from switch.payments.inbound import ANSWER, REFUND_BACK, refund_back_direction, refund_direction
from switch.processes.order_refunds import MADE_MAX, _against_done
from switch.sandbox import gateways
from tests.switch.payments.inbound_world import (
    both_sides,
    credited,
    ended,
    originate,
    until_case,
    until_kept,
)
from tests.switch.payments.test_order_refunds import (
    done_and_returned,
    in_parts,
    told_done,
    until_parts,
    until_refund,
)
from tests.switch.payments.test_originate import control
from tests.switch.stack import Stack, started

AMOUNT = Money(250_00, "PKR")


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """A sandbox whose orders to rails expire soon; its gateways refund over their rails."""
    with started(rails=("IN", "PK"), payment_expiry_s=4.0) as stack:
        yield stack


async def source_order(stack: Stack, uetr: str) -> dict[str, Any]:
    """What the API shows to the bank of the payee."""
    async with stack.client("asha-bank") as client:
        found: dict[str, Any] = (await client.read(f"payments/{uetr}"))["source_order"]
    return found


async def settle(stack: Stack, uetr: str) -> None:
    await stack.agreed("order.settle", {"uetr": uetr, "evidence": "letter 12 of the rail"})
    await until_case(stack, uetr, "closed")
    assert (await source_order(stack, uetr))["owed"] is None


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_a_refund_that_the_rail_never_takes_is_left_to_people_after_a_few_orders(stack: Stack) -> None:
    uetr = await done_and_returned(stack, "PK", "IN", closed=True)
    found = await until_refund(stack, uetr, "left", within_s=120)
    shown = await source_order(stack, uetr)

    assert found["detail"].startswith("the rail did not take it: ")
    assert (found["tries"], found["settled"]) == (0, None)
    assert (shown["refund"]["state"], shown["refund"]["orders"]) == ("left", MADE_MAX)
    assert shown["owed"] == "its payment was returned"
    assert credited(stack.settings.rails_directory, "PK").get(shown["refund"]["uetr"], []) == []
    await until_case(stack, uetr, "open")
    await control(stack, "PK", "DELETE", "/hours")
    await asyncio.sleep(3)  # what is left to people is never sent again

    assert credited(stack.settings.rails_directory, "PK").get(shown["refund"]["uetr"], []) == []
    await settle(stack, uetr)
    assert (await both_sides(stack)).ok


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_a_refund_of_a_part_that_the_rail_never_takes_is_left_to_people(stack: Stack) -> None:
    uetr = await told_done(stack, "PK", "IN")
    await control(stack, "PK", "POST", "/hours", {"closed_until": "2040-01-01T00:00:00Z"})
    await in_parts(stack, uetr, 1)
    (found,) = await until_parts(stack, uetr, "left")
    await control(stack, "PK", "DELETE", "/hours")
    await asyncio.sleep(3)  # what is left to people is never sent again

    assert found["detail"].startswith("the rail did not take it: ")
    assert credited(stack.settings.rails_directory, "PK").get(found["uetr"], []) == []
    await settle(stack, uetr)
    assert (await both_sides(stack)).ok


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_a_refund_that_the_rail_gives_back_is_owed_again_until_two_people_settle_it(
    stack: Stack,
) -> None:
    uetr = await done_and_returned(stack, "PK", "IN", "RETURNED")
    found = await until_refund(stack, uetr, "given_back", within_s=120)
    shown = await source_order(stack, uetr)

    assert (found["settled"], found["detail"]) == (None, "the rail gave back 250.00 PKR: AC04")
    assert shown["owed"] == "its payment was returned"
    assert (
        shown["refund"]["amount"] == shown["refund"]["given_back"] == {"currency": "PKR", "amount": "250.00"}
    )
    await until_case(stack, uetr, "open")
    assert await since_of_case(stack, uetr) == shown["refund"]["since"]
    assert await faults(stack) == []
    await settle(stack, uetr)
    assert await faults(stack) == []


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_each_part_that_comes_back_is_owed_to_the_payer_until_two_people_settle_it(
    stack: Stack,
) -> None:
    content = {"country": "PK", "gateway": gateways.gateway("PK")["id"], "open": True}
    await stack.agreed("rail.inbound", content)
    (uetr,) = await originate(stack, "PK", "IN", amount="250.00")
    assert await ended(stack, "PK", [uetr]) == [DebitState.DONE]
    await until_kept(stack, uetr, told=True)
    part = {"uetr": uetr, "reason": "CUST", "evidence": "letter 12", "amount": "10.00"}
    for _ in range(2):  # the second one comes after people have settled the first
        await stack.agreed("payment.return", part)
        await until_case(stack, uetr, "open")
        shown = await source_order(stack, uetr)
        assert (shown["owed"], shown["refund"]) == ("a part of its payment was returned", None)
        assert (await both_sides(stack)).ok
        await settle(stack, uetr)
    assert await faults(stack) == []
    await stack.agreed("rail.inbound", {**content, "refunds": True})


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_a_refund_of_which_the_rail_never_says_anything_is_asked_about_a_bounded_number_of_times(
    stack: Stack,
) -> None:
    uetr = await done_and_returned(stack, "PK", "IN", "LOST", times=1000)
    found = await until_refund(stack, uetr, "unknown", "done", within_s=200)
    await control(stack, "PK", "DELETE", "/faults")
    timing = registry.profile("PK").timing

    assert (found["refund"], found["detail"]) == ("unknown", "the rail does not say what became of it")
    assert found["enquiries"] <= timing.enquiries_max
    await until_case(stack, uetr, "open")
    await settle(stack, uetr)


async def since_of_case(stack: Stack, uetr: str) -> str:
    """When the matter of the case began: its age and its deadline count from then."""
    connection = await stack.connect()
    try:
        at = await connection.fetchval(
            "SELECT since FROM switch.case_file WHERE subject = $1", f"order/{UUID(uetr)}"
        )
    finally:
        await connection.close()
    return str(at.isoformat())


async def faults(stack: Stack) -> list[str]:
    """What `payswitch verify` finds."""
    connection = await stack.connect()
    try:
        results = [each async for each in verify.verify(connection, stack.settings.rails_directory, None)]
    finally:
        await connection.close()
    return [f"{each.name}: {each.detail}" for each in results if not each.ok]


@pytest.mark.parametrize(
    ("said", "state", "detail", "back"),
    [
        (
            Answer("R", Outcome.RETURNED, rail_code="AC04", amount=AMOUNT),
            "given_back",
            "the rail gave back 250.00 PKR: AC04",
            250_00,
        ),
        (
            Answer("R", Outcome.RETURNED, rail_code="AC04", amount=Money(50_00, "PKR")),
            "given_back",
            "the rail gave back 50.00 PKR: AC04",
            50_00,
        ),
        (
            Answer("R", Outcome.REFUSED, rail_code="AC04"),
            "given_back",
            "the rail says now that it refused it: AC04",
            250_00,
        ),
        (Answer("R", Outcome.PENDING), "done", "a message of the rail about it cannot be verified", None),
        (None, "done", "a message of the rail about it cannot be verified", None),
    ],
)
def test_only_a_clear_message_of_the_rail_makes_a_refund_owed_again(
    said: Answer | None, state: str, detail: str, back: int | None
) -> None:
    learned = _against_done(said, AMOUNT)

    assert (learned.state, learned.detail, learned.back_minor) == (state, detail, back)
    assert learned.due_s is None


def test_no_two_orders_of_a_refund_are_sealed_under_one_nonce() -> None:
    parts = range(101)
    orders = [refund_direction(made, part) for made in range(MADE_MAX + 1) for part in parts]
    backs = [refund_back_direction(part) for part in parts]

    assert len({*orders, *backs}) == len(orders) + len(backs)
    assert backs[0] == REFUND_BACK
    assert not {*orders, *backs} & {personal_data.CAME, personal_data.SENT, ANSWER}
