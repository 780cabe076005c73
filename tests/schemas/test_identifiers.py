"""Identifiers, held against two independent libraries."""

import random

import pycountry
import pytest
import schwifty
from stdnum import lei as stdnum_lei
from stdnum.iso7064 import mod_97_10

from schemas import identifiers


def random_ibans(number: int) -> list[str]:
    chance = random.Random(13616)
    found = []
    for _ in range(number):
        country = chance.choice(sorted(identifiers.IBAN_LENGTHS))
        body = "".join(chance.choices("0123456789ABCXYZ", k=identifiers.IBAN_LENGTHS[country] - 4))
        check = 98 - int("".join(str(int(letter, 36)) for letter in f"{body}{country}00")) % 97
        found.append(f"{country}{check:02}{body}")
    return found


def test_every_calculated_iban_is_one_and_no_neighbour_is():
    chance = random.Random(1)
    for iban in random_ibans(500):
        place = chance.choice([index for index in range(4, len(iban)) if iban[index].isdigit()])
        digit = chance.choice("0123456789".replace(iban[place], ""))
        assert identifiers.is_iban(iban)
        assert not identifiers.is_iban(iban[:place] + digit + iban[place + 1 :])
        assert not identifiers.is_iban(iban + "0")
        assert not identifiers.is_iban(iban.lower())


def test_check_digits_agree_with_another_library():
    for iban in random_ibans(200):
        assert mod_97_10.is_valid(iban[4:] + iban[:4])


@pytest.mark.parametrize("country", sorted(identifiers.IBAN_LENGTHS))
def test_lengths_agree_with_another_library(country):
    try:
        length = schwifty.IBAN(f"{country}00", allow_invalid=True).spec.iban_length
    except schwifty.exceptions.InvalidCountryCode:
        pytest.skip(f"the other library has no {country}")

    assert identifiers.IBAN_LENGTHS[country] == length


@pytest.mark.parametrize(
    "text", ["", "KZ", "KZ86", "KZ00125KZT5004100100", "ZZ86125KZT5004100100", "KZ86 125KZT5004100100"]
)
def test_no_iban(text):
    assert not identifiers.is_iban(text)


def test_countries_are_those_of_another_library_and_kosovo():
    assert {country.alpha_2 for country in pycountry.countries} | {"XK"} == identifiers.COUNTRIES


@pytest.mark.parametrize(
    "text", ["5493001KJTIIGC8Y1R12", "5493001KJTIIGC8Y1R13", "00DEMOLEI00000000199", "X" * 20, ""]
)
def test_lei_agrees_with_another_library(text):
    assert identifiers.is_lei(text) == stdnum_lei.is_valid(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("DEMOINBB", True),
        ("DEMOINBBXXX", True),
        ("DEMOINBBXX", False),
        ("DEMOZZBB", False),
        ("demoinbb", False),
        ("", False),
    ],
)
def test_bic(text, expected):
    assert identifiers.is_bic(text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7b0f2f3e-6c1d-4a53-9f0e-2d1c8a54e9b7", True),
        ("7B0F2F3E-6C1D-4A53-9F0E-2D1C8A54E9B7", False),
        ("7b0f2f3e-6c1d-7a53-9f0e-2d1c8a54e9b7", False),
        ("7b0f2f3e-6c1d-4a53-cf0e-2d1c8a54e9b7", False),
        ("7b0f2f3e6c1d4a539f0e2d1c8a54e9b7", False),
        ("7b0f2f3e-6c1d-4a53-9f0e-2d1c8a54e9b7\n", False),
    ],
)
def test_uetr(text, expected):
    assert identifiers.is_uetr(text) is expected
