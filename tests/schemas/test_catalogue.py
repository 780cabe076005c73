"""The catalogue says what the official schemas say, and its notation loses nothing."""

import pytest

from schemas.catalogue import DIRECTORY, catalogue, importer, notation
from schemas.catalogue.model import Catalogue, Text
from schemas.codes import code_sets
from schemas.plan import plan
from tests.schemas.corpus import SHARED, document_messages, needs_shared

XSD = """<?xml version="1.0"?>
<xs:schema xmlns="urn:iso:std:iso:20022:tech:xsd:demo.001.001.01" elementFormDefault="qualified"
    xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:iso:std:iso:20022:tech:xsd:demo.001.001.01">
  <xs:element name="Document" type="Document"/>
  <xs:complexType name="Document"><xs:sequence>
    <xs:element name="Demo" type="Demo1"/>
  </xs:sequence></xs:complexType>
  <xs:complexType name="Demo1"><xs:sequence>
    <xs:element name="MsgId" type="DemoText"/>
  </xs:sequence></xs:complexType>
  {type}
</xs:schema>
"""
TEXT_TYPE = (
    '<xs:simpleType name="DemoText"><xs:restriction base="xs:string">{}</xs:restriction></xs:simpleType>'
)


@needs_shared
@pytest.mark.parametrize("message", sorted(catalogue().messages))
def test_the_catalogue_is_what_the_official_schema_says(message):
    imported = importer.read_xsd(SHARED / "xsd" / f"{message}.xsd")

    assert imported.messages[message] == catalogue().messages[message]
    assert imported.types == catalogue().reachable(message)


def test_the_notation_round_trips(tmp_path):
    notation.write(catalogue(), tmp_path)

    assert notation.read(tmp_path) == catalogue()
    for name in ("messages.txt", "parts.txt", "values.txt"):
        assert (tmp_path / name).read_text("utf-8") == (DIRECTORY / name).read_text("utf-8")


def test_no_type_of_the_catalogue_is_unused():
    used = {name for message in catalogue().messages for name in catalogue().reachable(message)}

    assert catalogue().types.keys() == used


def test_every_message_compiles_and_the_issue_s_versions_are_there():
    for message in catalogue().messages:
        assert plan(message).read is not None
    assert len(document_messages()) == 35


def test_every_code_set_belongs_to_a_type():
    assert code_sets().keys() <= catalogue().types.keys()


def test_import_reads_a_schema_it_has_never_seen(tmp_path):
    path = tmp_path / "demo.xsd"
    path.write_text(XSD.format(type=TEXT_TYPE.format('<xs:minLength value="1"/><xs:maxLength value="9"/>')))

    imported = importer.read_xsd(path)

    assert imported.messages["demo.001.001.01"].tag == "Demo"
    assert imported.types["DemoText"] == Text(1, 9)


@pytest.mark.parametrize(
    "type_text",
    [
        TEXT_TYPE.format('<xs:whiteSpace value="collapse"/>'),
        TEXT_TYPE.format(r'<xs:pattern value="\p{L}+"/>'),
        TEXT_TYPE.format('<xs:pattern value="[A-Z-[AEIOU]]"/>'),
        TEXT_TYPE.format('<xs:pattern value="^A$"/>'),
        TEXT_TYPE.format('<xs:pattern value="A"/><xs:pattern value="B"/>'),
        '<xs:simpleType name="DemoText"><xs:union memberTypes="A B"/></xs:simpleType>',
        '<xs:complexType name="DemoText"><xs:all><xs:element name="A" type="B"/></xs:all></xs:complexType>',
        (
            '<xs:complexType name="DemoText"><xs:sequence maxOccurs="2"><xs:element name="A" type="B"/>'
            "</xs:sequence></xs:complexType>"
        ),
        '<xs:complexType name="DemoText"><xs:sequence><xs:element ref="A"/></xs:sequence></xs:complexType>',
        (
            '<xs:simpleType name="DemoText"><xs:restriction base="xs:decimal"><xs:minInclusive value="5"/>'
            '<xs:totalDigits value="3"/><xs:fractionDigits value="1"/></xs:restriction></xs:simpleType>'
        ),
        '<xs:simpleType name="DemoText"><xs:restriction base="xs:integer"/></xs:simpleType>',
    ],
)
def test_import_refuses_what_it_does_not_fully_understand(tmp_path, type_text):
    path = tmp_path / "demo.xsd"
    path.write_text(XSD.format(type=type_text))

    with pytest.raises(importer.UnsupportedSchema):
        importer.read_xsd(path)


def test_a_type_that_means_two_things_is_refused():
    one, other = Catalogue({}, {"A": Text(1, 2)}), Catalogue({}, {"A": Text(1, 3)})

    with pytest.raises(ValueError, match="two different definitions"):
        one.merged(other)


@pytest.mark.parametrize("line", ["Broken  text 1-2", "Broken  number 5", "Broken  boolean 5"])
def test_an_unreadable_value_is_refused_by_its_line(tmp_path, line):
    (tmp_path / "values.txt").write_text(line + "\n")

    with pytest.raises(ValueError, match="Broken"):
        notation.read(tmp_path)
