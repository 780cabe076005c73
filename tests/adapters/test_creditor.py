# ruff: noqa: RUF001 - digits and letters of other scripts are what is tested
"""Every form of account and alias is answered in the same way by all ten rails."""

import pytest

from adapters import creditor, registry
from adapters.creditor import IdentifierKind
from adapters.simulation.harness import sample_order
from adapters.simulation.magic import magic_account
from schemas.payment import PartyAccount

COUNTRIES = registry.countries()
PHONES = {
    "BY": "375291234567", "KG": "996550000001", "KZ": "77011234567", "PK": "923001234567", "RU": "79990000001",
    "TJ": "992900000001", "UZ": "998901234567",
}  # fmt: skip
"""Digits with the country's code; the other rails know no phones."""
PAID_PHONES = ("KG", "RU", "UZ")
FULL_WIDTH = str.maketrans(
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "０１２３４５６７８９ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺ",
)
ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")


def forms_of(country: str) -> tuple[creditor.IdentifierForm, ...]:
    return registry.profile(country).creditor


def groups(text: str, between: str) -> str:
    return between.join(text[place : place + 4] for place in range(0, len(text), 4))


WRITTEN = {
    "plain": lambda text: text,
    "blanks": lambda text: groups(text, " "),
    "dashes": lambda text: groups(text, "-"),
    "no-break blanks": lambda text: groups(text, "\u00a0"),
    "around": lambda text: f" {text}\t",
    "full width": lambda text: text.translate(FULL_WIDTH),
    "other digits": lambda text: text.translate(ARABIC),
    "marks that nobody sees": lambda text: f"\u200e{text}\u200b",
}


@pytest.mark.parametrize("country", COUNTRIES)
@pytest.mark.parametrize("written", WRITTEN)
def test_an_account_is_read_in_every_writing_by_every_rail(country: str, written: str) -> None:
    account = magic_account(country, "")
    if "@" in account:
        account = "50100000000001"
    text = WRITTEN[written](account)
    found = creditor.find(PartyAccount(other=text), forms_of(country))

    assert found is not None
    assert found.value == account


@pytest.mark.parametrize("country", [c for c in COUNTRIES if magic_account(c, "")[:2] == c])
@pytest.mark.parametrize("written", ["lower", "prefix", "element"])
def test_an_iban_is_read_in_lower_case_and_with_its_prefix(country: str, written: str) -> None:
    iban = magic_account(country, "")
    account = {
        "lower": PartyAccount(other=iban.lower()),
        "prefix": PartyAccount(other=f"IBAN {groups(iban, ' ')}"),
        "element": PartyAccount(iban=iban[:4] + iban[4:].lower()),
    }[written]
    found = creditor.find(account, forms_of(country))

    assert found == creditor.Identifier(IdentifierKind.IBAN, iban)


PHONE_FORMS = {
    "digits": "{0}", "plus": "+{0}", "iso": "+{1}-{2}", "zeros": "00{0}", "blanks": "+{1} {3} {4}",
    "brackets": "+{1} ({3}) {4}", "tel": "tel:+{0}", "dashes": "+{1}-{3}-{4}",
}  # fmt: skip
CODES = {"BY": 3, "KG": 3, "KZ": 1, "PK": 2, "RU": 1, "TJ": 3, "UZ": 3}


def phone(country: str, form: str) -> str:
    digits, code = PHONES[country], CODES[country]
    rest = digits[code:]
    return PHONE_FORMS[form].format(digits, digits[:code], rest, rest[:3], rest[3:])


@pytest.mark.parametrize("country", PHONES)
@pytest.mark.parametrize("form", PHONE_FORMS)
@pytest.mark.parametrize(
    "beside", [None, "NOTPROVIDED", "NOT PROVIDED", "notprovided", "N/A", "0000", "the number"]
)
@pytest.mark.parametrize("kind", [None, "MBNO", "TELE", "anything"])
def test_a_phone_is_read_in_every_form_beside_the_identification_that_the_schema_demands(
    country: str, form: str, beside: str | None, kind: str | None
) -> None:
    """Uzbek phones beside `Othr/Id` were refused, Kyrgyz ones were paid."""
    text = phone(country, form)
    other = PHONES[country] if beside == "the number" else beside
    account = PartyAccount(other=other, proxy=text, proxy_type=kind)
    found = creditor.find_alias(account, forms_of(country))

    assert found is not None
    assert found.kind is IdentifierKind.PHONE
    assert "".join(filter(str.isdecimal, found.value)) == PHONES[country]
    assert (creditor.find(account, forms_of(country)) is not None) is (country in PAID_PHONES)


