"""What a worker serves, how it drains, and the health of processes without an API; no database is needed."""

import asyncio
import re
import signal
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from socket import AF_UNIX
from socket import socket as Socket  # noqa: N812 - a class
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
import uvicorn
from aiohttp import web

from adapters.simulation.sandbox import free_port
from switch.api import limits, problems
from switch.base.settings import Settings
from switch.processes import for_people, status
from switch.processes.api import Server
from switch.processes.app import Edge, make_app
from switch.writer.kinds import Kind


def scope_of(method: str, path: str, *, query: bytes = b"") -> dict[str, Any]:
    return {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "scheme": "http",
        "query_string": query,
        "headers": [(b"accept", b"application/json")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
        "http_version": "1.1",
    }


async def sent(
    app: Edge, scope: dict[str, Any], parts: Sequence[bytes]
) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """The status, the headers and the body of a response, from the application itself."""
    coming = [
        {"type": "http.request", "body": part, "more_body": number < len(parts)}
        for number, part in enumerate(parts, start=1)
    ] or [{"type": "http.request", "body": b"", "more_body": False}]
    messages: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if not coming:
            await asyncio.Event().wait()  # the client stays
        return coming.pop(0)

    async def send(message: Any) -> None:
        messages.append(message)

    await app(scope, receive, send)
    if app._forwarder is not None:
        await app._forwarder.close()
    body = b"".join(message.get("body", b"") for message in messages[1:])
    return messages[0]["status"], messages[0]["headers"], body


async def asked(app: Edge, method: str, path: str) -> tuple[int, dict[bytes, bytes]]:
    """The status and the headers of a response."""
    status, headers, _ = await sent(app, scope_of(method, path), [])
    return status, dict(headers)


async def test_a_worker_that_drains_is_not_ready_lives_and_closes_connections(tmp_path: Path) -> None:
    app = make_app(Settings(data=tmp_path, rails=()))
    before = await asked(app, "GET", "/livez")
    app.drain()
    ready, alive = await asked(app, "GET", "/readyz"), await asked(app, "GET", "/livez")

    assert (before[0], alive[0], ready[0]) == (200, 200, 503)
    assert b"connection" not in before[1]
    assert (alive[1][b"connection"], ready[1][b"connection"]) == (b"close", b"close")


async def test_a_worker_serves_on_while_it_drains_and_a_second_signal_ends_that(tmp_path: Path) -> None:
    app = make_app(Settings(data=tmp_path, rails=()))
    long, short, at_once = (Server(uvicorn.Config(app), app, drain_s) for drain_s in (60, 1e-9, 0))
    for server in (long, short, at_once):
        server.handle_exit(signal.SIGTERM, None)
    ends = [await server.on_tick(1) for server in (long, short, at_once)]
    long.handle_exit(signal.SIGTERM, None)

    assert ends == [False, True, True]
    assert await long.on_tick(1)


async def test_a_worker_serves_participants_or_people(tmp_path: Path) -> None:
    paths = {
        Kind.API: ("/v1/iso20022/pacs.008", "/rails/IN", "/v1/reports"),
        Kind.PAGES: ("/v1/changes", "/v1/me/sessions", "/console/sign-in"),
    }
    settings = Settings(data=tmp_path, rails=("IN",))
    found: dict[Kind, set[str]] = {}
    for kind in paths:
        app = make_app(settings, kind)
        every = [path for those in paths.values() for path in those]
        found[kind] = {path for path in every if (await asked(app, "POST", path))[0] != 404}

    assert found == {kind: set(those) for kind, those in paths.items()}


def test_each_path_is_of_participants_or_of_people(tmp_path: Path) -> None:
    """An API worker passes on what pages serve, and nothing else; both answer about themselves."""
    own = {"/livez", "/readyz", "/metrics", "/.well-known/security.txt", problems.CATALOGUE, "/openapi.json"}
    settings = Settings(data=tmp_path, rails=("IN",))
    for kind in (Kind.API, Kind.PAGES):
        routes = make_app(settings, kind)._app.state.routes._routes
        paths = {route.path for route in routes} - own

        assert paths
        assert {path for path in paths if for_people.are_for_people(path) != (kind is Kind.PAGES)} == set()


@pytest.mark.parametrize(
    "path", ["/v1/messages", "/v1/meter", "/v1/iso20022/pacs.008", "/rails/IN", "/v1", "/"]
)
def test_what_only_looks_like_a_path_of_people_stays(path: str) -> None:
    assert not for_people.are_for_people(path)


@pytest_asyncio.fixture
async def pages(tmp_path: Path) -> AsyncIterator[tuple[Path, list[web.Request]]]:
    """Something behind the socket of pages: it repeats a body, or tells what it was told."""
    asked: list[web.Request] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        asked.append(request)
        body = await request.read()
        response = web.StreamResponse(
            status=201, headers={"Set-Cookie": "a=b", "payswitch-caller": "person:x"}
        )
        await response.prepare(request)
        for part in (b"first ", body or b"second"):
            await response.write(part)
        return response

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, auto_decompress=False)
    await runner.setup()
    socket = Settings(data=tmp_path).pages_socket
    socket.parent.mkdir()
    await web.UnixSite(runner, str(socket)).start()
    yield tmp_path, asked
    await runner.cleanup()


