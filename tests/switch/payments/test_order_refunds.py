"""What a payment of a rail's order gave back goes on to the payer, over the rail where the payment began, once."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from adapters import registry
from adapters.profile import AmountLimits, Basis
from adapters.simulation.debit_book import DebitState
from schemas.money import Money
from switch.operations import verify
from switch.processes.order_refunds import PartRefunds
from switch.sandbox import gateways
from tests.switch.conftest import PATIENCE
from tests.switch.payments.inbound_world import (
    both_sides,
    case_state,
    credited,
    debits,
    ended,
    originate,
    until_case,
    until_kept,
)
from tests.switch.payments.test_originate import control
from tests.switch.payments.test_recalls import reported
from tests.switch.stack import Stack, started

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]
SOURCES = [country for country in registry.countries() if registry.originates(country)]


@pytest.fixture(scope="module")
def all_of_them() -> Iterator[Stack]:
    """A sandbox with every rail that orders payments; its gateways refund over their rails."""
    with started(rails=tuple(SOURCES), **PATIENCE) as stack:
        yield stack


async def refund_of(stack: Stack, uetr: str) -> dict[str, Any]:
    connection = await stack.connect()
    try:
        row = await connection.fetchrow(
            "SELECT refund, refund_uetr::text AS uetr, refund_detail AS detail, refund_tries AS tries, refund_enquiries AS enquiries, settled,"
            " refund_due_at IS NOT NULL AS due FROM switch.inbound_order WHERE uetr = $1 AND kind = 'order'",
            UUID(uetr),
        )
    finally:
        await connection.close()
    return {"refund": "", "due": True} if row is None else dict(row)


async def until_refund(stack: Stack, uetr: str, *states: str, within_s: float = 90) -> dict[str, Any]:
    """Wait until the refund has one of these states, and nothing of it is due."""
    found: dict[str, Any] = {}
    try:
        async with asyncio.timeout(within_s):
            while True:
                found = await refund_of(stack, uetr)
                if found["refund"] in states and not found["due"]:
                    return found
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise AssertionError(f"not {states}: {found}") from None


async def done_and_returned(
    stack: Stack, source: str, target: str, fault: str = "", *, times: int = 1, closed: bool = False
) -> str:
    """A payment that the rail was told is done, and that two people then returned; the UETR.

    `fault`: how the source rail behaves for our refund, so many times; `closed`: it takes no order any more.
    """
    (uetr,) = await originate(stack, source, target, amount="250.00")
    assert await ended(stack, source, [uetr]) == [DebitState.DONE]
    await until_kept(stack, uetr, told=True)
    if fault:
        status, _ = await control(stack, source, "POST", "/faults", {"word": fault, "count": times})
        assert status < 300
    if closed:
        status, _ = await control(stack, source, "POST", "/hours", {"closed_until": "2040-01-01T00:00:00Z"})
        assert status < 300
    await stack.agreed("payment.return", {"uetr": uetr, "reason": "FR01", "evidence": "court order 12"})
    return uetr


def abroad(source: str) -> str:
    return next(country for country in SOURCES if country != source)


def refunded(stack: Stack, source: str, found: dict[str, Any]) -> list[Any]:
    """What the payer's rail credited for a refund."""
    return credited(stack.settings.rails_directory, source).get(found["uetr"], [])


@pytest.mark.parametrize("source", SOURCES)
async def test_the_payer_is_refunded_over_the_own_rail(all_of_them: Stack, source: str) -> None:
    uetr = await done_and_returned(all_of_them, source, abroad(source))
    found = await until_refund(all_of_them, uetr, "done", "left")

    assert (found["refund"], found["detail"], found["settled"]) == ("done", "", 0)
    (credit,) = refunded(all_of_them, source, found)
    entry = debits(all_of_them.settings.rails_directory, source)[uetr]
    assert (credit.amount_minor, credit.currency) == (entry.amount_minor, entry.currency)
    async with asyncio.timeout(30):
        while await case_state(all_of_them, uetr) == "open":
            await asyncio.sleep(0.2)
    assert (await both_sides(all_of_them)).ok


