"""Prices: exact integers, rounding that favours nobody twice, and legs that balance."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import Refused
from schemas.money import EXPONENTS, Money
from switch.payments import pricing
from switch.payments.directory import AccountRow, Corridor, DirectorySnapshot, Participant, Rate
from switch.writer.commands import CommandLeg

CORRIDOR = Corridor("IN", "PK", enabled=True, fee_minor=500, fee_bps=10)
INDIA = Participant("asha-bank", "Asha Bank", "ASHAINBB", "IN", "direct", "active")
PAKISTAN = Participant("noor-wallet", "Noor Wallet", "NOORPKKA", "PK", "direct", "active")
ACCOUNTS = [
    AccountRow(1, "asha-bank", "INR", "position"),
    AccountRow(2, "noor-wallet", "PKR", "position"),
    AccountRow(3, "fx", "INR", "position"),
    AccountRow(4, "fx", "PKR", "position"),
    AccountRow(5, "payswitch", "INR", "fees"),
]
PROVIDER = Participant("fx", "FX", "SILKKZKA", "KZ", "fx_provider", "active")
DIRECTORY = DirectorySnapshot(
    participants=[PROVIDER], accounts=ACCOUNTS, rates=[Rate("INR", "PKR", "fx", "3.2914000000")]
)


@pytest.mark.parametrize(
    ("minor", "source", "target", "rate", "expected"),
    [
        (10_000, "INR", "PKR", "3.2914", 32_914),
        (1, "INR", "PKR", "3.2914", 3),  # 0.032914 rupees: down
        (100, "JPY", "KWD", "0.0021", 210),  # no decimals to three
        (1_000, "KWD", "JPY", "476.19", 476),  # three decimals to none
        (333, "INR", "INR", "1", 333),
    ],
)
def test_a_conversion_is_exact_and_rounds_down(
    minor: int, source: str, target: str, rate: str, expected: int
) -> None:
    assert pricing.convert(Money(minor, source), target, rate) == Money(expected, target)


@given(
    minor=st.integers(1, 10**17),
    pair=st.tuples(st.sampled_from(["INR", "JPY", "KWD"]), st.sampled_from(["PKR", "JPY", "KWD"])),
    rate=st.decimals("0.0001", "10000", places=10, allow_nan=False),
)
def test_a_conversion_never_exceeds_the_rate(minor, pair, rate) -> None:
    source, target = pair
    credit = pricing.convert(Money(minor, source), target, f"{rate:f}").minor
    numerator, denominator = rate.as_integer_ratio()
    exact = minor * numerator * 10 ** EXPONENTS[target]
    scale = denominator * 10 ** EXPONENTS[source]

    assert credit * scale <= exact < (credit + 1) * scale


@given(
    minor=st.integers(1, 10**12),
    pair=st.tuples(st.sampled_from(["INR", "JPY", "KWD"]), st.sampled_from(["PKR", "JPY", "KWD"])),
    rate=st.decimals("0.0001", "10000", places=10, allow_nan=False),
)
def test_what_a_fixed_credit_leaves_is_less_than_one_debited_unit_brings(minor, pair, rate) -> None:
    """And not less than one unit of the credited currency, as docs/integrate/quotes.md once said."""
    source, target = pair
    debit = pricing.to_get(Money(minor, target), source, f"{rate:f}")
    reached = pricing.convert(debit, target, f"{rate:f}").minor
    before = pricing.convert(Money(debit.minor - 1, source), target, f"{rate:f}").minor

    assert before < minor <= reached


def test_what_a_fixed_credit_leaves_may_be_many_units() -> None:
    debit = pricing.to_get(Money(1, "PKR"), "INR", "520")

    assert (debit.minor, pricing.convert(debit, "PKR", "520").minor - 1) == (1, 519)


def test_a_fee_is_the_flat_part_and_the_share_rounded_down() -> None:
    assert pricing.fee(Money(100_999, "INR"), CORRIDOR) == Money(500 + 100, "INR")


@pytest.mark.parametrize("minor", [1, 100, 500])
def test_a_fee_that_reaches_the_amount_is_refused_with_the_smallest_amount(minor: int) -> None:
    with pytest.raises(Refused) as refusal:
        pricing.price(Money(minor, "INR"), "PKR", CORRIDOR, DIRECTORY)

    assert refusal.value.reason == "AM06"
    assert "fee of 5.00 INR: the smallest such amount is 5.01 INR" in refusal.value.detail
    assert pricing.price(Money(501, "INR"), "PKR", CORRIDOR, DIRECTORY).fee == Money(500, "INR")


@given(flat=st.integers(0, 10**9), bps=st.integers(0, 10_000))
def test_the_smallest_amount_is_the_first_one_above_its_fee(flat: int, bps: int) -> None:
    corridor = Corridor("IN", "PK", enabled=True, fee_minor=flat, fee_bps=bps)
    least = pricing.least(flat, bps)
    if least is None:
        assert bps == 10_000
        return
    charged = [pricing.fee(Money(minor, "INR"), corridor).minor for minor in (least, max(least - 1, 1))]

    assert charged[0] < least
    assert least == 1 or charged[1] >= least - 1


def test_a_share_alone_is_below_every_amount() -> None:
    corridor = Corridor("IN", "PK", enabled=True, fee_minor=0, fee_bps=10)

    assert pricing.price(Money(1, "INR"), "INR", corridor, DIRECTORY).fee == Money(0, "INR")


def test_a_cross_currency_payment_is_one_set_through_the_provider_in_both_currencies() -> None:
    price = pricing.price(Money(100_000, "INR"), "PKR", CORRIDOR, DIRECTORY)
    legs = pricing.legs(price, INDIA, PAKISTAN, CORRIDOR, DIRECTORY)

    assert legs == [
        CommandLeg(1, 3, 100_000, "conversion"),
        CommandLeg(4, 2, 329_140, "conversion"),
        CommandLeg(1, 5, 600, "fee"),
    ]


def test_a_corridor_that_settles_gross_moves_money_paid_in_and_no_position() -> None:
    corridor = Corridor("IN", "PK", enabled=True, fee_minor=500, fee_bps=10, settlement="gross")
    gross = [AccountRow(row.id + 10, row.owner, row.currency, "gross") for row in ACCOUNTS[:4]]
    directory = DirectorySnapshot(
        participants=[PROVIDER], accounts=[*ACCOUNTS, *gross], rates=DIRECTORY.rates
    )
    price = pricing.price(Money(100_000, "INR"), "PKR", corridor, directory)

    assert pricing.legs(price, INDIA, PAKISTAN, corridor, directory) == [
        CommandLeg(11, 13, 100_000, "conversion"),
        CommandLeg(14, 12, 329_140, "conversion"),
        CommandLeg(11, 5, 600, "fee"),
    ]
    with pytest.raises(Refused):  # nobody is moved to a position that was not agreed to
        pricing.legs(price, INDIA, PAKISTAN, corridor, DIRECTORY)


def test_a_pair_without_a_rate_is_refused() -> None:
    with pytest.raises(Refused) as refusal:
        pricing.price(Money(100, "INR"), "KZT", CORRIDOR, DIRECTORY)

    assert refusal.value.reason == "AM03"


def test_a_suspended_provider_prices_nothing() -> None:
    suspended = Participant("fx", "FX", "SILKKZKA", "KZ", "fx_provider", "suspended")
    directory = DirectorySnapshot(participants=[suspended], rates=[Rate("INR", "PKR", "fx", "3.29")])
    with pytest.raises(Refused) as refusal:
        pricing.price(Money(100, "INR"), "PKR", CORRIDOR, directory)

    assert refusal.value.reason == "AM03"


@given(minor=st.integers(1, 10**9), step=st.sampled_from([1, 10, 100]))
def test_a_credit_is_in_units_of_the_rail_and_never_exceeds_the_rate(minor: int, step: int) -> None:
    exact = pricing.convert(Money(minor, "INR"), "IRR", "687.42")
    credit = pricing.convert(Money(minor, "INR"), "IRR", "687.42", step)

    assert credit.minor % step == 0
    assert 0 <= exact.minor - credit.minor < step


def test_an_amount_that_converts_to_nothing_is_refused() -> None:
    directory = DirectorySnapshot(participants=[PROVIDER], rates=[Rate("INR", "PKR", "fx", "0.001")])
    with pytest.raises(Refused) as refusal:
        pricing.price(Money(1, "INR"), "PKR", CORRIDOR, directory)

    assert refusal.value.reason == "AM02"


def test_a_participant_without_an_account_is_refused() -> None:
    price = pricing.price(Money(100_000, "INR"), "PKR", CORRIDOR, DIRECTORY)
    with pytest.raises(Refused) as refusal:
        pricing.legs(price, INDIA, INDIA, CORRIDOR, DIRECTORY)

    assert refusal.value.reason == "AG03"
