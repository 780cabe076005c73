"""Tariffs: the most specific row counts, exactly; what is charged is below the amount, and all legs fit."""

import itertools
import random
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import Refused
from schemas.money import EXPONENTS, Money
from switch.payments import pricing, tariffs
from switch.payments.directory import AccountRow, Corridor, DirectorySnapshot, Participant, Rate
from switch.payments.pricing import Price
from switch.payments.tariffs import Tariff, TariffTable, Usage
from switch.writer.commands import FeeCharge

NOW = 1_000_000
CORRIDOR = Corridor("IN", "PK", enabled=True, fee_minor=500, fee_bps=10)
INDIA = Participant("asha-bank", "Asha Bank", "ASHAINBB", "IN", "direct", "active")
PAKISTAN = Participant("noor-wallet", "Noor Wallet", "NOORPKKA", "PK", "direct", "active")
PROVIDER = Participant("fx", "FX", "SILKKZKA", "KZ", "fx_provider", "active")
ACCOUNTS = [
    AccountRow(1, "asha-bank", "INR", "position"),
    AccountRow(2, "noor-wallet", "PKR", "position"),
    AccountRow(3, "fx", "INR", "position"),
    AccountRow(4, "fx", "PKR", "position"),
    AccountRow(5, "payswitch", "INR", "fees"),
    AccountRow(6, "noor-wallet", "INR", "position"),
]


def row(number: int = 1, **changed: Any) -> Tariff:
    """A tariff of the switch, added to the amount, for any payment from the beginning of time on."""
    usual = {"source": "IN", "target": "PK", "component": "switch", "direction": "out", "valid_from": 0}
    return Tariff(**{**usual, "number": number, **changed})


def usage(**changed: Any) -> Usage:
    return Usage(**{"debtor_agent": "asha-bank", "creditor_agent": "noor-wallet", "at": NOW, **changed})


def found(rows: list[Tariff], minor: int = 100_000, **changed: Any) -> list[FeeCharge]:
    return list(tariffs.charges(minor, 500, 10, TariffTable(rows), usage(**changed)))


def test_without_a_row_that_fits_the_fee_of_the_corridor_is_charged() -> None:
    of_corridor = [FeeCharge(0, "switch", False, 600)]

    assert list(tariffs.charges(100_000, 500, 10, None, usage())) == of_corridor
    assert found([row(purpose="SALA", flat_minor=1)]) == of_corridor
    assert found([row(valid_until=NOW)]) == found([row(valid_from=NOW + 1)]) == of_corridor
    assert found([row(from_minor=100_001)]) == found([row(below_minor=100_000)]) == of_corridor
    assert found([row(from_minor=100_000, below_minor=100_001, valid_from=NOW)]) == [
        FeeCharge(1, "switch", False, 0)
    ]


def test_the_most_specific_row_counts_by_the_written_order() -> None:
    """Every combination of what a row names is a row: the winner is the one that the four questions pick."""
    named = {"participant": "asha-bank", "purpose": "SALA", "bearer": "DEBT", "from_minor": 10}
    combinations = list(itertools.product((True, False), repeat=4))  # the most specific first
    rows = {
        asked: row(
            number,
            **{name: value for (name, value), is_named in zip(named.items(), asked, strict=True) if is_named},
        )
        for number, asked in enumerate(combinations, 1)
    }
    left = dict(rows)
    for asked in combinations:
        order = list(left.values())
        random.Random(7).shuffle(order)
        assert [each.tariff for each in found(order, bearer="DEBT", purpose="SALA")] == [rows[asked].number]
        del left[asked]


@pytest.mark.parametrize(
    ("row_", "minor", "charged"),
    [
        (row(flat_minor=150, bps=10), 10_999, 150 + 10),
        (row(bps=1), 9_999, 0),
        (row(bps=25, least_minor=1_000), 100, 1_000),
        (row(bps=25, least_minor=1_000), 10**6, 2_500),
        (row(bps=25, most_minor=2_000), 10**9, 2_000),
        (row(flat_minor=10**12, bps=10_000, most_minor=0), 10**12, 0),
    ],
)  # fmt: skip
def test_a_charge_is_flat_and_a_share_within_a_least_and_a_most(
    row_: Tariff, minor: int, charged: int
) -> None:
    assert row_.charge(minor) == charged


def test_the_bearer_says_in_which_directions_a_payment_is_charged() -> None:
    rows = [
        row(1, flat_minor=30),
        row(2, component="rail", flat_minor=4),
        row(3, direction="in", flat_minor=20),
        row(4, direction="in", bearer="CRED", flat_minor=50),
        row(5, direction="in", component="rail", participant="noor-wallet", flat_minor=7),
        row(
            6, direction="in", component="rail", participant="asha-bank", flat_minor=9
        ),  # it receives nothing
    ]
    charged = {
        bearer: [(each.tariff, each.deducted, each.minor) for each in found(rows, bearer=bearer)]
        for bearer in tariffs.BORNE
    }

    assert charged == {
        "DEBT": [(1, False, 30), (2, False, 4)],
        "SLEV": [(1, False, 30), (2, False, 4)],
        "SHAR": [(1, False, 30), (2, False, 4), (3, True, 20), (5, True, 7)],
        "CRED": [(4, True, 50), (5, True, 7)],
    }
    assert found(rows[:2], bearer="CRED") == []
    assert tariffs.charges(1, 0, 0, None, usage(bearer="OURS")) == ()