@pytest.mark.parametrize("country", PHONES)
def test_a_phone_that_is_the_only_identification_is_a_phone(country: str) -> None:
    found = creditor.find_alias(PartyAccount(other=f"+{PHONES[country]}"), forms_of(country))

    assert found is not None
    assert found.kind is IdentifierKind.PHONE


@pytest.mark.parametrize("country", COUNTRIES)
@pytest.mark.parametrize(
    "account",
    [
        PartyAccount(proxy="901234567"),
        PartyAccount(proxy="+1-2025550123"),
        PartyAccount(proxy="asha@example.org", proxy_type="EMAL"),
        PartyAccount(proxy="+998-901234567", proxy_type="EMAL"),
        PartyAccount(proxy="998901234567", proxy_type="TXID"),
        PartyAccount(other="?", proxy="+998-901234567"),
        PartyAccount(other="NOTPROVIDED"),
        PartyAccount(iban="DE89370400440532013000"),
        PartyAccount(other="DE89370400440532013000"),
        PartyAccount(other="12345678\x0090123456"),
        PartyAccount(),
        None,
    ],
)
def test_what_no_rail_knows_is_refused_with_its_place_and_what_is_allowed(
    country: str, account: PartyAccount | None
) -> None:
    if (
        country == "IN"
        and account is not None
        and account.proxy_type == "EMAL"
        and "@" in (account.proxy or "")
    ):
        pytest.skip("a payment address looks like an e-mail")
    assert creditor.find_alias(account, forms_of(country)) is None
    path, text = creditor.refusal(account, forms_of(country))

    assert path.startswith("CdtTrfTxInf/CdtrAcct")
    assert text.startswith("this rail pays to ")
    assert all(form.text in text for form in forms_of(country) if form.pays)


@pytest.mark.parametrize("country", PAID_PHONES)
def test_a_mistyped_account_never_sends_the_money_to_the_phone_beside_it(country: str) -> None:
    account = magic_account(country, "")
    mistyped = account[:-1] + ("1" if account[-1] != "1" else "2") + "9"
    proxy = f"+{PHONES[country]}"

    assert creditor.find(PartyAccount(other=mistyped, proxy=proxy), forms_of(country)) is None


@pytest.mark.parametrize("country", PAID_PHONES)
def test_an_account_that_the_rail_knows_wins_over_a_phone(country: str) -> None:
    account = magic_account(country, "")
    found = creditor.find(PartyAccount(other=account, proxy=f"+{PHONES[country]}"), forms_of(country))

    assert found is not None
    assert found.value == account


@pytest.mark.parametrize("country", COUNTRIES)
def test_check_translation_and_reader_agree(country: str) -> None:
    """What the reader finds is what the adapter carries, in every writing."""
    order = sample_order(country)
    account = order.payment.creditor_account
    assert account is not None
    text = account.iban or account.other or account.proxy or ""

    assert creditor.find(account, forms_of(country)) == creditor.read(text, forms_of(country))


def test_an_indian_address_and_an_account_are_distinguished() -> None:
    forms = forms_of("IN")
    both = creditor.find(PartyAccount(other="asha@okbank", proxy="asha@okbank"), forms)
    number = creditor.find(PartyAccount(other="NOTPROVIDED", proxy="asha@okbank"), forms)

    assert both == number == creditor.Identifier(IdentifierKind.ADDRESS, "asha@okbank")
    assert creditor.find(PartyAccount(other="0580 1010 0000 001"), forms) == creditor.Identifier(
        IdentifierKind.ACCOUNT, "058010100000001"
    )


@pytest.mark.parametrize(("country", "phone"), [("CN", "+86-13812345678"), ("IN", "+91-9876543210")])
def test_a_phone_that_is_repeated_as_identification_is_no_account(country: str, phone: str) -> None:
    """The account whose number has the phone's digits was paid: somebody else's, if anybody's."""
    digits = phone.strip("+").replace("-", "")
    account = PartyAccount(other=digits, proxy=phone, proxy_type="MBNO")

    assert creditor.find(PartyAccount(other=digits), forms_of(country)) is not None
    assert creditor.find(account, forms_of(country)) is None
