"""Reading cases: lists, one with its history, its changes, and the cases of a payment or of a change."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, TypeAlias
from uuid import UUID

import asyncpg

from schemas.errors import NotFound
from switch.approvals.effects import Resource
from switch.base.sql import statements
from switch.cases.model import Act, Case, CaseKind, case_of, contents_of, subject_of
from switch.cases.officers import scope_of_officer
from switch.identity.model import Person

NOBODY: Final = "-"
"""The owner of cases that nobody has taken, in a filter."""
_statement: Final = statements("switch.cases")
_CASES: Final = _statement("cases")
_ACTS: Final = _statement("acts")
_CHANGES: Final = _statement("changes_of_case")
_COUNTS: Final = _statement("case_counts")

Reading: TypeAlias = asyncpg.Connection | asyncpg.Pool


async def find(
    connection: Reading,
    *,
    reader: Person | None = None,
    state: str = "",
    kind: str = "",
    owner: str = "",
    rail: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    skip: int = 0,
    limit: int,
) -> list[Case]:
    """Cases that match and that `reader` may see, the most urgent first. An empty filter matches all."""
    return await _read(
        connection,
        reader=reader,
        state=state,
        kind=kind,
        owner=owner,
        rail=rail,
        since=since,
        until=until,
        skip=skip,
        limit=limit,
    )


async def newest(
    connection: Reading,
    *,
    reader: Person | None = None,
    state: str = "",
    kind: str = "",
    owner: str = "",
    before: int | None = None,
    limit: int,
) -> list[Case]:
    """Cases that match and that `reader` may see, with a number below `before`, the newest first."""
    return await _read(
        connection,
        reader=reader,
        state=state,
        kind=kind,
        owner=owner,
        before=before,
        newest_first=True,
        limit=limit,
    )


async def one(connection: Reading, number: int, reader: Person | None = None) -> Case:
    """One case.

    Raises:
        NotFound: there is none of this number, or none that `reader` may see.

    """
    found = await _read(connection, number=number, reader=reader)
    if not found:
        raise NotFound("no such case")
    return found[0]


async def of_payment(connection: Reading, uetr: UUID) -> list[Case]:
    """Every case about a payment."""
    return await _read(connection, uetr=uetr)


async def of_subjects(
    connection: Reading, subjects: Iterable[str], reader: Person | None = None
) -> list[Case]:
    """The cases of these subjects that `reader` may see."""
    return await _read(connection, subjects=list(subjects), reader=reader)


async def _read(
    connection: Reading,
    *,
    number: int | None = None,
    state: str = "",
    kind: str = "",
    owner: str = "",
    rail: str = "",
    uetr: UUID | None = None,
    subjects: Sequence[str] | None = None,
    before: int | None = None,
    newest_first: bool = False,
    skip: int = 0,
    limit: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    reader: Person | None = None,
) -> list[Case]:
    """The parameters of `cases.sql`, by name."""
    given = (number, state, kind, owner, rail, uetr, subjects, before, newest_first, skip, limit)
    scope = scope_of_officer(reader)
    return [case_of(row) for row in await connection.fetch(_CASES, *given, since, until, scope)]


async def of_resources(
    connection: Reading, resources: Iterable[Resource], reader: Person | None = None
) -> list[Case]:
    """The cases that a change about these resources belongs to, and that `reader` may see."""
    subjects = [subject for subject in map(subject_of, resources) if subject]
    return await of_subjects(connection, subjects, reader) if subjects else []


async def history(connection: Reading, number: int) -> list[Act]:
    """What happened to a case, in order."""
    return [Act(**dict(row)) for row in await connection.fetch(_ACTS, number)]


async def changes(connection: Reading, case: Case) -> list[asyncpg.Record]:
    """The changes that were requested about the subject of a case."""
    kinds, content = contents_of(case)
    if not kinds:
        return []
    since = None if content else case.since  # what is frozen or restored is there once at a time
    rows: list[asyncpg.Record] = await connection.fetch(_CHANGES, list(kinds), json.dumps(content), since)
    return rows


async def counts(connection: Reading) -> list[asyncpg.Record]:
    """Open cases of every kind: all, those without an owner, those that are overdue, and the oldest age."""
    rows: list[asyncpg.Record] = await connection.fetch(_COUNTS, list(CaseKind))
    return rows
