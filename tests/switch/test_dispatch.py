"""How a rail's words become steps: a clear yes, a clear no, and everything else is doubt."""

import pytest

from adapters.port import Answer, Outcome, Receipt, Taken
from schemas.money import Money
from switch.dispatch import Sending, of_answer, of_receipt

SENDING = Sending(uetr=b"u" * 16, sent_at=1, due_at=99)


@pytest.mark.parametrize(
    ("outcome", "event", "due"),
    [
        (Outcome.DONE, "CONFIRM", 0),
        (Outcome.REFUSED, "REJECT", 0),
        (Outcome.PENDING, "DOUBT", 99),
        (Outcome.NOT_FOUND, "DOUBT", 99),
        (Outcome.UNKNOWN, "DOUBT", 99),
    ],
)
def test_only_a_clear_word_is_final(outcome: Outcome, event: str, due: int) -> None:
    step = of_answer(Answer("ref", outcome, reason="AC04"), SENDING)

    assert (event, due) == (step.event, step.due_at)


def test_a_refusal_without_a_reason_still_has_one() -> None:
    assert of_answer(Answer("ref", Outcome.REFUSED), SENDING).reason == "MS03"


def test_what_the_rail_says_it_credited_goes_to_the_writer() -> None:
    step = of_answer(Answer("ref", Outcome.DONE, amount=Money(5, "PKR")), SENDING)

    assert (step.credited_minor, step.credited_currency) == (5, "PKR")


@pytest.mark.parametrize(
    ("taken", "first", "event"),
    [
        (Taken.TAKEN, True, None),
        (Taken.REFUSED, True, "REJECT"),
        (Taken.REFUSED, False, "DOUBT"),  # of a second sending it says nothing of the first
        (Taken.UNKNOWN, True, "DOUBT"),
        (Taken.UNKNOWN, False, "DOUBT"),
        (Taken.TAKEN, False, None),
    ],
)
def test_a_receipt_frees_money_only_if_nothing_ever_left_us(taken, first, event) -> None:
    step = of_receipt(Receipt(taken), SENDING, first=first)

    assert event == (step.event if step else None)
