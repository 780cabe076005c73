"""Processes are kept by their progress: what dies, stands still or loses its lock is replaced, and told."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest

from ledger.roles import Login
from switch.base import lifeline
from switch.cli import supervisor
from switch.cli.supervisor import Child
from switch.processes import process
from switch.processes.fork_server import ForkServer
from tests.conftest import psql
from tests.switch.operations.test_doctor import settings_of
from tests.switch.processes.test_fork_server import TEXT

HELD = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND objid = 4711"


class Kept:
    """A child of a real program, and a supervisor's looks at it."""

    def __init__(self, directory: Path, name: str, program: str) -> None:
        self.server = ForkServer()
        log = directory / "logs" / f"{name}.log"
        self.child = Child(name, self.server, TEXT, [program], dict(os.environ), log)
        self.said: list[str] = []
        self.child.start()

    def look(self, elapsed_s: float = 0.05) -> None:
        self.child.keep(elapsed_s, self.said.append)

    def until(self, condition: object, *, within_s: float = 20) -> None:
        end = time.monotonic() + within_s
        while not condition():  # type: ignore[operator]
            assert time.monotonic() < end, self.said
            self.look()
            time.sleep(0.05)


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[type[Kept]]:
    made: list[Kept] = []

    def make(name: str, program: str) -> Kept:
        made.append(Kept(tmp_path, name, program))
        return made[-1]

    yield make  # type: ignore[misc]
    for one in made:
        one.child.stop()
        one.server.close()


ENDS = "from switch.base import lifeline; lifeline.ends('its key is gone', lasting={lasting})"


def test_a_reason_is_reported_once_and_not_at_every_restart(kept: type[Kept]) -> None:
    one = kept("writer", ENDS.format(lasting=False))  # type: ignore[call-arg, arg-type]

    one.until(lambda: one.child.restarts >= 3)

    assert one.said == ["restarting writer: its key is gone"]
    assert not one.child.refused


def test_what_a_process_waits_for_is_known_until_it_waits_no_longer(kept: type[Kept]) -> None:
    program = (
        "from switch.base import lifeline; import time; lifeline.waits('another has the lease'); time.sleep(1);"
        " lifeline.waits(''); time.sleep(60)"
    )
    one = kept("writer", program)  # type: ignore[call-arg, arg-type]

    one.until(lambda: one.child.waits == "another has the lease")
    one.until(lambda: not one.child.waits)


def test_a_reason_that_lasts_is_known_and_the_next_try_is_not_soon(kept: type[Kept]) -> None:
    one = kept("writer", ENDS.format(lasting=True))  # type: ignore[call-arg, arg-type]
    one.until(lambda: one.child.refused and one.said)
    first = one.child.process

    for _ in range(20):
        one.look()
        time.sleep(0.05)

    assert one.child.process is first
    assert one.said == ["restarting writer: its key is gone"]


def test_a_simulated_rail_that_lost_its_port_is_reported_with_its_last_output(kept: type[Kept]) -> None:
    one = kept("rail-PK", "raise SystemExit('address already in use')")  # type: ignore[call-arg, arg-type]

    one.until(lambda: one.child.restarts >= 2)

    assert one.said == ["restarting rail-PK: address already in use"]


def test_a_process_without_progress_is_replaced(kept: type[Kept], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "_SILENT_MAX_S", {"caretaker": 0.5})
    one = kept("caretaker", "from switch.base import lifeline; import time; lifeline.beat(); time.sleep(60)")  # type: ignore[call-arg, arg-type]
    first = one.child.process

    one.until(lambda: one.child.process is not first)

    assert one.said[0].startswith("restarting caretaker: it made no progress for")


