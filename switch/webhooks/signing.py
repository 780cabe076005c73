"""The key that signs webhooks, and the signature: Standard Webhooks, `v1a` (Ed25519)."""

import base64
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from switch.files import write_once

_PUBLIC_PREFIX: Final = "whpk_"


class WebhookKey:
    """Signs deliveries. Receivers need the public key alone, so nobody else can make a delivery up."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @property
    def public(self) -> str:
        """What a receiver verifies with: `whpk_` and base64."""
        return _PUBLIC_PREFIX + base64.b64encode(self._key.public_key().public_bytes_raw()).decode()

    def headers(self, id_: str, timestamp: int, body: bytes) -> dict[str, str]:
        """The three headers of a delivery at `timestamp` (seconds since 1970)."""
        signed = f"{id_}.{timestamp}.".encode() + body
        signature = base64.b64encode(self._key.sign(signed)).decode()
        return {
            "webhook-id": id_,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": f"v1a,{signature}",
        }


def load(file: Path) -> WebhookKey:
    """Read the key; the first process of a new installation makes it.

    Raises:
        ValueError: the file is not an Ed25519 key.

    """
    if not file.exists():
        made = Ed25519PrivateKey.generate()
        write_once(file, made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    key = load_pem_private_key(file.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(f"{file} is not an Ed25519 key")  # noqa: TRY004 - it is the file that is wrong
    return WebhookKey(key)
