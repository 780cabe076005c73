"""What a payment costs with millions of payments behind it: `--history N`, on the full path.

Two switches run beside each other. Behind one of them stand N payments, which SQL makes as copies of real
ones in every table that a payment is kept in, with ids, hashes and balances of their own; its books must
verify. They take turns, A B B A, as two revisions do.
"""

import asyncio
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import asyncpg
import psutil

from ledger.postgres import EmbeddedPostgres
from ledger.roles import Passwords
from loadtests import rail_books
from loadtests.compare import COMPARED, order, report
from loadtests.measure import MeasuredRun, Options, Target, cpu_by_part, measure
from loadtests.payments_table import rows
from loadtests.systems import database_of, payswitch, verified
from switch.operations.verify import verify

CHUNK: Final = 100_000
PATTERNS_MAX: Final = 1_000
PARTITION: Final = 1 << 24
"""Numbers of a partition, as the schema makes them."""
COST_MAX: Final = 1.10
"""What history may add to the CPU of a payment."""
QUIET_SHARE: Final = 0.05
QUIET_FOR_S: Final = 5.0
_FILL: Final = (Path(__file__).parent / "history_fill.sql").read_text(encoding="utf-8")
_PATTERN: Final = """
CREATE UNLOGGED TABLE ledger.history_pattern AS
SELECT row_number() OVER (ORDER BY p.number) - 1 AS place, p.number, p.uetr
  FROM switch.payment AS p JOIN ledger.resolution AS r USING (number)
 WHERE r.outcome = 'posted' AND NOT starts_with(p.native_ref, 'past-')
   AND (SELECT array_agg(e.kind ORDER BY e.seq) FROM ledger.event AS e WHERE e.number = p.number)
       = ARRAY['RESERVE', 'SEND', 'CONFIRM']
 ORDER BY p.number LIMIT $1
"""
_PATTERN_EVENTS: Final = """
CREATE UNLOGGED TABLE ledger.history_pattern_event AS
SELECT e.number, row_number() OVER (PARTITION BY e.number ORDER BY e.seq) - 1 AS step, e.kind, e.change,
       convert_from(e.body, 'UTF8') AS body
  FROM ledger.history_pattern AS pattern JOIN ledger.event AS e ON e.number = pattern.number
"""
_DROP: Final = "DROP TABLE IF EXISTS ledger.history_pattern, ledger.history_pattern_event"
"""Ordinary tables, because no user of the database may make temporary ones."""
_PARTITIONS: Final = """
SELECT ledger.add_partitions($1::text::regclass, $2::bigint, next_seq + 3 * $3::bigint + 3 * $2::bigint)
  FROM ledger.head
"""


class NoPattern(RuntimeError):
    """No payment was posted that history could be copied from."""


async def fill(database: str, payments: int, chunk: int = CHUNK) -> None:
    """Put so many payments behind a switch whose processes do not run.

    Raises:
        NoPattern: there is no posted payment.

    """
    connection = await asyncpg.connect(database)
    try:
        await connection.execute("SET synchronous_commit = off")
        await connection.execute("SET work_mem = '256MB'")
        await connection.execute(_DROP)
        await connection.execute(_PATTERN.replace("$1", str(PATTERNS_MAX)))
        await connection.execute(_PATTERN_EVENTS)
        if not await connection.fetchval("SELECT count(*) FROM ledger.history_pattern"):
            raise NoPattern(NoPattern.__doc__)
        await connection.execute("ANALYZE ledger.history_pattern, ledger.history_pattern_event")
        for table in ("ledger.event", "switch.message"):
            await connection.fetchval(_PARTITIONS, table, PARTITION, payments)
        for made in range(0, payments, chunk):
            await connection.execute(_FILL, min(chunk, payments - made))
        await connection.execute("ANALYZE")
    finally:
        await connection.execute(_DROP)
        await connection.close()


async def check(database: str) -> dict[str, bool]:
    """Every check of `payswitch verify` but the comparison with the rails, where history never was."""
    connection = await asyncpg.connect(database)
    try:
        with tempfile.TemporaryDirectory() as nothing:
            return {found.name: found.ok async for found in verify(connection, Path(nothing), None)}
    finally:
        await connection.close()


def run(place: Path, options: Options, payments: int, pairs: int) -> dict[str, Any]:
    """Measure a switch without history (A) and one with it (B)."""
    for name in ("a", "b"):
        with payswitch(place / name, options) as target:
            measure(target, replace(options, seconds=options.warm_up_s + 1))
    began = time.monotonic()
    _fill_stopped(place / "b", payments)
    filled_s = time.monotonic() - began
    turn = replace(options, seconds=options.seconds / (2 * pairs))
    runs: dict[str, list[MeasuredRun]] = {"A": [], "B": []}
    with payswitch(place / "a", options) as without, payswitch(place / "b", options) as behind:
        until_quiet(behind)
        for letter in order(pairs):
            runs[letter].append(measure({"A": without, "B": behind}[letter], turn))
        database = database_of(place / "b")
        of_rails = asyncio.run(rail_books.check(database, place / "b" / "rails"))
        checks = {"A": verified(place / "a"), "B": asyncio.run(check(database)) | of_rails}
    found = report(options, "no history", runs["A"], runs["B"], checks)
    cost = found["ratios"]["cpu_us_per_payment"]["median"]
    return found | {
        "benchmark": "payments_history",
        "history": payments,
        "fill_s": round(filled_s, 1),
        "within_10_percent": cost <= COST_MAX,
        "settings": asdict(options) | {"pairs": pairs},
    }


def _fill_stopped(directory: Path, payments: int) -> None:
    server = EmbeddedPostgres(directory / "postgres", passwords=Passwords(directory / "keys" / "database"))
    try:
        server.start()
        asyncio.run(fill(database_of(directory), payments))
    finally:
        server.stop()


def until_quiet(target: Target) -> None:
    """Wait until the caretaker has caught up with all that was filled in: invariants, audit tree, reports."""
    quiet_s, spent = 0.0, _product_s(target.roots)
    while quiet_s < QUIET_FOR_S:
        time.sleep(1.0)
        before, spent = spent, _product_s(target.roots)
        quiet_s = quiet_s + 1.0 if spent - before < QUIET_SHARE else 0.0


def _product_s(roots: tuple[psutil.Process, ...]) -> float:
    return sum(seconds for part, seconds in cpu_by_part(roots).items() if part != "rails")


def page(found: dict[str, Any]) -> str:
    """The comparison in Markdown."""
    lines = [
        (name, found["other"][name], found["this"][name], of["median"], f"{of['least']} to {of['most']}")
        for name, of in ((name, found["ratios"][name]) for name in COMPARED)
    ]
    balanced = all(found[name]["balanced"] for name in ("other", "this"))
    about = (
        f"{found['history']:,} payments were filled in, in {found['fill_s']:g} s."
        f" {found['settings']['pairs']} pairs of rounds, mix {found['settings']['mix']}."
        f" CPU of a payment within 10 %: {'yes' if found['within_10_percent'] else 'NO'}."
        f" Books of both verify: {'yes' if balanced else 'NO'}."
    )
    head = ("", "without history", "with it", "ratio", "pairs from, to")
    return f"# A payment with history behind it\n\n{about}\n\n{rows(head, lines)}\n"
