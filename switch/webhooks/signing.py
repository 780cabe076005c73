"""Keys that sign webhooks, and their signatures: Standard Webhooks, `v1a` (Ed25519).

A delivery carries a signature of each key in force, so a key is replaced without a gap: two people add a
second key, receivers install its public key, two people retire the first. `switch.webhook_key` lists the
keys. The private keys are files in one directory, `webhooks.pem` for the first key and `webhooks-2.pem` for
the second; only the delivering process makes or reads them.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import asyncpg
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from schemas.errors import Unavailable
from switch.base import causes
from switch.base.files import write_once
from switch.base.sql import statements
from switch.webhooks import secrets

IN_FORCE_MAX: Final = 2
"""The key in force and its successor."""
_PUBLIC_PREFIX: Final = "whpk_"
_KEYS: Final = statements("switch.webhooks")("webhook_keys")
_FIRST: Final = 1
NO_KEY: Final = "{} is missing: copy it from a machine of this switch; only a new installation makes one"
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class PublishedKey:
    """A key as receivers see it. `public_key` is None until the key pair is made, within a second."""

    number: int
    public_key: str | None
    added_at: datetime
    retired_at: datetime | None

    @property
    def in_force(self) -> bool:
        """Whether deliveries are signed with it."""
        return self.retired_at is None and self.public_key is not None

    def document(self) -> dict[str, Any]:
        """The key as receivers see it."""
        return {
            "number": self.number,
            "public_key": self.public_key,
            "added_at": self.added_at.isoformat(),
            "retired_at": self.retired_at.isoformat() if self.retired_at else None,
        }


class WebhookKey:
    """Signs deliveries. Receivers need only the public key, so nobody else can forge a delivery."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @property
    def public(self) -> str:
        """The key that a receiver verifies with: `whpk_` and base64."""
        return _PUBLIC_PREFIX + base64.b64encode(self._key.public_key().public_bytes_raw()).decode()

    def sign(self, content: bytes) -> str:
        """One entry of `webhook-signature`."""
        return f"v1a,{base64.b64encode(self._key.sign(content)).decode()}"


class SigningKeys:
    """Keys in force with their private keys, in the one delivering process."""

    def __init__(self, first: Path) -> None:
        """Keep the first key in the file `first`, and its successors beside it."""
        self._first = first
        self._keys: dict[int, WebhookKey] = {}

    async def refresh(self, pool: asyncpg.Pool) -> None:
        """Make the pair of a key that was added, and drop a key that was retired."""
        rows = [row for row in await published(pool) if row.retired_at is None]
        for row in rows:
            if row.number not in self._keys:
                self._keys[row.number] = await self._take_up(pool, row)
        for number in self._keys.keys() - {row.number for row in rows}:
            del self._keys[number]
            _file(self._first, number).unlink(missing_ok=True)

    def headers(self, id_: str, timestamp: int, body: bytes, shared: Sequence[bytes] = ()) -> dict[str, str]:
        """The three headers of a delivery at `timestamp` (seconds since 1970), newest signature first.

        `shared` are the secrets of the webhook: its signatures `v1` follow those of the keys.
        """
        signed = f"{id_}.{timestamp}.".encode() + body
        newest_first = [key for _, key in sorted(self._keys.items(), reverse=True)]
        return {
            "webhook-id": id_,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": " ".join(
                [*(key.sign(signed) for key in newest_first), *secrets.sign(shared, signed)]
            ),
        }

    async def _take_up(self, pool: asyncpg.Pool, row: PublishedKey) -> WebhookKey:
        if fault := _fault(self._first, row):
            raise causes.Impossible(fault)
        key = load(_file(self._first, row.number))
        if row.public_key is None:
            await pool.execute(
                "UPDATE switch.webhook_key SET public_key = $2 WHERE number = $1 AND public_key IS NULL",
                row.number,
                key.public,
            )
            _log.info("webhook_key_made", number=row.number)
        return key


async def faults(connection: asyncpg.Connection, first: Path) -> list[str]:
    """Find the published keys that a messenger of this machine could not sign with."""
    found = [_fault(first, row) for row in await published(connection) if row.in_force]
    return [fault for fault in found if fault]


def _fault(first: Path, row: PublishedKey) -> str:
    """Why this machine cannot sign with a published key; empty if it can, or if the pair is not made yet."""
    file = _file(first, row.number)
    if row.public_key is None:
        return ""
    if not file.exists():
        return NO_KEY.format(file)
    if load(file).public != row.public_key:
        return (
            f"{file} is not the key {row.number} that receivers know: copy it from a machine of this switch"
        )
    return ""


def _file(first: Path, number: int) -> Path:
    return first if number == _FIRST else first.with_name(f"{first.stem}-{number}{first.suffix}")


async def published(
    pool: asyncpg.Pool | asyncpg.Connection, *, before: int | None = None, limit: int = 100
) -> list[PublishedKey]:
    """All keys, present and past, newest first."""
    return [PublishedKey(*row) for row in await pool.fetch(_KEYS, before, limit)]


async def public_keys(pool: asyncpg.Pool) -> list[str]:
    """The public keys in force, newest first.

    Raises:
        Unavailable: the first key is not made yet, in the first second of an installation.

    """
    found = [key.public_key for key in await published(pool) if key.in_force and key.public_key]
    if not found:
        raise Unavailable("the key that signs webhooks is not ready yet")
    return found


def load(file: Path) -> WebhookKey:
    """Read a key; a missing one is made.

    Raises:
        ValueError: the file is not an Ed25519 key.

    """
    if not file.exists():
        made = Ed25519PrivateKey.generate()
        write_once(file, made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    key = load_pem_private_key(file.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(f"{file} is not an Ed25519 key")  # noqa: TRY004 - the content of the file is wrong, not a type
    return WebhookKey(key)
