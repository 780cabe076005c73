"""Hostile bytes, row by row: each is refused by the gate that is meant for it, and only with `InvalidMessage`."""

import time

import pytest

from schemas import codec, examples
from schemas.errors import InvalidMessage, MessageTooLarge, UnsupportedRepresentation
from tests.schemas.corpus import PACS_008

SAMPLE = PACS_008.read_bytes()
MESSAGE = codec.decode(SAMPLE, media_type=codec.XML)
PLAIN = codec.encode(MESSAGE.id, MESSAGE.document, media_type=codec.XML)
DECLARATION, BODY = PLAIN.split(b"\n", 1)
AS_JSON = codec.encode(MESSAGE.id, MESSAGE.document, media_type=codec.JSON)
HEADER = {
    "Fr": {"FIId": {"FinInstnId": {"BICFI": "DEMOINBBXXX"}}},
    "To": {"FIId": {"FinInstnId": {"BICFI": "DEMOKZKAXXX"}}},
    "BizMsgIdr": "DEMOINBB-20261123-000042",
    "MsgDefIdr": "pacs.008.001.08",
    "CreDt": "2026-11-23T14:05:07+05:30",
}
WITH_HEADER = codec.encode(MESSAGE.id, MESSAGE.document, media_type=codec.XML, header=HEADER)
XSI = b'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
ID = b"<EndToEndId>INVOICE-2026-1187</EndToEndId>"
assert ID in PLAIN


def with_doctype(declaration: bytes, reference: bytes = b"INVOICE-2026-1187") -> bytes:
    return DECLARATION + declaration + BODY.replace(b"INVOICE-2026-1187", reference)


def with_id(content: bytes) -> bytes:
    return PLAIN.replace(ID, b"<EndToEndId>" + content + b"</EndToEndId>")


def with_foreign(content: bytes) -> bytes:
    data = b"<SplmtryData><Envlp>" + content + b"</Envlp></SplmtryData>"
    return PLAIN.replace(b"</CdtTrfTxInf>", data + b"</CdtTrfTxInf>")


def json_with_foreign(content: bytes) -> bytes:
    data = b'"SplmtryData":[{"Envlp":"<a>' + content + b'</a>"}],'
    return AS_JSON.replace(b'"CdtTrfTxInf":', data + b'"CdtTrfTxInf":')


ATTRIBUTES = b" ".join(b'a%d=""' % number for number in range(20_000))
BOMB = b"<!DOCTYPE d [" + b"".join(
    b'<!ENTITY a%d "%s">' % (level, (b"&a%d;" % (level - 1)) * 10 if level else b"ha") for level in range(9)
)

