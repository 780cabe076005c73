"""Driving a running switch and reading what it took: throughput, latency, CPU by part."""

import contextlib
import re
import statistics
import subprocess
import sys
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec
import psutil

from loadtests import cores, gate, mix
from loadtests.gate import GateResult
from loadtests.generator import Load, SendResult

HOST: Final = "127.0.0.1"
WARM_UP_S: Final = 2.0
CALM_CONNECTIONS: Final = 4
CALM_S: Final = 5.0
_KINDS: Final = frozenset({"api", "writer", "caretaker", "messenger"})
_OURS: Final = re.compile(r"payswitch ([a-z]+)")
_ROLE: Final = re.compile(r"postgres: payswitch_([a-z]+) ")


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
    profile: tuple[str, ...] = ()
    """The setting of the same name: `stages`, `samples`."""
    product_cores: int = 0
    """Cores of the product alone; rails and load get the others. 0: all share all cores."""
    names: dict[str, list[str]] = field(default_factory=dict)
    """By country: names that payments have in place of those of the mix."""


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
    """`switch` and `postgres` are the product; `rails` and `load` stand for others."""
    cpu_elsewhere_share: float
    """Of the whole machine, while it was measured; much of it makes the other figures worthless."""
    answers: dict[str, int]
    balanced: bool
    checks: dict[str, bool]
    payments_per_core_second: float
    """Payments for each second of CPU of the product."""
    cpu_us_by_process: dict[str, float]
    """As by part, finer: `api`, `writer`, `caretaker`, `postgres writer` (the role), `rails`."""
    p999_ms: float
    payments: int
    payments_by_rail: dict[str, int]
    payments_by_sender: dict[str, int]
    payments_by_media_type: dict[str, int]
    gate: GateResult


@dataclass(frozen=True, slots=True)
class MeasuredRun:
    """What the load process saw, and CPU seconds by process of the system while it measured."""

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
    profiles: Path | None = None
    """Where its processes write their profiles, with `Options.profile`."""


def measure(target: Target, options: Options) -> MeasuredRun:
    """Drive a running switch as hard as so many connections can.

    Raises:
        RuntimeError: the load process ended early, or no payment became final.

    """
    return _some(_drive(target, options, connections=options.connections, seconds=options.seconds))


def measure_calm(target: Target, options: Options) -> MeasuredRun:
    """Drive it gently. Raises as `measure` does."""
    return _some(_drive(target, options, connections=CALM_CONNECTIONS, seconds=CALM_S))


def measure_load(
    target: Target,
    options: Options,
    *,
    connections: int,
    rate_per_s: float = 0.0,
    weights: Mapping[str, float] | None = None,
    during: Callable[[], None] | None = None,
) -> MeasuredRun:
    """Drive it with a load that may be more than it can carry; with a rate it is an open loop.

    `weights`: of the senders, in place of the mix's shares. `during` runs in a thread while it is measured;
    with it, what is refused for now is sent again.

    Raises:
        RuntimeError: the load process ended early.

    """
    return _drive(
        target,
        options,
        connections=connections,
        seconds=options.seconds,
        rate_per_s=rate_per_s,
        weights=weights,
        during=during,
    )


def _some(run: MeasuredRun) -> MeasuredRun:
    if not run.result.payments:
        raise RuntimeError(f"no payment became final; answers: {run.result.answers}")
    return run


