"""The catalogue says what the official schemas say, and its notation loses nothing."""

import json
import os
import random
import subprocess
import sys

import pytest
from lxml import etree

from schemas.catalogue import DIRECTORY, catalogue, importer, notation
from schemas.catalogue.model import Catalogue, Member, Root, Sequence, Text
from schemas.codes import code_sets
from schemas.plan import plan
from tests.schemas.corpus import REPOSITORY, SHARED, document_messages

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


@pytest.mark.parametrize("path", sorted((SHARED / "xsd").glob("*.xsd")), ids=lambda path: path.stem)
def test_the_catalogue_equals_the_official_schema(path):
    message, imported = path.stem, importer.read_xsd(path)

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
    assert catalogue().messages["head.001.001.01"].tag == "AppHdr"
    assert len(document_messages()) == 38


def test_every_code_set_belongs_to_a_type():
    assert code_sets().keys() <= catalogue().types.keys()


def test_import_reads_a_schema_it_has_never_seen(tmp_path):
    path = tmp_path / "demo.xsd"
    path.write_text(XSD.format(type=TEXT_TYPE.format('<xs:minLength value="1"/><xs:maxLength value="9"/>')))

    imported = importer.read_xsd(path)

    assert imported.messages["demo.001.001.01"].tag == "Demo"
    assert imported.types["DemoText"] == Text(1, 9)


EVERY_CONSTRUCT = r"""<?xml version="1.0"?>
<xs:schema xmlns="urn:iso:std:iso:20022:tech:xsd:demo.001.001.02" elementFormDefault="qualified"
    xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:iso:std:iso:20022:tech:xsd:demo.001.001.02">
  <xs:element name="Document" type="Document"/>
  <xs:complexType name="Document"><xs:sequence><xs:element name="Demo" type="Demo2"/></xs:sequence></xs:complexType>
  <xs:complexType name="Demo2">
    <xs:annotation><xs:documentation xml:lang="en">Words.</xs:documentation></xs:annotation>
    <xs:sequence>
      <xs:element name="Id" type="Exact4"/>
      <xs:choice>
        <xs:element name="IBAN" type="Pattern"/>
        <xs:element name="Othr" type="Max70" maxOccurs="2"/>
      </xs:choice>
      <xs:choice>
        <xs:element name="ToDt" type="Day" minOccurs="0"/>
        <xs:element name="Days" type="Positive"/>
      </xs:choice>
      <xs:element name="Line" type="Max70" minOccurs="2" maxOccurs="unbounded"/>
      <xs:element name="Pair" type="Only" minOccurs="0" maxOccurs="3"/>
      <xs:element name="Rate" type="Rate" minOccurs="0"/>
      <xs:element name="Yr" type="Year" minOccurs="0"/>
      <xs:element name="Mnth" type="Month" minOccurs="0"/>
      <xs:element name="At" type="Utc" minOccurs="0"/>
      <xs:element name="Ind" type="xs:boolean" minOccurs="0"/>
      <xs:element name="Cd" type="Code" minOccurs="0"/>
      <xs:element name="Bin" type="Octets" minOccurs="0"/>
      <xs:element name="Amt" type="Amount" minOccurs="0"/>
      <xs:element name="Sum" type="AnySum" minOccurs="0"/>
    </xs:sequence>
  </xs:complexType>
  <xs:complexType name="Only"><xs:sequence><xs:choice>
    <xs:element name="A" type="Max70"/><xs:element name="B" type="Max70"/>
  </xs:choice></xs:sequence></xs:complexType>
  <xs:complexType name="Amount"><xs:simpleContent><xs:extension base="Rate">
    <xs:attribute name="Ccy" type="Ccy" use="required"/></xs:extension></xs:simpleContent></xs:complexType>
  <xs:simpleType name="Ccy"><xs:restriction base="xs:string"><xs:pattern value="[A-Z]{3,3}"/></xs:restriction></xs:simpleType>
  <xs:simpleType name="Exact4"><xs:restriction base="xs:string"><xs:length value="4"/><xs:pattern value="[A-Z0-9-]*"/></xs:restriction></xs:simpleType>
  <xs:simpleType name="Pattern"><xs:restriction base="xs:string"><xs:pattern value="(BB|CC)[BCDF\d]{2}\d|\+[^/]+"/></xs:restriction></xs:simpleType>
  <xs:simpleType name="Max70"><xs:restriction base="xs:string"><xs:maxLength value="70"/></xs:restriction></xs:simpleType>
  <xs:simpleType name="Day"><xs:restriction base="xs:date"/></xs:simpleType>
  <xs:simpleType name="Positive"><xs:restriction base="xs:decimal"><xs:totalDigits value="3"/><xs:fractionDigits value="0"/><xs:minInclusive value="1"/></xs:restriction></xs:simpleType>
  <xs:simpleType name="Rate"><xs:restriction base="xs:decimal"><xs:minInclusive value="-5.5"/><xs:maxInclusive value="100"/><xs:totalDigits value="5"/><xs:fractionDigits value="2"/></xs:restriction></xs:simpleType>
  <xs:simpleType name="AnySum"><xs:restriction base="xs:decimal"><xs:minInclusive value="0"/><xs:maxInclusive value="999"/></xs:restriction></xs:simpleType>
  <xs:simpleType name="Year"><xs:restriction base="xs:gYear"><xs:minInclusive value="2000"/><xs:maxInclusive value="2099"/></xs:restriction></xs:simpleType>
  <xs:simpleType name="Month"><xs:restriction base="xs:gMonth"/></xs:simpleType>
  <xs:simpleType name="Utc"><xs:restriction base="xs:dateTime"><xs:pattern value=".*Z"/></xs:restriction></xs:simpleType>
  <xs:simpleType name="Code"><xs:restriction base="xs:string"><xs:minLength value="1"/><xs:maxLength value="4"/><xs:enumeration value="ABCD"/><xs:enumeration value="LONGER"/></xs:restriction></xs:simpleType>
  <xs:simpleType name="Octets"><xs:restriction base="xs:base64Binary"/></xs:simpleType>
</xs:schema>
"""
"""Everything that published schemas use, in one of our own."""

