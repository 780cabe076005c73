"""Erasure of personal data in payments: of named payments, or by retention.

First the log records the erasure and its reason, then the keys are deleted; an interrupted erasure is
completed by repeating it. Only final payments are erased: an open payment may have to be sent again. Erased
payments stay provable, because hashes are over the encrypted bytes. Copies elsewhere (backups, the
write-ahead log) contain the keys until they expire; the operator's guide states how long that is.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg

from schemas.errors import NotFound, Unavailable
from switch.base.sql import statements
from switch.writer import event_bodies
from switch.writer.client import Link
from switch.writer.commands import Record
from switch.writer.event_kinds import EventKind
from switch.writer.verdicts import Verdict

BATCH: Final = 100
"""Payments per event."""
KEPT_AT_LEAST: Final = timedelta(days=35)
"""Retention never erases younger payments: rails, recalls and questions still need what they contain."""

_statement: Final = statements("switch.payments")
_FIND: Final = _statement("payments_to_erase")
_OLD: Final = _statement("old_payments")
_LAST_BEFORE: Final = _statement("last_before")
_COUNT_OLD: Final = _statement("count_old_payments")
_ERASE: Final = _statement("erase_keys")
_ERASE_MORE: Final = (
    "DELETE FROM switch.payment_party WHERE number = ANY($1)",
    _statement("erase_messages"),
    "UPDATE switch.rail_return SET sealed_key = NULL WHERE number = ANY($1)",
    _statement("erase_orders"),
    _statement("erase_payment_files"),
)
"""Other personal data of a payment: pseudonyms for reports, and related messages."""

_ERASE_LETTERS: Final = "UPDATE switch.correspondence SET sealed_key = NULL WHERE at < $1"
_ERASE_ORDERS: Final = (
    "UPDATE switch.inbound_order SET sealed_key = NULL WHERE received_at < $1 AND due_at IS NULL"
)
"""Orders of rails that never became payments are erased by their own date, too."""


class NotFinal(RuntimeError):
    """An open payment cannot be erased."""


class TooYoung(ValueError):
    """Payments that are still needed cannot be erased by their age."""


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


def check_age(instant: datetime, now: datetime | None = None) -> None:
    """Refuse an instant before which retention may not erase every payment.

    Raises:
        TooYoung: it is in the future, or not long enough ago.

    """
    now = now or datetime.now(UTC)
    if instant > now:
        raise TooYoung(f"{instant.isoformat()} is in the future")
    if now - instant < KEPT_AT_LEAST:
        raise TooYoung(
            f"{instant.isoformat()} is less than {KEPT_AT_LEAST.days} days ago: younger payments are only"
            " erased by their UETR"
        )


async def count_before(connection: asyncpg.Connection, instant: datetime) -> int:
    """The number of payments that `erase_before` would erase."""
    last = await connection.fetchval(_LAST_BEFORE, instant)
    return int(await connection.fetchval(_COUNT_OLD, last))


async def erase_before(
    connection: asyncpg.Connection, link: Link, instant: datetime, reason: str
) -> AsyncIterator[int]:
    """Erase every final payment accepted before an instant; yields the number of each batch.

    The caller has checked the instant (`check_age`). Messages between participants are erased by their own
    date, whatever payment they are about.
    """
    await connection.execute(_ERASE_LETTERS, instant)
    await connection.execute(_ERASE_ORDERS, instant)
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
    # The payments whose keys were erased, and the reason.
    body = event_bodies.encode({"payments": [subject.uetr.hex for subject in subjects], "reason": reason})
    reply = await link.ask(Record(EventKind.ERASE, body))
    if reply.verdict is not Verdict.RECORDED:
        raise Unavailable(f"the erasure was not recorded: {reply.verdict.text}")
    numbers = [subject.number for subject in subjects]
    async with connection.transaction():
        for statement in _ERASE_MORE:
            await connection.execute(statement, numbers)
        await connection.execute(_ERASE, numbers, reply.number)