def _drive(
    target: Target,
    options: Options,
    *,
    connections: int,
    seconds: float,
    rate_per_s: float = 0.0,
    weights: Mapping[str, float] | None = None,
    during: Callable[[], None] | None = None,
) -> MeasuredRun:
    senders = mix.senders(mix.mix(options.mix), target.keys, options.messages, options.seed)
    if weights is not None:
        senders = [msgspec.structs.replace(one, weight=weights[one.name]) for one in senders]
    load = Load(
        *(HOST, target.port, senders, connections, options.warm_up_s, seconds),
        rate_per_s=rate_per_s,
        seed=options.seed,
        repeats=during is not None,
        names=options.names,
    )
    command = [sys.executable, "-m", "loadtests.generator"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as generator:
        assert generator.stdin is not None
        assert generator.stdout is not None
        generator.stdin.write(msgspec.json.encode(load))
        generator.stdin.close()
        if options.product_cores:
            theirs = [psutil.Process(generator.pid), *of_target(target.roots)]
            cores.pin(
                theirs, lambda one: one.pid != generator.pid and _is_product(one), options.product_cores
            )
        _expect(generator.stdout.readline(), b"measuring\n")
        before, busy = cpu_by_process(target.roots), _busy_s()
        if during is not None:
            threading.Thread(target=during).start()
        _expect(generator.stdout.readline(), b"measured\n")
        after, busy = cpu_by_process(target.roots), _busy_s() - busy
        result = msgspec.json.decode(generator.stdout.read(), type=SendResult)
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
    by_process = {name: round(1e6 * seconds / payments, 1) for name, seconds in sorted(cpu.items())}
    by_part: dict[str, float] = defaultdict(float)
    for name, seconds in cpu.items():
        by_part[part_of(name)] += seconds
    product_us = 1e6 * (by_part["switch"] + by_part["postgres"]) / payments
    elsewhere = statistics.mean(run.elsewhere for run in runs)
    results, balanced = [run.result for run in runs], all(checks.values())
    return Figures(
        payments_per_s=round(payments / sum(run.result.seconds for run in runs), 1),
        rounds_payments_per_s=[round(run.result.payments / run.result.seconds, 1) for run in runs],
        p50_ms=percentile(latencies, 0.50),
        p99_ms=percentile(latencies, 0.99),
        calm_p50_ms=percentile(calm.result.latencies_ms, 0.50),
        calm_p99_ms=percentile(calm.result.latencies_ms, 0.99),
        cpu_us_per_payment=round(product_us, 1),
        cpu_us_by_part={part: round(1e6 * by_part[part] / payments, 1) for part in sorted(by_part)},
        cpu_elsewhere_share=round(elsewhere, 3),
        answers=dict(answers),
        balanced=balanced,
        checks=checks,
        payments_per_core_second=round(1e6 / product_us, 1) if product_us else 0.0,
        cpu_us_by_process=by_process,
        p999_ms=percentile(latencies, 0.999),
        payments=payments,
        payments_by_rail=_sum(result.by_rail for result in results),
        payments_by_sender=_sum(result.by_sender for result in results),
        payments_by_media_type=_sum(result.by_media_type for result in results),
        gate=gate.judge(results, elsewhere=elsewhere, balanced=balanced),
    )


def _sum(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return dict(sorted(total.items()))


def percentile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that `share` of all values do not exceed; 0 of none."""
    if not ordered:
        return 0.0
    return round(ordered[max(0, -int(-share * len(ordered) // 1) - 1)], 2)


def cpu_by_process(roots: Sequence[psutil.Process]) -> dict[str, float]:
    """CPU seconds so far of trees of processes, by name; children that ended count with their parents."""
    spent: dict[str, float] = {}
    for process in of_target(roots):
        with contextlib.suppress(psutil.NoSuchProcess):
            name = name_of(process.name(), process.cmdline())
            times = process.cpu_times()
            spent[name] = spent.get(name, 0.0) + sum(times[:4])
    return spent


def _is_product(process: psutil.Process) -> bool:
    return part_of(name_of(process.name(), process.cmdline())) != "rails"


def of_target(roots: Sequence[psutil.Process]) -> list[psutil.Process]:
    """Processes and all below them."""
    return [process for root in roots for process in (root, *root.children(recursive=True))]


def cpu_by_part(roots: Sequence[psutil.Process]) -> dict[str, float]:
    """The same by part of the system."""
    spent: dict[str, float] = defaultdict(float)
    for name, seconds in cpu_by_process(roots).items():
        spent[part_of(name)] += seconds
    return dict(spent)


def name_of(program: str, command: Sequence[str]) -> str:
    """The name under which a process is counted, from its program and its command line or title."""
    title = " ".join(command)
    if "adapters.simulation" in title:
        return "rails"
    if program == "postgres":
        role = _ROLE.match(title)
        return f"postgres {role[1]}" if role else "postgres server"
    ours = _OURS.match(title)
    if ours:
        return ours[1] if ours[1] in _KINDS else "supervisor"
    return "supervisor" if " up " in title else "switch"


def part_of(name: str) -> str:
    """The part of the system to which a process counts: `switch`, `postgres`, `rails` or `load`."""
    if name.startswith("postgres"):
        return "postgres"
    return name if name in {"rails", "load"} else "switch"
