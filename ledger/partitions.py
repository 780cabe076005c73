"""Partitions of the append-only tables: ranges of the one sequence, which is time, made ahead of it.

`ledger.event` is partitioned, and so is what a host keeps beside it by the same numbers (see
`HOST_TABLES` of the switch's operations). Ids of clients stay in one table for ever: identity has no
retention. Decision 0005 has why.
"""

from dataclasses import dataclass
from typing import Final

import asyncpg

from ledger.sql import statement

EVENTS: Final = "ledger.event"
"""The log."""

SPAN: Final = 1 << 24
"""Numbers of one partition: 16.8 million events, some ten gigabytes."""

AHEAD: Final = 4 * SPAN
"""Numbers that partitions are made ahead of the sequence."""

_READ: Final = statement("read_partitions")
_ADD: Final = statement("add_partitions")


@dataclass(frozen=True, slots=True)
class Partition:
    """One range of numbers; `rows` as the planner last counted, and `bytes` with indexes."""

    name: str
    first: int
    last: int
    rows: int
    bytes: int


async def read(connection: asyncpg.Connection | asyncpg.Pool, table: str = EVENTS) -> list[Partition]:
    """The partitions of a table, oldest first."""
    return [Partition(*row) for row in await connection.fetch(_READ, table)]


async def add_ahead(
    connection: asyncpg.Connection | asyncpg.Pool,
    table: str = EVENTS,
    *,
    span: int = SPAN,
    ahead: int = AHEAD,
) -> int:
    """Make what is missing ahead of the sequence; how many. Writers are not held up."""
    made: int = await connection.fetchval(_ADD, table, span, ahead)
    return made


async def room(connection: asyncpg.Connection | asyncpg.Pool, table: str = EVENTS) -> int:
    """How many numbers are left before the last partition ends: at 0 nothing can be written."""
    last = (await read(connection, table))[-1].last
    next_seq: int = await connection.fetchval("SELECT next_seq FROM ledger.head")
    return last + 1 - next_seq
