"""End-of-cycle files are read whole or not at all; a closed rail says when it opens, and takes nothing."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters import registry
from adapters.business_days import FRIDAY, THURSDAY, BusinessCalendar
from adapters.cycle import CycleFileError, CycleLine, answers, read, write
from adapters.http import _closed
from adapters.port import Acceptance, Outcome, reserve_and_submit
from adapters.profile import Hours
from adapters.simulation.harness import running, sample_order
from schemas.errors import Unavailable

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PROFILE = registry.profile("KZ")
LINES = [
    CycleLine("a" * 32, "7a6b6c1e-0000-4000-8000-000000000001", done=True, code="", amount_minor=150000),
    CycleLine("b" * 32, "7a6b6c1e-0000-4000-8000-000000000002", done=False, code="AC04", amount_minor=20000),
]
FILE = write(PROFILE, "2026-11-23", LINES, KEY)


def test_a_file_comes_back_as_it_was_written():
    assert read(FILE, PROFILE, "2026-11-23", KEY.public_key()) == LINES
    done, refused = answers(LINES, PROFILE, lambda code: code)
    assert (done.outcome, done.amount.minor, done.reason) == (Outcome.DONE, 150000, None)
    assert (refused.outcome, refused.amount, refused.reason) == (Outcome.REFUSED, None, "AC04")


@given(st.integers(0, len(FILE) - 1), st.integers(1, 255))
def test_any_changed_byte_makes_the_whole_file_unreadable(place, change):
    changed = bytearray(FILE)
    changed[place] ^= change
    try:
        assert read(bytes(changed), PROFILE, "2026-11-23", KEY.public_key()) == LINES  # the last newline only
        assert place == len(FILE) - 1
    except CycleFileError:
        pass


@given(st.integers(0, len(FILE) - 2))
def test_a_torn_file_is_unreadable(length):
    with pytest.raises(CycleFileError):
        read(FILE[:length], PROFILE, "2026-11-23", KEY.public_key())


def test_a_file_of_another_day_rail_or_sum_is_unreadable():
    with pytest.raises(CycleFileError, match="header"):
        read(FILE, PROFILE, "2026-11-24", KEY.public_key())
    with pytest.raises(CycleFileError, match="header"):
        read(FILE, registry.profile("PK"), "2026-11-23", KEY.public_key())


@pytest.mark.parametrize("country", ["IN", "PK", "KG"])
async def test_a_live_rail_lists_its_day_and_states_when_it_is_closed(data_directory, country):
    async with running(data_directory / country, country) as rail:
        day = rail.adapter.profile.hours.day(datetime.now(UTC))
        done, refused = (rail.adapter.translate(sample_order(country, word)) for word in ("", "AC04"))
        for native in (done, refused):
            await reserve_and_submit(rail.adapter, native)
        if country != "PK":
            await rail.wait_for_answers(done.ref)
        opens = datetime.now(UTC) + timedelta(hours=1)
        body = f'{{"closed_until": "{opens.isoformat()}"}}'.encode()
        assert (await rail.control("POST", "/hours", body))[0] == 204
        late = rail.adapter.translate(sample_order(country))
        receipt = await reserve_and_submit(rail.adapter, late)
        assert (receipt.acceptance, receipt.not_before) == (Acceptance.LATER, opens)
        assert (await rail.adapter.enquire(late)).outcome is Outcome.NOT_FOUND
        again = await reserve_and_submit(rail.adapter, done)  # known orders are answered at any hour
        assert again.acceptance is not Acceptance.LATER
        await rail.control("DELETE", "/hours")
        assert (await reserve_and_submit(rail.adapter, late)).acceptance is not Acceptance.LATER
        found = {answer.ref: answer async for answer in rail.adapter.reconcile(day)}
        assert found[done.ref].outcome is Outcome.DONE
        assert found[refused.ref].outcome is Outcome.REFUSED
        assert found[refused.ref].reason == "AC04"
        with pytest.raises(Unavailable):
            _ = [answer async for answer in rail.adapter.reconcile("no-day")]


def test_a_503_without_a_readable_instant_proves_nothing():
    assert _closed("soon").receipt.acceptance is Acceptance.UNKNOWN
    assert _closed("2026-11-23T10:00:00").receipt.acceptance is Acceptance.UNKNOWN


OFFICE = Hours(
    "Asia/Tehran", time(9), time(17), BusinessCalendar("IR", weekend=frozenset({THURSDAY, FRIDAY}))
)


@settings(deadline=None)  # the calendar is read on first use
@given(st.integers(0, 300 * 86400).map(lambda s: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=s)))
def test_opening_is_never_before_and_always_in_hours(at):
    opens = OFFICE.open_from(at)
    assert opens >= at
    assert OFFICE.open_from(opens) == opens
    local = opens.astimezone(ZoneInfo("Asia/Tehran"))
    assert time(9) <= local.time() < time(17)
    assert local.weekday() in {5, 6, 0, 1, 2}


def test_a_rail_of_day_and_night_is_always_open():
    at = datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert PROFILE.hours.open_from(at) == at
    assert PROFILE.hours.day(datetime(2026, 11, 23, 19, 30, tzinfo=UTC)) == "2026-11-24"
