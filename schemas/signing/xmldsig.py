"""XML signatures in the two structures that rails use.

* `sign_enveloped` / `verify_enveloped`: one reference to the whole document, inclusive canonical XML 1.0,
  the `Signature` as the root's last child (UPI).
* `sign_xades` / `verify_xades`: three references (key, signed properties, whole document), exclusive
  canonical XML, the `Signature` inside a given element (the business header's `Sgntr`).

Both are RSA PKCS#1 v1.5 with SHA-256, so signing is deterministic. Signatures are written as text in
canonical form, so nothing of them is parsed or canonicalised again.

Verification never takes algorithms, key or signed parts from the message: the structure is compared with the
expected one, and the caller provides the key. After verification, `root` contains exactly what was signed and
nothing else, which prevents wrapping attacks. A message that is canonical, with a signature written as we
write ours, is verified by its octets (`are_octets_xades`, `octets_enveloped`): the signed octets are those
that are read. Every other message is verified as a tree, and only the tree decides that one is not
authentic. Source: W3C XML Signature 1.1, ETSI TS 101 903 (XAdES-BES).
"""

import base64
import binascii
import functools
import hashlib
import re
from datetime import datetime
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, RSAPublicNumbers
from lxml import etree
from lxml.etree import _Element as Element

from schemas.errors import NotAuthentic

DS: Final = "http://www.w3.org/2000/09/xmldsig#"
XADES: Final = "http://uri.etsi.org/01903/v1.3.2#"
SIGNATURE: Final = f"{{{DS}}}Signature"

_C14N: Final = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
_EXCLUSIVE: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"
_RSA_SHA256: Final = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
_SHA256: Final = "http://www.w3.org/2001/04/xmlenc#sha256"
_ENVELOPED: Final = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
_SIGNED_PROPERTIES: Final = "http://uri.etsi.org/01903#SignedProperties"

_KEY_ID: Final = "key"
_PROPERTIES_ID: Final = "properties"
_SIGNATURE_ID: Final = "signature"

# The parts of a signature as canonical XML; each `%s` is a gap. What is signed alone declares its namespace.
_DECLARE_DS: Final = f' xmlns:ds="{DS}"'
_DECLARE_XADES: Final = f' xmlns:xades="{XADES}"'
_KEY_VALUE: Final = (
    "<ds:KeyValue><ds:RSAKeyValue><ds:Modulus>%s</ds:Modulus><ds:Exponent>%s</ds:Exponent></ds:RSAKeyValue>"
    "</ds:KeyValue>"
)
_KEY_INFO: Final = f'<ds:KeyInfo%s Id="{_KEY_ID}">%s</ds:KeyInfo>'
_PROPERTIES: Final = (
    f'<xades:SignedProperties%s Id="{_PROPERTIES_ID}"><xades:SignedSignatureProperties>'
    "<xades:SigningTime>%s</xades:SigningTime></xades:SignedSignatureProperties></xades:SignedProperties>"
)


def _empty(tag: str, algorithm: str) -> str:
    return f'<ds:{tag} Algorithm="{algorithm}"></ds:{tag}>'


def _reference_form(attributes: str, *transforms: str) -> str:
    listed = "".join(_empty("Transform", each) for each in transforms)
    return (
        f"<ds:Reference {attributes}><ds:Transforms>{listed}</ds:Transforms>{_empty('DigestMethod', _SHA256)}"
        "<ds:DigestValue>%s</ds:DigestValue></ds:Reference>"
    )


def _info_form(method: str, *references: str) -> str:
    methods = _empty("CanonicalizationMethod", method) + _empty("SignatureMethod", _RSA_SHA256)
    return methods + "".join(references)


def _signature_form(attributes: str, after: str) -> str:
    return (
        f"<ds:Signature{_DECLARE_DS}{attributes}><ds:SignedInfo>%s</ds:SignedInfo>"
        f"<ds:SignatureValue>%s</ds:SignatureValue>{after}</ds:Signature>"
    )


