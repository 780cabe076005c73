"""Payments that have a UETR of their own, because another participant had used the one that they state.

The sender knows its payment by what it stated, everybody else by the payment's own UETR, which the books have
(`schemas.own_uetr`). The sender is not told: an answer says nothing of the payments of others.
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import asyncpg

from schemas import own_uetr
from switch.base.sql import statements

_statement: Final = statements("switch.payments")
_SENDER_OF: Final = _statement("sender_of_uetr")
_ADD: Final = _statement("add_own_uetr")
_FIND: Final = _statement("own_uetr_of")
_ALSO: Final = "SELECT sender, uetr FROM switch.own_uetr WHERE stated = $1 ORDER BY sender"


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


async def also(pool: asyncpg.Pool, stated: UUID) -> list[tuple[str, UUID]]:
    """Senders of further payments that state this UETR, each with the payment's own one."""
    return [(row["sender"], row["uetr"]) for row in await pool.fetch(_ALSO, stated)]
