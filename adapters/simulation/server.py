"""The process of a simulated rail: TLS server, control paths, callbacks to the switch.

Control paths, beside the rail's own: `GET /book` (the book as JSON lines), `GET /requests` (requests by path,
as JSON), `POST /faults` with `{"word": "SILENT", "count": 3}`, `DELETE /faults`, `POST /hours` with
`{"closed_until": "2026-11-24T03:00:00Z"}` and `DELETE /hours`; `POST /originate` and `GET /originated` (see
`origin`), and `GET /debits`, what payers of this rail paid abroad. `GET /cycles/YYYY-MM-DD` is one of the
rail's own paths: its end-of-cycle file.
"""

import asyncio
import json
import logging
import re
import ssl
from collections import Counter as Tally
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Protocol, runtime_checkable

import aiohttp
import uvicorn

from adapters import called, cycle, keys
from adapters.called import CalledRequest
from adapters.http import NOT_BEFORE
from adapters.profile import RailProfile
from adapters.simulation.book import FILE_NAME, Book, EntryStatus
from adapters.simulation.debit_book import FILE_NAME as DEBITS
from adapters.simulation.debit_book import DebitBook
from adapters.simulation.origin import RAIL, OriginationError, OriginationRequest, Originator
from adapters.simulation.payers import OrderMessages, PayingSimulator, RailPayers
from adapters.simulation.rail import OrderProcessor, RailClosed, RailRequest, RailResponse

REQUEST_BYTES: Final = 256 * 1024
DELIVERIES: Final = 3
"""Number of attempts for a callback."""
RETRY_S: Final = 1.0
ASK_S: Final = 30
"""How long the rail waits for the response to an order."""
KEEP_ALIVE_S: Final = 75
_JSON: Final = "application/json"
_JWS: Final = "application/jose"
_JWS_BEGINS: Final = b"eyJ"
"""`{"` in base64url: the header of a compact JWS."""
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_log = logging.getLogger(__name__)


class HttpSimulator(Protocol):
    """A country's simulated rail."""

    processor: OrderProcessor

    async def handle(self, request: RailRequest) -> RailResponse | None:
        """Respond to a request at the rail's own paths; None: never respond."""


@runtime_checkable
class AnnouncingSimulator(Protocol):
    """A simulated rail that notifies its participants when it closes out of hours."""

    def announcement(self, until: datetime) -> bytes:
        """The notice for the callback address."""


class NotificationSender(Protocol):
    """How a rail sends later messages: callbacks, or the participant's connections."""

    async def deliver(self, body: bytes) -> None:
        """Send a message, with a few retries."""

    async def close(self) -> None:
        """Close the connections."""


@dataclass(frozen=True, slots=True)
class SimulatorSettings:
    """The configuration of one simulated rail."""

    country: str
    port: int
    data: Path
    callback: str
    rail_key: bytes
    """The rail's private key, PEM."""
    participant_key: bytes
    """Our public key, PEM."""
    identity: dict[str, str]
    callback_ca: Path | None = None
    prefunded_minor: int = 10**15
    latency_s: float = 0.05
    time_scale: float = 1.0

    @property
    def book(self) -> Path:
        """The path of the rail's book."""
        return self.data / FILE_NAME


@dataclass(slots=True)
class Callbacks:
    """Posts the rail's messages to the switch, with a few retries."""

    url: str
    ca_file: Path | None
    time_scale: float
    content_type: str = "application/xml"
    _session: aiohttp.ClientSession | None = field(default=None, init=False)

    async def deliver(self, body: bytes) -> None:
        """Post `body` until the switch responds with 2xx, at most `DELIVERIES` times."""
        for attempt in range(DELIVERIES):
            if attempt:
                await asyncio.sleep(RETRY_S * attempt * self.time_scale)
            try:
                async with self._open().post(
                    self.url, data=body, headers={"Content-Type": self._type(body)}, allow_redirects=False
                ) as response:
                    await response.read()
                    if response.ok:
                        return
                    _log.warning("callback responded with %s", response.status)
            except (aiohttp.ClientError, TimeoutError) as error:
                _log.warning("callback failed: %s", type(error).__name__)

    async def ask(self, message: bytes) -> tuple[int, bytes] | None:
        """Send a message once: status and body of the response, or None if there is none.

        It is posted to the switch's address, or calls a path below it (`adapters.called`).
        """
        request = called.read(message) or CalledRequest("POST", "", body=message)
        try:
            async with self._open().request(
                request.method,
                self.url + request.path,
                data=request.body,
                headers={"Content-Type": self.content_type, **request.headers},
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=ASK_S),
            ) as response:
                return response.status, await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            _log.warning("order failed: %s", type(error).__name__)
            return None

    def _type(self, body: bytes) -> str:
        return _JWS if body.startswith(_JWS_BEGINS) else self.content_type

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            trusted = ssl.create_default_context(cafile=self.ca_file) if self.ca_file else True
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=trusted, limit=64),
                timeout=aiohttp.ClientTimeout(total=10),
                trust_env=False,
            )
        return self._session


