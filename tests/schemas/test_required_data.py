"""What a corridor requires of a payment: full data of its parties above an amount, a purpose, reporting."""

import pytest

from schemas import placeholders
from schemas.code_lists import LISTS
from schemas.required_data import FullData, PartyData, RequiredCode
from schemas.rules import Addresses, Scheme
from tests.schemas.test_rules import DROP, findings

ALL = FullData("KZT", "512340.00")
PERSON = {
    "PrvtId": {"DtAndPlcOfBirth": {"BirthDt": "1990-01-02", "CityOfBirth": "Pune", "CtryOfBirth": "IN"}}
}
COMPANY = {"OrgId": {"LEI": "5493001KJTIIGC8Y1R12"}}
TX = "CdtTrfTxInf"
PARTIES = {f"{TX}/Dbtr": {"Nm": "Asha Rao"}, f"{TX}/Cdtr": {"Nm": "Bolat"}}
TOWN = {"TwnNm": "Mumbai", "Ctry": "IN"}
NONE = frozenset[PartyData]()


def born(day: str, city: str) -> dict[str, object]:
    return {"PrvtId": {"DtAndPlcOfBirth": {"BirthDt": day, "CityOfBirth": city, "CtryOfBirth": "IN"}}}


def scheme(*originator: PartyData, beneficiary: frozenset[PartyData] = NONE) -> Scheme:
    full = FullData("KZT", "0", originator=frozenset(originator), beneficiary=beneficiary)
    return Scheme(full_data=full)


def test_all_that_is_missing_is_found_at_once() -> None:
    bare = {**PARTIES, f"{TX}/DbtrAcct": DROP, f"{TX}/CdtrAcct": DROP}
    purposes = RequiredCode("IN-RBI", frozenset({"P1301"}))
    required = Scheme(full_data=ALL, purpose=purposes, regulatory=RequiredCode("KZ-KNP"),
                      accounts_required=False, names_required=False)  # fmt: skip

    found = findings({**bare, f"{TX}/Purp": DROP}, required)

    assert found == {
        ("account", f"{TX}/DbtrAcct", "AC02"),
        ("account", f"{TX}/CdtrAcct", "AC03"),
        ("party-data", f"{TX}/Dbtr/PstlAdr", "BE07"),
        ("party-data", f"{TX}/Dbtr/Id", "BE16"),
        ("party-data", f"{TX}/Cdtr/PstlAdr", "BE04"),
        ("party-data", f"{TX}/Cdtr/Id", "BE17"),
        ("purpose", f"{TX}/Purp", "FF07"),
        ("regulatory-reporting", f"{TX}/RgltryRptg/Dtls/Cd", "RR05"),
    }


@pytest.mark.parametrize("above", ["512340.50", "512341"])
def test_at_the_amount_or_below_nothing_is_required(above: str) -> None:
    assert findings(PARTIES, Scheme(full_data=FullData("KZT", above))) == set()


def test_another_currency_is_not_compared() -> None:
    assert findings(PARTIES, Scheme(full_data=FullData("INR", "1"))) == set()


@pytest.mark.parametrize(
    ("identification", "full"), [(PERSON, True), (COMPANY, True), ({"PrvtId": {}}, False)]
)
def test_a_person_has_a_date_of_birth_and_an_organisation_an_identifier(
    identification: dict[str, object], full: bool
) -> None:
    changes = {f"{TX}/Dbtr": {"Nm": "Asha", "Id": identification}, f"{TX}/Cdtr": {"Nm": "Bolat"}}
    if not full:
        changes[f"{TX}/Dbtr"] = {"Nm": "Asha", "Id": {"PrvtId": {"Othr": [{"Id": "12"}]}}}

    found = findings(changes, scheme(PartyData.BIRTH, PartyData.IDENTIFIER))

    assert found == (set() if full else {("party-data", f"{TX}/Dbtr/Id", "BE16")})


