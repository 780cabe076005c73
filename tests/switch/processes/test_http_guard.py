"""Connections of strangers: a few thousand that never send a byte must not keep anybody out."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import Response

from switch.api import body as bodies
from switch.api import limits
from switch.processes import http_guard
from switch.processes.for_people import unwrap
from switch.processes.http_guard import Connections, GuardedProtocol

Peer = tuple[asyncio.StreamReader, asyncio.StreamWriter]
PEERS: list[Peer] = []
"""The open connections of a test."""


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer with the path; below /NAME of a caller the request counts as proved."""
    if scope["client"] is None:
        unwrap(scope)
    caller = scope["path"].strip("/")
    if caller:
        limits.proved(scope, caller)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@asynccontextmanager
async def served(
    crowd: Connections, answering: Any = app, *, local: Path | None = None, **options: Any
) -> AsyncIterator[int]:
    """Serve at a port, or at a local socket as pages do for the API workers of their machine."""
    listener = socket.create_server(("127.0.0.1", 0)) if local is None else local_listener(local)
    config = uvicorn.Config(
        answering,
        http=partial(GuardedProtocol, crowd=crowd, **options),  # type: ignore[arg-type]
        lifespan="off",
        log_config=None,
        proxy_headers=False,
    )
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve([listener]))
    try:
        yield listener.getsockname()[1] if local is None else 0
    finally:
        for _, writer in PEERS:
            writer.close()
        PEERS.clear()
        server.should_exit = True
        await running


def local_listener(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    return listener


async def ask(peer: Peer, path: str = "/") -> bytes:
    reader, writer = peer
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    await writer.drain()
    async with asyncio.timeout(10):
        return await reader.readuntil(b"\r\n\r\n") + await reader.readexactly(2)


async def opened(port: int, many: int) -> list[Peer]:
    peers = [await asyncio.open_connection("127.0.0.1", port) for _ in range(many)]
    PEERS.extend(peers)
    return peers


async def ended(peer: Peer) -> bool:
    try:
        return await asyncio.wait_for(peer[0].read(1), 10) == b""
    except ConnectionError:
        return True


async def test_a_connection_that_never_sends_a_byte_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """The timer began with the first byte: 8,000 silent connections stopped the whole switch."""
    monkeypatch.setattr(http_guard, "HEAD_WITHIN_S", 0.2)
    async with served(Connections()) as port:
        (silent,) = await opened(port, 1)

        assert await ended(silent)


async def test_a_stranger_does_not_keep_an_unused_connection_and_a_caller_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_guard, "HEAD_WITHIN_S", 0.3)
    async with served(Connections()) as port:
        stranger, caller = await opened(port, 2)
        assert b"ok" in await ask(stranger)
        assert b"ok" in await ask(caller, "/asha-bank")

        assert await ended(stranger)
        assert b"ok" in await ask(caller, "/asha-bank")


async def test_of_too_many_connections_of_one_address_the_oldest_makes_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_guard, "OF_ADDRESS_MAX", 3)
    async with served(Connections()) as port:
        (known,) = await opened(port, 1)
        assert b"ok" in await ask(known, "/asha-bank")
        strangers = await opened(port, 4)

        assert await ended(strangers[0])
        assert b"ok" in await ask(strangers[3])
        assert b"ok" in await ask(known, "/asha-bank"), "who has proved itself is not among strangers"


async def test_strangers_of_many_addresses_have_a_bound_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_guard, "STRANGERS_MAX", 2)
    async with served(Connections()) as port:
        strangers = await opened(port, 3)

        assert await ended(strangers[0])
        assert b"ok" in await ask(strangers[2])