def priced(rows: list[Tariff], minor: int, currency: str, **changed: Any) -> Price:
    directory = DirectorySnapshot(
        participants=[PROVIDER], accounts=ACCOUNTS, rates=[Rate("INR", "PKR", "fx", "3.2914")], tariffs=rows
    )
    return pricing.price(Money(minor, "INR"), currency, CORRIDOR, directory, usage=usage(**changed))


def test_a_bearer_that_no_tariff_honours_is_refused_with_its_place_and_a_remedy() -> None:
    with pytest.raises(Refused) as refusal:
        priced([row()], 100_000, "PKR", bearer="CRED")

    assert (refusal.value.reason, refusal.value.path) == ("BE19", pricing.CHARGE_BEARER)
    assert "send DEBT, SHAR or SLEV" in refusal.value.detail


def test_charges_that_reach_the_amount_are_refused() -> None:
    rows = [row(1, flat_minor=60), row(2, direction="in", flat_minor=40)]
    with pytest.raises(Refused) as refusal:
        priced(rows, 100, "PKR", bearer="SHAR")

    assert refusal.value.reason == "AM06"
    assert "its fee of 1.00 INR: send a larger amount" in refusal.value.detail
    assert priced(rows, 101, "PKR", bearer="SHAR").fee == Money(100, "INR")


AMOUNT = st.integers(0, 10**6)
ROWS = st.lists(
    st.builds(
        row,
        component=st.sampled_from(["switch", "rail"]),
        direction=st.sampled_from(["out", "in"]),
        bearer=st.sampled_from(["", "SHAR", "CRED", "DEBT"]),
        participant=st.sampled_from(["", "asha-bank", "noor-wallet"]),
        from_minor=st.sampled_from([0, 50_000]),
        flat_minor=AMOUNT,
        bps=st.integers(0, 10_000),
        least_minor=AMOUNT,
        most_minor=st.none() | st.integers(10**6, 10**8),
    ),
    max_size=8,
)  # fmt: skip


@given(
    rows=ROWS,
    minor=st.integers(1, 10**10),
    bearer=st.sampled_from(sorted(tariffs.BORNE)),
    currency=st.sampled_from(["INR", "PKR"]),
)
def test_every_price_is_exact_below_its_amount_and_moved_by_its_legs(
    rows: list[Tariff], minor: int, bearer: str, currency: str
) -> None:
    try:
        price = priced(rows, minor, currency, bearer=bearer)
    except Refused as refusal:
        reason = refusal.reason
    else:
        _check_price(price, minor, currency)
        return

    assert reason in {"BE19", "AM06", "AM02"}


def _check_price(price: Price, minor: int, currency: str) -> None:
    charges = {
        deducted: sum(c.minor for c in price.charges if c.deducted is deducted) for deducted in (True, False)
    }

    assert price.stated == Money(minor, "INR")
    assert price.fee.minor == charges[True] + charges[False] < minor
    assert (price.debit.minor, price.paid.minor) == (minor - charges[True], minor + charges[False])
    moved: dict[int, int] = {}
    for leg in pricing.legs(price, INDIA, PAKISTAN, CORRIDOR, DIRECTORY):
        moved[leg.debit] = moved.get(leg.debit, 0) - leg.amount
        moved[leg.credit] = moved.get(leg.credit, 0) + leg.amount
    owners = {account.id: account for account in ACCOUNTS}
    for each in ("INR", "PKR"):
        assert sum(amount for number, amount in moved.items() if owners[number].currency == each) == 0
    assert moved[1] == -price.paid.minor
    assert moved.get(5, 0) == price.fee.minor
    assert moved[2 if currency == "PKR" else 6] == price.credit.minor > 0
    if currency == "PKR":
        exact = Fraction("3.2914") * price.debit.minor * 10 ** (EXPONENTS["PKR"] - EXPONENTS["INR"])
        assert 0 <= exact - price.credit.minor < 1
        assert (moved[3], moved[4]) == (price.debit.minor, -price.credit.minor)


DIRECTORY = DirectorySnapshot(participants=[PROVIDER], accounts=ACCOUNTS)


@given(
    rows=st.lists(ROWS.filter(bool).map(lambda rows: rows[0]), min_size=2, max_size=6),
    minor=st.integers(1, 10**5),
)
def test_a_table_without_ambiguous_rows_has_one_winner_in_any_order(rows: list[Tariff], minor: int) -> None:
    kept: list[Tariff] = []
    for number, each in enumerate(rows, 1):
        new = Tariff(**{**{name: getattr(each, name) for name in each.__struct_fields__}, "number": number})
        if not any(tariffs.ambiguous(new, other) for other in kept):
            kept.append(new)
    orders = (kept, kept[::-1])
    for bearer in tariffs.BORNE:
        first, second = (found(order, minor, bearer=bearer) for order in orders)
        assert first == second


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (row(), row(), True),
        (row(below_minor=10), row(from_minor=10), False),
        (row(below_minor=11), row(from_minor=10), True),
        (row(), row(from_minor=10), False),  # a band is more specific
        (row(valid_until=5), row(valid_from=5), False),
        (row(valid_until=6), row(valid_from=5), True),
        (row(), row(component="rail"), False),
        (row(), row(direction="in"), False),
        (row(bearer="SHAR"), row(bearer="DEBT"), False),
        (row(purpose="SALA"), row(purpose="SALA"), True),
    ],
)
def test_rows_alike_with_common_amounts_and_times_are_ambiguous(
    one: Tariff, other: Tariff, expected: bool
) -> None:
    assert tariffs.ambiguous(one, other) is tariffs.ambiguous(other, one) is expected
