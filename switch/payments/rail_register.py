"""The register of rails: the rails that payments may use, each of them open or closed.

The sandbox and the changes of operators write it with the same functions. An adapter and a connection file
state how to reach a rail; without a row here no payment is routed to it.
"""

from typing import Final

import asyncpg

_REGISTER: Final = "INSERT INTO switch.rail (country, open) VALUES ($1, $2) ON CONFLICT DO NOTHING"
_RETIRE: Final = "DELETE FROM switch.rail WHERE country = $1"
_IS_REGISTERED: Final = "SELECT true FROM switch.rail WHERE country = $1"
_OPEN_PAYMENTS: Final = "SELECT count(*) FROM switch.open_payment WHERE rail = $1"


async def register(connection: asyncpg.Connection, country: str, *, is_open: bool) -> None:
    """Add the rail of a country; a registered one is not changed."""
    await connection.execute(_REGISTER, country, is_open)


async def retire(connection: asyncpg.Connection, country: str) -> None:
    """Remove the rail of a country. Its order ids stay used: if the rail comes back, none is used twice."""
    await connection.execute(_RETIRE, country)


async def is_registered(connection: asyncpg.Connection, country: str) -> bool:
    """Whether the rail of a country is registered; payments are routed to it while it is open."""
    return bool(await connection.fetchval(_IS_REGISTERED, country))


async def open_payments(connection: asyncpg.Connection, country: str) -> int:
    """Count the payments over a rail that are not final."""
    return int(await connection.fetchval(_OPEN_PAYMENTS, country))
