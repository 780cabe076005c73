"""The product's cores and everybody else's are apart."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from loadtests import cores


@pytest.mark.parametrize(("cpus", "product"), [(1, 0), (2, 0), (3, 0), (4, 2), (16, 8)])
def test_a_small_machine_is_shared(cpus, product):
    assert cores.default(cpus) == product


def test_cores_are_divided_without_a_rest():
    assert cores.divided([5, 0, 1, 7], 1) == ({0}, {1, 5, 7})
    assert cores.divided([0, 1, 2, 3], 3) == ({0, 1, 2}, {3})


@pytest.mark.parametrize("product", [0, 4, 5, -1])
def test_nobody_is_left_without_a_core(product):
    with pytest.raises(ValueError, match="1 to 3 of 4"):
        cores.divided([0, 1, 2, 3], product)


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core cannot be divided")
def test_processes_are_pinned_with_their_threads():
    program = (
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()\nprint(flush=True)\n"
    )
    started = [subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) for _ in range(2)]
    try:
        for process in started:
            assert process.stdout is not None
            process.stdout.readline()
        ours = started[0].pid
        cores.pin([psutil.Process(one.pid) for one in started], lambda process: process.pid == ours, 1)
        found = [
            {
                frozenset(os.sched_getaffinity(int(one.name)))
                for one in Path(f"/proc/{process.pid}/task").iterdir()
            }
            for process in started
        ]
    finally:
        for process in started:
            process.kill()
            process.communicate()

    own, others = cores.divided(sorted(os.sched_getaffinity(0)), 1)
    assert found == [{frozenset(own)}, {frozenset(others)}]
