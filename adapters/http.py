"""One HTTPS connection pool for one rail.

The important question is what a failure proves. If no connection was made, nothing was sent: then the
submission certainly failed (`HttpFailure.sent` is False). After that no failure proves anything: the rail may
have executed the order.

The pool is the rail's bulkhead: at most `CONNECTIONS` exchanges run at once, and an exchange that gets no
place, or no connection, within `timing.connect_s` fails without having been sent. So a slow rail affects only
itself. The time-out of the exchange begins once there is a connection: what is cut while it connects would
look like an order that may have been sent.
"""

import asyncio
import ssl
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from opentelemetry import propagate, trace

from adapters import tls
from adapters.http_connection import Disconnected, Endpoint, HttpConnection, Response
from adapters.port import Acceptance, RailConnection, Receipt
from adapters.profile import Timing

CONNECTIONS: Final = 64
ANSWER_BYTES: Final = 256 * 1024
KEEP_ALIVE_S: Final = 15.0
"""Shorter than the server's, so that we close an idle connection before the rail closes it during a
payment."""

REST_S: Final = 0.002
"""Seconds of rest of a connection after a response, in which a rail may close it without notice."""

NOT_BEFORE: Final = "Rail-Not-Before"
"""Header of a closed rail's 503, ISO 8601: only the rail itself sends it, no gateway on the way."""
_OK: Final = 200
_ENDED_OTHERWISE: Final = 409
_CLOSED: Final = 503

_SAFE: Final = "GET"
"""The method of requests that change nothing."""
_ALWAYS: Final = ("Accept: */*", "Accept-Encoding: identity", "User-Agent: payswitch")
_NO_TYPE: Final = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class HttpReply:
    """A response that was read completely."""

    status: int
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class HttpFailure:
    """No response. `sent` is False only if certainly nothing was sent or the rail executed nothing."""

    sent: bool
    detail: str
    not_before: datetime | None = None
    """The rail stated that it is closed until then."""

    @property
    def receipt(self) -> Receipt:
        """What this means for the submission of an order."""
        if self.not_before is not None:
            return Receipt(Acceptance.LATER, detail=self.detail, not_before=self.not_before)
        return Receipt(Acceptance.UNKNOWN if self.sent else Acceptance.REFUSED, detail=self.detail)


def confirmed(reply: HttpReply | HttpFailure) -> Receipt:
    """What the reply to our answer means: 200 takes it; 409: the rail has ended the order otherwise."""
    if isinstance(reply, HttpFailure):
        return Receipt(Acceptance.UNKNOWN, detail=reply.detail)
    if reply.status == _OK:
        return Receipt(Acceptance.ACCEPTED)
    taken = Acceptance.REFUSED if reply.status == _ENDED_OTHERWISE else Acceptance.UNKNOWN
    return Receipt(taken, detail=f"http {reply.status}")


