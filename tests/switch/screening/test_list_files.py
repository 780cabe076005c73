"""Files of lists, in the forms of their publishers: entries, names and dates are read, half a list never is."""

from datetime import date

import pytest

from schemas.errors import InvalidMessage
from switch.screening import list_files
from switch.screening.list_files import born
from switch.screening.listed import ListedKind, ListedName

UN = """<?xml version="1.0" encoding="UTF-8"?>
<CONSOLIDATED_LIST dateGenerated="2026-11-02T00:00:09.554Z">
  <INDIVIDUALS><INDIVIDUAL><DATAID>1</DATAID><FIRST_NAME>OLEG</FIRST_NAME><SECOND_NAME>TESTOV</SECOND_NAME>
    <UN_LIST_TYPE>Test</UN_LIST_TYPE><REFERENCE_NUMBER>TTi.001</REFERENCE_NUMBER>
    <NAME_ORIGINAL_SCRIPT>Олег Тестов</NAME_ORIGINAL_SCRIPT>
    <NATIONALITY><VALUE>Ruritania</VALUE></NATIONALITY>
    <INDIVIDUAL_ALIAS><QUALITY>Good</QUALITY><ALIAS_NAME>Alik Testov</ALIAS_NAME></INDIVIDUAL_ALIAS>
    <INDIVIDUAL_ALIAS><QUALITY>Low</QUALITY><ALIAS_NAME>Alik</ALIAS_NAME></INDIVIDUAL_ALIAS>
    <INDIVIDUAL_ALIAS><QUALITY/><ALIAS_NAME/></INDIVIDUAL_ALIAS>
    <INDIVIDUAL_DATE_OF_BIRTH><TYPE_OF_DATE>BETWEEN</TYPE_OF_DATE><FROM_YEAR>1970</FROM_YEAR><TO_YEAR>1973</TO_YEAR>
    </INDIVIDUAL_DATE_OF_BIRTH>
    <INDIVIDUAL_DATE_OF_BIRTH><TYPE_OF_DATE>EXACT</TYPE_OF_DATE><DATE>1971-02-03</DATE></INDIVIDUAL_DATE_OF_BIRTH>
  </INDIVIDUAL></INDIVIDUALS>
  <ENTITIES><ENTITY><FIRST_NAME>TEST FRONT</FIRST_NAME><REFERENCE_NUMBER>TTe.001</REFERENCE_NUMBER>
    <ENTITY_ADDRESS><COUNTRY>Ruritania</COUNTRY></ENTITY_ADDRESS></ENTITY></ENTITIES>
</CONSOLIDATED_LIST>"""
OFAC = """<?xml version="1.0" standalone="yes"?>
<sdnList xmlns="http://tempuri.org/sdnList.xsd">
  <publshInformation><Publish_Date>11/24/2026</Publish_Date><Record_Count>3</Record_Count></publshInformation>
  <sdnEntry><uid>7</uid><firstName>Oleg</firstName><lastName>TESTOV</lastName><sdnType>Individual</sdnType>
    <programList><program>TEST</program></programList>
    <akaList><aka><uid>8</uid><type>a.k.a.</type><category>weak</category><lastName>ALIK</lastName></aka></akaList>
    <nationalityList><nationality><uid>9</uid><country>Ruritania</country></nationality></nationalityList>
    <dateOfBirthList><dateOfBirthItem><uid>1</uid><dateOfBirth>circa 1971</dateOfBirth></dateOfBirthItem></dateOfBirthList>
  </sdnEntry>
  <sdnEntry><uid>10</uid><lastName>TEST LADY</lastName><sdnType>Vessel</sdnType></sdnEntry>
  <sdnEntry><uid>11</uid><lastName>TEST BANK</lastName><sdnType>Entity</sdnType></sdnEntry>
</sdnList>"""
EU = """<?xml version="1.0" encoding="UTF-8"?>
<export xmlns="http://eu.europa.ec/fpi/fsd/export" generationDate="2026-11-20T15:42:00.000+01:00">
  <sanctionEntity euReferenceNumber="EU.1.1" logicalId="5"><regulation programme="TST"/><subjectType code="person"/>
    <nameAlias wholeName="Oleg Testov" strong="true"/><nameAlias wholeName="Alik" strong="false"/>
    <citizenship countryIso2Code="RU"/><birthdate birthdate="1971-02-03" year="1971"/></sanctionEntity>
  <sanctionEntity euReferenceNumber="EU.2.1"><subjectType code="enterprise"/><nameAlias wholeName="Test Bank" strong="true"/>
  </sanctionEntity>
</export>"""
OWN = (
    "id,kind,name,aliases,weak_aliases,born,countries\n"
    "N-1,person,Oleg Testov,Олег Тестов; Aleg Tsiestau,Alik,1971-02-03,RU;BY\n"
    'N-2,entity,"Test, Front",,,,\n'
)


