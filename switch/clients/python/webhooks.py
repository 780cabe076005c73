"""Verify webhooks (Standard Webhooks): `v1a` with the switch's public key, or `v1` with a shared secret."""

import hashlib
import hmac
import json
import time
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from .events import Event

TOLERANCE_S: Final = 300
_PUBLIC: Final = "whpk_"
_SECRET: Final = "whsec_"  # noqa: S105 - the prefix of every secret


class NotVerified(Exception):
    """It is not of the switch, was changed on its way, or is too old: answer a delivery with 400."""


def verify_webhook(
    headers: Mapping[str, str],
    body: bytes,
    keys: str | Iterable[str],
    *,
    tolerance_s: float = TOLERANCE_S,
    now: float | None = None,
) -> Event:
    """Verify a delivery and read its event.

    Args:
        headers: Those of the request, with names in any case.
        body: The bytes as they came: parse nothing before.
        keys: Public keys `whpk_...` or secrets `whsec_...`; during a rotation, the old and the new one.
        tolerance_s: By how many seconds your clock and that of the switch may differ.
        now: Seconds since 1970; by default, this machine's clock.

    Raises:
        NotVerified: no key verifies it, a header is missing, or its time is not now.

    """
    found = {name.lower(): value for name, value in headers.items()}
    try:
        id_, stated = found["webhook-id"], found["webhook-timestamp"]
        signatures = found["webhook-signature"].split()
        timestamp = float(stated)
        signed = f"{id_}.{stated}.".encode() + body
    except (KeyError, ValueError):
        raise NotVerified("a header of the signature is missing or malformed") from None
    if not abs((time.time() if now is None else now) - timestamp) <= tolerance_s:
        raise NotVerified("the time of the delivery is not now: check this machine's clock")
    known = [keys] if isinstance(keys, str) else list(keys)
    if not any(_verifies(key, signature, signed) for key in known for signature in signatures):
        raise NotVerified("no key verifies the signature")
    return Event.of(json.loads(body))


def _verifies(key: str, signature: str, signed: bytes) -> bool:
    version, _, text = signature.partition(",")
    with suppress(NotBase64, InvalidSignature):
        value = b64decode(text.encode("ascii", "replace"), validate=True)
        if version == "v1a" and key.startswith(_PUBLIC):
            Ed25519PublicKey.from_public_bytes(b64decode(key.removeprefix(_PUBLIC))).verify(value, signed)
            return True
        if version == "v1" and key.startswith(_SECRET):
            secret = b64decode(key.removeprefix(_SECRET))
            return bool(secret) and hmac.compare_digest(hmac.digest(secret, signed, hashlib.sha256), value)
    return False
