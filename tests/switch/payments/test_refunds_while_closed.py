"""Refunds while two people have closed the payers' rail, or suspended its gateway, and two parts that race: each is paid once."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import UUID

import pytest

from adapters.simulation.debit_book import DebitState
from switch.sandbox import gateways
from tests.switch.conftest import PATIENCE
from tests.switch.payments.inbound_world import both_sides, debits, ended, originate, until_case, until_kept
from tests.switch.payments.test_indirect import file, iban, upload
from tests.switch.payments.test_order_refunds import (
    in_parts,
    parts_of,
    refund_of,
    refunded,
    told_done,
    until_parts,
    until_refund,
)
from tests.switch.payments.test_originate import control
from tests.switch.stack import Stack, started

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]
RETURN = {"reason": "FR01", "evidence": "court order 12"}


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """A sandbox whose gateways refund over their rails."""
    with started(rails=("IN", "PK"), **PATIENCE) as stack:
        yield stack


@pytest.fixture
async def closing(stack: Stack) -> AsyncIterator[None]:
    """The rail of Pakistan is open before and after."""
    yield
    await switch_rail(stack, is_open=True)


async def switch_rail(stack: Stack, *, is_open: bool) -> None:
    await stack.agreed("rail.switch", {"country": "PK", "open": is_open})


async def test_what_is_returned_while_the_rail_is_closed_is_refunded_once_it_is_open(
    stack: Stack, closing: None
) -> None:
    whole, parted, settled = [await told_done(stack, "PK", "IN") for _ in range(3)]
    await switch_rail(stack, is_open=False)
    for uetr in (whole, settled):
        await stack.agreed("payment.return", {"uetr": uetr, **RETURN})
    await in_parts(stack, parted, 1, 2)
    await until_kept(stack, settled, disputed="its payment was returned")
    await asyncio.sleep(3)
    assert [(await refund_of(stack, uetr))["refund"] for uetr in (whole, settled)] == ["", ""]
    assert await parts_of(stack, parted) == []
    for uetr in (whole, parted, settled):
        await until_case(stack, uetr, "open")
    await stack.agreed("order.settle", {"uetr": settled, "evidence": "paid in cash"})
    assert (await both_sides(stack)).ok
    await switch_rail(stack, is_open=True)
    found = await until_refund(stack, whole, "done")
    parts = await until_parts(stack, parted, "done", "done")
    for uetr in (whole, parted, settled):
        await until_case(stack, uetr, "closed")

    assert [len(refunded(stack, "PK", each)) for each in (found, *parts)] == [1, 1, 1]
    assert (await refund_of(stack, settled))["refund"] == "", "people have paid it"
    assert (await both_sides(stack)).ok


async def test_a_refund_whose_outcome_is_unknown_as_the_rail_closes_is_executed_once(
    stack: Stack, closing: None
) -> None:
    uetr = await told_done(stack, "PK", "IN")
    await control(stack, "PK", "POST", "/faults", {"word": "LOST", "count": 1})
    await stack.agreed("payment.return", {"uetr": uetr, **RETURN})
    async with asyncio.timeout(60):
        while (await refund_of(stack, uetr))["refund"] not in {"sent", "unknown", "done"}:
            await asyncio.sleep(0.02)
    await switch_rail(stack, is_open=False)
    await asyncio.sleep(2)
    await switch_rail(stack, is_open=True)
    found = await until_refund(stack, uetr, "done")

    assert len(refunded(stack, "PK", found)) == 1
    assert (await both_sides(stack)).ok


async def test_the_payer_is_refunded_while_the_gateway_is_suspended(stack: Stack) -> None:
    """It owes the payer whatever it may do besides; no new order of the rail is taken."""
    uetr, gateway = await told_done(stack, "PK", "IN"), gateways.gateway("PK")["id"]
    await stack.agreed("participant.suspend", {"participant": gateway})
    try:
        await stack.agreed("payment.return", {"uetr": uetr, **RETURN})
        found = await until_refund(stack, uetr, "done")
    finally:
        await stack.agreed("participant.resume", {"participant": gateway})

    assert len(refunded(stack, "PK", found)) == 1


async def test_two_parts_that_come_back_at_once_are_refunded_once_each(stack: Stack) -> None:
    uetr = await told_done(stack, "PK", "IN")
    await control(stack, "PK", "POST", "/faults", {"word": "SILENT", "count": 2})
    content: dict[str, Any] = {"uetr": uetr, "reason": "CUST", "evidence": "letter 12"}
    await asyncio.gather(
        *(stack.agreed("payment.return", {**content, "amount": amount}) for amount in ("10.00", "10.00"))
    )
    found = await until_parts(stack, uetr, "done", "done")
    await until_case(stack, uetr, "closed")
    connection = await stack.connect()
    rows = await connection.fetch(
        "SELECT x.debit_minor FROM switch.part_return AS x JOIN switch.payment AS p ON p.number = x.payment"
        " WHERE p.uetr = $1 ORDER BY x.number",
        UUID(uetr),
    )
    await connection.close()

    assert [len(refunded(stack, "PK", each)) for each in found] == [1, 1]
    assert [refunded(stack, "PK", each)[0].amount_minor for each in found] == [
        row["debit_minor"] for row in rows
    ]
    assert (await both_sides(stack)).ok


async def test_what_a_bank_behind_a_gateway_gives_back_goes_on_to_the_payer(stack: Stack) -> None:
    """The payee's bank is reached over its rail, and is no participant."""
    gateway = gateways.gateway("PK")["id"]
    status, number = await upload(stack, "PK", file(f"mezan,Mezan Bank,MEZNPKKA,PKMEZN*,{gateway},,,,"))
    assert status == 303, number
    await stack.agreed("directory.import", {"file": int(number)})
    (uetr,) = await originate(stack, "IN", "PK", amount="250.00", bank="MEZNPKKA", account=iban("MEZN"))
    assert await ended(stack, "IN", [uetr]) == [DebitState.DONE]
    await until_kept(stack, uetr, told=True)
    await in_parts(stack, uetr, 2, 4)
    found = await until_parts(stack, uetr, "done", "done")
    entry = debits(stack.settings.rails_directory, "IN")[uetr]

    assert sum(refunded(stack, "IN", each)[0].amount_minor for each in found) == entry.amount_minor
    assert (await both_sides(stack)).ok
