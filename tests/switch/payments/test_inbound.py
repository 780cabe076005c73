"""Payments that begin at one rail and end at another: the payer is debited exactly when the payee is credited."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from lxml import etree

from adapters.originating import PaymentOrder
from adapters.pakistan import sandbox as pakistan
from adapters.simulation import debit_book
from adapters.simulation.debit_book import DebitState
from schemas import codec, credit_transfer
from schemas.money import Money
from schemas.payment import Agent, CreditTransfer, Party, PartyAccount
from switch.operations import verify
from switch.payments.inbound import pacs_008
from tests.switch.payments.inbound_doors import door_of
from tests.switch.payments.inbound_world import (
    GATEWAYS,
    both_sides,
    breaks_of,
    case_state,
    credited,
    debits,
    ended,
    ended_with_people,
    journey,
    kept,
    originate,
    until_case,
    until_kept,
    with_gateways,
)
from tests.switch.stack import Stack

DIRECTIONS = [("PK", "IN"), ("IN", "PK")]


@pytest.fixture(scope="module")
def both(stack: Stack) -> Stack:
    """Both rails with their gateways; a test that changes them leaves them as they are here."""
    asyncio.run(with_gateways(stack, ("IN", "PK")))
    return stack


@pytest.mark.parametrize(("source", "target"), DIRECTIONS)
async def test_a_customer_of_one_rail_pays_an_account_at_the_other(
    both: Stack, source: str, target: str
) -> None:
    (uetr,) = await originate(both, source, target, amount="250.00")

    assert await ended(both, source, [uetr]) == [DebitState.DONE]
    (credit,) = credited(both.settings.rails_directory, target)[uetr]
    gateway = GATEWAYS[source][0]
    payment = await journey(both, uetr, gateway)
    assert payment["debtor_agent"] == gateway
    assert (payment["debit"], payment["credit"]) == (250_00, credit.amount_minor)
    found = await until_kept(both, uetr, told=True)
    assert (found.state, found.disputed, found.open) == ("done", "", False)
    page = await payment_page(both, uetr)
    assert "Order of a rail" in page
    assert "the rail has the answer" in page
    ref = debits(both.settings.rails_directory, source)[uetr].ref
    order = await order_that_a_bank_reads(both, uetr, target)
    assert order.pop("acknowledged_at") is not None
    assert order.pop("rail_name")
    assert order == {"rail": source, "id": ref, "state": "done", "owed": None, "refund": None}
    assert await leads_to(both, ref) == f"/console/payments/{uetr}"


@pytest.mark.parametrize(("source", "target"), DIRECTIONS)
async def test_what_the_other_rail_refuses_is_refunded(both: Stack, source: str, target: str) -> None:
    (uetr,) = await originate(both, source, target, word="AC04")

    assert await ended(both, source, [uetr]) == [DebitState.REFUNDED]
    assert uetr not in credited(both.settings.rails_directory, target)
    found = await until_kept(both, uetr, told=True)
    assert (found.state, found.reason) == ("refused", "AC04")


@pytest.mark.parametrize(("source", "target"), DIRECTIONS)
async def test_what_the_switch_refuses_is_refunded(both: Stack, source: str, target: str) -> None:
    """More than the gateway has: the ledger refuses it."""
    (uetr,) = await originate(both, source, target, amount="9000000.00")

    assert await ended(both, source, [uetr]) == [DebitState.REFUNDED]
    assert (await until_kept(both, uetr, told=True)).state == "refused"
    assert uetr not in credited(both.settings.rails_directory, target)


@pytest.mark.parametrize(("source", "target"), DIRECTIONS)
@pytest.mark.parametrize(
    ("behaviour", "state", "of_order"),
    [
        ("TWICE", DebitState.DONE, "done"),
        ("OTHER", DebitState.DONE, "done"),
        ("DEAF", DebitState.DONE, "done"),
        ("EXPIRED", DebitState.REFUNDED, "refused"),
        ("DAMAGED", DebitState.REFUNDED, "barred"),
    ],
)
async def test_whatever_the_rail_does_the_books_agree(  # noqa: PLR0917 - parameters of the test
    both: Stack, source: str, target: str, behaviour: str, state: DebitState, of_order: str
) -> None:
    (uetr,) = await originate(both, source, target, behaviour=behaviour)

    assert await ended(both, source, [uetr]) == [state]
    credits_ = credited(both.settings.rails_directory, target).get(uetr, [])
    assert len(credits_) == (state is DebitState.DONE)
    assert (await until_kept(both, uetr, state=of_order)).disputed == ""


@pytest.mark.parametrize(("source", "target"), DIRECTIONS)
async def test_an_order_that_was_asked_about_before_it_came_is_not_executed(
    both: Stack, source: str, target: str
) -> None:
    (uetr,) = await originate(both, source, target, behaviour="EARLY")

    assert await ended(both, source, [uetr]) == [DebitState.REFUNDED]
    assert uetr not in credited(both.settings.rails_directory, target)
    assert (await kept(both, uetr)).state in {"barred", "stopped"}  # type: ignore[union-attr]


@pytest.mark.parametrize(("source", "target"), DIRECTIONS)
@pytest.mark.parametrize("word", ["", "AC04", "SLOW8"])
async def test_a_reversal_is_granted_exactly_if_nothing_was_or_will_be_credited(
    both: Stack, source: str, target: str, word: str
) -> None:
    (uetr,) = await originate(both, source, target, word=word, behaviour="REVERSE")

    (state,) = await ended(both, source, [uetr])
    is_credited = uetr in credited(both.settings.rails_directory, target)
    assert (state is DebitState.DONE) == is_credited
    asked = await until_kept(both, uetr, kind="return", told=True)
    assert asked.state == ("refused" if is_credited else "done")


async def test_orders_are_refused_while_people_have_paused_them(both: Stack) -> None:
    name, _, _ = GATEWAYS["PK"]
    await both.agreed("rail.inbound", {"country": "PK", "gateway": name, "open": False})
    try:
        (uetr,) = await originate(both, "PK", "IN")
        assert await ended(both, "PK", [uetr]) == [DebitState.REFUNDED]
        found = await until_kept(both, uetr, told=True)
    finally:
        await both.agreed("rail.inbound", {"country": "PK", "gateway": name, "open": True})

    assert (found.state, found.reason) == ("stopped", "AG01")


async def test_a_suspended_gateway_executes_nothing(both: Stack) -> None:
    name, _, _ = GATEWAYS["PK"]
    await both.agreed("participant.suspend", {"participant": name})
    try:
        (uetr,) = await originate(both, "PK", "IN")
        assert await ended(both, "PK", [uetr]) == [DebitState.REFUNDED]
    finally:
        await both.agreed("participant.resume", {"participant": name})

    assert uetr not in credited(both.settings.rails_directory, "IN")


async def test_many_at_once_end_alike_on_both_sides(both: Stack) -> None:
    uetrs = {
        (source, target, word): await originate(both, source, target, word=word, count=5)
        for source, target in DIRECTIONS
        for word in ("", "AC04", "DUPCB")
    }

    for (source, target, word), mine in uetrs.items():
        states = dict(zip(mine, await ended_with_people(both, source, target, mine), strict=True))
        there = credited(both.settings.rails_directory, target)
        # What its rail never got on a busy machine was ended by two people.
        assert states == {uetr: DebitState.DONE if uetr in there else DebitState.REFUNDED for uetr in mine}, (
            word
        )
        assert (DebitState.DONE in states.values()) is (word != "AC04"), word
    book = debits(both.settings.rails_directory, "PK")
    checked = await both_sides(both)
    assert checked.ok, checked
    assert checked.checked > len(book)


@pytest.mark.long
async def test_verify_finds_other_amounts_and_orders_that_no_payer_made(both: Stack, tmp_path: Path) -> None:
    (uetr,) = await originate(both, "PK", "IN")
    assert await ended(both, "PK", [uetr]) == [DebitState.DONE]
    lines = (both.settings.rails_directory / "PK" / debit_book.FILE_NAME).read_text().splitlines()
    entries = [json.loads(line) for line in lines]
    more = [each | {"amount_minor": each["amount_minor"] + (each["uetr"] == uetr)} for each in entries]
    without = [each for each in entries if each["uetr"] != uetr]

    found = []
    for number, changed in enumerate((more, without)):
        book = tmp_path / f"{number}" / "PK" / debit_book.FILE_NAME
        book.parent.mkdir(parents=True)
        book.write_text("".join(f"{json.dumps(each)}\n" for each in changed))
        connection = await both.connect()
        try:
            found.append(await verify.both_sides(connection, book.parents[1]))
        finally:
            await connection.close()

    assert [each.ok for each in found] == [False, False]
    assert f"{uetr} of PK: its payer is debited with another amount than the payment's" in found[0].detail
    assert f"{uetr} of PK: it is done, and no payer of its rail has ordered it" in found[1].detail


@pytest.mark.parametrize(("source", "target"), DIRECTIONS)
async def test_a_rail_that_refunded_at_its_own_time_out_owes_until_two_people_settle_it(
    both: Stack, source: str, target: str
) -> None:
    (uetr,) = await originate(both, source, target, word="SLOW60", behaviour="GONE")
    found = await until_kept(both, uetr, open=False)

    assert (await ended(both, source, [uetr]), found.state) == ([DebitState.REFUNDED], "done")
    assert uetr in credited(both.settings.rails_directory, target)
    assert found.disputed
    await until_case(both, uetr, "open")
    assert (await both_sides(both)).ok
    await both.agreed("order.settle", {"uetr": uetr, "evidence": "letter 12 of the rail"})
    await until_case(both, uetr, "closed")
    assert (await until_kept(both, uetr, settled=True)).disputed == found.disputed
    assert (await both_sides(both)).ok


@pytest.mark.long
async def test_a_payment_that_is_returned_after_the_rail_was_told_done_is_owed_to_the_payer(
    both: Stack,
) -> None:
    (uetr,) = await originate(both, "PK", "IN")
    assert await ended(both, "PK", [uetr]) == [DebitState.DONE]
    await until_kept(both, uetr, open=False)

    await both.agreed("payment.return", {"uetr": uetr, "reason": "FR01", "evidence": "court order 12"})

    found = await until_kept(both, uetr, disputed="its payment was returned")
    assert (found.state, await case_state(both, uetr)) in {("done", "open"), ("done", None)}
    await until_case(both, uetr, "open")
    await both.agreed("order.settle", {"uetr": uetr, "evidence": "refunded by the gateway"})
    await until_case(both, uetr, "closed")


async def test_a_return_before_the_rail_has_the_answer_is_still_owed(both: Stack) -> None:
    """Bug: the rail's acknowledgement erased that the payment had been returned meanwhile."""
    (uetr,) = await originate(both, "PK", "IN", behaviour="DEAF")  # it takes the answer after some seconds
    await until_kept(both, uetr, state="done")
    await both.agreed("payment.return", {"uetr": uetr, "reason": "FR01", "evidence": "court order 12"})

    found = await until_kept(both, uetr, told=True, open=False, disputed="its payment was returned")
    assert found.state == "done"
    await both.agreed("order.settle", {"uetr": uetr, "evidence": "refunded by the gateway"})
    await until_case(both, uetr, "closed")


