"""What a bridge must not forget: transfers, undelivered callbacks, and its place in the events.

One file of SQLite, written through to the disk before anything is answered. A second bridge on the same file
does not start.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Concatenate, Final, ParamSpec, Self, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS transfer (
    id TEXT PRIMARY KEY,        -- in one writing: upper and lower case are the same
    stated_id TEXT NOT NULL,    -- as the DFSP writes it, for the path of callbacks
    uetr TEXT NOT NULL UNIQUE,
    quote TEXT NOT NULL UNIQUE, -- a quote is paid by one transfer
    digest BLOB NOT NULL,       -- of what the DFSP stated
    message BLOB,               -- the pacs.008 as it is sent, every time; NULL when the transfer has ended
    fulfilment TEXT NOT NULL,
    accepted_at REAL NOT NULL,
    outcome TEXT CHECK (outcome IN ('COMMITTED', 'ABORTED')),
    code TEXT,
    detail TEXT,
    ended_at TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS transfer_open ON transfer (accepted_at) WHERE outcome IS NULL;
CREATE TABLE IF NOT EXISTS callback (
    key TEXT PRIMARY KEY,       -- a later callback on the same resource replaces one that was not delivered
    version INTEGER NOT NULL,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    body BLOB NOT NULL,
    until REAL,                 -- after this instant nobody waits for it; NULL: it is never given up
    attempts INTEGER NOT NULL DEFAULT 0,
    next_at REAL NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS callback_due ON callback (next_at);
CREATE TABLE IF NOT EXISTS place (one INTEGER PRIMARY KEY CHECK (one = 1), event INTEGER NOT NULL) STRICT;
"""


