"""The observer: the address to which the client under test sends what it would send to the switch.

Each request is verified as the switch would verify it, for the observer's own authority, and kept. Then it is
sent on under the observer's key of the same participant, because the client's signature names this address.
A `Disturbance` changes what the client sees of the next requests: a cut, an error, a late or broken answer.
"""

import asyncio
import hashlib
import json
import time
import uuid
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from http import HTTPStatus
from typing import Any, Final

import aiohttp
from aiohttp import web
from yarl import URL

from schemas import codec
from schemas.errors import InvalidMessage, NotAuthentic
from schemas.signing import http_signatures
from schemas.signing.keys import PublicKey
from switch.clients.python import SigningKey
from switch.clients.python.signing import sign

MESSAGES: Final = "/v1/iso20022/"
_BODY_MAX: Final = 1_000_000
_OURS: Final = frozenset(
    {
        *("host", "connection", "transfer-encoding", "content-length", "accept-encoding", "authorization"),
        *("signature", "signature-input", "content-digest", "keep-alive", "te", "upgrade", "expect"),
    }
)
"""Headers of a request that concern one connection or one signature, so are not sent on."""
_KEPT: Final = frozenset({"connection", "transfer-encoding", "content-length", "content-encoding", "date"})
"""Headers of a response that are not sent back: they are made anew."""
_PROBLEM: Final = "application/problem+json"


class DisturbanceKind(StrEnum):
    """What is done to a request."""

    CUT_BEFORE = "the connection is cut before the switch has the request"
    CUT_AFTER = "the connection is cut before the answer is sent"
    ANSWER = "the request is answered in place of the switch"
    ANSWER_AFTER = "the answer of the switch is replaced"
    TRUNCATE = "the answer is cut in its middle"
    CUT_STREAM = "the stream is cut after its first event"


@dataclass(slots=True)
class Disturbance:
    """What happens to the next `times` requests that it concerns."""

    act: DisturbanceKind
    times: int = 1
    message: str = "pacs.008"
    """The ISO message whose POST it concerns; empty: every request below `path`."""
    path: str = "/"
    status: int = 503
    problem: str = ""
    """The name of the problem that answers; empty: `body`."""
    reason: str = "NARR"
    body: bytes = b""
    media_type: str = "text/html"
    headers: Mapping[str, str] = field(default_factory=dict)

    def concerns(self, request: "Observation") -> bool:
        """Whether it concerns a request."""
        if self.message:
            return request.method == "POST" and request.message == self.message
        return request.path.startswith(self.path)

    def answer(self) -> "HttpAnswer":
        """The answer that it gives."""
        if not self.problem:
            return HttpAnswer(self.status, {"Content-Type": self.media_type, **self.headers}, self.body)
        return problem(self.status, self.problem, self.reason, self.headers)


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A response: of the switch, or in its place."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        """The body, decoded; None if it is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


