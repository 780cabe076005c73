"""A database that is behind what was acknowledged: the writer's process closes the switch before it ends."""

from pathlib import Path

import asyncpg

from ledger.high_water import HighWater
from switch.base.settings import Settings
from switch.processes.writer import close_after_loss


async def test_the_switch_is_closed_on_a_database_that_lost_events(database_url: str, tmp_path: Path) -> None:
    settings = Settings(database=database_url, data=tmp_path, rails=["IN", "PK"])
    connection = await asyncpg.connect(database_url)
    mark = HighWater(settings.high_water_file)
    mark.begin(await connection.fetchval("SELECT log FROM ledger.head"), 0)
    mark.durable(9)
    mark.close()

    await close_after_loss(settings)

    closed = await connection.fetchrow("SELECT kept, until, begun FROM switch.closed")
    restore = await connection.fetchrow("SELECT kept, first FROM ledger.restore")
    unread = await connection.fetch(
        "SELECT rail FROM switch.restore_rail WHERE read_at IS NULL ORDER BY rail"
    )
    next_seq = await connection.fetchval("SELECT next_seq FROM ledger.head")
    await connection.close()
    assert tuple(closed) == (0, 10, True)
    assert tuple(restore) == (0, 11)
    assert [row["rail"] for row in unread] == ["IN", "PK"]
    assert next_seq == 12
