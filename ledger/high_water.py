"""The high-water mark: a file beside the database that states how far the log has reached.

A database that was restored to an earlier instant does not know that. This file does: it is not in the
database, so no restore takes it back. It states

    log        the id of the log (`ledger.head.log`), which every copy of the database has
    durable    the last event that was durable; written after each batch, before its callers get replies
    reserved   no event after this one was ever given to the database; written and flushed ahead, in blocks

A log that ends before `durable` has lost events, and every number up to `reserved` may have been told to
somebody. The file is one record of fixed size, overwritten in place: it needs no free space, and costs a
batch one write to the page cache. Only a new block is flushed to the disk. So after a loss of power
`durable` may be some seconds old, while `reserved` never is.
"""

import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

BLOCK: Final = 20_000
"""Events reserved at a time: about five thousand payments for each flush."""

FORMAT: Final = "payswitch-high-water/1"
_BYTES: Final = 256


class Damaged(RuntimeError):
    """The file exists, and is not a record of this format."""


class AnotherLog(RuntimeError):
    """The file belongs to another log than the database."""


@dataclass(frozen=True, slots=True)
class HighWaterMark:
    """The content of the file."""

    log: UUID
    durable: int
    reserved: int


def read(file: Path) -> HighWaterMark | None:
    """Read the mark; None if there is no file.

    Raises:
        Damaged: the file cannot be understood.

    """
    try:
        raw = file.read_bytes()
    except FileNotFoundError:
        return None
    try:
        text, checksum = raw.decode("ascii").rstrip().rsplit(" ", 1)
        name, log, durable, reserved = text.split(" ")
        mark = HighWaterMark(UUID(log), int(durable), int(reserved))
    except ValueError:
        raise Damaged(_damaged(file)) from None
    if name != FORMAT or _sum(text) != checksum:
        raise Damaged(_damaged(file))
    return mark


class HighWater:
    """Writes the mark of one log. Only the writer of the database has one."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._mark: HighWaterMark | None = None
        self._descriptor = -1

    def begin(self, log: UUID, last: int) -> int:
        """Compare with a log whose last event is `last`; return the last event that may have been told.

        It is above `last` if the log has lost events, and `last` otherwise.

        Raises:
            Damaged: the file cannot be understood.
            AnotherLog: the file belongs to another log.
            OSError: it cannot be written.

        """
        if self._mark is None:
            self._mark = read(self._file) or HighWaterMark(log, 0, 0)
        if self._mark.log != log:
            raise AnotherLog(
                f"{self._file} belongs to another database: start with the data directory of this database,"
                " or remove the file if this database was never restored"
            )
        self._open()
        if last < self._mark.durable:
            return self._mark.reserved
        self.durable(last)
        return last

    def reserve(self, last: int) -> None:
        """Flush a new block unless event `last` is reserved already; before it is given to the database."""
        mark = self._known()
        if last > mark.reserved:
            self._write(HighWaterMark(mark.log, mark.durable, last + BLOCK))
            os.fsync(self._descriptor)

    def durable(self, last: int) -> None:
        """State that events up to `last` are durable."""
        mark = self._known()
        if last > mark.durable:
            self._write(HighWaterMark(mark.log, last, max(last, mark.reserved)))

    def close(self) -> None:
        """Flush and close the file."""
        if self._descriptor >= 0:
            os.fsync(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1

    def _known(self) -> HighWaterMark:
        assert self._mark is not None, "not begun"
        return self._mark

    def _open(self) -> None:
        if self._descriptor >= 0:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # A new file in place of the old one: a replaced writer that still runs writes into the old one.
        fresh = self._file.with_name(f"{self._file.name}.new")
        fresh.unlink(missing_ok=True)
        self._descriptor = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        self._write(self._known())
        os.fsync(self._descriptor)
        fresh.rename(self._file)
        directory = os.open(self._file.parent, os.O_RDONLY)
        os.fsync(directory)
        os.close(directory)

    def _write(self, mark: HighWaterMark) -> None:
        text = f"{FORMAT} {mark.log} {mark.durable} {mark.reserved}"
        record = f"{text} {_sum(text)}".ljust(_BYTES - 1) + "\n"
        os.pwrite(self._descriptor, record.encode("ascii"), 0)
        self._mark = mark


def _damaged(file: Path) -> str:
    return f"{file} is damaged: move it away and run `payswitch restore begin` before the next start"


def _sum(text: str) -> str:
    return f"{zlib.crc32(text.encode()):08x}"
