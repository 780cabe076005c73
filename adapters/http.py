"""One HTTPS connection pool to one rail.

What matters is what a failure proves. If no connection was made, nothing left us: that is a real "no" to a
send (`HttpFailure.sent` is False). After that, whatever goes wrong proves nothing: the rail may have acted.

The pool is the rail's bulkhead: at most `CONNECTIONS` exchanges at once, and an exchange that does not get
a connection within `timing.connect_s` fails without having been sent, so a slow rail harms only itself.
"""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import aiohttp
from opentelemetry import propagate, trace

from adapters.port import Acceptance, RailConnection, Receipt
from adapters.profile import Timing

CONNECTIONS: Final = 64
ANSWER_BYTES: Final = 256 * 1024
KEEP_ALIVE_S: Final = 15.0
"""Shorter than a server's, so that an idle connection is closed by us and not under a payment."""

NOT_BEFORE: Final = "Rail-Not-Before"
"""Header of a closed rail's 503, ISO 8601: only the rail itself says it, no gateway on the way."""
_CLOSED: Final = 503

_NOTHING_LEFT: Final = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
"""Failures of making a connection, name look-up and TLS handshake included."""


@dataclass(frozen=True, slots=True)
class HttpReply:
    """An answer that was read completely."""

    status: int
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class HttpFailure:
    """No answer. `sent` is False only when certainly nothing left us, or the rail certainly took nothing."""

    sent: bool
    detail: str
    not_before: datetime | None = None
    """The rail is closed until then, by its own word."""

    @property
    def receipt(self) -> Receipt:
        """What this means for an order that was handed over."""
        if self.not_before is not None:
            return Receipt(Acceptance.LATER, detail=self.detail, not_before=self.not_before)
        return Receipt(Acceptance.UNKNOWN if self.sent else Acceptance.REFUSED, detail=self.detail)


@dataclass(slots=True)
class HttpClient:
    """Sends one request and reads one bounded answer; never redirects, never retries."""

    connection: RailConnection
    timing: Timing
    _session: aiohttp.ClientSession | None = field(default=None, init=False)

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
        """One exchange with the rail; `total_s` instead of the time-out of an order, for what is no order."""
        try:
            async with self._open().request(
                method,
                self.connection.base_url.rstrip("/") + path,
                data=body,
                headers={"Content-Type": content_type, **(headers or {}), **_trace()},
                allow_redirects=False,
                timeout=self._timeout(total_s),
            ) as response:
                answer = await _read(response, answer_bytes)
        except (aiohttp.ClientError, TimeoutError) as error:
            return HttpFailure(sent=not isinstance(error, _NOTHING_LEFT), detail=_detail(error))
        if answer is None:
            return HttpFailure(sent=True, detail="answer too large")
        if response.status == _CLOSED and NOT_BEFORE in response.headers:
            return _closed(response.headers[NOT_BEFORE])
        return HttpReply(response.status, response.content_type, answer)

    def _timeout(self, total_s: float | None) -> aiohttp.ClientTimeout:
        scaled = self.timing.submit_s * self.connection.time_scale
        connect = self.timing.connect_s * self.connection.connect_scale
        return aiohttp.ClientTimeout(total=total_s or scaled, connect=connect)

    async def close(self) -> None:
        """Close the connections; a later request opens new ones."""
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()
            # TLS transports finish closing in the next turns of the loop.
            await asyncio.sleep(0)

    def _open(self) -> aiohttp.ClientSession:
        """The session, made on first use because it belongs to the running loop."""
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
    """`traceparent` of the running span; nothing where nobody traces."""
    headers: dict[str, str] = {}
    if trace.get_current_span().is_recording():
        propagate.inject(headers)
    return headers


def _closed(until: str) -> HttpFailure:
    """What a closed rail said; without a readable instant it proves nothing."""
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
    """The body, or None if it is larger than such an answer may be."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > most:
            return None
        chunks.append(chunk)
    return b"".join(chunks)


def _verified(connection: RailConnection) -> ssl.SSLContext | bool:
    """TLS that trusts the rail's own authority only, where one is given."""
    if connection.ca_file is None:
        return True
    context = ssl.create_default_context(cafile=connection.ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
