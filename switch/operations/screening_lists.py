"""Sanctions lists of the installation: files with their provenance, and the change that puts them in force.

A file is added by an operator, and is kept for ever as it was published: it shows later what a payment was
compared with. Two people then set which files are in force together. A set replaces the one before as a
whole; without lists, payments are not screened.
"""

import asyncio
import hashlib
import zlib
from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, Final

import asyncpg
import msgspec

from schemas.errors import InvalidMessage, Refused
from schemas.reasons import Reason
from switch.approvals.effects import NOTHING, Effect, Row, Subject, links_to, term
from switch.approvals.kinds import CHECKER, ChangeKind, Content, Execution
from switch.base.sql import statements
from switch.identity.model import Person, Role, Seat
from switch.identity.permissions import Right, require
from switch.payments.directory import FRESH_S
from switch.payments.screening import encode_parties, names_of
from switch.screening import index, list_files
from switch.screening.list_files import ListFile
from switch.writer.audit_notes import note
from switch.writer.event_kinds import EventKind

LEAD_S: Final = FRESH_S + 10.0
"""Seconds from an execution until the lists are in force: until then every process that takes payments has
read the directory, and loaded its index."""
LISTS_MAX: Final = 30
SOURCE_MAX: Final = 300
NAMES_SHOWN: Final = 20
"""Names that the effect of a change states one by one, of those that come and of those that go."""
_statement: Final = statements("switch.operations")
_ADD: Final = _statement("add_screening_list")
_LISTS: Final = _statement("screening_lists")
_NEWEST: Final = _statement("newest_screening_set")
_ADD_SET: Final = _statement("add_screening_set")
_OF_HASH: Final = "SELECT number FROM switch.screening_list WHERE sha256 = $1"


async def add(pool: asyncpg.Pool, person: Person, raw: bytes, source: str) -> dict[str, Any]:
    """Keep the file of a list; the same file again is found, not added.

    Raises:
        NotAllowed: this person does not manage lists.
        InvalidMessage: it is no whole list, or the source is empty or too long.

    """
    require(person, Right.MANAGE_LISTS)
    source = source.strip()
    if not 0 < len(source) <= SOURCE_MAX or not source.isprintable():
        text = f"state where the file is from, in at most {SOURCE_MAX} printable characters"
        raise InvalidMessage(text, path="source", rule="content")
    found, file, parties = await asyncio.to_thread(_packed, raw)
    digest = hashlib.sha256(raw).digest()
    names = sum(len(party.names) for party in found.parties)
    stated = (found.publisher, found.published, source, digest, len(raw), len(found.parties), names)
    async with pool.acquire() as connection, connection.transaction():
        number = await connection.fetchval(_ADD, *stated, file, parties, person.name)
        if number is None:
            number = await connection.fetchval(_OF_HASH, digest)
        else:
            published = found.published.isoformat() if found.published else ""
            facts = {"list": number, "publisher": found.publisher, "published": published}
            facts |= {"source": source, "sha256": digest.hex(), "entries": len(found.parties)}
            await note(connection, EventKind.SCREENING_LIST, **facts, person=person.name)
        (row,) = await connection.fetch(_LISTS, [number], 1, None)
    return document(row)


def _packed(raw: bytes) -> tuple[ListFile, bytes, bytes]:
    """A list, its file and its entries in zlib format; takes seconds for the largest ones."""
    found = list_files.read(raw)
    return found, zlib.compress(raw), zlib.compress(encode_parties(found.parties))


async def read(
    connection: asyncpg.Pool | asyncpg.Connection, *, limit: int, before: int | None = None
) -> list[dict[str, Any]]:
    """Files of lists, newest first, of those with numbers below `before`."""
    return [document(row) for row in await connection.fetch(_LISTS, None, limit, before)]


async def newest_set(connection: asyncpg.Pool | asyncpg.Connection) -> asyncpg.Record | None:
    """The set of lists that was set last; None if none ever was."""
    return await connection.fetchrow(_NEWEST)


