"""The ledger alone: two-phase payments a second, against the naive ledger and pgbench on the same server.

A payment is one leg, reserved and then posted, each acknowledged only when durable. All systems keep every
durability setting on, use the same ten hot accounts, share one PostgreSQL, and take turns in rounds, so that
whatever else the machine does hits all of them; ratios are medians of the rounds' ratios. The load comes
from this same process. After the run the books are verified; if they do not balance the figures are void.

    python -m loadtests ledger --json [--seconds N] [--rounds N] [--growth [MILLIONS]] [--only-growth]
                               [--publish]

`--growth` also measures with 1 and with 10 million payments behind the ledger, and checks all of
the larger one (half an hour, 15 GB).
"""

import argparse
import asyncio
import contextlib
import gc
import itertools
import json
import os
import platform
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from unittest import mock
from uuid import UUID, uuid4

import asyncpg
import uvloop
from asyncpg.pgproto import pgproto
from msgspec import Struct

from ledger.books import Books, Decision, LedgerVerdict, Leg
from ledger.garbage import collect_in_short_steps
from ledger.migrate import migrate
from ledger.postgres import BIN, EmbeddedPostgres
from ledger.verify import verify
from ledger.writer import BatchExtension, Footprint, Writer
from loadtests import growth as growing
from loadtests import keeping, naive_ledger

HOT_ACCOUNTS: Final = 10
MANY_ACCOUNTS: Final = 100_000
CLOSED_LOOP: Final = 1_000
NAIVE_CONNECTIONS: Final = (8, 16, 32, 64)
OPEN_LOOP_PER_S: Final = 5_000
FINGERPRINT: Final = bytes(32)
PAIRS: Final = 50_000
SETTLE_S: Final = 8.0
"""Load before the turns of `--growth`: what a checkpoint costs in fifteen minutes must not fall into one."""


@dataclass(frozen=True, slots=True)
class LedgerRun:
    """One measured run; latencies in milliseconds, of both phases together."""

    payments_per_s: float
    p50_ms: float
    p99_ms: float


class Reserve(Struct, frozen=True, gc=False):
    """Phase one."""

    id: UUID
    legs: tuple[Leg, ...]


class Post(Struct, frozen=True, gc=False):
    """Phase two."""

    id: UUID


class BenchmarkAccount(Struct, frozen=True, gc=False):
    """An account of the benchmark."""

    owner: str


class Bench:
    """The smallest host of the writer: the ledger and nothing else."""

    def footprint(self, command: Any) -> Footprint:
        """The payment's id, which for a new one must be looked up."""
        return Footprint() if type(command) is BenchmarkAccount else Footprint((command.id,))

    async def load(self, connection: asyncpg.Connection, commands: Sequence[Any]) -> None:
        """There is nothing to load."""

    def decide(self, command: Any, books: Books) -> Decision | int:
        """The ledger's own verdict is the reply."""
        if type(command) is Reserve:
            return books.reserve(command.id, command.legs, fingerprint=FINGERPRINT)
        if type(command) is Post:
            return books.post(command.id)
        return books.open_account(command.owner, "INR", "position", 10**15)

    def extension(self) -> BatchExtension:
        """Nothing else is in the transaction."""
        return ()

    def committed(self) -> None:
        """There is nothing to do."""

    def abandoned(self) -> None:
        """There is nothing to drop."""


@contextlib.asynccontextmanager
async def running(database_url: str) -> AsyncIterator[Writer]:
    """A writer, stopped afterwards."""
    writer = Writer(database_url, Bench())
    await writer.start()
    try:
        yield writer
    finally:
        await writer.stop()


async def open_accounts(writer: Writer, count: int) -> list[int]:
    numbers: list[int] = []
    for first in range(0, count, 10_000):
        owners = range(first, min(count, first + 10_000))
        numbers += await writer.submit_many([BenchmarkAccount(f"{count} {n}") for n in owners])
    return numbers


def legs_of(accounts: Sequence[int]) -> Iterator[tuple[Leg]]:
    """Legs at random, drawn beforehand: the load must not cost more than what it loads."""
    debtors, creditors = random.choices(accounts, k=PAIRS), random.choices(accounts, k=PAIRS)
    pairs = zip(debtors, creditors, strict=True)
    drawn = [(Leg(*pair, 100, "principal"),) for pair in pairs if pair[0] != pair[1]]
    return itertools.cycle(drawn)


