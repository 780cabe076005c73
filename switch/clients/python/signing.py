"""Sign requests: HTTP Message Signatures (RFC 9421) in the profile of docs/reference/signatures.md."""

import hashlib
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils

LIFETIME_S: Final = 300
"""Seconds for which a signature is valid."""
_HALF: Final = 32
_MEANING: Final = ("accept", "last-event-id", "prefer")
"""Headers that a signature must cover where the request has them."""


class Signer(Protocol):
    """What signs requests: a `SigningKey`, or an object of yours that asks a hardware security module."""

    @property
    def keyid(self) -> str:
        """The id under which the switch knows the key."""

    def sign(self, content: bytes) -> bytes:
        """Sign: 64 bytes, of Ed25519 or as raw `r || s` of ECDSA on P-256 with SHA-256."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key in memory. Its text form shows only the key id."""

    keyid: str
    key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey

    @classmethod
    def generate(cls, keyid: str) -> "SigningKey":
        """Make a new Ed25519 key."""
        return cls(keyid, ed25519.Ed25519PrivateKey.generate())

    @classmethod
    def from_pem(cls, keyid: str, pem: bytes | str) -> "SigningKey":
        """Read an unencrypted private key in PEM.

        Raises:
            ValueError: it is neither an Ed25519 key nor one on P-256.

        """
        key = serialization.load_pem_private_key(pem.encode() if isinstance(pem, str) else pem, password=None)
        on_p256 = isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1)
        if not (on_p256 or isinstance(key, ed25519.Ed25519PrivateKey)):
            raise ValueError("neither an Ed25519 nor a P-256 key")
        assert isinstance(key, ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey)
        return cls(keyid, key)

    @classmethod
    def from_file(cls, keyid: str, file: Path | str) -> "SigningKey":
        """Read the file of an unencrypted private key in PEM; raises as `from_pem` does, and `OSError`."""
        return cls.from_pem(keyid, Path(file).read_bytes())

    @property
    def pem(self) -> bytes:
        """The key as unencrypted PKCS #8 in PEM."""
        encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        return self.key.private_bytes(encoding, form, serialization.NoEncryption())

    def sign(self, content: bytes) -> bytes:
        """Sign: 64 bytes."""
        if isinstance(self.key, ed25519.Ed25519PrivateKey):
            return self.key.sign(content)
        r, s = utils.decode_dss_signature(self.key.sign(content, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(_HALF, "big") + s.to_bytes(_HALF, "big")

    def __repr__(self) -> str:
        return f"SigningKey(keyid={self.keyid!r})"


def content_digest(body: bytes) -> str:
    """The header `Content-Digest` of a body."""
    return f"sha-256=:{b64encode(hashlib.sha256(body).digest()).decode()}:"


def signature_base(components: Mapping[str, str], parameters: str) -> bytes:
    """The text that is signed: one line for each component, and the parameters."""
    lines = [f'"{name}": {value}' for name, value in components.items()]
    return "\n".join([*lines, f'"@signature-params": {parameters}']).encode("ascii")


def sign(
    key: Signer,
    *,
    method: str,
    authority: str,
    target: str,
    headers: Mapping[str, str],
    body: bytes,
    now: int,
    nonce: str,
) -> dict[str, str]:
    """Sign a request; get the headers to add.

    Args:
        key: The signing key.
        method: `POST`, `GET` and so on.
        authority: The `Host` header: host and port in lower case, without a default port.
        target: Path and query, as they are sent.
        headers: Those of the request; with a body, among them `Content-Type`.
        body: The bytes that are sent; empty for none.
        now: Seconds since 1970.
        nonce: 8 to 128 characters, new for every request.

    """
    path, mark, query = target.partition("?")
    components = {"@method": method, "@authority": authority, "@path": path}
    if mark:
        components["@query"] = mark + query
    sent = {name.lower(): value for name, value in headers.items()}
    added: dict[str, str] = {}
    if body:
        added["Content-Digest"] = content_digest(body)
        components |= {"content-digest": added["Content-Digest"], "content-type": sent["content-type"]}
    components |= {name: sent[name] for name in _MEANING if name in sent}
    covered = " ".join(f'"{name}"' for name in components)
    parameters = (
        f'({covered});created={now};expires={now + LIFETIME_S};keyid="{key.keyid}"'
        f';nonce="{nonce}";tag="payswitch"'
    )
    signature = b64encode(key.sign(signature_base(components, parameters))).decode()
    return added | {"Signature-Input": f"sig={parameters}", "Signature": f"sig=:{signature}:"}
