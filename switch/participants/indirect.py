"""The directories of indirect participants: their files, and the change that imports one.

An operator adds the file of a rail (`indirect_file` states its form); it is kept for ever as it came. Two
people then import it: they see which banks it would add, change and end. `switch.payments.indirect` routes
payments by the result.
"""

import asyncio
import hashlib
import json
import zlib
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final

import asyncpg
import msgspec

from adapters import registry
from adapters.profile import RailProfile, zone_named
from schemas.errors import NotFound
from schemas.money import Money
from switch.approvals.content import refuse
from switch.approvals.effects import NOTHING, Effect, Resource, Row, Subject, term
from switch.approvals.kinds import ChangeKind, Content, Execution
from switch.base.sql import statements
from switch.identity.model import Person
from switch.identity.permissions import Right, require
from switch.participants import indirect_file
from switch.payments.indirect import IndirectParticipant, of_rows
from switch.writer.audit_notes import note
from switch.writer.event_kinds import EventKind

_statement: Final = statements("switch.participants")
_ADD: Final = _statement("add_directory_file")
_FILES: Final = _statement("directory_files")
_DIFFERENCE: Final = _statement("directory_difference")
_CONFLICTS: Final = _statement("directory_conflicts")
_IMPORT: Final = _statement("import_directory")
_PAGE: Final = _statement("directory_page")
_OF_HASH: Final = "SELECT number FROM switch.directory_file WHERE rail = $1 AND sha256 = $2"
_SHOWN: Final = 40
"""Banks of each group that an effect shows; it counts all, and is bound to all."""


class ImportDirectory(Content, frozen=True, kw_only=True):
    """The file that becomes the directory of its rail; a bank that it leaves out is ended."""

    file: Annotated[
        int,
        msgspec.Meta(
            title="Number of the file",
            ge=1,
            le=2**63 - 1,
            description="the number of a file that was added, such as 3",
        ),
    ]


@dataclass(frozen=True, slots=True)
class DirectoryFile:
    """A file that was added."""

    number: int
    rail: str
    sha256: str
    octets: int
    banks: int
    added_by: str
    added_at: datetime

    def document(self) -> dict[str, Any]:
        """The file as commands show it."""
        return {
            "number": self.number,
            "rail": self.rail,
            "sha256": self.sha256,
            "octets": self.octets,
            "banks": self.banks,
            "added_by": self.added_by,
            "added_at": self.added_at.isoformat(),
        }


def profile_of(country: str) -> RailProfile:
    """The rail whose directory is meant.

    Raises:
        NotFound: no adapter for this country is installed.

    """
    if country not in registry.countries():
        raise NotFound("no adapter for this country is installed", path="rail")
    return registry.profile(country)


async def add(pool: asyncpg.Pool, person: Person, country: str, raw: bytes) -> DirectoryFile:
    """Keep the file of the directory of a country's rail; the same file again is found, not added.

    Raises:
        NotAllowed: this person requests no changes.
        NotFound: there is no such rail.
        InvalidMessage: it is no such file; with every error and its place.

    """
    require(person, Right.REQUEST_CHANGE)
    profile = profile_of(country)
    banks = await asyncio.to_thread(indirect_file.read, raw, profile)
    digest = hashlib.sha256(raw).digest()
    content = json.dumps(indirect_file.documents(banks))
    packed = await asyncio.to_thread(zlib.compress, raw)
    async with pool.acquire() as connection, connection.transaction():
        number = await connection.fetchval(_ADD, country, digest, len(raw), content, packed, person.name)
        if number is None:
            number = await connection.fetchval(_OF_HASH, country, digest)
        else:
            facts = {"file": number, "rail": country, "sha256": digest.hex(), "banks": len(banks)}
            await note(connection, EventKind.DIRECTORY_FILE, **facts, person=person.name)
        await _check_conflicts(connection, number, profile)
        return await find(connection, number)


async def find(connection: asyncpg.Connection | asyncpg.Pool, number: int) -> DirectoryFile:
    """A file that was added.

    Raises:
        NotFound: there is none of this number.

    """
    row = await connection.fetchrow(_FILES, number, 1)
    if row is None:
        raise NotFound("there is no file of this number", path="file")
    return DirectoryFile(*row)


async def files(connection: asyncpg.Connection | asyncpg.Pool, *, limit: int) -> list[DirectoryFile]:
    """Files that were added, newest first."""
    return [DirectoryFile(*row) for row in await connection.fetch(_FILES, None, limit)]


async def entries(
    connection: asyncpg.Connection | asyncpg.Pool,
    *,
    rail: str = "",
    after: str = "",
    text: str = "",
    day: date | None = None,
    limit: int,
) -> list[IndirectParticipant]:
    """Entries in the order of rail and id: of a rail, on a day, or with a text in name, BIC or codes."""
    return of_rows(await connection.fetch(_PAGE, rail, after, day, text, limit))