async def test_a_late_done_after_the_rail_was_told_refused_is_owed_until_it_is_settled(both: Stack) -> None:
    """The other rail answers an enquiry with a refusal, and says later that it has credited the payee."""
    (uetr,) = await originate(both, "PK", "IN", word="FLIP")
    states = await ended(both, "PK", [uetr], within_s=90)

    assert states == [DebitState.REFUNDED]
    found = await until_kept(both, uetr, disputed="the other rail executed it after it was refused")
    assert found.state == "refused"
    await until_case(both, uetr, "open")
    await both.agreed("order.settle", {"uetr": uetr, "evidence": "letter 12 of the rail"})
    await until_case(both, uetr, "closed")
    for number in await breaks_of(both, uetr):
        await both.agreed("break.resolve", {"number": number, "resolution": "settled with the order"})


async def payment_page(stack: Stack, uetr: str) -> str:
    """The page of a payment, as an operator sees it."""
    headers = stack._bearer("operator")
    async with (
        aiohttp.ClientSession(stack.url, headers=headers) as http,
        http.get(f"/console/payments/{uetr}") as answer,
    ):
        assert answer.status == 200
        return await answer.text()


@pytest.mark.parametrize(
    ("stated", "recorded", "carried"),
    [(None, "FAMI", "FAMI"), ("SALA", "FAMI", "SALA"), (None, "", None), ("SALA", "", "SALA")],
)
def test_the_purpose_of_an_order_is_never_replaced(
    stated: str | None, recorded: str, carried: str | None
) -> None:
    at = datetime(2026, 11, 24, 8, tzinfo=UTC)
    payment = CreditTransfer(
        uetr="7c9e6679-7425-40de-944b-e07fc1f90ae7",
        message_id="7c9e6679742540de944be07fc1f90ae7",
        created_at=at,
        end_to_end_id="NOTPROVIDED",
        interbank_settlement_amount=Money(120_00, "INR"),
        interbank_settlement_date=at.date(),
        charge_bearer="SLEV",
        debtor=Party(name="Asha Rao"),
        debtor_account=PartyAccount(other="1234567890"),
        debtor_agent=Agent(bic="ASHAINBB"),
        creditor_agent=Agent(bic="NOORPKKA"),
        creditor=Party(name="Bilal Khan"),
        creditor_account=pakistan.account(""),
        purpose=stated,
    )
    made = pacs_008(PaymentOrder("N1", payment), "GATEIN22", at + timedelta(minutes=2), recorded)

    read = credit_transfer.read(codec.decode(made, media_type=codec.XML, expect="pacs.008"))
    assert (read.purpose, read.debtor_agent.bic) == (carried, "GATEIN22")


