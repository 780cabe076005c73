"""Every pair of rails of which both can originate, with amounts at their edges, and every behaviour of the destination."""

import asyncio
from collections.abc import Iterator
from itertools import permutations, product

import pytest

from adapters import registry
from adapters.simulation.debit_book import OPENING_MINOR, DebitState
from adapters.simulation.payers import SourceBehaviour
from schemas.money import Money
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
    until_kept,
    with_gateways,
)
from tests.switch.stack import Stack, started

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]
AMOUNTS = ("0.01", "0.99", "1200.00", "99999.99", "99999999.99")
"""From less than the other currency has, to more than a gateway may owe; the third is paid in every pair."""
NAMES = {
    "BY": "Алесь Ўшакоў",
    "CN": "王小明",
    "IN": "आशा राव",
    "KG": "Айгүл Өмүралиева",
    "KZ": "Әсел Құнанбайқызы",
    "PK": "محمد علی",
    "RU": "Ёлка Щукина",
}
"""Of payees, as a payer writes them whose rail has more than ASCII."""
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


def amounts(source: str) -> tuple[str, ...]:
    """What is paid to every country: at the edges of the payer's rail, and of others."""
    profile = registry.profile(source)
    limits, most = profile.limits, OPENING_MINOR // 100
    edges = (limits.minimum_minor, min(limits.maximum_minor, most - most % limits.step_minor))
    return tuple(dict.fromkeys((*AMOUNTS, *(Money(edge, profile.currency).text for edge in edges))))


def test_names_are_in_the_script_of_every_rail_that_has_more_than_ascii() -> None:
    encodings = {country: registry.profile(country).characters.encoding for country in GATEWAYS}

    assert {country for country, encoding in encodings.items() if encoding != "ascii"} <= {*NAMES}
    for country, name in NAMES.items():
        assert not name.isascii()
        if encodings[country] != "ascii":
            assert name.encode(encodings[country])


async def test_payers_are_debited_what_payees_are_credited_for_in_every_pair(all_rails: Stack) -> None:
    sent = {
        (source, target, amount): (
            await originate(
                all_rails, source, target, amount=amount, payee=NAMES.get(source, "O'Brien & Sons <1>")
            )
        )[0]
        for source, target in permutations(sorted(GATEWAYS), 2)
        for amount in amounts(source)
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


RING = ("PK", "IN", "KZ", "BY", "CN", "KG", "UZ", "RU", "TJ", "IR")
"""Each one pays the next one."""
PAIRS = list(zip(RING, (*RING[1:], RING[0]), strict=True))
AT_ONCE_WITH = ("", "AC04", "SILENT", "DUPCB", "PENDING", "CUT")
"""What the destination does while the source behaves in every one of its ways."""
NEVER_PAID = {SourceBehaviour.EXPIRED, SourceBehaviour.EARLY, SourceBehaviour.DAMAGED}


def test_every_rail_is_a_source_and_a_destination_of_the_ring() -> None:
    assert (
        sorted(RING)
        == sorted(GATEWAYS)
        == [each for each in registry.countries() if registry.originates(each)]
    )


@pytest.mark.parametrize(("source", "target"), PAIRS)
async def test_however_both_rails_behave_the_payer_is_debited_exactly_if_the_payee_is_credited(
    all_rails: Stack, source: str, target: str
) -> None:
    """Every behaviour of the source with every kind of answer of the destination."""
    kinds = list(product(("", *SourceBehaviour), AT_ONCE_WITH))
    sent = {
        (behaviour, word): (await originate(all_rails, source, target, word=word, behaviour=behaviour))[0]
        for behaviour, word in kinds
    }
    states = dict(zip(sent, await ended(all_rails, source, list(sent.values()), within_s=300), strict=True))

    for word in AT_ONCE_WITH:  # refunded at the rail's own time-out: the order may still be under way
        await until_kept(all_rails, sent[SourceBehaviour.GONE, word], within_s=240, open=False)
    there = credited(all_rails.settings.rails_directory, target)
    for (behaviour, word), uetr in sent.items():
        state, times = states[behaviour, word], len(there.get(uetr, []))
        where = source, target, behaviour, word, state, times
        if behaviour == SourceBehaviour.GONE:
            order = await kept(all_rails, uetr)
            assert order is not None, where
            assert bool(order.disputed) == (state is DebitState.REFUNDED and times == 1), where
        else:
            assert times == (state is DebitState.DONE), where
        if behaviour in NEVER_PAID or word == "AC04":
            assert (state, times) == (DebitState.REFUNDED, 0), where
        elif behaviour in {"", SourceBehaviour.TWICE, SourceBehaviour.OTHER, SourceBehaviour.DEAF}:
            assert state is DebitState.DONE, where
    assert (await both_sides(all_rails)).ok


@pytest.mark.parametrize(("source", "target"), PAIRS)
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
