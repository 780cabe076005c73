"""A data directory has one supervisor. A second one names it, and replaces one that nobody owns."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from switch.cli.ownership import DataLock, InUse

HOLDS = """
import os, sys, time
from pathlib import Path
from switch.cli import ownership, watchdog
watchdog.watched.parent = {parent}
lock = ownership.DataLock(Path({data!r}))
lock.take(print)
lock.describe("http://127.0.0.1:1")
print("held", flush=True)
time.sleep(600)
"""


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "data"
    holder = json.loads((tmp_path / "data" / "run" / "supervisor.lock").read_text())["process"]
    if holder != os.getpid() and psutil.pid_exists(holder):
        psutil.Process(holder).kill()


def held(data: Path, parent: int | None) -> subprocess.Popen[str]:
    program = HOLDS.format(data=str(data), parent=parent)
    holder = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_a_second_one_is_refused_with_who_runs_and_how_to_stop_it(data: Path) -> None:
    with held(data, os.getpid()) as holder:
        with pytest.raises(InUse) as refused:
            DataLock(data).take(print)
        holder.kill()

    assert str(refused.value) == (
        f"another switch is running on {data} (process {os.getpid()} at http://127.0.0.1:1):"
        f" stop it with `kill {os.getpid()}`, or name another with --data"
    )


def test_one_whose_parent_was_killed_is_replaced(data: Path) -> None:
    said: list[str] = []
    with held(data, parent=1) as holder:
        lock = DataLock(data)
        lock.take(said.append)

        assert holder.wait(10) != 0

    assert said == [f"replacing the switch of process {holder.pid}, whose parent was killed"]
    with pytest.raises(InUse, match=str(os.getpid())):
        DataLock(data).take(said.append)
    lock.release()


def test_a_lock_of_a_killed_holder_is_free_at_once(data: Path) -> None:
    with held(data, os.getpid()) as holder:
        holder.kill()
        holder.wait()
        began = time.monotonic()
        lock = DataLock(data)
        lock.take(print)

    assert time.monotonic() - began < 5
    lock.release()