async def pay(writer: Writer, legs: tuple[Leg]) -> None:
    """One payment, both phases."""
    id_ = pgproto.UUID(os.urandom(16))
    reserved = await writer.submit(Reserve(id_, legs))
    posted = await writer.submit(Post(id_))
    assert (reserved.verdict, posted.verdict) == (LedgerVerdict.CREATED, LedgerVerdict.POSTED)


async def closed_loop(writer: Writer, accounts: Sequence[int], concurrency: int, seconds: float) -> LedgerRun:
    """`concurrency` payers, each with one payment at a time."""
    legs, latencies = legs_of(accounts), list[float]()
    end = time.perf_counter() + seconds

    async def payer() -> None:
        ended = time.perf_counter()
        while not latencies or ended < end:
            began = ended
            await pay(writer, next(legs))
            ended = time.perf_counter()
            latencies.append(ended - began)

    return await measured(latencies, *(payer() for _ in range(concurrency)))


async def open_loop(writer: Writer, accounts: Sequence[int], per_s: int, seconds: float) -> LedgerRun:
    """Payments at random moments, however long those before take; latency from the moment intended."""
    legs, latencies, tasks = legs_of(accounts), list[float](), set[asyncio.Task[None]]()

    async def payment(scheduled: float) -> None:
        await pay(writer, next(legs))
        latencies.append(time.perf_counter() - scheduled)

    async def generate() -> None:
        scheduled = time.perf_counter()
        end = scheduled + seconds
        while scheduled < end:
            scheduled += random.expovariate(per_s)
            if scheduled > time.perf_counter():
                await asyncio.sleep(scheduled - time.perf_counter())
            task = asyncio.create_task(payment(scheduled))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        await asyncio.gather(*tasks)

    return await measured(latencies, generate())


async def naive_loop(database_url: str, concurrency: int, seconds: float) -> LedgerRun:
    """The naive ledger with as many connections as payers."""
    latencies = list[float]()
    connections = [await asyncpg.connect(database_url) for _ in range(concurrency)]
    end = time.perf_counter() + seconds

    async def payer(connection: asyncpg.Connection) -> None:
        while time.perf_counter() < end:
            began = time.perf_counter()
            id_, (debit, credit) = uuid4(), random.sample(range(1, HOT_ACCOUNTS + 1), 2)
            await naive_ledger.reserve(connection, id_, debit, credit)
            await naive_ledger.post(connection, id_)
            latencies.append(time.perf_counter() - began)

    try:
        return await measured(latencies, *(payer(connection) for connection in connections))
    finally:
        for connection in connections:
            await connection.close()


async def measured(latencies: list[float], *work: Any) -> LedgerRun:
    """Run `work`, which fills `latencies`."""
    gc.collect()
    began = time.perf_counter()
    await asyncio.gather(*work)
    took = time.perf_counter() - began
    latencies.sort()
    p50, p99 = (latencies[int(len(latencies) * part)] * 1_000 for part in (0.5, 0.99))
    return LedgerRun(round(len(latencies) / took, 1), round(p50, 2), round(p99, 2))


def pgbench(*arguments: str) -> str:
    """What pgbench says."""
    done = subprocess.run([BIN / "pgbench", *arguments], check=True, capture_output=True, text=True)
    return done.stdout


def tpcb(database_url: str, clients: int, seconds: float) -> float:
    """Transactions a second of pgbench's TPC-B-like script, on as many hot branches as we have accounts."""
    said = pgbench("-n", f"-c{clients}", "-j1", f"-T{max(1, round(seconds))}", database_url)
    match = re.search(r"tps = ([\d.]+)", said)
    assert match is not None
    return float(match[1])


