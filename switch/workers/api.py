"""An API worker process: uvicorn on the socket that the supervisor opened."""

import socket
import sys
from typing import Final

import uvicorn

from switch import logs
from switch.api.app import make_app
from switch.settings import Settings
from switch.workers.guarded import GuardedProtocol

_CONNECTIONS_MAX: Final = 4_000


def main() -> None:
    """Entry point of the process; the argument is the number of the listening socket's file."""
    settings = Settings()
    logs.configure("api")
    listener = socket.socket(fileno=int(sys.argv[1]))
    config = uvicorn.Config(
        make_app(settings),
        loop="uvloop",
        http=GuardedProtocol,
        limit_concurrency=_CONNECTIONS_MAX,
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        date_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=20,
    )
    uvicorn.Server(config).run([listener])


if __name__ == "__main__":
    main()
