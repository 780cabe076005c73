"""A listening server and a client of it."""

import pytest
from aiohttp import web

from switch.clients.python import AsyncClient
from tests.clients.answering_server import KEY, Server


@pytest.fixture
async def server(monkeypatch):
    """The server, listening."""
    monkeypatch.setattr("switch.clients.python.exchange.PAUSE_S", 0.001)
    server = Server()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0]
    server.url = f"http://{host}:{port}"
    yield server
    await runner.cleanup()


@pytest.fixture
async def client(server):
    """A client that signs."""
    async with AsyncClient(server.url, key=KEY) as client:
        yield client
