"""One HTTP/1.1 connection to a rail: one exchange at a time, over TLS, the response parsed by `httptools`.

A general client library does much that no rail needs: redirects, cookies, compression, streams in both
directions. It costs several times the CPU of the exchange itself, once or twice for every payment.
"""

import asyncio
import ssl
from dataclasses import dataclass
from typing import Final, cast

import httptools
from yarl import URL

_GOODBYE_S: Final = 1.0
_FIRST_FINAL: Final = 200
"""Statuses below it are interim: the response follows."""


class Disconnected(Exception):
    """The exchange ended without a complete response; its text states why, in a word."""


@dataclass(frozen=True, slots=True)
class Response:
    """A complete response."""

    status: int
    headers: dict[str, str]
    """By name in lower case; of a repeated header the last."""
    body: bytes | None
    """None if it is larger than allowed."""


class HttpConnection(asyncio.Protocol):
    """An open connection. `reusable` states whether it can take another request."""

    def __init__(self) -> None:
        self.reusable = True
        self.idle_since = 0.0
        self.answered = False
        """Whether a byte of the present response has come."""
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[Response] | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._is_complete = self._has_head = self._has_length = False
        self._closed = asyncio.get_running_loop().create_future()

    async def exchange(self, request: bytes, most: int) -> Response:
        """Send a request and wait for its response, of which at most `most` bytes are read.

        Raises:
            Disconnected: the connection ended first, or the response is not HTTP.

        """
        assert self._transport is not None
        assert self._waiting is None
        if not self.reusable:
            raise Disconnected("disconnected")
        self.reusable = self.answered = False
        self._begin_response(most)
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        try:
            return await self._waiting
        finally:
            self._waiting = None
            if not self.reusable:
                self.abort()

    def abort(self) -> None:
        """End the connection at once."""
        self.reusable = False
        if self._transport is not None:
            self._transport.abort()

    async def close(self) -> None:
        """End the connection, and wait for a moment until TLS has ended too."""
        self.reusable = False
        if self._transport is None:
            return
        if not self._transport.is_closing():  # asyncio of Python 3.11.2 cannot abort what was closed twice
            self._transport.close()
        await asyncio.wait({self._closed}, timeout=_GOODBYE_S)
        self._transport.abort()

    # The protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`: bytes that no request waits for end the connection."""
        if self._waiting is None or self._parser is None or self._is_complete:
            self.abort()
            return
        self.answered = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.reusable = False
            self._fail("not HTTP")

    def eof_received(self) -> None:
        """See `asyncio.Protocol`: it ends a response that states no length."""
        if self._has_head and not self._has_length:
            self.on_message_complete()
            self.reusable = False

    def connection_lost(self, error: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self.eof_received()
        self.reusable = False
        self._fail("disconnected" if error is None else type(error).__name__)
        if not self._closed.done():
            self._closed.set_result(None)

    def _fail(self, detail: str) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(Disconnected(detail))

    # The parser

    def _begin_response(self, most: int) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._most = self._left = most
        self._headers: dict[str, str] = {}
        self._chunks: list[bytes] = []
        self._is_complete = self._has_head = self._has_length = False

    def on_message_begin(self) -> None:
        """See `httptools.HttpResponseParser`: what follows a response in the same bytes answers nothing."""
        if self._is_complete:
            self.reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """See `httptools.HttpResponseParser`."""
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """See `httptools.HttpResponseParser`."""
        self._has_head = True
        self._has_length = "content-length" in self._headers or "transfer-encoding" in self._headers

    def on_body(self, body: bytes) -> None:
        """See `httptools.HttpResponseParser`."""
        self._left -= len(body)
        if self._left >= 0:
            self._chunks.append(body)
        else:
            self._complete(None)

    def on_message_complete(self) -> None:
        """See `httptools.HttpResponseParser`."""
        assert self._parser is not None
        if self._is_complete:
            return
        if self._parser.get_status_code() < _FIRST_FINAL:
            self._headers, self._has_head = {}, False
            return
        self._is_complete = True
        self.reusable = self._left >= 0 and self._has_length and self._parser.should_keep_alive()
        self._complete(b"".join(self._chunks))

    def _complete(self, body: bytes | None) -> None:
        assert self._parser is not None
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(Response(self._parser.get_status_code(), self._headers, body))


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where connections go, and what every request to it begins and continues with."""

    host: str
    port: int
    tls: ssl.SSLContext | None
    prefix: str
    """Of every path."""
    authority: str
    """The value of `Host`."""

    @classmethod
    def of(cls, url: str, tls: ssl.SSLContext) -> "Endpoint":
        """From the URL of an endpoint, `https://HOST:PORT` with or without a path."""
        parsed = URL(url)
        assert parsed.host is not None
        assert parsed.port is not None
        secure = parsed.scheme == "https"
        return cls(
            parsed.host,
            parsed.port,
            tls if secure else None,
            parsed.raw_path.rstrip("/"),
            parsed.host_port_subcomponent or parsed.host,
        )

    async def connect(self) -> HttpConnection:
        """Open a connection, with the rail's certificate verified for this host.

        Raises:
            OSError: refused, unknown host name, or a TLS failure (`ssl.SSLError`).

        """
        _, connection = await asyncio.get_running_loop().create_connection(
            HttpConnection,
            self.host,
            self.port,
            ssl=self.tls,
            server_hostname=self.host if self.tls else None,
        )
        return connection
