"""Health of a process without an API: writer, caretaker, messenger. Off unless PAYSWITCH_HEALTH is set.

GET /livez     200: its event loop runs
GET /readyz    200: it works, or it is the standby of the one that works; 503: it starts or ends
GET /metrics   the metrics of all processes of this data directory; asks for the token of metrics
"""

import contextlib
import hmac
from collections.abc import AsyncIterator
from typing import Final, Literal

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from switch.base import metrics
from switch.base.settings import Settings

State = Literal["starts", "standby", "works", "ends"]
_READY: Final = frozenset({"standby", "works"})


class ProcessStatus:
    """What this process does at present."""

    def __init__(self) -> None:
        self.state: State = "starts"


STATUS: Final = ProcessStatus()
"""The status of this process."""


def parse(text: str) -> tuple[str, int]:
    """Read `host:port`.

    Raises:
        ValueError: it is none.

    """
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 1 << 16:
        raise ValueError(f"{text!r} is not HOST:PORT")
    return host.strip("[]"), int(port)


@contextlib.asynccontextmanager
async def responding(settings: Settings) -> AsyncIterator[None]:
    """Respond at the address of the settings; without one, nowhere."""
    if not settings.health:
        yield
        return
    expected = f"Bearer {metrics.token(settings)}".encode()

    async def give_metrics(request: web.Request) -> web.Response:
        if not hmac.compare_digest(request.headers.get("Authorization", "").encode(), expected):
            raise web.HTTPUnauthorized
        return web.Response(body=metrics.exposition(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.add_routes(
        [web.get("/livez", _livez), web.get("/readyz", _readyz), web.get("/metrics", give_metrics)]
    )
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, *parse(settings.health), reuse_address=True).start()
        yield
    finally:
        await runner.cleanup()


async def _livez(_: web.Request) -> web.Response:
    return web.Response(text="alive\n")


async def _readyz(_: web.Request) -> web.Response:
    return web.Response(status=200 if STATUS.state in _READY else 503, text=f"{STATUS.state}\n")
