"""The register of rails: the rails that payments may use, each of them open or closed.

Only changes of operators write it, and the sandbox makes the same changes. An adapter and a connection file
state how to reach a rail; without a row here no payment is routed to it.
"""

from typing import Final

import asyncpg

from switch.base.sql import statements
from switch.payments.directory import Tightening

_statement: Final = statements("switch.payments")

_REGISTER: Final = "INSERT INTO switch.rail (country, open) VALUES ($1, $2) ON CONFLICT DO NOTHING"
_RETIRE: Final = "DELETE FROM switch.rail WHERE country = $1"
_TIGHTENING: Final = _statement("tightening")
_TIGHTEN: Final = _statement("tighten_rail")
_FIELDS: Final = ("minimum_minor", "maximum_minor", "hours_from", "hours_to", "fee_max_bps")
_IS_REGISTERED: Final = "SELECT true FROM switch.rail WHERE country = $1"
_OPEN_PAYMENTS: Final = "SELECT count(*) FROM switch.open_payment WHERE rail = $1"


async def register(connection: asyncpg.Connection, country: str, *, is_open: bool) -> None:
    """Add the rail of a country; a registered one is not changed."""
    await connection.execute(_REGISTER, country, is_open)


async def retire(connection: asyncpg.Connection, country: str) -> None:
    """Remove the rail of a country. Its order ids stay used: if the rail comes back, none is used twice."""
    await connection.execute(_RETIRE, country)


async def tightening(connection: asyncpg.Connection, country: str) -> Tightening:
    """What two people have tightened of a rail's profile; nothing if the rail is not registered."""
    row = await connection.fetchrow(_TIGHTENING, country)
    return Tightening(**row) if row else Tightening()


async def tighten(connection: asyncpg.Connection, country: str, wanted: Tightening) -> None:
    """Set all that is tightened of a registered rail's profile; None gives the rail's own value back."""
    await connection.execute(_TIGHTEN, country, *(getattr(wanted, name) for name in _FIELDS))


async def is_registered(connection: asyncpg.Connection, country: str) -> bool:
    """Whether the rail of a country is registered; payments are routed to it while it is open."""
    return bool(await connection.fetchval(_IS_REGISTERED, country))


async def open_payments(connection: asyncpg.Connection, country: str) -> int:
    """Count the payments over a rail that are not final."""
    return int(await connection.fetchval(_OPEN_PAYMENTS, country))