async def test_what_the_other_rail_gives_back_goes_on_to_the_payer(all_of_them: Stack) -> None:
    target = next(country for country in SOURCES if registry.profile(country).gives_back)
    source = abroad(target)
    (uetr,) = await originate(all_of_them, source, target, amount="250.00", word="RETURNED")
    found = await until_refund(all_of_them, uetr, "done")

    assert len(refunded(all_of_them, source, found)) == 1
    assert debits(all_of_them.settings.rails_directory, source)[uetr].state is DebitState.DONE


@pytest.mark.parametrize("fault", ["SILENT", "CUT", "GARBAGE", "BADSIG", "DUPCB", "PENDING", "SLOW8"])
async def test_a_refund_without_a_clear_answer_is_executed_once(all_of_them: Stack, fault: str) -> None:
    uetr = await done_and_returned(all_of_them, "PK", "IN", fault)
    found = await until_refund(all_of_them, uetr, "done")

    assert len(refunded(all_of_them, "PK", found)) == 1


async def test_a_refund_that_the_rail_refuses_is_owed_until_two_people_settle_it(all_of_them: Stack) -> None:
    uetr = await done_and_returned(all_of_them, "PK", "IN", "AC04")
    found = await until_refund(all_of_them, uetr, "refused")

    assert refunded(all_of_them, "PK", found) == []
    assert found["settled"] is None
    await until_case(all_of_them, uetr, "open")
    (open_,) = [row for row in await reported(all_of_them, uetr, country="IN") if row["kind"] == "obligation"]
    await all_of_them.agreed("order.settle", {"uetr": uetr, "evidence": "letter 12 of the rail"})
    await until_case(all_of_them, uetr, "closed")

    assert (open_["state"], open_["ended_at"], open_["deadline"] is None) == ("open", None, False)
    seen = await reported(all_of_them, uetr, country="IN")
    gateway = gateways.gateway("PK")["id"]
    assert {(row["kind"], row["state"], row["owed_by"], row["owed_to"]) for row in seen} == {
        ("return", "returned", None, None),
        ("refund", "refused by the rail", gateway, "PK"),
        ("obligation", "settled", gateway, "PK"),
    }
    assert len({row["ended_by"] for row in seen if row["kind"] != "return"} - {None, "rule"}) == 1


async def test_nobody_settles_what_may_be_refunded_at_this_moment(all_of_them: Stack) -> None:
    uetr = await done_and_returned(all_of_them, "PK", "IN", "SILENT")
    await until_kept(all_of_them, uetr, disputed="its payment was returned")
    with pytest.raises(AssertionError, match=r"no outcome yet|begun meanwhile"):
        await all_of_them.agreed("order.settle", {"uetr": uetr, "evidence": "a second refund"})
    found = await until_refund(all_of_them, uetr, "done")

    assert len(refunded(all_of_them, "PK", found)) == 1


async def test_without_the_wish_of_two_people_nothing_is_refunded(all_of_them: Stack) -> None:
    gateway = gateways.gateway("PK")["id"]
    content = {"country": "PK", "gateway": gateway, "open": True}
    await all_of_them.agreed("rail.inbound", content)
    uetr = await done_and_returned(all_of_them, "PK", "IN")
    await until_kept(all_of_them, uetr, disputed="its payment was returned")
    await all_of_them.agreed("rail.inbound", {**content, "refunds": True})
    await asyncio.sleep(3)  # what was returned before stays with people, who may have refunded it

    assert (await refund_of(all_of_them, uetr))["refund"] == ""
    await all_of_them.agreed("order.settle", {"uetr": uetr, "evidence": "letter 12 of the rail"})


