"""Witnesses of the audit log: who they are, what each has cosigned, and the cosignatures that they send."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import asyncpg

from ledger import audit
from ledger.audit import Checkpoint
from ledger.signing import BadNote, cosigned_at
from schemas.errors import NotAuthentic, NotFound
from switch.base.sql import statements

LINE_MAX: Final = 1_000
"""Characters of a cosignature."""
_statement: Final = statements("switch.operations")
_WITNESSES: Final = _statement("witnesses")
_COSIGNED: Final = _statement("witness_cosigned")
_UNWITNESSED: Final = _statement("unwitnessed_age")


@dataclass(frozen=True, slots=True)
class RegisteredWitness:
    """A witness that two people registered."""

    key: str
    name: str
    url: str
    added_at: datetime
    removed_at: datetime | None
    attempts: int
    result: str
    """Result of the last attempt to send it a checkpoint; empty if it cosigned."""
    refuses_at: datetime | None
    """Since when it holds another history of the log than the switch."""
    size: int
    """Events of the largest checkpoint that it cosigned."""
    cosigned_at: datetime | None

    def document(self) -> dict[str, Any]:
        """The witness as the API shows it to everybody: not where it is."""
        return {
            "name": self.name,
            "key": self.key,
            "size": self.size,
            "cosigned_at": self.cosigned_at,
            "refuses_since": self.refuses_at,
        }


async def read(
    connection: asyncpg.Connection | asyncpg.Pool, *, former: bool = False
) -> list[RegisteredWitness]:
    """Read the witnesses, by name."""
    return [RegisteredWitness(**row) for row in await connection.fetch(_WITNESSES, former)]


async def unwitnessed_s(connection: asyncpg.Connection | asyncpg.Pool, quorum: int) -> float:
    """Age of the oldest checkpoint that fewer witnesses than the quorum cover, in seconds; or 0."""
    age: float = await connection.fetchval(_UNWITNESSED, quorum)
    return age


async def accept(pool: asyncpg.Pool, size: int, text: str) -> None:
    """Keep the cosignature of a checkpoint that a witness sent.

    Raises:
        NotFound: there is no checkpoint of this size.
        NotAuthentic: no registered witness made it for this checkpoint.

    """
    published = await audit.find(pool, size)
    if published is None:
        raise NotFound("there is no checkpoint of this size")
    for witness in await read(pool):
        if await keep(pool, published, witness.key, text):
            await pool.execute(_COSIGNED, witness.key, size)
            return
    raise NotAuthentic("no registered witness made this cosignature")


async def keep(pool: asyncpg.Pool, published: Checkpoint, key: str, text: str) -> bool:
    """Verify the lines that a witness answered, and keep its own; whether there was one."""
    for line in text.splitlines():
        try:
            cosigned_at(published.note, line, key)
        except BadNote:
            continue
        await audit.add_cosignature(pool, published.size, key, f"{line}\n")
        return True
    return False
