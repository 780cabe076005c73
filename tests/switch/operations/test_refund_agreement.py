"""What is wrong between our refund of a rail's order and what that rail credited."""

from collections import Counter
from typing import Any

import pytest

from switch.operations.inbound_agreement import fault_of_refund
from switch.operations.verify import Credit


@pytest.mark.parametrize(
    ("state", "settled", "times", "minor", "fault"),
    [
        ("done", 0, 1, 250_00, ""),
        ("done", 0, 0, 0, "it is refunded, and its rail has not credited the payer"),
        ("done", 0, 2, 500_00, "it is refunded, and its rail has not credited the payer"),
        ("done", 0, 1, 249_00, "its rail has credited another amount"),
        ("sent", None, 1, 250_00, ""),
        ("unknown", None, 1, 250_00, ""),
        ("unknown", None, 0, 0, ""),
        ("unknown", 12, 0, 0, ""),
        ("unknown", 12, 1, 250_00, "its rail has credited the payer, and it is not refunded here"),
        ("refused", None, 1, 250_00, "its rail has credited the payer, and it is not refunded here"),
        ("refused", 12, 1, 250_00, "its rail has credited the payer, and it is not refunded here"),
        ("made", None, 1, 250_00, "its rail has credited the payer, and it is not refunded here"),
        ("given_back", None, 0, 0, ""),
        ("given_back", 12, 0, 0, ""),
        ("given_back", 12, 1, 250_00, "its rail's book has not given back what is owed again"),
        ("", None, 0, 0, ""),
    ],
)
def test_a_refund_agrees_with_the_rail_or_is_open(
    state: str, settled: int | None, times: int, minor: int, fault: str
) -> None:
    row: Any = {"refund": state, "settled": settled, "refund_minor": 250_00, "refund_back_minor": 250_00}
    credit = Credit(times, Counter({"PKR": minor})) if times else None

    assert fault_of_refund(row, credit) == fault
