"""A small screening engine on a loopback address: it answers in both forms, by equal names."""

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass
class EngineServer:
    """Lists the names that a test states, and answers wrongly if the test wants that."""

    listed: dict[str, str] = field(default_factory=dict)
    """Names and their entries."""
    status: int = 200
    delay_s: float = 0.0
    raw: bytes | None = None
    """Answered in place of an answer."""
    lists: dict[str, int] = field(default_factory=lambda: {"us_ofac": 2})
    seen: list[dict[str, Any]] = field(default_factory=list)
    """What was asked, with the headers."""
    url: str = ""

    async def start(self, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        app = web.Application()
        app.router.add_post("/screen", self._screen)
        app.router.add_get("/v2/search", self._search)
        app.router.add_get("/v2/listinfo", self._list_info)
        self.runner = web.AppRunner(app)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", port, ssl_context=tls).start()
        scheme = "http" if tls is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self.runner.addresses[0][1]}"

    async def stop(self) -> None:
        await self.runner.cleanup()

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    async def _answer(self, body: Any) -> web.Response:
        await asyncio.sleep(self.delay_s)
        if self.raw is not None:
            return web.Response(body=self.raw, status=self.status)
        return web.json_response(body, status=self.status)

    async def _screen(self, request: web.Request) -> web.Response:
        asked = await request.json()
        self.seen.append(asked | {"authorization": request.headers.get("Authorization")})
        hits = [
            {"party": at, "entry": self.listed[one["name"]], "name": one["name"].upper(), "score": 97.5}
            for at, one in enumerate(asked["parties"])
            if one["name"] in self.listed
        ]
        return await self._answer({"hits": hits})

    async def _search(self, request: web.Request) -> web.Response:
        self.seen.append(dict(request.query))
        name = request.query["name"]
        found = [
            {
                "name": name.upper(),
                "entityType": kind,
                "sourceList": "us_ofac",
                "sourceID": self.listed[name],
                "person": {"birthDate": "1957-03-10T00:00:00Z"} if kind == "person" else None,
                "sanctionsInfo": {"programs": ["SDGT"], "secondary": False, "description": ""},
                "match": 0.973,
            }
            for kind in ("person", "vessel")
            if name in self.listed
        ]
        return await self._answer({"query": {}, "entities": found or None})

    async def _list_info(self, _: web.Request) -> web.Response:
        return await self._answer({"lists": self.lists, "listHashes": {}, "version": "v0"})


@contextmanager
def in_thread(server: EngineServer) -> Iterator["EngineThread"]:
    """The engine beside a test, which may stop it and start it again."""
    thread = EngineThread(server)
    thread.start()
    try:
        yield thread
    finally:
        thread.end()


class EngineThread:
    """Runs an engine in a thread of its own."""

    def __init__(self, server: EngineServer) -> None:
        self.server = server
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._runs = False

    def start(self) -> None:
        port = self.server.port if self.server.url else 0
        asyncio.run_coroutine_threadsafe(self.server.start(port), self._loop).result(30)
        self._runs = True

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self.server.stop(), self._loop).result(30)
        self._runs = False

    def end(self) -> None:
        if self._runs:
            self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.close()
