"""What an installation is: a sandbox, or one for real money. Its database states it, once and for ever.

The people and the keys of a sandbox are in a file, so a switch without `--sandbox` must never accept them.
"""

from typing import Final

import asyncpg

from ledger.roles import Login
from switch.base import causes
from switch.base.database import connect_pool
from switch.base.settings import Settings
from switch.base.sql import statements

_STATE: Final = statements("switch.base")("state_installation")
_READ: Final = "SELECT sandbox FROM switch.installation"
_IS_SANDBOX: Final = (
    "the database is that of a sandbox, whose people and keys anybody may have: start it with --sandbox, or"
    " give production another data directory and another database"
)
_IS_PRODUCTION: Final = (
    "the database is not that of a sandbox, and may hold real money: start it without --sandbox, or give the"
    " sandbox another data directory and another database"
)


async def state(connection: asyncpg.Connection, settings: Settings) -> None:
    """State what the installation is, at its first start; check it at every other.

    Raises:
        Impossible: it is of the other kind.

    """
    await connection.execute(_STATE, settings.sandbox)
    await check(connection, settings)


async def check(connection: asyncpg.Connection | asyncpg.Pool, settings: Settings) -> None:
    """Check that this process is of the installation's kind.

    Raises:
        Impossible: it is of the other kind.

    """
    sandbox = await connection.fetchval(_READ)
    if sandbox is not None and sandbox != settings.sandbox:
        raise causes.Impossible(_IS_SANDBOX if sandbox else _IS_PRODUCTION)


async def open_pool(settings: Settings, login: Login, process: str) -> asyncpg.Pool:
    """Open the pool of a process, after `check`; raises as that does."""
    pool = await connect_pool(settings, login, process)
    try:
        await check(pool, settings)
    except BaseException:
        await pool.close()
        raise
    return pool