TEXTS = (
    "",
    " ",
    "ABCD",
    "LONGER",
    "ABCDE",
    "BBB11",
    "BB1B2",
    "+12",
    "+/",
    "2000",
    "1999",
    "2099Z",
    "2100",
    "-2050",
    "--11",
    "--13",
    "--11Z",
    "11",
    "2026-11-23T10:00:00Z",
    "2026-11-23T10:00:00+01:00",
    "2026-11-23",
    "0",
    "1",
    "001",
    "1000",
    "-5.5",
    "-5.51",
    "100",
    "100.01",
    "1e2",
    "true",
    "1 ",
    "QUJD",
    "QUJD=",
    "QR==",
    "=",
    "x" * 71,
    "999.5",
    "0.0001",
)


def documents_of_demo(chance: random.Random) -> str:
    """A document in which each element is there, missing, doubled, moved or another, at random."""
    parts = [
        ("Id", "ABCD"),
        chance.choice((("IBAN", "BBB11"), ("Othr", "x"))),
        ("Days", "5"),
        ("Line", "a"),
        ("Line", "b"),
        ("Pair", "<A>x</A>"),
        ("Rate", "-5.5"),
        ("Yr", "2026"),
        ("Mnth", "--11"),
        ("At", "2026-11-23T10:00:00Z"),
        ("Ind", "0"),
        ("Cd", "ABCD"),
        ("Bin", "QUJD"),
        ("Amt", "5"),
        ("Sum", "1.5"),
    ]
    if chance.random() < 0.4:
        parts = parts[:5] + [part for part in parts[5:] if chance.random() < 0.5]
    for _ in range(chance.choice((0, 1, 1, 2))):
        place = chance.randrange(len(parts))
        match chance.randrange(5):
            case 0:
                parts[place] = (parts[place][0], chance.choice(TEXTS))
            case 1:
                parts.insert(place, parts[place])
            case 2 if len(parts) > 1:
                del parts[place]
            case 3:
                parts.insert(chance.randrange(len(parts)), parts.pop(place))
            case _:
                parts.insert(
                    place,
                    chance.choice((("ToDt", "2026-11-23"), ("Othr", "y"), ("IBAN", "+1"), ("Line", "c"))),
                )
    inner = "".join(
        f"<{tag}{' Ccy=' + chr(34) + 'EUR' + chr(34) if tag == 'Amt' else ''}>{text}</{tag}>"
        for tag, text in parts
    )
    return f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:demo.001.001.02"><Demo>{inner}</Demo></Document>'


