"""When a switch may be opened after a restore: which files of a rail count."""

from collections.abc import AsyncIterator
from datetime import date

import asyncpg
import pytest

from schemas.errors import Refused
from switch.base.sql import statements
from switch.operations import reopen
from switch.operations.reopen import OpenAgain

DAY = date(2026, 11, 29)
SEEN = statements("switch.payments")("note_restore_rail_seen")


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A database that was restored: everything is checked, and the files of one day of rail IN are missing."""
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "INSERT INTO switch.closed (kept, until, begun, known_by) VALUES (1, 2, true, 'x')"
    )
    await connection.execute(
        "INSERT INTO switch.invariant_look (seq, state, tree, faults) VALUES (9, '', '', '[]')"
    )
    await connection.execute(
        "INSERT INTO ledger.restore (number, kept, root, first, published) VALUES (1, 1, '', 3, '')"
    )
    await connection.execute(
        "INSERT INTO switch.restore_rail (rail, since, until, currency) VALUES ('IN', $1, $1, 'INR')", DAY
    )
    yield connection
    await connection.close()


async def check(connection: asyncpg.Connection) -> None:
    (kind,) = [kind for kind in reopen.KINDS if kind.name == "restore.open"]
    await kind.check(connection, OpenAgain(found="agreed", complete=["IN"]))


async def test_a_file_of_an_earlier_day_does_not_open_a_rail(connection: asyncpg.Connection) -> None:
    await connection.execute(
        "INSERT INTO switch.rail_cycle_line (rail, cycle, ref, done, code) VALUES ('IN', '2026-11-01', 'r', true, '')"
    )
    await connection.execute(SEEN, "IN", date(2026, 11, 1))

    with pytest.raises(Refused, match="no file of rail IN was read"):
        await check(connection)


async def test_the_state_of_a_restore_states_amounts_with_their_currency(
    connection: asyncpg.Connection,
) -> None:
    """In the currency of the rail; a line whose file states no amount has none."""
    await connection.executemany(
        "INSERT INTO switch.restore_line (rail, ref, uetr, cycle, done, code, minor)"
        " VALUES ('PK', $1, gen_random_uuid(), $2, true, '', $3)",
        [("r1", DAY, 23288), ("r2", DAY, None)],
    )
    state = await reopen.read_state(connection)

    assert {each["ref"]: each["credit"] for each in state["without_message"]} == {
        "r1": "232.88 PKR",
        "r2": None,
    }


async def test_a_file_without_an_order_is_a_file(connection: asyncpg.Connection) -> None:
    await connection.execute(SEEN, "IN", DAY)

    await check(connection)