_ENVELOPED_INFO: Final = _info_form(_C14N, _reference_form('URI=""', _ENVELOPED, _C14N))
_ENVELOPED_SIGNATURE: Final = _signature_form("", "<ds:KeyInfo>%s</ds:KeyInfo>")
_XADES_INFO: Final = _info_form(
    _EXCLUSIVE,
    _reference_form(f'URI="#{_KEY_ID}"', _EXCLUSIVE),
    _reference_form(f'Type="{_SIGNED_PROPERTIES}" URI="#{_PROPERTIES_ID}"', _EXCLUSIVE),
    _reference_form('URI=""', _ENVELOPED, _EXCLUSIVE),
)
_XADES_SIGNATURE: Final = _signature_form(
    f' Id="{_SIGNATURE_ID}"',
    f'%s<ds:Object><xades:QualifyingProperties{_DECLARE_XADES} Target="#{_SIGNATURE_ID}">%s'
    "</xades:QualifyingProperties></ds:Object>",
)


def _pattern(form: str, *gaps: str) -> re.Pattern[bytes]:
    """The pattern of a form with these gaps filled."""
    return re.compile((re.escape(form) % gaps).encode(), re.ASCII)


_BASE64: Final = "([0-9A-Za-z+/]+={0,2})"
_STATED_KEY: Final = re.escape(_KEY_VALUE) % ("[0-9A-Za-z+/]+={0,2}", "[0-9A-Za-z+/]+={0,2}")
_ENVELOPED_WRITTEN: Final = _pattern(
    _ENVELOPED_SIGNATURE, re.escape(_ENVELOPED_INFO) % _BASE64, _BASE64, _STATED_KEY
)
_OPENING: Final = re.compile(rb'<([a-z]+):[A-Za-z]+( xmlns:\1="[^"&<>\s\x80-\xff]+")>')
"""The start tag of a root that declares only its own prefix; its namespace is ASCII."""
_XADES_WRITTEN: Final = _pattern(
    _XADES_SIGNATURE,
    re.escape(_XADES_INFO) % (_BASE64, _BASE64, _BASE64),
    _BASE64,
    re.escape(_KEY_INFO) % ("", f"({_STATED_KEY})"),
    re.escape(_PROPERTIES) % ("", "([0-9T:.+Z-]+)"),
)

Reference = tuple[dict[str, str], tuple[str, ...], str]
"""A reference: its attributes, its transforms, its digest in base64."""


def sign_enveloped(root: Element, key: RSAPrivateKey) -> bytes:
    """The document with a signature as its root's last child, as canonical XML; `root` is not changed."""
    unsigned = _canonical(root, _C14N)
    scope = {f"xmlns:{prefix}" if prefix else "xmlns": uri for prefix, uri in root.nsmap.items()}
    declared = "".join(f' {name}="{uri}"' for name, uri in sorted({**scope, "xmlns:ds": DS}.items()))
    info = _ENVELOPED_INFO % _digest_of(unsigned)
    value = _sign(f"<ds:SignedInfo{declared}>{info}</ds:SignedInfo>", key)
    signature = _ENVELOPED_SIGNATURE % (info, value, _key_value(key.public_key().public_numbers()))
    before, end, name = unsigned.rpartition(b"</")
    return b"".join((before, signature.encode(), end, name))


def octets_enveloped(raw: bytes, key: RSAPublicKey) -> bytes | None:
    """The signed octets of a document: all but the signature before the end of its root.

    None if the octets do not prove that `key` signed them: then only the tree can tell.
    """
    begin, end = raw.rfind(b"<ds:Signature "), raw.rfind(b"</")
    opening = _OPENING.match(raw)
    seen = _ENVELOPED_WRITTEN.fullmatch(raw, begin, end) if 0 < begin < end else None
    if seen is None or opening is None or opening[1] < b"ds":
        return None
    digest, value = map(bytes.decode, seen.groups())
    unsigned = raw[:begin] + raw[end:]
    info = f"<ds:SignedInfo{_DECLARE_DS}{opening[2].decode()}>{_ENVELOPED_INFO % digest}</ds:SignedInfo>"
    return unsigned if digest == _digest_of(unsigned) and _is_signed(info, value, key) else None


