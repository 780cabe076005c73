"""The audit tree beside the ledger: roots, proofs, signed checkpoints, and bundles that verify offline.

Leaf i (from 0) is the leaf hash of event i + 1, which the writer stores with the event. This module only
reads leaves and never blocks the writer. `grow` stores the roots of complete subtrees, so that a root or a
proof over ten million events reads only a few hundred rows.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import asyncpg

from ledger import archive
from ledger.archive import Archived, ArchivedEvent
from ledger.encoding import microseconds
from ledger.merkle import (
    EMPTY_ROOT,
    Range,
    consistency_ranges,
    inclusion_ranges,
    node_hash,
    root_of,
    split,
)
from ledger.signing import Signer, content_of, epoch_of
from ledger.sql import statement

BLOCK_LEVEL: Final = 8
"""Subtrees of 2**8 leaves and more are stored."""

_BLOCK: Final = 1 << BLOCK_LEVEL
_BLOCKS_AT_ONCE: Final = 64
_HASH_BYTES: Final = 32
_LEAVES: Final = statement("audit_leaves")
_NODE: Final = statement("audit_node")
_GROW: Final = statement("audit_grow")
_SIZE: Final = statement("audit_size")
_ARCHIVED: Final = statement("archived_leaves")
_EVENTS: Final = statement("audit_events")
_CHECKPOINTS: Final = statement("read_checkpoints")
_BUNDLE_CHECKPOINTS: Final = statement("bundle_checkpoints")
_PAGE_CHECKPOINTS: Final = statement("page_checkpoints")
_EVENT: Final = statement("audit_event")
_ADD_CHECKPOINT: Final = statement("add_checkpoint")
_RESTORES: Final = statement("read_restores")
_ADD_COSIGNATURE: Final = statement("add_cosignature")
_COSIGNATURES: Final = statement("read_cosignatures")

BUNDLE_FORMAT: Final = "payswitch-audit-bundle/1"

NEWEST_IN_BUNDLE: Final = 100
"""The number of older checkpoints in a bundle, besides the last one of each earlier month. A checkpoint is
published every minute; for any other, `consistency` makes a separate bundle."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A signed and published tree."""

    size: int
    root: bytes
    at: datetime
    note: str
    """As the log signed it."""
    cosignatures: tuple[str, ...] = ()
    """Lines of witnesses, if they were read with it."""

    @property
    def cosigned(self) -> str:
        """The note with the lines of witnesses."""
        return "".join((self.note, *self.cosignatures))


@dataclass(frozen=True, slots=True)
class Restore:
    """The beginning of a new epoch of the log, after a restore of its database to an earlier instant."""

    number: int
    kept: int
    """The last event before it that the log still has."""
    root: bytes
    """Of the tree of the kept events."""
    first: int
    """The event that states the restore."""
    at: datetime
    published: str
    """The last checkpoint that it left out; empty if none is known."""


async def grow(connection: asyncpg.Connection) -> int:
    """Store the subtrees that have become complete; return the number of events they cover."""
    row = await connection.fetchrow(_SIZE)
    blocks, complete = row["blocks"], row["events"] >> BLOCK_LEVEL
    while blocks < complete:
        until = min(complete, blocks + _BLOCKS_AT_ONCE)
        leaves = await read_leaves(connection, blocks << BLOCK_LEVEL, until << BLOCK_LEVEL)
        nodes = {
            (BLOCK_LEVEL, blocks + n): root_of(leaves[n << BLOCK_LEVEL : (n + 1) << BLOCK_LEVEL])
            for n in range(until - blocks)
        }
        await _complete_parents(connection, nodes)
        levels, positions = zip(*nodes, strict=True)
        await connection.execute(_GROW, levels, positions, list(nodes.values()))
        blocks = until
    return int(blocks) << BLOCK_LEVEL


async def _complete_parents(connection: asyncpg.Connection, nodes: dict[tuple[int, int], bytes]) -> None:
    """Add every inner node whose right child is new; the left child is new or stored."""
    for (level, position), found in list(nodes.items()):
        node = found
        while position & 1:
            left = nodes.get((level, position - 1)) or await connection.fetchval(_NODE, level, position - 1)
            assert left is not None, "a subtree is missing"
            level, position, node = level + 1, position >> 1, node_hash(left, node)  # noqa: PLW2901 - climbing
            nodes[level, position] = node


async def root(connection: asyncpg.Connection, size: int) -> bytes:
    """Compute the root of the first `size` events."""
    return EMPTY_ROOT if size == 0 else await _subtree(connection, (0, size))


async def prove_inclusion(connection: asyncpg.Connection, seq: int, size: int) -> list[bytes]:
    """Prove that event `seq` is among the first `size`."""
    return [await _subtree(connection, part) for part in inclusion_ranges(seq - 1, size)]


async def prove_consistency(connection: asyncpg.Connection, first: int, second: int) -> list[bytes]:
    """Prove that the tree of `first` events is a prefix of the tree of `second` events."""
    return [await _subtree(connection, part) for part in consistency_ranges(first, second)]


