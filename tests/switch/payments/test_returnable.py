"""Who loses by a return at the rate of the payment, and who may return it."""

from datetime import UTC, datetime, timedelta

import pytest

from schemas.money import Money
from switch.payments.returnable import Returnable, refusal

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
WITHIN = timedelta(days=30)
PAID = Returnable(
    "noor-wallet",
    "silkroad-fx",
    Money(10_000_00, "INR"),
    Money(32_835_00, "PKR"),
    "3.2835000000",
    posted=True,
    credited_at=NOW - timedelta(days=3),
    returned=False,
    rate_in_force="3.2835000000",
)


@pytest.mark.parametrize(
    ("rate", "gain", "reason"),
    [
        ("3.2835", 0, None),
        ("3.2835000001", -1, "NARR"),
        ("4.0", -1_791_25, "NARR"),  # 32835 PKR buy 8208.75 INR, and the provider would give 10000
        ("3.0", 945_00, None),  # they buy 10945
        (None, None, "AM03"),
    ],
)
def test_the_provider_loses_when_the_debit_currency_has_become_dearer(
    rate: str | None, gain: int | None, reason: str | None
) -> None:
    """Two banks had an option that costs nothing: to return at the old rate, whenever it is the better one."""
    payment = PAID._replace(rate_in_force=rate)
    refused = refusal(payment, NOW, WITHIN)

    assert payment.gain_minor() == gain
    assert (refused and refused.reason) == reason


@pytest.mark.parametrize(
    ("debit", "credit", "rate", "now", "gain"),
    [
        (Money(100_00, "CNY"), Money(362_000, "VND"), "3620", "4000", -9_50),  # no decimals against two
        (Money(10_000, "BHD"), Money(210_00, "CNY"), "21", "20", 500),  # three
        (Money(1_00, "INR"), Money(3, "PKR"), "0.0399", "0.0399", -25),  # what rounding kept is given back
    ],
)
def test_the_gain_counts_in_minor_units_of_the_debit_currency(
    debit: Money, credit: Money, rate: str, now: str, gain: int
) -> None:
    payment = PAID._replace(debit=debit, credit=credit, rate=rate, rate_in_force=now)

    assert payment.gain_minor() == gain


@pytest.mark.parametrize(
    ("credited_at", "reason"),
    [
        (NOW - WITHIN, None),
        (NOW - WITHIN - timedelta(microseconds=1), "TM01"),
        (None, "TM01"),
    ],
)
@pytest.mark.parametrize("provider", ["silkroad-fx", ""])
def test_the_bound_is_since_the_credit(
    credited_at: datetime | None, reason: str | None, provider: str
) -> None:
    payment = PAID._replace(credited_at=credited_at, fx_provider=provider)
    refused = refusal(payment, NOW, WITHIN)

    assert (refused and refused.reason) == reason


def test_what_is_returned_already_is_for_the_ledger_to_answer() -> None:
    payment = PAID._replace(credited_at=None, rate_in_force=None)

    assert refusal(payment, NOW, WITHIN) is not None
    assert refusal(payment._replace(returned=True), NOW, WITHIN) is None


def test_a_payment_that_is_credited_at_this_moment_is_not_late_but_bound_by_its_rate() -> None:
    payment = PAID._replace(posted=False, credited_at=None)

    assert refusal(payment, NOW, WITHIN) is None
    refused = refusal(payment._replace(rate_in_force="4"), NOW, WITHIN)
    assert refused is not None
    assert refused.reason == "NARR"
