"""Connections of processes other than the writer: with a database role that cannot change history."""

from importlib.metadata import version
from typing import Final

import asyncpg

from ledger.silence import SERVER_SETTINGS, Connection
from switch.base.settings import Settings

ROLE: Final = "payswitch_writer"
"""The role may add to the history of the ledger but not change it; the first migration creates it."""

_SETTINGS: Final = {
    "role": ROLE,
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "5s",  # a connection leaked by a cancelled request is freed
    "timezone": "UTC",
    **SERVER_SETTINGS,
}
_CONNECTIONS_MAX: Final = 8
_CONNECT_WITHIN_S: Final = 10.0
_COMMAND_WITHIN_S: Final = 30.0
_REPLICA_CONNECTIONS_MAX: Final = 2
_REPLICA_COMMAND_WITHIN_S: Final = 120.0
"""As long as the statement of a report may take."""


def application_name(process: str) -> str:
    """The name of a process's connections: the database shows which versions run."""
    return f"payswitch {process} {version('payswitch')}"


async def connect_pool(settings: Settings, process: str = "command") -> asyncpg.Pool:
    """Open a small pool; the user of the URL must be allowed to use the role."""
    return await asyncpg.create_pool(
        settings.database,
        min_size=1,
        max_size=_CONNECTIONS_MAX,
        command_timeout=_COMMAND_WITHIN_S,
        timeout=_CONNECT_WITHIN_S,
        server_settings={**_SETTINGS, "application_name": application_name(process)},
        connection_class=Connection,
    )


def replica_pool(settings: Settings) -> asyncpg.Pool | None:
    """A pool for the replica, if there is one; it connects when it is first used, after `await pool`."""
    if not settings.replica:
        return None
    return asyncpg.create_pool(
        settings.replica,
        min_size=0,
        max_size=_REPLICA_CONNECTIONS_MAX,
        command_timeout=_REPLICA_COMMAND_WITHIN_S,
        timeout=_CONNECT_WITHIN_S,
        server_settings={**_SETTINGS, "application_name": application_name("reports")},
        connection_class=Connection,
    )


async def connect(settings: Settings, *, silence_max_s: float | None = None) -> asyncpg.Connection:
    """Open one connection; every wait on it has a time limit.

    After `silence_max_s` without a statement the server ends the session, with its locks: this is how a
    process that is frozen, or on a machine that cannot be reached, loses them.
    """
    given = {"role": ROLE}
    if silence_max_s is not None:
        given["idle_session_timeout"] = f"{silence_max_s * 1000:.0f}"
    return await asyncpg.connect(
        settings.database,
        server_settings=given,
        timeout=_CONNECT_WITHIN_S,
        command_timeout=_CONNECT_WITHIN_S,
        connection_class=Connection,
    )
