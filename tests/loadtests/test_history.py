"""History that is filled in is history that the writer could have written: it verifies, and payments go on."""

import asyncpg
import pytest

from ledger.migrate import migrate
from loadtests import history
from loadtests.volume import BATCH, VolumeBank


async def counts(connection: asyncpg.Connection) -> dict[str, int]:
    tables = (
        "switch.payment",
        "switch.message",
        "switch.message_key",
        "switch.claim",
        "ledger.event",
        "ledger.leg",
    )
    return {table: await connection.fetchval(f"SELECT count(*) FROM {table}") for table in tables}


async def test_history_verifies_and_payments_go_on(database_url):
    await migrate(database_url)
    bank = VolumeBank(database_url)
    await bank.open()
    await bank.pay(BATCH)
    await bank.writer.stop()
    connection = await asyncpg.connect(database_url)
    before = await counts(connection)

    await history.fill(database_url, 1_000, chunk=300)
    after = await counts(connection)
    grown = {table: after[table] - before[table] for table in before}
    assert grown == {
        "switch.payment": 1_000,
        "switch.message": 2_000,
        "switch.message_key": 1_000,
        "switch.claim": 3_000,
        "ledger.event": 3_000,
        "ledger.leg": 3_000,
    }
    assert (
        await connection.fetchval("SELECT count(DISTINCT uetr) FROM switch.payment")
        == after["switch.payment"]
    )
    checks = await history.check(database_url)
    assert checks
    assert [name for name, ok in checks.items() if not ok] == []

    again = VolumeBank(database_url)
    await again.open()
    await again.pay(BATCH)
    await again.writer.stop()
    assert all((await history.check(database_url)).values())
    assert (await counts(connection))["switch.payment"] == after["switch.payment"] + BATCH
    await connection.close()


async def test_history_is_not_copied_from_nothing(database_url):
    await migrate(database_url)
    with pytest.raises(history.NoPattern):
        await history.fill(database_url, 10)