# fmt: off
XML_ATTACKS = {
    "external entity from a file": (with_doctype(b'<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>', b"&x;"), "doctype"),
    "external entity over http": (with_doctype(b'<!DOCTYPE d [<!ENTITY x SYSTEM "http://127.0.0.1:9/">]>', b"&x;"), "doctype"),
    "parameter entity": (with_doctype(b'<!DOCTYPE d [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]>'), "doctype"),
    "external DTD": (with_doctype(b'<!DOCTYPE d SYSTEM "http://127.0.0.1:9/d.dtd">'), "doctype"),
    "empty document type": (with_doctype(b"<!DOCTYPE Document>"), "doctype"),
    "internal entity": (with_doctype(b'<!DOCTYPE d [<!ENTITY e "EVIL">]>', b"&e;"), "doctype"),
    "billion laughs": (with_doctype(BOMB + b"]>", b"&a8;"), "doctype"),
    "undeclared entity": (with_id(b"&evil;"), "well-formed"),
    "default attributes from a DTD": (with_doctype(b"<!DOCTYPE d [<!ATTLIST MsgId a CDATA 'x'>]>"), "doctype"),
    "depth 300": (DECLARATION + b"<a>" * 300 + b"</a>" * 300, "well-formed"),
    "depth a million": (b"<a>" * 1_000_000, "size"),
    "a text of 11 MB": (with_id(b"A" * 11_000_000), "size"),
    "100,000 attributes": (DECLARATION + b"<Document " + b" ".join(b'a%d=""' % n for n in range(100_000)) + b"/>", "size"),
    "a million siblings": (PLAIN.replace(b"<Ustrd>", b"<Ustrd>x</Ustrd><Ustrd>" * 100_000, 1), "size"),
    "as many siblings as fit": (PLAIN.replace(b"<CdtTrfTxInf>", b"<a/>" * 60_000 + b"<CdtTrfTxInf>"), "elements"),
    "as many comments as fit": (PLAIN.replace(b"<CdtTrfTxInf>", b"<!---->" * 30_000 + b"<CdtTrfTxInf>"), "elements"),
    "as many attributes as fit": (PLAIN.replace(b"<Document", b"<Document " + ATTRIBUTES), "attribute"),
    "as many in foreign content": (with_foreign(b"<a " + ATTRIBUTES + b"/>"), "attribute"),
    "a relative namespace in foreign content": (with_foreign(b'<a xmlns="u"/>'), "foreign"),
    "as many zeros as fit, and no number": (PLAIN.replace(b"512340.50", b"0" * 240_000 + b"x"), "decimal"),
    "as many decimals as fit, and no number": (PLAIN.replace(b"512340.50", b"1." + b"0" * 240_000 + b"x"), "decimal"),
    "a leap day in a year of 5,000 digits": (PLAIN.replace(b">2026-11-23<", b">" + b"2" * 5000 + b"-02-29<"), "date"),
    "a leap instant in a year of 5,000 digits": (PLAIN.replace(b">2026-11-23T", b">" + b"2" * 5000 + b"-02-29T", 1), "date"),
    "a comment inside a value": (with_id(b"IN2026<!-- -->0413"), "comment"),
    "a comment at a value's end": (with_id(b"IN20260413<!-- -->"), "comment"),
    "a processing instruction inside a value": (with_id(b"IN2026<?x y?>0413"), "processing-instruction"),
    "a processing instruction first of all": (b"<?xml-stylesheet href='x'?>" + BODY, "processing-instruction"),
    "a processing instruction before the root": (DECLARATION + b"<?xml-stylesheet href='x'?>" + BODY, "processing-instruction"),
    "a second declaration": (DECLARATION + DECLARATION + BODY, "processing-instruction"),
    "UTF-16 with a byte order mark": (PLAIN.decode().replace("UTF-8", "UTF-16").encode("utf-16"), "encoding"),
    "UTF-16 without": (PLAIN.decode().replace("UTF-8", "UTF-16").encode("utf-16-le"), "encoding"),
    "UTF-32": (PLAIN.decode().encode("utf-32"), "encoding"),
    "declared as ISO-8859-1": (PLAIN.replace(b"UTF-8", b"ISO-8859-1"), "encoding"),
    "declared as UTF-7": (PLAIN.replace(b"UTF-8", b"UTF-7"), "encoding"),
    "EBCDIC": (PLAIN.decode().encode("cp500", "replace"), "encoding"),
    "XML 1.1": (PLAIN.replace(b'version="1.0"', b'version="1.1"'), "encoding"),
    "an overlong slash": (with_id(b"\xc0\xaf"), "encoding"),
    "a surrogate in UTF-8": (with_id(b"\xed\xa0\x80"), "encoding"),
    "a byte that no UTF-8 has": (with_id(b"\xff"), "encoding"),
    "a NUL": (with_id(b"a\0b"), "encoding"),
    "a NUL by reference": (with_id(b"a&#0;b"), "well-formed"),
    "a control character": (with_id(b"a\x01b"), "well-formed"),
    "a control character by reference": (with_id(b"a&#1;b"), "well-formed"),
    "U+FFFE": (with_id("\ufffe".encode()), "well-formed"),
    "a blank before the declaration": (b" " + PLAIN, "processing-instruction"),
    "junk after the root": (PLAIN + b"junk", "well-formed"),
    "a second root": (PLAIN + BODY, "well-formed"),
    "nothing": (b"", "well-formed"),
    "only a declaration": (DECLARATION, "well-formed"),
    "half a message": (PLAIN[: len(PLAIN) // 2], "well-formed"),
    "no namespace": (PLAIN.replace(b' xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08"', b""), "envelope"),
    "another namespace": (PLAIN.replace(b"pacs.008.001.08", b"pacs.008.001.99", 1), "version"),
    "a namespace of another message": (PLAIN.replace(b"pacs.008.001.08", b"pacs.009.001.08", 1), "element"),
    "an element of a foreign namespace": (PLAIN.replace(b"<EndToEndId>", b'<EndToEndId xmlns="urn:x">'), "element"),
    "xsi:type": (PLAIN.replace(b"<EndToEndId>", b"<EndToEndId " + XSI + b' xsi:type="Max35Text">'), "attribute"),
    "xsi:nil": (PLAIN.replace(b"<EndToEndId>", b"<EndToEndId " + XSI + b' xsi:nil="true">'), "attribute"),
    "xml:base": (PLAIN.replace(b"<EndToEndId>", b'<EndToEndId xml:base="http://x/">'), "attribute"),
    "XInclude": (with_id(b'<i:include xmlns:i="http://www.w3.org/2001/XInclude" href="/etc/passwd"/>'), "element"),
    "an attribute where none belongs": (PLAIN.replace(b"<EndToEndId>", b'<EndToEndId Ccy="EUR">'), "attribute"),
    "a currency in a foreign namespace": (PLAIN.replace(b' Ccy="KZT"', b' x:Ccy="KZT" xmlns:x="urn:x"'), "attribute"),
    "a markup in a value": (with_id(b"<b>x</b>"), "element"),
    "text between elements": (PLAIN.replace(b"<EndToEndId>", b"evil<EndToEndId>"), "text"),
    "a no-break space between elements": (PLAIN.replace(b"<EndToEndId>", b"\xc2\xa0<EndToEndId>"), "text"),
    "a CDATA between elements": (PLAIN.replace(b"<EndToEndId>", b"<![CDATA[x]]><EndToEndId>"), "text"),
    "a header alone": (codec.element("head.001.001.02", "AppHdr", HEADER).encode(), "envelope"),
    "two documents": (WITH_HEADER.replace(b"</Envelope>", BODY + b"</Envelope>"), "envelope"),
    "two headers": (WITH_HEADER.replace(b"<Document", codec.element("head.001.001.02", "AppHdr", HEADER).encode() + b"<Document"), "envelope"),
    "a document hidden deep in an envelope": (b"<a><b><c><d>" + BODY + b"</d></c></b></a>", "envelope"),
    "a document inside another message's element": (b'<x xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.009.001.08">' + BODY + b"</x>", "envelope"),
    "an exponent": (PLAIN.replace(b"512340.50", b"5e5"), "decimal"),
    "not a number": (PLAIN.replace(b"512340.50", b"NaN"), "decimal"),
    "an underscore in a number": (PLAIN.replace(b"512340.50", b"512_340.50"), "decimal"),
    "full-width digits": (PLAIN.replace(b"512340.50", "\uff15\uff11".encode()), "decimal"),
    "a negative amount": (PLAIN.replace(b"512340.50", b"-512340.50"), "minimum"),
    "nineteen digits": (PLAIN.replace(b"512340.50", b"1234567890123456789"), "digits"),
    "six decimals": (PLAIN.replace(b"512340.50", b"1.000001"), "digits"),
    "a UUID version 7": (PLAIN.replace(b"-4a53-", b"-7a53-"), "pattern"),
    "an upper-case UETR": (PLAIN.replace(b"7b0f2f3e", b"7B0F2F3E"), "pattern"),
    "a trailing newline after a pattern": (PLAIN.replace(b"<Ctry>IN</Ctry>", b"<Ctry>IN\n</Ctry>"), "pattern"),
}

JSON_ATTACKS = {
    "a duplicate key": (AS_JSON.replace(b'"Amt":"512340.50"', b'"Amt":"1.00","Amt":"512340.50"'), "duplicate-key"),
    "a duplicate key by escape": (AS_JSON.replace(b'"Amt":"512340.50"', b'"\\u0041mt":"1.00","Amt":"512340.50"'), "duplicate-key"),
    "an amount as a number": (AS_JSON.replace(b'"512340.50"', b"512340.50"), "type"),
    "an integer": (AS_JSON.replace(b'"NbOfTxs":"1"', b'"NbOfTxs":1'), "type"),
    "a huge integer": (AS_JSON.replace(b'"512340.50"', b"9" * 5000), "type"),
    "as many zeros as fit, and no number": (AS_JSON.replace(b"512340.50", b"0" * 240_000 + b"x"), "decimal"),
    "as many items as fit": (AS_JSON.replace(b'"Ustrd":[', b'"Ustrd":[' + b'"x",' * 60_000), "elements"),
    "elements in foreign content": (json_with_foreign(b"<b/>" * 50_000), "elements"),
    "attributes in foreign content": (json_with_foreign(b"<b " + ATTRIBUTES.replace(b'"', b"'") + b"/>"), "attribute"),
    "a relative namespace in foreign content": (json_with_foreign(b"<b xmlns='u'/>"), "foreign"),
    "NaN": (AS_JSON.replace(b'"512340.50"', b"NaN"), "type"),
    "Infinity": (AS_JSON.replace(b'"512340.50"', b"-Infinity"), "type"),
    "1e999": (AS_JSON.replace(b'"512340.50"', b"1e999"), "type"),
    "null": (AS_JSON.replace(b'"512340.50"', b"null"), "type"),
    "a boolean for a text": (AS_JSON.replace(b'"INVOICE-2026-1187"', b"true"), "type"),
    "a lone surrogate": (AS_JSON.replace(b"INVOICE-2026-1187", b"\\ud800"), "character"),
    "a NUL by escape": (AS_JSON.replace(b"INVOICE-2026-1187", b"a\\u0000b"), "character"),
    "a control character by escape": (AS_JSON.replace(b"INVOICE-2026-1187", b"a\\u0001b"), "character"),
    "a control character": (AS_JSON.replace(b"INVOICE-2026-1187", b"a\x01b"), "well-formed"),
    "U+FFFE": (AS_JSON.replace(b"INVOICE-2026-1187", "\ufffe".encode()), "character"),
    "a lone surrogate as a key": (AS_JSON.replace(b'"MsgId"', b'"\\udc00"'), "character"),
    "a byte order mark": (b"\xef\xbb\xbf" + AS_JSON, "encoding"),
    "UTF-16": (AS_JSON.decode().encode("utf-16"), "encoding"),
    "no UTF-8": (AS_JSON.replace(b"INVOICE", b"\xc3\x28"), "encoding"),
    "depth 100,000": (b"[" * 100_000 + b"]" * 100_000, "well-formed"),
    "depth 8,000 in objects": (b'{"a":' * 8_000 + b"1" + b"}" * 8_000, "well-formed"),
    "an array": (b"[]", "type"),
    "a string": (b'"x"', "type"),
    "nothing": (b"", "well-formed"),
    "junk after it": (AS_JSON + b"x", "well-formed"),
    "a comment": (AS_JSON + b"/* */", "well-formed"),
    "__proto__": (AS_JSON.replace(b'"MsgId"', b'"__proto__":{},"MsgId"'), "element"),
    "an unknown member": (AS_JSON.replace(b'"MsgId"', b'"Evil":"x","MsgId"'), "element"),
    "an unknown member at the top": (AS_JSON.replace(b'{"$type"', b'{"Evil":{},"$type"'), "element"),
    "a string for an array": (AS_JSON.replace(b'["Invoice 1187 of 2 November 2026, cotton yarn, 40 bales"]', b'"x"'), "type"),
    "an empty array": (AS_JSON.replace(b'"Ustrd":["Invoice 1187 of 2 November 2026, cotton yarn, 40 bales"]', b'"Ustrd":[]'), "type"),
    "two of a choice": (AS_JSON.replace(b'"Purp":{', b'"Purp":{"Prtry":"x",'), "choice"),
    "none of a choice": (AS_JSON.replace(b'"Purp":{"Cd":"GDDS"}', b'"Purp":{}'), "choice"),
    "no type": (AS_JSON.replace(b'"$type":"pacs.008.001.08",', b""), "version"),
    "a type that is no string": (AS_JSON.replace(b'"$type":"pacs.008.001.08"', b'"$type":{}'), "version"),
    "a type that is a header": (AS_JSON.replace(b'"$type":"pacs.008.001.08"', b'"$type":"head.001.001.02"'), "version"),
    "a header that is no object": (AS_JSON.replace(b'"Document"', b'"AppHdr":"x","Document"'), "type"),
    "a document that is no object": (b'{"$type":"pacs.008.001.08","Document":"x"}', "type"),
    "no document": (b'{"$type":"pacs.008.001.08"}', "type"),
}
# fmt: on


@pytest.mark.parametrize(
    ("media_type", "raw", "rule"),
    [
        *(pytest.param(codec.XML, *row, id=f"XML: {name}") for name, row in XML_ATTACKS.items()),
        *(pytest.param(codec.JSON, *row, id=f"JSON: {name}") for name, row in JSON_ATTACKS.items()),
    ],
)
def test_an_attack_is_refused_by_its_gate(media_type, raw, rule):
    assert raw not in {PLAIN, AS_JSON, WITH_HEADER}
    start = time.thread_time()
    with pytest.raises(InvalidMessage) as refusal:
        codec.decode(raw, media_type=media_type)

    assert refusal.value.rule == rule
    assert time.thread_time() - start < 0.5


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize(("media_type", "raw"), [(codec.XML, PLAIN), (codec.JSON, AS_JSON)])
def test_a_wide_encoding_is_not_called_a_nul(media_type, raw, encoding):
    with pytest.raises(InvalidMessage, match="the encoding must be UTF-8"):
        codec.decode(raw.decode().encode(encoding), media_type=media_type)


@pytest.mark.parametrize("raw", [row[0] for row in (*XML_ATTACKS.values(), *JSON_ATTACKS.values())])
def test_an_error_never_repeats_what_was_sent(raw):
    secret = "INVOICE-2026-1187"
    for media_type in (codec.XML, codec.JSON):
        with pytest.raises(InvalidMessage) as refusal:
            codec.decode(
                raw, media_type=codec.JSON if media_type == codec.XML and raw[:1] == b"{" else codec.XML
            )
        assert secret not in f"{refusal.value.detail} {refusal.value.path}"


# What looks odd and is not an attack


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"\xef\xbb\xbf" + PLAIN, id="a byte order mark, which XML allows"),
        pytest.param(BODY, id="no declaration"),
        pytest.param(PLAIN.replace(b"<GrpHdr>", b"<!-- hello --><GrpHdr>"), id="a comment between elements"),
        pytest.param(DECLARATION + b"<!-- hello -->" + BODY + b"<!-- bye -->", id="comments around"),
        pytest.param(with_id(b"INVOICE&#45;2026-1187"), id="a character reference"),
        pytest.param(with_id(b"<![CDATA[INVOICE-2026-1187]]>"), id="a CDATA section"),
        pytest.param(
            BODY.replace(b"<", b"<p:").replace(b"<p:/", b"</p:").replace(b"xmlns=", b"xmlns:p="),
            id="a prefix",
        ),
        pytest.param(SAMPLE.replace(b"\n", b"\r\n"), id="line ends of another system"),
        pytest.param(
            BODY.replace(
                b"<Document", b"<Document " + XSI + b' xsi:schemaLocation="urn:x http://127.0.0.1:9/x.xsd"'
            ),
            id="a schema location, which nobody fetches",
        ),
    ],
)
def test_an_unusual_but_valid_message_reads_the_same(raw):
    assert codec.decode(raw, media_type=codec.XML).document == MESSAGE.document


