"""Database logins of regulators: views show each login the rows of its own country, and nothing else."""

import re
from typing import Final

import asyncpg

from schemas.errors import InvalidMessage

_LOGIN: Final = re.compile(r"[a-z][a-z0-9_]{2,40}", re.ASCII)
_COUNTRY: Final = re.compile(r"[A-Z]{2}", re.ASCII)
_SETTINGS: Final = (
    ("default_transaction_read_only", "on"),
    ("statement_timeout", "60s"),
    ("idle_in_transaction_session_timeout", "60s"),
    ("search_path", "regulator"),
)


async def add_login(connection: asyncpg.Connection, login: str, country: str) -> None:
    """Create a login without a password for one country; `connection` must be an owner's.

    Raises:
        InvalidMessage: not a plain name, or not a country.
        asyncpg.DuplicateObjectError: there is such a role.

    """
    if _LOGIN.fullmatch(login) is None or _COUNTRY.fullmatch(country) is None:
        raise InvalidMessage("a login is a plain name, a country two letters", rule="parameter")
    async with connection.transaction():
        # Names cannot be parameters of these statements; names of the pattern above need no quoting.
        await connection.execute(f"CREATE ROLE {login} LOGIN CONNECTION LIMIT 5 IN ROLE payswitch_regulator")
        for name, value in _SETTINGS:
            await connection.execute(f"ALTER ROLE {login} SET {name} = '{value}'")
        await connection.execute(
            "INSERT INTO switch.regulator_login (login, country) VALUES ($1, $2)", login, country
        )
