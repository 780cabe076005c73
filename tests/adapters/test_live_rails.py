"""Every magic word, on every simulated rail, over a real socket: each ends as its table says.

A row is: what the handing over came to, what it was read as, the outcomes that came by callback, what an
enquiry says afterwards, and how often the rail credited the order. What every adapter promises beside, the
conformance kit asks of all ten: see `test_conformance_kit`.
"""

import asyncio
from contextlib import nullcontext
from dataclasses import dataclass
from uuid import uuid4

import pytest

from adapters import registry
from adapters.conformance import live
from adapters.conformance.timeouts import with_short_timeouts
from adapters.port import Acceptance, Outcome, reserve_and_submit
from adapters.profile import Confirmation
from adapters.simulation.harness import sample_order
from schemas.errors import InvalidMessage, NotAuthentic
from schemas.money import Money
from tests.tiers import some

pytestmark = pytest.mark.asyncio(loop_scope="session")

DONE, REFUSED, PENDING, NOT_FOUND = Outcome.DONE, Outcome.REFUSED, Outcome.PENDING, Outcome.NOT_FOUND
RETURNED = Outcome.RETURNED
TAKEN, UNKNOWN = Acceptance.ACCEPTED, Acceptance.UNKNOWN
REFUSED_AT_ONCE = Acceptance.REFUSED
SOON_S = 0.5
"""For an answer that does not come; a late one comes after 1.8 s at the earliest."""


@dataclass(frozen=True)
class Row:
    taken: Acceptance
    answer: Outcome | None
    calls: tuple[Outcome, ...]
    enquiry: Outcome
    credits: int = 1


CALLBACK = {
    "": Row(TAKEN, None, (DONE,), DONE),
    "AC04": Row(TAKEN, None, (REFUSED,), REFUSED, 0),
    "SLOW4": Row(TAKEN, None, (DONE,), DONE),
    "SILENT": Row(TAKEN, None, (), DONE),
    "LOST": Row(TAKEN, None, (), NOT_FOUND, 0),
    "DUPCB": Row(TAKEN, None, (DONE, DONE), DONE),
    "OOO": Row(TAKEN, None, (DONE,), DONE),
    "LATE": Row(TAKEN, None, (DONE,), DONE),
    "UNKFND": Row(TAKEN, None, (), NOT_FOUND),
    "GARBAGE": Row(TAKEN, None, (), DONE),
    "CUT": Row(UNKNOWN, None, (), DONE),
    "WRONGAMT": Row(TAKEN, None, (DONE,), DONE),
    "PENDING": Row(TAKEN, None, (PENDING, DONE), DONE),
    "RETURN": Row(TAKEN, None, (PENDING, REFUSED), REFUSED, 0),
    "RETURNED": Row(TAKEN, None, (DONE,), DONE),
    "WRONGREF": Row(TAKEN, None, (), DONE),
    "BADSIG": Row(TAKEN, None, (), DONE),
    "HTTP502": Row(UNKNOWN, None, (), DONE),
}
EXCHANGE = {
    "": Row(TAKEN, DONE, (), DONE),
    "AC04": Row(REFUSED_AT_ONCE, REFUSED, (), REFUSED, 0),
    "SLOW4": Row(TAKEN, DONE, (), DONE),
    "SILENT": Row(UNKNOWN, None, (), DONE),
    "LOST": Row(UNKNOWN, None, (), NOT_FOUND, 0),
    "DUPCB": Row(TAKEN, DONE, (DONE,), DONE),
    "OOO": Row(TAKEN, DONE, (DONE,), DONE),
    "LATE": Row(UNKNOWN, None, (DONE,), DONE),
    "UNKFND": Row(UNKNOWN, None, (), NOT_FOUND),
    "GARBAGE": Row(UNKNOWN, None, (), DONE),
    "CUT": Row(UNKNOWN, None, (), DONE),
    "WRONGAMT": Row(TAKEN, DONE, (), DONE),
    "PENDING": Row(TAKEN, PENDING, (DONE,), DONE),
    "RETURN": Row(TAKEN, PENDING, (REFUSED,), REFUSED, 0),
    "RETURNED": Row(TAKEN, DONE, (), DONE),
    "WRONGREF": Row(UNKNOWN, None, (), DONE),
    "BADSIG": Row(UNKNOWN, None, (), DONE),
    "HTTP502": Row(UNKNOWN, None, (), DONE),
}
GIVEN_BACK = {
    "RETURN": Row(TAKEN, PENDING, (RETURNED,), REFUSED, 0),
    "RETURNED": Row(TAKEN, DONE, (RETURNED,), DONE),
}
"""Of rails with a message for it."""
COUNTRIES = registry.countries()
every_rail = pytest.mark.parametrize("country", COUNTRIES)