LOOKS = (
    "<?xml version='1.0'?><!DOCTYPE x [<!ENTITY e 'x'>]><x>&e;</x>",
    "<?php evil ?>",
    "<!DOCTYPE x>",
    "<!-- comment -->",
)


@pytest.mark.parametrize("text", LOOKS)
def test_text_like_a_declaration_is_text_in_cdata_and_nothing_in_a_comment(text):
    """An admi.002 carries the message that it is about, and so do comments that people leave."""
    rejection = (
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:admi.002.001.01"><admi.002.001.01><RltdRef>'
        "<Ref>R1</Ref></RltdRef><Rsn><RjctgPtyRsn>FF01</RjctgPtyRsn><AddtlData>{}</AddtlData></Rsn>"
        "</admi.002.001.01></Document>"
    )
    message = codec.decode(rejection.format(f"<![CDATA[{text}]]>").encode(), media_type=codec.XML)
    assert message.content["Rsn"]["AddtlData"] == text
    written = codec.encode(message.id, message.document, media_type=codec.XML)
    assert codec.decode(written, media_type=codec.XML).document == message.document

    comment = f"<!-- {text.replace('--', '')} --><GrpHdr>".encode()
    commented = codec.decode(PLAIN.replace(b"<GrpHdr>", comment), media_type=codec.XML)
    assert commented.document == MESSAGE.document


