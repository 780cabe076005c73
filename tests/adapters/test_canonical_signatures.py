"""Signatures that are written and read as text: the same bytes, and the same verdicts, as those of a tree.

The reference makes the signature element by element and has libxml2 canonicalise it.
"""

import base64
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from adapters.iso20022 import envelope
from adapters.iso20022.envelope import IsoHeader
from adapters.pakistan.messages import DIALECT
from adapters.xml import parse
from schemas.errors import InvalidMessage, NotAuthentic
from schemas.signing import xmldsig
from schemas.signing.xmldsig import DS, XADES, octets_enveloped, sign_enveloped, verify_enveloped

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
AT = datetime(2026, 11, 23, 10, 0, 1, 2000, tzinfo=UTC)
INCLUSIVE = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
ENVELOPED = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
TEXT = st.text(
    st.characters(exclude_categories=("Cc", "Cs", "Cn", "Co"), include_characters="\t\n\r"), max_size=40
)
"""Everything that a message may contain, with the characters that XML writes in another way."""


# The reference


def canonical(element, method):
    return etree.tostring(element, method="c14n", exclusive=method == EXCLUSIVE, with_tail=False)


def digest(element, method):
    made = hashes.Hash(hashes.SHA256())
    made.update(canonical(element, method))
    return base64.b64encode(made.finalize()).decode()


def child(parent, tag, **attributes):
    return etree.SubElement(parent, f"{{{DS}}}{tag}", attributes)


def fill(signature, references, method):
    info = etree.Element(f"{{{DS}}}SignedInfo", nsmap={"ds": DS})
    signature.insert(0, info)
    child(info, "CanonicalizationMethod", Algorithm=method)
    child(info, "SignatureMethod", Algorithm=RSA_SHA256)
    for attributes, transforms, value in references:
        reference = child(info, "Reference", **attributes)
        listed = child(reference, "Transforms")
        for transform in transforms:
            child(listed, "Transform", Algorithm=transform)
        child(reference, "DigestMethod", Algorithm=SHA256)
        child(reference, "DigestValue").text = value
    value = etree.Element(f"{{{DS}}}SignatureValue", nsmap={"ds": DS})
    made = KEY.sign(canonical(info, method), padding.PKCS1v15(), hashes.SHA256())
    value.text = base64.b64encode(made).decode()
    signature.insert(1, value)


def key_info(signature):
    numbers = KEY.public_key().public_numbers()
    found = child(signature, "KeyInfo")
    stated = child(child(found, "KeyValue"), "RSAKeyValue")
    child(stated, "Modulus").text = base64.b64encode(numbers.n.to_bytes(256, "big")).decode()
    child(stated, "Exponent").text = base64.b64encode(numbers.e.to_bytes(3, "big")).decode()
    return found


def enveloped_by_tree(root):
    references = [({"URI": ""}, (ENVELOPED, INCLUSIVE), digest(root, INCLUSIVE))]
    signature = etree.SubElement(root, f"{{{DS}}}Signature", nsmap={"ds": DS})
    fill(signature, references, INCLUSIVE)
    key_info(signature)
    return canonical(root, INCLUSIVE)


def xades_by_tree(unsigned):
    root = parse(unsigned)
    head = root.find(".//{*}AppHdr")
    place = etree.SubElement(head, f"{{{etree.QName(head).namespace}}}Sgntr")
    whole = ({"URI": ""}, (ENVELOPED, EXCLUSIVE), digest(root, EXCLUSIVE))
    signature = etree.SubElement(place, f"{{{DS}}}Signature", {"Id": "signature"}, nsmap={"ds": DS})
    stated = key_info(signature)
    stated.set("Id", "key")
    qualifying = etree.SubElement(
        child(signature, "Object"),
        f"{{{XADES}}}QualifyingProperties",
        {"Target": "#signature"},
        nsmap={"xades": XADES},
    )
    properties = etree.SubElement(qualifying, f"{{{XADES}}}SignedProperties", {"Id": "properties"})
    about = etree.SubElement(properties, f"{{{XADES}}}SignedSignatureProperties")
    etree.SubElement(about, f"{{{XADES}}}SigningTime").text = AT.isoformat(timespec="milliseconds")
    of_properties = {"URI": "#properties", "Type": "http://uri.etsi.org/01903#SignedProperties"}
    parts = [
        ({"URI": "#key"}, (EXCLUSIVE,), digest(stated, EXCLUSIVE)),
        (of_properties, (EXCLUSIVE,), digest(properties, EXCLUSIVE)),
    ]
    fill(signature, [*parts, whole], EXCLUSIVE)
    return canonical(root, EXCLUSIVE)


# What is signed


def report(text="x", *, beside=None, message_id="M1"):
    """A pacs.002 in its envelope, unsigned."""
    transaction = {"OrgnlTxId": "T", "TxSts": "RJCT", "StsRsnInf": [{"AddtlInf": [text]}]}
    content = {
        "GrpHdr": {"MsgId": "M1", "CreDtTm": "2026-11-26T12:00:00.000Z"},
        "TxInfAndSts": [transaction],
        **({"SplmtryData": [{"Envlp": beside}]} if beside else {}),
    }
    header = IsoHeader("RAILXX22", "SCOSXX22", message_id, "pacs.002.001.10", AT)
    return envelope.write(DIALECT.envelope, header, {"FIToFIPmtStsRpt": content})


FOREIGN = [
    "<a/>",
    '<a xmlns="urn:a"> <b c="1"/>\n</a>',
    '<x:a xmlns:x="urn:a"><x:b/></x:a>',
    '<a b="&quot;&#9;&#13;">&#13;</a>',
]


