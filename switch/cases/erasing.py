"""Erasure of an attachment: its key is deleted, so nobody can read it; that it was there stays known."""

import asyncpg

from schemas.errors import NotFound
from switch.base.sql import statements
from switch.writer.audit_notes import note
from switch.writer.event_kinds import EventKind

_ERASE = statements("switch.cases")("erase_attachment")


async def erase(pool: asyncpg.Pool, number: int, act: int, reason: str) -> None:
    """Erase one file of a case.

    Raises:
        NotFound: there is none, or it is erased.

    """
    async with pool.acquire() as connection, connection.transaction():
        if await connection.fetchval(_ERASE, number, act) is None:
            raise NotFound("no such attachment")
        await note(connection, EventKind.CASE_ATTACHMENT_ERASED, case=number, act=act, reason=reason)
