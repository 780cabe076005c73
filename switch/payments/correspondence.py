"""Messages between participants: cancellation requests, investigations, their answers, requests to pay.

The switch stores them as received and shows each to its receiver. None of them moves money by itself.

A receiver may know the payment by another UETR than the sender does (`own_uetrs`): it is shown the message
with the one that it knows, so that its answer names the same payment. What is stored is as it was received.
"""

import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from schemas import codec, own_uetr
from schemas.errors import DuplicateUetr, NotFound
from switch.base import personal_data
from switch.base.personal_data import Erased, KeyRing
from switch.base.sql import statements
from switch.writer.audit_notes import note
from switch.writer.event_kinds import EventKind

_NAMESPACE: Final = uuid.UUID("0d9f5a62-7c1e-4b55-8c2e-51ad1a0f6f60")
_NAME: Final = len("pain.013")
_ORIGINAL: Final = "OrgnlUETR"
SWITCH: Final = "payswitch"
"""Sender of messages that no participant sent."""
_statement: Final = statements("switch.payments")
_RECALLED_BY: Final = _statement("recalled_by")
_INSERT: Final = _statement("add_message")
_KNOWN: Final = _statement("is_known_message")
_INBOX: Final = _statement("inbox")
_LATEST: Final = _statement("latest_messages")
_RECALLS: Final = _statement("count_recalls")
_OF_ID: Final = _statement("messages_of_id")
_SENT: Final = "SELECT definition, body, sealed_key FROM switch.correspondence WHERE id = $1"
_ONE: Final = _statement("received_message")

Beside = Callable[[asyncpg.Connection], Awaitable[None]]
"""Keeps what belongs to a message in the transaction that stores it."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message in a list, without its content."""

    seq: int
    at: datetime
    sender: str
    definition: str
    message_id: str
    uetr: UUID | None
    erased: bool
    answered: bool
    """Whether the receiver has since sent a message about the same payment."""


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """One message as its receiver reads it."""

    seq: int
    at: datetime
    sender: str
    definition: str
    uetr: UUID | None
    """As the receiver knows the payment."""
    document: Mapping[str, Any] | None
    """As its sender wrote it, but for that UETR; None if it was erased."""

    @property
    def content(self) -> dict[str, Any] | None:
        """The message as JSON, in whichever format its sender sent it; None if it was erased."""
        return None if self.document is None else {"$type": self.definition, "Document": self.document}


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """A message that its receiver must answer."""

    id: UUID
    sender: str
    definition: str
    at: datetime


def identity(sender: str, message: codec.Message, message_id: str) -> UUID:
    """Identity of a message for repeats: its sender's id of it, in any version of its kind."""
    return identity_of(sender, message.id[:_NAME], message_id)


def identity_of(sender: str, kind: str, message_id: str) -> UUID:
    """Identity of a message of a kind (`camt.110`), as `identity`."""
    return uuid.uuid5(_NAMESPACE, f"{sender}\0{kind}\0{message_id}")


async def store(
    pool: asyncpg.Pool,
    keys: KeyRing,
    message: codec.Message,
    *,
    message_id: str,
    sender: str | None,
    receiver: str,
    uetr: UUID | None,
    beside: Beside | None = None,
) -> bool:
    """Store a message for its receiver and write an event; return False if it was stored before.

    Without a sender it is the switch's own message. `beside` keeps what belongs to it, in its transaction.

    Raises:
        DuplicateUetr: the sender used this message id for other content.

    """
    id_ = identity(sender or SWITCH, message, message_id)
    fingerprint = keys.fingerprint(sender or SWITCH, codec.digest(message))
    sealer = keys.sealer(id_)
    body = sealer.seal(personal_data.CAME, message.raw)
    row = (id_, uetr, sender, receiver, message.id, message_id, fingerprint, body, sealer.sealed_key)
    async with pool.acquire() as connection, connection.transaction():
        seq = await connection.fetchval(_INSERT, *row)
        if seq is not None:
            if beside is not None:
                await beside(connection)
            await note(
                connection,
                EventKind.MESSAGE_RECEIVED,
                receiver=receiver,
                sender=sender or SWITCH,
                seq=seq,
                definition=message.id,
                uetr=None if uetr is None else str(uetr),
            )
            return True
    known = await pool.fetchval("SELECT fingerprint FROM switch.correspondence WHERE id = $1", id_)
    if known != fingerprint:
        raise DuplicateUetr("you have sent this message id before, with different content")
    return False