async def in_parts(stack: Stack, uetr: str, *quarters: int) -> None:
    """Two people return parts of what was credited: each up to so many quarters of it in all."""
    connection = await stack.connect()
    row = await connection.fetchrow(
        "SELECT credit_minor, credit_currency FROM switch.payment WHERE uetr = $1", UUID(uetr)
    )
    before = await connection.fetchval(
        "SELECT coalesce(sum(x.credit_minor), 0)::bigint FROM switch.part_return AS x"
        " JOIN switch.payment AS p ON p.number = x.payment WHERE p.uetr = $1",
        UUID(uetr),
    )
    await connection.close()
    unit = 100 if row["credit_currency"] == "IRR" else 1
    for done in quarters:
        minor = row["credit_minor"] * done // 4 // unit * unit if done < 4 else row["credit_minor"]
        part = Money(minor - before, row["credit_currency"])
        before = minor
        content = {"uetr": uetr, "reason": "CUST", "evidence": "letter 12", "amount": part.text}
        await stack.agreed("payment.return", content)


async def parts_of(stack: Stack, uetr: str) -> list[dict[str, Any]]:
    connection = await stack.connect()
    rows = await connection.fetch(
        "SELECT r.refund, r.refund_uetr::text AS uetr, r.refund_minor AS minor, r.refund_detail AS detail,"
        " r.refund_due_at IS NOT NULL AS due, o.settled FROM switch.part_refund AS r"
        " JOIN switch.inbound_order AS o ON o.rail = r.rail AND o.ref = r.ref AND o.kind = 'order'"
        " WHERE o.uetr = $1 ORDER BY r.part",
        UUID(uetr),
    )
    await connection.close()
    return [dict(row) for row in rows]


async def until_parts(stack: Stack, uetr: str, *states: str) -> list[dict[str, Any]]:
    """Wait until the refunds of parts have these states, in the order of the parts, and none is due."""
    found: list[dict[str, Any]] = []
    try:
        async with asyncio.timeout(90):
            while True:
                found = await parts_of(stack, uetr)
                if [each["refund"] for each in found] == [*states] and not any(each["due"] for each in found):
                    return found
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise AssertionError(f"not {states}: {found}") from None


async def told_done(stack: Stack, source: str, target: str) -> str:
    (uetr,) = await originate(stack, source, target, amount="250.00")
    assert await ended(stack, source, [uetr]) == [DebitState.DONE]
    await until_kept(stack, uetr, told=True)
    return uetr


@pytest.mark.parametrize("source", SOURCES)
async def test_each_part_is_refunded_by_an_order_of_its_own_and_they_add_up(
    all_of_them: Stack, source: str
) -> None:
    uetr = await told_done(all_of_them, source, abroad(source))
    await in_parts(all_of_them, uetr, 1, 4)
    found = await until_parts(all_of_them, uetr, "done", "done")
    await until_case(all_of_them, uetr, "closed")
    credits = [refunded(all_of_them, source, each) for each in found]
    entry = debits(all_of_them.settings.rails_directory, source)[uetr]

    assert [len(each) for each in credits] == [1, 1]
    assert len({each["uetr"] for each in found}) == 2
    assert sum(each[0].amount_minor for each in credits) == entry.amount_minor
    assert (await both_sides(all_of_them)).ok


@pytest.mark.parametrize("fault", ["SILENT", "CUT", "PENDING"])
async def test_a_refund_of_a_part_without_a_clear_answer_is_executed_once(
    all_of_them: Stack, fault: str
) -> None:
    uetr = await told_done(all_of_them, "PK", "IN")
    status, _ = await control(all_of_them, "PK", "POST", "/faults", {"word": fault, "count": 1})
    assert status < 300
    await in_parts(all_of_them, uetr, 1)
    (found,) = await until_parts(all_of_them, uetr, "done")

    assert len(refunded(all_of_them, "PK", found)) == 1


