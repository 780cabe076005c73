"""The lease of the writer: which of several writers may take over the books, and when.

The lease is an advisory lock of a session of the database. The server ends that session as soon as its client
is gone, or has been silent for `_SILENCE_MAX_S`: a writer that died, is frozen, or is cut off from the
database loses the lease within seconds, and a standby that tries for it all the time gets it.

The lease decides only when to try. That two writers never both change the books is the work of the epoch
(`ledger.writer`): whoever takes over begins a new one, and the database refuses every older one.
"""

import asyncio
from typing import Final
from uuid import UUID

import asyncpg
import structlog

from ledger.roles import Login
from switch.base import database, lifeline
from switch.base.settings import Settings
from switch.base.sql import statements
from switch.processes import status
from switch.processes.process import Ending

LOCK: Final = 7_266_337_001
"""Advisory lock: the writer of a database."""
_SILENCE_MAX_S: Final = 3.0
_RENEW_EVERY_S: Final = 0.75
_RENEW_WITHIN_S: Final = 1.5
_TRY_EVERY_S: Final = 0.1
_TRY_AGAIN_S: Final = 1.0
"""After a loss of the database a standby waits so long: the writer, if it lives, is back before."""

_WRITER: Final = statements("switch.processes")("present_writer")
_HOLDER: Final = statements("switch.processes")("lease_holder")
_TRY: Final = "SELECT pg_try_advisory_lock($1)"
_AWAY: Final = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
_log = structlog.get_logger()


class Lease:
    """The lease of one writer process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._connection: asyncpg.Connection | None = None

    async def take(self, ending: Ending) -> bool:
        """Wait for the lease; False if the process is to end before.

        Raises:
            Exception: as asyncpg, if the database cannot be reached at the start.

        """
        await self._connect()
        waiting = False
        while not ending.begun:
            try:
                if await self._try():
                    lifeline.waits("")
                    return True
                if not waiting:
                    reason = await self._why_not()
                    lifeline.waits(reason)
                    _log.info("writer_waits", reason=reason)
                waiting, status.STATUS.state = True, "standby"
                lifeline.beat()
                await ending.wait(_TRY_EVERY_S)
            except _AWAY:
                await ending.wait(_TRY_AGAIN_S)
                await self._reconnect()
        return False

    async def keep(self, writer: UUID) -> str:
        """Renew the lease until another writer has taken over; return that as the reason to end.

        A lease that was lost with the database, and taken by nobody else, is taken again.
        """
        while True:
            try:
                if self._connection is None:
                    await self._connect()
                if await self._try():
                    await self._renew()
                elif await self._present_writer() != writer:
                    return "another writer has taken over"
                await asyncio.sleep(_TRY_EVERY_S)
            except _AWAY as error:
                _log.warning("lease_lost", error=type(error).__name__)
                self.release()
                await asyncio.sleep(_TRY_EVERY_S)

    def release(self) -> None:
        """Give the lease up at once."""
        if self._connection is not None:
            self._connection.terminate()
        self._connection = None

    async def _renew(self) -> None:
        """Renew until that fails."""
        assert self._connection is not None
        while True:
            await self._connection.fetchval("SELECT 1", timeout=_RENEW_WITHIN_S)
            await asyncio.sleep(_RENEW_EVERY_S)

    async def _connect(self) -> None:
        self._connection = await database.connect(self._settings, Login.WRITER, silence_max_s=_SILENCE_MAX_S)

    async def _reconnect(self) -> None:
        self.release()
        try:
            await self._connect()
        except _AWAY as error:
            _log.warning("database_away", error=type(error).__name__)

    async def _try(self) -> bool:
        if self._connection is None:
            raise ConnectionError("there is no connection")
        return bool(await self._connection.fetchval(_TRY, LOCK, timeout=_RENEW_WITHIN_S))

    async def _why_not(self) -> str:
        """Who has the lease, as far as the database tells the login of writers."""
        assert self._connection is not None
        row = await self._connection.fetchrow(_HOLDER, LOCK, timeout=_RENEW_WITHIN_S)
        whose = f" ({row['host']}, session {row['pid']} of the database)" if row is not None else ""
        return f"another writer has the lease{whose}; this one stands by"

    async def _present_writer(self) -> UUID:
        assert self._connection is not None
        return await self._connection.fetchval(_WRITER, timeout=_RENEW_WITHIN_S)  # type: ignore[no-any-return]