@pytest.mark.parametrize(
    ("party", "wanted", "missing"),
    [
        ({}, PartyData.COUNTRY, "PstlAdr/Ctry"),
        ({"CtryOfRes": "IN"}, PartyData.COUNTRY, None),
        ({"PstlAdr": TOWN}, PartyData.COUNTRY, None),
        ({"PstlAdr": TOWN}, PartyData.ADDRESS, None),
        ({}, PartyData.ADDRESS, "PstlAdr"),
        ({}, PartyData.ADDRESS_OR_BIRTH, "PstlAdr"),
        ({"Id": PERSON}, PartyData.ADDRESS_OR_BIRTH, None),
        ({"PstlAdr": TOWN}, PartyData.ADDRESS_OR_BIRTH, None),
        ({"PstlAdr": {"TwnNm": ".", "Ctry": "IN"}}, PartyData.ADDRESS, "PstlAdr"),
        ({"Id": {"OrgId": {"Othr": [{"Id": "-"}]}}}, PartyData.IDENTIFIER, "Id"),
        ({"Id": {"OrgId": {"Othr": [{"Id": "-"}, {"Id": "77"}]}}}, PartyData.IDENTIFIER, None),
        ({"Id": PERSON}, PartyData.BIRTH, None),
        ({"Id": born("2090-01-02", "Pune")}, PartyData.BIRTH, "Id"),
        ({"Id": born("1990-01-02", "--")}, PartyData.BIRTH, "Id"),
    ],
)
def test_each_datum_of_a_party(party: dict[str, object], wanted: PartyData, missing: str | None) -> None:
    found = findings({f"{TX}/Dbtr": {"Nm": "Asha", **party}}, scheme(wanted))

    assert {path for _, path, _ in found} == ({f"{TX}/Dbtr/{missing}"} if missing else set())


@pytest.mark.parametrize("addresses", Addresses)
def test_an_incomplete_address_is_named_once(addresses: Addresses) -> None:
    party = {"Nm": "Asha", "PstlAdr": {"AdrLine": ["12 Hill Road, Mumbai"]}}
    full = FullData("KZT", "0", frozenset({PartyData.ADDRESS}), NONE)

    found = findings({f"{TX}/Dbtr": party}, Scheme(full_data=full, addresses=addresses))

    paths = [path for _, path, _ in found]
    if addresses is Addresses.ANY:
        assert paths == [f"{TX}/Dbtr/PstlAdr"]
    else:
        tags = {"TwnNm", "Ctry"} | ({"AdrLine"} if addresses is Addresses.STRUCTURED else set())
        assert sorted(paths) == sorted(f"{TX}/Dbtr/PstlAdr/{tag}" for tag in tags)


@pytest.mark.parametrize(
    ("purpose", "required", "accepted"),
    [
        ({"Prtry": "P1301"}, RequiredCode("IN-RBI"), True),
        ({"Cd": "GIFT"}, RequiredCode("IN-RBI"), False),
        ({"Cd": "GIFT"}, RequiredCode("ISO"), True),
        ({"Prtry": "GIFTS"}, RequiredCode("ISO"), False),
        ({"Prtry": "P1302"}, RequiredCode("IN-RBI", frozenset({"P1301"})), False),
        ({"Prtry": "for work"}, RequiredCode(), True),
        ({"Prtry": "VO61150"}, RequiredCode("RU-VO"), True),
        ({"Prtry": "61150"}, RequiredCode("RU-VO"), False),
        ({"Prtry": "121010"}, RequiredCode("CN-SAFE"), True),
    ],
)
def test_a_purpose_is_of_its_list(purpose: dict[str, str], required: RequiredCode, accepted: bool) -> None:
    found = findings({f"{TX}/Purp": purpose}, Scheme(purpose=required))

    assert found == (set() if accepted else {("purpose", f"{TX}/Purp", "FF07")})


def test_one_code_of_reporting_that_is_allowed_is_enough() -> None:
    reporting = [{"Dtls": [{"Tp": "KOD", "Cd": "X"}]}, {"Dtls": [{"Cd": "119"}]}]

    assert findings({f"{TX}/RgltryRptg": reporting}, Scheme(regulatory=RequiredCode("KZ-KNP"))) == set()
    assert findings({f"{TX}/RgltryRptg": reporting[:1]}, Scheme(regulatory=RequiredCode("KZ-KNP"))) == {
        ("regulatory-reporting", f"{TX}/RgltryRptg/Dtls/Cd", "RR05")
    }


def test_a_refusal_lists_no_more_codes_than_people_read() -> None:
    many = frozenset(f"P{number:04}" for number in range(300))

    assert RequiredCode("IN-RBI", many).allowed.endswith("and 280 more")
    assert len(RequiredCode("IN-RBI", many).allowed) < 200
    assert all(len(each.form) < 100 for each in LISTS.values())