async def test_strangers_whom_api_workers_pass_on_keep_no_person_from_the_pages(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Requests that came over the local socket had no bound: a few thousand unfinished ones filled the pages."""
    monkeypatch.setattr(http_guard, "STRANGERS_MAX", 3)
    monkeypatch.setattr(http_guard, "OF_ADDRESS_MAX", 1)
    path = tmp_path / "pages"
    async with served(Connections(), local=path):
        known = await asyncio.open_unix_connection(str(path))
        assert b"ok" in await ask(known, "/person:olga")
        strangers = [await asyncio.open_unix_connection(str(path)) for _ in range(3)]
        later = await asyncio.open_unix_connection(str(path))
        PEERS.extend((known, *strangers, later))

        assert await ended(strangers[0]), "the oldest stranger makes room"
        assert b"ok" in await ask(known, "/person:olga")
        assert b"ok" in await ask(later, "/person:amina")


async def test_a_caller_with_too_many_connections_loses_an_idle_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_guard, "OF_CALLER_MAX", 2)
    async with served(Connections()) as port:
        own = await opened(port, 3)
        (others,) = await opened(port, 1)
        for peer in own:
            assert b"ok" in await ask(peer, "/asha-bank")
        assert b"ok" in await ask(others, "/indus-bank")

        assert await ended(own[0])
        for peer in own[1:]:
            assert b"ok" in await ask(peer, "/asha-bank")
        assert b"ok" in await ask(others, "/indus-bank")


async def test_a_trusted_proxy_is_many_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_guard, "OF_ADDRESS_MAX", 1)
    async with served(Connections([ip_network("127.0.0.0/8")])) as port:
        for peer in await opened(port, 3):
            assert b"ok" in await ask(peer)


async def echo(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer with the body, and whether it was there when the request began."""
    known = bodies.WHOLE in scope
    body = await bodies.read(Request(scope, receive), 100_000) + (b" at once" if known else b" in parts")
    length = str(len(body)).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
    await send({"type": "http.response.body", "body": body})


def posted(body: bytes, framing: str = "") -> bytes:
    head = f"POST / HTTP/1.1\r\nHost: x\r\n{framing or f'Content-Length: {len(body)}'}\r\n\r\n"
    return head.encode() + body


LONG = b"x" * (bodies.WHOLE_MAX + 1)


@pytest.mark.parametrize(
    ("segments", "answers"),
    [
        ([posted(b"abc")], [b"abc at once"]),
        ([posted(b"")], [b" at once"]),
        ([posted(b"abc")[:-3], b"a", b"bc"], [b"abc in parts"]),
        ([posted(b"abc")[:20], posted(b"abc")[20:]], [b"abc at once"]),
        ([posted(b"abc") + posted(b"de")], [b"abc at once", b"de at once"]),
        ([posted(b"abc") + posted(b"de")[:-1], b"e" + posted(b"f")], [b"abc at once", b"de", b"f at once"]),
        ([posted(b"3\r\nabc\r\n0\r\n\r\n", "Transfer-Encoding: chunked")], [b"abc at once"]),
        ([posted(LONG)], [LONG + b" in parts"]),
    ],
)
async def test_a_body_is_the_same_however_it_arrives(segments: list[bytes], answers: list[bytes]) -> None:
    async with served(Connections(), echo) as port:
        (peer,) = await opened(port, 1)
        for segment in segments:
            peer[1].write(segment)
            await peer[1].drain()
            await asyncio.sleep(0.1)

        for answer in answers:
            head = await asyncio.wait_for(peer[0].readuntil(b"\r\n\r\n"), 10)
            body = await peer[0].readexactly(int(head.lower().partition(b"content-length: ")[2].split()[0]))
            assert body.startswith(answer)


async def test_what_is_closed_is_counted_no_longer() -> None:
    crowd = Connections()
    async with served(crowd) as port:
        for path in ("/", "/asha-bank"):
            (peer,) = await opened(port, 1)
            await ask(peer, path)
            peer[1].close()
        while crowd._strangers or crowd._of_address or crowd._of_caller:
            await asyncio.sleep(0.01)


def busy(method: bytes, target: bytes, _: limits.Headers, caller: str | None) -> Response | None:
    """Refuse what is sent to /full."""
    if not target.startswith(b"/full"):
        return None
    return Response(f"{method.decode()} {caller}", 503, {"Retry-After-Ms": "5"})


async def refusal(peer: Peer, request: bytes) -> tuple[bytes, bytes]:
    """Send a request, and read its whole answer."""
    reader, writer = peer
    writer.write(request)
    async with asyncio.timeout(10):
        head = await reader.readuntil(b"\r\n\r\n")
        return head, await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split()[0]))


async def test_a_refused_request_is_answered_without_the_application_and_its_connection_goes_on() -> None:
    seen = []

    async def noting(scope: dict[str, Any], receive: Any, send: Any) -> None:
        seen.append(scope["path"])
        await app(scope, receive, send)

    body = b"Content-Length: 5000\r\n\r\n" + b"x" * 5000
    async with served(Connections(), noting, refuses=busy) as port:
        (peer,) = await opened(port, 1)
        assert (await ask(peer, "/asha"))[9:12] == b"200"
        for _ in range(2):
            head, text = await refusal(peer, b"POST /full?wait=1 HTTP/1.1\r\nHost: x\r\n" + body)
            assert head.startswith(b"HTTP/1.1 503 ")
            assert b"retry-after-ms: 5\r\n" in head
            assert text == b"POST asha"
        assert (await ask(peer, "/asha"))[9:12] == b"200"
    assert seen == ["/asha", "/asha"]


async def test_what_cannot_be_refused_in_order_reaches_the_application() -> None:
    """A second request on a connection whose first is not answered; and one that asks before it sends."""
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(scope: dict[str, Any], receive: Any, send: Any) -> None:
        begun.set()
        await go_on.wait()
        await app(scope, receive, send)

    async with served(Connections(), slow, refuses=busy) as port:
        (peer,) = await opened(port, 1)
        peer[1].write(
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\nPOST /full HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
        )
        await begun.wait()
        go_on.set()
        async with asyncio.timeout(10):
            answers = [await peer[0].readuntil(b"\r\n\r\n") + await peer[0].readexactly(2) for _ in range(2)]
        assert [answer[9:12] for answer in answers] == [b"200", b"200"]
        asking = b"POST /full HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\nx"
        assert (await refusal(peer, asking))[1] == b"ok"


async def test_a_refused_body_that_never_ends_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_guard, "HEAD_WITHIN_S", 0.05)
    async with served(Connections(), refuses=busy) as port:
        (peer,) = await opened(port, 1)
        peer[1].write(b"POST /full HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx")
        async with asyncio.timeout(10):
            assert await peer[0].read() == b""