async def compare(database_url: str, options: argparse.Namespace) -> dict[str, Any]:
    """All systems in turns, then the figures that have no peer, then the books' own verdict."""
    connection = await asyncpg.connect(database_url)
    if options.only_growth:
        found = await growth(connection, database_url, options)
        await connection.close()
        return found
    await migrate(database_url, ("ledger",))
    await naive_ledger.prepare(connection, HOT_ACCOUNTS)
    await asyncio.to_thread(pgbench, "-i", "-q", f"-s{HOT_ACCOUNTS}", database_url)
    async with running(database_url) as writer:
        hot = await open_accounts(writer, HOT_ACCOUNTS)
        await closed_loop(writer, hot, CLOSED_LOOP, 1.0)
        rounds = [await one_round(database_url, writer, hot, options.seconds) for _ in range(options.rounds)]
        await tidy(connection)
        found = peers_figures(rounds) | await alone(writer, hot, options.seconds)
    failed = [result.name async for result in verify(connection) if not result.ok]
    found |= {"verified": not failed, "failed": failed}
    found["audit_cost"] = await audit_cost(await fresh_database(connection, database_url, "audit"), options)
    if options.growth:
        found |= await growth(connection, database_url, options)
    await connection.close()
    return found


async def fresh_database(connection: asyncpg.Connection, database_url: str, name: str) -> str:
    """A migrated database of its own: what is measured in it need not verify."""
    await connection.execute(f"CREATE DATABASE {name}")
    url = database_url.replace("/postgres?", f"/{name}?")
    await migrate(url, ("ledger",))
    return url


async def one_round(database_url: str, writer: Writer, hot: Sequence[int], seconds: float) -> dict[str, Any]:
    """Every system once. The naive ledger's best concurrency is found in every round anew."""
    connection = await asyncpg.connect(database_url)
    await tidy(connection)
    ours = await closed_loop(writer, hot, CLOSED_LOOP, seconds)
    ours_64 = await closed_loop(writer, hot, 64, seconds)
    await tidy(connection)
    naive = {n: await naive_loop(database_url, n, seconds) for n in NAIVE_CONNECTIONS}
    await tidy(connection)
    bench = {n: await asyncio.to_thread(tpcb, database_url, n, seconds) for n in NAIVE_CONNECTIONS[:2]}
    await connection.close()
    return {"ours": ours, "ours_64": ours_64, "naive": naive, "tpcb": max(bench.values())}


async def tidy(connection: asyncpg.Connection) -> None:
    """Clear up what a turn left behind, or its vacuum and its checkpoint would run in the next one's time."""
    await connection.execute("VACUUM")
    await connection.execute("CHECKPOINT")