@dataclass(slots=True)
class HttpClient:
    """Sends one request and reads one response of limited size; no redirects, and no order is repeated."""

    connection: RailConnection
    timing: Timing
    _at: int = field(default=0, init=False)
    """The endpoint in use. It changes only when no connection can be made to it."""
    _endpoints: list[Endpoint] = field(default_factory=list, init=False)
    _idle: dict[int, deque[HttpConnection]] = field(default_factory=dict, init=False)
    """By endpoint, the last used at the end."""
    _open: set[HttpConnection] = field(default_factory=set, init=False)
    _places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(CONNECTIONS), init=False)

    async def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        content_type: str = "application/xml",
        headers: Mapping[str, str] | None = None,
        answer_bytes: int = ANSWER_BYTES,
        total_s: float | None = None,
    ) -> HttpReply | HttpFailure:
        """One exchange with the rail; `total_s` replaces the time-out of an order for other requests.

        If no connection can be made to an endpoint, nothing was sent, and the next endpoint is tried.
        """
        lines = {"Content-Type": content_type, **(headers or {}), **_trace()}
        count = len(self.connection.urls)
        for at in [(self._at + turn) % count for turn in range(count)]:
            request = _written(method, self._endpoint(at), path, body, lines)
            try:
                response = await self._exchange(at, method, request, answer_bytes, total_s or self._submit_s)
            except _NothingLeft as error:
                failed = HttpFailure(sent=False, detail=str(error))
                self._at = (at + 1) % count
            except TimeoutError:
                return HttpFailure(sent=True, detail="timeout")
            except Disconnected as error:
                return HttpFailure(sent=True, detail=str(error))
            else:
                return _reply(response)
        return failed

    @property
    def _submit_s(self) -> float:
        return (self.connection.submit_s or self.timing.submit_s) * self.connection.time_scale

    @property
    def _connect_s(self) -> float:
        return (self.connection.connect_s or self.timing.connect_s) * self.connection.connect_scale

    async def _exchange(self, at: int, method: str, request: bytes, most: int, within_s: float) -> Response:
        """One exchange with one endpoint, `within_s` seconds from when there is a connection.

        Raises:
            _NothingLeft: nothing was sent.
            Disconnected, TimeoutError: the rail may have received the request.

        """
        await self._take_place()
        try:
            while True:
                used = self._take_idle(at)
                connection = used or await self._connect(at)
                try:
                    async with asyncio.timeout(within_s):
                        return await connection.exchange(request, most)
                except Disconnected:
                    # The rail closed a connection that was idle. Only what changes nothing is asked again.
                    if used is None or connection.answered or method != _SAFE:
                        raise
                finally:
                    self._put_back(at, connection)
        finally:
            self._places.release()

    async def _take_place(self) -> None:
        """Take a place in the bulkhead, within the time-out to connect."""
        if not self._places.locked():
            await self._places.acquire()
            return
        try:
            async with asyncio.timeout(self._connect_s):
                await self._places.acquire()
        except TimeoutError:
            raise _NothingLeft("connect") from None

    def _put_back(self, at: int, connection: HttpConnection) -> None:
        if connection.reusable:
            connection.idle_since = time.monotonic()
            self._idle.setdefault(at, deque()).append(connection)
        else:
            self._open.discard(connection)

    def _take_idle(self, at: int) -> HttpConnection | None:
        """The connection that was used last but for a moment; those that were idle for long are closed."""
        idle, now = self._idle.setdefault(at, deque()), time.monotonic()
        while idle and idle[0].idle_since < now - KEEP_ALIVE_S:
            self._end(idle.popleft())
        resting = []
        while idle:
            connection = idle.pop()
            if not connection.reusable:
                self._end(connection)
            elif connection.idle_since > now - REST_S:
                resting.append(connection)
            else:
                break
        else:
            connection = None
        idle.extend(reversed(resting))
        return connection

    def _end(self, connection: HttpConnection) -> None:
        connection.abort()
        self._open.discard(connection)

    async def _connect(self, at: int) -> HttpConnection:
        try:
            async with asyncio.timeout(self._connect_s):
                connection = await self._endpoint(at).connect()
        except ssl.SSLError:
            raise _NothingLeft("tls") from None
        except OSError:  # and a time-out
            raise _NothingLeft("connect") from None
        self._open.add(connection)
        return connection

    def _endpoint(self, at: int) -> Endpoint:
        if not self._endpoints:
            verified = _verified(self.connection)
            self._endpoints = [Endpoint.of(url, verified) for url in self.connection.urls]
        return self._endpoints[at]

    async def close(self) -> None:
        """Close the connections; a later request opens new ones."""
        ending, self._open, self._idle = self._open, set(), {}
        await asyncio.gather(*[connection.close() for connection in ending])


class _NothingLeft(Exception):
    """No connection could be made; the text states the cause: `connect`, `tls`."""


def _written(
    method: str, endpoint: Endpoint, path: str, body: bytes | None, headers: Mapping[str, str]
) -> bytes:
    """A request as octets."""
    target = endpoint.prefix + path
    if not target.startswith("/"):  # an address without a path: RFC 9112, 3.2.1
        target = f"/{target}"
    lines = [f"{method} {target} HTTP/1.1", f"Host: {endpoint.authority}", *_ALWAYS]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body is not None or method != _SAFE:
        lines.append(f"Content-Length: {len(body or b'')}")
    head = "\r\n".join(lines)
    if " " in target or not "".join(lines).isprintable():
        raise ValueError("a header or a path has a character that it cannot have")
    return b"".join((head.encode(), b"\r\n\r\n", body or b""))


def _reply(response: Response) -> HttpReply | HttpFailure:
    if response.body is None:
        return HttpFailure(sent=True, detail="response too large")
    if response.status == _CLOSED and NOT_BEFORE.lower() in response.headers:
        return _closed(response.headers[NOT_BEFORE.lower()])
    stated = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return HttpReply(response.status, stated or _NO_TYPE, response.body)


def _trace() -> dict[str, str]:
    """`traceparent` of the current span; nothing if tracing is off."""
    headers: dict[str, str] = {}
    if trace.get_current_span().is_recording():
        propagate.inject(headers)
    return headers


def _closed(until: str) -> HttpFailure:
    """The failure for a closed rail; without a readable instant it proves nothing."""
    try:
        opens_at = datetime.fromisoformat(until)
    except ValueError:
        return HttpFailure(sent=True, detail=f"http {_CLOSED}")
    if opens_at.tzinfo is None:
        return HttpFailure(sent=True, detail=f"http {_CLOSED}")
    return HttpFailure(sent=False, detail="closed", not_before=opens_at)


def _verified(connection: RailConnection) -> ssl.SSLContext:
    """The TLS settings of the connection; without its own authorities, those that this machine trusts."""
    return tls.context(connection)
