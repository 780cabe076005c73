"""How a restore of the database becomes known, and the beginning of a new epoch of the log.

Three things show it: the high-water mark of this machine, the note that `payswitch restore` leaves, and a
checkpoint that was published of events which the database does not have. The writer looks at all of them
before it takes commands.
"""

import contextlib
import os
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import asyncpg
import msgspec
import structlog

from adapters import registry
from ledger import audit
from ledger.roles import Login
from ledger.signing import BadNote, open_note
from schemas.errors import NotFound
from switch.base import database
from switch.base.settings import Settings
from switch.writer.commands import BeginAgain, Command, LeaveOut, RailGap, Reply

SLACK: Final = 1_000_000
"""Events beyond the restored log that are left out if nothing states how far the log had reached."""
_log = structlog.get_logger()

Ask = Callable[[Command], Awaitable[Reply]]


class RestoreNote(msgspec.Struct, frozen=True):
    """What people state about a restore before the switch starts."""

    by: str
    """`payswitch restore`, or the person who ran `payswitch restore begin`."""
    at: datetime
    beyond: int = 0
    """No event after this one was ever told to anybody; 0: unknown."""
    checkpoint: str = ""
    """A published checkpoint, as a signed note."""


def write_note(settings: Settings, note: RestoreNote) -> None:
    """Leave a note for the writer's next start, flushed to the disk."""
    file = settings.restored_file
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = file.with_suffix(".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        out.write(msgspec.json.encode(note))
        out.flush()
        os.fsync(out.fileno())
    part.rename(file)


def read_note(settings: Settings) -> RestoreNote | None:
    """Read the note; None if there is none.

    Raises:
        msgspec.DecodeError: the file was not written by `write_note`.

    """
    with contextlib.suppress(FileNotFoundError):
        return msgspec.json.decode(settings.restored_file.read_bytes(), type=RestoreNote)
    return None


def keep_published(file: Path, note: str) -> None:
    """Keep the last published checkpoint beside the database."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = file.with_suffix(".part")
    part.write_text(note, encoding="utf-8")
    part.rename(file)


async def take_up(settings: Settings, last: int, told: int, ask: Ask) -> None:
    """Close the switch if the database was restored, and begin a new epoch of its log.

    `last` is the last event of the database, `told` the last that may have been told by the high-water mark.
    A crash in between is harmless: the next start goes on.
    """
    connection = await database.connect(settings, Login.WRITER)
    try:
        closed = await connection.fetchrow("SELECT kept, until, begun, at FROM switch.closed")
        note = read_note(settings)
        if note is not None and closed is not None and closed["begun"] and note.at < closed["at"]:
            note = None  # the start that took it up was interrupted at its very end
        published = await _left_out(connection, settings, note, closed["kept"] if closed else last)
        until, known_by = _reached(last, told, note, published)
        if until <= last and (closed is None or closed["begun"]):
            return
        until += 1  # so that the event before the new epoch was never told, and is a valid cursor
        await _begin(
            connection, settings, max(until, closed["until"] if closed else 0), known_by, published, ask
        )
    finally:
        await connection.close()
    settings.restored_file.unlink(missing_ok=True)


def _reached(
    last: int, told: int, note: RestoreNote | None, published: tuple[int, str] | None
) -> tuple[int, str]:
    """The last event that may have been told to anybody, and how that is known."""
    found = [(told, "the high-water mark of this machine")]
    if published is not None:
        found.append((published[0], "a published checkpoint"))
    if note is not None:
        beyond = note.beyond or (0 if told > last else max(last, *(seq for seq, _ in found)) + SLACK)
        found.append((max(beyond, last + 1), note.by))
    return max(found)


async def _left_out(
    connection: asyncpg.Connection, settings: Settings, note: RestoreNote | None, kept: int
) -> tuple[int, str] | None:
    """Size and text of the largest known checkpoint that the database no longer has."""
    lines = settings.published_file.parent / "verifier-keys.txt"
    keys = lines.read_text(encoding="utf-8").split() if lines.exists() else []
    texts = [note.checkpoint] if note is not None and note.checkpoint else []
    if settings.published_file.exists():
        texts.append(settings.published_file.read_text(encoding="utf-8"))
    known = await connection.fetchval("SELECT coalesce(max(size), 0) FROM ledger.checkpoint")
    sizes = [(size, text) for text in texts if (size := _size_of(text, keys)) > max(kept, known)]
    return max(sizes, default=None)


def _size_of(text: str, keys: Sequence[str]) -> int:
    """The events that a checkpoint covers; 0 if it is not one that the operator signed."""
    try:
        return open_note(text, keys).size
    except BadNote as error:
        _log.error("published_checkpoint_unreadable", detail=str(error))
        return 0


async def _begin(  # noqa: PLR0917
    connection: asyncpg.Connection,
    settings: Settings,
    until: int,
    known_by: str,
    published: tuple[int, str] | None,
    ask: Ask,
) -> None:
    _log.error("database_restored", detail=f"events up to {until} are left out; known by {known_by}")
    while (await ask(LeaveOut(until, known_by))).number < until:
        pass
    closed = await connection.fetchrow("SELECT kept, at FROM switch.closed")
    root = await audit.root(connection, closed["kept"])
    lost_from = await connection.fetchval(
        "SELECT at FROM ledger.event WHERE seq <= $1 ORDER BY seq DESC LIMIT 1", closed["kept"]
    )
    gaps = rail_gaps(settings.rails, lost_from or closed["at"], datetime.now(UTC), settings.payment_expiry_s)
    await ask(BeginAgain(root, published[1] if published else "", list(gaps)))


def rail_gaps(rails: Sequence[str], since: datetime, now: datetime, expiry_s: float) -> Iterable[RailGap]:
    """The files that each rail must give, and the order numbers that it may have seen."""
    for country in rails:
        try:
            profile = registry.profile(country)
        except NotFound:  # it never carried a payment of this switch
            continue
        yield RailGap(
            rail=country,
            currency=profile.currency,
            since=profile.hours.day(since),
            until=profile.hours.day(now + timedelta(seconds=expiry_s)),
            period=profile.ids.period_at(now),
            capacity=profile.ids.capacity,
        )