def peers_figures(rounds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Medians over the rounds."""

    def best(r: dict[str, Any]) -> float:
        rates: list[float] = [run.payments_per_s for run in r["naive"].values()]
        return max(rates)

    def median(values: Iterable[float]) -> float:
        return round(statistics.median(values), 1)

    return {
        "payments_per_s_hot": median(r["ours"].payments_per_s for r in rounds),
        "p50_ms_hot": median(r["ours"].p50_ms for r in rounds),
        "p99_ms_hot": median(r["ours"].p99_ms for r in rounds),
        "payments_per_s_hot_64": median(r["ours_64"].payments_per_s for r in rounds),
        "p99_ms_hot_64": median(r["ours_64"].p99_ms for r in rounds),
        "naive_payments_per_s": {
            n: median(r["naive"][n].payments_per_s for r in rounds) for n in NAIVE_CONNECTIONS
        },
        "naive_p99_ms_64": median(r["naive"][64].p99_ms for r in rounds),
        "tpcb_per_s": median(r["tpcb"] for r in rounds),
        "ratio_vs_naive_hot": median(r["ours"].payments_per_s / best(r) for r in rounds),
        "ratio_vs_naive_hot_64": median(
            r["ours_64"].payments_per_s / r["naive"][64].payments_per_s for r in rounds
        ),
        "ratio_vs_tpcb": median(r["ours"].payments_per_s / r["tpcb"] for r in rounds),
    }


async def alone(writer: Writer, hot: Sequence[int], seconds: float) -> dict[str, Any]:
    """Latency at a steady rate, and many accounts instead of ten."""
    steady = await open_loop(writer, hot, OPEN_LOOP_PER_S, seconds)
    many = await open_accounts(writer, MANY_ACCOUNTS)
    uniform = await closed_loop(writer, many, CLOSED_LOOP, seconds)
    return {
        "p50_ms_at_5000": steady.p50_ms,
        "p99_ms_at_5000": steady.p99_ms,
        "reached_per_s_at_5000": steady.payments_per_s,
        "payments_per_s_100k_accounts": uniform.payments_per_s,
    }


async def audit_cost(database_url: str, options: argparse.Namespace) -> float:
    """What part of the throughput the leaves take: the same load with and without hashing them, in turns."""
    ratios = []
    async with running(database_url) as writer:
        hot = await open_accounts(writer, HOT_ACCOUNTS)
        await closed_loop(writer, hot, CLOSED_LOOP, 1.0)
        for _ in range(options.rounds):
            hashed = await closed_loop(writer, hot, CLOSED_LOOP, options.seconds)
            with (
                mock.patch("ledger.batch.leaf_hashes", new=_no_leaves),
            ):
                plain = await closed_loop(writer, hot, CLOSED_LOOP, options.seconds)
            ratios.append(hashed.payments_per_s / plain.payments_per_s)
    return round(1 - statistics.median(ratios), 3)


def _no_leaves(_first: int, _at: int, events: Iterable[object]) -> list[bytes]:
    return [FINGERPRINT for _ in events]


async def growth(
    connection: asyncpg.Connection, database_url: str, options: argparse.Namespace
) -> dict[str, Any]:
    """Throughput with a million payments in the tables and with ten million; then a check of all of it."""
    # Vacuuming what was just filled in would take turns of its own.
    await connection.execute("ALTER SYSTEM SET autovacuum = off")
    await connection.execute("SELECT pg_reload_conf()")
    sizes = {"1m": 1_000_000, f"{options.growth}m": options.growth * 1_000_000}
    async with contextlib.AsyncExitStack() as stack:
        ledgers = []
        for name, payments in sizes.items():
            url, accounts = await filled(connection, database_url, name, payments)
            writer = await stack.enter_async_context(running(url))
            ledgers.append(growing.Grown(name, url, writer, accounts))
        await tidy(connection)
        for ledger in ledgers:  # the first change of a page after a checkpoint writes it whole
            await closed_loop(ledger.writer, ledger.accounts, CLOSED_LOOP, SETTLE_S)

        async def load(writer: Writer, accounts: Sequence[int]) -> float:
            return (await closed_loop(writer, accounts, CLOSED_LOOP, options.seconds)).payments_per_s

        found = await growing.turns(ledgers, load, 2 * options.rounds)
    return found | await growing.checked(ledgers[-1], _say_progress)


async def filled(
    connection: asyncpg.Connection, database_url: str, name: str, payments: int
) -> tuple[str, list[int]]:
    """A ledger with so much history behind it: where it is, and its accounts."""
    began = time.perf_counter()
    url = await fresh_database(connection, database_url, f"growth_{name}")
    async with running(url) as writer:
        accounts = await open_accounts(writer, HOT_ACCOUNTS)
    await growing.fill(url, accounts, payments)
    print(f"filled {name} in {time.perf_counter() - began:.0f} s", file=sys.stderr)
    return url, accounts


def _say_progress(events: int) -> None:
    if events % 1_000_000 < 2_000:
        print(f"checked {events:,} events", file=sys.stderr)


def settings(options: argparse.Namespace) -> dict[str, Any]:
    """What the figures depend on."""
    return {
        "seconds": options.seconds,
        "rounds": options.rounds,
        "closed_loop": CLOSED_LOOP,
        "hot_accounts": HOT_ACCOUNTS,
        "durability": "fsync=on synchronous_commit=on full_page_writes=on data_checksums=on",
        "cpus": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 2),
        "growth_millions": options.growth,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="loadtests ledger", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
    parser.add_argument("--seconds", type=float, default=3.0, help="length of each measured run")
    parser.add_argument("--rounds", type=int, default=3, help="how often every system has its turn")
    growing.add_options(parser)
    keeping.add_options(parser)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    options = parse(arguments)
    found: dict[str, Any] = {"settings": settings(options)}
    collect_in_short_steps(old_every=1_000)  # as the writer's process does
    with tempfile.TemporaryDirectory(prefix="payswitch-bench-") as directory:
        server = EmbeddedPostgres(Path(directory) / "postgres")
        try:
            found |= uvloop.run(compare(server.start(), options))
        finally:
            server.stop()
    stamp = found["settings"]["at"].replace(":", "").replace("+0000", "Z")
    keeping.keep(options.results, f"ledger-{stamp}", found)
    print(json.dumps(found) if options.json else json.dumps(found, indent=2))
    return 0 if found.get("verified", True) else 1
