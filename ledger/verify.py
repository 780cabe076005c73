"""Checks every invariant of the ledger against the database, streaming, in bounded memory.

One pass over the event log, in one snapshot: each leaf hash is computed again, each change is replayed
independently (`replay`), and compared with the rows that it must have written. The rest is compared at the
end: balances, open windows, and that no table has an extra row.

    sequence      the log is 1, 2, 3 ... without a gap, and the head follows it
    leaves        every leaf is the hash of its event
    history       every change can be decoded and is one that the ledger makes
    entries       sets, legs and resolutions in the tables are exactly those of the log
    resolutions   every pending set was resolved at most once, and only pending sets were
    conservation  debits equal credits in every currency, pending and posted
    balances      counters, cap and state of every account are the sum of the log
    caps          no cap was exceeded at any entry
    windows       every posting is in exactly one window; closed windows have the counters of their closing
    audit         the tree over the leaves has the root of every published checkpoint, and of every one that a
                  witness outside holds
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import asyncpg

from ledger import archive as archives
from ledger import audit, decoding
from ledger.archive import Archive
from ledger.decoding import Change, FailureChange, ResolutionChange, SetChange, decode_change
from ledger.encoding import Tag, encode_event, leaf_hash, microseconds
from ledger.merkle import Frontier
from ledger.replay import Replay, ReplayFault
from ledger.sql import statement

CHECKS: Final = (
    "sequence",
    "leaves",
    "history",
    "entries",
    "resolutions",
    "conservation",
    "balances",
    "caps",
    "windows",
    "audit",
)

_CHUNK: Final = 2_000
_BLOCK: Final = 256
_END: Final = (1 << 63) - 1
_HEAD: Final = "SELECT next_seq - 1 FROM ledger.head"
_EVENTS: Final = statement("verify_events")
_TRANSFERS: Final = statement("verify_transfers")
_RESOLUTIONS: Final = statement("verify_resolutions")
_COUNTS: Final = statement("verify_counts")
_SNAPSHOT: Final = statement("verify_window_balances")
_ACCOUNTS: Final = statement("load_accounts")
_WINDOWS: Final = statement("load_windows")

_KINDS: Final = {Tag.RESERVED: "two_phase", Tag.MOVED: "single_phase", Tag.CORRECTED: "correction"}
_OUTCOMES: Final = {Tag.POSTED: "posted", Tag.VOIDED: "voided"}


Row = tuple[Any, ...]
"""An event, its time in microseconds, and its leaf: seq, number, at, kind, change, body, leaf."""

Rows = list[Row]


@dataclass(frozen=True, slots=True)
class WitnessedTree:
    """A tree that a witness outside cosigned."""

    size: int
    root: bytes
    witness: str


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result for one invariant: whether it holds, why not, and the number of checked items."""

    name: str
    ok: bool
    detail: str
    checked: int


async def verify(
    connection: asyncpg.Connection,
    progress: Callable[[int], None] | None = None,
    files: Path | None = None,
    witnessed: Sequence[WitnessedTree] = (),
) -> AsyncIterator[CheckResult]:
    """Check everything in one snapshot; return the results in the order of `CHECKS`.

    `witnessed`: what witnesses hold, which must be trees of this log; without those that a restore left out.
    `progress` is called periodically with the number of checked events. Detached events are read from their
    archive if it is in `files`; otherwise the check continues from the state in the signed note.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        walk = Walk(connection)
        walk.compare_with(witnessed)
        async for done in walk.run(files):
            if progress is not None:
                progress(done)
        await walk.finish()
    for name in CHECKS:
        yield _result(name, walk)


def _result(name: str, walk: "Walk") -> CheckResult:
    replay, checked = walk.replay, walk.checked[name]
    count = replay.fault_counts[name]
    first = next((fault for fault in replay.faults if fault.check == name), None)
    detail = (
        f"up to {walk.not_read} by the note of the archive" if walk.not_read and name == "sequence" else ""
    )
    if count:
        detail = f"{count} wrong"
        if first is not None:
            detail += f", first at {first.seq}: {first.text}"
    return CheckResult(name, count == 0, detail, checked)


@dataclass(frozen=True, slots=True)
class Mark:
    """How far the log is verified: the last event, the state after it, and the subtrees."""

    seq: int
    state: bytes
    tree: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class VerifyProgress:
    """Result of an incremental verification; the next one begins at `mark`."""

    mark: Mark
    head: int
    """The last event of the log. If it is after the mark, balances were only summed up."""
    faults: tuple[ReplayFault, ...]


async def verify_further(
    connection: asyncpg.Connection, mark: Mark | None, events_max: int
) -> VerifyProgress:
    """Check a limited number of events since `mark`, in one snapshot, with the checks of `verify`.

    Counts of whole tables are not checked. A change of the log before the mark is found only by `verify`;
    this function finds balances that no longer match. After a fault the next check must begin at the same
    mark, so that a remaining fault is found again.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        head: int = await connection.fetchval(_HEAD)
        walk = Walk(connection)
        detached = await archives.read(connection)
        if mark is not None and (not detached or mark.seq >= detached[-1].last_seq):
            walk.go_on_from(mark)
        until = min(head, walk.seq + events_max)
        async for _ in walk.run(until=until):
            await asyncio.sleep(0)  # let other tasks of this process run
        if walk.seq < until:
            walk.replay.fault("sequence", walk.seq + 1, f"the head is {head + 1}")
        await (walk.compare() if until >= head else walk.compare_sums())
    return VerifyProgress(walk.mark, head, tuple(walk.replay.faults))