@dataclass
class Observation:
    """One request of the client, and what it got."""

    at: float
    """Monotonic seconds."""
    method: str
    path: str
    """Without the query."""
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    fault: str = ""
    """Why the switch would refuse the signature; empty if it is valid."""
    keyid: str = ""
    nonce: str = ""
    ahead_s: float | None = None
    """By how much the client's clock was ahead when it signed."""
    disturbed: DisturbanceKind | None = None
    answer: HttpAnswer | None = None
    """What the client got; None: nothing."""
    real: HttpAnswer | None = None
    """What the switch answered, where it was asked."""
    answered_at: float | None = None

    @property
    def message(self) -> str:
        """The ISO message that it sends, such as `pacs.008`."""
        return self.path.removeprefix(MESSAGES) if self.path.startswith(MESSAGES) else ""

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the body."""
        return hashlib.sha256(self.body).hexdigest()

    @cached_property
    def document(self) -> dict[str, Any]:
        """The ISO message; empty if it cannot be read."""
        try:
            media_type = codec.representation(self.body)
            return dict(codec.decode(self.body, media_type=media_type, max_bytes=_BODY_MAX).document)
        except InvalidMessage:
            return {}

    @property
    def payment(self) -> dict[str, Any]:
        """The transaction of a pacs.008; empty for anything else."""
        try:
            found: dict[str, Any] = self.document["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]
        except (KeyError, IndexError, TypeError):
            return {}
        return found

    @property
    def uetr(self) -> str:
        """The UETR of a pacs.008; empty for anything else."""
        return str(self.payment.get("PmtId", {}).get("UETR", ""))


class Observer:
    """Keeps every request, sends it on, and disturbs what it is told to."""

    def __init__(self, upstream: str, participant: str, key: SigningKey, keys: Iterable[PublicKey]) -> None:
        self.exchanges: list[Observation] = []
        self.disturbances: list[Disturbance] = []
        self.url = ""
        self._upstream = URL(upstream)
        self._participant = participant
        self._key = key
        self._keys = {known.keyid: known for known in keys}
        self._nonces: dict[tuple[str, str], str] = {}
        """Key and nonce -> the digest of the request that used it first."""
        self._session: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def listening(self, host: str, port: int) -> AsyncIterator[None]:
        """Listen until the block ends; `url` is the address for the client."""
        application = web.Application(client_max_size=_BODY_MAX)
        application.router.add_route("*", "/{path:.*}", self._take)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
        await runner.setup()
        timeout = aiohttp.ClientTimeout(total=None, connect=10)
        async with aiohttp.ClientSession(timeout=timeout, trust_env=False) as self._session:
            site = web.TCPSite(runner, host, port)
            await site.start()
            bound = runner.addresses[0][1]
            self.url = f"http://{host}:{bound}"
            try:
                yield
            finally:
                await runner.cleanup()

    def disturb(self, *disturbances: Disturbance) -> None:
        """Disturb the next requests that these concern, and stop what disturbed before."""
        self.disturbances = list(disturbances)

    async def _take(self, request: web.Request) -> web.StreamResponse:
        exchange = Observation(
            time.monotonic(),
            request.method,
            request.path,
            dict(request.query),
            {name.lower(): value for name, value in request.headers.items()},
            await request.read(),
        )
        self._verify(exchange, request)
        self.exchanges.append(exchange)
        if exchange.fault:
            return _sent(exchange, problem(401, "not-authentic", "DS0H", {}, exchange.fault))
        return await self._answer(exchange, request)

    def _verify(self, exchange: Observation, request: web.Request) -> None:
        """Verify a signature by the rules of the switch."""
        headers = request.raw_headers
        now = time.time()
        try:
            stated = http_signatures.parse(headers)
            exchange.keyid, exchange.nonce = stated.keyid, stated.nonce
            exchange.ahead_s = stated.created - now
            http_signatures.verify(
                stated,
                method=request.method,
                authority=request.host,
                path=request.raw_path,
                headers=headers,
                body=exchange.body,
                key=self._key_of(stated.keyid),
                now=int(now),
            )
        except NotAuthentic as error:
            exchange.fault = error.detail
            return
        used = (stated.keyid, stated.nonce)
        first = self._nonces.get(used)
        is_repetition = exchange.message == "pacs.008" and first == exchange.digest
        if first is not None and not is_repetition:  # a payment may be sent again as it is
            exchange.fault = "the nonce was used before"
        self._nonces.setdefault(used, exchange.digest)

    def _key_of(self, keyid: str) -> PublicKey:
        if keyid not in self._keys:
            raise NotAuthentic(f"no key in force of {self._participant} has the id that it is signed with")
        return self._keys[keyid]

    async def _answer(self, exchange: Observation, request: web.Request) -> web.StreamResponse:
        act = next((each for each in self.disturbances if each.times and each.concerns(exchange)), None)
        is_stream = "text/event-stream" in exchange.headers.get("accept", "")
        if act is None:
            return await (self._stream if is_stream else self._passed)(exchange, request)
        act.times -= 1
        exchange.disturbed = act.act
        match act.act:
            case DisturbanceKind.CUT_BEFORE:
                back: web.StreamResponse = _cut(exchange, request)
            case DisturbanceKind.ANSWER:
                back = _sent(exchange, act.answer())
            case DisturbanceKind.CUT_STREAM:
                back = await self._stream(exchange, request, cut=True)
            case DisturbanceKind.CUT_AFTER:
                exchange.real = await self._ask(exchange, request)
                back = _cut(exchange, request)
            case DisturbanceKind.TRUNCATE:
                exchange.real = await self._ask(exchange, request)
                back = await _truncated(exchange, request)
            case DisturbanceKind.ANSWER_AFTER:
                exchange.real = await self._ask(exchange, request)
                back = _sent(exchange, act.answer())
        return back

    async def _passed(self, exchange: Observation, request: web.Request) -> web.StreamResponse:
        exchange.real = await self._ask(exchange, request)
        return _sent(exchange, exchange.real)

    async def _ask(self, exchange: Observation, request: web.Request) -> HttpAnswer:
        """Send a request on to the switch."""
        assert self._session is not None
        async with self._session.request(
            exchange.method, self._target(request), **self._proved(exchange, request)
        ) as response:
            headers = {n: v for n, v in response.headers.items() if n.lower() not in _KEPT}
            return HttpAnswer(response.status, headers, await response.read())

    async def _stream(
        self, exchange: Observation, request: web.Request, *, cut: bool = False
    ) -> web.StreamResponse:
        """Send a stream back as it comes; cut it after its first event if asked to."""
        assert self._session is not None
        async with self._session.request(
            exchange.method, self._target(request), **self._proved(exchange, request)
        ) as response:
            if response.status != HTTPStatus.OK or response.content_type != "text/event-stream":
                headers = {n: v for n, v in response.headers.items() if n.lower() not in _KEPT}
                exchange.real = HttpAnswer(response.status, headers, await response.read())
                return _sent(exchange, exchange.real)
            back = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await back.prepare(request)
            with suppress(ConnectionError):  # the client has seen enough
                async for line in response.content:
                    await back.write(line)
                    if cut and line.startswith(b"data:"):
                        await back.write(b"\n")
                        return _cut(exchange, request)
            return back

    def _target(self, request: web.Request) -> URL:
        return URL(f"{self._upstream.origin()}{request.raw_path}", encoded=True)

    def _proved(self, exchange: Observation, request: web.Request) -> dict[str, Any]:
        """The options of the request that is sent on: its headers, signed again."""
        headers = {name: value for name, value in exchange.headers.items() if name not in _OURS}
        url = self._target(request)
        headers |= sign(
            self._key,
            method=exchange.method,
            authority=url.authority,
            target=request.raw_path,
            headers=headers,
            body=exchange.body,
            now=int(time.time()),
            nonce=uuid.uuid4().hex,
        )
        skipped = [name for name in ("User-Agent", "Accept-Encoding") if name.lower() not in headers]
        return {
            "headers": {"Accept-Encoding": "identity", **headers},
            "data": exchange.body or None,
            "skip_auto_headers": [*skipped, *(() if exchange.body else ("Content-Type",))],
            "allow_redirects": False,
        }


def problem(
    status: int, name: str, reason: str, headers: Mapping[str, str], detail: str = "a task of the kit"
) -> HttpAnswer:
    """A problem in the form of the switch."""
    document = {
        "type": f"/docs/problems#{name}",
        "title": name.replace("-", " "),
        "status": status,
        "detail": detail,
        "reason": reason,
        "retryable": status in {429, 503},
    }
    return HttpAnswer(status, {"Content-Type": _PROBLEM, **headers}, json.dumps(document).encode())


def _sent(exchange: Observation, answer: HttpAnswer) -> web.Response:
    exchange.answer, exchange.answered_at = answer, time.monotonic()
    return web.Response(status=answer.status, headers=answer.headers, body=answer.body)


def _cut(exchange: Observation, request: web.Request) -> web.StreamResponse:
    exchange.answered_at = time.monotonic()
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _truncated(exchange: Observation, request: web.Request) -> web.StreamResponse:
    """Begin an answer, state its whole length, and send half of it."""
    assert exchange.real is not None
    body = exchange.real.body
    headers = {**exchange.real.headers, "Content-Length": str(len(body))}
    back = web.StreamResponse(status=exchange.real.status, headers=headers)
    await back.prepare(request)
    await back.write(body[: len(body) // 2])
    await asyncio.sleep(0)
    return _cut(exchange, request)
