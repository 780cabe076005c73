"""uvicorn's HTTP protocol with limits on what a peer may send before its headers are complete.

The parser itself has no limit: one endless header would fill the memory of the worker.
"""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES_MAX: Final = 64 * 1024
HEAD_WITHIN_S: Final = 15.0
_TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
)


class GuardedProtocol(HttpToolsProtocol):
    """Disconnects a peer whose headers are too large or too slow."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._head_bytes = 0
        self._in_body = False
        self._clock: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        """Count the bytes of headers; bodies have their own limits."""
        if not self._in_body:
            self._head_bytes += len(data)
            if self._clock is None:
                self._clock = self.loop.call_later(HEAD_WITHIN_S, self._hang_up)
            # The last chunk of headers may already contain body, so one more read is allowed.
            if self._head_bytes - len(data) > HEAD_BYTES_MAX:
                self.transport.write(_TOO_LARGE)
                self._hang_up()
                return
        super().data_received(data)

    def on_headers_complete(self) -> None:
        """The headers are complete."""
        self._in_body = True
        self._stop_clock()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is complete; the headers of the next one follow."""
        self._in_body = False
        self._head_bytes = 0
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer."""
        self._stop_clock()
        super().connection_lost(exc)

    def _hang_up(self) -> None:
        self._stop_clock()
        if not self.transport.is_closing():
            self.transport.close()

    def _stop_clock(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None
