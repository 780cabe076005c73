"""Cursors while, and after, the writer fills the part of the log that a restore left out."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from schemas.errors import CursorAhead
from switch.base.settings import Settings
from switch.payments import events
from switch.webhooks.delivery import Messenger
from switch.webhooks.signing import SigningKeys

KEPT, UNTIL = 100, 12_100


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    """A database that was restored to event KEPT, and that the writer fills up to UNTIL."""
    async with asyncpg.create_pool(database_url, min_size=1, max_size=2) as pool:
        await pool.execute(
            "INSERT INTO switch.closed (kept, until, known_by) VALUES ($1, $2, 'a test')", KEPT, UNTIL
        )
        await reach(pool, KEPT)
        yield pool


async def reach(pool: asyncpg.Pool, last: int) -> None:
    await pool.execute("UPDATE ledger.head SET next_seq = $1", last + 1)


async def webhook(pool: asyncpg.Pool, cursor: int) -> UUID:
    await pool.execute(
        "INSERT INTO switch.participant (id, name, bic, country, kind)"
        " VALUES ('a-bank', 'A', 'AAAAINBB', 'IN', 'direct') ON CONFLICT DO NOTHING"
    )
    number: UUID = await pool.fetchval(
        "INSERT INTO switch.webhook (participant, url, cursor) VALUES ('a-bank', 'https://a.test/', $1)"
        " RETURNING id",
        cursor,
    )
    return number


@pytest.mark.parametrize("last", [KEPT, KEPT + 1, KEPT + 5_000, UNTIL - 1])
async def test_no_cursor_is_given_out_into_a_part_that_is_still_filled(pool: asyncpg.Pool, last: int) -> None:
    await reach(pool, last)
    before = await events.read(pool, "a-bank", after=0, limit=10)
    at = await events.read(pool, "a-bank", after=KEPT, limit=10)

    assert (before.next, at.next, at.more) == (KEPT, KEPT, False)
    await events.check_cursor(pool, at.next)


async def test_the_cursor_goes_on_when_the_part_is_filled(pool: asyncpg.Pool) -> None:
    await reach(pool, UNTIL)

    assert (await events.read(pool, "a-bank", after=KEPT, limit=10)).next == UNTIL
    await events.check_cursor(pool, UNTIL)


async def test_a_webhook_whose_cursor_is_left_out_goes_on_and_stops_no_other(
    pool: asyncpg.Pool, tmp_path: Path
) -> None:
    await reach(pool, UNTIL)
    ahead, good = await webhook(pool, KEPT + 10), await webhook(pool, KEPT)
    with pytest.raises(CursorAhead):
        await events.check_cursor(pool, KEPT + 10)
    messenger = Messenger(pool, SigningKeys(tmp_path / "webhooks.pem"), Settings(data=tmp_path))
    await messenger.tick()
    first = dict(await pool.fetch("SELECT id, cursor FROM switch.webhook"))
    await messenger.tick()
    second = dict(await pool.fetch("SELECT id, cursor FROM switch.webhook"))
    await messenger.close()

    assert first == {ahead: KEPT, good: UNTIL}
    assert second == {ahead: UNTIL, good: UNTIL}