def test_a_supervisor_that_was_stopped_itself_blames_nobody(
    kept: type[Kept], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own looks are counted, not the clock: after an hour of standing still one look is one look."""
    monkeypatch.setattr(supervisor, "_SILENT_MAX_S", {"caretaker": 0.5})
    one = kept("caretaker", "from switch.base import lifeline; import time; lifeline.beat(); time.sleep(60)")  # type: ignore[call-arg, arg-type]
    first = one.child.process
    time.sleep(2)

    one.look(0.1)
    one.look(0.1)

    assert one.child.process is first
    assert first is not None
    assert first.poll() is None


def test_backends_that_block_a_process_are_reported(kept: type[Kept]) -> None:
    one = kept(
        "writer", "from switch.base import lifeline; import time; lifeline.are_stuck({7}); time.sleep(60)"
    )  # type: ignore[call-arg, arg-type]

    one.until(lambda: one.child.stuck)

    assert one.child.stuck == [7]
    one.look()
    assert one.child.stuck == []


def test_a_process_that_ends_after_each_restart_is_failing(kept: type[Kept]) -> None:
    one = kept("writer", "raise SystemExit(3)")  # type: ignore[call-arg, arg-type]
    assert not one.child.is_failing

    one.until(lambda: one.child.is_failing)

    assert one.child.ended_by.startswith("exit code 3; see ")


def test_a_line_that_nobody_reads_holds_nobody_up() -> None:
    reader = lifeline.Reader()
    program = "from switch.base import lifeline\nfor _ in range(100_000): lifeline.beat()"
    environment = {**os.environ, lifeline.FILE: str(reader.writing)}

    done = subprocess.run(
        [sys.executable, "-c", program], check=False, env=environment, pass_fds=[reader.writing], timeout=60
    )

    reader.close()
    assert done.returncode == 0


# ── the only one of a kind ───────────────────────────────────────────────────────────────────────────────


async def held(url: str) -> int:
    connection = await asyncpg.connect(url)
    count: int = await connection.fetchval(HELD)
    await connection.close()
    return count


async def begun(ending: process.Ending, *, within_s: float) -> bool:
    await ending.wait(within_s)
    signal.alarm(0)  # the bound of the end is for processes, and this one is the tests'
    return ending.begun


async def test_a_second_of_a_kind_waits_and_follows(tmp_path: Path, database_url: str) -> None:
    settings = settings_of(tmp_path, database=database_url)
    order: list[str] = []

    async def one(name: str, entered: asyncio.Event, leave: asyncio.Event) -> None:
        async with process.only_one(settings, Login.CARETAKER, 4711, process.Ending()):
            order.append(name)
            entered.set()
            await leave.wait()

    entered, leave = asyncio.Event(), asyncio.Event()
    first = asyncio.create_task(one("first", entered, leave))
    await entered.wait()
    second = asyncio.create_task(one("second", asyncio.Event(), leave))
    await asyncio.sleep(1)
    assert order == ["first"]
    leave.set()
    await asyncio.gather(first, second)

    assert order == ["first", "second"]


async def test_a_lost_session_of_the_lock_begins_the_end(tmp_path: Path, database_url: str) -> None:
    ending = process.Ending()
    async with process.only_one(settings_of(tmp_path, database=database_url), Login.CARETAKER, 4711, ending):
        psql(database_url, "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE objid = 4711")

        assert await begun(ending, within_s=5)

    with pytest.raises(process.Lost):
        ending.check()


async def test_a_silent_session_of_the_lock_begins_the_end(tmp_path: Path, database_url: str) -> None:
    """Its backend hangs: nothing is closed, and nothing comes back."""
    ending = process.Ending()
    async with process.only_one(settings_of(tmp_path, database=database_url), Login.CARETAKER, 4711, ending):
        backend = psutil.Process(int(psql(database_url, "SELECT pid FROM pg_locks WHERE objid = 4711")))
        backend.suspend()
        try:
            assert await begun(ending, within_s=25)
        finally:
            backend.resume()


STUCK = """
import asyncio, time
from switch.base import lifeline
from switch.processes import process

async def work(_settings):
    ending = process.Ending()
    print("ready", flush=True)
    await ending.wait()
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            pass

process.END_WITHIN_S = 1
process.main("caretaker", work)
"""


def test_a_process_that_swallows_its_end_is_ended_by_the_kernel() -> None:
    with subprocess.Popen([sys.executable, "-c", STUCK], stdout=subprocess.PIPE) as stuck:
        assert stuck.stdout is not None
        assert stuck.stdout.readline() == b"ready\n"
        stuck.terminate()

        assert stuck.wait(20) == -signal.SIGALRM
