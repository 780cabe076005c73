"""Payments that screening holds, as rows: their messages, what was found, and their status for the sender.

For its sender such a payment is pending, as one whose outcome at a rail is unknown: no answer says why.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg
import msgspec

from ledger.encoding import microseconds
from schemas.errors import DuplicateUetr
from switch.base import personal_data
from switch.base.personal_data import KeyRing
from switch.base.sql import statements
from switch.payments.screening import ScreeningFinding
from switch.writer.commands import Evidence, Identity

_statement: Final = statements("switch.payments")
_HOLDS: Final = _statement("screening_holds")
_WAITING: Final = _statement("holds_waiting_for_engine")
_ONE: Final = (
    "SELECT fingerprint, sender, message_name, message_id, creditor_agent, debit_minor, debit_currency,"
    " received_at, screening FROM switch.screening_hold WHERE uetr = $1 AND ended_at IS NULL"
)
decode_findings: Final = msgspec.json.Decoder(list[ScreeningFinding]).decode
encode_findings: Final = msgspec.json.encode


class HeldPayment(msgspec.Struct, frozen=True):
    """A held payment. Times are of the database."""

    number: int
    uetr: UUID
    identity: Identity
    evidence: Evidence | None
    raw: bytes
    """The message as received, decrypted."""
    findings: Sequence[ScreeningFinding]
    screening: int
    """How many times a comparison held it."""
    lists: int
    held_at: datetime
    hit_count: int
    decision: str | None
    expired: bool

    @property
    def waits_for_engine(self) -> bool:
        """Whether it is held only because the outside engine did not answer, and nobody has decided."""
        return self.hit_count == 0 and self.decision is None


async def read(pool: asyncpg.Pool, keys: KeyRing, uetrs: Sequence[UUID]) -> list[HeldPayment]:
    """The held ones of these payments."""
    return [_held(keys, row) for row in await pool.fetch(_HOLDS, list(uetrs), len(uetrs), 0, [])]


async def read_due(
    pool: asyncpg.Pool, keys: KeyRing, *, lists: int, compared: Collection[int], limit: int
) -> list[HeldPayment]:
    """Those that people have decided about, that have expired, or that an older set than `lists` held.

    `compared`: those whose comparison with this set found nothing new.
    """
    return [_held(keys, row) for row in await pool.fetch(_HOLDS, None, limit, lists, list(compared))]


async def read_waiting_for_engine(
    pool: asyncpg.Pool, keys: KeyRing, up_to: int, limit: int
) -> list[HeldPayment]:
    """Those that are held only because the outside engine did not answer; first those after hold `up_to`."""
    return [_held(keys, row) for row in await pool.fetch(_WAITING, up_to, limit)]


def open_findings(keys: KeyRing, row: asyncpg.Record) -> list[ScreeningFinding]:
    """What the last comparison found, of a row with `uetr`, `screening`, `hits` and the `sealed` key.

    Raises:
        Erased: the key was deleted.

    """
    direction = personal_data.HITS + row["screening"] - 1
    return decode_findings(keys.open(row["uetr"], direction, row["sealed"], row["hits"]))


def _held(keys: KeyRing, row: asyncpg.Record) -> HeldPayment:
    uetr: UUID = row["uetr"]
    raw = keys.open(uetr, personal_data.CAME, row["key"], row["raw"])
    hits = keys.open(uetr, personal_data.HITS + row["screening"] - 1, row["key"], row["hits"])
    signed = row["keyid"] is not None
    return HeldPayment(
        number=row["number"],
        uetr=uetr,
        identity=Identity(
            uetr=uetr.bytes,
            fingerprint=row["fingerprint"],
            sender=row["sender"],
            message_name=row["message_name"],
            message_id=row["message_id"],
            raw=row["raw"],
            received_at=microseconds(row["received_at"]),
            key=row["key"],
            end_to_end=row["end_to_end"],
        ),
        evidence=Evidence(row["keyid"], row["signature"], row["base"], raw) if signed else None,
        raw=raw,
        findings=decode_findings(hits),
        screening=row["screening"],
        lists=row["lists"],
        held_at=row["held_at"],
        hit_count=row["hit_count"],
        decision=row["decision"],
        expired=row["expired"],
    )


async def read_one(pool: asyncpg.Pool | asyncpg.Connection, uetr: UUID) -> asyncpg.Record | None:
    """What the sender of a held payment may know of it; None if it is not held."""
    return await pool.fetchrow(_ONE, uetr)


async def is_held(pool: asyncpg.Pool, uetr: UUID, fingerprint: bytes | None = None) -> bool:
    """Whether a payment is held; with a fingerprint, whether it is with this content.

    Raises:
        DuplicateUetr: it is held with other content.

    """
    row = await read_one(pool, uetr)
    if row is not None and fingerprint is not None and row["fingerprint"] != fingerprint:
        raise DuplicateUetr
    return row is not None
