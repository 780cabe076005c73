"""Every magic word, on every simulated rail, over a real socket: each ends as its table says.

A row is: what the handing over came to, what it was read as, the outcomes that came by callback, what an
enquiry says afterwards, and how often the rail credited the order.
"""

import asyncio
from dataclasses import dataclass
from uuid import uuid4

import pytest

from adapters import registry
from adapters.port import Outcome, Taken
from adapters.profile import Confirmation, Undo
from adapters.reasons import DUPLICATES
from adapters.simulation.book import Kept
from adapters.simulation.harness import sample_order
from adapters.simulation.magic import magic_account
from schemas.errors import InvalidMessage, NotAuthentic
from schemas.money import Money

pytestmark = pytest.mark.asyncio(loop_scope="session")

DONE, REFUSED, PENDING, NOT_FOUND = Outcome.DONE, Outcome.REFUSED, Outcome.PENDING, Outcome.NOT_FOUND
TAKEN, UNKNOWN = Taken.TAKEN, Taken.UNKNOWN
REFUSED_AT_ONCE = Taken.REFUSED


@dataclass(frozen=True)
class Row:
    taken: Taken
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
    "WRONGREF": Row(UNKNOWN, None, (), DONE),
    "BADSIG": Row(UNKNOWN, None, (), DONE),
    "HTTP502": Row(UNKNOWN, None, (), DONE),
}
COUNTRIES = registry.countries()
every_rail = pytest.mark.parametrize("country", COUNTRIES)


def table(country):
    return EXCHANGE if registry.profile(country).confirmation is Confirmation.SYNC else CALLBACK


async def ends_as_its_row_says(rail, word, row):
    order = sample_order(rail.country, word)
    assert rail.adapter.check(order) == []
    native = rail.adapter.translate(order)
    receipt = await rail.adapter.submit(native)

    assert receipt.taken is row.taken
    assert (receipt.answer and receipt.answer.outcome) is row.answer
    calls = await rail.said(native.ref, len(row.calls) or 1, timeout_s=10 if row.calls else 0.3)
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


@every_rail
async def test_each_word_ends_as_its_table_says(rails, country):
    """All at once, as payments come; a failure names its word."""
    rail, rows = await rails.get(country), table(country)
    ended = await asyncio.gather(
        *[ends_as_its_row_says(rail, word, row) for word, row in rows.items()], return_exceptions=True
    )

    failed = {word: found for word, found in zip(rows, ended, strict=True) if found is not None}
    assert not failed


@every_rail
async def test_flip_contradicts_itself(rails, country):
    """An enquiry says refused, and a later callback says done: the switch must open a case."""
    rail = await rails.get(country)
    native = rail.adapter.translate(sample_order(country, "FLIP"))
    await rail.adapter.submit(native)

    assert (await rail.adapter.enquire(native)).outcome is REFUSED
    assert [answer.outcome for answer in await rail.said(native.ref, timeout_s=20)] == [DONE]
    assert (await rail.adapter.enquire(native)).outcome is DONE
    assert rail.credits(native.ref) == 1


@every_rail
async def test_unknown_is_found_by_the_second_enquiry(rails, country):
    rail = await rails.get(country)
    native = rail.adapter.translate(sample_order(country, "UNKFND"))
    await rail.adapter.submit(native)
    said = [(await rail.adapter.enquire(native)).outcome for _ in range(3)]

    assert said == [NOT_FOUND, DONE, DONE]


@every_rail
@pytest.mark.parametrize("reason", ["AC04", "AM04", "AB05", "RR04", "FR01", "MS03", "TM01", "UCRD"])
async def test_a_reason_arrives_as_it_was_said(rails, country, reason):
    """The conformance kit tries all of them; these are the commonest."""
    rail = await rails.get(country)
    native = rail.adapter.translate(sample_order(country, reason))
    receipt = await rail.adapter.submit(native)
    answer = receipt.answer or (await rail.said(native.ref))[0]

    assert (answer.outcome, answer.reason) == (REFUSED, reason)
    assert answer.rail_code


async def is_doubted_until_an_enquiry(rail, reason):
    native = rail.adapter.translate(sample_order(rail.country, reason))
    receipt = await rail.adapter.submit(native)
    heard = await rail.said(native.ref, timeout_s=0.5) if receipt.answer is None else [receipt.answer]

    assert receipt.taken is not Taken.REFUSED
    assert all(answer.outcome is Outcome.UNKNOWN for answer in heard)
    assert (await rail.adapter.enquire(native)).outcome is REFUSED
    assert rail.credits(native.ref) == 0


