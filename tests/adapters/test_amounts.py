"""Money on a rail's wire: five renderings, each read back as exactly what was written, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters import amounts, registry
from adapters.profile import AmountFormat
from schemas.errors import InvalidMessage
from schemas.money import EXPONENTS, MAX_MINOR, Money

CURRENCIES = [registry.profile(country).currency for country in registry.countries()]
THOUSAND = {
    AmountFormat.DECIMAL: "1000.00",
    AmountFormat.COMMA: "1000,00",
    AmountFormat.MINOR: "100000",
    AmountFormat.FIXED: "000000100000",
    AmountFormat.WHOLE: "1000",
}


@pytest.mark.parametrize("rendering", AmountFormat)
def test_a_thousand_rupees_are_written_and_read(rendering):
    money = Money(100_000, "INR")
    assert amounts.write(money, rendering) == THOUSAND[rendering]
    assert amounts.read(THOUSAND[rendering], "INR", rendering) == money


@given(
    minor=st.integers(1, 10**14 - 1),
    currency=st.sampled_from([*CURRENCIES, "JPY", "KWD"]),
    rendering=st.sampled_from(AmountFormat),
    step=st.sampled_from([1, 100]),
)
def test_what_can_be_written_is_read_back(minor, currency, rendering, step):
    money = Money(minor, currency)
    try:
        text = amounts.write(money, rendering, step)
    except ValueError:
        fraction = minor % (10 ** EXPONENTS[currency] if rendering is AmountFormat.WHOLE else step)
        assert fraction or (rendering is AmountFormat.FIXED and minor // step >= 10**12)
        return
    assert amounts.read(text, currency, rendering, step) == money


@given(text=st.text(alphabet="0123456789.,- +e٣", max_size=16), rendering=st.sampled_from(AmountFormat))
def test_what_is_read_is_what_would_be_written(text, rendering):
    try:
        money = amounts.read(text, "INR", rendering)
    except InvalidMessage:
        return
    assert amounts.write(money, rendering) == text


@pytest.mark.parametrize(
    ("rendering", "text"),
    [
        (AmountFormat.DECIMAL, "1000.0"),
        (AmountFormat.DECIMAL, "1000"),
        (AmountFormat.DECIMAL, "0.00"),
        (AmountFormat.COMMA, "1000.00"),
        (AmountFormat.MINOR, "-1"),
        (AmountFormat.MINOR, "0"),
        (AmountFormat.MINOR, "01"),
        (AmountFormat.MINOR, "²"),
        (AmountFormat.MINOR, "9" * 400),
        (AmountFormat.FIXED, "1"),
        (AmountFormat.FIXED, "000000000000"),
        (AmountFormat.FIXED, "0000001000000"),
        (AmountFormat.WHOLE, "1.00"),
    ],
)
def test_any_other_form_is_refused_with_its_place(rendering, text):
    with pytest.raises(InvalidMessage) as refused:
        amounts.read(text, "INR", rendering, path="Amt")
    assert refused.value.path == "Amt"


def test_a_number_of_the_wires_units_is_positive_and_bounded():
    assert amounts.of_units(5, "IRR", 100) == Money(500, "IRR")
    for count in (0, -1, MAX_MINOR):
        with pytest.raises(InvalidMessage):
            amounts.of_units(count, "IRR", 100)


@pytest.mark.parametrize("country", registry.countries())
def test_every_rail_writes_the_edges_of_its_limits(country):
    profile = registry.profile(country)
    for minor in (profile.limits.minimum_minor, profile.limits.maximum_minor):
        money = Money(minor, profile.currency)
        text = amounts.write(money, profile.amounts, profile.limits.step_minor)
        assert amounts.read(text, profile.currency, profile.amounts, profile.limits.step_minor) == money