def table(country):
    profile = registry.profile(country)
    rows = EXCHANGE if profile.confirmation is Confirmation.SYNC else CALLBACK
    return rows | GIVEN_BACK if profile.gives_back else rows


async def ends_as_its_row_says(rail, word, row):
    order = sample_order(rail.country, word)
    assert rail.adapter.check(order) == []
    native = rail.adapter.translate(order)
    silent = row.taken is UNKNOWN and rail.adapter.profile.confirmation is Confirmation.SYNC
    async with with_short_timeouts(rail, SOON_S) if silent else nullcontext(rail.adapter) as adapter:
        receipt = await reserve_and_submit(adapter, native)

    assert receipt.acceptance is row.taken
    assert (receipt.answer and receipt.answer.outcome) is row.answer
    if row.credits:
        await live._is_booked(rail, native)
    calls = await rail.wait_for_answers(native.ref, len(row.calls) or 1, timeout_s=120 if row.calls else 0.3)
    assert tuple(answer.outcome for answer in calls) == row.calls
    said = await rail.adapter.enquire(native)
    assert said.outcome is row.enquiry
    assert rail.credits(native.ref) == row.credits
    for answer in [*calls, said, *([receipt.answer] if receipt.answer else [])]:
        assert answer.uetr == order.payment.uetr
        assert answer.ref == native.ref
        step = rail.adapter.profile.limits.step_minor
        expected = Money(150000 + (word == "WRONGAMT") * step, order.amount.currency)
        assert answer.amount == expected or answer.outcome is not DONE
        assert answer.reason == "AC04" or answer.outcome is not REFUSED


@pytest.mark.parametrize("country", some(COUNTRIES, "CN", "IN"))
async def test_each_magic_word_ends_as_its_table_defines(rails, country):
    """All at once, as payments come; a failure names its word."""
    rail, rows = await rails.get(country), table(country)
    ended = await asyncio.gather(
        *[ends_as_its_row_says(rail, word, row) for word, row in rows.items()], return_exceptions=True
    )

    failed = {word: found for word, found in zip(rows, ended, strict=True) if found is not None}
    assert not failed


@every_rail
@pytest.mark.parametrize("change", [{"serial": 900001}, {"remittance": "another"}])
async def test_other_content_under_the_same_id_changes_nothing(rails, country, change):
    """Of another amount the kit makes sure."""
    rail, uetr = await rails.get(country), str(uuid4())
    native = rail.adapter.translate(sample_order(country, uetr=uetr))
    await reserve_and_submit(rail.adapter, native)
    other = rail.adapter.translate(sample_order(country, **{"uetr": uetr, **change}))
    receipt = await reserve_and_submit(rail.adapter, other)

    assert other.ref == native.ref
    assert receipt.acceptance is Acceptance.UNKNOWN
    assert [entry.amount_minor for entry in rail.entries() if entry.rail_ref == native.ref] == [150000]


@every_rail
async def test_faults_strike_ordinary_accounts(rails, country):
    rail = await rails.get(country)
    await rail.control("POST", "/faults", b'{"word": "AC04", "count": 1}')
    struck, kept = [rail.adapter.translate(sample_order(country)) for _ in range(2)]
    for native, outcome in ((struck, REFUSED), (kept, DONE)):
        await reserve_and_submit(rail.adapter, native)
        assert (await rail.adapter.enquire(native)).outcome is outcome


@every_rail
@pytest.mark.parametrize("body", [b"", b"[]", b'{"word": "NONSENSE"}', b'{"count": 1}'])
async def test_a_fault_that_means_nothing_is_refused(rails, country, body):
    rail = await rails.get(country)
    assert (await rail.control("POST", "/faults", body))[0] == 400


@every_rail
async def test_the_book_over_http_is_the_book_on_disk(rails, country):
    rail = await rails.get(country)
    status, body = await rail.control("GET", "/book")

    assert status == 200
    assert len(body.splitlines()) == len(rail.entries())


@every_rail
async def test_our_own_reasons_are_not_the_rails(rails, country):
    """A message that we signed is never read as the rail's answer."""
    rail = await rails.get(country)
    with pytest.raises((NotAuthentic, InvalidMessage)):
        rail.adapter.decode(rail.adapter.translate(sample_order(country)).body)


def reads(rail, raw):
    try:
        return list(rail.adapter.decode(raw))
    except (InvalidMessage, NotAuthentic):
        return []


@every_rail
async def test_any_damage_to_an_answer_makes_it_unreadable(rails, country):
    rail = await rails.get(country)
    native = rail.adapter.translate(sample_order(country, "DUPCB"))
    await reserve_and_submit(rail.adapter, native)
    await rail.wait_for_answers(native.ref)
    expected = rail.answers[-1]
    raw = next(raw for raw in reversed(rail.raw) if reads(rail, raw) == [expected])
    for place in range(0, len(raw), 7):
        damaged = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        assert reads(rail, damaged) in ([], [expected]), place
