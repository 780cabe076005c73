"""What is wrong with a part of a payment that was returned."""

import json
from typing import Any

import pytest

from switch.operations.parted import fault_of

LEGS = [[1, 2, 1000, "conversion"], [3, 4, 3283, "conversion"], [1, 9, 5, "fee"]]
GOOD: dict[str, Any] = {
    "unknown": False,
    "corrected": False,
    "legs": json.dumps(LEGS),
    "back": json.dumps([[4, 3, 100, "correction"], [2, 1, 30, "correction"]]),
    "before": 0,
    "credit_minor": 100,
    "debit_minor": 30,
    "share_minor": 30,
    "rate": "",
}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({}, ""),
        ({"unknown": True}, "it returns a part of no payment"),
        ({"corrected": True}, "its payment was returned in full, too"),
        ({"before": 3184}, "more was returned than was credited"),
        ({"before": 2}, "its legs are not its share of the payment"),  # its rounding was another one
        (
            {"back": json.dumps([[4, 3, 100, "correction"], [2, 1, 31, "correction"]])},
            "its legs are not its share of the payment",
        ),
        ({"debit_minor": 29}, "its amounts are not its legs"),
        (
            {
                "rate": "3.4",
                "debit_minor": 29,
                "back": json.dumps([[4, 3, 100, "correction"], [2, 1, 29, "correction"]]),
            },
            "",
        ),
        ({"rate": "3.4", "share_minor": 31}, "its amounts are not its legs"),
    ],
)
def test_a_part_is_its_share_and_nothing_else(change: dict[str, Any], fault: str) -> None:
    row: Any = {**GOOD, **change}

    assert fault_of(row) == fault