def document(entry: IndirectParticipant, currency: str) -> dict[str, Any]:
    """An entry as the API and commands show it, amounts as decimal text of the rail's currency."""

    def text(minor: int | None) -> str | None:
        return None if minor is None else Money(minor, currency).text

    return {
        "rail": entry.rail,
        "id": entry.id,
        "name": entry.name,
        "bic": entry.bic or None,
        "member_ids": list(entry.codes),
        "gateway": entry.gateway,
        "currency": currency,
        "per_payment": text(entry.payment_minor),
        "per_day": text(entry.day_minor),
        "since": entry.since and entry.since.isoformat(),
        "until": entry.until and entry.until.isoformat(),
    }


async def _check_conflicts(connection: asyncpg.Connection, number: int, profile: RailProfile) -> None:
    rows = await connection.fetch(_CONFLICTS, number, profile.currency)
    if rows:
        raise indirect_file.refused([indirect_file.problem(*row) for row in rows])


def _today(profile: RailProfile) -> date:
    return datetime.now(UTC).astimezone(zone_named(profile.hours.zone)).date()


async def _check(connection: asyncpg.Connection, content: ImportDirectory) -> None:
    try:
        file = await find(connection, content.file)
        profile = profile_of(file.rail)
    except NotFound as error:
        raise refuse(
            error.detail,
            remedy="Upload the file first: payswitch directory files lists those that were added.",
        ) from None
    rows = await connection.fetch(_CONFLICTS, content.file, profile.currency)
    if rows:
        line, column, rule, remedy = rows[0]
        raise refuse(
            f"line {line}, {column}: {rule}: {remedy}",
            remedy="Correct the line that the text names, upload the file again, and request its import.",
        )


async def _effect(connection: asyncpg.Connection, content: ImportDirectory) -> Effect:
    """Numbers of banks that are added, changed and ended, the first of each, and a digest of all."""
    try:
        file = await find(connection, content.file)
    except NotFound as error:  # the check reports it
        return Effect((Row(term("File"), NOTHING, error.detail),))
    profile = profile_of(file.rail)
    found = await connection.fetch(_DIFFERENCE, content.file, _today(profile))
    rows = [Row(term("Rail"), profile.rail, profile.rail), Row(term("File"), NOTHING, str(file.number))]
    for what, title in _GROUPS.items():
        group = [row for row in found if row["what"] == what]
        rows.append(Row(title, "0", str(len(group)), term("banks")))
        rows += [_row(row, profile.currency) for row in group[:_SHOWN]]
    digest = hashlib.sha256(repr([tuple(row) for row in found]).encode()).hexdigest()[:16]
    rows.append(Row(term("Digest of all differences"), NOTHING, digest))
    return Effect(tuple(rows), () if file.banks else (term("No bank would be reached over this rail."),))


_GROUPS: Final = {
    "added": term("Banks added"),
    "changed": term("Banks changed"),
    "ended": term("Banks ended"),
}


def _row(row: asyncpg.Record, currency: str) -> Row:
    now, then = (_told(row[side], currency) for side in ("now", "then"))
    return Row(row["id"], now, term("ended") if row["what"] == "ended" else then)


def _told(text: str | None, currency: str) -> str:
    """A bank on one line."""
    if text is None:
        return NOTHING
    bank = json.loads(text)
    limits = (None if bank[name] is None else bank[name] for name in ("payment_minor", "day_minor"))
    amounts = ["-" if minor is None else Money(minor, currency).text for minor in limits]
    parts = [bank["name"], bank["bic"], " ".join(bank["codes"]), bank["gateway"]]
    parts += [f"{' / '.join(amounts)} {currency}", f"{bank['since'] or ''}…{bank['until'] or ''}"]
    return ", ".join(filter(None, parts))


async def _links(connection: asyncpg.Connection, content: ImportDirectory) -> tuple[Resource, ...]:
    row = await connection.fetchrow(_FILES, content.file, 1)
    return () if row is None else (Resource(Subject.RAIL, row["rail"]),)


async def _import(execution: Execution, content: ImportDirectory) -> None:
    connection = execution.connection
    file = await find(connection, content.file)
    today = _today(profile_of(file.rail))
    counts = dict.fromkeys(_GROUPS, 0)
    for row in await connection.fetch(_DIFFERENCE, content.file, today):
        counts[row["what"]] += 1
    await connection.execute(_IMPORT, content.file, today, execution.number)
    done = ", ".join(f"{count} {what}" for what, count in counts.items())
    execution.outcome = f"the directory of {file.rail} has {file.banks} banks: {done}"


KINDS: Final[tuple[ChangeKind[Any], ...]] = (
    ChangeKind(
        "directory.import",
        "Import the directory of a rail",
        ImportDirectory,
        _import,
        _check,
        effect=_effect,
        links=_links,
    ),
)
