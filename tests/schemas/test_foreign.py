"""Foreign content: carried as it is, whatever it is; never able to bring in what the gates keep out."""

import copy

import pytest

from schemas import codec
from schemas.errors import InvalidMessage
from tests.schemas.corpus import PACS_008, namespace
from tests.schemas.test_attacks import HEADER

SAMPLE = codec.decode(PACS_008.read_bytes(), media_type=codec.XML)
SIGNATURE = "http://www.w3.org/2000/09/xmldsig#"


def with_envelope(content: str) -> dict[str, object]:
    document = copy.deepcopy(SAMPLE.document)
    document["FIToFICstmrCdtTrf"]["SplmtryData"] = [{"Envlp": content}]
    return document


CONTENTS = [
    "<a></a>",
    '<a xmlns="urn:x"></a>',
    '<a xmlns="urn:x" b="1">text &amp; more <b>x</b> tail</a>',
    '<p:a xmlns:p="urn:x"><b></b></p:a>',
    '<p:a xmlns:p="urn:x"><b xmlns="urn:y"></b></p:a>',
    "<a>  <b> </b>\n</a>",
    "<a>Алматы 中文 \U0001f600</a>",
]


@pytest.mark.parametrize("content", CONTENTS)
def test_foreign_content_survives_both_representations(content):
    document = with_envelope(content)
    for form in (codec.XML, codec.JSON):
        message = codec.decode(codec.encode(SAMPLE.id, document, media_type=form), media_type=form)
        assert message.document == document


def test_foreign_content_never_takes_over_the_message_s_namespace():
    xml = codec.encode(SAMPLE.id, with_envelope("<MsgId></MsgId>"), media_type=codec.XML)

    assert b'<Envlp><MsgId xmlns=""></MsgId></Envlp>' in xml


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        ("", "foreign"),
        ("text", "foreign"),
        ("<a></a><b></b>", "foreign"),
        ("<a></b>", "foreign"),
        ("<a>&e;</a>", "foreign"),
        ('<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>', "foreign"),
        ("<?xml version='1.0'?><a></a>", "foreign"),
        ("<a><!-- x --></a>", "foreign"),
        ("<a>\0</a>", "foreign"),
        ("<a>\ud800</a>", "foreign"),
        ("<a>" * 210 + "</a>" * 210, "depth"),
        ("</Envlp></SplmtryData>", "foreign"),
        (5, "type"),
    ],
)
def test_what_is_not_one_plain_element_is_refused(content, rule):
    for form in (codec.XML, codec.JSON):
        with pytest.raises(InvalidMessage) as refusal:
            codec.encode(SAMPLE.id, with_envelope(content), media_type=form)
        assert refusal.value.rule == rule
        assert refusal.value.path == "FIToFICstmrCdtTrf/SplmtryData/Envlp"


def test_a_document_of_the_same_schema_inside_is_held_to_it():
    """XML Schema validates what it knows even in foreign places, and so does the catalogue."""
    inner = f'<w xmlns="urn:w"><Document xmlns="{namespace(SAMPLE.id)}"><Evil></Evil></Document></w>'

    with pytest.raises(InvalidMessage) as refusal:
        codec.encode(SAMPLE.id, with_envelope(inner), media_type=codec.XML)

    assert refusal.value.rule == "element"


def test_a_signature_must_be_of_its_namespace_and_keeps_its_blanks():
    signed = f'<Signature xmlns="{SIGNATURE}">\n  <SignedInfo> </SignedInfo>\n</Signature>'
    raw = codec.encode(SAMPLE.id, SAMPLE.document, media_type=codec.XML, header={**HEADER, "Sgntr": signed})

    assert codec.decode(raw, media_type=codec.XML).header["Sgntr"] == signed
    with pytest.raises(InvalidMessage):
        codec.encode(
            SAMPLE.id,
            SAMPLE.document,
            media_type=codec.XML,
            header={**HEADER, "Sgntr": "<Signature></Signature>"},
        )


def test_deep_foreign_content_is_refused_in_xml_as_in_json():
    raw = codec.encode(SAMPLE.id, with_envelope("<a></a>"), media_type=codec.XML)
    deep = raw.replace(b'<a xmlns=""></a>', b"<a>" * 210 + b"</a>" * 210)
    assert deep != raw

    with pytest.raises(InvalidMessage) as refusal:
        codec.decode(deep, media_type=codec.XML)

    assert refusal.value.rule == "depth"


def test_a_header_inside_a_signature_is_held_to_the_header_s_schema():
    inner = (
        f'<Signature xmlns="{SIGNATURE}"><AppHdr xmlns="{namespace("head.001.001.02")}"></AppHdr></Signature>'
    )

    with pytest.raises(InvalidMessage) as refusal:
        codec.encode(SAMPLE.id, SAMPLE.document, media_type=codec.XML, header={**HEADER, "Sgntr": inner})

    assert refusal.value.rule == "missing"