def document(row: asyncpg.Record) -> dict[str, Any]:
    """A list as commands show it."""
    published: date | None = row["published"]
    return {
        "number": row["number"],
        "publisher": row["publisher"],
        "published": published.isoformat() if published else None,
        "source": row["source"],
        "sha256": row["sha256"],
        "octets": row["octets"],
        "entries": row["entries"],
        "names": row["names"],
        "added_by": row["added_by"],
        "added_at": row["added_at"].isoformat(),
        "in_force": row["in_force"],
    }


class ListsInForce(Content, frozen=True, kw_only=True):
    """Sanctions lists that payments are compared with, by their numbers; none ends screening."""

    lists: Annotated[
        list[Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]],
        msgspec.Meta(title="Lists", max_length=LISTS_MAX, description="numbers of lists, such as 3 4 7"),
    ]
    threshold: Annotated[
        int,
        msgspec.Meta(title="Least score of a hit, in percent", ge=70, le=100, description="70 to 100"),
    ] = round(index.THRESHOLD * 100)


async def _check(connection: asyncpg.Connection, content: ListsInForce) -> None:
    if len(set(content.lists)) != len(content.lists):
        raise Refused(
            "a list is named twice", path="lists", reason=Reason.NARRATIVE, remedy="Name each list once."
        )
    known = await connection.fetch(_LISTS, content.lists, LISTS_MAX, None)
    if len(known) != len(content.lists):
        raise Refused(
            "there is no list of one of these numbers",
            path="lists",
            reason=Reason.NARRATIVE,
            remedy="Use numbers that payswitch screening lists shows.",
        )


async def _effect(connection: asyncpg.Connection, content: ListsInForce) -> Effect:
    before = await newest_set(connection)
    old: Sequence[int] = before["lists"] if before is not None else ()
    numbers = sorted({*old, *content.lists})
    rows = [
        Row(
            _title(row),
            term("in force") if row["number"] in old else NOTHING,
            term("in force") if row["number"] in content.lists else NOTHING,
        )
        for row in reversed(await connection.fetch(_LISTS, numbers, 2 * LISTS_MAX, None))
    ]
    threshold = str(before["threshold"]) if before is not None else NOTHING
    rows.append(Row(term("Least score of a hit"), threshold, str(content.threshold), "%"))
    rows += await _names(connection, old, content.lists)
    return Effect(tuple(rows), () if content.lists else (NOT_SCREENED,))


async def _names(connection: asyncpg.Connection, old: Sequence[int], new: Sequence[int]) -> list[Row]:
    """How many names come and go, and the first of them."""
    before, after = await names_of(connection, old), await names_of(connection, new)
    added, removed = sorted(after - before), sorted(before - after)
    in_force = term("in force")
    return [
        Row(term("Names"), str(len(before)), str(len(after))),
        Row(term("Names added"), NOTHING, str(len(added))),
        *(Row(f"{publisher}: {name}", NOTHING, in_force) for publisher, name in added[:NAMES_SHOWN]),
        Row(term("Names removed"), NOTHING, str(len(removed))),
        *(Row(f"{publisher}: {name}", in_force, NOTHING) for publisher, name in removed[:NAMES_SHOWN]),
    ]


NOT_SCREENED: Final = term("Payments will not be compared with any list.")


def _title(row: asyncpg.Record) -> str:
    return " ".join(filter(None, (str(row["number"]), row["publisher"], str(row["published"] or ""))))


async def _execute(execution: Execution, content: ListsInForce) -> None:
    values = (execution.number, content.lists, content.threshold, LEAD_S)
    since = await execution.connection.fetchval(_ADD_SET, *values)
    execution.outcome = f"in force from {since:%Y-%m-%d %H:%M:%S} UTC"


async def second_person(_: asyncpg.Connection, __: Any, maker: Person) -> tuple[Seat, ...]:
    """Who approves what concerns all payments: for an officer of the operator another one, else a checker."""
    return (Seat(Role.OFFICER),) if maker.role is Role.OFFICER else (CHECKER,)


KINDS: Final[tuple[ChangeKind[Any], ...]] = (
    ChangeKind(
        "screening.lists",
        "Set the sanctions lists in force",
        ListsInForce,
        _execute,
        _check,
        effect=_effect,
        links=links_to(Subject.SCREENING_LISTS),
        seats=second_person,
        right=Right.MANAGE_LISTS,
    ),
)
