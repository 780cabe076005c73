"""The directory in memory: whatever changes it is read within a second, and nothing is read while nothing changes."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
import pytest_asyncio

from switch.payments import directory
from switch.payments.directory import Directory

TABLE = re.compile(r"FROM ((?:switch|ledger)\.[a-z_]+)|JOIN ((?:switch|ledger)\.[a-z_]+)")
OTHERWISE = {"switch.quote", "switch.quote_use", "ledger.account"}
"""Each poll reads the inventories, and the number of the newest account."""
OWN = "INSERT INTO switch.participant (id, name, bic, country, kind) VALUES ($1, $1, $2, 'IN', 'direct')"


class Counting(Directory):
    """Counts how often all of it is read."""

    loads = 0

    async def refresh(self) -> None:
        self.loads += 1
        await super().refresh()


@pytest_asyncio.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    async with asyncpg.create_pool(database_url, min_size=1, max_size=3) as pool:
        yield pool


@pytest_asyncio.fixture
async def known(pool: asyncpg.Pool) -> Counting:
    found = Counting(pool)
    await found.poll()
    return found


async def ids(known: Directory) -> set[str]:
    await known.poll()
    return set(known.now.by_id)


async def test_each_table_of_the_directory_notes_its_changes(pool: asyncpg.Pool) -> None:
    """Whoever adds a table to the statement adds a trigger."""
    read = {name for pair in TABLE.findall(directory._LOAD) for name in pair if name}
    noted = await pool.fetch(
        "SELECT tgrelid::regclass::text AS name, count(*) FROM pg_trigger WHERE tgname = 'directory_changed' GROUP BY 1"
    )
    name_of = {row["name"] if "." in row["name"] else f"switch.{row['name']}" for row in noted}

    assert len(read) > 20
    assert name_of == read - OTHERWISE


async def test_a_change_is_read_by_the_next_poll_and_nothing_is_read_without_one(
    pool: asyncpg.Pool, known: Counting
) -> None:
    for _ in range(3):
        await known.poll()
    assert known.loads == 1
    await pool.execute(OWN, "new-bank", "NEWBINBB")

    assert "new-bank" in await ids(known)
    await known.poll()
    assert known.loads == 2
    await pool.execute("UPDATE switch.participant SET status = 'suspended' WHERE id = 'new-bank'")
    await known.poll()
    assert known.now.by_id["new-bank"].status == "suspended"


async def test_a_change_that_was_under_way_as_the_directory_was_read_is_not_missed(
    pool: asyncpg.Pool, known: Counting
) -> None:
    """Also where a later transaction was committed, and read, before it."""
    async with pool.acquire() as slow:
        transaction = slow.transaction()
        await transaction.start()
        await slow.execute(OWN, "slow-bank", "SLOWINBB")
        await pool.execute(OWN, "fast-bank", "FASTINBB")
        seen = await ids(known)
        assert ("fast-bank" in seen, "slow-bank" in seen) == (True, False)
        await known.poll()
        loads = known.loads
        await transaction.commit()

    assert "slow-bank" in await ids(known)
    assert known.loads == loads + 1


async def test_what_begins_by_itself_is_read_at_its_instant(pool: asyncpg.Pool, known: Counting) -> None:
    opens = datetime.now(UTC) + timedelta(seconds=1)
    await pool.execute("INSERT INTO switch.rail (country, open, opens_at) VALUES ('PK', false, $1)", opens)
    await known.poll()
    before, loads = known.now.rail_by_country["PK"].open, known.loads
    await known.poll()
    assert (before, known.loads) == (False, loads)
    await asyncio.sleep(1.2)
    await known.poll()

    assert known.now.rail_by_country["PK"].open
    assert known.loads == loads + 1


async def test_a_new_account_is_read_by_the_next_poll(pool: asyncpg.Pool, known: Counting) -> None:
    await pool.execute(
        "INSERT INTO ledger.account (number, owner, currency, purpose) VALUES (77, 'new-bank', 'INR', 'position')"
    )
    await known.poll()

    assert known.now.account_id["new-bank", "INR", "position"] == 77


async def test_inventories_move_without_reading_anything_else(pool: asyncpg.Pool, known: Counting) -> None:
    await pool.execute(
        "INSERT INTO switch.participant (id, name, bic, country, kind) VALUES ('fx', 'fx', 'FXFXKZKA', 'KZ', 'fx_provider')"
    )
    await pool.execute(
        "INSERT INTO switch.fx_offer (provider, source, target, number, tiers, valid_until, inventory_minor, used_minor, published_at)"
        " VALUES ('fx', 'INR', 'PKR', 7, '[[0, \"3.3\"]]', 'infinity', 500, 0, clock_timestamp())"
    )
    await known.poll()
    table, loads = known.now.choices_by_pair, known.loads
    await pool.execute("UPDATE switch.fx_offer SET used_minor = 100")
    await known.poll()

    left: Mapping[int, int] = known.now.left_by_offer
    assert (left[7], known.loads) == (400, loads)
    assert known.now.choices_by_pair is table


async def test_after_a_failure_all_of_it_is_read(
    pool: asyncpg.Pool, known: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database may be another one then, or the same one from a backup."""
    monkeypatch.setattr(directory, "_POLL", "SELECT 1 / 0, $1::text, $2::bigint, $3::bigint")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await known.poll()
    await known.poll()

    assert known.loads == 2