def test_every_construct_of_published_schemas_is_read_as_by_libxml2(tmp_path):
    """Imported into a catalogue of one's own, in a process of its own, against libxml2 and both ways."""
    (tmp_path / "demo.xsd").write_text(EVERY_CONSTRUCT)
    own = tmp_path / "own"
    imported = importer.read_xsd(tmp_path / "demo.xsd")
    notation.write(imported, own)
    assert notation.read(own) == imported
    official = etree.XMLSchema(etree.fromstring(EVERY_CONSTRUCT.encode()))
    chance = random.Random(20022)
    texts = [documents_of_demo(chance) for _ in range(3000)]
    expected = [official.validate(etree.fromstring(text)) for text in texts]
    assert 300 < sum(expected) < 2700
    (tmp_path / "texts.json").write_text(json.dumps(texts))

    found = subprocess.run(
        [sys.executable, "-c", VERDICTS, str(tmp_path / "texts.json")],
        env={**os.environ, "PAYSWITCH_CATALOGUE": str(own)},
        capture_output=True,
        check=True,
        cwd=REPOSITORY,
    )

    verdicts = json.loads(found.stdout)
    wrong = [
        text
        for text, mine, theirs in zip(texts, verdicts, expected, strict=True)
        if mine not in {None, theirs}
    ]
    assert wrong == []


VERDICTS = """
import json, sys
import jsonschema
from schemas import codec, json_schema
from schemas.errors import InvalidMessage

validator = jsonschema.Draft202012Validator(json_schema.standalone("demo.001.001.02"))

def verdict(text):
    try:
        message = codec.decode(text.encode(), media_type=codec.XML)
    except InvalidMessage as error:
        assert error.problems and all(problem.line for problem in error.problems), text
        return None if error.rule == "base64" else False  # of which libxml2 takes more
    as_json = codec.encode(message.id, message.document, media_type=codec.JSON)
    validator.validate(json.loads(as_json))
    again = codec.decode(as_json, media_type=codec.JSON)
    assert again.document == message.document, text
    assert codec.encode(message.id, again.document, media_type=codec.XML).decode().endswith("</Demo></Document>")
    return True

print(json.dumps([verdict(text) for text in json.load(open(sys.argv[1]))]))
"""


@pytest.mark.parametrize(
    "type_text",
    [
        TEXT_TYPE.format('<xs:whiteSpace value="collapse"/>'),
        TEXT_TYPE.format(r'<xs:pattern value="\p{L}+"/>'),
        TEXT_TYPE.format('<xs:pattern value="[A-Z-[AEIOU]]"/>'),
        TEXT_TYPE.format('<xs:pattern value="A"/><xs:pattern value="B"/>'),
        '<xs:simpleType name="DemoText"><xs:union memberTypes="A B"/></xs:simpleType>',
        '<xs:complexType name="DemoText"><xs:all><xs:element name="A" type="B"/></xs:all></xs:complexType>',
        (
            '<xs:complexType name="DemoText"><xs:sequence maxOccurs="2"><xs:element name="A" type="B"/>'
            "</xs:sequence></xs:complexType>"
        ),
        '<xs:complexType name="DemoText"><xs:sequence><xs:element ref="A"/></xs:sequence></xs:complexType>',
        '<xs:simpleType name="DemoText"><xs:restriction base="xs:integer"/></xs:simpleType>',
    ],
)
def test_import_refuses_what_it_does_not_fully_understand(tmp_path, type_text):
    path = tmp_path / "demo.xsd"
    path.write_text(XSD.format(type=type_text))

    with pytest.raises(importer.UnsupportedSchema):
        importer.read_xsd(path)


def message_of(name: str, text: Text) -> Catalogue:
    kinds = {"Doc": Sequence((Member("Id", "Reference"), Member("Nm", "Name"))), "Reference": text}
    return Catalogue({name: Root("Demo", "Doc")}, {**kinds, "Name": Text(1, 70)})


def test_a_type_that_means_something_else_bears_its_message_s_name():
    first, second = message_of("demo.001.001.01", Text(1, 35)), message_of("demo.001.001.02", Text(1, 16))

    merged = first.merged(second)

    assert merged.types["Reference"] == Text(1, 35)
    assert merged.types["Reference-demo.001.001.02"] == Text(1, 16)
    assert merged.messages["demo.001.001.02"].type == "Doc-demo.001.001.02"
    assert merged.types["Doc-demo.001.001.02"].members[1].type == "Name"
    assert merged.merged(second) == merged, "the same message once more changes nothing"


def test_a_message_that_means_two_things_is_refused():
    one, other = message_of("demo.001.001.01", Text(1, 2)), message_of("demo.001.001.01", Text(1, 3))

    with pytest.raises(ValueError, match="two different definitions"):
        one.merged(other)


@pytest.mark.parametrize("line", ["Broken  text 1-2", "Broken  number 5", "Broken  boolean 5"])
def test_an_unreadable_value_is_refused_by_its_line(tmp_path, line):
    (tmp_path / "values.txt").write_text(line + "\n")

    with pytest.raises(ValueError, match="Broken"):
        notation.read(tmp_path)
