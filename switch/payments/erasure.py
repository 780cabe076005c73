"""Erasure of personal data in payments: of named payments, or by retention.

First the log records the erasure and its reason, then the keys are deleted; an interrupted erasure is
completed by repeating it. Only final payments are erased: an open payment may have to be sent again. Erased
payments stay provable, because hashes are over the encrypted bytes. Copies elsewhere (backups, the
write-ahead log) contain the keys until they expire; the operator's guide states how long that is.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg
import msgspec

from schemas.errors import NotFound, Unavailable
from switch.writer.client import Link
from switch.writer.commands import Record
from switch.writer.event_kinds import EventKind
from switch.writer.verdicts import Verdict

BATCH: Final = 100
"""Payments per event."""

_FIND: Final = """
SELECT p.number, p.uetr, k.sealed IS NULL AS erased, o.number IS NOT NULL AS open
FROM ledger.transfer AS t
JOIN switch.payment AS p ON p.number = t.number
JOIN switch.message_key AS k ON k.number = t.number
LEFT JOIN switch.open_payment AS o ON o.number = t.number
WHERE t.id = ANY($1)
"""
_OLD: Final = """
SELECT k.number, p.uetr FROM switch.message_key AS k JOIN switch.payment AS p USING (number)
WHERE k.number > $1 AND k.number <= $2 AND k.sealed IS NOT NULL
  AND NOT EXISTS (SELECT FROM switch.open_payment AS o WHERE o.number = k.number)
ORDER BY k.number
LIMIT $3
"""
_LAST_BEFORE: Final = """
WITH RECURSIVE halving (low, high) AS (
    SELECT coalesce((SELECT max(last_seq) FROM ledger.archive WHERE last_at < $1), 0),
           (SELECT coalesce(max(seq), 0) + 1 FROM ledger.event)
     UNION ALL
    SELECT CASE WHEN probe.at < $1 THEN probe.seq ELSE low END,
           CASE WHEN probe.at < $1 THEN high ELSE probe.seq END
      FROM halving
     CROSS JOIN LATERAL (SELECT seq, at FROM ledger.event WHERE seq = (low + high) / 2) AS probe
     WHERE high - low > 1
)
SELECT max(low) FROM halving
"""
_ERASE: Final = """
UPDATE switch.message_key SET sealed = NULL, erasure = $2
WHERE number = ANY($1) AND sealed IS NOT NULL
"""

_ERASE_MORE: Final = (
    "DELETE FROM switch.payment_party WHERE number = ANY($1)",
    (
        "UPDATE switch.correspondence SET sealed_key = NULL"
        " WHERE uetr IN (SELECT uetr FROM switch.payment WHERE number = ANY($1))"
    ),
)
"""Other personal data of a payment: pseudonyms for reports, and related messages."""

_ERASE_LETTERS: Final = "UPDATE switch.correspondence SET sealed_key = NULL WHERE at < $1"


class NotFinal(RuntimeError):
    """An open payment cannot be erased."""


class ErasureBody(msgspec.Struct, forbid_unknown_fields=True):
    """Content of the event: the payments whose keys were erased, and the reason."""

    payments: list[str]
    reason: str


@dataclass(frozen=True, slots=True)
class ErasedPayment:
    """One erased payment."""

    number: int
    uetr: UUID


async def erase(connection: asyncpg.Connection, link: Link, uetrs: Sequence[UUID], reason: str) -> int:
    """Erase these payments; return how many were not erased before.

    Raises:
        NotFound: there is none of a UETR; nothing was erased.
        NotFinal: one is still open; nothing was erased.
        Unavailable: the writer did not record it; nothing was erased now.
        OutcomeUnknown: the writer may have recorded it; nothing was erased now.

    """
    rows = await connection.fetch(_FIND, list(uetrs))
    missing = set(uetrs) - {row["uetr"] for row in rows}
    if missing:
        raise NotFound(f"no payment {min(missing)}")
    for row in rows:
        if row["open"]:
            raise NotFinal(f"payment {row['uetr']} is not final")
    subjects = [ErasedPayment(row["number"], row["uetr"]) for row in rows if not row["erased"]]
    for start in range(0, len(subjects), BATCH):
        await _erase(connection, link, subjects[start : start + BATCH], reason)
    return len(subjects)


async def erase_before(
    connection: asyncpg.Connection, link: Link, instant: datetime, reason: str
) -> AsyncIterator[int]:
    """Erase every final payment accepted before an instant; yields the number of each batch.

    Messages between participants are erased by their own date, whatever payment they are about.
    """
    await connection.execute(_ERASE_LETTERS, instant)
    last = await connection.fetchval(_LAST_BEFORE, instant)
    number = 0
    while True:
        subjects = [ErasedPayment(*row) for row in await connection.fetch(_OLD, number, last, BATCH)]
        if not subjects:
            return
        await _erase(connection, link, subjects, reason)
        number = subjects[-1].number
        yield len(subjects)


async def scrub(connection: asyncpg.Connection) -> None:
    """Have the database overwrite the remains of erased keys in its table."""
    await connection.execute("VACUUM switch.message_key")


async def _erase(
    connection: asyncpg.Connection, link: Link, subjects: Sequence[ErasedPayment], reason: str
) -> None:
    body = msgspec.json.encode(ErasureBody([subject.uetr.hex for subject in subjects], reason))
    reply = await link.ask(Record(EventKind.ERASE, body))
    if reply.verdict is not Verdict.RECORDED:
        raise Unavailable(f"the erasure was not recorded: {reply.verdict.text}")
    numbers = [subject.number for subject in subjects]
    async with connection.transaction():
        for statement in _ERASE_MORE:
            await connection.execute(statement, numbers)
        await connection.execute(_ERASE, numbers, reply.number)
