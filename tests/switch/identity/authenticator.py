"""An authenticator in software: it signs what a test has it sign, right or wrong."""

import hashlib
import json
import os
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from fido2 import cbor
from fido2.cose import CoseKey
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import AttestedCredentialData, AuthenticatorData

UP, UV, AT = 0x01, 0x04, 0x40


def _key(algorithm: int) -> Any:
    if algorithm == -8:
        return ed25519.Ed25519PrivateKey.generate()
    if algorithm == -257:
        return rsa.generate_private_key(65537, 2048)
    return ec.generate_private_key(ec.SECP384R1() if algorithm == -35 else ec.SECP256R1())


@dataclass
class Authenticator:
    """One passkey."""

    origin: str = "https://pay.example"
    party: str = "pay.example"
    algorithm: int = -7
    counter: int = 0
    id: bytes = field(default_factory=lambda: os.urandom(16))

    def __post_init__(self) -> None:
        self.key = _key(self.algorithm)

    def create(self, options: dict[str, Any], **changed: Any) -> str:
        """The response of `navigator.credentials.create`, as our script writes it."""
        public = CoseKey.for_alg(self.algorithm).from_cryptography_key(self.key.public_key())
        credential = AttestedCredentialData.create(b"\0" * 16, self.id, public)
        flags = changed.get("flags", UP | UV | AT)
        data = self._data(flags, credential if flags & AT else b"")
        attestation = cbor.encode({"fmt": "none", "attStmt": {}, "authData": bytes(data)})
        client = self._client("webauthn.create", options, changed)
        return self._json({"clientDataJSON": client, "attestationObject": attestation})

    def get(self, options: dict[str, Any], **changed: Any) -> str:
        """The response of `navigator.credentials.get`; `changed` says in what it is wrong."""
        self.counter += changed.get("step", 1)
        data = self._data(changed.get("flags", UP | UV))
        client = self._client("webauthn.get", options, changed)
        signed = bytes(data) + hashlib.sha256(client).digest()
        signature = self._sign(changed.get("key", self.key), signed)
        return self._json(
            {"clientDataJSON": client, "authenticatorData": bytes(data), "signature": signature},
            changed.get("id", self.id),
        )

    def _client(self, kind: str, options: dict[str, Any], changed: dict[str, Any]) -> bytes:
        content = {
            "type": changed.get("type", kind),
            "challenge": changed.get("challenge", options["challenge"]),
            "origin": changed.get("origin", self.origin),
            "crossOrigin": changed.get("cross", False),
        }
        return json.dumps(content).encode()

    def _data(self, flags: int, credential: bytes = b"") -> AuthenticatorData:
        party = hashlib.sha256(self.party.encode()).digest()
        return AuthenticatorData.create(party, AuthenticatorData.FLAG(flags), self.counter, credential)

    def _sign(self, key: Any, signed: bytes) -> bytes:
        if isinstance(key, ed25519.Ed25519PrivateKey):
            return key.sign(signed)
        if isinstance(key, rsa.RSAPrivateKey):
            return key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
        return key.sign(signed, ec.ECDSA(hashes.SHA256()))

    def _json(self, response: dict[str, bytes], id_: bytes | None = None) -> str:
        text = websafe_encode(self.id if id_ is None else id_)
        written = {name: websafe_encode(value) for name, value in response.items()}
        return json.dumps({"id": text, "rawId": text, "type": "public-key", "response": written})


def challenge_of(options: dict[str, Any]) -> str:
    """The ticket in the challenge of options."""
    return websafe_decode(options["challenge"]).decode()
