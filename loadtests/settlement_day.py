"""A day of a million payments: how long its window takes to close and its settlement to be written down.

`python -m loadtests.settlement_day [--payments N] [--publish]`: one JSON object on the last line, and the
same in `settlement_day.json`. History is bulk-loaded by SQL in the shape that the ledger writes, on a server
of its own; what is timed runs through the writer.
"""

import argparse
import asyncio
import json
import tempfile
import time
from pathlib import Path
from typing import Final

import asyncpg

from ledger.migrate import migrate
from ledger.postgres import EmbeddedPostgres
from ledger.roles import Login
from loadtests import keeping
from loadtests.reports import settings
from switch.base import calendars
from switch.base.database import connect_pool
from switch.base.settings import Settings
from switch.processes.writer import WriterServer
from switch.settlement import day, positions, reads
from switch.writer.client import Link
from switch.writer.commands import CloseWindow, OpenAccount
from switch.writer.context import ServiceContext

BANKS: Final = 10
_AMOUNT: Final = 10_000
_TRANSFERS: Final = """
INSERT INTO ledger.transfer (number, id, kind, fingerprint)
SELECT $1 + 3 * n, gen_random_uuid(), 'two_phase', '\\x00' FROM generate_series(0, $2::bigint - 1) AS n
"""
_LEGS: Final = """
INSERT INTO ledger.leg (number, debit, credit, amount, position, purpose)
SELECT $1 + 3 * n, ($3::bigint[])[1 + n % $4], ($3::bigint[])[1 + (n * 7 + n / $4) % ($4 - 1) + CASE
    WHEN (n * 7 + n / $4) % ($4 - 1) >= n % $4 THEN 1 ELSE 0 END], $5 + n % 997, 0, 'principal'
FROM generate_series(0, $2::bigint - 1) AS n
"""
_RESOLUTIONS: Final = """
INSERT INTO ledger.resolution (number, seq, outcome)
SELECT $1 + 3 * n, $1 + 3 * n + 2, 'posted' FROM generate_series(0, $2::bigint - 1) AS n
"""
_EVENTS: Final = """
INSERT INTO ledger.event (seq, number, at, kind, change, body, leaf)
SELECT $1 + m, $1 + 3 * (m / 3), clock_timestamp(), (ARRAY['RESERVE', 'SEND', 'CONFIRM'])[1 + m % 3],
       (ARRAY['R', '', 'P'])[1 + m % 3]::bytea, repeat('x', 200)::bytea, repeat('y', 32)::bytea
FROM generate_series(0, 3 * $2::bigint - 1) AS m
"""
_COUNTERS: Final = """
UPDATE ledger.account AS a
SET debits_posted = d.amount, credits_posted = c.amount, entries = d.n + c.n
FROM (SELECT debit, sum(amount) AS amount, count(*) AS n FROM ledger.leg GROUP BY debit) AS d
JOIN (SELECT credit, sum(amount) AS amount, count(*) AS n FROM ledger.leg GROUP BY credit) AS c
  ON c.credit = d.debit
WHERE a.number = d.debit
"""


async def load(connection: asyncpg.Connection, accounts: list[int], payments: int) -> None:
    """Write a day's history: payments between the accounts, reserved, sent and posted."""
    first = await connection.fetchval("SELECT next_seq FROM ledger.head")
    await connection.execute(_TRANSFERS, first, payments)
    await connection.execute(_LEGS, first, payments, accounts, len(accounts), _AMOUNT)
    await connection.execute(_RESOLUTIONS, first, payments)
    await connection.execute(_EVENTS, first, payments)
    await connection.execute("UPDATE ledger.head SET next_seq = $1", first + 3 * payments)
    await connection.execute(_COUNTERS)
    await connection.execute("ANALYZE ledger.transfer, ledger.leg, ledger.resolution, ledger.event")


async def serve(url: str, data: Path) -> tuple[WriterServer, Link]:
    """Start a writer in this process."""
    server = WriterServer(url, 1000)
    await server.serve(data / "w.sock")
    link = Link(data / "w.sock")
    await link.start()
    return server, link


async def measure(url: str, data: Path, payments: int) -> dict[str, object]:
    """Load the day, close it, write its settlement down; seconds of each."""
    owner = await asyncpg.connect(url)
    server, link = await serve(url, data)
    accounts = [
        (await link.ask(OpenAccount(f"bank-{n}", "INR", "position", 2**61))).number for n in range(BANKS)
    ]
    await link.ask(OpenAccount("payswitch", "INR", "settlement", None))
    await link.stop()
    await server.stop()
    await owner.executemany(
        "INSERT INTO switch.participant (id, name, bic, country, kind) VALUES ($1, $1, $2, 'IN', 'direct')",
        [(f"bank-{n}", f"BNK{'ABCDEFGHIJ'[n]}INBB") for n in range(BANKS)],
    )
    began = time.perf_counter()
    await load(owner, accounts, payments)
    loaded_s = time.perf_counter() - began
    _, link = await serve(url, data)
    pool = await connect_pool(Settings(database=url, data=data), Login.OWNER)
    desk = ServiceContext(pool, pool, link, data)
    await calendars.load(pool, "INR")  # a caretaker has looked at it every second of the day
    began = time.perf_counter()
    window = (await link.ask(CloseWindow("INR"))).number
    closed = time.perf_counter()
    await day.open_settlement(desk, window)
    opened = time.perf_counter()
    nets = await positions.payment_nets(pool, window)
    lines = await reads.lines(pool, window)
    await _check(owner, {line.participant: line.net_minor for line in lines})
    return {
        "payments": payments,
        "load_s": round(loaded_s, 2),
        "close_s": round(closed - began, 3),
        "settlement_s": round(opened - closed, 3),
        "total_s": round(opened - began, 3),
        "lines": len(lines),
        "sum_of_nets": sum(net.minor for net in nets),
    }


async def _check(owner: asyncpg.Connection, lines: dict[str, int]) -> None:
    """The lines are the sums of the legs, added up independently."""
    rows = await owner.fetch(
        "SELECT a.owner, coalesce(c.amount, 0) - coalesce(d.amount, 0) AS net FROM ledger.account AS a"
        " LEFT JOIN (SELECT credit, sum(amount) AS amount FROM ledger.leg GROUP BY 1) AS c"
        " ON c.credit = a.number"
        " LEFT JOIN (SELECT debit, sum(amount) AS amount FROM ledger.leg GROUP BY 1) AS d"
        " ON d.debit = a.number"
        " WHERE a.purpose = 'position'"
    )
    summed = {row["owner"]: int(row["net"]) for row in rows if row["net"]}
    assert summed == lines, "the settlement is not the sum of its payments"


def main() -> None:
    """Run it on an embedded server of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--payments", type=int, default=1_000_000)
    keeping.add_options(parser)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="payswitch-") as directory:
        data = Path(directory)
        server = EmbeddedPostgres(data / "postgres")
        url = server.start()
        try:
            asyncio.run(migrate(url))
            figures = asyncio.run(measure(url, data, options.payments))
        finally:
            server.stop()
    figures["settings"] = settings()
    keeping.keep(options.results, "settlement_day", figures)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
