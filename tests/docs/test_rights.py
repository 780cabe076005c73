"""The page about the rights of the database roles says what the database has."""

import asyncpg

from tests.docs.rights import PAGE, page


async def test_the_page_states_the_rights_that_the_database_has(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    found = await page(connection)
    await connection.close()

    assert PAGE.read_text(encoding="utf-8") == found, "run python -m tests.docs.rights"