def open_processor(
    settings: SimulatorSettings,
    callbacks: NotificationSender,
    profile: RailProfile,
    *,
    native_code: Callable[[str], str],
    word_of: Callable[[str], str],
) -> OrderProcessor:
    """The rail's order processor with its book.

    Args:
        settings: The configuration of the rail.
        callbacks: Sends later messages.
        profile: Its time-outs, which scripts use.
        native_code: Maps an ISO reason to the rail's code.
        word_of: Finds the magic word in an account.

    """
    return OrderProcessor(
        book=Book(settings.book),
        profile=profile,
        native_code=native_code,
        word_of=word_of,
        deliver=callbacks.deliver,
        prefunded_minor=settings.prefunded_minor,
        latency_s=settings.latency_s,
        time_scale=settings.time_scale,
    )


class Asking(Protocol):
    """How a rail sends requests: to the switch's address, or on the participant's connections."""

    async def ask(self, body: bytes) -> tuple[int, bytes] | None:
        """Send a message once: status and body of the response, or None if it was not received."""


def open_payers(
    settings: SimulatorSettings, callbacks: Asking, profile: RailProfile, messages: OrderMessages
) -> RailPayers:
    """The payers of the rail with their book."""
    book = DebitBook(settings.data / DEBITS)
    return RailPayers(book, profile, messages, callbacks.ask, settings.time_scale)