class JournalUnusable(Exception):
    """The file cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class AcceptedTransfer:
    """A transfer that was accepted from the DFSP."""

    id: str
    stated_id: str
    uetr: str
    quote: str
    digest: bytes
    message: bytes | None
    fulfilment: str
    accepted_at: float
    outcome: str | None = None
    code: str | None = None
    detail: str | None = None
    ended_at: str | None = None


@dataclass(frozen=True, slots=True)
class Callback:
    """A request to the DFSP."""

    key: str
    method: str
    path: str
    body: bytes
    until: float | None = None
    version: int = 0
    attempts: int = 0


class Journal:
    """The file of one bridge."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    def open(cls, file: Path) -> Self:
        """Open the journal, or make it.

        Raises:
            JournalUnusable: another bridge has it, or it is no journal, or the disk refuses.

        """
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch(mode=0o600)
            connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False, timeout=1)
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.executescript(_SCHEMA)
        except (sqlite3.Error, OSError) as error:
            raise JournalUnusable(f"{file}: {error}; does another bridge use it?") from None
        return cls(connection)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def add(self, transfer: AcceptedTransfer) -> None:
        """Keep a new transfer.

        Raises:
            sqlite3.IntegrityError: there is one with this id, UETR or quote.

        """
        with self._transaction():
            self._connection.execute(
                "INSERT INTO transfer (id, stated_id, uetr, quote, digest, message, fulfilment, accepted_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    transfer.id,
                    transfer.stated_id,
                    transfer.uetr,
                    transfer.quote,
                    transfer.digest,
                    transfer.message,
                    transfer.fulfilment,
                    transfer.accepted_at,
                ),
            )

    def transfer(self, identifier: str) -> AcceptedTransfer | None:
        """The transfer of this id."""
        return self._one("SELECT * FROM transfer WHERE id = ?", identifier)

    def of_uetr(self, uetr: str) -> AcceptedTransfer | None:
        """The transfer that is this payment."""
        return self._one("SELECT * FROM transfer WHERE uetr = ?", uetr)

    def open_transfers(self) -> list[AcceptedTransfer]:
        """Transfers whose outcome is not known, the oldest first."""
        rows = self._connection.execute(
            "SELECT * FROM transfer WHERE outcome IS NULL ORDER BY accepted_at"
        ).fetchall()
        return [AcceptedTransfer(*row) for row in rows]

    def end(self, ended: AcceptedTransfer, told: Callback) -> bool:
        """Record an outcome with the callback that tells it; false if there is an outcome already."""
        with self._transaction():
            is_first = self._connection.execute(
                "UPDATE transfer SET outcome = ?, code = ?, detail = ?, ended_at = ?, message = NULL"
                " WHERE id = ? AND outcome IS NULL",
                (ended.outcome, ended.code, ended.detail, ended.ended_at, ended.id),
            ).rowcount
            if is_first:
                self._put(told)
        return bool(is_first)

    def tell(self, callback: Callback, *, while_open: str | None = None) -> None:
        """Queue a callback; with `while_open`, only while the transfer of this id has no outcome."""
        with self._transaction():
            if while_open is not None:
                found = self.transfer(while_open)
                if found is not None and found.outcome is not None:
                    return
            self._put(callback)

    def due(self, now: float, busy: set[str], limit: int) -> list[Callback]:
        """Callbacks that are due, the longest waiting first, without those in progress."""
        rows = self._connection.execute(
            "SELECT key, method, path, body, until, version, attempts FROM callback"
            " WHERE next_at <= ? ORDER BY next_at LIMIT ?",
            (now, limit + len(busy)),
        ).fetchall()
        return [Callback(*row) for row in rows if row[0] not in busy][:limit]

    def next_due(self, busy: set[str]) -> float | None:
        """When the next callback is due that is not in progress."""
        rows = self._connection.execute(
            "SELECT key, next_at FROM callback ORDER BY next_at LIMIT ?", (1 + len(busy),)
        ).fetchall()
        return next((at for key, at in rows if key not in busy), None)

    def delivered(self, callback: Callback) -> None:
        """Forget a callback that was delivered, unless a later one has replaced it."""
        with self._transaction():
            self._connection.execute(
                "DELETE FROM callback WHERE key = ? AND version = ?", (callback.key, callback.version)
            )

    def failed(self, callback: Callback, next_at: float) -> None:
        """Try a callback again at an instant, or give it up if nobody waits for it then."""
        with self._transaction():
            if callback.until is not None and next_at > callback.until:
                self._connection.execute(
                    "DELETE FROM callback WHERE key = ? AND version = ?", (callback.key, callback.version)
                )
                return
            self._connection.execute(
                "UPDATE callback SET attempts = attempts + 1, next_at = ? WHERE key = ? AND version = ?",
                (next_at, callback.key, callback.version),
            )

    def waiting(self) -> int:
        """The number of callbacks that are still to be delivered."""
        return int(self._connection.execute("SELECT count(*) FROM callback").fetchone()[0])

    def place(self) -> int | None:
        """The last event that was worked off; None before the first."""
        row = self._connection.execute("SELECT event FROM place").fetchone()
        return None if row is None else int(row[0])

    def move(self, event: int, told: Callback | None = None) -> None:
        """Record that an event was worked off, together with the callback that tells it."""
        with self._transaction():
            self._connection.execute("INSERT OR REPLACE INTO place VALUES (1, ?)", (event,))
            if told is not None:
                self._put(told)

    def forget(self, before: float) -> int:
        """Forget transfers that ended and were accepted before an instant; their number."""
        with self._transaction():
            return self._connection.execute(
                "DELETE FROM transfer WHERE outcome IS NOT NULL AND accepted_at < ?"
                " AND 'transfers/' || id NOT IN (SELECT key FROM callback)",
                (before,),
            ).rowcount

    def _put(self, callback: Callback) -> None:
        self._connection.execute(
            "INSERT INTO callback (key, version, method, path, body, until, next_at)"
            " VALUES (?, 1, ?, ?, ?, ?, 0)"
            " ON CONFLICT (key) DO UPDATE SET version = version + 1, method = excluded.method,"
            " path = excluded.path, body = excluded.body, until = excluded.until, attempts = 0, next_at = 0",
            (callback.key, callback.method, callback.path, callback.body, callback.until),
        )

    def _one(self, question: str, value: str) -> AcceptedTransfer | None:
        row = self._connection.execute(question, (value,)).fetchone()
        return None if row is None else AcceptedTransfer(*row)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")


class Keeper:
    """Calls the methods of a journal in a thread of its own, because they wait for the disk."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._thread = ThreadPoolExecutor(1, "journal")

    async def __call__(
        self, method: Callable[Concatenate[Journal, P], T], *arguments: P.args, **named: P.kwargs
    ) -> T:
        """Call one method: `await keep(Journal.transfer, identifier)`."""
        call = partial(method, self._journal, *arguments, **named)
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    def close(self) -> None:
        """Let the last call end, and close the journal."""
        self._thread.shutdown()
        self._journal.close()
