"""Files of many payments (pain.001) that participants hand in: what is kept of them, and how far they are.

    received --check--> sending --> ended      every line has ended
        +------------> refused                 as a whole: nothing of it is sent

    waiting --take--> taken --> credited       its payment is credited
       |                +-----> rejected       its payment was refused, or its rail did not credit it
       +------------> cancelled, rejected      by its sender, or as its time was over

A file is durable before it is acknowledged. The caretaker checks it and makes a pacs.008 of each line
(`switch.processes.payment_files`), which is given to the ordinary intake: the payment says what became of the
line. The UETR of a line is its own, or follows from the file and its place (`lines.derived`), so that a line
is paid once, whoever sends it.

Its bytes are stored in parts that are sealed under the key of the file. They are read again for its pain.002.
"""

import json
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final
from uuid import UUID

import asyncpg
import msgspec

from schemas import remedies, status_report
from schemas.errors import NotFound
from switch.base.personal_data import KeyRing, Sealer
from switch.base.sql import statements
from switch.clients.python.bulk import LineOutcome, pain_002
from switch.clients.python.bulk.sending import CANCELLED, UNSENT

_statement: Final = statements("switch.payments")
_ADD: Final = _statement("add_payment_file")
_ADD_PART: Final = "INSERT INTO switch.payment_file_part (file, part, body) VALUES ($1, $2, $3)"
_PART: Final = "SELECT body FROM switch.payment_file_part WHERE file = $1 AND part = $2"
_FILES: Final = _statement("payment_files")
_LINES: Final = _statement("payment_file_lines")
_CANCEL: Final = _statement("cancel_payment_file")
_OPEN: Final = (
    "SELECT count(*) FROM switch.payment_file WHERE sender = $1 AND state IN ('received', 'sending')"
)
PART_BYTES: Final = 128 * 1024
"""Size of the parts, but for the last one."""
NEWEST: Final = 2**62
STOPPED: Final = "the operator of the switch stopped the rest of the file"
"""Detail of a file that people of the switch stopped, and of its lines."""


class FileState(StrEnum):
    """State of a file."""

    RECEIVED = "received"
    REFUSED = "refused"
    SENDING = "sending"
    ENDED = "ended"


class FileLineState(StrEnum):
    """State of a line."""

    WAITING = "waiting"
    TAKEN = "taken"
    CREDITED = "credited"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


STATUS: Final = {
    FileLineState.WAITING: UNSENT,
    FileLineState.TAKEN: "PDNG",
    FileLineState.CREDITED: "ACCC",
    FileLineState.REJECTED: "RJCT",
    FileLineState.CANCELLED: CANCELLED,
}
"""State of a line -> its status in a pain.002."""
STATUSES: Final = (UNSENT, "PDNG", "ACCC", "RJCT", CANCELLED)
"""Statuses of lines, in the order of their life."""
OPEN: Final = (FileState.RECEIVED, FileState.SENDING)
"""States of files that have not ended."""


class NewPaymentFile(msgspec.Struct, frozen=True):
    """A file as it came, its sender known; its parts are sealed already."""

    id: UUID
    sender: str
    whole: bool
    sha256: bytes
    size: int
    keyid: str
    """Of the key that signed it; empty for a bearer key of a sandbox."""
    signature: bytes
    base: bytes


class PaymentFile(msgspec.Struct, frozen=True):
    """What is known of a file."""

    number: int
    id: UUID
    sender: str
    whole: bool
    size: int
    state: FileState
    message_id: str | None
    lines: int | None
    total: str | None
    reason: str
    detail: str
    received_at: datetime
    ends_at: datetime
    cancelled_at: datetime | None
    ended_at: datetime | None
    sealed_key: bytes | None
    by_status: dict[str, int]
    """Numbers of its lines by ISO status, once they are known."""


class FileLine(msgspec.Struct, frozen=True):
    """What is known of a line."""

    number: int
    uetr: UUID
    outcome: LineOutcome

    @property
    def remedy(self) -> str | None:
        """What its sender can do, as of every refused payment."""
        return remedies.of_status(self.outcome.status, self.outcome.reason, self.outcome.text)

    @property
    def with_remedy(self) -> LineOutcome:
        """The outcome with all that its text can say."""
        if self.remedy is None:
            return self.outcome
        text = f"{self.outcome.text} {status_report.TODO}{self.remedy}".strip()
        return LineOutcome(self.outcome.status, self.outcome.reason, text)


