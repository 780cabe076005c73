"""Counters never go back and nobody dead is counted, whatever is killed."""

import itertools
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, multiprocess

from switch.base import metrics
from tests.switch.operations.reading import until_page
from tests.switch.stack import Stack
from tests.tiers import some

WORK = """
import sys, time
from switch.base import metrics
metrics.WORKERS.set(1)
metrics.CIRCUIT_OPEN.labels("IN").set(float(sys.argv[1]))
metrics.WEBHOOKS.labels("delivered").inc(5)
metrics.LOOP_LAG.labels("api").observe(0.2)
print("ready", flush=True)
time.sleep(600)
"""


def start(directory: Path, place: str, open_: int = 0) -> subprocess.Popen[str]:
    """A process of the switch as far as metrics go."""
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(directory), metrics.PLACE: place}
    command = [sys.executable, "-c", WORK, str(open_)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


Page = Callable[..., float | None]


def read(directory: Path) -> Page:
    """What a scrape would find now: the value of a sample, by its name and labels."""
    metrics.forget_the_dead(directory)
    collector = multiprocess.MultiProcessCollector(CollectorRegistry(), path=str(directory))
    found = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for metric in collector.collect()
        for sample in metric.samples
    }
    return lambda name, labels=None: found.get((name, *sorted((labels or {}).items())))


def test_a_process_that_was_killed_is_not_counted_and_its_counts_stay(tmp_path: Path) -> None:
    first, second = start(tmp_path, "api-0", open_=1), start(tmp_path, "api-1")
    both = read(tmp_path)
    files = {file.name for file in tmp_path.iterdir()}
    kill(first)
    one = read(tmp_path)
    again = start(tmp_path, "api-0")
    after = read(tmp_path)
    kill(again)
    kill(second)
    none = read(tmp_path)

    values = [
        (page("payswitch_api_workers"), page("payswitch_rail_circuit_open", {"rail": "IN"}))
        for page in (both, one, after, none)
    ]
    assert values == [(2, 1), (1, 0), (2, 0), (None, None)]
    counts = [
        page("payswitch_webhook_deliveries_total", {"result": "delivered"})
        for page in (both, one, after, none)
    ]
    assert counts == [10, 10, 15, 15]
    assert none("payswitch_event_loop_lag_seconds_count", {"process": "api"}) == 3
    assert {file.name for file in tmp_path.iterdir()} <= files  # however often it starts again


def test_a_number_that_was_given_to_another_process_keeps_nobody_alive(tmp_path: Path) -> None:
    process = start(tmp_path, "api-0")
    kill(process)
    said = tmp_path / "api-0.pid"
    said.write_text(str(os.getpid()))  # alive, but began after the place was taken
    os.utime(said, (1, 1))

    assert read(tmp_path)("payswitch_api_workers") is None


@pytest.mark.parametrize("text", some(("", "no number", "0", "-1", "99999999999999"), "-1"))
def test_a_place_that_makes_no_sense_is_a_dead_one(tmp_path: Path, text: str) -> None:
    kill(start(tmp_path, "api-0"))
    (tmp_path / "api-0.pid").write_text(text)

    assert read(tmp_path)("payswitch_api_workers") is None


def counters(page: str) -> dict[str, float]:
    """Every series of a page that must not go back."""
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)", page, re.MULTILINE))
    found = {}
    for series, value in re.findall(r"^(payswitch_[^#]\S*(?:\{.*\})?) (\S+)$", page, re.MULTILINE):
        name = series.partition("{")[0]
        base = re.sub(r"_(bucket|count|sum)$", "", name)
        if kinds.get(name) == "counter" or kinds.get(base) == "histogram":
            found[series] = float(value)
    return found


