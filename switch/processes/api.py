"""A worker process that serves HTTP: uvicorn on the sockets that its parent opened."""

import socket
import sys
import time
from functools import partial
from types import FrameType
from typing import Final

import uvicorn

from switch.base import logs
from switch.base.settings import Settings
from switch.processes import process
from switch.processes.app import Edge, make_app
from switch.processes.http_guard import Connections, GuardedProtocol
from switch.writer.kinds import Kind

_CONNECTIONS_MAX: Final = 4_000


class Server(uvicorn.Server):
    """Drains before it ends: load balancers see that it is not ready, and it serves on meanwhile."""

    def __init__(self, config: uvicorn.Config, app: Edge, drain_s: float) -> None:
        super().__init__(config)
        self._edge = app
        self._drain_s = drain_s
        self._ends_at: float | None = None
        """By the monotonic clock; None before the first signal."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin the shutdown; a second signal ends the drain."""
        self._edge.drain()
        if self._drain_s and self._ends_at is None:
            self._ends_at = time.monotonic() + self._drain_s
        else:
            super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        """End after the drain; called ten times a second."""
        if self._ends_at is not None and time.monotonic() >= self._ends_at:
            self.should_exit = True
        return await super().on_tick(counter)


def main() -> None:
    """Entry point of an API worker; the argument is the file descriptor of the listening socket."""
    serve(Kind.API)


def serve(kind: Kind) -> None:
    """Serve participants (`api`) or people (`pages`) on the sockets whose descriptors are the arguments."""
    logs.configure(kind)
    with process.reported():
        _serve(Settings(), kind)


def _serve(settings: Settings, kind: Kind) -> None:
    listeners = [socket.socket(fileno=int(number)) for number in sys.argv[1:]]
    app = make_app(settings, kind)
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=partial(  # type: ignore[arg-type]
            GuardedProtocol, crowd=Connections(settings.trusted_proxies), refuses=app.refuses
        ),
        limit_concurrency=_CONNECTIONS_MAX,
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=[str(network) for network in settings.trusted_proxies],
        date_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=20,
    )
    Server(config, app, settings.drain_s).run(listeners)


if __name__ == "__main__":
    main()