def test_the_list_of_the_security_council() -> None:
    found = list_files.read(UN.encode())
    person, entity = found.parties

    assert (found.publisher, found.published) == ("UN", date(2026, 11, 2))
    assert (person.id, person.kind, person.countries) == ("TTi.001", ListedKind.PERSON, ("Ruritania",))
    assert person.names == (
        ListedName("OLEG TESTOV"), ListedName("Олег Тестов"), ListedName("Alik Testov"), ListedName("Alik", weak=True),
    )  # fmt: skip
    assert [(one.first, one.last) for one in person.born] == [
        (date(1970, 1, 1), date(1973, 12, 31)), (date(1971, 2, 3), date(1971, 2, 3)),
    ]  # fmt: skip
    assert (entity.id, entity.kind, entity.names[0].text) == ("TTe.001", ListedKind.ENTITY, "TEST FRONT")


def test_the_list_of_ofac_without_vessels() -> None:
    found = list_files.read(OFAC.encode())
    person, bank = found.parties

    assert (found.publisher, found.published, bank.id) == ("OFAC", date(2026, 11, 24), "11")
    assert person.names == (ListedName("Oleg TESTOV"), ListedName("ALIK", weak=True))
    assert (person.programmes, person.born[0].first) == (("TEST",), date(1971, 1, 1))


def test_the_list_of_the_european_union() -> None:
    found = list_files.read(EU.encode())
    person, bank = found.parties

    assert (found.publisher, found.published, person.id) == ("EU", date(2026, 11, 20), "EU.1.1")
    assert (person.names[1], bank.kind) == (ListedName("Alik", weak=True), ListedKind.ENTITY)


def test_a_national_list_as_csv() -> None:
    person, entity = list_files.read(OWN.encode()).parties

    assert [name.text for name in person.names] == ["Oleg Testov", "Олег Тестов", "Aleg Tsiestau", "Alik"]
    assert (person.countries, entity.names[0].text) == (("RU", "BY"), "Test, Front")


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "columns of a CSV"),
        (b"<html></html>", "known root elements"),
        (UN[:-60].encode(), "not well-formed"),
        (UN.replace("<REFERENCE_NUMBER>TTe.001</REFERENCE_NUMBER>", "").encode(), "without an id"),
        (UN.replace("TTe.001", "TTi.001").encode(), "one id"),
        (b'<!DOCTYPE a [<!ENTITY x "y">]><export/>', "document type"),
        (b"<export/>", "no entries"),
        (b"id,kind,name\n1,ship,A\n", "line 2: kind"),
        (b"id,kind,name\n1,person,\n", "line 2: an entry has"),
        (b"id,kind,name\n1,person,A,B\n", "line 2: an entry has"),
        (b"id,kind,name,born\n1,person,A,yesterday\n", "line 2: born"),
        (b"id,kind,name\n1,person,\xff\n", "UTF-8"),
        (b"id,kind,name,colour\n", "columns of a CSV"),
    ],
)
def test_what_is_not_a_whole_list_is_refused_with_its_place(raw: bytes, said: str) -> None:
    with pytest.raises(InvalidMessage, match=said):
        list_files.read(raw)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("10 Dec 1948", date(1948, 12, 10), date(1948, 12, 10)),
        ("1971-02-03", date(1971, 2, 3), date(1971, 2, 3)),
        ("Jan 1963", date(1963, 1, 1), date(1963, 12, 31)),
        ("1960 to 1965", date(1960, 1, 1), date(1965, 12, 31)),
    ],
)
def test_dates_of_birth_are_as_exact_as_they_are_known(text: str, first: date, last: date) -> None:
    found = born(text)

    assert found is not None
    assert (found.first, found.last) == (first, last)
    assert found.may_be(first)
    assert not found.may_be(date(1900, 1, 1))
