"""Signatures of FSPIOP: a JWS over the bytes of the body; its header repeats the headers that route.

The header `FSPIOP-Signature` is JSON with `signature` and `protectedHeader`. The algorithm is that of the
key: RS256 for RSA, ES256 for P-256; a message cannot choose another.
"""

import base64
import json
from collections.abc import Mapping
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

from switch.fspiop.errors import ErrorCode, FspiopProblem

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

RSA_BITS_MIN: Final = 2048
_PROTECTED: Final = {
    "FSPIOP-URI": "fspiop-uri",
    "FSPIOP-HTTP-Method": "fspiop-http-method",
    "FSPIOP-Source": "fspiop-source",
    "FSPIOP-Destination": "fspiop-destination",
    "Date": "date",
}
"""Member of the protected header -> header of the request, which must say the same."""
_REQUIRED: Final = ("FSPIOP-URI", "FSPIOP-HTTP-Method", "FSPIOP-Source")
_HALF: Final = 32
_HEADER_MAX: Final = 8192


def private_key(pem: bytes) -> PrivateKey:
    """Read the key that signs callbacks.

    Raises:
        ValueError: it is no unencrypted RSA key of at least 2048 bits, and none of P-256.

    """
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except TypeError:
        raise ValueError("the key is encrypted") from None
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) or not _is_fit(key):
        raise ValueError("must be an RSA key of at least 2048 bits, or a key of P-256")
    return key


def public_key(pem: bytes) -> PublicKey:
    """Read the key that verifies a DFSP's requests; raises as `private_key` does."""
    key = serialization.load_pem_public_key(pem)
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey) or not _is_fit(key):
        raise ValueError("must be an RSA key of at least 2048 bits, or a key of P-256")
    return key


def sign(key: PrivateKey, headers: Mapping[str, str], body: bytes) -> str:
    """Make the header `FSPIOP-Signature` for headers (names in lower case) and a body."""
    protected: dict[str, str] = {"alg": _algorithm(key)}
    protected |= {name: headers[header] for name, header in _PROTECTED.items() if header in headers}
    head = _encode(json.dumps(protected, separators=(",", ":")).encode())
    covered = f"{head}.{_encode(body)}".encode("ascii")
    if isinstance(key, rsa.RSAPrivateKey):
        signature = key.sign(covered, padding.PKCS1v15(), hashes.SHA256())
    else:
        r, s = utils.decode_dss_signature(key.sign(covered, ec.ECDSA(hashes.SHA256())))
        signature = r.to_bytes(_HALF, "big") + s.to_bytes(_HALF, "big")
    return json.dumps({"protectedHeader": head, "signature": _encode(signature)}, separators=(",", ":"))


def verify(key: PublicKey, headers: Mapping[str, str], body: bytes) -> None:
    """Verify the signature of a request: headers with names in lower case, and the bytes as they came.

    Raises:
        FspiopProblem: there is none, it is not of this key, or it covers other headers.

    """
    protected, head, signature = _split(headers.get("fspiop-signature", ""))
    if protected.get("alg") != _algorithm(key):
        raise _wrong(f"alg must be {_algorithm(key)}, that of the registered key")
    if "crit" in protected:
        raise _wrong("crit is not supported")
    covered = f"{head}.{_encode(body)}".encode("ascii")
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, covered, padding.PKCS1v15(), hashes.SHA256())
        else:
            key.verify(_der(signature), covered, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise _wrong("it is not that of the registered key over these bytes") from None
    _check_covered(protected, headers)


def _check_covered(protected: Mapping[str, Any], headers: Mapping[str, str]) -> None:
    for name in _REQUIRED:
        if name not in protected:
            raise _wrong(f"the protected header lacks {name}")
    for name, header in _PROTECTED.items():
        if name in protected and protected[name] != headers.get(header):
            raise _wrong(f"{name} is not the same in the protected header and in the request")
    if "fspiop-destination" in headers and "FSPIOP-Destination" not in protected:
        raise _wrong("the protected header lacks FSPIOP-Destination")


def _split(header: str) -> tuple[dict[str, Any], str, bytes]:
    if not header:
        raise _wrong("the header FSPIOP-Signature is missing")
    try:
        outer = json.loads(header[:_HEADER_MAX])
        head, text = outer["protectedHeader"], outer["signature"]
        return dict(json.loads(_decode(head))), head, _decode(text)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise _wrong("it must be JSON with protectedHeader and signature, each in base64url") from None


def _der(signature: bytes) -> bytes:
    """A signature of P-256 as the library wants it."""
    if len(signature) != 2 * _HALF:
        raise InvalidSignature
    r, s = (int.from_bytes(half, "big") for half in (signature[:_HALF], signature[_HALF:]))
    return utils.encode_dss_signature(r, s)


def _wrong(text: str) -> FspiopProblem:
    return FspiopProblem(ErrorCode.SIGNATURE, f"FSPIOP-Signature: {text}")


def _algorithm(key: PrivateKey | PublicKey) -> str:
    return "RS256" if isinstance(key, rsa.RSAPrivateKey | rsa.RSAPublicKey) else "ES256"


def _is_fit(key: PrivateKey | PublicKey) -> bool:
    if isinstance(key, rsa.RSAPrivateKey | rsa.RSAPublicKey):
        return key.key_size >= RSA_BITS_MIN
    return isinstance(key.curve, ec.SECP256R1)


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
