"""Detached JWS over stored bytes (RFC 7515 appendix F, RFC 7797): evidence that outlives the connection.

The payload is not encoded or copied into the token: the token is `header..signature`, and it is a signature
of the stored bytes. The header is fixed, `{alg, b64: false, crit: [b64], kid}`; `Ed25519` (RFC 9864) or
`ES256`. A verifier also accepts the older name of Ed25519, `EdDSA` (RFC 8037): the key determines the curve.
"""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

from schemas.errors import NotAuthentic
from schemas.signing.keys import Algorithm, PublicKey, SigningKey

_ALGORITHMS: Final[dict[Algorithm, str]] = {"ed25519": "Ed25519", "ecdsa-p256-sha256": "ES256"}
"""Our name -> the name in the JOSE registry for new tokens."""
_NAMES: Final[dict[Algorithm, tuple[str, ...]]] = {
    "ed25519": ("Ed25519", "EdDSA"),
    "ecdsa-p256-sha256": ("ES256",),
}
"""Our name -> the names that a verifier accepts."""

_TOKEN: Final = re.compile(r"([A-Za-z0-9_-]{1,512})\.\.([A-Za-z0-9_-]{85}[AQgw])", re.ASCII)


def sign(key: SigningKey, payload: bytes) -> str:
    """Make the detached token of `payload`."""
    header = urlsafe_b64encode(_header(key.public, _ALGORITHMS[key.public.algorithm]).encode()).rstrip(b"=")
    signature = urlsafe_b64encode(key.sign(header + b"." + payload)).rstrip(b"=")
    return f"{header.decode()}..{signature.decode()}"


def verify(token: str, payload: bytes, *, key: PublicKey) -> None:
    """Verify that the holder of `key` signed `payload`.

    Raises:
        NotAuthentic: another key, other bytes, another header, or not a token.

    """
    match = _TOKEN.fullmatch(token)
    if match is None:
        raise NotAuthentic("not a detached JWS")
    if _read_header(match[1]) not in {_header(key, name) for name in _NAMES[key.algorithm]}:
        raise NotAuthentic("the header of the token is not that of this key")
    signature = urlsafe_b64decode(match[2] + "==")
    if not key.verify(signature, match[1].encode() + b"." + payload):
        raise NotAuthentic("the token is not valid for this key and these bytes")


def _header(key: PublicKey, algorithm: str) -> str:
    """The only header of a token of this key with a name of its algorithm, as canonical JSON."""
    header = {"alg": algorithm, "b64": False, "crit": ["b64"], "kid": key.keyid}
    return json.dumps(header, separators=(",", ":"), sort_keys=True)


def _read_header(text: str) -> str:
    """The header of a token as canonical JSON, with any order of members; a repeated member is refused."""
    try:
        members = json.loads(
            urlsafe_b64decode(text + "=" * (-len(text) % 4)), object_pairs_hook=_members_once
        )
    except (ValueError, RecursionError):
        raise NotAuthentic("the token's header cannot be read") from None
    return json.dumps(members, separators=(",", ":"), sort_keys=True)


def _members_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is repeated")
    return members
