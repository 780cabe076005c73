"""Payments that begin at rails with formats of their own: how each orders, is asked and is answered."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from adapters import called, keys
from adapters.kyrgyzstan import sandbox as kyrgyzstan
from adapters.kyrgyzstan.ordering import ElqrOrders
from adapters.kyrgyzstan.signing import open_signed
from adapters.pakistan import sandbox as pakistan
from adapters.simulation.debit_book import DebitState
from adapters.simulation.payers import PaymentAbroad
from schemas.money import Money
from tests.switch.conftest import PATIENCE
from tests.switch.payments.inbound_world import (
    both_sides,
    credited,
    ended,
    kept,
    originate,
    until_kept,
    with_gateways,
)
from tests.switch.stack import Stack, started

pytestmark = pytest.mark.long

SOURCES = ("KG", "RU", "UZ")


@pytest.fixture(scope="module")
def rails() -> Iterator[Stack]:
    with started(rails=("IN", "PK", *SOURCES), **PATIENCE) as stack:
        asyncio.run(with_gateways(stack, SOURCES))
        yield stack


@pytest.mark.parametrize("source", SOURCES)
async def test_whatever_the_rail_does_the_books_agree(rails: Stack, source: str) -> None:
    """One payment of each kind, at once."""
    expected = {
        ("", ""): DebitState.DONE,
        ("", "AC04"): DebitState.REFUNDED,
        ("TWICE", ""): DebitState.DONE,
        ("OTHER", ""): DebitState.DONE,
        ("DEAF", ""): DebitState.DONE,
        ("EXPIRED", ""): DebitState.REFUNDED,
        ("EARLY", ""): DebitState.REFUNDED,
        ("DAMAGED", ""): DebitState.REFUNDED,
        ("REVERSE", "AC04"): DebitState.REFUNDED,
    }
    sent = {
        each: (await originate(rails, source, "PK", behaviour=each[0], word=each[1]))[0] for each in expected
    }
    (reversed_,) = await originate(rails, source, "PK", behaviour="REVERSE")

    states = await ended(rails, source, [*sent.values(), reversed_], within_s=120)

    there = credited(rails.settings.rails_directory, "PK")
    assert dict(zip(sent, states, strict=False)) == expected
    for kind, uetr in [*sent.items(), ("reversed", reversed_)]:
        state = states[-1] if kind == "reversed" else expected[kind]
        assert len(there.get(uetr, [])) == (state is DebitState.DONE), kind
    asked = await until_kept(rails, reversed_, kind="return", told=True)
    assert asked.state == ("refused" if reversed_ in there else "done")
    order = await kept(rails, sent["", ""])
    assert order is not None
    assert (order.state, order.disputed) == ("done", "")
    checked = await both_sides(rails)
    assert checked.ok, checked


@pytest.mark.parametrize("source", SOURCES)
async def test_a_rail_that_refunded_at_its_own_time_out_is_noticed(rails: Stack, source: str) -> None:
    (uetr,) = await originate(rails, source, "PK", word="SLOW60", behaviour="GONE")
    found = await until_kept(rails, uetr, open=False)

    assert (await ended(rails, source, [uetr]), found.state) == ([DebitState.REFUNDED], "done")
    assert found.disputed
    await rails.agreed("order.settle", {"uetr": uetr, "evidence": "letter 12 of the rail"})


@pytest.mark.parametrize("source", ["KG", "UZ"])
async def test_a_bank_is_paid_that_its_rail_knows_by_an_id_which_orders_do_not_state(
    rails: Stack, source: str
) -> None:
    """A Russian bank, by its BIK."""
    (uetr,) = await originate(rails, source, "RU", amount="1200.00")

    assert await ended(rails, source, [uetr]) == [DebitState.DONE]
    assert len(credited(rails.settings.rails_directory, "RU")[uetr]) == 1


async def called_at(stack: Stack, country: str, request: called.CalledRequest) -> tuple[int, str, bytes]:
    """What the switch answers to a call below a rail's address: status, content type and body."""
    async with (
        aiohttp.ClientSession() as http,
        http.request(
            request.method,
            f"{stack.url}/rails/{country}{request.path}",
            data=request.body,
            headers=request.headers,
        ) as answer,
    ):
        return answer.status, answer.content_type, await answer.read()


async def test_the_kyrgyz_operator_calls_paths_below_our_address(rails: Stack) -> None:
    files = rails.settings.rails_directory / "KG"
    theirs, ours = (files / "rail.key").read_bytes(), (files / "participant.pub").read_bytes()
    orders = ElqrOrders(kyrgyzstan.IDENTITY["provider"], keys.private(theirs), keys.public(ours))
    account = pakistan.account("").iban
    assert account is not None
    at = datetime.now(UTC)

    def created(bank: str) -> called.CalledRequest:
        wish = PaymentAbroad(
            Money(250_00, "KGS"), bank, "", account, "Asha Rao", at, at + timedelta(minutes=1)
        )
        request = called.read(orders.payee_query(wish))
        assert request is not None
        return request

    request = created(rails.participant("noor-wallet")["bic"])
    known = await called_at(rails, "KG", request)
    forged = await called_at(rails, "KG", replace(request, body=request.body.replace(b"25000", b"25001")))
    nobody = await called_at(rails, "KG", created("NOBDPKKA"))
    elsewhere = await called_at(rails, "PK", request)

    said = open_signed(known[2], keys.public(ours))
    assert known[:2] == (200, "application/jose")
    assert (said["status"], "*" in said["beneficiaryName"]) == (10, True)
    price = {"creditAmount", "creditCurrency", "rate", "quoteId", "validUntil"}
    assert {part["key"] for part in said["extra"]} == price
    assert (forged[0], nobody[0], elsewhere[0]) == (401, 452, 404)