async def keep(
    pool: asyncpg.Pool,
    keys: KeyRing,
    new: NewPaymentFile,
    sealer: Sealer,
    parts: Iterable[bytes],
    *,
    lasts_s: float,
) -> bool:
    """Store a file with its sealed parts; False, and nothing is stored, if the sender's file is known."""
    async with pool.acquire() as connection, connection.transaction():
        number = await connection.fetchval(
            _ADD,
            new.id,
            new.sender,
            new.whole,
            _digest(keys, new.sender, new.sha256),
            new.size,
            new.keyid,
            new.signature,
            new.base,
            sealer.sealed_key,
            lasts_s,
        )
        if number is None:
            return False
        for part, body in enumerate(parts):
            await connection.execute(_ADD_PART, new.id, part, body)
    return True


async def count_open(pool: asyncpg.Pool, sender: str) -> int:
    """Number of files of a sender that have not ended."""
    count: int = await pool.fetchval(_OPEN, sender)
    return count


async def pieces(
    pool: asyncpg.Pool, keys: KeyRing, id_: UUID, sealed_key: bytes | None
) -> AsyncIterator[bytes]:
    """The bytes of a file, part by part.

    Raises:
        Erased: its key was deleted.

    """
    part = 0
    while (body := await pool.fetchval(_PART, id_, part)) is not None:
        yield keys.open(id_, part, sealed_key, body)
        part += 1


async def find(pool: asyncpg.Pool, sender: str | None, id_: UUID) -> PaymentFile:
    """One file of a sender, or of any for those who see all.

    Raises:
        NotFound: there is none; the answer for another sender's is the same.

    """
    rows = await pool.fetch(_FILES, sender, id_, None, NEWEST, 1, None)
    if not rows:
        raise NotFound
    return _file(rows[0])


async def find_same(pool: asyncpg.Pool, keys: KeyRing, sender: str, sha256: bytes) -> PaymentFile:
    """The file of a sender with this content, which is known."""
    (row,) = await pool.fetch(_FILES, sender, None, _digest(keys, sender, sha256), NEWEST, 1, None)
    return _file(row)


async def newest(
    pool: asyncpg.Pool,
    sender: str | None,
    *,
    before: int,
    limit: int,
    states: Sequence[FileState] | None = None,
) -> list[PaymentFile]:
    """Files of a sender, or of all, newest first."""
    return [_file(row) for row in await pool.fetch(_FILES, sender, None, None, before, limit, states)]


async def lines(pool: asyncpg.Pool, id_: UUID, *, after: int, limit: int, status: str = "") -> list[FileLine]:
    """Lines of a file in their order: all, or those with one ISO status."""
    states, sent = None, None
    if status:
        states = [state for state, name in STATUS.items() if name == status]
        sent = status == STATUS[FileLineState.TAKEN]
        if status == UNSENT:
            states.append(FileLineState.TAKEN)
    return [_line(row) for row in await pool.fetch(_LINES, id_, after, limit, states, sent)]


async def cancel(
    connection: asyncpg.Connection | asyncpg.Pool, sender: str, id_: UUID, *, why: str = ""
) -> bool:
    """Have nothing more of a file sent; False if it was cancelled before, or has ended.

    Nothing is recalled, and what has ended stays so.
    """
    return await connection.fetchval(_CANCEL, id_, sender, why) is not None


def group_status(file: PaymentFile) -> str:
    """The status of the whole file, as its pain.002 states it."""
    if file.state is FileState.REFUSED:
        return "RJCT"
    return pain_002.group_status(file.by_status) if file.state is not FileState.RECEIVED else UNSENT


def sum_of(file: PaymentFile) -> Decimal:
    """The sum of its amounts, as `CtrlSum`."""
    return Decimal(file.total or 0)


def _digest(keys: KeyRing, sender: str, sha256: bytes) -> bytes:
    return keys.fingerprint(sender, b"payment-file" + sha256)


def _file(row: asyncpg.Record) -> PaymentFile:
    counts: dict[str, int] = {}
    for state, count in json.loads(row["counts"]).items():
        counts[STATUS[FileLineState(state)]] = count
    known = {name: row[name] for name in PaymentFile.__struct_fields__ if name not in {"by_status", "state"}}
    return PaymentFile(**known, state=FileState(row["state"]), by_status=counts)


def _line(row: asyncpg.Record) -> FileLine:
    state = FileLineState(row["state"])
    status = UNSENT if state is FileLineState.TAKEN and not row["sent"] else STATUS[state]
    return FileLine(row["number"], row["uetr"], LineOutcome(status, row["reason"] or None, row["detail"]))