@dataclass(slots=True)
class SimulatorServer:
    """The ASGI application around a simulator."""

    simulator: HttpSimulator
    callbacks: NotificationSender
    rail_key: bytes
    """The rail's private key, PEM; signs the end-of-cycle file."""
    origin: Originator
    seen: Tally[str] = field(default_factory=Tally)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI call."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        body = await _read(receive)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        request = RailRequest(scope["method"], scope["path"], headers, body or b"")
        if body is None:
            response: RailResponse | None = RailResponse(413)
        else:
            response = self._control(request) or await self._rail(request)
        if response is None:
            await _until_disconnected(receive)
        else:
            await _write(response, send)

    async def _rail(self, request: RailRequest) -> RailResponse | None:
        self.seen["/".join(request.path.split("/")[:3])] += 1
        if request.path.startswith(cycle.PATH) and request.method == "GET":
            return self._cycle(request.path.removeprefix(cycle.PATH))
        try:
            return await self.simulator.handle(request)
        except RailClosed as closed:
            return RailResponse(503, headers={NOT_BEFORE: closed.until.isoformat()})

    def _cycle(self, day: str) -> RailResponse:
        if _DAY.fullmatch(day) is None:
            return RailResponse(404)
        processor = self.simulator.processor
        lines = [
            cycle.CycleLine(e.rail_ref, e.uetr, e.outcome is not EntryStatus.REFUSED, e.code, e.amount_minor)
            for e in processor.cycle(day)
        ]
        body = cycle.write(processor.profile, day, lines, keys.private(self.rail_key))
        return RailResponse(body=body, content_type="text/csv")

    def _control(self, request: RailRequest) -> RailResponse | None:
        place = f"{request.method} {request.path}"
        control = self._controls().get(place)
        return control(request.body) if control else None

    def _controls(self) -> dict[str, Callable[[bytes], RailResponse]]:
        processor = self.simulator.processor
        return {
            "GET /book": lambda _: RailResponse(
                body=processor.book.path.read_bytes(), content_type="application/jsonl"
            ),
            "GET /requests": lambda _: RailResponse(body=json.dumps(self.seen).encode(), content_type=_JSON),
            "POST /faults": self._add_faults,
            "DELETE /faults": lambda _: self._forget_faults(),
            "POST /hours": self._close_rail,
            "DELETE /hours": lambda _: self._open_rail(),
            "POST /originate": self._originate,
            "GET /originated": lambda _: RailResponse(
                body=json.dumps(self.origin.payments()).encode(), content_type=_JSON
            ),
            "GET /debits": lambda _: RailResponse(body=self._debits(), content_type="application/jsonl"),
        }

    @property
    def _payers(self) -> RailPayers | None:
        return self.simulator.payers if isinstance(self.simulator, PayingSimulator) else None

    def _debits(self) -> bytes:
        return self._payers.book.path.read_bytes() if self._payers is not None else b""

    def _originate(self, body: bytes) -> RailResponse:
        try:
            request = OriginationRequest.of(body)
            if request.via == RAIL:
                uetrs = self.origin.order(request, self._payers)
            else:
                uetrs = self.origin.originate(request)
        except OriginationError as error:
            return RailResponse(400, json.dumps({"error": str(error)}).encode(), _JSON)
        return RailResponse(202, json.dumps({"uetrs": uetrs}).encode(), _JSON)

    def _forget_faults(self) -> RailResponse:
        self.simulator.processor.faults.clear()
        return RailResponse(204)

    def _open_rail(self) -> RailResponse:
        self.simulator.processor.closed_until = None
        return RailResponse(204)

    def _close_rail(self, body: bytes) -> RailResponse:
        try:
            until = datetime.fromisoformat(json.loads(body)["closed_until"])
        except (ValueError, KeyError, TypeError):
            return RailResponse(400, b'{"closed_until": "an instant, ISO 8601"}', _JSON)
        if until.tzinfo is None:
            return RailResponse(400, b"an offset is needed", "text/plain")
        self.simulator.processor.closed_until = until
        if isinstance(self.simulator, AnnouncingSimulator):
            self.simulator.processor.later(self.simulator.announcement(until))
        return RailResponse(204)

    def _add_faults(self, body: bytes) -> RailResponse:
        try:
            wanted = json.loads(body)
            self.simulator.processor.faults.add(str(wanted["word"]), int(wanted.get("count", 1)))
        except (ValueError, KeyError, TypeError, AttributeError):
            return RailResponse(400, b'{"word": "a magic word", "count": 1}', _JSON)
        return RailResponse(204)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        self.simulator.processor.resume()
        self.origin.resume()
        if self._payers is not None:
            self._payers.resume()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.origin.close()
        if self._payers is not None:
            await self._payers.close()
        await self.simulator.processor.close()
        await self.callbacks.close()
        self.simulator.processor.book.close()
        await send({"type": "lifespan.shutdown.complete"})


def run(
    server: SimulatorServer, *, port: int, certificate: Path, key: Path, client_ca: Path | None = None
) -> None:
    """Serve until the process is stopped; with `client_ca` clients need a certificate of that authority."""
    logging.getLogger("uvicorn.error").addFilter(_is_no_cut)
    uvicorn.run(
        server,
        host="127.0.0.1",
        port=port,
        ssl_certfile=certificate,
        ssl_keyfile=str(key),
        ssl_ca_certs=str(client_ca) if client_ca else None,
        ssl_cert_reqs=ssl.CERT_REQUIRED if client_ca else ssl.CERT_NONE,
        loop="uvloop",
        http="httptools",
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=1,
    )


def _is_no_cut(record: logging.LogRecord) -> bool:
    """Whether a log record is not about a response that was cut, as the magic word `CUT` demands."""
    return record.msg != "ASGI callable returned without completing response."


async def _read(receive: Receive) -> bytes | None:
    """The whole body, or None if it is larger than any order."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > REQUEST_BYTES:
            return None
        if not message.get("more_body"):
            return b"".join(chunks)


async def _write(response: RailResponse, send: Send) -> None:
    headers = [
        (b"content-type", response.content_type.encode()),
        (b"content-length", str(len(response.body)).encode()),
        *((name.lower().encode(), value.encode()) for name, value in response.headers.items()),
    ]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    if response.cut:
        # Returning after half of the body makes the server close the connection.
        half = response.body[: len(response.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
        return
    await send({"type": "http.response.body", "body": response.body})


async def _until_disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
