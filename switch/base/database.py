"""Connections of the processes, each with a database role that has only the rights it needs."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Final

import asyncpg

from ledger.postgres import EmbeddedPostgres
from ledger.roles import Login
from ledger.silence import SERVER_SETTINGS, Connection
from switch.base.settings import Settings

_SETTINGS: Final = {
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


def embedded(settings: Settings, server_settings: Mapping[str, str] | None = None) -> EmbeddedPostgres:
    """The embedded server of an installation, running or not."""
    return EmbeddedPostgres(
        (settings.data / "postgres").resolve(), server_settings, passwords=settings.passwords
    )


async def connect_pool(settings: Settings, login: Login, process: str = "command") -> asyncpg.Pool:
    """Open a small pool of connections of a role, for a process."""
    return await asyncpg.create_pool(
        settings.database_of(login),
        min_size=1,
        max_size=_CONNECTIONS_MAX,
        command_timeout=_COMMAND_WITHIN_S,
        timeout=_CONNECT_WITHIN_S,
        server_settings={**_SETTINGS, **role_of(login), "application_name": application_name(process)},
        connection_class=Connection,
    )


def replica_pool(settings: Settings) -> asyncpg.Pool | None:
    """A pool for the replica, if there is one; it connects when it is first used, after `await pool`."""
    if not settings.replica:
        return None
    return asyncpg.create_pool(
        settings.replica_url,
        min_size=0,
        max_size=_REPLICA_CONNECTIONS_MAX,
        command_timeout=_REPLICA_COMMAND_WITHIN_S,
        timeout=_CONNECT_WITHIN_S,
        server_settings={
            **_SETTINGS,
            **role_of(Login.READER),
            "application_name": application_name("reports"),
        },
        connection_class=Connection,
    )


async def connect(
    settings: Settings, login: Login, *, silence_max_s: float | None = None
) -> asyncpg.Connection:
    """Open one connection of a role; every wait on it has a time limit.

    After `silence_max_s` without a statement the server ends the session, with its locks: this is how a
    process that is frozen, or on a machine that cannot be reached, loses them.
    """
    given = role_of(login)
    if silence_max_s is not None:
        given["idle_session_timeout"] = f"{silence_max_s * 1000:.0f}"
    return await asyncpg.connect(
        settings.database_of(login),
        timeout=_CONNECT_WITHIN_S,
        command_timeout=_CONNECT_WITHIN_S,
        server_settings=given,
        connection_class=Connection,
    )


def role_of(login: Login) -> dict[str, str]:
    """The role that a session takes: a user who may take several has only the rights of this one."""
    return {} if login in {Login.OWNER, Login.BACKUP} else {"role": login.value}
