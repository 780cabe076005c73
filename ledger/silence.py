"""Detection of a database connection over TCP whose packets are dropped: by the kernel, in about ten seconds.

Without this, a firewall that dropped a connection, or a machine without power, is detected only by the
time-out of a statement, and never on an idle connection.
"""

import socket
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import asyncpg

UNANSWERED_S: Final = 10
"""Seconds that sent data may stay without an acknowledgement of the peer."""
_IDLE_S: Final = 4
_PROBE_EVERY_S: Final = 2
_PROBES: Final = 3
"""An idle connection is probed after four seconds, three times within six: ten in total."""

SERVER_SETTINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "tcp_user_timeout": f"{UNANSWERED_S}s",
        "tcp_keepalives_idle": str(_IDLE_S),
        "tcp_keepalives_interval": str(_PROBE_EVERY_S),
        "tcp_keepalives_count": str(_PROBES),
    }
)
"""The same on the server side: locks of a lost client are released."""


def notice_silence(connection: asyncpg.Connection) -> None:
    """Let the kernel end a silent TCP connection; a unix socket cannot become silent."""
    transport = connection._transport  # noqa: SLF001 - asyncpg gives no other way to its socket
    own = transport.get_extra_info("socket") if transport is not None else None
    if own is None or own.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    own.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    own.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _IDLE_S)
    own.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _PROBE_EVERY_S)
    own.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _PROBES)
    own.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNANSWERED_S * 1000)


class Connection(asyncpg.Connection):  # type: ignore[misc]
    """A connection that detects within seconds that its peer is unreachable."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        notice_silence(self)