def verify_enveloped(root: Element, key: RSAPublicKey) -> None:
    """Verify the signature that is the last child of `root`, and remove it.

    Raises:
        NotAuthentic: absent, of another structure, or not made by `key` over this document.

    """
    signature = root[-1] if len(root) else None
    if signature is None or signature.tag != SIGNATURE:
        raise NotAuthentic("there is no signature at the expected place")
    signed_info = _canonical(_only(signature, "SignedInfo"), _C14N)
    stated = _references(signature, _C14N)
    value = _value(signature)
    _detach(signature)
    _compare(stated, [_whole_document(root, _C14N)])
    _verify(value, signed_info, key)


def sign_xades(before: bytes, after: bytes, key: RSAPrivateKey, signed_at: datetime) -> bytes:
    """A document with a signature with three references between its two parts.

    Together the parts are the document as exclusive canonical XML, with an empty element for the signature.
    """
    stated = _key_value(key.public_key().public_numbers())
    time = signed_at.isoformat(timespec="milliseconds")
    info = _XADES_INFO % (
        _digest_of((_KEY_INFO % (_DECLARE_DS, stated)).encode()),
        _digest_of((_PROPERTIES % (_DECLARE_XADES, time)).encode()),
        _digest_of(before + after),
    )
    value = _sign(f"<ds:SignedInfo{_DECLARE_DS}>{info}</ds:SignedInfo>", key)
    signature = _XADES_SIGNATURE % (info, value, _KEY_INFO % ("", stated), _PROPERTIES % ("", time))
    return b"".join((before, signature.encode(), after))


def are_octets_xades(before: bytes, signature: bytes, after: bytes, key: RSAPublicKey) -> bool:
    """Whether the octets prove that `key` signed the document `before + after`; False proves nothing."""
    seen = _XADES_WRITTEN.fullmatch(signature)
    if seen is None:
        return False
    of_key, of_properties, of_document, value, stated, time = map(bytes.decode, seen.groups())
    info = _XADES_INFO % (of_key, of_properties, of_document)
    return (
        of_document == _digest_of(before + after)
        and of_key == _digest_of((_KEY_INFO % (_DECLARE_DS, stated)).encode())
        and of_properties == _digest_of((_PROPERTIES % (_DECLARE_XADES, time)).encode())
        and _is_signed(f"<ds:SignedInfo{_DECLARE_DS}>{info}</ds:SignedInfo>", value, key)
    )


def verify_xades(root: Element, place: Element, key: RSAPublicKey) -> None:
    """Verify the only signature in `place`, and remove it.

    Raises:
        NotAuthentic: absent, of another structure, or not made by `key` over this document.

    """
    if len(place) != 1 or place[0].tag != SIGNATURE:
        raise NotAuthentic("there is no signature at the expected place")
    signature = place[0]
    signed_info = _canonical(_only(signature, "SignedInfo"), _EXCLUSIVE)
    stated = _references(signature, _EXCLUSIVE)
    value = _value(signature)
    properties = signature.findall(f".//{{{XADES}}}SignedProperties")
    if len(properties) != 1:
        raise NotAuthentic("the signature does not state its properties exactly once")
    parts = [_part(_only(signature, "KeyInfo"), _KEY_ID), _part(properties[0], _PROPERTIES_ID)]
    _detach(signature)
    _compare(stated, [*parts, _whole_document(root, _EXCLUSIVE)])
    _verify(value, signed_info, key)


def _whole_document(root: Element, method: str) -> Reference:
    """A reference to everything except the signature. Call it while the signature is not in the tree."""
    return {"URI": ""}, (_ENVELOPED, method), _digest(root, method)


def _part(element: Element, identifier: str) -> Reference:
    attributes = {"URI": f"#{identifier}"}
    if element.tag == f"{{{XADES}}}SignedProperties":
        attributes["Type"] = _SIGNED_PROPERTIES
    if element.get("Id") != identifier:
        raise NotAuthentic("a signed part has another id")
    return attributes, (_EXCLUSIVE,), _digest(element, _EXCLUSIVE)


def _digest(element: Element, method: str) -> str:
    return _digest_of(_canonical(element, method))


