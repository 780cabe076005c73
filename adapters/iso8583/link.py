"""One TLS connection to a rail, which sends and receives complete messages."""

import asyncio
import contextlib
import logging
import ssl
import time
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from adapters.framing import Framer, FramingError, Length
from adapters.port import RailConnection

READ_BYTES: Final = 64 * 1024
SCHEME: Final = "tls"
HALF_S: Final = 5.0
"""How long the rest of a message may take: after an incomplete message nothing on the connection is
readable."""
_GOODBYE_S: Final = 1.0

_log = logging.getLogger(__name__)


class RailLink:
    """A connection and its reader task, which calls `on_message` for messages and `on_lost` at the end."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, length: Length, half_s: float
    ) -> None:
        self._half_s = half_s
        self._reader = reader
        self._writer = writer
        self._framer = Framer(length)
        self._reading: asyncio.Task[None] | None = None
        self.open = True
        self.heard_at = time.monotonic()
        """When the last message of the rail arrived."""

    @classmethod
    async def connect(
        cls, connection: RailConnection, url: str, tls: ssl.SSLContext, length: Length
    ) -> "RailLink":
        """Connect to one of the rail's endpoints and verify its certificate.

        Raises:
            OSError: refused, unknown host name, or a TLS failure.

        """
        place = urlsplit(url)
        reader, writer = await asyncio.open_connection(
            place.hostname,
            place.port,
            ssl=tls,
            ssl_shutdown_timeout=_GOODBYE_S,
        )
        return cls(reader, writer, length, HALF_S * connection.time_scale)

    def start(
        self, on_message: Callable[["RailLink", bytes], None], on_lost: Callable[["RailLink"], None]
    ) -> None:
        """Read until the end; `on_lost` is called once, whatever the cause."""
        self._reading = asyncio.create_task(self._read(on_message, on_lost))

    async def send(self, frame: bytes) -> None:
        """Send a frame as soon as the rail can receive it.

        Raises:
            OSError: the connection has ended.

        """
        self._writer.write(frame)
        await self._writer.drain()

    def drop(self) -> None:
        """End the connection at once; later messages of the rail on it are not read."""
        self.open = False
        self._writer.transport.abort()

    async def close(self) -> None:
        """End the connection and wait until it is closed."""
        self.drop()
        if self._reading is not None and self._reading is not asyncio.current_task():
            await asyncio.wait([self._reading])
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def _some(self) -> bytes:
        """The next bytes; empty at the end of the stream.

        Raises:
            TimeoutError: the rest of a message did not arrive.

        """
        async with asyncio.timeout(self._half_s if self._framer.half else None):
            return await self._reader.read(READ_BYTES)

    async def _read(
        self, on_message: Callable[["RailLink", bytes], None], on_lost: Callable[["RailLink"], None]
    ) -> None:
        try:
            while data := await self._some():
                self.heard_at = time.monotonic()
                for message in self._framer.feed(data):
                    on_message(self, message)
        except (TimeoutError, FramingError) as error:
            # The connection can no longer be read, but the messages that we sent on it should arrive.
            _log.warning("connection to the rail is not readable: %s", type(error).__name__)
            self.open = False
            self._writer.close()
        except OSError as error:
            _log.warning("connection to the rail ended: %s", type(error).__name__)
        finally:
            if self.open:
                self.drop()
            on_lost(self)
