"""Partitions of the append-only tables: ranges of the event sequence, created in advance.

`ledger.event` is partitioned, and so are the host's tables with the same numbers (see `HOST_TABLES` in the
operations of the switch). Ids of clients stay in one table for ever: identities are never deleted. Decision
0005 explains why.
"""

from dataclasses import dataclass
from typing import Final

import asyncpg

from ledger.sql import statement

EVENTS: Final = "ledger.event"
"""The log."""

SPAN: Final = 1 << 24
"""Numbers per partition: 16.8 million events, some ten gigabytes."""

AHEAD: Final = 4 * SPAN
"""How far ahead of the sequence partitions are created."""

_READ: Final = statement("read_partitions")
_ADD: Final = statement("add_partitions")


@dataclass(frozen=True, slots=True)
class Partition:
    """One range of numbers; `rows` is the estimate of the planner, `bytes` includes indexes."""

    name: str
    first: int
    last: int
    rows: int
    bytes: int


async def read(connection: asyncpg.Connection | asyncpg.Pool, table: str = EVENTS) -> list[Partition]:
    """Read the partitions of a table, oldest first."""
    return [Partition(*row) for row in await connection.fetch(_READ, table)]


async def add_ahead(
    connection: asyncpg.Connection | asyncpg.Pool,
    table: str = EVENTS,
    *,
    span: int = SPAN,
    ahead: int = AHEAD,
) -> int:
    """Create missing partitions in advance and return their number. Writers are not blocked."""
    made: int = await connection.fetchval(_ADD, table, span, ahead)
    return made


async def room(connection: asyncpg.Connection | asyncpg.Pool, table: str = EVENTS) -> int:
    """The numbers left before the last partition ends: at 0 nothing can be written."""
    last = (await read(connection, table))[-1].last
    next_seq: int = await connection.fetchval("SELECT next_seq FROM ledger.head")
    return last + 1 - next_seq