def _canonical(element: Element, method: str) -> bytes:
    try:
        return etree.tostring(element, method="c14n", exclusive=method == _EXCLUSIVE, with_tail=False)
    except etree.C14NError:  # a namespace that is a relative URI has no canonical form
        raise NotAuthentic("has no canonical form") from None


def _references(signature: Element, method: str) -> list[Reference]:
    """Read the references of the signature; anything unexpected is refused."""
    signed_info = _only(signature, "SignedInfo")
    if len(signed_info) < 3:  # noqa: PLR2004 - two methods and at least one reference
        raise NotAuthentic("the signature covers nothing")
    canonicalization, algorithm, *references = signed_info
    if _algorithm(canonicalization, "CanonicalizationMethod") != method:
        raise NotAuthentic("another canonicalization")
    if _algorithm(algorithm, "SignatureMethod") != _RSA_SHA256:
        raise NotAuthentic("another signature algorithm")
    return [_reference(element) for element in references]


def _reference(element: Element) -> Reference:
    if element.tag != f"{{{DS}}}Reference" or len(element) != 3:  # noqa: PLR2004
        raise NotAuthentic("a reference of another structure")
    transforms, method, digest = element
    if transforms.tag != f"{{{DS}}}Transforms" or digest.tag != f"{{{DS}}}DigestValue" or len(digest):
        raise NotAuthentic("a reference of another structure")
    if _algorithm(method, "DigestMethod") != _SHA256:
        raise NotAuthentic("another digest algorithm")
    names = tuple(_algorithm(transform, "Transform") for transform in transforms)
    attributes = {str(name): str(value) for name, value in element.attrib.items()}
    return attributes, names, (digest.text or "").strip()


def _algorithm(element: Element, tag: str) -> str:
    """The algorithm named by an element; parameters are refused."""
    if element.tag != f"{{{DS}}}{tag}" or len(element) or list(element.attrib) != ["Algorithm"]:
        raise NotAuthentic("an unexpected algorithm, or parameters of an algorithm")
    return str(element.get("Algorithm"))


def _compare(stated: list[Reference], actual: list[Reference]) -> None:
    if stated != actual:
        raise NotAuthentic("the signature is not of this document")


def _verify(value: bytes, signed_info: bytes, key: RSAPublicKey) -> None:
    try:
        key.verify(value, signed_info, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        raise NotAuthentic("the signature is not by the expected key") from None


def _is_signed(signed_info: str, value: str, key: RSAPublicKey) -> bool:
    try:
        _verify(base64.b64decode(value, validate=True), signed_info.encode(), key)
    except (NotAuthentic, binascii.Error):
        return False
    return True


def _value(signature: Element) -> bytes:
    text = "".join((_only(signature, "SignatureValue").text or "").split())
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NotAuthentic("the signature value is not base64") from None


def _only(parent: Element, tag: str) -> Element:
    found = parent.findall(f"{{{DS}}}{tag}")
    if len(found) != 1:
        raise NotAuthentic(f"not exactly one {tag}")
    return found[0]


def _detach(signature: Element) -> None:
    """Remove the signature, and refuse text after it, which would move unnoticed."""
    parent = signature.getparent()
    assert parent is not None, "a signature below a root has a parent"
    if (signature.tail or "").strip():
        raise NotAuthentic("text after the signature")
    previous = signature.getprevious()
    tail = signature.tail or ""
    signature.tail = None
    parent.remove(signature)
    # The enveloped transform keeps the white space after the signature.
    if tail and previous is not None:
        previous.tail = (previous.tail or "") + tail
    elif tail:
        parent.text = (parent.text or "") + tail


@functools.lru_cache(maxsize=64)
def _key_value(numbers: RSAPublicNumbers) -> str:
    return _KEY_VALUE % (_crypto_binary(numbers.n), _crypto_binary(numbers.e))


def _crypto_binary(number: int) -> str:
    return base64.b64encode(number.to_bytes((number.bit_length() + 7) // 8, "big")).decode()


def _digest_of(octets: bytes) -> str:
    return base64.b64encode(hashlib.sha256(octets).digest()).decode()


def _sign(signed_info: str, key: RSAPrivateKey) -> str:
    return base64.b64encode(key.sign(signed_info.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()