@pytest.mark.parametrize(
    "content",
    [b"<a><![CDATA[<?pi?><!DOCTYPE x>]]></a>", b"<a>&lt;?pi?&gt;</a>"],
)
def test_foreign_content_may_hold_text_like_a_declaration(content):
    message = codec.decode(with_foreign(content), media_type=codec.XML)
    written = codec.encode(message.id, message.document, media_type=codec.JSON)

    assert codec.decode(written, media_type=codec.JSON).document == message.document


def test_many_brackets_inside_a_cdata_section_are_no_elements():
    text = b"<a/>" * 5000
    raw = with_foreign(b"<a><![CDATA[" + text + b"]]></a>")

    assert codec.decode(raw, media_type=codec.XML).id == MESSAGE.id


@pytest.mark.parametrize("indicator", [b"1", b"0", b"true", b"false"])
def test_an_indicator_comes_back_as_it_was_written(indicator):
    cancel = codec.encode("camt.056.001.08", examples.document("camt.056.001.08"), media_type=codec.XML)
    group = (
        b"<OrgnlMsgId>M</OrgnlMsgId><OrgnlMsgNmId>pacs.008</OrgnlMsgNmId><GrpCxl>" + indicator + b"</GrpCxl>"
    )
    raw = cancel.replace(b"<Undrlyg>", b"<Undrlyg><OrgnlGrpInfAndCxl>" + group + b"</OrgnlGrpInfAndCxl>", 1)
    message = codec.decode(raw, media_type=codec.XML)
    as_json = codec.encode(message.id, message.document, media_type=codec.JSON)
    again = codec.decode(as_json, media_type=codec.JSON)

    assert b'"GrpCxl":' + indicator in as_json
    assert b"<GrpCxl>" + indicator in codec.encode(message.id, again.document, media_type=codec.XML)
    (underlying,) = message.content["Undrlyg"]
    assert bool(underlying["OrgnlGrpInfAndCxl"]["GrpCxl"]) == (indicator in {b"1", b"true"})


