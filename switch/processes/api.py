"""An API worker process: uvicorn on the socket that the supervisor opened."""

import socket
import sys
from functools import partial
from types import FrameType
from typing import Final

import uvicorn

from switch.base import logs
from switch.base.settings import Settings
from switch.processes import process
from switch.processes.app import Edge, make_app
from switch.processes.http_guard import Connections, GuardedProtocol

_CONNECTIONS_MAX: Final = 4_000


class Server(uvicorn.Server):
    """Notifies the application of the shutdown before it waits for open connections."""

    def __init__(self, config: uvicorn.Config, app: Edge) -> None:
        super().__init__(config)
        self._edge = app

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin the shutdown."""
        self._edge.drain()
        super().handle_exit(sig, frame)


def main() -> None:
    """Entry point of the process; the argument is the file descriptor of the listening socket."""
    logs.configure("api")
    with process.reported():
        _serve(Settings())


def _serve(settings: Settings) -> None:
    listener = socket.socket(fileno=int(sys.argv[1]))
    app = make_app(settings)
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=partial(GuardedProtocol, crowd=Connections(settings.trusted_proxies)),  # type: ignore[arg-type]
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
    Server(config, app).run([listener])


if __name__ == "__main__":
    main()
