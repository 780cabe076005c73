"""The register of rails: the rails that payments may use, each of them open or closed.

The sandbox and the changes of operators write it with the same functions. An adapter, and a connection file,
say how a rail is reached; without a row here no payment is routed to it.
"""

from typing import Final

import asyncpg

_REGISTER: Final = "INSERT INTO switch.rail (country, open) VALUES ($1, $2) ON CONFLICT DO NOTHING"
_RETIRE: Final = "DELETE FROM switch.rail WHERE country = $1"
_IS_REGISTERED: Final = "SELECT true FROM switch.rail WHERE country = $1"
_OPEN_PAYMENTS: Final = "SELECT count(*) FROM switch.open_payment WHERE rail = $1"


async def register(connection: asyncpg.Connection, country: str, *, is_open: bool) -> None:
    """Add the rail of a country; one that is registered already stays as it is."""
    await connection.execute(_REGISTER, country, is_open)


async def retire(connection: asyncpg.Connection, country: str) -> None:
    """Remove the rail of a country. Its order ids stay taken: a rail that comes back uses none twice."""
    await connection.execute(_RETIRE, country)


async def is_registered(connection: asyncpg.Connection, country: str) -> bool:
    """Whether payments may be routed to the rail of a country, once it is open."""
    return bool(await connection.fetchval(_IS_REGISTERED, country))


async def open_payments(connection: asyncpg.Connection, country: str) -> int:
    """Count the payments over a rail that are not final."""
    return int(await connection.fetchval(_OPEN_PAYMENTS, country))
