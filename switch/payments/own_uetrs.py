"""Payments that have a UETR of their own, because another participant had used the one that they state.

The sender knows its payment by what it stated, everybody else by the payment's own UETR, which the books have
(`schemas.own_uetr`). The sender is not told: an answer says nothing of the payments of others.
"""

from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

import asyncpg

from schemas import own_uetr
from switch.base.sql import statements

_statement: Final = statements("switch.payments")
_SENDER_OF: Final = _statement("sender_of_uetr")
_ADD: Final = _statement("add_own_uetr")
_FIND: Final = _statement("own_uetr_of")
_ALL_OF: Final = _statement("own_uetrs_of")
_STATEMENT_OF: Final = "SELECT sender, stated FROM switch.own_uetr WHERE uetr = $1"
_STATED: Final = _statement("stated_uetrs")


async def assign(pool: asyncpg.Pool, sender: str, stated: UUID) -> UUID | None:
    """Assign a UETR of its own to a payment; None if the sender itself has used the stated one."""
    if await pool.fetchval(_SENDER_OF, stated) == sender:
        return None
    own = own_uetr.derive(sender, stated)
    await pool.execute(_ADD, own, sender, stated)
    return own


async def find(pool: asyncpg.Pool, senders: Sequence[str], stated: UUID) -> UUID | None:
    """The own UETR of a payment of one of these senders, by what its message states; None if it has none."""
    found: UUID | None = await pool.fetchval(_FIND, stated, list(senders))
    return found


async def also(
    connection: asyncpg.Connection | asyncpg.Pool, stated: UUID, senders: Sequence[str] | None = None
) -> list[tuple[str, UUID]]:
    """Senders of further payments that state this UETR, with the payment's own one; None: of all senders."""
    return [(row["sender"], row["uetr"]) for row in await connection.fetch(_ALL_OF, stated, senders)]


async def statement_of(pool: asyncpg.Pool, uetr: UUID) -> tuple[str, UUID] | None:
    """The sender of a payment with a UETR of its own, and what it stated; None if this is no own UETR."""
    row = await pool.fetchrow(_STATEMENT_OF, uetr) if own_uetr.is_reserved(str(uetr)) else None
    return (row["sender"], row["stated"]) if row else None


async def stated(
    connection: asyncpg.Connection | asyncpg.Pool, sender: str, uetrs: Iterable[UUID]
) -> dict[UUID, UUID]:
    """What a sender stated, by the own UETR, for those of these payments that have one."""
    own = [uetr for uetr in uetrs if own_uetr.is_reserved(str(uetr))]
    rows = await connection.fetch(_STATED, sender, own) if own else []
    return {row["uetr"]: row["stated"] for row in rows}