@pytest.mark.parametrize("number", [b"2", b"-1", b"1.0", b"01"])
def test_no_other_number_is_an_indicator(number):
    raw = codec.encode("camt.056.001.08", examples.document("camt.056.001.08"), media_type=codec.JSON)
    raw = raw.replace(b'"Undrlyg":[{', b'"Undrlyg":[{"OrgnlGrpInfAndCxl":{"GrpCxl":' + number + b"},", 1)

    with pytest.raises(InvalidMessage):
        codec.decode(raw, media_type=codec.JSON)


def test_blanks_inside_a_value_are_kept_even_before_a_cdata_section():
    """The fast parser would drop a blank that stands between a tag and a CDATA section."""
    message = codec.decode(with_id(b" <![CDATA[x]]> "), media_type=codec.XML)

    assert message.content["CdtTrfTxInf"][0]["PmtId"]["EndToEndId"] == " x "


@pytest.mark.parametrize("blank", [b" ", b"\n", b" \t\n ", b" " * 35])
def test_a_value_of_blanks_is_kept(blank):
    message = codec.decode(with_id(blank), media_type=codec.XML)

    assert message.content["CdtTrfTxInf"][0]["PmtId"]["EndToEndId"] == blank.decode()


# Agreement


def test_the_header_must_name_the_document():
    raw = WITH_HEADER.replace(b"<MsgDefIdr>pacs.008.001.08", b"<MsgDefIdr>pacs.008.001.10")

    with pytest.raises(InvalidMessage) as refusal:
        codec.decode(raw, media_type=codec.XML)

    assert (refusal.value.rule, refusal.value.path) == ("agreement", "AppHdr/MsgDefIdr")


