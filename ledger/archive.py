"""Detached history: files of events, and the signed note that describes them.

An archive covers a range of the log. Its events are in `events-FIRST-LAST.jsonl.gz`, one JSON object per
line as in an audit bundle: `seq`, `number`, `at` in microseconds, `kind`, `change` and `body` in
hexadecimal. The database keeps the leaf hash of each event, so that proofs can still be made, and the state
of the ledger after the last event, so that `verify` can continue without the files. The note, signed with
the key of checkpoints, covers all of it:

    payswitch-archive/1
    1 16777216                          first and last event
    tree SHA256                         root over the leaves of only these events (RFC 9162)
    state SHA256                        hash of the state in the database
    file NAME SHA256 LINES              each file
"""

import gzip
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple

import asyncpg

from ledger.replay import Replay, ReplayedBalance
from ledger.sql import statement
from schemas.errors import NotFound

FORMAT: Final = "payswitch-archive/1"

_READ: Final = statement("read_archives")


class Archived(NotFound):
    """This part of history was detached; it is in archive files."""


class ArchivedEvent(NamedTuple):
    """One event of the log; `at` in microseconds since 1970."""

    seq: int
    number: int
    at: int
    kind: str
    change: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class File:
    """One file of an archive."""

    name: str
    sha256: str
    lines: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """The content of the note."""

    first_seq: int
    last_seq: int
    tree: bytes
    state_sha256: str
    files: tuple[File, ...]

    @property
    def text(self) -> str:
        """The signed part of the note."""
        lines = [
            FORMAT,
            f"{self.first_seq} {self.last_seq}",
            f"tree {self.tree.hex()}",
            f"state {self.state_sha256}",
            *(f"file {file.name} {file.sha256} {file.lines}" for file in self.files),
        ]
        return "\n".join(lines) + "\n"

    @classmethod
    def parse(cls, note: str) -> "Manifest":
        """Read a note, signed or not.

        Raises:
            ValueError: it is not the note of an archive.

        """
        text = note.partition("\n\n")[0]
        format_, bounds, tree, state, *files = text.strip().split("\n")
        if format_ != FORMAT:
            raise ValueError("not the note of an archive")
        first, last = bounds.split(" ")
        return cls(
            int(first),
            int(last),
            bytes.fromhex(tree.removeprefix("tree ")),
            state.removeprefix("state "),
            tuple(_parse_file(line) for line in files),
        )


def _parse_file(line: str) -> File:
    word, name, digest, lines = line.split(" ")
    if word != "file" or "/" in name:
        raise ValueError("not the note of an archive")
    return File(name, digest, int(lines))


@dataclass(frozen=True, slots=True)
class Archive:
    """One detached range, as recorded in the database."""

    first_seq: int
    last_seq: int
    at: datetime
    last_at: datetime
    state: bytes
    note: str

    @property
    def events_file(self) -> str:
        """The name of its events file."""
        return events_file(self.first_seq, self.last_seq)


def events_file(first_seq: int, last_seq: int) -> str:
    """The name of the events file of a range."""
    return f"events-{first_seq}-{last_seq}.jsonl.gz"


async def read(connection: asyncpg.Connection | asyncpg.Pool) -> list[Archive]:
    """Read all archives, oldest first."""
    return [Archive(*row) for row in await connection.fetch(_READ)]


class LineWriter:
    """Writes JSON objects, one per line, compressed; replaces the file of an earlier attempt."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lines = 0
        self._raw = file.open("wb")
        self._out = gzip.GzipFile(filename="", mode="wb", fileobj=self._raw, mtime=0)

    def write(self, row: dict[str, Any]) -> None:
        """Write one line; bytes become hexadecimal."""
        plain = {name: value.hex() if isinstance(value, bytes) else value for name, value in row.items()}
        self._out.write(json.dumps(plain, separators=(",", ":")).encode() + b"\n")
        self._lines += 1

    def write_event(self, event: Sequence[Any]) -> None:
        """Write one event."""
        self.write(dict(zip(ArchivedEvent._fields, event[: len(ArchivedEvent._fields)], strict=True)))

    def close(self) -> File:
        """Flush the file to disk."""
        self._out.close()
        self._raw.flush()
        os.fsync(self._raw.fileno())
        self._raw.close()
        return File(self._file.name, sha256_of(self._file), self._lines)


def sha256_of(file: Path) -> str:
    """The hash of a file, hexadecimal."""
    digest = sha256()
    with file.open("rb") as content:
        while piece := content.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def read_lines(file: Path) -> Iterator[dict[str, Any]]:
    """Read the objects of an archive file."""
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def read_events(file: Path) -> Iterator[ArchivedEvent]:
    """Read the events of an archive file.

    Raises:
        OSError, EOFError, ValueError, KeyError, TypeError: it is not such a file, or incomplete.

    """
    for row in read_lines(file):
        yield ArchivedEvent(
            row["seq"],
            row["number"],
            row["at"],
            row["kind"],
            bytes.fromhex(row["change"]),
            bytes.fromhex(row["body"]),
        )


def encode_state(replay: Replay, window_balances: int) -> bytes:
    """Encode the state of a replay; the same state gives the same bytes."""
    state = {
        "balances": {str(number): asdict(balance) for number, balance in replay.balances.items()},
        "windows": replay.windows,
        "pending": {str(number): legs for number, legs in replay.pending.items()},
        "counts": dict(replay.counts),
        "window_balances": window_balances,
    }
    return json.dumps(state, sort_keys=True, separators=(",", ":")).encode()


def restore_state(replay: Replay, state: bytes) -> int:
    """Set a replay to the end of an archive; return the number of rows of `window_balance` at that point."""
    said = json.loads(state)
    replay.balances = {
        int(number): ReplayedBalance(**balance) for number, balance in said["balances"].items()
    }
    replay.windows = dict(said["windows"])
    replay.pending = {
        int(number): tuple((leg[0], leg[1], leg[2], leg[3]) for leg in legs)
        for number, legs in said["pending"].items()
    }
    replay.counts.clear()
    replay.counts.update(said["counts"])
    window_balances: int = said["window_balances"]
    return window_balances
