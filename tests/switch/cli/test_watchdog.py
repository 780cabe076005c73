"""`payswitch up` is a parent and a supervisor: whichever is killed, the switch is back, or goes on."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

PROGRAM = """
import json, os, sys, time
from pathlib import Path
from switch.cli import watchdog

def work():
    {work}

sys.exit(watchdog.run(work))
"""
RUNS = """
    me = watchdog.watched
    me.is_ready()
    path = Path({path!r})
    with path.open("a") as file:
        file.write(json.dumps([os.getpid(), me.resumed]) + chr(10))
    try:
        while True:
            time.sleep(0.05)
            if me.is_orphan():
                path.with_suffix(".orphan").touch()
    except KeyboardInterrupt:
        return 0
"""


def until(holds: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


class Pair:
    """A parent and its supervisors, which note themselves in a file."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "supervisors"
        program = PROGRAM.format(work=RUNS.format(path=str(self.path)).strip())
        self.parent = subprocess.Popen(
            [sys.executable, "-c", program], stderr=subprocess.PIPE, text=True, start_new_session=True
        )

    def supervisors(self) -> list[tuple[int, bool]]:
        """Process id of each so far, and whether it replaced another."""
        if not self.path.exists():
            return []
        return [tuple(json.loads(line)) for line in self.path.read_text().splitlines()]


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    made = Pair(tmp_path)
    until(made.supervisors)
    yield made
    made.parent.kill()
    for pid, _ in made.supervisors():
        if psutil.pid_exists(pid):
            os.kill(pid, signal.SIGKILL)
    made.parent.communicate()


def test_a_killed_supervisor_is_replaced_and_the_next_one_stops_in_order(pair: Pair) -> None:
    os.kill(pair.supervisors()[0][0], signal.SIGKILL)
    until(lambda: len(pair.supervisors()) == 2)

    assert [resumed for _, resumed in pair.supervisors()] == [False, True]

    pair.parent.terminate()
    assert pair.parent.wait(30) == 0
    assert pair.parent.stderr is not None
    assert pair.parent.stderr.read() == "the supervisor ended (SIGKILL): starting another\n"


def test_a_supervisor_outlives_its_parent_and_knows_it(pair: Pair) -> None:
    pid, _ = pair.supervisors()[0]
    pair.parent.kill()
    pair.parent.wait()

    until(lambda: pair.path.with_suffix(".orphan").exists())
    assert psutil.pid_exists(pid)


@pytest.mark.parametrize(
    ("work", "code"), [("return 3", 3), ("watchdog.watched.is_ready(); return 0", 0)], ids=["fails", "ends"]
)
def test_a_supervisor_that_ends_by_itself_ends_its_parent(work: str, code: int) -> None:
    program = PROGRAM.format(work=work)
    done = subprocess.run([sys.executable, "-c", program], check=False, timeout=60, capture_output=True)

    assert (done.returncode, done.stderr) == (code, b"")


def test_a_supervisor_that_fails_before_it_can_report_says_why() -> None:
    """A package that is missing ended `up` with exit code 1 and no word."""
    program = PROGRAM.format(work="import payswitch_is_not_installed")
    done = subprocess.run([sys.executable, "-c", program], check=False, timeout=60, capture_output=True)

    assert done.returncode == 1
    assert b"No module named 'payswitch_is_not_installed'" in done.stderr


def test_an_interrupt_of_a_start_is_one_however_often_it_comes() -> None:
    """The terminal sends it to both processes, and the parent passes it on."""
    work = "import time\n    try:\n        print('up', flush=True); time.sleep(60)\n    finally:\n        time.sleep(1); print('down', flush=True)\n    return 0"
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(work=work)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"up\n"
        for _ in range(3):
            os.killpg(parent.pid, signal.SIGINT)
            time.sleep(0.1)

        assert parent.stdout.read() == b"down\n"
        assert parent.wait(30) != 0
