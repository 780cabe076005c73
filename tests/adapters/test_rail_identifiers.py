"""Identifiers against published vectors, and against mutations of themselves."""

import json
import string
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn

from adapters import identifiers, registry
from adapters.pakistan.country import IBAN as PAKISTAN

CHECKS = {
    "iban": lambda text: any(iban.fits(text) for iban in IBANS),
    "ru_account": identifiers.is_russian_account,
    "tj_account": identifiers.is_tajik_account,
    "kg_account": identifiers.is_kyrgyz_account,
    "cnaps12": identifiers.is_cnaps,
    "sha4": identifiers.is_sha4,
    "nspk_link": identifiers.is_nspk_link,
}
IBANS = [
    *(iban for iban in (registry.country(code).iban for code in registry.countries()) if iban),
    *(identifiers.Iban(code, account) for code, account in {
        "AE": r"\d{3}\d{16}", "AZ": r"[A-Z]{4}[A-Z0-9]{20}", "MN": r"\d{4}\d{12}", "TR": r"\d{5}0[A-Z0-9]{16}",
    }.items()),
]  # fmt: skip
"""Those of the installed countries, and of four that may follow."""
ARGUMENTS = {"ru_account": 2, "tj_account": 2}


@pytest.mark.parametrize("kind", CHECKS)
def test_published_vectors(shared, kind):
    vectors = json.loads((shared / "rails" / "vectors.json").read_text())[kind]

    for vector in vectors:
        count = ARGUMENTS.get(kind, 1)
        *given_, expected = vector[: count + 1]
        assert CHECKS[kind](*given_) is expected, vector


def test_emv_crc_vectors(shared):
    for text, _, expected, _ in json.loads((shared / "rails" / "vectors.json").read_text())["emv_crc"]:
        assert identifiers.is_emv_crc(text) is expected


def test_rrn_vectors(shared):
    for text, year, day, hour, _, _ in json.loads((shared / "rails" / "vectors.json").read_text())["upi_rrn"]:
        at = datetime.strptime(f"{year} {day} {hour} +0000", "%Y %j %H %z")
        assert identifiers.rrn(at, int(text[6:])) == text


OWN = [
    ("iban", "PK36SCBL0000001123456702", True),
    ("iban", "PK36SCBL0000001123456703", False),
    ("iban", "KZ86125KZT5004100100", True),
    ("iban", "BY13NBRB3600900000002Z00AB00", True),
    ("iban", "DE89370400440532013000", False),
    ("iban", "", False),
    ("cnaps12", "102100099996", True),
    ("cnaps12", "10210009999", False),
    ("kg_account", "1290000011223367", True),
    ("kg_account", "\uff11290000011223367", False),
]


@pytest.mark.parametrize(("kind", "text", "expected"), OWN)
def test_without_published_vectors(kind, text, expected):
    assert CHECKS[kind](text) is expected


@given(st.text(string.digits, min_size=16, max_size=16), st.integers(8, 23))
def test_a_made_iban_is_right_and_any_change_of_one_digit_is_wrong(account, place):
    made = PAKISTAN.of("SAND" + account)

    assert PAKISTAN.fits(made)
    changed = made[:place] + str((int(made[place]) + 1) % 10) + made[place + 1 :]
    assert not PAKISTAN.fits(changed)


@given(st.text(string.digits, min_size=14, max_size=14))
def test_a_made_kyrgyz_account_is_right_and_any_other_end_is_wrong(first):
    made = identifiers.kyrgyz_account(first)

    assert identifiers.is_kyrgyz_account(made)
    assert not identifiers.is_kyrgyz_account(first + f"{(int(made[14:]) + 1) % 97:02}")


@given(st.text(string.digits, min_size=1, max_size=19))
def test_luhn_agrees_with_another_implementation(text):
    assert identifiers.is_luhn(text) is luhn.is_valid(text)


@pytest.mark.parametrize(("text", "expected"), [("4111111111111111", True), ("4111111111111112", False)])
def test_luhn(text, expected):
    assert identifiers.is_luhn(text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("asha@okbank", True),
        ("a.b-c9@ok.bank", True),
        ("058010100000001@HDFC0000001.ifsc.npci", True),
        ("a@okbank", False),
        ("asha@", False),
        ("asha okbank", False),
        ("asha@ok@bank", False),
        ("asha@okbank\n", False),
        ("आशा@okbank", False),
        ("a" * 250 + "@okbank", False),
    ],
)
def test_payment_addresses_by_shape(text, expected):
    assert identifiers.is_vpa(text) is expected


@pytest.mark.parametrize(
    ("text", "expected"), [("HDFC0000001", True), ("HDFC1000001", False), ("hdfc0000001", False)]
)
def test_ifsc_by_shape(text, expected):
    assert identifiers.is_ifsc(text) is expected


@pytest.mark.parametrize("serial", [-1, 10**6])
def test_a_reference_number_has_six_digits_for_its_serial(serial):
    with pytest.raises(ValueError):
        identifiers.rrn(datetime(2026, 11, 23, tzinfo=UTC), serial)