async def _subtree(connection: asyncpg.Connection, part: Range) -> bytes:
    start, end = part
    size = end - start
    if size <= _BLOCK:
        return root_of(await read_leaves(connection, start, end))
    if size & (size - 1) == 0:
        level = size.bit_length() - 1
        stored: bytes | None = await connection.fetchval(_NODE, level, start >> level)
        if stored is not None:
            return stored
    middle = start + split(size)
    left, right = await _subtree(connection, (start, middle)), await _subtree(connection, (middle, end))
    return node_hash(left, right)


class _Proofs:
    """Inclusion proofs of many events, in order: blocks of leaves and larger subtrees are read once."""

    def __init__(self, connection: asyncpg.Connection, size: int) -> None:
        self._connection, self._size = connection, size
        self._block: tuple[int, list[bytes]] = (-1, [])
        self._subtrees: dict[Range, bytes] = {}

    async def prove(self, seq: int) -> list[bytes]:
        """Prove that event `seq` is among the first `size`."""
        return [await self._subtree(part) for part in inclusion_ranges(seq - 1, self._size)]

    async def _subtree(self, part: Range) -> bytes:
        start, end = part
        block = start >> BLOCK_LEVEL
        if (end - 1) >> BLOCK_LEVEL == block:
            first = block << BLOCK_LEVEL
            if self._block[0] != block:
                last = min(first + _BLOCK, self._size)
                self._block = block, await read_leaves(self._connection, first, last)
            return root_of(self._block[1][start - first : end - first])
        if part not in self._subtrees:
            self._subtrees[part] = await _subtree(self._connection, part)
        return self._subtrees[part]


async def read_leaves(connection: asyncpg.Connection, start: int, end: int) -> list[bytes]:
    """Read leaf hashes, also of detached events."""
    blocks = await connection.fetch(_ARCHIVED, start >> BLOCK_LEVEL, (end - 1) >> BLOCK_LEVEL)
    packed = b"".join(block["leaves"] for block in blocks)
    skipped = (start & (_BLOCK - 1)) * _HASH_BYTES
    places = range(skipped, min(len(packed), skipped + (end - start) * _HASH_BYTES), _HASH_BYTES)
    leaves = [packed[place : place + _HASH_BYTES] for place in places]
    leaves += [row["leaf"] for row in await connection.fetch(_LEAVES, start + len(leaves), end)]
    if len(leaves) != end - start:
        raise ValueError(f"events {start + 1} to {end} are not complete")
    return leaves


async def checkpoint(connection: asyncpg.Connection, signer: Signer) -> Checkpoint | None:
    """Sign the present tree and store the note; None if there is no event since the last one."""
    await grow(connection)
    size = (await connection.fetchrow(_SIZE))["events"]
    if size == 0:
        return None
    tree = await root(connection, size)
    row = await connection.fetchrow(
        _ADD_CHECKPOINT, size, tree, signer.sign(size, tree, await epoch(connection, signer.origin))
    )
    return None if row is None else Checkpoint(*row)


async def epoch(connection: asyncpg.Connection | asyncpg.Pool, name: str) -> int:
    """The present epoch of the log of this name.

    It is larger than that of every checkpoint that a restore is known to have left out: a database that was
    restored to before an earlier restore does not know that one.
    """
    known = await restores(connection)
    left_out = [epoch_of(content_of(each.published).origin, name) or 1 for each in known if each.published]
    return max(1 + len(known), *(1 + each for each in left_out), 1)


async def restores(connection: asyncpg.Connection | asyncpg.Pool) -> list[Restore]:
    """Read what restores to an earlier instant left out, oldest first."""
    return [Restore(*row) for row in await connection.fetch(_RESTORES)]


async def checkpoints(connection: asyncpg.Connection | asyncpg.Pool, *, beyond: int = 0) -> list[Checkpoint]:
    """Read all checkpoints, oldest first; `beyond` skips trees with up to that many events."""
    return [Checkpoint(*row) for row in await connection.fetch(_CHECKPOINTS, beyond)]


async def page(
    connection: asyncpg.Connection | asyncpg.Pool, *, before: int | None = None, limit: int = 1
) -> list[Checkpoint]:
    """Read checkpoints, newest first, with fewer events than `before`."""
    return [_checkpoint(row) for row in await connection.fetch(_PAGE_CHECKPOINTS, before, None, limit)]


async def find(connection: asyncpg.Connection | asyncpg.Pool, size: int) -> Checkpoint | None:
    """Find the checkpoint of this size."""
    row = await connection.fetchrow(_PAGE_CHECKPOINTS, None, size, 1)
    return None if row is None else _checkpoint(row)


def _checkpoint(row: asyncpg.Record) -> Checkpoint:
    return Checkpoint(row["size"], row["root"], row["at"], row["note"], tuple(row["lines"]))


async def add_cosignature(
    connection: asyncpg.Connection | asyncpg.Pool, size: int, key: str, line: str
) -> None:
    """Keep the cosignature of a checkpoint that was verified before. Once given out it never changes."""
    await connection.execute(_ADD_COSIGNATURE, size, key, line)


