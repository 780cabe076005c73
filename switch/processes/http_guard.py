"""uvicorn's HTTP protocol with a bound on what a peer may send before its headers are complete.

The parser itself has none: one header without end would fill the memory of the worker.
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
    """Hangs up on a peer whose headers are too large or too slow."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._head_bytes = 0
        self._in_body = False
        self._clock: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        """Count what belongs to a head; a body has limits of its own."""
        if not self._in_body:
            self._head_bytes += len(data)
            if self._clock is None:
                self._clock = self.loop.call_later(HEAD_WITHIN_S, self._hang_up)
            # What came with the last piece of a head may be body already, so one read is allowed on top.
            if self._head_bytes - len(data) > HEAD_BYTES_MAX:
                self.transport.write(_TOO_LARGE)
                self._hang_up()
                return
        super().data_received(data)

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._in_body = True
        self._stop_clock()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is whole; what follows is the next one's head."""
        self._in_body = False
        self._head_bytes = 0
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the clock."""
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
