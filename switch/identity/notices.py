"""Notices to a person about changes of the sign-in: a thief who is signed in cannot remove them.

They are shown on every page until the person has read them, and listed on the page of the account for a
month.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import asyncpg

from switch.base.sql import statements

PASSKEY_ADDED: Final = "A passkey was added to your account."
PASSKEY_REMOVED: Final = "A passkey was removed from your account."
SESSIONS_ENDED: Final = "Somebody else ended your sessions."
PROVIDER_CONNECTED: Final = "You now sign in with an identity provider, no longer with a password."
TEXTS: Final = (PASSKEY_ADDED, PASSKEY_REMOVED, SESSIONS_ENDED, PROVIDER_CONNECTED)
KEPT_DAYS: Final = 30
_SHOWN_MAX: Final = 20
_OF: Final = statements("switch.identity")("notices_of_person")


@dataclass(frozen=True, slots=True)
class SecurityNotice:
    """One change of a person's sign-in; `text` is one of `TEXTS`."""

    text: str
    at: datetime


async def add(connection: asyncpg.Connection, name: str, text: str) -> None:
    """Add a notice, in the transaction of the change."""
    await connection.execute("INSERT INTO switch.person_notice (person, text) VALUES ($1, $2)", name, text)


async def of_person(connection: asyncpg.Connection | asyncpg.Pool, name: str) -> list[SecurityNotice]:
    """The last notices of a person, the newest first."""
    return [SecurityNotice(row["text"], row["at"]) for row in await connection.fetch(_OF, name, _SHOWN_MAX)]


async def read(connection: asyncpg.Connection, name: str) -> None:
    """The person has read the notices: they are no longer shown on every page."""
    await connection.execute(
        "UPDATE switch.person_notice SET read_at = clock_timestamp() WHERE person = $1 AND read_at IS NULL",
        name,
    )


async def forget_old(connection: asyncpg.Connection) -> None:
    """Delete notices that are too old to be of use."""
    await connection.execute(
        "DELETE FROM switch.person_notice WHERE at < clock_timestamp() - make_interval(days => $1)",
        KEPT_DAYS,
    )
