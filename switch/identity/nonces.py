"""Each nonce of a key is used once, on whichever worker and machine a request arrives.

The nonce of a signature is stored in the database until no machine would accept the signature any more, so
neither a restart nor another worker loses it. Only verified signatures are stored, and requests over the rate
limit are refused before. So the table is bounded: about a hundred bytes for each request that a participant
may send in seven minutes. Requests that wait at the same time share one statement and one commit.

Payments (`POST /v1/iso20022/pacs.008`) are exempt: the UETR is their identity, and the response to the same
bytes must be the payment's status.
"""

import asyncio
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import asyncpg

from schemas.errors import NotAuthentic
from switch.base.sql import statements

FORGET_EVERY_S: Final = 30.0
_AT_ONCE: Final = 512
"""Nonces per statement."""
_FORGET_AT_ONCE: Final = 5000
_statement: Final = statements("switch.identity")
_USE: Final = _statement("use_nonces")
_FORGET: Final = _statement("forget_nonces")


@dataclass(frozen=True, slots=True)
class Nonce:
    """A nonce of a key: its id in the table, and how long it is stored (seconds of Unix time)."""

    id: UUID
    until: int


Waiting = tuple[Nonce, "asyncio.Future[bool]"]


class Nonces:
    """The used nonces, as one worker accesses them."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._waiting: list[Waiting] = []
        self._writing: asyncio.Task[None] | None = None

    async def use(self, nonce: Nonce) -> None:
        """Use a nonce; durable when this returns.

        Raises:
            NotAuthentic: it was used before.

        """
        first: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((nonce, first))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
        if not await first:
            raise NotAuthentic("this nonce was used before: sign each request again, with a new nonce")

    async def _write(self) -> None:
        """Write until no request waits."""
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:_AT_ONCE], self._waiting[_AT_ONCE:]
                await self._write_batch(batch)
        finally:
            self._writing = None

    async def _write_batch(self, batch: list[Waiting]) -> None:
        # In the same order everywhere, so that workers with the same nonces do not deadlock.
        nonces = sorted({nonce.id: nonce for nonce, _ in batch}.values(), key=lambda nonce: nonce.id)
        try:
            rows = await self._pool.fetch(_USE, [n.id for n in nonces], [n.until for n in nonces])
        except Exception as error:  # noqa: BLE001 - each waiting request fails as it would alone
            for _, first in batch:
                if not first.done():
                    first.set_exception(error)
            return
        unused: set[UUID] = {row["id"] for row in rows}
        for nonce, first in batch:
            if not first.done():
                first.set_result(nonce.id in unused)
            unused.discard(nonce.id)


async def forget_old(pool: asyncpg.Pool) -> None:
    """Delete the nonces of signatures that no machine would accept any more."""
    forgotten = _FORGET_AT_ONCE
    while forgotten == _FORGET_AT_ONCE:
        forgotten = int((await pool.execute(_FORGET, _FORGET_AT_ONCE)).split()[-1])
