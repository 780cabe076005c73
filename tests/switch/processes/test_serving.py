"""What a worker serves, how it drains, and the health of processes without an API; no database is needed."""

import signal
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import uvicorn

from adapters.simulation.sandbox import free_port
from switch.base.settings import Settings
from switch.processes import status
from switch.processes.api import Server
from switch.processes.app import Edge, make_app


async def asked(app: Edge, method: str, path: str) -> tuple[int, dict[bytes, bytes]]:
    """The status and the headers of a response, from the application itself."""
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "scheme": "http",
        "query_string": b"",
        "headers": [(b"accept", b"application/json")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
        "http_version": "1.1",
    }
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent[0]["status"], dict(sent[0]["headers"])


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


@pytest.mark.parametrize(
    ("serves", "found"),
    [
        ({"api", "pages"}, {"/v1/iso20022/pacs.008", "/rails/IN", "/v1/changes", "/console/sign-in"}),
        ({"api"}, {"/v1/iso20022/pacs.008", "/rails/IN"}),
        ({"pages"}, {"/v1/changes", "/console/sign-in"}),
    ],
)
async def test_a_worker_serves_participants_or_people_or_both(
    tmp_path: Path, serves: set[str], found: set[str]
) -> None:
    app = make_app(Settings(data=tmp_path, rails=("IN",), serves=frozenset(serves)))  # type: ignore[arg-type]
    paths = ("/v1/iso20022/pacs.008", "/rails/IN", "/v1/changes", "/console/sign-in")

    assert {path for path in paths if (await asked(app, "POST", path))[0] != 404} == found


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
