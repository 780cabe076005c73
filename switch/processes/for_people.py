"""Requests of people at the address of participants: API workers pass them on to the pages of this machine.

The API workers, which strangers, participants and rails reach, may not write what people write. So pages and
the API for people are processes of their own, with a database login of their own. Where only the address of
the API is open, as at `payswitch up`, its workers pass such requests on over a local socket. A proxy that
sends these paths to `PAYSWITCH_PAGES_PORT` keeps passwords and sessions of people away from the API workers.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any, Final

import aiohttp
import structlog
from yarl import URL

from schemas.errors import OutcomeUnknown, Unavailable
from switch.api import limits, problems

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

PAGES: Final = "/console"
ENDPOINTS: Final = frozenset(
    f"/v1/{name}"
    for name in (
        *("cases", "changes", "enrolment", "identity-providers", "me", "people"),
        *("report-deliveries", "screening", "sign-in", "sign-out", "source-rails"),
    )
)
"""The first two parts of the paths of people's API."""
CALLER: Final = b"payswitch-caller"
"""The header in which pages tell an API worker who is behind its connection; it goes no further."""
_CLIENT: Final = b"x-forwarded-for"
_SCHEME: Final = b"x-forwarded-proto"
_OF_CONNECTION: Final = frozenset(
    (b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade")
)
"""Headers of one connection; those of a request that we state ourselves are below."""
_STATED: Final = _OF_CONNECTION | {_CLIENT, _SCHEME, b"expect", b"accept-signature"}
_STREAM: Final = "text/event-stream"
_CONNECT_WITHIN_S: Final = 5.0
_ANSWER_WITHIN_S: Final = 90.0
_AWAY: Final = "The pages of the switch do not respond. Try again in a moment."
_log = structlog.get_logger()


def are_for_people(path: str) -> bool:
    """Whether the workers of pages serve a path."""
    return path.startswith(PAGES) or "/".join(path.split("/", 3)[:3]) in ENDPOINTS


class Forwarder:
    """Passes requests on to the pages of this machine, and their responses back, without keeping either."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._session: aiohttp.ClientSession | None = None

    @property
    def is_open(self) -> bool:
        """Whether pages are served on this machine."""
        return self._socket.exists()

    async def close(self) -> None:
        """Close it at the end of the process."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def __call__(
        self, scope: Scope, receive: Receive, send: Send, *, is_ending: Callable[[], bool]
    ) -> None:
        """Pass one request on. `is_ending`: whether this worker ends, so that connections and streams do."""
        begun = False
        coming = _Coming(scope, receive)
        try:
            async with self._request(scope, coming) as response:
                headers = _headers(scope, response.raw_headers)
                if is_ending():
                    headers.append((b"connection", b"close"))
                begun = True
                await send({"type": "http.response.start", "status": response.status, "headers": headers})
                async with coming.watched() as gone:
                    async for part in response.content.iter_any():
                        if gone.done() or (response.content_type == _STREAM and is_ending()):
                            break
                        await send({"type": "http.response.body", "body": part, "more_body": True})
                await send({"type": "http.response.body", "body": b""})
        except (aiohttp.ClientError, OSError, TimeoutError, _ClientGone) as error:
            _log.warning("pages_away", error=type(error).__name__)
            if begun:
                raise
            is_safe = scope["method"] in problems.READING or isinstance(error, aiohttp.ClientConnectorError)
            failure = Unavailable(_AWAY) if is_safe else OutcomeUnknown()
            await problems.problem(failure)(scope, receive, send)

    def _request(self, scope: Scope, coming: "_Coming") -> Any:
        headers = [(name, value) for name, value in scope["headers"] if name not in _STATED]
        client = (scope.get("client") or ("",))[0]
        headers += [(_CLIENT, client.encode()), (_SCHEME, scope["scheme"].encode())]
        query = scope["query_string"]
        path = scope["raw_path"] + (b"?" + query if query else b"")
        return self._opened().request(
            scope["method"],
            URL("http://pages" + path.decode("latin-1"), encoded=True),
            headers=[(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers],
            data=coming.body() if coming.has_body else None,
            allow_redirects=False,
        )

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                # A connection for each request: a worker that ends closes idle ones at any moment.
                connector=aiohttp.UnixConnector(str(self._socket), force_close=True, limit=0),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(
                    total=None, sock_connect=_CONNECT_WITHIN_S, sock_read=_ANSWER_WITHIN_S
                ),
                auto_decompress=False,
                skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent", "Content-Type"),
            )
        return self._session


class _ClientGone(Exception):
    """The client ended its connection before its request was complete."""


class _Coming:
    """What comes from the client: its body, and afterwards its end."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        names = {name for name, _ in scope["headers"]}
        self.has_body = bool(names & {b"content-length", b"transfer-encoding"})
        self._receive = receive
        self._complete = asyncio.Event()
        if not self.has_body:
            self._complete.set()

    async def body(self) -> AsyncIterator[bytes]:
        """The body, part by part."""
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise _ClientGone
            yield message.get("body", b"")
            if not message.get("more_body"):
                self._complete.set()
                return

    @contextlib.asynccontextmanager
    async def watched(self) -> AsyncIterator[asyncio.Task[None]]:
        """Watch meanwhile; the task is done when the client is gone."""
        task = asyncio.create_task(self._until_gone())
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _until_gone(self) -> None:
        await self._complete.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass


def _headers(scope: Scope, stated: tuple[tuple[bytes, bytes], ...]) -> list[tuple[bytes, bytes]]:
    """The headers of a response for the client; whose connection it is, is for this worker alone."""
    headers = []
    for stated_name, value in stated:
        name = stated_name.lower()
        if name == CALLER:
            limits.proved(scope, value.decode("latin-1"))
        elif name not in _OF_CONNECTION:
            headers.append((name, value))
    return headers


def unwrap(scope: Scope) -> list[tuple[bytes, bytes]]:
    """Read a request that an API worker passed on: from whom it is; return the headers for that worker.

    The list is filled when the request proves who sent it, before the response begins.
    """
    told: list[tuple[bytes, bytes]] = []
    stated = dict(scope["headers"])
    scope["client"] = (stated.get(_CLIENT, b"").decode("latin-1"), 0)
    scope["scheme"] = stated.get(_SCHEME, b"http").decode("latin-1")
    own = scope.get(limits.PROVED)

    def proved(caller: str) -> None:
        told.append((CALLER, caller.encode()))
        if own is not None:
            own(caller)

    scope[limits.PROVED] = proved
    return told