class Walk:
    """One pass over the log, in chunks; `sink` gets the events of each chunk, with their leaves."""

    def __init__(self, connection: asyncpg.Connection, sink: Callable[[Rows], None] | None = None) -> None:
        self._connection = connection
        self._sink = sink
        self.replay = self._replay = Replay()
        self.not_read = 0
        """Events up to this one were not checked: their archive is not available."""
        self._next_seq = 1
        self._window_balances = 0
        self._tree = Frontier()
        self._checkpoints: dict[int, bytes] = {}
        self._witnessed: dict[int, list[WitnessedTree]] = {}
        self._agreed: dict[str, int] = {}
        self.checked = dict.fromkeys(CHECKS, 0)

    @property
    def state(self) -> bytes:
        """The state of the ledger after the last event, as in an archive."""
        return archives.encode_state(self.replay, self._window_balances)

    @property
    def seq(self) -> int:
        """The last checked event."""
        return self._next_seq - 1

    @property
    def mark(self) -> "Mark":
        """The position of this walk, from which another can continue."""
        return Mark(self.seq, self.state, self._tree.roots)

    def go_on_from(self, mark: "Mark") -> None:
        """Continue after an earlier walk."""
        self._next_seq = mark.seq + 1
        self._window_balances = archives.restore_state(self._replay, mark.state)
        self._tree = Frontier.restored(mark.seq, mark.tree)

    def compare_with(self, witnessed: Iterable[WitnessedTree]) -> None:
        """Compare the trees of witnesses too, on the way."""
        for each in witnessed:
            self._witnessed.setdefault(each.size, []).append(each)

    async def run(self, files: Path | None = None, until: int = _END) -> AsyncIterator[int]:
        """Walk to the end, or to an event; yields the number of checked events."""
        published = await audit.checkpoints(self._connection, beyond=self.seq)
        self._checkpoints = {c.size: c.root for c in published}
        for restore in await audit.restores(self._connection):
            if restore.kept > self.seq:
                known = self._checkpoints.setdefault(restore.kept, restore.root)
                if known != restore.root:
                    self._replay.fault(
                        "audit", restore.kept, "a restore states another tree of the kept events"
                    )
        for detached in await archives.read(self._connection):
            if detached.last_seq >= self._next_seq:
                async for done in self._detached(detached, files):
                    yield done
        chunk: list[Row] = []
        async for row in self._connection.cursor(_EVENTS, self._next_seq - 1, until, prefetch=_CHUNK):
            chunk.append((*row[:2], microseconds(row[2]), *row[3:]))
            if len(chunk) == _CHUNK:
                await self._chunk(chunk)
                yield self._next_seq - 1
                chunk = []
        if chunk:
            await self._chunk(chunk)
            yield self._next_seq - 1

    async def _detached(self, detached: Archive, files: Path | None) -> AsyncIterator[int]:
        """Walk over an archive: by its file, or otherwise by its leaves and the state after it."""
        manifest = archives.Manifest.parse(detached.note)
        if sha256(detached.state).hexdigest() != manifest.state_sha256:
            self._replay.fault("audit", detached.last_seq, "the state after an archive differs from its note")
        if manifest.first_seq != self._next_seq:
            self._replay.fault("sequence", manifest.first_seq, f"expected {self._next_seq}")
        file = None if files is None else files / detached.events_file
        if file is None or not file.exists():
            await self._skip(detached)
            yield self._next_seq - 1
            return
        try:
            async for done in self._read(detached, file):
                yield done
        except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
            self._replay.fault("history", self._next_seq, f"{file.name} cannot be read: {error}")
        if self.state != detached.state:
            self._replay.fault(
                "history", detached.last_seq, "the events of an archive do not give the state after it"
            )
            await self._skip(detached)

    async def _read(self, detached: Archive, file: Path) -> AsyncIterator[int]:
        events = archives.read_events(file)
        for first in range(detached.first_seq - 1, detached.last_seq, _BLOCK):
            leaves = await audit.read_leaves(self._connection, first, first + _BLOCK)
            rows: Rows = [(*event, leaf) for leaf, event in zip(leaves, events, strict=False)]
            if len(rows) < _BLOCK:
                raise ValueError("it ends early")
            await self._chunk(rows)
            yield self._next_seq - 1

    async def _skip(self, detached: Archive) -> None:
        """Trust the state in the note; the leaves are still added to the tree."""
        for first in range(max(detached.first_seq - 1, self._tree.size), detached.last_seq, _BLOCK):
            try:
                leaves = await audit.read_leaves(
                    self._connection, first, min(first + _BLOCK, detached.last_seq)
                )
            except ValueError as error:
                self._replay.fault("audit", first + 1, str(error))
                continue
            for seq, leaf in enumerate(leaves, first + 1):
                self._grow(seq, leaf)
        try:
            self._window_balances = archives.restore_state(self._replay, detached.state)
        except (ValueError, KeyError, TypeError) as error:
            self._replay.fault(
                "audit", detached.last_seq, f"the state after an archive cannot be read: {error}"
            )
        self._next_seq = detached.last_seq + 1
        self.not_read = detached.last_seq

    async def _chunk(self, rows: Rows) -> None:
        if self._sink is not None:
            self._sink(rows)
        changes = [change for row in rows if (change := self._event(row)) is not None]
        await self._compare_sets(rows[0][0], rows[-1][0], changes)
        await self._compare_resolutions(changes)
        await self._compare_snapshots()

    def _event(self, row: Row) -> tuple[int, int, Change] | None:
        """Check one event and replay it; return its seq, number and change."""
        seq, number, at, kind, change, body, leaf = row
        if seq != self._next_seq:
            self._replay.fault("sequence", seq, f"expected {self._next_seq}")
        self._next_seq = seq + 1
        try:
            encoded = encode_event(seq, number, at, kind, change, body)
        except ValueError:
            encoded = b""
        if leaf_hash(encoded) != leaf:
            self._replay.fault("leaves", seq, "the leaf is not the hash of the event")
        self._grow(seq, leaf)
        if not change:
            return None
        try:
            decoded = decode_change(change)
        except decoding.UnreadableChange as error:
            self._replay.fault("history", seq, str(error))
            return None
        self._replay.apply(seq, number, decoded)
        return seq, number, decoded

    def _grow(self, seq: int, leaf: bytes) -> None:
        """Compare the tree with the checkpoint of its size, if there is one."""
        self._tree.append(leaf)
        published = self._checkpoints.pop(self._tree.size, None)
        if published is not None:
            self.checked["audit"] += 1
            if published != self._tree.root():
                self._replay.fault("audit", seq, "the tree differs from the published one")
        for witnessed in self._witnessed.pop(self._tree.size, ()):
            self._compare_witnessed(seq, witnessed)

    def _compare_witnessed(self, seq: int, witnessed: WitnessedTree) -> None:
        self.checked["audit"] += 1
        if witnessed.root == self._tree.root():
            self._agreed[witnessed.witness] = seq
            return
        agreed = self._agreed.get(witnessed.witness, 0)
        self._replay.fault(
            "audit",
            seq,
            f"events {agreed + 1} to {seq} are not those that the witness {witnessed.witness} cosigned",
        )

    async def _compare_tree(self) -> None:
        """No checkpoint may be after the end of the log, and the stored subtrees must give the same root."""
        for size in self._checkpoints:
            self._replay.fault("audit", size, "a published checkpoint has events that are missing")
        for size, held in self._witnessed.items():
            for each in held:
                self._replay.fault(
                    "audit", size, f"the witness {each.witness} cosigned events that are missing"
                )
        self.checked["audit"] += 1
        try:
            stored = await audit.root(self._connection, self._tree.size)
        except ValueError as error:
            self._replay.fault("audit", self._tree.size, str(error))
            return
        if stored != self._tree.root():
            self._replay.fault("audit", self._tree.size, "the stored subtrees differ from the log")

    async def _compare_sets(self, first: int, last: int, changes: list[tuple[int, int, Change]]) -> None:
        rows = await self._connection.fetch(_TRANSFERS, first, last)
        found = {row["number"]: tuple(row)[1:] for row in rows}
        for seq, number, change in changes:
            if isinstance(change, SetChange | FailureChange) and found.pop(number, None) != _row(change):
                self._replay.fault("entries", seq, f"set {number} differs from the log")
        for number in found:
            self._replay.fault("entries", number, f"set {number} is not in the log")

    async def _compare_resolutions(self, changes: list[tuple[int, int, Change]]) -> None:
        expected = {
            number: (seq, _OUTCOMES[change.tag])
            for seq, number, change in changes
            if isinstance(change, ResolutionChange)
        }
        rows = await self._connection.fetch(_RESOLUTIONS, list(expected))
        found = {row["number"]: (row["seq"], row["outcome"]) for row in rows}
        for number, resolution in expected.items():
            if found.get(number) != resolution:
                self._replay.fault("entries", resolution[0], f"the end of set {number} differs from the log")

    async def _compare_snapshots(self) -> None:
        """Closed windows must have the counters of all accounts at closing, except of unused accounts."""
        snapshots, self._replay.snapshots = self._replay.snapshots, []
        for snapshot in snapshots:
            rows = await self._connection.fetch(_SNAPSHOT, snapshot.number)
            found = {row["account"]: tuple(row)[1:] for row in rows}
            self._window_balances += len(found)
            self.checked["windows"] += 1
            if found != snapshot.balances:
                self._replay.fault(
                    "windows", snapshot.closing_seq, f"the counters of window {snapshot.number} differ"
                )

    async def finish(self) -> None:
        """Compare the rest after the whole log is replayed."""
        await self._compare_counts()
        await self.compare()
        events, counts = self._next_seq - 1, self._replay.counts
        self.checked |= {
            "sequence": events,
            "leaves": events,
            "history": counts["changes"],
            "entries": counts["transfers"] + counts["legs"] + counts["resolutions"],
            "resolutions": counts["resolutions"],
            "caps": counts["legs"],
            "windows": self.checked["windows"] + counts["postings"],
        }

    async def compare(self) -> None:
        """Compare the present state with the log, after it is replayed to its end."""
        await self._compare_accounts()
        await self._compare_windows()
        await self._compare_tree()

    async def _compare_counts(self) -> None:
        row = await self._connection.fetchrow(_COUNTS)
        if row["next_seq"] != self._next_seq:
            self._replay.fault("sequence", self._next_seq, f"the head is {row['next_seq']}")
        for table in ("transfers", "legs", "resolutions"):
            if row[table] != self._replay.counts[table]:
                text = f"{row[table]} {table}, {self._replay.counts[table]} in the log"
                self._replay.fault("entries", self._next_seq, text)
        if row["window_balances"] != self._window_balances:
            self._replay.fault("windows", self._next_seq, "there are counters of a window that is not closed")

    async def _compare_accounts(self) -> None:
        balances = dict(self._replay.balances)
        rows = await self._connection.fetch(_ACCOUNTS)
        for row in rows:
            self.checked["balances"] += 1
            balance = balances.pop(row["number"], None)
            if balance is None or tuple(row)[1:11] != _account_row(balance):
                self._replay.fault(
                    "balances", row["number"], f"account {row['number']} is not the sum of its entries"
                )
        for number in balances:
            self._replay.fault("balances", number, f"account {number} is missing")
        self._add_up(rows)

    async def compare_sums(self) -> None:
        """Compare the present debits with credits, independent of the log."""
        self._add_up(await self._connection.fetch(_ACCOUNTS))

    def _add_up(self, accounts: Sequence[asyncpg.Record]) -> None:
        sums: dict[str, list[int]] = {}
        for row in accounts:
            total = sums.setdefault(row["currency"], [0, 0])
            total[0] += row["debits_pending"] - row["credits_pending"]
            total[1] += row["debits_posted"] - row["credits_posted"]
        for currency, (pending, posted) in sums.items():
            self.checked["conservation"] += 1
            if pending or posted:
                self._replay.fault(
                    "conservation", self._next_seq, f"{currency} is off by {pending}, {posted}"
                )

    async def _compare_windows(self) -> None:
        if dict(await self._connection.fetch(_WINDOWS)) != self._replay.windows:
            self._replay.fault("windows", self._next_seq, "the open windows differ from the log")


def _row(change: SetChange | FailureChange) -> tuple[Any, ...]:
    """The row of `verify_transfers` that a change must have written, without its number."""
    if isinstance(change, FailureChange):
        return (change.id, "failed", change.verdict, change.fingerprint, 0, 0, [])
    kind = _KINDS[change.tag]
    return (change.id, kind, None, change.fingerprint, change.expires, change.corrects, list(change.legs))


def _account_row(balance: Any) -> tuple[Any, ...]:
    """The expected row of `load_accounts` of a balance, without its number."""
    return (
        balance.owner,
        balance.currency,
        balance.purpose,
        balance.closed,
        balance.cap,
        balance.debits_pending,
        balance.debits_posted,
        balance.credits_pending,
        balance.credits_posted,
        balance.entries,
    )
