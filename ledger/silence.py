"""Noticing a database connection over TCP whose packets are dropped: within about ten seconds, by the kernel.

Without this a firewall that forgot a connection, or a machine that lost its power, shows only when a
statement's own time-out passes, and a connection that only waits never learns it.
"""

import socket
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import asyncpg

UNANSWERED_S: Final = 10
"""How long what was sent may stay without the other side's acknowledgement."""
_IDLE_S: Final = 4
_PROBE_EVERY_S: Final = 2
_PROBES: Final = 3
"""An idle connection is probed after four seconds, three times in six: ten in all."""

SERVER_SETTINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "tcp_user_timeout": f"{UNANSWERED_S}s",
        "tcp_keepalives_idle": str(_IDLE_S),
        "tcp_keepalives_interval": str(_PROBE_EVERY_S),
        "tcp_keepalives_count": str(_PROBES),
    }
)
"""The same for the server's side of the connection: what a lost client held becomes free."""


def notice_silence(connection: asyncpg.Connection) -> None:
    """Have the kernel end a connection over TCP that goes silent; one over a unix socket cannot."""
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
    """A connection that notices within seconds when nothing comes back any more."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        notice_silence(self)
