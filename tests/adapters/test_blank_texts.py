"""What a sender leaves blank: ISO lets an account, a name or a purpose be one space or a line break."""

import dataclasses

import pytest
from msgspec import structs

from adapters import registry
from adapters.simulation.harness import sample_order
from adapters.simulation.sandbox import prepare
from schemas.payment import Agent, Party, PartyAccount

BLANKS = ["", " ", "\n", "\u200b", " \u00a0\t"]
COUNTRIES = registry.countries()


@pytest.fixture(scope="module")
def adapters(tmp_path_factory):
    """One for each country, that nobody listens to."""

    def made(country):
        place = tmp_path_factory.mktemp(country)
        connection, _ = prepare(place, country, port=1, callback_url="http://127.0.0.1:1/")
        return registry.load(country, connection)

    return {country: made(country) for country in COUNTRIES}


def said(adapter, order, blank):
    """What is wrong with an order, and its bytes, with every text that may be absent blank or absent."""
    payment = structs.replace(
        order.payment,
        debtor=Party(
            name="Ivan Ivanov", country="RU", town=blank, address_lines=(blank,) * (blank is not None)
        ),
        debtor_account=PartyAccount(other=blank, proxy=blank, proxy_type=blank),
        debtor_agent=Agent(bic="SABRRUMM", name=blank, member_id=blank, clearing_system=blank),
        creditor=Party(name="Asha Rao", phone=blank, national_id=blank),
        purpose=blank,
        remittance=blank,
        instruction_id=blank,
        transaction_id=blank,
    )
    order = dataclasses.replace(order, payment=payment)
    violations = adapter.check(order)
    return violations, b"" if violations else adapter.translate(order).body


@pytest.mark.parametrize("country", COUNTRIES)
@pytest.mark.parametrize("blank", BLANKS)
def test_a_blank_account_bank_or_purpose_is_none(adapters, country, blank):
    """At first an order from the account " " passed `check`, and its CNAPS message had no account."""
    order = sample_order(country)

    assert said(adapters[country], order, blank) == said(adapters[country], order, None)


@pytest.mark.parametrize("country", COUNTRIES)
@pytest.mark.parametrize("blank", BLANKS)
@pytest.mark.parametrize("role", ["debtor", "creditor"])
def test_a_blank_name_is_refused(adapters, country, blank, role):
    order = sample_order(country, **{role: Party(name=blank, country="RU")})

    assert [violation.path for violation in adapters[country].check(order)] == [
        f"CdtTrfTxInf/{'Dbtr' if role == 'debtor' else 'Cdtr'}/Nm"
    ]


@pytest.mark.parametrize("country", COUNTRIES)
@pytest.mark.parametrize("blank", BLANKS)
def test_a_blank_creditor_account_is_refused(adapters, country, blank):
    order = sample_order(country, creditor_account=PartyAccount(iban=blank, other=blank, proxy=blank))

    assert {violation.reason for violation in adapters[country].check(order)} == {"AC03"}


@pytest.mark.parametrize("country", ["BY", "KZ", "PK"])
def test_a_debtor_known_only_by_a_proxy_is_carried(adapters, country):
    """At first the translation into a version that wants a number beside it raised."""
    order = sample_order(country, debtor_account=PartyAccount(proxy="+7-9161234567", proxy_type="MBNO"))

    assert adapters[country].check(order) == []
    assert b"+7-9161234567" in adapters[country].translate(order).body


def test_a_purpose_in_35_characters_fits_into_a_kazakh_message(adapters):
    """At first "ISO purpose " stood before it, in a line of 35, and the translation raised."""
    order = sample_order("KZ", purpose="P" * 35)

    assert adapters["KZ"].check(order) == []
    assert b"P" * 35 in adapters["KZ"].translate(order).body


def test_an_account_that_gbk_cannot_write_is_called_by_the_payments_id(adapters):
    order = sample_order("CN", debtor_account=PartyAccount(other="счёт 1"))

    assert order.payment.uetr.replace("-", "").encode() in adapters["CN"].translate(order).body
