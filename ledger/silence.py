"""Detection of a database connection that has become silent, within ten seconds.

Theory of operation. A statement that gets no response may be slow, or its response may never come: a machine
lost power, a firewall or a proxy dropped the connection, the server was stopped (SIGSTOP) or hangs. Without
this, only the time-out of the statement would end the wait, and it must be long for the slow ones.

* Over TCP the kernel ends a connection whose packets are not acknowledged (`notice_silence`). It cannot know
  about a proxy that acknowledges everything and passes on nothing, nor about a server that is stopped.
* So a statement without a response is examined after `QUIET_S` over a second connection: does the server
  respond, and is it still executing the statement? If not, the first connection is closed, and its user gets
  the same error as for any lost connection. A slow statement that the server is executing is left alone.
* A statement that was cancelled, or that took longer than its own time-out, must be acknowledged soon: a
  connection that waits for that for ever would never return to its pool.
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import asyncpg

from ledger.sql import statement

UNANSWERED_S: Final = 10
"""Seconds that sent data may stay without an acknowledgement of the peer."""
_IDLE_S: Final = 4
_PROBE_EVERY_S: Final = 2
_PROBES: Final = 3
"""An idle connection is probed after four seconds, three times within six: ten in total."""

SERVER_SETTINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "tcp_user_timeout": f"{UNANSWERED_S}s",
        "tcp_keepalives_idle": str(_IDLE_S),
        "tcp_keepalives_interval": str(_PROBE_EVERY_S),
        "tcp_keepalives_count": str(_PROBES),
    }
)
"""The same on the server side: locks of a lost client are released."""

log = logging.getLogger(__name__)

QUIET_S: Final = 2.5
"""Seconds without a response after which a statement is examined, and between examinations."""
RESPONDS_WITHIN_S: Final = 5.0
"""Seconds that the server has to answer about it."""
_AGAIN_S: Final = 0.3
"""The server may have finished the statement just now: it is examined twice."""
_ACKNOWLEDGED_S: Final = 3.0
"""Seconds within which the server acknowledges that a statement was cancelled."""
_EXECUTES: Final = statement("executes")


def notice_silence(connection: asyncpg.Connection) -> None:
    """Let the kernel end a silent TCP connection; a unix socket cannot become silent."""
    transport = connection._transport  # noqa: SLF001 - asyncpg gives no other way to its socket
    own = transport.get_extra_info("socket") if transport is not None else None
    if own is not None:
        end_silent(own)


def end_silent(own: Any) -> None:
    """Let the kernel end a TCP connection whose peer became silent; `own` is its socket, also of asyncio."""
    if own.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    own.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    own.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _IDLE_S)
    own.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _PROBE_EVERY_S)
    own.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _PROBES)
    own.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNANSWERED_S * 1000)


class Connection(asyncpg.Connection):  # type: ignore[misc]
    """A connection that detects within seconds that its peer does not respond."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._examination: asyncio.Task[None] | None = None
        notice_silence(self)

    def get_reset_query(self) -> str:
        """Nothing: no statement changes the session (a test reads them all), so pools save this exchange."""
        return ""

    async def execute(self, query: str, *args: Any, **options: Any) -> str:
        """As asyncpg."""
        with self._watched():
            status: str = await super().execute(query, *args, **options)
            return status

    async def executemany(self, command: str, args: Sequence[Any], **options: Any) -> None:
        """As asyncpg."""
        with self._watched():
            await super().executemany(command, args, **options)

    async def fetch(self, query: str, *args: Any, **options: Any) -> list[asyncpg.Record]:
        """As asyncpg."""
        with self._watched():
            rows: list[asyncpg.Record] = await super().fetch(query, *args, **options)
            return rows

    async def fetchrow(self, query: str, *args: Any, **options: Any) -> asyncpg.Record | None:
        """As asyncpg."""
        with self._watched():
            row: asyncpg.Record | None = await super().fetchrow(query, *args, **options)
            return row

    async def fetchval(self, query: str, *args: Any, **options: Any) -> Any:
        """As asyncpg."""
        with self._watched():
            return await super().fetchval(query, *args, **options)

    @contextlib.contextmanager
    def _watched(self) -> Iterator[None]:
        """Examine the statement in the `with` if it gets no response for long."""
        handle = self._loop.call_later(QUIET_S, self._doubt)
        try:
            yield
        except (asyncio.CancelledError, TimeoutError):
            self._loop.call_later(_ACKNOWLEDGED_S, self._end_unless_acknowledged)
            raise
        finally:
            handle.cancel()
            if self._examination is not None:
                self._examination.cancel()
                self._examination = None

    def _doubt(self) -> None:
        self._examination = self._loop.create_task(self._examine())

    def _end_unless_acknowledged(self) -> None:
        if not self.is_closed() and self._protocol._is_cancelling():  # noqa: SLF001 - there is no public way
            self.terminate()

    async def _examine(self) -> None:
        """Close the connection once the server does not respond, or is not executing the statement."""
        while await self._is_executing() or await self._is_executing(after_s=_AGAIN_S):  # noqa: ASYNC110
            await asyncio.sleep(QUIET_S)
        log.warning("a connection to the database was silent: it is closed")
        self.terminate()

    async def _is_executing(self, *, after_s: float = 0.0) -> bool:
        await asyncio.sleep(after_s)
        try:
            async with asyncio.timeout(RESPONDS_WITHIN_S - after_s):
                second = await asyncpg.connect(**self._same_server())
                try:
                    return bool(await second.fetchval(_EXECUTES, self.get_server_pid()))
                finally:
                    second.terminate()
        except asyncpg.PostgresError:  # it responds, and only has no connection to spare
            return True
        except (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.InternalClientError):
            return False

    def _same_server(self) -> dict[str, Any]:
        """The parameters of another connection to the server of this one, which may be one of several."""
        address, given = self._addr, self._params
        encrypted = self._transport.get_extra_info("ssl_object") is not None
        if isinstance(address, str):
            place = Path(address)
            host, port = str(place.parent), int(place.suffix[1:])
        else:
            host, port = address
        return {
            "host": host,
            "port": port,
            "user": given.user,
            "password": given.password,
            "database": given.database,
            "ssl": given.ssl if encrypted else False,
        }
