"""Secrets of webhooks: Standard Webhooks, `v1` (HMAC-SHA256), which the published libraries verify.

The switch makes a secret and shows it once. Whoever holds it could sign a delivery, so the receiver and the
switch must trust each other; the signature `v1a` beside it (`signing`) proves more. A new secret follows the
old one with an overlap, in which deliveries are signed with both.
"""

import base64
import hashlib
import hmac
import os
from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

import asyncpg

from switch.base.sql import statements

OVERLAP: Final = timedelta(hours=24)
"""How long the old secret still signs."""
_BYTES: Final = 32
_PREFIX: Final = "whsec_"
_statement: Final = statements("switch.webhooks")
_END_OLDER: Final = "DELETE FROM switch.webhook_secret WHERE webhook = $1 AND until IS NOT NULL"
_END: Final = _statement("end_secret")
_ADD: Final = _statement("add_secret")


async def renew(pool: asyncpg.Pool, webhook: UUID) -> str:
    """Make a secret for a webhook, as `text_of` writes it. The one before it signs for `OVERLAP`."""
    secret = os.urandom(_BYTES)
    async with pool.acquire() as connection, connection.transaction():
        # One after the other: of two at once, each must end the other's predecessor.
        await connection.execute("SELECT FROM switch.webhook WHERE id = $1 FOR UPDATE", webhook)
        await connection.execute(_END_OLDER, webhook)
        await connection.execute(_END, webhook, OVERLAP)
        await connection.execute(_ADD, webhook, secret)
    return text_of(secret)


def text_of(secret: bytes) -> str:
    """A secret as its receiver gets it: `whsec_` and base64."""
    return _PREFIX + base64.b64encode(secret).decode()


def sign(secrets: Sequence[bytes], content: bytes) -> list[str]:
    """One entry of `webhook-signature` for each secret."""
    return [
        f"v1,{base64.b64encode(hmac.digest(secret, content, hashlib.sha256)).decode()}" for secret in secrets
    ]
