"""Signatures of the operator's rail (profile: the notes mention JWS in one place and plain RSA in another).

Requests carry `H-HASH`: RSA PKCS#1 v1.5 with SHA-256 over path and body, in base64. Responses and pushes are
compact JWS (RFC 7515) with the only header `{"alg":"RS256"}`, so that the body of a push is enough to verify
it.
"""

import base64
import binascii
import re
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from adapters import json_text
from schemas.errors import InvalidMessage, NotAuthentic

_HEADER: Final = base64.urlsafe_b64encode(b'{"alg":"RS256"}').rstrip(b"=")
_TOKEN = re.compile(rb"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")


def sign_request(path: str, body: bytes, key: RSAPrivateKey) -> str:
    """The value of `H-HASH`."""
    return base64.b64encode(_sign(path.encode() + b"\n" + body, key)).decode()


def verify_request(path: str, body: bytes, value: str, key: RSAPublicKey) -> None:
    """Verify the `H-HASH` of a request.

    Raises:
        NotAuthentic: not made with `key` over this path and body.

    """
    try:
        signature = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise NotAuthentic("H-HASH is not base64") from None
    _verify(signature, path.encode() + b"\n" + body, key)


def sign(content: dict[str, Any], key: RSAPrivateKey) -> bytes:
    """A compact JWS."""
    signed = _HEADER + b"." + _encode(json_text.write(content))
    return signed + b"." + _encode(_sign(signed, key))


def open_signed(raw: bytes, key: RSAPublicKey) -> dict[str, Any]:
    """The content of a compact JWS.

    Raises:
        InvalidMessage: not a token, or not a JSON object inside.
        NotAuthentic: another header, or not made with `key`.

    """
    header, payload, signature = _parts(raw)
    if header != _HEADER:
        raise NotAuthentic("another algorithm")
    _verify(_decode(signature), header + b"." + payload, key)
    return json_text.parse(_decode(payload))


def open_stored(raw: bytes) -> dict[str, Any]:
    """The content of a compact JWS of our own, whose signature we do not verify.

    Raises:
        InvalidMessage: as `open_signed`.

    """
    _, payload, _ = _parts(raw)
    return json_text.parse(_decode(payload))


def _parts(raw: bytes) -> tuple[bytes, bytes, bytes]:
    if len(raw) > json_text.MAX_BYTES:
        raise InvalidMessage("too large")
    token = _TOKEN.fullmatch(raw)
    if token is None:
        raise InvalidMessage("not a compact token")
    return token[1], token[2], token[3]


def _sign(octets: bytes, key: RSAPrivateKey) -> bytes:
    return key.sign(octets, padding.PKCS1v15(), hashes.SHA256())


def _verify(signature: bytes, octets: bytes, key: RSAPublicKey) -> None:
    try:
        key.verify(signature, octets, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        raise NotAuthentic("not signed by the expected key") from None


def _encode(octets: bytes) -> bytes:
    return base64.urlsafe_b64encode(octets).rstrip(b"=")


def _decode(text: bytes) -> bytes:
    octets = base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    if _encode(octets) != text:
        raise InvalidMessage("not canonical base64")
    return octets
