"""XML signatures: made, checked, and attacked."""

import base64
import copy
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from adapters.xml import parse
from schemas.errors import InvalidMessage, NotAuthentic
from schemas.signing.xmldsig import (
    DS,
    sign_enveloped,
    sign_xades,
    verify_enveloped,
    verify_xades,
)

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
AT = datetime(2026, 11, 23, 10, tzinfo=UTC)
PLAIN = b'<u:Pay xmlns:u="urn:u"><Amount value="1000.00" curr="INR"/><Note>a &amp; b</Note></u:Pay>'
HEADED = b'<P xmlns="urn:p"><H xmlns="urn:h"><Id>1</Id><S></S></H><D xmlns="urn:d"><Amt>1.00</Amt></D></P>'


def enveloped() -> bytes:
    return sign_enveloped(parse(PLAIN), KEY)


def xades() -> bytes:
    before, place, after = HEADED.partition(b"<S>")
    return sign_xades(before + place, after, KEY, AT)


def open_enveloped(raw, key=KEY):
    root = parse(raw)
    verify_enveloped(root, key.public_key())
    return root


def open_xades(raw, key=KEY):
    root = parse(raw)
    place = root.find(".//{urn:h}S")
    if place is None:
        raise NotAuthentic
    verify_xades(root, place, key.public_key())
    return root


KINDS = {"enveloped": (enveloped, open_enveloped), "xades": (xades, open_xades)}
both = pytest.mark.parametrize("kind", KINDS)


@both
def test_what_was_signed_comes_back_without_the_signature(kind):
    make, read = KINDS[kind]
    root = read(make())

    assert etree.tostring(root, method="c14n") == etree.tostring(
        parse({"enveloped": PLAIN, "xades": HEADED}[kind]), method="c14n"
    )


@both
def test_signing_is_deterministic(kind):
    make, _ = KINDS[kind]
    assert make() == make()


@both
def test_another_key_is_not_authentic(kind):
    make, read = KINDS[kind]
    with pytest.raises(NotAuthentic):
        read(make(), OTHER)


@both
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_changed_byte_is_noticed(kind, data):
    """Unless the change means nothing in XML, which canonical XML shows."""
    make, read = KINDS[kind]
    raw = make()
    place = data.draw(st.integers(0, len(raw) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != raw[place]))
    changed = raw[:place] + bytes([byte]) + raw[place + 1 :]
    try:
        root = read(changed)
    except (InvalidMessage, NotAuthentic):
        return
    assert etree.tostring(root, method="c14n") == etree.tostring(read(raw), method="c14n")


def signature_of(root):
    return next(root.iter(f"{{{DS}}}Signature"))


def rewrite(raw, change) -> bytes:
    root = parse(raw)
    change(root)
    return etree.tostring(root)


def drop(root):
    signature = signature_of(root)
    signature.getparent().remove(signature)


def drop_reference(root):
    for reference in list(root.iter(f"{{{DS}}}Reference"))[:1]:
        reference.getparent().remove(reference)


def weaker_algorithm(root):
    method = next(root.iter(f"{{{DS}}}SignatureMethod"))
    method.set("Algorithm", "http://www.w3.org/2000/09/xmldsig#hmac-sha1")


def other_transform(root):
    transform = list(root.iter(f"{{{DS}}}Transform"))[-1]
    transform.set("Algorithm", "http://www.w3.org/TR/1999/REC-xpath-19991116")


def other_uri(root):
    for reference in root.iter(f"{{{DS}}}Reference"):
        if reference.get("URI") == "":
            reference.set("URI", "#elsewhere")


def second_signature(root):
    signature = signature_of(root)
    signature.getparent().append(copy.deepcopy(signature))


def moved(root):
    signature = signature_of(root)
    root.insert(0, signature)


def element_after(root):
    signature = signature_of(root)
    etree.SubElement(signature.getparent(), "Extra")


def text_after(root):
    signature_of(root).tail = "1000"


def text_inside(root):
    next(root.iter(f"{{{DS}}}SignedInfo")).tail = "x"
    signature_value = next(root.iter(f"{{{DS}}}SignatureValue"))
    signature_value.text = "AAAA"


def empty_value(root):
    next(root.iter(f"{{{DS}}}SignatureValue")).text = ""


def key_of_the_attacker(root):
    """A valid signature by another key, whose public half stands in the message."""
    numbers = OTHER.public_key().public_numbers()
    modulus = numbers.n.to_bytes(256, "big")
    next(root.iter(f"{{{DS}}}Modulus")).text = base64.b64encode(modulus).decode()


ATTACKS = [
    drop, drop_reference, weaker_algorithm, other_transform, other_uri, second_signature, moved,
    element_after, text_after, text_inside, empty_value,
]  # fmt: skip


@both
@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks_are_not_authentic(kind, attack):
    make, read = KINDS[kind]
    with pytest.raises(NotAuthentic):
        read(rewrite(make(), attack))


def test_the_key_in_the_message_is_never_believed():
    root = parse(PLAIN)
    forged = sign_enveloped(root, OTHER)
    with pytest.raises(NotAuthentic):
        open_enveloped(forged)
    # In the enveloped form the stated key is not covered: changing it must not matter either.
    assert open_enveloped(rewrite(enveloped(), key_of_the_attacker)) is not None


def test_wrapping_the_signed_document_in_another_is_not_authentic():
    inner = parse(enveloped())
    outer = etree.fromstring(b'<u:Pay xmlns:u="urn:u"><Amount value="9999.00" curr="INR"/></u:Pay>')
    signature = inner[-1]
    holder = etree.SubElement(outer, "Object")
    holder.append(inner)
    outer.append(signature)
    with pytest.raises(NotAuthentic):
        open_enveloped(etree.tostring(outer))


def test_a_comment_that_would_split_an_amount_is_refused():
    raw = enveloped().replace(b"a &amp; b", b"a <!-- -->&amp; b")
    with pytest.raises(InvalidMessage):
        open_enveloped(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        b"<a><?php x ?></a>",
        b'<?xml version="1.0" encoding="utf-16"?><a/>',
        "<a>é</a>".encode("latin-1"),
        b"<a>\x00</a>",
        b"",
        b"<a>" + b"x" * 300_000 + b"</a>",
    ],
)
def test_dangerous_xml_is_refused(raw):
    with pytest.raises(InvalidMessage):
        parse(raw)


def test_the_published_sample_verifies_by_the_key_that_it_states(shared):
    raw = (shared / "rails" / "samples" / "IN" / "ReqPay_signed.xml").read_bytes()
    root = parse(raw)
    modulus = base64.b64decode(next(root.iter(f"{{{DS}}}Modulus")).text)
    key = rsa.RSAPublicNumbers(65537, int.from_bytes(modulus, "big")).public_key()

    verify_enveloped(root, key)

    with pytest.raises(NotAuthentic):
        verify_enveloped(parse(raw.replace(b"1000.00", b"9000.00")), key)
