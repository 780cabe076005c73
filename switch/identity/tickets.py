"""Tickets: what a browser returns later, sealed by the switch, for one purpose, for a short time, once.

Nothing is stored when a ticket is issued, so strangers cannot fill a table by asking for them. A ticket that
is redeemed is remembered until it would have expired.
"""

import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import asyncpg
from cryptography.fernet import InvalidToken

from schemas.errors import NotAuthentic
from switch.base.sql import statements
from switch.identity.secrets import Seal

WITHIN_S: Final = 600
_BYTES_MAX: Final = 4096
_USE: Final = statements("switch.identity")("use_nonces")


@dataclass(frozen=True, slots=True)
class Ticket:
    """An opened ticket: its id, what it carries, and until when it is valid (seconds of Unix time)."""

    id: uuid.UUID
    content: Mapping[str, Any]
    until: int


def issue(data: Path, purpose: str, **content: Any) -> str:
    """Make a ticket, as ASCII text."""
    text = json.dumps({"for": purpose, "id": uuid.uuid4().hex, **content})
    return Seal(data).seal(text)


def read(data: Path, purpose: str, ticket: str, within_s: int = WITHIN_S) -> Ticket:
    """Open a ticket; it may be used up.

    Raises:
        NotAuthentic: not a ticket of ours, for another purpose, or too old.

    """
    try:
        if len(ticket) > _BYTES_MAX:
            raise NotAuthentic("this form has expired: open it again")
        content = dict(json.loads(Seal(data).open(ticket, within_s)))
    except (InvalidToken, FileNotFoundError, TypeError, ValueError):
        raise NotAuthentic("this form has expired: open it again") from None
    if content.pop("for", None) != purpose:
        raise NotAuthentic("this form has expired: open it again")
    return Ticket(uuid.UUID(content.pop("id")), content, int(time.time()) + within_s)


def of_token(issuer: str, jti: str, within_s: int) -> Ticket:
    """The ticket that stands for a token of another issuer, which works once as well."""
    return Ticket(uuid.uuid5(uuid.NAMESPACE_URL, f"{issuer} {jti}"), {}, int(time.time()) + within_s)


async def use(connection: asyncpg.Connection, ticket: Ticket) -> bool:
    """Use a ticket up, in the running transaction; False if it was used before."""
    return bool(await connection.fetch(_USE, [ticket.id], [ticket.until]))


async def is_used(connection: asyncpg.Connection, ticket: Ticket) -> bool:
    """Whether a ticket was used."""
    return bool(await connection.fetchval("SELECT true FROM switch.used_nonce WHERE id = $1", ticket.id))
