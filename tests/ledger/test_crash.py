"""kill -9 at random moments: what was acknowledged is there, nothing is there twice, everything verifies."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from uuid import UUID

import asyncpg
import psutil
import pytest

from ledger.migrate import migrate
from ledger.postgres import EmbeddedPostgres
from ledger.verify import verify

pytestmark = pytest.mark.chaos

FINAL = {"posted", "voided", "failed"}


def run_until_killed(
    database_url: str, seed: int, kill: Callable[[subprocess.Popen[str]], None]
) -> dict[UUID, str]:
    """Run the worker, let `kill` end it, and return what it had acknowledged, by id."""
    worker = subprocess.Popen(
        [sys.executable, "-m", "tests.ledger.crash_worker", database_url, str(seed)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert worker.stdout is not None
    with worker:
        assert worker.stdout.readline() == "ready\n"
        time.sleep(random.Random(seed).uniform(0.05, 0.4))
        kill(worker)
        lines = [line.split() for line in worker.stdout if line.endswith("\n")]
    return {UUID(id_): state for id_, state in lines}


def kill_worker(worker: subprocess.Popen[str]) -> None:
    worker.send_signal(signal.SIGKILL)


async def check(database_url: str, acknowledged: dict[UUID, str]) -> int:
    """Every acknowledged id is there with its state or a later one; every invariant holds."""
    connection = await asyncpg.connect(database_url)
    try:
        rows = await connection.fetch(
            "SELECT id, CASE kind WHEN 'failed' THEN 'failed' ELSE coalesce(outcome, 'pending') END AS state"
            " FROM ledger.transfer LEFT JOIN ledger.resolution USING (number) WHERE id = ANY ($1::uuid[])",
            list(acknowledged),
        )
        states = {row["id"]: row["state"] for row in rows}
        wrong = {
            id_: (state, states.get(id_))
            for id_, state in acknowledged.items()
            if states.get(id_) != state and (state != "pending" or states.get(id_) not in FINAL)
        }
        assert wrong == {}, f"after {len(acknowledged)} acknowledged"
        assert [result async for result in verify(connection) if not result.ok] == []
        return len(rows)
    finally:
        await connection.close()


async def test_a_killed_writer_loses_nothing_and_is_taken_over(database_url, chaos_seconds):
    deadline, seed, checked = time.monotonic() + chaos_seconds, 0, 0
    while time.monotonic() < deadline or seed < 3:
        seed += 1
        checked += await check(database_url, run_until_killed(database_url, seed, kill_worker))

    assert checked > 100


@pytest.fixture
def own_server(data_directory):
    """A server that the test may kill."""
    server = EmbeddedPostgres(data_directory / "postgres", {"shared_buffers": "64MB"})
    yield server
    server.stop()


def kill_backends(server: EmbeddedPostgres) -> None:
    """kill -9 a process that serves a connection: the whole instance recovers."""
    for child in psutil.Process(server.pid).children():
        if "payswitch" in " ".join(child.cmdline()) or " idle" in " ".join(child.cmdline()):
            os.kill(child.pid, signal.SIGKILL)
            return


def kill_everything(server: EmbeddedPostgres) -> None:
    """kill -9 the postmaster and all its children."""
    processes = [psutil.Process(server.pid), *psutil.Process(server.pid).children()]
    for process in processes:
        process.kill()
    psutil.wait_procs(processes, timeout=10)


@pytest.mark.parametrize("kill_server", [kill_backends, kill_everything])
async def test_a_killed_server_loses_nothing(own_server, chaos_seconds, kill_server):
    database_url = own_server.start()
    await migrate(database_url, ("ledger",))
    deadline, seed, checked = time.monotonic() + chaos_seconds, 0, 0

    def kill(worker):
        kill_server(own_server)
        time.sleep(0.3)
        worker.kill()

    while time.monotonic() < deadline or seed < 2:
        seed += 1
        acknowledged = run_until_killed(database_url, seed, kill)
        if kill_server is kill_everything:
            database_url = own_server.start()
        else:
            await until_it_answers(database_url)
        checked += await check(database_url, acknowledged)

    assert checked > 20


async def until_it_answers(database_url: str) -> None:
    for _ in range(200):
        try:
            await (await asyncpg.connect(database_url)).close()
        except (asyncpg.PostgresError, OSError):
            time.sleep(0.05)
        else:
            return
    pytest.fail("the server did not come back")