def test_a_file_of_metrics_is_never_seen_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A scrape at the instant in which a worker began ended in status 500."""
    seen: list[int] = []
    allocate = os.posix_fallocate

    def watched(descriptor: int, offset: int, length: int) -> None:
        seen.extend(file.stat().st_size for file in tmp_path.glob("*.db"))
        allocate(descriptor, offset, length)

    monkeypatch.setattr(os, "posix_fallocate", watched)
    for _ in range(2):
        metrics.MetricsFile(str(tmp_path / "counter_api-0.db")).close()

    assert 0 not in seen
    assert [file.name for file in tmp_path.iterdir()] == ["counter_api-0.db"]


async def test_a_worker_killed_under_the_switch_leaves_counters_that_only_grow(stack: Stack) -> None:
    paid = 'payswitch_payments_total{outcome="COMMITTED",rail="PK",reason=""}'
    async with stack.client("asha-bank") as client:
        await client.pay(stack.document("asha-bank", "noor-wallet"), wait=20)
        # The worker that has the rail's response counts it a moment after the payer has the status.
        until_page(stack, lambda page: paid in page)
        before = until_page(stack, lambda page: 'payswitch_processes{process="api"} 2.0' in page)
        os.kill(stack.supervisor.pid("api-0"), signal.SIGKILL)
        gone = until_page(stack, lambda page: 'payswitch_processes{process="api"} 1.0' in page)
        while 'payswitch_processes{process="api"} 2.0' not in stack.metrics():
            stack.supervisor.keep()
            time.sleep(0.2)
        one_more = counters(gone)[paid] + 1
        await client.pay(stack.document("asha-bank", "noor-wallet"), wait=20)
        after = until_page(stack, lambda page: counters(page).get(paid, 0) >= one_more)

    pages = [counters(page) for page in (before, gone, after)]
    assert len(pages[0]) > 50
    for older, newer in itertools.pairwise(pages):
        assert {s for s, value in older.items() if newer.get(s, -1) < value} == set()
    assert 'payswitch_payment_duration_seconds_count{outcome="COMMITTED",rail="PK"}' in pages[0]
    assert 'payswitch_settled_value_minor_units_total{currency="PKR",rail="PK"}' in pages[0]
    stages = re.findall(r'stage_duration_seconds_count\{stage="(\w+)"', after)
    assert set(stages) >= {"verify", "accept", "reserve", "send", "post", "final"}


FULL = """
import os, sys
from pathlib import Path
directory = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])

def fill():
    with (directory / "filler").open("ab", buffering=0) as file:
        size = 1 << 16
        while size:
            try:
                file.write(bytes(size))
            except OSError:
                size //= 2

if "before" in sys.argv:
    fill()
if "stock" in sys.argv:
    from prometheus_client import Counter
else:
    from prometheus_client import Counter
    from switch.base import metrics
many = Counter("many", "Labels without end", ("number",))
if "after" in sys.argv:
    fill()
for number in range(5000):
    many.labels(str(number)).inc()
if "stock" not in sys.argv:
    metrics.exposition()
    print(many.labels("4999")._value.get())
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB in memory."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4M", "tmpfs", str(tmp_path)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("only root may mount a small disk")
    yield tmp_path
    subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


def count_on(disk: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", FULL, *words],
        env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(disk), metrics.PLACE: "api-0"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_disk_that_fills_under_mapped_counters_kills_no_worker(small_disk: Path, when: str) -> None:
    """The disk is full when the process starts, or becomes full under it."""
    done = count_on(small_disk, when)

    assert (done.returncode, done.stdout) == (0, "1.0\n"), done.stderr[-500:]


def test_the_same_kills_a_process_whose_counters_have_no_blocks(small_disk: Path) -> None:
    """That the disk of the test above is one that kills."""
    assert count_on(small_disk, "after", "stock").returncode == -signal.SIGBUS


def test_a_log_on_a_full_disk_stops_nobody() -> None:
    program = "from switch.base import logs; import structlog; logs.configure('api'); structlog.get_logger().info('x')"
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([sys.executable, "-c", program], stderr=full, timeout=60, check=False)

    assert done.returncode in {0, 120}  # 120: the interpreter could not flush at its own end