@settings(max_examples=200, deadline=None)
@given(text=TEXT.filter(bool), message_id=st.text("ab&<>\"' é", min_size=1, max_size=8))
def test_a_header_is_sealed_as_a_tree_would_be(text, message_id):
    unsigned = report(text, message_id=message_id)

    assert envelope.seal(unsigned, KEY, AT) == xades_by_tree(unsigned)


@pytest.mark.parametrize("beside", FOREIGN)
def test_a_document_with_foreign_content_is_sealed_as_a_tree_would_be(beside):
    unsigned = report(beside=beside)

    assert envelope.seal(unsigned, KEY, AT) == xades_by_tree(unsigned)


def pay(text, scope=None):
    root = etree.Element("{urn:upi}Pay", nsmap={"upi": "urn:upi", **(scope or {})})
    etree.SubElement(root, "Txn", id=text, note="1").text = text
    return root


@settings(max_examples=200, deadline=None)
@given(text=TEXT, scope=st.sampled_from([{}, {"a": "urn:a"}, {None: "urn:d"}, {"z": "urn:z"}]))
def test_a_document_is_signed_as_a_tree_would_be(text, scope):
    assert sign_enveloped(pay(text, scope), KEY) == enveloped_by_tree(pay(text, scope))


# What is read


def verdict(read):
    try:
        return read()
    except (InvalidMessage, NotAuthentic) as error:
        return type(error)


def damaged(raw, data):
    """The bytes with some of them replaced, removed, repeated or moved elsewhere."""
    begin = data.draw(st.integers(0, len(raw) - 1))
    end = data.draw(st.integers(begin, min(len(raw), begin + 40)))
    instead = data.draw(
        st.sampled_from(
            [b"", b" ", b"<", b"<!-- -->", b"<a/>", b"<Sgntr></Sgntr>", b"&#65;", raw[begin:end] * 2]
        )
        | st.binary(max_size=3)
    )
    place = data.draw(st.sampled_from([begin, 0, len(raw)]))
    rest = raw[:begin] + raw[end:]
    return rest[:place] + instead + rest[place:]


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_octets_and_tree_agree_on_a_sealed_message(data):
    """What the octets prove, the tree finds too, with the same content; the rest is the tree's to judge."""
    raw = envelope.seal(report(), KEY, AT)
    if data.draw(st.booleans()):
        raw = damaged(raw, data)
    key = data.draw(st.sampled_from([KEY, OTHER])).public_key()
    by_octets = envelope._open_octets(DIALECT.envelope, raw, key)
    by_tree = verdict(lambda: envelope._open_tree(DIALECT.envelope, raw, key))

    if by_octets is not None:
        assert (by_octets.header, by_octets.message.document) == (by_tree.header, by_tree.message.document)


def test_octets_read_what_we_write():
    raw = envelope.seal(report(), KEY, AT)

    assert envelope._open_octets(DIALECT.envelope, raw, KEY.public_key()) is not None
    assert envelope._open_octets(DIALECT.envelope, raw, OTHER.public_key()) is None


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_octets_and_tree_agree_on_an_enveloped_signature(data):
    raw = sign_enveloped(pay("1000.00"), KEY)
    if data.draw(st.booleans()):
        raw = damaged(raw, data)
    key = data.draw(st.sampled_from([KEY, OTHER])).public_key()
    signed = octets_enveloped(raw, key)

    if signed is not None:
        root = parse(raw)
        verify_enveloped(root, key)

        assert canonical(root, INCLUSIVE) == canonical(parse(signed), INCLUSIVE)


def test_an_opening_that_is_no_utf_8_proves_nothing():
    """It ended in UnicodeDecodeError: the digest is compared only after the opening was decoded."""
    raw = sign_enveloped(pay("1000.00"), KEY)
    changed = raw.replace(b"urn:upi", b"\x80rn:upi", 1)
    assert changed != raw

    assert octets_enveloped(changed, KEY.public_key()) is None


def test_octets_are_what_was_signed():
    unsigned = canonical(pay("1000.00"), INCLUSIVE)
    raw = sign_enveloped(pay("1000.00"), KEY)

    assert octets_enveloped(raw, KEY.public_key()) == unsigned
    assert octets_enveloped(raw, OTHER.public_key()) is None
    assert octets_enveloped(raw.replace(b"1000.00", b"9000.00"), KEY.public_key()) is None


@pytest.mark.parametrize("scope", [{"a": "urn:a"}, {None: "urn:d"}, {"z": "urn:z"}])
def test_a_root_with_more_namespaces_is_left_to_the_tree(scope):
    raw = sign_enveloped(pay("1", scope), KEY)

    assert octets_enveloped(raw, KEY.public_key()) is None
    verify_enveloped(parse(raw), KEY.public_key())


@pytest.mark.parametrize("part", ["key", "properties"])
def test_a_signature_with_another_part_proves_nothing(part):
    """The key and the time are signed too: whoever changes one of them is found out by its digest."""
    raw = envelope.seal(report(), KEY, AT)
    changed = (
        raw.replace(b"AQAB", b"AQAC") if part == "key" else raw.replace(b"10:00:01.002", b"10:00:01.003")
    )
    assert changed != raw

    with pytest.raises(NotAuthentic):
        envelope.open_sealed(DIALECT.envelope, changed, KEY.public_key())


def test_the_forms_have_no_gap_left():
    for form in (xmldsig._XADES_SIGNATURE, xmldsig._ENVELOPED_SIGNATURE):
        assert form.replace("%s", "").count("%") == 0