async def test_a_part_that_the_rail_refuses_is_owed_and_what_people_settle_is_never_refunded(
    all_of_them: Stack,
) -> None:
    uetr = await told_done(all_of_them, "PK", "IN")
    status, _ = await control(all_of_them, "PK", "POST", "/faults", {"word": "AC04", "count": 1})
    assert status < 300
    await in_parts(all_of_them, uetr, 1)
    (refused,) = await until_parts(all_of_them, uetr, "refused")
    await until_case(all_of_them, uetr, "open")
    await all_of_them.agreed("order.settle", {"uetr": uetr, "evidence": "letter 12 of the rail"})
    await until_case(all_of_them, uetr, "closed")
    await in_parts(all_of_them, uetr, 2)  # the second quarter is refunded again
    refused, done = await until_parts(all_of_them, uetr, "refused", "done")
    await until_case(all_of_them, uetr, "closed")

    assert refunded(all_of_them, "PK", refused) == []
    assert len(refunded(all_of_them, "PK", done)) == 1


async def test_a_part_that_the_rail_gives_back_is_owed_again(all_of_them: Stack) -> None:
    uetr = await told_done(all_of_them, "PK", "IN")
    status, _ = await control(all_of_them, "PK", "POST", "/faults", {"word": "RETURNED", "count": 1})
    assert status < 300
    await in_parts(all_of_them, uetr, 1)
    await until_parts(all_of_them, uetr, "given_back")
    await until_case(all_of_them, uetr, "open")
    assert (await both_sides(all_of_them)).ok
    await all_of_them.agreed("order.settle", {"uetr": uetr, "evidence": "letter 12 of the rail"})
    await until_case(all_of_them, uetr, "closed")


async def test_nobody_settles_a_part_that_may_be_refunded_at_this_moment(all_of_them: Stack) -> None:
    uetr = await told_done(all_of_them, "PK", "IN")
    status, _ = await control(all_of_them, "PK", "POST", "/faults", {"word": "SILENT", "count": 1})
    assert status < 300
    await in_parts(all_of_them, uetr, 1)
    async with asyncio.timeout(60):
        while not await parts_of(all_of_them, uetr):
            await asyncio.sleep(0.05)
    with pytest.raises(AssertionError, match=r"no outcome yet|begun meanwhile"):
        await all_of_them.agreed("order.settle", {"uetr": uetr, "evidence": "a second refund"})
    (found,) = await until_parts(all_of_them, uetr, "done")

    assert len(refunded(all_of_them, "PK", found)) == 1


async def test_a_part_is_left_to_people_where_they_do_not_want_refunds(all_of_them: Stack) -> None:
    content = {"country": "PK", "gateway": gateways.gateway("PK")["id"], "open": True}
    await all_of_them.agreed("rail.inbound", content)
    uetr = await told_done(all_of_them, "PK", "IN")
    await in_parts(all_of_them, uetr, 1)
    await until_kept(all_of_them, uetr, disputed="a part of its payment was returned")
    await all_of_them.agreed("rail.inbound", {**content, "refunds": True})
    await asyncio.sleep(3)

    assert await parts_of(all_of_them, uetr) == []
    await all_of_them.agreed("order.settle", {"uetr": uetr, "evidence": "letter 12 of the rail"})


@pytest.mark.parametrize(("step", "least"), [(1, 1), (100, 100), (1, 100), (100, 1_000)])
def test_parts_of_any_size_add_up_to_what_the_rail_carries(step: int, least: int) -> None:
    parts, carried, refunded = [1, 33, 99, 100, 66, 1, 4_700], 0, []
    limits = AmountLimits(least, 10**9, Basis.PROFILE, step)
    for part in parts:
        row: Any = {"part_minor": part, "carried_in": carried, "refund_minor": None}
        minor, carried = PartRefunds.split(row, limits)
        made: Any = {**row, "refund_minor": minor, "carried_minor": carried}
        assert PartRefunds.split(made, replace(limits, minimum_minor=1, step_minor=1)) == (minor, carried)
        refunded.append(minor)

    assert (sum(refunded), carried) == (sum(parts), 0) == (5_000, 0)
    assert all(minor % step == 0 and (minor >= least or not minor) for minor in refunded)