@pytest.mark.parametrize(
    "said", ["N/A", "NOTPROVIDED", "Not  provided", "X", "xxx", "Mr", "Mrs.", "господин", "не указано", "无", "نامعلوم",
             "نامعلوم".replace("ی", "ي"), "उपलब्ध नहीं", "Noma\u02bclum", "жоқ", "няма", "123"]
)  # fmt: skip
@pytest.mark.parametrize("place", ["Dbtr/Nm", "Cdtr/Nm", "Dbtr/PstlAdr", "Dbtr/Id"])
def test_a_placeholder_is_no_name_town_or_place_of_birth(said: str, place: str) -> None:
    """What FATF recommendation 16 wants to be known, is not known by `N/A` or `Mr`."""
    debtor = {"Nm": "Asha Rao", "PstlAdr": TOWN, "Id": PERSON}
    creditor = {"Nm": "Bolat Seitov"}
    match place:
        case "Dbtr/Nm":
            debtor["Nm"] = said
        case "Cdtr/Nm":
            creditor["Nm"] = said
        case "Dbtr/PstlAdr":
            debtor["PstlAdr"] = {"TwnNm": said, "Ctry": "IN"}
        case _:
            debtor["Id"] = born("1990-01-02", said)

    found = findings(
        {f"{TX}/Dbtr": debtor, f"{TX}/Cdtr": creditor}, scheme(PartyData.ADDRESS, PartyData.BIRTH)
    )

    assert {path for _, path, _ in found} == {f"{TX}/{place}"}


@pytest.mark.parametrize(
    "name",
    ["Nil Kamal", "Mr Test Kumar", "Kumari", "Sri", "Нет Ли", "空海", "李娜", "N. A. Rao", "Xu", "Oo", "ABC"][
        :9
    ],
)
def test_a_name_that_only_contains_such_a_word_is_one(name: str) -> None:
    assert findings({f"{TX}/Dbtr": {"Nm": name}, f"{TX}/Cdtr": {"Nm": "Bolat"}}, scheme()) == set()


@pytest.mark.parametrize(
    ("said", "known"), [("NOTPROVIDED", False), ("n/a", False), ("000000", False), ("77", True)]
)
def test_a_placeholder_is_no_account_and_no_identifier_of_an_organisation(said: str, known: bool) -> None:
    account = {"Id": {"Othr": {"Id": said}}}
    debtor = {"Nm": "Asha Rao Ltd", "Id": {"OrgId": {"Othr": [{"Id": said}]}}}
    changes = {**PARTIES, f"{TX}/Dbtr": debtor, f"{TX}/DbtrAcct": account, f"{TX}/CdtrAcct": account}

    found = findings(changes, scheme(PartyData.IDENTIFIER))

    missing = {
        ("account", f"{TX}/DbtrAcct/Id/Othr/Id", "AC02"),
        ("account", f"{TX}/CdtrAcct/Id/Othr/Id", "AC03"),
        ("party-data", f"{TX}/Dbtr/Id", "BE16"),
    }
    assert found == (set() if known else missing)


@pytest.mark.parametrize("text", ["NOTPROVIDED", "N/A"])
def test_an_identification_of_the_payment_may_be_a_placeholder(text: str) -> None:
    full = {"Nm": "Asha Rao", "PstlAdr": TOWN, "Id": PERSON}
    changes = {f"{TX}/Dbtr": full, f"{TX}/Cdtr": full, f"{TX}/PmtId/EndToEndId": text}

    assert findings(changes, Scheme(full_data=FullData("KZT"))) == set()


@pytest.mark.parametrize("settled", [True, False])
@pytest.mark.parametrize(
    ("day", "known"),
    [
        ("1800-01-01", False),
        ("2090-01-02", False),
        ("1896-01-01", False),
        ("1990-01-02", True),
        ("1930-02-28", True),
    ],
)
def test_a_birth_that_cannot_be_is_missing(day: str, known: bool, settled: bool) -> None:
    """Not after the day of settlement, and at most 130 years before; without one, of the message's own day."""
    changes: dict[str, object] = {**PARTIES, f"{TX}/Dbtr": {"Nm": "Asha", "Id": born(day, "Pune")}}
    if not settled:
        changes[f"{TX}/IntrBkSttlmDt"] = DROP

    found = findings(changes, scheme(PartyData.BIRTH))

    assert found == (set() if known else {("party-data", f"{TX}/Dbtr/Id", "BE16")})


@pytest.mark.parametrize(
    "said",
    ["Mr X", "Mrs. Unknown", "N/A N/A", "unknown unknown", "господин Неизвестный", "नाम नहीं", "不知道"],
)
def test_several_words_that_say_nothing_were_taken_for_a_name(said: str) -> None:
    assert not placeholders.states(said)


@pytest.mark.parametrize("said", ["Mr Li", "Dr Nil Kamal", "X Y", "O E Test Rao", "Ms Test Kumar", "王某某"])
def test_a_name_beside_such_words_is_a_name(said: str) -> None:
    assert placeholders.states(said)


def test_without_full_data_a_placeholder_is_what_its_sender_says() -> None:
    """Below the threshold, and in corridors without such a rule, nothing changes."""
    assert findings({f"{TX}/Dbtr": {"Nm": "NOTPROVIDED"}}) == set()
