"""XML signatures in the two structures that rails use.

* `sign_enveloped` / `verify_enveloped`: one reference to the whole document, inclusive canonical XML 1.0,
  the `Signature` as the root's last child (UPI).
* `sign_xades` / `verify_xades`: three references (key, signed properties, whole document), exclusive
  canonical XML, the `Signature` inside a given element (the business header's `Sgntr`).

Both are RSA PKCS#1 v1.5 with SHA-256, so signing is deterministic. Verification never takes algorithms, key
or signed parts from the message: the structure is compared with the expected one, and the caller provides the
key. After verification, `root` contains exactly what was signed and nothing else, which prevents wrapping
attacks. Source: W3C XML Signature 1.1, ETSI TS 101 903 (XAdES-BES).
"""

import base64
import binascii
import hashlib
from datetime import datetime
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
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

Reference = tuple[dict[str, str], tuple[str, ...], str]
"""A reference: its attributes, its transforms, its digest in base64."""


def sign_enveloped(root: Element, key: RSAPrivateKey) -> bytes:
    """Append a signature to `root` and return the whole document as canonical XML."""
    references = [_whole_document(root, _C14N)]
    signature = etree.SubElement(root, SIGNATURE, nsmap={"ds": DS})
    _fill(signature, references, _C14N, key)
    _append_key(signature, key.public_key())
    return _canonical(root, _C14N)


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


def sign_xades(root: Element, place: Element, key: RSAPrivateKey, signed_at: datetime) -> bytes:
    """Put a signature with three references into `place`, and return `root` as exclusive canonical XML."""
    document = _whole_document(root, _EXCLUSIVE)
    signature = etree.SubElement(place, SIGNATURE, {"Id": _SIGNATURE_ID}, nsmap={"ds": DS})
    key_info = _append_key(signature, key.public_key())
    key_info.set("Id", _KEY_ID)
    properties = _append_properties(signature, signed_at)
    references = [_part(key_info, _KEY_ID), _part(properties, _PROPERTIES_ID), document]
    _fill(signature, references, _EXCLUSIVE, key)
    return _canonical(root, _EXCLUSIVE)


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
    return base64.b64encode(hashlib.sha256(_canonical(element, method)).digest()).decode()


def _canonical(element: Element, method: str) -> bytes:
    try:
        return etree.tostring(element, method="c14n", exclusive=method == _EXCLUSIVE, with_tail=False)
    except etree.C14NError:  # a namespace that is a relative URI has no canonical form
        raise NotAuthentic("has no canonical form") from None


def _fill(signature: Element, references: list[Reference], method: str, key: RSAPrivateKey) -> None:
    """Write `SignedInfo` and `SignatureValue` as the first children of `signature`."""
    signed_info = _element("SignedInfo")
    signature.insert(0, signed_info)
    _child(signed_info, "CanonicalizationMethod", Algorithm=method)
    _child(signed_info, "SignatureMethod", Algorithm=_RSA_SHA256)
    for attributes, transforms, digest in references:
        reference = _child(signed_info, "Reference", **attributes)
        listed = _child(reference, "Transforms")
        for transform in transforms:
            _child(listed, "Transform", Algorithm=transform)
        _child(reference, "DigestMethod", Algorithm=_SHA256)
        _child(reference, "DigestValue").text = digest
    canonical = _canonical(signed_info, method)
    value = _element("SignatureValue")
    value.text = base64.b64encode(key.sign(canonical, padding.PKCS1v15(), hashes.SHA256())).decode()
    signature.insert(1, value)


def _append_key(signature: Element, key: RSAPublicKey) -> Element:
    numbers = key.public_numbers()
    key_info = _child(signature, "KeyInfo")
    rsa = _child(_child(key_info, "KeyValue"), "RSAKeyValue")
    _child(rsa, "Modulus").text = _crypto_binary(numbers.n)
    _child(rsa, "Exponent").text = _crypto_binary(numbers.e)
    return key_info


def _append_properties(signature: Element, signed_at: datetime) -> Element:
    qualifying = etree.SubElement(
        _child(signature, "Object"),
        f"{{{XADES}}}QualifyingProperties",
        {"Target": f"#{_SIGNATURE_ID}"},
        nsmap={"xades": XADES},
    )
    signed = etree.SubElement(qualifying, f"{{{XADES}}}SignedProperties", {"Id": _PROPERTIES_ID})
    about = etree.SubElement(signed, f"{{{XADES}}}SignedSignatureProperties")
    etree.SubElement(about, f"{{{XADES}}}SigningTime").text = signed_at.isoformat(timespec="milliseconds")
    return signed


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


def _element(tag: str) -> Element:
    return etree.Element(f"{{{DS}}}{tag}", nsmap={"ds": DS})


def _child(parent: Element, tag: str, **attributes: str) -> Element:
    return etree.SubElement(parent, f"{{{DS}}}{tag}", attributes)


def _crypto_binary(number: int) -> str:
    return base64.b64encode(number.to_bytes((number.bit_length() + 7) // 8, "big")).decode()
