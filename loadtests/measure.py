"""Driving a running switch and reading what it took: throughput, latency, CPU by part."""

import contextlib
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import psutil

from loadtests import mix
from loadtests.generator import Load, SendResult

HOST: Final = "127.0.0.1"
WARM_UP_S: Final = 2.0
CALM_CONNECTIONS: Final = 4
CALM_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Options:
    """What to measure."""

    seconds: float
    connections: int
    workers: int
    messages: str
    rail_latency_s: float
    against_naive: bool
    mix: str = "two"
    """A mix of `loadtests.mix`."""
    seed: int = 0
    warm_up_s: float = WARM_UP_S
    """Seconds at the beginning of each round that are not measured."""


@dataclass(frozen=True, slots=True)
class Figures:
    """One system's figures. CPU is user and system time of its processes, by part, for each payment.

    `calm` is with few connections: what a payment takes when nothing else is going on, the rails' own
    latency included.
    """

    payments_per_s: float
    rounds_payments_per_s: list[float]
    p50_ms: float
    p99_ms: float
    calm_p50_ms: float
    calm_p99_ms: float
    cpu_us_per_payment: float
    cpu_us_by_part: dict[str, float]
    cpu_elsewhere_share: float
    """Of the whole machine, while it was measured; much of it makes the other figures worthless."""
    answers: dict[str, int]
    balanced: bool
    checks: dict[str, bool]


@dataclass(frozen=True, slots=True)
class MeasuredRun:
    """What the load process saw, and CPU seconds by part of the system while it measured."""

    result: SendResult
    cpu: dict[str, float]
    elsewhere: float
    """Share of the machine's CPU that went to processes that have no part in this."""


@dataclass(frozen=True, slots=True)
class Target:
    """A running switch: where it is, the processes it consists of, and who may send."""

    port: int
    roots: tuple[psutil.Process, ...]
    """Their children belong to it too."""
    keys: dict[str, tuple[str, str]]
    """Participant -> key id, private key in PEM."""


def measure(target: Target, options: Options) -> MeasuredRun:
    """Drive a running switch as hard as so many connections can.

    Raises:
        RuntimeError: the load process ended early, or no payment became final.

    """
    return _drive(target, options, connections=options.connections, seconds=options.seconds)


def measure_calm(target: Target, options: Options) -> MeasuredRun:
    """Drive it gently. Raises as `measure` does."""
    return _drive(target, options, connections=CALM_CONNECTIONS, seconds=CALM_S)


def _drive(target: Target, options: Options, *, connections: int, seconds: float) -> MeasuredRun:
    senders = mix.senders(mix.mix(options.mix), target.keys, options.messages, options.seed)
    load = Load(HOST, target.port, senders, connections, options.warm_up_s, seconds, seed=options.seed)
    command = [sys.executable, "-m", "loadtests.generator"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as generator:
        assert generator.stdin is not None
        assert generator.stdout is not None
        generator.stdin.write(msgspec.json.encode(load))
        generator.stdin.close()
        _expect(generator.stdout.readline(), b"measuring\n")
        before, busy = cpu_by_part(target.roots), _busy_s()
        _expect(generator.stdout.readline(), b"measured\n")
        after, busy = cpu_by_part(target.roots), _busy_s() - busy
        result = msgspec.json.decode(generator.stdout.read(), type=SendResult)
    if not result.payments:
        raise RuntimeError(f"no payment became final; answers: {result.answers}")
    spent = {part: after[part] - before.get(part, 0.0) for part in after} | {"load": result.cpu_s}
    elsewhere = max(0.0, busy - sum(spent.values())) / (result.seconds * (psutil.cpu_count() or 1))
    return MeasuredRun(result, spent, elsewhere)


def _busy_s() -> float:
    """CPU seconds so far that the whole machine was not idle."""
    times = psutil.cpu_times()
    return float(sum(times[:3]) + times.irq + times.softirq)


def _expect(line: bytes, wanted: bytes) -> None:
    if line != wanted:
        raise RuntimeError("the load process ended early")


def figures(runs: Sequence[MeasuredRun], calm: MeasuredRun, checks: dict[str, bool]) -> Figures:
    """Figures of one system, of several runs that count as one."""
    payments = sum(run.result.payments for run in runs)
    latencies = sorted(latency for run in runs for latency in run.result.latencies_ms)
    cpu: Counter[str] = Counter()
    answers: Counter[str] = Counter()
    for run in runs:
        cpu.update(run.cpu)
        answers.update(run.result.answers)
    by_part = {part: round(1e6 * seconds / payments, 1) for part, seconds in sorted(cpu.items())}
    return Figures(
        payments_per_s=round(payments / sum(run.result.seconds for run in runs), 1),
        rounds_payments_per_s=[round(run.result.payments / run.result.seconds, 1) for run in runs],
        p50_ms=percentile(latencies, 0.50),
        p99_ms=percentile(latencies, 0.99),
        calm_p50_ms=percentile(calm.result.latencies_ms, 0.50),
        calm_p99_ms=percentile(calm.result.latencies_ms, 0.99),
        cpu_us_per_payment=round(by_part.get("switch", 0.0) + by_part.get("postgres", 0.0), 1),
        cpu_us_by_part=by_part,
        cpu_elsewhere_share=round(statistics.mean(run.elsewhere for run in runs), 3),
        answers=dict(answers),
        balanced=all(checks.values()),
        checks=checks,
    )


def percentile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that `share` of all values do not exceed; 0 of none."""
    if not ordered:
        return 0.0
    return round(ordered[max(0, -int(-share * len(ordered) // 1) - 1)], 2)


def cpu_by_part(roots: Sequence[psutil.Process]) -> dict[str, float]:
    """CPU seconds so far of trees of processes, by part; children that ended count with their parents."""
    spent: dict[str, float] = {}
    for process in [process for root in roots for process in (root, *root.children(recursive=True))]:
        with contextlib.suppress(psutil.NoSuchProcess):
            part = _part(process)
            times = process.cpu_times()
            spent[part] = spent.get(part, 0.0) + sum(times[:4])
    return spent


def _part(process: psutil.Process) -> str:
    if any(word.startswith("adapters.simulation") for word in process.cmdline()):
        return "rails"
    return "postgres" if process.name() == "postgres" else "switch"
