"""kill -9 in seeded rounds: of the writer, of a PostgreSQL backend, of the whole server, each at a random
moment.

`--kill-rounds N` says how many; a failure names its round, and the same round is the same seed. One
database lives through all of them, so whatever a round leaves behind is there in the next.
"""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from uuid import UUID

import asyncpg
import psutil
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger import audit
from ledger.migrate import migrate
from ledger.postgres import EmbeddedPostgres
from ledger.signing import Signer
from ledger.verify import verify

pytestmark = pytest.mark.chaos

FINAL = {"posted", "voided", "failed"}
KINDS = ("writer", "backend", "server")
VERIFY_EVERY = 25
SIGNER = Signer("test/ledger", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))

STATES = """
SELECT id, CASE kind WHEN 'failed' THEN 'failed' WHEN 'two_phase' THEN coalesce(outcome, 'pending') ELSE 'posted' END
       AS state
FROM ledger.transfer LEFT JOIN ledger.resolution USING (number) WHERE id = ANY ($1::uuid[])
"""
IMBALANCE = """
SELECT sum(debits_pending - credits_pending), sum(debits_posted - credits_posted) FROM ledger.account
"""


class Round:
    """One worker that pays until something is killed."""

    def __init__(self, server: EmbeddedPostgres, url: str, number: int) -> None:
        self.server = server
        self.url = url
        self.number = number
        self.kind = KINDS[number % len(KINDS)]
        self.chance = random.Random(number)
        self.acknowledged: dict[UUID, str] = {}

    def run(self) -> None:
        """Pay, kill, and read what had been acknowledged: all of it had left the worker before."""
        worker = subprocess.Popen(
            [sys.executable, "-m", "tests.ledger.crash_worker", self.url, str(self.number)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert worker.stdout is not None
        with worker:
            assert worker.stdout.readline() == "ready\n", f"round {self.number}"
            time.sleep(self.chance.uniform(0.01, 0.4))
            getattr(self, f"kill_{self.kind}")()
            if self.kind == "backend":
                time.sleep(self.chance.uniform(0.0, 0.4))  # the writer comes back by itself, or is coming
            worker.send_signal(signal.SIGKILL)
            lines = [line.split() for line in worker.stdout if line.endswith("\n")]
        self.acknowledged = {UUID(id_): state for id_, state in lines}

    def kill_writer(self) -> None:
        """The worker is killed in any case; here it is the first."""

    def kill_backend(self) -> None:
        """A process that serves a connection: the whole instance recovers."""
        serving = [
            child for child in psutil.Process(self.server.pid).children() if "payswitch" in " ".join(child.cmdline())
            or "[local]" in " ".join(child.cmdline())
        ]  # fmt: skip
        os.kill(self.chance.choice(serving).pid, signal.SIGKILL)

    def kill_server(self) -> None:
        """The postmaster and all its children at once."""
        processes = [psutil.Process(self.server.pid), *psutil.Process(self.server.pid).children()]
        for process in processes:
            process.kill()
        psutil.wait_procs(processes, timeout=10)


async def connect(server: EmbeddedPostgres, url: str) -> asyncpg.Connection:
    """Start what was killed, and wait for what recovers."""
    if not server.running:
        server.start()
    async with asyncio.timeout(60):
        while True:
            try:
                return await asyncpg.connect(url)
            except (asyncpg.PostgresError, OSError):
                await asyncio.sleep(0.02)


async def check(connection: asyncpg.Connection, one: Round) -> None:
    """What was acknowledged is there, in its state or one that follows; nothing is out of balance."""
    states = {row["id"]: row["state"] for row in await connection.fetch(STATES, list(one.acknowledged))}
    wrong = {
        id_: (state, states.get(id_))
        for id_, state in one.acknowledged.items()
        if states.get(id_) != state and (state != "pending" or states.get(id_) not in FINAL)
    }
    assert wrong == {}, f"round {one.number}, {one.kind}, after {len(one.acknowledged)} acknowledged"
    assert [sum_ or 0 for sum_ in await connection.fetchrow(IMBALANCE)] == [0, 0], f"round {one.number}"


async def check_everything(connection: asyncpg.Connection, number: int) -> None:
    """Every invariant; and the tree of now extends every checkpoint of before."""
    await audit.checkpoint(connection, SIGNER)
    faults = [result async for result in verify(connection) if not result.ok]
    assert faults == [], f"round {number}"


@pytest.mark.timeout(0)
async def test_kills_at_random_moments_lose_nothing_and_double_nothing(data_directory, kill_rounds):
    server = EmbeddedPostgres(data_directory / "postgres", {"shared_buffers": "64MB"})
    url = server.start()
    acknowledged = 0
    try:
        await migrate(url, ("ledger",))
        for number in range(1, kill_rounds + 1):
            one = Round(server, url, number)
            await asyncio.to_thread(one.run)
            connection = await connect(server, url)
            await check(connection, one)
            acknowledged += len(one.acknowledged)
            if number % VERIFY_EVERY == 0 or number == kill_rounds:
                await check_everything(connection, number)
            await connection.close()
        print(f"{kill_rounds} rounds, {acknowledged} acknowledged payments")  # noqa: T201 - shown with -s
    finally:
        server.stop()

    assert acknowledged > kill_rounds