async def cosignatures(connection: asyncpg.Connection) -> AsyncIterator[tuple[int, str, str, str]]:
    """Every cosignature: events, verifier key, line, and note of its checkpoint. In a transaction."""
    async for row in connection.cursor(_COSIGNATURES):
        yield row["size"], row["key"], row["line"], row["note"]


async def find_event(connection: asyncpg.Connection, seq: int) -> ArchivedEvent | None:
    """Find one event of the log, if it exists and was not detached."""
    row = await connection.fetchrow(_EVENT, seq)
    if row is None:
        return None
    seq, number, at, kind, change, body = row
    return ArchivedEvent(seq, number, microseconds(at), kind, change, body)


async def consistency(
    connection: asyncpg.Connection, newest: Checkpoint, *older: Checkpoint
) -> dict[str, Any]:
    """Make a bundle without events, which proves that the tree of `newest` extends those of `older`."""
    return await _bundle(connection, [*older, newest], [])


async def consistency_of_held(
    connection: asyncpg.Connection, newest: Checkpoint, size: int
) -> dict[str, Any]:
    """Make a bundle with a proof that the tree of `newest` extends the first `size` events.

    For a checkpoint that others hold and a restore lost, while it kept the events.
    """
    made = await _bundle(connection, [newest], [])
    proof = await prove_consistency(connection, size, newest.size)
    return {**made, "held": {"size": size, "proof": _hex(proof)}}


async def bundle(
    connection: asyncpg.Connection, numbers: Sequence[int], archives: Path | None = None
) -> dict[str, Any]:
    """Make a bundle of all events of these sets, accounts or windows, with proofs to the newest checkpoint.

    It has only JSON types; bytes are hexadecimal. Older checkpoints have proofs that the newest extends them,
    so a reader who kept one of them can verify that history was not rewritten since. Detached events are
    searched in the files of `archives`, by a full scan.

    Raises:
        Archived: an event was detached, and its file is not in `archives`.
        ValueError: there is no checkpoint yet.

    """
    newest = await page(connection)
    if not newest:
        raise ValueError("there is no checkpoint yet")
    events = await _archived_events(connection, numbers, archives)
    for seq, number, at, kind, change, body in await connection.fetch(_EVENTS, list(numbers), newest[0].size):
        events.append(ArchivedEvent(seq, number, microseconds(at), kind, change, body))
    return await bundle_of(connection, events)


async def bundle_of(connection: asyncpg.Connection, events: Sequence[ArchivedEvent]) -> dict[str, Any]:
    """Make a bundle of these events with proofs to the newest checkpoint, as `bundle` does.

    Raises:
        ValueError: no checkpoint covers them yet.

    """
    published = [_checkpoint(row) for row in await connection.fetch(_BUNDLE_CHECKPOINTS, NEWEST_IN_BUNDLE)]
    if not published or any(event.seq > published[-1].size for event in events):
        raise ValueError("there is no checkpoint yet")
    return await _bundle(connection, published, events)


async def _bundle(
    connection: asyncpg.Connection, published: Sequence[Checkpoint], events: Sequence[ArchivedEvent]
) -> dict[str, Any]:
    *older, newest = published
    proofs = _Proofs(connection, newest.size)
    found = [await _restored(connection, each, newest.size) for each in await restores(connection)]
    return {
        "format": BUNDLE_FORMAT,
        "checkpoint": newest.cosigned,
        "older": [
            {
                "checkpoint": old.cosigned,
                "proof": _hex(await prove_consistency(connection, old.size, newest.size)),
            }
            for old in older
        ],
        "restores": [each for each in found if each is not None],
        "events": [
            {
                **event._asdict(),
                "change": event.change.hex(),
                "body": event.body.hex(),
                "proof": _hex(await proofs.prove(event.seq)),
            }
            for event in events
        ],
    }


async def _restored(connection: asyncpg.Connection, restore: Restore, size: int) -> dict[str, Any] | None:
    """A restore with its proofs: its event is in the tree, which extends that of the kept events."""
    event = await find_event(connection, restore.first)
    if event is None or restore.first > size:  # detached, or not yet covered
        return None
    return {
        "event": {
            **event._asdict(),
            "change": event.change.hex(),
            "body": event.body.hex(),
            "proof": _hex(await prove_inclusion(connection, event.seq, size)),
        },
        "proof": _hex(await prove_consistency(connection, restore.kept, size)) if restore.kept else [],
    }


async def _archived_events(
    connection: asyncpg.Connection, numbers: Sequence[int], archives: Path | None
) -> list[ArchivedEvent]:
    """Find the detached events of these numbers; archives older than a number are skipped."""
    wanted, found = set(numbers), []
    for detached in await archive.read(connection):
        older = {number for number in wanted if number <= detached.last_seq}
        if not older:
            continue
        if archives is None or not (archives / detached.events_file).exists():
            raise Archived(f"events up to {detached.last_seq} are in an archive that is not available")
        found += [
            event for event in archive.read_events(archives / detached.events_file) if event.number in older
        ]
    return found


def _hex(proof: Sequence[bytes]) -> list[str]:
    return [part.hex() for part in proof]