async def is_known(
    pool: asyncpg.Pool, keys: KeyRing, message: codec.Message, *, message_id: str, sender: str
) -> bool:
    """Whether this same message of the sender was stored, or returned a payment, before."""
    fingerprint = keys.fingerprint(sender, codec.digest(message))
    known: bool = await pool.fetchval(_KNOWN, identity(sender, message, message_id), fingerprint)
    return known


async def inbox(
    pool: asyncpg.Pool, keys: KeyRing, receiver: str, *, after: int, limit: int
) -> Sequence[StoredMessage]:
    """Messages for a participant after a sequence number, oldest first. None is ever skipped."""
    return [_stored_message(row, keys) for row in await pool.fetch(_INBOX, receiver, after, limit)]


async def latest(
    pool: asyncpg.Pool,
    receiver: str,
    *,
    before: int = 2**62,
    limit: int = 50,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Sequence[Envelope]:
    """Messages for a participant before a sequence number, newest first.

    With `since` or `until`: those received from `since` on, and before `until`.
    """
    return [Envelope(*row) for row in await pool.fetch(_LATEST, receiver, before, limit, since, until)]


async def count_recalls(pool: asyncpg.Pool, receiver: str) -> int:
    """Number of cancellation requests that await a participant's reply, whatever their age."""
    waiting: int = await pool.fetchval(_RECALLS, receiver)
    return waiting


async def find(pool: asyncpg.Pool, keys: KeyRing, receiver: str, seq: int) -> StoredMessage:
    """One message for a participant.

    Raises:
        NotFound: there is none, or it is for another participant: the response is the same.

    """
    row = await pool.fetchrow(_ONE, receiver, seq)
    if row is None:
        raise NotFound
    return _stored_message(row, keys)


async def recalled_by(pool: asyncpg.Pool, uetr: UUID, receiver: str) -> str | None:
    """Sender of the newest camt.056 that asks `receiver` to return a payment; None if there is none."""
    sender: str | None = await pool.fetchval(_RECALLED_BY, uetr, receiver)
    return sender


async def of_id(pool: asyncpg.Pool, receiver: str, name: str, message_id: str) -> list[OpenRequest]:
    """Messages of this name (`pain.013`) and id for `receiver`: at most one from each sender."""
    rows = await pool.fetch(_OF_ID, receiver, name, message_id)
    return [OpenRequest(*row) for row in rows]


async def document(pool: asyncpg.Pool, keys: KeyRing, id_: UUID) -> Mapping[str, Any] | None:
    """The document of a stored message; None if it was erased, or is no longer kept."""
    row = await pool.fetchrow(_SENT, id_)
    if row is None:
        return None
    try:
        raw = keys.open(id_, personal_data.CAME, row["sealed_key"], row["body"])
    except Erased:
        return None
    return codec.again(raw, row["definition"]).document


def _stored_message(row: asyncpg.Record, keys: KeyRing) -> StoredMessage:
    try:
        raw = keys.open(row["id"], personal_data.CAME, row["sealed_key"], row["body"])
    except Erased:
        found = None
    else:
        found = codec.again(raw, row["definition"]).document
        if row["uetr"] is not None and own_uetr.is_reserved(str(row["uetr"])):
            found = _about(found, str(row["known_uetr"]))
    sender = row["sender"] or SWITCH
    return StoredMessage(row["seq"], row["at"], sender, row["definition"], row["known_uetr"], found)


def _about(content: Any, uetr: str) -> Any:
    """A message about one payment, with this UETR in place of the one that its sender states."""
    if isinstance(content, list):
        return [_about(part, uetr) for part in content]
    if not isinstance(content, dict):
        return content
    return {tag: uetr if tag == _ORIGINAL else _about(part, uetr) for tag, part in content.items()}