async def test_a_request_of_people_is_passed_on_and_its_response_back(
    pages: tuple[Path, list[web.Request]],
) -> None:
    data, told = pages
    app = make_app(Settings(data=data, rails=()))
    proved: list[str] = []
    scope = scope_of("POST", "/v1/changes", query=b"a=%2F&b=x+y")
    scope["headers"] += [
        (b"host", b"pay.example"),
        (b"x-forwarded-for", b"6.6.6.6"),
        (b"connection", b"keep-alive"),
        (b"content-length", b"4"),
        (b"cookie", b"__Host-payswitch=token"),
    ]
    scope[limits.PROVED] = proved.append
    status, headers, body = await sent(app, scope, [b"bo", b"dy"])
    (request,) = told

    assert (status, body) == (201, b"first body")
    assert request.raw_path == "/v1/changes?a=%2F&b=x+y"
    assert request.headers.getall("X-Forwarded-For") == ["127.0.0.1"]
    assert (request.headers["Host"], request.headers["Cookie"]) == ("pay.example", "__Host-payswitch=token")
    assert b"connection" not in dict(headers)
    assert (b"set-cookie", b"a=b") in headers
    assert proved == ["person:x"]
    assert b"payswitch-caller" not in dict(headers)


@pytest.mark.parametrize("ends", ["client", "worker"])
async def test_a_stream_of_pages_ends_with_its_client_and_with_the_worker(tmp_path: Path, ends: str) -> None:
    ended = asyncio.Event()

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        try:
            while True:
                await response.write(b"data: alive\n\n")
                await asyncio.sleep(0.02)
        finally:
            ended.set()

    application = web.Application()
    application.router.add_get("/console/live", stream)
    runner = web.AppRunner(application, handler_cancellation=True)
    await runner.setup()
    socket = Settings(data=tmp_path).pages_socket
    socket.parent.mkdir()
    await web.UnixSite(runner, str(socket)).start()
    app = make_app(Settings(data=tmp_path, rails=()))
    messages: list[dict[str, Any]] = []
    left = asyncio.Event()

    async def receive() -> dict[str, Any]:
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        messages.append(message)
        if len(messages) == 3:
            app.drain() if ends == "worker" else left.set()

    async with asyncio.timeout(10):
        await app(scope_of("GET", "/console/live"), receive, send)
        await ended.wait()
    assert app._forwarder is not None
    await app._forwarder.close()
    await runner.cleanup()

    assert messages[1]["body"].startswith(b"data: alive")
    assert messages[-1] == {"type": "http.response.body", "body": b""}


async def test_people_wait_for_nothing_where_pages_do_not_respond(tmp_path: Path) -> None:
    """Their process is gone and its socket is not: reading is not available, and an action was not done."""
    socket = Settings(data=tmp_path).pages_socket
    socket.parent.mkdir()
    listener = Socket(AF_UNIX)
    listener.bind(str(socket))
    listener.close()
    app = make_app(Settings(data=tmp_path, rails=()))
    answers = [await sent(app, scope_of(method, "/console"), []) for method in ("GET", "POST")]

    assert [status for status, _, _ in answers] == [503, 503]
    assert all(b"#unavailable" in body for _, _, body in answers)


async def test_an_api_worker_without_pages_beside_it_has_no_such_path(tmp_path: Path) -> None:
    app = make_app(Settings(data=tmp_path, rails=()))

    assert (await asked(app, "GET", "/v1/changes"))[0] == 404


async def test_a_process_without_an_api_states_what_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    settings = Settings(data=tmp_path, health=f"127.0.0.1:{port}", metrics_token="a token")
    monkeypatch.setattr(status.STATUS, "state", "starts")
    answers = []
    async with status.responding(settings), aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
        for state in ("starts", "standby", "works", "ends"):
            monkeypatch.setattr(status.STATUS, "state", state)
            async with session.get("/readyz") as answer:
                answers.append((answer.status, await answer.text()))
        async with session.get("/livez") as answer:
            alive = answer.status
        async with session.get("/metrics") as answer:
            stranger = answer.status
        async with session.get("/metrics", headers={"Authorization": "Bearer a token"}) as answer:
            scraped = answer.status, "payswitch_" in await answer.text()

    assert answers == [(503, "starts\n"), (200, "standby\n"), (200, "works\n"), (503, "ends\n")]
    assert (alive, stranger, scraped) == (200, 401, (200, True))


@pytest.mark.parametrize("text", ["8321", ":8321", "host:", "host:0", "host:99999", "host:http"])
def test_what_is_no_address_for_health_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="HOST:PORT"):
        status.parse(text)


@pytest.mark.parametrize("file", ["switch/deploy/compose/haproxy.cfg", "docs/operate/many-machines.md"])
def test_a_proxy_sends_every_path_of_people_to_the_pages(file: str) -> None:
    """Behind a proxy that did not know `cases`, an API worker without pages beside it refused them."""
    (names,) = re.findall(
        r"path_reg \^/\(console\|v1/\(([a-z|-]+)\)\)", Path(file).read_text(encoding="utf-8")
    )

    assert {f"/v1/{name}" for name in names.split("|")} == for_people.ENDPOINTS


def test_the_chart_sends_every_path_of_people_to_the_pages() -> None:
    text = Path("switch/deploy/helm/payswitch/templates/api.yaml").read_text(encoding="utf-8")
    (listed,) = re.findall(r'range list "/console" (.*?) }}', text)

    assert set(re.findall(r'"([^"]+)"', listed)) == for_people.ENDPOINTS
