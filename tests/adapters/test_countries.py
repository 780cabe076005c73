"""A country is one record: what it states is right, and no other file lists countries."""

import ast
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from adapters import registry
from adapters.simulation.magic import magic_account
from schemas.identifiers import COUNTRIES, IBAN_LENGTHS, is_bic
from schemas.money import EXPONENTS

ROOT = Path(__file__).parents[2]
INSTALLED = registry.countries()
every_country = pytest.mark.parametrize("code", INSTALLED)


@every_country
def test_a_record_is_whole(code):
    country = registry.country(code)

    assert country.code == code == country.calendar.country
    assert code in COUNTRIES
    assert country.currency == registry.profile(code).currency
    assert country.currency in EXPONENTS
    assert ZoneInfo(country.zone).key == country.zone
    assert 0 < country.place[0] < 900
    assert 0 < country.place[1] < 420
    assert Decimal(country.per_sdr) > 0
    assert country.banks
    assert {bank.bic[4:6] for bank in country.banks} == {code}
    assert all(is_bic(bank.bic) for bank in country.banks)


@every_country
def test_a_country_has_a_name_in_every_language_of_the_pages(code):
    names = registry.country(code).names

    assert names.in_language("en").isascii()
    assert all("\u0400" <= letter <= "\u04ff" for letter in names.in_language("ru"))
    assert all("\u4e00" <= letter <= "\u9fff" for letter in names.in_language("zh"))
    assert names.in_language("fr") == names.en


@every_country
def test_an_ibans_form_is_that_of_the_international_registry(code):
    iban = registry.country(code).iban
    assert (iban is None) is (code not in IBAN_LENGTHS) or code == "RU"  # its IBANs are used by no rail
    account = magic_account(code, "")
    if iban is not None:
        assert iban.country == code
        assert iban.fits(account)
        assert len(account) == IBAN_LENGTHS[code]


def test_no_two_countries_share_what_must_be_their_own():
    countries = [registry.country(code) for code in INSTALLED]
    for field in ("names", "currency", "place"):
        assert len({getattr(country, field) for country in countries}) == len(countries)
    banks = [bank for country in countries for bank in country.banks]
    assert len({bank.id for bank in banks}) == len({bank.bic for bank in banks}) == len(banks)


LANGUAGES = {"adapters/romanisation.py", "loadtests/mix.py"}
"""Alphabets, and names of people, by language; a language goes by the country that speaks it."""


def test_no_file_but_the_records_lists_countries():
    """Ten tables did: an adapter that was installed failed with KeyError in the sandbox, and had no place on the map."""
    known = {*INSTALLED, *registry.by_currency()}
    lists = {
        str(file.relative_to(ROOT))
        for part in ("schemas", "ledger", "adapters", "switch", "loadtests")
        for file in (ROOT / part).rglob("*.py")
        if len(known & set(texts(file))) > 4
    }

    assert lists == LANGUAGES


def texts(file):
    return [
        node.value
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
