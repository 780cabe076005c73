"""Secrets of webhooks: Standard Webhooks, `v1` (HMAC-SHA256), which the published libraries verify.

The switch makes a secret and shows it once. The database has it sealed by the keys of the installation, so
that a copy of the database signs nothing. Whoever holds a secret could sign a delivery, so the receiver and
the switch must trust each other; the signature `v1a` beside it (`signing`) proves more. A new secret follows
the old one with an overlap, in which deliveries are signed with both.
"""

import base64
import hashlib
import hmac
import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple
from uuid import UUID

import asyncpg
import structlog

from switch.base import personal_data
from switch.base.personal_data import KeyRing, UnreadablePersonalData
from switch.base.sql import statements

OVERLAP: Final = timedelta(hours=24)
"""How long the old secret still signs."""
_BYTES: Final = 32
_PREFIX: Final = "whsec_"
_PURPOSE: Final = "webhook"
_statement: Final = statements("switch.webhooks")
_END_OLDER: Final = "DELETE FROM switch.webhook_secret WHERE webhook = $1 AND until IS NOT NULL"
_END: Final = _statement("end_secret")
_ADD: Final = _statement("add_secret")
_OF: Final = _statement("secrets_of_webhook")
_NEWEST: Final = "SELECT webhook, secret FROM switch.webhook_secret ORDER BY made_at DESC LIMIT 1"
_UNREADABLE: Final = "{} is not the key file of the secrets of webhooks in this database"
_log = structlog.get_logger()


class SecretsOfWebhook(NamedTuple):
    """When the secret of a webhook was made, and until when the one before it signs; None: there is none."""

    made_at: datetime | None
    previous_until: datetime | None


async def of(pool: asyncpg.Pool, webhook: UUID) -> SecretsOfWebhook:
    """What its owner may know of the secrets of a webhook later."""
    return SecretsOfWebhook(*await pool.fetchrow(_OF, webhook))


async def renew(pool: asyncpg.Pool, keys: KeyRing, webhook: UUID) -> str:
    """Make a secret for a webhook, as `text_of` writes it. The one before it signs for `OVERLAP`."""
    secret = os.urandom(_BYTES)
    async with pool.acquire() as connection, connection.transaction():
        # One after the other: of two at once, each must end the other's predecessor.
        await connection.execute("SELECT FROM switch.webhook WHERE id = $1 FOR UPDATE", webhook)
        await connection.execute(_END_OLDER, webhook)
        await connection.execute(_END, webhook, OVERLAP)
        await connection.execute(_ADD, webhook, keys.seal_secret(_PURPOSE, webhook, secret))
    return text_of(secret)


def opened(keys: KeyRing, webhook: UUID, sealed: Sequence[bytes]) -> list[bytes]:
    """The secrets of a webhook, to sign with. One that these keys do not open is left out, and logged."""
    found = []
    for each in sealed:
        try:
            found.append(keys.open_secret(_PURPOSE, webhook, each))
        except UnreadablePersonalData:
            _log.error("webhook_secret_unreadable", webhook=str(webhook))
    return found


async def faults(connection: asyncpg.Connection, file: Path) -> list[str]:
    """Find out whether the key file of this machine opens the secrets in the database."""
    newest = await connection.fetchrow(_NEWEST)
    if newest is None or opened(personal_data.load(file), newest["webhook"], [newest["secret"]]):
        return []
    return [_UNREADABLE.format(file)]


def text_of(secret: bytes) -> str:
    """A secret as its receiver gets it: `whsec_` and base64."""
    return _PREFIX + base64.b64encode(secret).decode()


def sign(secrets: Sequence[bytes], content: bytes) -> list[str]:
    """One entry of `webhook-signature` for each secret."""
    return [
        f"v1,{base64.b64encode(hmac.digest(secret, content, hashlib.sha256)).decode()}" for secret in secrets
    ]