@pytest.mark.parametrize("media_type", [codec.XML, codec.JSON])
def test_the_endpoint_must_accept_the_message(media_type):
    raw = PLAIN if media_type == codec.XML else AS_JSON
    for expect in ("pacs.008", "pacs.008.001.08"):
        assert codec.decode(raw, media_type=media_type, expect=expect).id == MESSAGE.id
    for expect in ("pacs.002", "pacs.008.001.10", "pacs.00"):
        with pytest.raises(InvalidMessage) as refusal:
            codec.decode(raw, media_type=media_type, expect=expect)
        assert refusal.value.rule == "agreement"


@pytest.mark.parametrize(("form", "raw"), [("xml", PLAIN), ("json", AS_JSON)])
def test_the_media_type_may_pin_the_message(form, raw):
    pinned = f"application/vnd.iso20022.pacs.008.001.08+{form}"
    wrong = f"application/vnd.iso20022.pacs.008.001.10+{form}; charset=utf-8"

    assert codec.decode(raw, media_type=pinned).id == MESSAGE.id
    with pytest.raises(InvalidMessage) as refusal:
        codec.decode(raw, media_type=wrong)
    assert refusal.value.rule == "agreement"


def test_a_pinned_media_type_names_json_without_a_type():
    raw = AS_JSON.replace(b'"$type":"pacs.008.001.08",', b"")

    assert codec.decode(raw, media_type="application/vnd.iso20022.pacs.008.001.08+json").id == MESSAGE.id


@pytest.mark.parametrize(
    "media_type", ["text/plain", "", "application/xml; charset=utf-16", "application/cbor"]
)
def test_other_media_types_are_unsupported(media_type):
    with pytest.raises(UnsupportedRepresentation):
        codec.decode(PLAIN, media_type=media_type)


def test_size_is_the_caller_s_to_allow():
    with pytest.raises(MessageTooLarge):
        codec.decode(PLAIN, media_type=codec.XML, max_bytes=len(PLAIN) - 1)
    assert codec.decode(PLAIN, media_type=codec.XML, max_bytes=len(PLAIN)).raw == PLAIN


@pytest.mark.parametrize("depth", range(50, 1500, 50))
def test_deep_nesting_is_only_refused_even_where_characters_are_checked(depth):
    raw = b'{"$type":' + b"[" * depth + b'"\\u0041"' + b"]" * depth + b"}"

    with pytest.raises(InvalidMessage):
        codec.decode(raw, media_type=codec.JSON)
