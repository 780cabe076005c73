"""When each signing key was last used, and the clock difference of its owner, for the participant's pages.

The hot path records it in memory; changes are written every few seconds. A crash loses the last of them.
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import asyncpg
import structlog

from switch.base import logs
from switch.base.sql import statements

EVERY_S: Final = 5.0
_statement: Final = statements("switch.api")
_WRITE: Final = _statement("write_key_uses")
_READ: Final = _statement("key_uses")
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class KeyUse:
    """The last use of a key; `ahead_s` is by how many seconds the signer's clock was ahead of ours."""

    keyid: str
    used_at: datetime
    ahead_s: int


class Uses:
    """The last uses that this process recorded and has not written yet."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, int]] = {}

    def note(self, keyid: str, *, now: int, created: int) -> None:
        """Record a verified signature: Unix seconds, by our clock and by the signer's."""
        self._seen[keyid] = now, created - now

    async def write(self, pool: asyncpg.Pool) -> None:
        """Write what is new; what cannot be written now is written next time."""
        if not self._seen:
            return
        seen, self._seen = self._seen, {}
        try:
            await pool.execute(
                _WRITE,
                list(seen),
                [datetime.fromtimestamp(now, UTC) for now, _ in seen.values()],
                [ahead for _, ahead in seen.values()],
            )
        except BaseException:
            self._seen = seen | self._seen
            raise


SEEN: Final = Uses()
"""The uses of this process."""


async def keep(pool: asyncpg.Pool) -> None:
    """Write periodically. While the database is unavailable, the last use of each key is kept in memory."""
    while True:
        await asyncio.sleep(EVERY_S)
        try:
            await SEEN.write(pool)
        except Exception as error:  # noqa: BLE001 - the outermost loop: it must turn whatever happens
            _log.warning("key_use_unwritten", error=type(error).__name__, detail=logs.where(error))


async def read(pool: asyncpg.Pool, participant: str) -> list[KeyUse]:
    """The last uses of a participant's keys, newest first."""
    return [KeyUse(*row) for row in await pool.fetch(_READ, participant)]