async def so_little(stack: Stack, uetr: str, *hundredths: int) -> None:
    """Two people return parts, each of about so many hundredths of the payer's currency."""
    connection = await stack.connect()
    row = await connection.fetchrow(
        "SELECT debit_minor, credit_minor, credit_currency FROM switch.payment WHERE uetr = $1", UUID(uetr)
    )
    await connection.close()
    for each in hundredths:
        part = Money(row["credit_minor"] * each // row["debit_minor"], row["credit_currency"])
        content = {"uetr": uetr, "reason": "CUST", "evidence": "letter 12", "amount": part.text}
        await stack.agreed("payment.return", content)


async def given_to_gateway(stack: Stack, uetr: str) -> list[int]:
    connection = await stack.connect()
    rows = await connection.fetch(
        "SELECT x.debit_minor FROM switch.part_return AS x JOIN switch.payment AS p ON p.number = x.payment"
        " WHERE p.uetr = $1 ORDER BY x.number",
        UUID(uetr),
    )
    await connection.close()
    return [row["debit_minor"] for row in rows]


async def test_parts_below_the_least_amount_of_the_rail_add_up_until_it_carries_them(
    all_of_them: Stack,
) -> None:
    """The least amount of Kyrgyzstan's rail is 1.00 KGS; people end what is left when no other part comes."""
    uetr = await told_done(all_of_them, "KG", "PK")
    await so_little(all_of_them, uetr, 60)
    (waits,) = await until_parts(all_of_them, uetr, "carried")
    await until_case(all_of_them, uetr, "open")
    assert refunded(all_of_them, "KG", waits) == []
    await so_little(all_of_them, uetr, 70)
    _, sent = await until_parts(all_of_them, uetr, "carried", "done")
    await until_case(all_of_them, uetr, "closed")
    parts = await given_to_gateway(all_of_them, uetr)
    (credit,) = refunded(all_of_them, "KG", sent)
    assert parts[0] < 100 > parts[1]
    assert credit.amount_minor == sent["minor"] == sum(parts) > 100
    await so_little(all_of_them, uetr, 40)
    await until_parts(all_of_them, uetr, "carried", "done", "carried")
    await until_case(all_of_them, uetr, "open")
    await all_of_them.agreed("order.settle", {"uetr": uetr, "evidence": "paid in cash"})
    await until_case(all_of_them, uetr, "closed")
    await so_little(all_of_them, uetr, 80)  # what people have paid does not go with it
    await until_parts(all_of_them, uetr, "carried", "done", "carried", "carried")
    await in_parts(all_of_them, uetr, 4)
    found = await until_parts(all_of_them, uetr, "carried", "done", "carried", "carried", "done")
    await until_case(all_of_them, uetr, "closed")

    parts = await given_to_gateway(all_of_them, uetr)
    entry = debits(all_of_them.settings.rails_directory, "KG")[uetr]
    assert sum(parts) == entry.amount_minor
    assert [each["minor"] for each in found] == [None, sum(parts[:2]), None, None, sum(parts[3:])]
    assert len(refunded(all_of_them, "KG", found[-1])) == 1
    assert (await both_sides(all_of_them)).ok


async def test_the_books_agree_with_the_rails_after_all_this(all_of_them: Stack) -> None:
    connection = await all_of_them.connect()
    try:
        results = [
            each async for each in verify.verify(connection, all_of_them.settings.rails_directory, None)
        ]
    finally:
        await connection.close()

    assert json.dumps([each.name for each in results if not each.ok]) == "[]", results
