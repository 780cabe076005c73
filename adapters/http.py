"""One HTTPS connection pool for one rail.

The important question is what a failure proves. If no connection was made, nothing was sent: then the
submission certainly failed (`HttpFailure.sent` is False). After that no failure proves anything: the rail may
have executed the order.

The pool is the rail's bulkhead: at most `CONNECTIONS` exchanges run at once, and an exchange that gets no
connection within `timing.connect_s` fails without having been sent. So a slow rail affects only itself.
"""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import aiohttp
from opentelemetry import propagate, trace

from adapters import tls
from adapters.port import Acceptance, RailConnection, Receipt
from adapters.profile import Timing

CONNECTIONS: Final = 64
ANSWER_BYTES: Final = 256 * 1024
KEEP_ALIVE_S: Final = 15.0
"""Shorter than the server's, so that we close an idle connection before the rail closes it during a
payment."""

NOT_BEFORE: Final = "Rail-Not-Before"
"""Header of a closed rail's 503, ISO 8601: only the rail itself sends it, no gateway on the way."""
_CLOSED: Final = 503

_NOTHING_LEFT: Final = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
"""Failures to make a connection, including name look-up and TLS handshake."""


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


@dataclass(slots=True)
class HttpClient:
    """Sends one request and reads one response of limited size; no redirects, no retries."""

    connection: RailConnection
    timing: Timing
    _session: aiohttp.ClientSession | None = field(default=None, init=False)
    _at: int = field(default=0, init=False)
    """The endpoint in use. It changes only when no connection can be made to it."""

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
        urls = self.connection.urls
        for at in [(self._at + turn) % len(urls) for turn in range(len(urls))]:
            try:
                return await self._exchange(
                    method,
                    urls[at].rstrip("/") + path,
                    body,
                    headers={"Content-Type": content_type, **(headers or {}), **_trace()},
                    answer_bytes=answer_bytes,
                    total_s=total_s,
                )
            except _NOTHING_LEFT as error:
                failed = HttpFailure(sent=False, detail=_detail(error))
                self._at = (at + 1) % len(urls)
        return failed

    async def _exchange(
        self,
        method: str,
        url: str,
        body: bytes | None,
        *,
        headers: Mapping[str, str],
        answer_bytes: int,
        total_s: float | None,
    ) -> HttpReply | HttpFailure:
        """One exchange with one endpoint.

        Raises:
            aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError: nothing was sent.

        """
        try:
            async with self._open().request(
                method,
                url,
                data=body,
                headers=headers,
                allow_redirects=False,
                timeout=self._timeout(total_s),
            ) as response:
                answer = await _read(response, answer_bytes)
        except _NOTHING_LEFT:
            raise
        except (aiohttp.ClientError, TimeoutError) as error:
            return HttpFailure(sent=True, detail=_detail(error))
        if answer is None:
            return HttpFailure(sent=True, detail="response too large")
        if response.status == _CLOSED and NOT_BEFORE in response.headers:
            return _closed(response.headers[NOT_BEFORE])
        return HttpReply(response.status, response.content_type, answer)

    def _timeout(self, total_s: float | None) -> aiohttp.ClientTimeout:
        scaled = (self.connection.submit_s or self.timing.submit_s) * self.connection.time_scale
        connect = (self.connection.connect_s or self.timing.connect_s) * self.connection.connect_scale
        return aiohttp.ClientTimeout(total=total_s or scaled, connect=connect)

    async def close(self) -> None:
        """Close the connections; a later request opens new ones."""
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()
            # TLS transports finish closing in the next iterations of the event loop.
            await asyncio.sleep(0)

    def _open(self) -> aiohttp.ClientSession:
        """The session, created on first use because it belongs to the running event loop."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=CONNECTIONS,
                    ssl=_verified(self.connection),
                    keepalive_timeout=KEEP_ALIVE_S,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                headers={"Accept-Encoding": "identity", "User-Agent": "payswitch"},
            )
        return self._session


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


def _detail(error: Exception) -> str:
    match error:
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError():
            return "tls"
        case aiohttp.ClientConnectorError() | aiohttp.ConnectionTimeoutError():
            return "connect"
        case TimeoutError():
            return "timeout"
        case _:
            return type(error).__name__


async def _read(response: aiohttp.ClientResponse, most: int) -> bytes | None:
    """The body, or None if it is larger than allowed."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > most:
            return None
        chunks.append(chunk)
    return b"".join(chunks)


def _verified(connection: RailConnection) -> ssl.SSLContext | bool:
    """The TLS settings of the connection; aiohttp's defaults if it has none."""
    if connection.ca_file is None and connection.certificate_file is None:
        return True
    return tls.context(connection)
