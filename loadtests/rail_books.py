"""Whether the rails credited what the switch booked: payments and minor units, from the rails' own books."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg

from adapters.simulation import book
from adapters.simulation.book import EntryStatus

SETTLED_WITHIN_S: Final = 240.0
"""How long payments may take to become final after the load ended. After an outage of a rail some are in
doubt, and rails are asked after up to 90 s, by their own rules, and again."""
OPEN: Final = "SELECT count(*) FROM switch.open_payment"
COMMITTED: Final = """
SELECT p.rail, count(*), sum(p.credit_minor)::bigint
  FROM switch.payment AS p JOIN ledger.resolution AS r USING (number)
 WHERE r.outcome = 'posted' AND NOT starts_with(p.native_ref, 'past-')
 GROUP BY p.rail
"""


@dataclass(frozen=True, slots=True)
class RailTotal:
    """What one rail credited, or what the switch booked for it."""

    payments: int = 0
    minor: int = 0


def credited(directory: Path) -> dict[str, RailTotal]:
    """Totals by country, from the books in `directory`/COUNTRY: the last entry of each order counts."""
    found = {}
    for file in directory.glob(f"*/{book.FILE_NAME}"):
        last = {entry.rail_ref: entry for entry in book.read(file)}
        done = [entry.amount_minor for entry in last.values() if entry.outcome is EntryStatus.DONE]
        found[file.parent.name] = RailTotal(len(done), sum(done))
    return found


def compared(booked: Mapping[str, RailTotal], rails: Mapping[str, RailTotal]) -> dict[str, bool]:
    """Whether both sides have the same, by rail."""
    none = RailTotal()
    countries = sorted({*booked, *rails})
    return {f"rail {country}": booked.get(country, none) == rails.get(country, none) for country in countries}


async def check(database: str, directory: Path) -> dict[str, bool]:
    """Wait until no payment is open, then compare the switch with the books of its rails.

    Payments of a history that was filled in do not count: they were never at a rail.
    """
    connection = await asyncpg.connect(database)
    try:
        end = time.monotonic() + SETTLED_WITHIN_S
        while (is_open := await connection.fetchval(OPEN)) and time.monotonic() < end:  # noqa: ASYNC110
            await asyncio.sleep(0.2)
        rows = await connection.fetch(COMMITTED)
    finally:
        await connection.close()
    booked = {rail: RailTotal(payments, minor) for rail, payments, minor in rows}
    return {"every payment is final": not is_open, **compared(booked, credited(directory))}
