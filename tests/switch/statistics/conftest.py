"""A switch with one day of payments: committed, rejected, refused and returned ones, some in parts."""

from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

from ledger.roles import Login
from loadtests.reports import DAY, write_day
from switch.base.database import connect_pool
from switch.base.settings import Settings

PAYMENTS = 1_500

REFUSED = """
WITH made AS (
    INSERT INTO switch.payment
    SELECT $1, gen_random_uuid(), 'in-bank-0', 'pacs.008.001.08', 'M', 'in-bank-0', $2, '', '', '', 'INR', '', 500, 0, 0, ''
)
INSERT INTO ledger.event VALUES ($1, $1, $3, 'REFUSE', 'F', '', '')
"""
RETURNED = """
WITH made AS (
    INSERT INTO ledger.transfer (number, corrects, id, kind, fingerprint) VALUES ($1, $2, gen_random_uuid(), 'correction', '')
)
INSERT INTO ledger.event VALUES ($1, $1, $3, 'RETURN', 'C', '', '')
"""

PART = """
WITH made AS (
    INSERT INTO switch.part_return (number, id, payment, credit_minor, debit_minor, share_minor, rate, reason, reference)
    SELECT $1, gen_random_uuid(), number, credit_minor * $4 / 4, debit_minor * $4 / 4, debit_minor * $4 / 4, '', '', ''
      FROM switch.payment WHERE number = $2
)
INSERT INTO ledger.event VALUES ($1, $1, $3, 'RETURN_PART', 'M', '', '')
"""
"""So many quarters of a payment come back; the last ones make it whole."""
WHOLE_IN_PARTS, PART_ALONE = 10, 7
"""Payments of which all came back in two parts, and payments of which one part did."""


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    """A switch with one day of payments: committed, rejected, refused and returned ones."""
    pool = await connect_pool(Settings(database=database_url), Login.OWNER)
    async with pool.acquire() as connection:
        await write_day(connection, PAYMENTS)
        seq = await connection.fetchval("SELECT max(seq) FROM ledger.event")
        late = DAY + timedelta(days=1, hours=3)
        paid = await connection.fetch(
            "SELECT number FROM ledger.resolution WHERE outcome = 'posted' ORDER BY number DESC LIMIT 40"
        )
        for row in paid[::4]:
            await connection.execute(RETURNED, seq := seq + 1, row["number"], late)
        parted = [row["number"] for row in paid if row not in paid[::4]]
        for number in parted[: WHOLE_IN_PARTS + PART_ALONE]:
            await connection.execute(
                "UPDATE switch.payment SET debit_minor = debit_minor / 4 * 4, credit_minor = credit_minor / 4 * 4"
                " WHERE number = $1",
                number,
            )
            await connection.execute(PART, seq := seq + 1, number, late, 1)
        for number in parted[:WHOLE_IN_PARTS]:
            await connection.execute(PART, seq := seq + 1, number, late, 3)
        for creditor in ("pk-bank-0", "XXXXPKKA", "XXXXCNBA"):
            await connection.execute(REFUSED, seq := seq + 1, creditor, late)
    yield pool
    await pool.close()
