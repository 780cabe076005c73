"""How a rail's words become steps: a clear yes, a clear no, and everything else is doubt."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from adapters.kyrgyzstan.profile import PROFILE
from adapters.port import (
    Acceptance,
    Answer,
    Native,
    Outcome,
    RailAdapter,
    Receipt,
    reserve_and_submit,
)
from schemas.money import Money
from switch.payments import rails
from switch.payments.dispatch import Dispatcher, Sending, now_us, of_answer, of_receipt
from switch.payments.rails import PACE_LASTS_S, AnswerPace, Breaker, Bulkhead, Serials
from switch.writer.client import Link
from switch.writer.commands import Advance, Reply
from switch.writer.verdicts import Verdict

SENDING = Sending(uetr=b"u" * 16, rail="PK", sent_at=1, due_at=99)


@pytest.mark.parametrize(
    ("outcome", "event", "pending"),
    [
        (Outcome.DONE, "CONFIRM", False),
        (Outcome.REFUSED, "REJECT", False),
        (Outcome.PENDING, "DOUBT", True),
        (Outcome.NOT_FOUND, "DOUBT", False),
        (Outcome.UNKNOWN, "DOUBT", False),
    ],
)
def test_only_a_clear_answer_is_final(outcome: Outcome, event: str, pending: bool) -> None:
    step = of_answer(Answer("ref", outcome, reason="AC04"), SENDING)

    assert (event, pending, "PK", 99) == (step.event, step.pending, step.rail, step.due_at)


def test_a_refusal_without_a_reason_still_has_one() -> None:
    assert of_answer(Answer("ref", Outcome.REFUSED), SENDING).reason == "MS03"


def test_what_the_rail_reports_as_credited_goes_to_the_writer() -> None:
    step = of_answer(Answer("ref", Outcome.DONE, amount=Money(5, "PKR")), SENDING)

    assert (step.credited_minor, step.credited_currency) == (5, "PKR")


@pytest.mark.parametrize(
    ("taken", "event"),
    [(Acceptance.ACCEPTED, None), (Acceptance.REFUSED, "REJECT"), (Acceptance.UNKNOWN, "DOUBT")],
)
def test_a_receipt_records_that_it_came_in_the_exchange(taken: Acceptance, event: str | None) -> None:
    step = of_receipt(Receipt(taken), SENDING)

    assert event == (step.event if step else None)
    assert step is None or step.exchange


class Rail:
    """An adapter that returns the given receipt to a hold, and lists the calls. Its profile has reservations."""

    profile = PROFILE

    def __init__(self, held: Receipt) -> None:
        self.held = held
        self.asked: list[str] = []

    async def reserve(self, _: Native) -> Receipt:
        self.asked.append("reserve")
        return self.held

    async def submit(self, _: Native) -> Receipt:
        self.asked.append("submit")
        return Receipt(Acceptance.ACCEPTED, Answer("ref", Outcome.DONE))


@pytest.mark.parametrize(
    "held",
    [
        Receipt(Acceptance.REFUSED, Answer("ref", Outcome.REFUSED, reason="AC04")),
        Receipt(Acceptance.REFUSED, detail="connect"),
        Receipt(Acceptance.LATER),
        Receipt(Acceptance.UNKNOWN, detail="timeout"),
        Receipt(Acceptance.ACCEPTED, Answer("ref", Outcome.DONE)),
    ],
)
async def test_what_is_not_held_or_ended_already_is_not_submitted(held: Receipt) -> None:
    rail = Rail(held)

    assert await reserve_and_submit(rail, Native("ref", b"{}")) == held  # type: ignore[arg-type]
    assert rail.asked == ["reserve"]


async def test_what_is_held_is_submitted() -> None:
    rail = Rail(Receipt(Acceptance.ACCEPTED))

    assert (await reserve_and_submit(rail, Native("ref", b"{}"))).answer is not None  # type: ignore[arg-type]
    assert rail.asked == ["reserve", "submit"]


class Recorder:
    """What the writer was asked to record."""

    def __init__(self) -> None:
        self.steps: list[Advance] = []

    async def ask(self, step: Advance) -> Reply:
        self.steps.append(step)
        return Reply(Verdict.ADVANCED)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_rail_is_as_slow_as_almost_all_of_its_answers() -> None:
    clock = Clock()
    pace = AnswerPace(clock)
    assert pace.needed_s == 0
    for _ in range(100):
        pace.count(0.05)
    assert 0.05 <= pace.needed_s < 0.06
    pace.count(2.0)
    slow = pace.needed_s
    assert slow > 2
    for _ in range(100):
        pace.count(0.05)
    assert pace.needed_s < 0.1


def test_what_was_measured_long_ago_refuses_nothing() -> None:
    """All payments would be refused for ever, as none would be sent that shows that the rail is fast again."""
    clock = Clock()
    pace = AnswerPace(clock)
    pace.count(30.0)
    assert pace.needed_s >= 30
    clock.now += PACE_LASTS_S + 1
    assert pace.needed_s == 0
    pace.count(0.1)
    assert pace.needed_s < 1


@pytest.mark.parametrize(("left_s", "is_sent"), [(60.0, True), (0.5, False), (-1.0, False)])
async def test_nothing_is_sent_that_would_expire_on_its_way(left_s: float, is_sent: bool) -> None:
    there = Rail(Receipt(Acceptance.ACCEPTED))
    adapter: Any = SimpleNamespace(profile=PROFILE, reserve=there.reserve, submit=there.submit)
    rail = rails.Rail(cast(RailAdapter, adapter), cast(Serials, None), Bulkhead(1), Breaker("PK", 1.0))
    rail.pace.count(1.0)
    writer = Recorder()
    dispatcher = Dispatcher(cast(Link, writer), 1.0, 60.0)

    await dispatcher.send(rail, b"u" * 16, Native("ref", b""), now_us() + int(left_s * 1e6))

    assert there.asked == (["reserve", "submit"] if is_sent else [])
    (step,) = writer.steps
    assert (step.event, step.exchange) == (("CONFIRM" if is_sent else "REJECT"), True)
