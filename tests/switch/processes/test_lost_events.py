"""A database that is behind what was acknowledged: the writer's process freezes its books before it ends."""

import asyncpg

from ledger.writer import LostEvents
from switch.base.settings import Settings
from switch.processes.writer import freeze_books


async def test_the_books_of_a_database_that_lost_events_are_frozen(database_url: str) -> None:
    await freeze_books(Settings(database=database_url), LostEvents("the database lost the events 7 to 9"))

    connection = await asyncpg.connect(database_url)
    frozen = await connection.fetchrow("SELECT reason, detail FROM switch.freeze")
    await connection.close()
    assert tuple(frozen) == ("lost_events", "the database lost the events 7 to 9")
