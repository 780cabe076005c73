"""Signed JSON objects (our own profile, for JSON rails whose signatures are not public).

Every message is a JSON object whose member `sign` is RSA PKCS#1 v1.5 with SHA-256, in base64, over the
canonical text (RFC 8785; only text, whole numbers, lists and objects occur) of the object without it. So the
body of a response is enough to verify it, each reply of a batch is verified separately, and the same order
always gives the same bytes.
"""

import base64
import binascii
import json
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from schemas.errors import InvalidMessage, NotAuthentic

MEMBER: Final = "sign"
Content = dict[str, Any]


def sign(content: Content, key: RSAPrivateKey) -> Content:
    """The object with its signature as the last member."""
    made = key.sign(_canonical(content), padding.PKCS1v15(), hashes.SHA256())
    return {**content, MEMBER: base64.b64encode(made).decode()}


def verify(signed: Content, key: RSAPublicKey) -> Content:
    """The object without its signature, which must be made by `key`.

    Raises:
        InvalidMessage: the object cannot be written as text.
        NotAuthentic: no signature, or not made by `key` over this content.

    """
    content = unverified(signed)
    text = signed.get(MEMBER)
    try:
        made = base64.b64decode(text if isinstance(text, str) else "", validate=True)
        key.verify(made, _canonical(content), padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        raise NotAuthentic("not signed by the expected key") from None
    return content


def unverified(signed: Content) -> Content:
    """The object without its signature, which was verified before."""
    return {name: value for name, value in signed.items() if name != MEMBER}


def _canonical(content: Content) -> bytes:
    try:
        return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        raise InvalidMessage("text that is not Unicode") from None
