"""Whether the ledger slows down as it grows, and what checking all of it takes.

Two ledgers on one server, with a million payments behind one and ten million behind the other, take turns
under the same load. Then `ledger.verify` walks the larger one, and what it took is told: time and memory.
History is filled in by SQL exactly as the writer leaves it, leaf hashes and counters included, so the larger
ledger must verify; if it does not, the figures are void.
"""

import argparse
import contextlib
import statistics
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import asyncpg
import psutil

from ledger.verify import verify
from ledger.writer import Writer

FILL_CHUNK: Final = 500_000
AMOUNT: Final = 100
FILL: Final = (Path(__file__).parent / "growth_fill.sql").read_text(encoding="utf-8")
INDEXES: Final = """
SELECT CASE WHEN c.oid IS NULL THEN format('DROP INDEX %s', i.indexrelid::regclass)
            ELSE format('ALTER TABLE %s DROP CONSTRAINT %I', i.indrelid::regclass, c.conname) END AS drop_it,
       CASE WHEN c.oid IS NULL THEN pg_get_indexdef(i.indexrelid)
            ELSE format('ALTER TABLE %s ADD CONSTRAINT %I %s', i.indrelid::regclass, c.conname,
                        pg_get_constraintdef(c.oid)) END AS make_it
  FROM pg_index AS i
  LEFT JOIN pg_constraint AS c ON c.conindid = i.indexrelid AND c.contype IN ('p', 'u')
 WHERE i.indrelid IN ('ledger.transfer'::regclass, 'ledger.leg'::regclass, 'ledger.resolution'::regclass,
                      'ledger.event'::regclass)
"""

Load = Callable[[Writer, Sequence[int]], Coroutine[Any, Any, float]]
"""One turn of load on a ledger; payments a second."""


@dataclass(frozen=True, slots=True)
class Grown:
    """One of the ledgers: how to reach it, and the hot accounts that its history and its load are between."""

    name: str
    database_url: str
    writer: Writer
    accounts: Sequence[int]


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn took: the database's CPU is what other load on the machine cannot hide."""

    payments_per_s: float
    database_cpu_us: float


async def fill(database_url: str, accounts: Sequence[int], payments: int) -> None:
    """Write posted payments into a ledger's tables, as its writer leaves them; no writer may be running.

    Indexes are made when the rows are there: the same ones, and much sooner.
    """
    connection = await asyncpg.connect(database_url)
    await connection.execute("SET maintenance_work_mem = '512MB'; SET work_mem = '256MB'")
    indexes = await connection.fetch(INDEXES)
    for index in indexes:
        await connection.execute(index["drop_it"])
    for _ in range(0, payments, FILL_CHUNK):
        await connection.execute(FILL, accounts[0], accounts[1], FILL_CHUNK, AMOUNT)
    for index in indexes:
        await connection.execute(index["make_it"])
    await connection.execute("ANALYZE")
    await connection.close()


async def turns(ledgers: Sequence[Grown], load: Load, count: int) -> dict[str, Any]:
    """Let each ledger have its turn, `count` times; medians, and medians of the turns' own ratios."""
    taken = [[await _turn(ledger, load) for ledger in ledgers] for _ in range(count)]
    return figures([ledger.name for ledger in ledgers], taken)


async def _turn(ledger: Grown, load: Load) -> Turn:
    database = f"growth_{ledger.name}"
    spent, began = _server_cpu_s(database), time.perf_counter()
    per_s = await load(ledger.writer, ledger.accounts)
    payments = per_s * (time.perf_counter() - began)
    return Turn(per_s, 1e6 * (_server_cpu_s(database) - spent) / payments)


def figures(names: Sequence[str], taken: Sequence[Sequence[Turn]]) -> dict[str, Any]:
    """`slowdown_at_...` is what part of the throughput the larger ledger lacks."""
    found: dict[str, Any] = {}
    for place, name in enumerate(names):
        of_one = [turn[place] for turn in taken]
        found[f"payments_per_s_at_{name}"] = _median(turn.payments_per_s for turn in of_one)
        found[f"database_cpu_us_at_{name}"] = _median(turn.database_cpu_us for turn in of_one)
    slower = [1 - turn[-1].payments_per_s / turn[0].payments_per_s for turn in taken]
    dearer = [turn[-1].database_cpu_us / turn[0].database_cpu_us - 1 for turn in taken]
    return found | {
        f"slowdown_at_{names[-1]}": round(statistics.median(slower), 3),
        f"database_cpu_more_at_{names[-1]}": round(statistics.median(dearer), 3),
        "growth_turns": [[round(slow, 3), round(dear, 3)] for slow, dear in zip(slower, dearer, strict=True)],
    }


async def checked(ledger: Grown, progress: Callable[[int], None]) -> dict[str, Any]:
    """Walk the whole ledger; how long it took, and by how much this process grew at most."""
    connection = await asyncpg.connect(ledger.database_url)
    process = psutil.Process()
    before = peak = process.memory_info().rss
    done = 0

    def look(events: int) -> None:
        nonlocal peak, done
        done = events
        peak = max(peak, process.memory_info().rss)
        progress(events)

    began = time.perf_counter()
    failed = [result.name async for result in verify(connection, look) if not result.ok]
    took = time.perf_counter() - began
    await connection.close()
    return {
        "verify_events": done,
        "verify_s": round(took, 1),
        "verify_events_per_s": round(done / took),
        "verify_grew_mib": round((peak - before) / 2**20, 1),
        "verified_grown": not failed,
        "failed_grown": failed,
    }


def _server_cpu_s(database: str) -> float:
    """CPU seconds so far of the server's processes for one database; they say it in their titles."""
    spent = 0.0
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.name() == "postgres" and f" {database} " in " ".join(process.cmdline()):
                spent += sum(process.cpu_times()[:2])
    return spent


def _median(values: Iterable[float]) -> float:
    return round(statistics.median(values), 1)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `python -m loadtests ledger` that are about growth."""
    parser.add_argument(
        "--growth",
        type=int,
        nargs="?",
        const=10,
        help="also with 1 and with so many (10) million payments behind",
    )
    parser.add_argument("--only-growth", action="store_true", help="nothing else")
