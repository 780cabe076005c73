"""The transaction in which a report is read: one snapshot, under a read-only role."""

import contextlib
from collections.abc import AsyncIterator
from typing import Final

import asyncpg

READER: Final = "payswitch_reader"
"""May read the ledger's and the switch's tables; created by the ledger's first migration."""
REGULATOR: Final = "payswitch_regulator"
"""May read the views of schema `regulator`, which show one country; created by the migration of reports."""

_STATEMENT_TIMEOUT: Final = "120s"
_WORK_MEM: Final = "256MB"
"""Enough to sort a day of a million payments in memory."""


@contextlib.asynccontextmanager
async def reading(connection: asyncpg.Connection) -> AsyncIterator[None]:
    """Read as the reader role until the `with` block ends."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await _become(connection, READER)
        await connection.execute(f"SET LOCAL work_mem = '{_WORK_MEM}'")
        yield


@contextlib.asynccontextmanager
async def reading_as_regulator(connection: asyncpg.Connection, country: str) -> AsyncIterator[None]:
    """Read as a regulator of `country`: the views of schema `regulator`, and nothing else."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await connection.execute("SELECT set_config('payswitch.country', $1, true)", country)
        await _become(connection, REGULATOR)
        yield


async def _become(connection: asyncpg.Connection, role: str) -> None:
    await connection.execute(f"SET LOCAL ROLE {role}")
    await connection.execute(f"SET LOCAL statement_timeout = '{_STATEMENT_TIMEOUT}'")
