"""What neither side knows yet: the drawings of docs/operate/inbound.md, with every rail as the source.

The destination has credited the payee and does not say so, or says no and later yes; the source does not wait,
asks, and reverses. In the end both sides know the same, or the difference is owed until two people have settled it.
"""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from adapters.port import Outcome
from adapters.simulation.debit_book import DebitState
from tests.switch.payments.inbound_doors import SOURCES, Door, door_of
from tests.switch.payments.inbound_world import both_sides, breaks_of, credited, kept, until_case, until_kept
from tests.switch.stack import Stack

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]
EXECUTED_LATE = "the other rail executed it after it was refused"


@pytest.fixture
def doors(ten: Stack) -> list[Door]:
    """Every rail as the source, all at once: mostly, they wait."""
    return [door_of(ten, country) for country in SOURCES]


async def at_each(doors: list[Door], play: Callable[[Door], Awaitable[None]]) -> None:
    """Play a scene at every door; a failure names its country."""
    ends = await asyncio.gather(*(play(door) for door in doors), return_exceptions=True)
    failed = {door.country: end for door, end in zip(doors, ends, strict=True) if end is not None}
    for country, end in failed.items():
        raise AssertionError(f"{country}, of {sorted(failed)}: {end!r}") from end
    checked = await both_sides(doors[0].stack)
    assert checked.ok, checked


async def settled(door: Door, uetr: str) -> None:
    """Two people end what is owed; the case closes."""
    await until_case(door.stack, uetr, "open")
    await door.stack.agreed("order.settle", {"uetr": uetr, "evidence": "letter 12 of the rail"})
    await until_case(door.stack, uetr, "closed")
    for number in await breaks_of(door.stack, uetr):
        await door.stack.agreed("break.resolve", {"number": number, "resolution": "settled with the order"})


async def test_a_rail_that_waits_beyond_its_own_limit_is_told_what_became_of_it(doors: list[Door]) -> None:
    """The destination answers after our time-out: the order is pending, and never refused for it."""

    async def play(door: Door) -> None:
        uetr, raw = await door.ordered("SILENT")
        await until_kept(door.stack, uetr)
        first = await door.ask(door.messages.enquiry(raw))

        assert door.said(first) in {Outcome.PENDING, Outcome.DONE}
        assert await door.state(uetr) is DebitState.DONE
        assert door.credits_of(uetr) == 1
        assert door.said(await door.ask(door.messages.enquiry(raw))) is Outcome.DONE

    await at_each(doors, play)


async def test_a_rail_that_refunds_at_its_own_time_out_owes_the_gateway(doors: list[Door]) -> None:
    async def play(door: Door) -> None:
        uetr, _ = await door.ordered("SILENT", "GONE")
        found = await until_kept(door.stack, uetr, within_s=120, open=False)

        assert await door.state(uetr) is DebitState.REFUNDED
        assert (found.state, bool(found.disputed), door.credits_of(uetr)) == ("done", True, 1)
        await settled(door, uetr)

    await at_each(doors, play)


@pytest.mark.parametrize(
    ("word", "granted"), [("SILENT", Outcome.REFUSED), ("RETURN", Outcome.DONE)], ids=["credited", "refused"]
)
async def test_enquiries_and_reversals_of_an_unknown_outcome_wait_for_it(
    doors: list[Door], word: str, granted: Outcome
) -> None:
    """Nothing is promised while nothing is known; then order and reversal have opposite ends."""

    async def play(door: Door) -> None:
        uetr, raw = await door.ordered(word)
        async with asyncio.timeout(60):
            while (order := await kept(door.stack, uetr)) is None or order.state == "received":
                await asyncio.sleep(0.05)
        during = await asyncio.gather(
            door.ask(door.messages.reversal(raw)), *(door.ask(door.messages.enquiry(raw)) for _ in range(4))
        )
        state = await door.state(uetr)
        reversal = await until_kept(door.stack, uetr, kind="return", within_s=60, open=False)

        final = Outcome.DONE if granted is Outcome.REFUSED else Outcome.REFUSED
        assert {door.said(each) for each in during[1:]} <= {Outcome.PENDING, final}
        assert door.said(during[0]) in {None, Outcome.PENDING, granted}
        assert reversal.state == ("done" if granted is Outcome.DONE else "refused")
        assert (state is DebitState.DONE) == (granted is Outcome.REFUSED)
        assert door.credits_of(uetr) == (state is DebitState.DONE)

    await at_each(doors, play)


async def test_a_yes_after_a_no_is_owed_until_two_people_settle_it(doors: list[Door]) -> None:
    refused = []

    async def play(door: Door) -> None:
        uetr, _ = await door.ordered("FLIP")
        state = await door.state(uetr)
        if state is DebitState.DONE:  # the callback was faster than our enquiry: there was no "no"
            assert door.credits_of(uetr) == 1
            return
        found = await until_kept(door.stack, uetr, within_s=90, disputed=EXECUTED_LATE)

        refused.append(door.country)
        assert found.state == "refused"
        assert uetr in credited(door.stack.settings.rails_directory, door.target)
        await settled(door, uetr)

    await at_each(doors, play)
    assert refused


async def test_what_was_asked_about_before_it_came_is_never_paid(doors: list[Door]) -> None:
    async def play(door: Door) -> None:
        uetr, _ = await door.ordered(behaviour="EARLY")

        assert await door.state(uetr) is DebitState.REFUNDED
        await door.until_not_executed(uetr)

    await at_each(doors, play)