@every_rail
async def test_duplicate_refuses_nothing_until_an_enquiry_says_so(rails, country):
    """The copy that the rail knows may be our own, and paid."""
    rail = await rails.get(country)
    await asyncio.gather(*[is_doubted_until_an_enquiry(rail, reason) for reason in DUPLICATES])


@every_rail
async def test_the_same_bytes_many_times_are_credited_once(rails, country):
    rail = await rails.get(country)
    native = rail.adapter.translate(sample_order(country))
    receipts = await asyncio.gather(*[rail.adapter.submit(native) for _ in range(20)])

    assert {receipt.taken for receipt in receipts} == {TAKEN}
    assert rail.credits(native.ref) == 1


@every_rail
@pytest.mark.parametrize("change", [{"minor": 150100}, {"serial": 900001}, {"remittance": "another"}])
async def test_other_content_under_the_same_id_changes_nothing(rails, country, change):
    rail, uetr = await rails.get(country), str(uuid4())
    native = rail.adapter.translate(sample_order(country, uetr=uetr))
    await rail.adapter.submit(native)
    other = rail.adapter.translate(sample_order(country, **{"uetr": uetr, **change}))
    receipt = await rail.adapter.submit(other)

    assert other.ref == native.ref
    assert receipt.taken is Taken.UNKNOWN
    assert [entry.amount_minor for entry in rail.entries() if entry.rail_ref == native.ref] == [150000]


@every_rail
async def test_an_expired_order_is_refused_and_stays_refused(rails, country):
    rail = await rails.get(country)
    order = sample_order(country, expires_in=0.001)
    native = rail.adapter.translate(order)
    await asyncio.sleep(0.01)
    receipt = await rail.adapter.submit(native)
    answer = receipt.answer or (await rail.said(native.ref))[0]

    assert (answer.outcome, answer.reason) == (REFUSED, "AB03")
    assert (await rail.adapter.enquire(native)).outcome is REFUSED
    assert rail.credits(native.ref) == 0


@every_rail
async def test_undo_takes_a_credit_back_once(rails, country):
    rail = await rails.get(country)
    native = rail.adapter.translate(sample_order(country))
    await rail.adapter.submit(native)
    receipts = [await rail.adapter.undo(native, "CUST") for _ in range(2)]
    if rail.adapter.profile.undo is Undo.NONE:
        assert {receipt.taken for receipt in receipts} == {Taken.REFUSED}
        assert rail.entries()[-1].outcome is not Kept.REVERSED
        return

    assert {receipt.taken for receipt in receipts} == {TAKEN}
    reversals = [entry for entry in rail.entries() if entry.rail_ref == native.ref][1:]
    assert [entry.outcome for entry in reversals] == [Kept.REVERSED]


@every_rail
async def test_what_was_never_credited_cannot_be_undone(rails, country):
    rail = await rails.get(country)
    native = rail.adapter.translate(sample_order(country))
    receipt = await rail.adapter.undo(native, "CUST")

    assert receipt.answer is None or receipt.answer.outcome is not DONE
    assert all(entry.rail_ref != native.ref for entry in rail.entries())


@every_rail
async def test_faults_strike_ordinary_accounts(rails, country):
    rail = await rails.get(country)
    await rail.control("POST", "/faults", b'{"word": "LOST", "count": 1}')
    lost, kept = [rail.adapter.translate(sample_order(country)) for _ in range(2)]
    await rail.adapter.submit(lost)
    await rail.adapter.submit(kept)

    assert (await rail.adapter.enquire(lost)).outcome is NOT_FOUND
    assert (await rail.adapter.enquire(kept)).outcome is DONE


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
async def test_resolving_finds_a_payee_or_says_nobody(rails, country):
    rail = await rails.get(country)
    payee = await rail.adapter.resolve(magic_account(country, ""))

    assert payee is not None
    assert payee.name
    assert await rail.adapter.resolve(registry.package(country).sandbox.NOBODY) is None


@every_rail
async def test_our_own_words_are_not_the_rails(rails, country):
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
    await rail.adapter.submit(native)
    await rail.said(native.ref)
    expected = rail.answers[-1]
    raw = next(raw for raw in reversed(rail.raw) if reads(rail, raw) == [expected])
    for place in range(0, len(raw), 7):
        damaged = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        assert reads(rail, damaged) in ([], [expected]), place
