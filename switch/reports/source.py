"""The database that a report is read from. Only this module decides it.

The primary, unless the report is marked `from_replica`, its period is over, and the replica has every event
of that period and is not too far behind. The replica then gives the same rows as the primary. What is
newer (whether a payment became final) is as of the replica's last event, which the report states (`as_of`).
Settlement, statements of accounts, and everything outside reports are always read from the primary.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

import asyncpg
import structlog

from switch.base.database import replica_pool
from switch.base.settings import Settings
from switch.reports.query import ReportQuery
from switch.reports.reading import reading
from switch.reports.sql import statement

_COVERS: Final = statement("replica_covers")
_CONNECT_WITHIN_S: Final = 3.0
_AWAY: Final = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.SerializationError,  # rows that the query still needs were removed on the primary
)
_log = structlog.get_logger()

T = TypeVar("T")
Read = Callable[[asyncpg.Connection], Awaitable[T]]


@dataclass(frozen=True, slots=True)
class Source:
    """The primary, and the replica if there is one."""

    primary: asyncpg.Pool
    replica: asyncpg.Pool | None = None
    lag_max_s: float = 0.0

    @classmethod
    def open(cls, settings: Settings, primary: asyncpg.Pool) -> "Source":
        """Open the source of an installation; the replica is connected when it is first needed."""
        return cls(primary, replica_pool(settings), settings.replica_lag_max_s)

    async def read(self, query: ReportQuery, read: Read[T], *, from_replica: bool) -> T:
        """Read in one snapshot, as the reader role.

        Raises:
            Exception: as `read`, and as asyncpg if the primary is unavailable.

        """
        if self.replica is not None and from_replica and query.until is not None:
            await self.replica  # opened once; a pool without connections, so without a failure
            try:
                async with self.replica.acquire(timeout=_CONNECT_WITHIN_S) as connection, reading(connection):
                    if await connection.fetchval(_COVERS, query.until, query.as_of, self.lag_max_s):
                        return await read(connection)
                    _log.warning("replica_behind", until=query.until.isoformat())
            except _AWAY as error:
                _log.warning("replica_away", error=type(error).__name__)
        async with self.primary.acquire() as connection, reading(connection):
            return await read(connection)

    async def close(self) -> None:
        """Close the connections to the replica."""
        if self.replica is not None:
            (await self.replica).terminate()
