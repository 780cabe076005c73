"""What is wrong with a request is said as a person reads it: the field, what it must be, an example."""

import pytest

from schemas.errors import InvalidAmount, InvalidMessage
from schemas.money import Money
from switch.change_catalogue import KINDS
from switch.pages import forms


@pytest.mark.parametrize(
    ("kind", "content", "said"),
    [
        (
            "rail.switch",
            {"country": "india", "open": True},
            "country: a country code of two capital letters, such as IN",
        ),
        (
            "cap.set",
            {"participant": "Asha Bank", "currency": "INR", "net_debit_cap": "1"},
            "participant: 2 to 35",
        ),
        ("rail.switch", {"open": True}, "country: missing"),
        (
            "rail.switch",
            {"country": "IN", "open": True, "x": 1},
            "unknown field; the fields are: confirmed_factor, country, open, opens_at",
        ),
        (
            "rail.switch",
            {"country": "IN", "open": False, "opens_at": "0001-01-01T00:00:00+14:00"},
            "opens_at: an instant between 1970",
        ),
        (
            "key.retire",
            {"participant": "asha-bank", "keyid": "asha-bank-1", "at": "9999-12-31T23:59:59-14:00"},
            "at: an instant between 1970",
        ),
    ],
)
def test_a_wrong_field_is_named_with_an_example(kind: str, content: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidMessage) as refused:
        KINDS[kind].read(content)

    assert refused.value.detail.startswith(said)
    assert "regex" not in refused.value.detail
    assert "india" not in refused.value.detail


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_field_with_a_pattern_describes_it(kind: str) -> None:
    for field in forms.fields_of(KINDS[kind]) or ():
        assert not field.pattern or field.hint, f"{kind}.{field.name}"


@pytest.mark.parametrize("text", ["5,000,000.00", "5 000 000", "1e6", "-1", "1.000.000,00"])
def test_an_amount_with_separators_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InvalidAmount, match=r"as in 5000000\.00"):
        Money.parse(text, "INR")
