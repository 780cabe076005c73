"""How a rail's words become steps: a clear yes, a clear no, and everything else is doubt."""

import pytest

from adapters.port import Acceptance, Answer, Native, Outcome, Receipt, reserve_and_submit
from schemas.money import Money
from switch.payments.dispatch import Sending, of_answer, of_receipt

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
    """Holds as it is told, and notes what it is asked."""

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