async def order_that_a_bank_reads(stack: Stack, uetr: str, country: str) -> dict[str, Any]:
    """`source_order` of a payment, as the payee's bank reads it."""
    (bank,) = [each for each in stack.credentials["participants"] if each["country"] == country][:1]
    async with stack.client_of(bank) as client:
        found: dict[str, Any] = (await client.read(f"payments/{uetr}"))["source_order"]
        return found


async def leads_to(stack: Stack, typed: str) -> str:
    """Where the search of the pages leads an operator."""
    headers = stack._bearer("operator")
    async with (
        aiohttp.ClientSession(stack.url, headers=headers) as http,
        http.get("/console/search", params={"q": typed}, allow_redirects=False) as answer,
    ):
        return answer.headers["Location"].partition("?")[0]


async def test_a_rail_learns_whose_account_abroad_it_is_and_what_would_arrive(both: Stack) -> None:
    door = door_of(both, "IN")
    query = door.messages.payee_query(door.wish())

    known = await door.ask(query)
    nobody = await door.ask(door.messages.payee_query(door.wish(bank="NOBDPKKA")))
    forged = await door.ask(query.replace(b"1200.00", b"2200.00"))

    response = etree.fromstring(known[1]).find("Resp")
    assert (known[0], response.get("result")) == (200, "SUCCESS")
    assert "*" in response.get("maskName")
    assert response.find("Fx").get("settCurr") == "PKR"
    assert etree.fromstring(nobody[1]).find("Resp").get("result") == "FAILURE"
    assert forged[0] == 401


async def test_only_a_gateway_of_the_country_takes_the_orders_of_a_rail(both: Stack) -> None:
    for gateway in ("asha-bank", GATEWAYS["PK"][0]):
        content = {"country": "IN", "gateway": gateway, "open": True}
        with pytest.raises(AssertionError, match="not a participant of the kind gateway"):
            await both.agreed("rail.inbound", content)
