"""`prices` of `payswitch verify`: what explains each price, and what is found if nothing does."""

import json
from fractions import Fraction
from typing import Any

import pytest

from switch.operations.priced import PricesSoFar, check_prices
from tests.switch.payments.test_signatures import World, world
from tests.switch.writer.test_offers import (
    across,
    crossable,
    evidence,
    market,
    paid,
    published,
    quoted,
)
from tests.switch.writer.test_quotes import naming, promised

__all__ = ["evidence", "market", "world"]
PAIR = ("fx", "INR", "PKR")
OFFER = {
    "provider": "fx",
    "source": "INR",
    "target": "PKR",
    "tiers": [[0, "3.2000000000"], [200_00, "3.3000000000"]],
    "until": 1_000,
    "improvements": [["asha", 100]],
}
PAID = {
    "debtor_agent": "beta",
    "creditor_agent": "indus",
    "rail": "PK",
    "debit": [100_00, "INR"],
    "credit": [320_00, "PKR"],
    "fee": [1_50, "INR"],
    "fx": ["fx", "3.2000000000"],
    "offer": 1,
}
AT_SET = {"offer": 0, "fx": ["fx", "3.2835000000"], "credit": [328_35, "PKR"]}


def found(*events: tuple[str, int, dict[str, Any]]) -> PricesSoFar:
    """What the log of these events says; people set the rate 3.2835 from 10 s on."""
    so_far = PricesSoFar({(PAIR, Fraction("3.2835")): [(10_000_000, 90_000_000)]})
    for number, (kind, at, facts) in enumerate(events, 1):
        so_far.read(number, kind, at, json.dumps(facts).encode())
    return so_far


def lacks(facts: dict[str, Any], at: int = 500) -> str:
    so_far = found(("FX_OFFER", 1, OFFER), ("RESERVE", at, facts))
    assert so_far.checked == 1
    return "".join(so_far.faults)


@pytest.mark.parametrize(
    "facts",
    [
        PAID,
        {**PAID, "debit": [200_00, "INR"], "credit": [660_00, "PKR"], "fx": ["fx", "3.3000000000"]},
        {**PAID, "debtor_agent": "asha", "fx": ["fx", "3.2320000000"], "credit": [323_20, "PKR"]},
        {**PAID, "debit": [100_00, "INR"], "credit": [100_00, "INR"], "fx": ["", ""]},
    ],
)
def test_what_an_offer_explains_is_found_to_be_so(facts: dict[str, Any]) -> None:
    assert lacks(facts) == ""


@pytest.mark.parametrize(
    ("changed", "at", "fault"),
    [
        ({"fx": ["fx", "3.3000000000"], "credit": [330_00, "PKR"]}, 500, "its rate is not of its offer"),
        ({"fx": ["fx", "3.2320000000"], "credit": [323_20, "PKR"]}, 500, "its rate is not of its offer"),
        ({"credit": [320_01, "PKR"]}, 500, "its amounts are not at its rate"),
        ({"credit": [318_00, "PKR"]}, 500, "its amounts are not at its rate"),
        ({"offer": 7}, 500, "its offer was not in force"),
        ({"fx": ["other", "3.2000000000"]}, 500, "its offer was not in force"),
        ({}, 1_000, "its offer had ended"),
        (AT_SET, 300_000_000, "nobody set its rate"),
        ({**AT_SET, "fx": ["fx", "3.28"], "credit": [328_00, "PKR"]}, 20_000_000, "nobody set its rate"),
        ({"cross": ["KZT", 1, "1.6000000000", "2.1000000000"]}, 500, "not the product of its rates"),
        ({"credit": [320_00, "INR"], "fx": ["", ""]}, 500, "it converts without a rate"),
    ],
)
def test_what_nothing_explains_is_found(changed: dict[str, Any], at: int, fault: str) -> None:
    assert lacks({**PAID, **changed}, at).endswith(fault)


def test_a_rate_that_people_set_is_enough_without_an_offer() -> None:
    assert lacks({**PAID, **AT_SET}, 20_000_000) == ""


def test_a_quote_explains_one_payment_of_exactly_its_terms_before_its_end() -> None:
    quote = {**PAID, "quote": "aa", "expires_at": 900}
    offer, made = ("FX_OFFER", 1, OFFER), ("QUOTED", 2, quote)
    use = {**PAID, "quote": "aa"}
    assert found(offer, made, ("RESERVE", 3, use)).result().ok
    for events, fault in (
        ([("RESERVE", 3, use), ("RESERVE", 4, use)], "another payment used its quote"),
        ([("RESERVE", 900, use)], "its quote had ended"),
        ([("RESERVE", 3, {**use, "fee": [0, "INR"], "rail": "KZ"})], "its quote says: rail, fee"),
        ([("RESERVE", 3, {**use, "quote": "bb"})], "its quote was never promised"),
    ):
        assert fault in found(offer, made, *events).result().detail


def test_what_an_older_version_did_not_say_is_not_compared() -> None:
    facts = {name: value for name, value in PAID.items() if name != "offer"}
    so_far = found(("RESERVE", 3, facts))

    assert (so_far.checked, so_far.result().ok) == (0, True)
    assert "not compared: 1 prices" in so_far.result().detail


async def test_the_prices_of_a_writer_are_explained(market: World) -> None:
    """At a set rate, an offer, a cross rate and a quote."""
    link, pool = market.link, market.services.pool
    assert (await link.ask(market.payment("indus-bank"))).verdict == "created"
    assert (await link.ask(naming(market, await promised(market)))).verdict == "created"
    offer = await published(market)
    assert (await link.ask(paid(market, offer))).verdict == "created"
    assert (await link.ask(quoted(market, offer))).verdict == "created"
    cross, second = await crossable(market)
    assert (await link.ask(across(market, cross, second))).verdict == "created"

    async with pool.acquire() as connection, connection.transaction():
        result = await check_prices(connection)
        assert (result.ok, result.checked) == (True, 6), result.detail
        await connection.execute("DELETE FROM switch.fx_rate")
        result = await check_prices(connection)
    assert "nobody set its rate" in result.detail
