"""Detaching the oldest partition of the log: checked, written to files, signed, and only then dropped.

Theory of operation. The oldest partition is verified event by event, with every invariant, while its events
are written to a file. Rows of the host with the same numbers (its `companions`) are written to further files.
When all files are on disk, their hashes, the root over the leaves and the hash of the ledger's state are
signed. One transaction then stores the note, the state and the leaf hashes, and drops the partitions. A
crash before its commit leaves files that the next attempt replaces; after the commit, nothing is left to do.

Sets, legs, resolutions and balances stay: a client's id is the identity of its payment for ever.
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final

import asyncpg

from ledger import audit, partitions
from ledger.archive import Archive, File, LineWriter, Manifest, events_file
from ledger.encoding import EPOCH
from ledger.merkle import Frontier
from ledger.partitions import EVENTS, Partition
from ledger.signing import Signer
from ledger.sql import statement
from ledger.verify import Row, Rows, Walk

_OBSTACLE: Final = statement("archive_obstacle")
_KEEP_LEAVES: Final = statement("keep_leaves")
_ADD: Final = statement("add_archive")
_ATTEMPTS: Final = 20
_LOCK_TIMEOUT: Final = "500ms"
_PAUSE_S: Final = 0.25
_COMPANION_CHUNK: Final = 1_000


class NotYet(RuntimeError):
    """The oldest partition cannot be detached now."""


@dataclass(frozen=True, slots=True)
class Companion:
    """A table of the application, also partitioned by transfer numbers, and the query of what is archived."""

    table: str
    rows: str
    """A query with the first (`$1`) and the last number (`$2`); its columns are numbers, texts and bytes."""

    @property
    def name(self) -> str:
        """The table without its schema."""
        return self.table.rpartition(".")[2]


@dataclass(slots=True)
class _Copy:
    """The output of the walk: the events file, and the tree over only their leaves."""

    out: LineWriter
    first_seq: int
    tree: Frontier
    last_at: int = 0

    def take(self, rows: Rows) -> None:
        """Write one chunk of the walk; events of earlier archives are skipped."""
        for row in rows:
            if row[0] >= self.first_seq:
                self._take(row)

    def _take(self, row: Row) -> None:
        self.out.write_event(row)
        self.tree.append(row[6])
        self.last_at = row[2]


async def detach_oldest(
    connection: asyncpg.Connection,
    directory: Path,
    signer: Signer,
    *,
    companions: Sequence[Companion] = (),
    progress: Callable[[int], None] | None = None,
) -> Archive:
    """Move the oldest partition of the log, and of the companions, into files in `directory`.

    Raises:
        NotYet: something in it is pending, unpublished or wrong, or the tables stayed busy.

    """
    oldest = (await partitions.read(connection))[0]
    obstacle = await connection.fetchval(_OBSTACLE, oldest.last)
    if obstacle is not None:
        raise NotYet(f"events {oldest.first} to {oldest.last}: {obstacle}")
    await audit.grow(connection)
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    copy, state, file = await _copy_events(connection, directory, oldest, progress)
    others = [await _copy_rows(connection, directory, oldest, companion) for companion in companions]
    _sync(directory)
    manifest = Manifest(
        oldest.first, oldest.last, copy.tree.root(), sha256(state).hexdigest(), (file, *others)
    )
    note = signer.sign_text(manifest.text)
    (directory / f"archive-{oldest.first}-{oldest.last}.note").write_text(note, encoding="utf-8")
    _sync(directory)
    return await _drop(connection, oldest, companions, (copy.last_at, state, note))


async def _copy_events(
    connection: asyncpg.Connection,
    directory: Path,
    oldest: Partition,
    progress: Callable[[int], None] | None,
) -> tuple[_Copy, bytes, File]:
    """Verify the partition while writing it; nothing that does not verify is detached."""
    out = LineWriter(directory / events_file(oldest.first, oldest.last))
    copy = _Copy(out, oldest.first, Frontier())
    walk = Walk(connection, copy.take)
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        async for done in walk.run(until=oldest.last):
            if progress is not None:
                progress(done)
    file = out.close()
    faults = walk.replay.faults
    if faults:
        raise NotYet(f"event {faults[0].seq} does not verify: {faults[0].text}")
    if copy.tree.size != oldest.last - oldest.first + 1:
        raise NotYet(f"only {copy.tree.size} events exist of {oldest.first} to {oldest.last}")
    return copy, walk.state, file


async def _copy_rows(
    connection: asyncpg.Connection, directory: Path, oldest: Partition, companion: Companion
) -> File:
    out = LineWriter(directory / f"{companion.name}-{oldest.first}-{oldest.last}.jsonl.gz")
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        rows = connection.cursor(companion.rows, oldest.first, oldest.last, prefetch=_COMPANION_CHUNK)
        async for row in rows:
            out.write(dict(row))
    return out.close()


async def _drop(
    connection: asyncpg.Connection,
    oldest: Partition,
    companions: Sequence[Companion],
    archive: tuple[int, bytes, str],
) -> Archive:
    """Store and drop in one transaction; its last part locks the tables for an instant."""
    for attempt in range(_ATTEMPTS):
        try:
            return await _try_to_drop(connection, oldest, companions, archive)
        except asyncpg.LockNotAvailableError:
            await asyncio.sleep(_PAUSE_S * (attempt + 1))
    raise NotYet("the tables stayed busy; the files are complete: try again")


async def _try_to_drop(
    connection: asyncpg.Connection,
    oldest: Partition,
    companions: Sequence[Companion],
    archive: tuple[int, bytes, str],
) -> Archive:
    last_at, state, note = archive
    async with connection.transaction():
        await connection.execute(_KEEP_LEAVES, oldest.first, oldest.last)
        at = EPOCH + timedelta(microseconds=last_at)
        row = await connection.fetchrow(_ADD, oldest.first, oldest.last, at, state, note)
        await connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'")
        for table in (EVENTS, *(companion.table for companion in companions)):
            partition = f"{table}_{oldest.first}"
            await connection.execute(f"ALTER TABLE {table} DETACH PARTITION {partition}")
            await connection.execute(f"DROP TABLE {partition}")
    return Archive(*row)


def _sync(directory: Path) -> None:
    """Make the entries of the directory durable, not only the content of the files."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
