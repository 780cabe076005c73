"""Every pair of rails of which both can originate, with amounts at their edges, and every behaviour of the destination."""

import asyncio
from collections.abc import Iterator
from itertools import permutations

import pytest

from adapters.simulation.debit_book import DebitState
from tests.switch.conftest import PATIENCE
from tests.switch.payments.inbound_world import (
    GATEWAYS,
    both_sides,
    credited,
    debits,
    ended,
    journey,
    kept,
    originate,
    taken_by,
    with_gateways,
)
from tests.switch.stack import Stack, started

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]
AMOUNTS = ("0.01", "0.99", "1200.00", "99999.99", "99999999.99")
"""From less than the other currency has, to more than a gateway may owe; the third is paid in every pair."""
WORDS = (
    "",
    "AC04",
    "AM02",
    "SILENT",
    "LATE",
    "DUPCB",
    "GARBAGE",
    "CUT",
    "BADSIG",
    "HTTP502",
    "PENDING",
    "SLOW8",
)
EXECUTED = {word: word not in {"AC04", "AM02"} for word in WORDS}
"""Whether the destination credits the payee in the end."""


@pytest.fixture(scope="module")
def all_rails() -> Iterator[Stack]:
    with started(rails=tuple(sorted(GATEWAYS)), **PATIENCE) as stack:
        asyncio.run(with_gateways(stack, sorted(GATEWAYS)))
        yield stack


async def test_payers_are_debited_what_payees_are_credited_for_in_every_pair(all_rails: Stack) -> None:
    sent = {
        (source, target, amount): (await originate(all_rails, source, target, amount=amount))[0]
        for source, target in permutations(sorted(GATEWAYS), 2)
        for amount in AMOUNTS
    }
    for source in GATEWAYS:
        await ended(
            all_rails, source, [uetr for (of, *_), uetr in sent.items() if of == source], within_s=240
        )

    rails = all_rails.settings.rails_directory
    done = set()
    for (source, target, amount), uetr in sent.items():
        entry, credits_ = debits(rails, source)[uetr], credited(rails, target).get(uetr, [])
        assert len(credits_) == (entry.state is DebitState.DONE), (source, target, amount, entry)
        if credits_:
            payment = await journey(all_rails, uetr, GATEWAYS[source][0])
            done.add((source, target, amount))
            assert payment["debit"] == entry.amount_minor, (source, target, amount)
            assert payment["credit"] == credits_[0].amount_minor, (source, target, amount)
    for source, target in permutations(sorted(GATEWAYS), 2):
        found = await kept(all_rails, sent[source, target, AMOUNTS[2]])
        assert found is not None
        assert (source, target, AMOUNTS[2]) in done, (source, target, found)
    assert not any(amount == AMOUNTS[-1] for *_, amount in done)
    checked = await both_sides(all_rails)
    assert checked.ok, checked


async def test_an_order_without_a_purpose_is_paid_where_one_is_required_once_two_people_state_one(
    all_rails: Stack,
) -> None:
    """An order of UPI has no place for a purpose, which Belarus requires."""
    name = GATEWAYS["IN"][0]
    await all_rails.agreed("rail.inbound", taken_by(name, "IN", purpose=None))
    try:
        (without,) = await originate(all_rails, "IN", "BY")
        assert await ended(all_rails, "IN", [without]) == [DebitState.REFUNDED]
    finally:
        await all_rails.agreed("rail.inbound", taken_by(name, "IN"))
    (uetr,) = await originate(all_rails, "IN", "BY")

    found = await kept(all_rails, without)
    assert found is not None
    assert found.reason == "FF07"
    assert await ended(all_rails, "IN", [uetr]) == [DebitState.DONE]
    assert uetr in credited(all_rails.settings.rails_directory, "BY")


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("PK", "IN"),
        ("IN", "KZ"),
        ("KZ", "BY"),
        ("BY", "CN"),
        ("CN", "KG"),
        ("KG", "UZ"),
        ("UZ", "RU"),
        ("RU", "TJ"),
        ("TJ", "IR"),
        ("IR", "PK"),
    ],
)
async def test_the_source_is_told_the_truth_whatever_the_destination_does(
    all_rails: Stack, source: str, target: str
) -> None:
    sent = {word: (await originate(all_rails, source, target, word=word))[0] for word in WORDS}
    states = await ended(all_rails, source, list(sent.values()), within_s=240)

    there = credited(all_rails.settings.rails_directory, target)
    told = dict(zip(sent, states, strict=True))
    assert {word: state is DebitState.DONE for word, state in told.items()} == EXECUTED
    assert {word: uetr in there for word, uetr in sent.items()} == EXECUTED
    assert (await both_sides(all_rails)).ok
