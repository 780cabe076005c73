"""More load than the switch can carry: goodput, fairness between participants, and the herd after an outage.

    python -m loadtests overload --json [--seconds N] [--rounds N] [--outage N] [--publish]

*Three times the capacity*: rounds of a closed loop, which finds the capacity, and of constant arrival at
three times that. *One at twenty times its share*: eight participants with equal shares, together at a half
of the capacity, then the same with one of them at twenty times its share. *Herd*: while payments arrive at
a fraction of the capacity and senders repeat what is refused, the writer or all rails are stopped for a
while; then the time until no more payments are without an answer than before.

All is measured at one switch in one run and given as ratios of neighbours in time, because what else the
machine does hits both. After it, the books must balance and agree with the rails': a payment that was sent
twice, or refused and executed, would show there.
"""

import argparse
import json
import os
import platform
import signal
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import psutil

from loadtests import keeping
from loadtests.generator import PENDING_EVERY_S
from loadtests.loads import LoadFigures, connections_for, of_run
from loadtests.measure import (
    WARM_UP_S,
    MeasuredRun,
    Options,
    Target,
    measure_load,
    name_of,
    of_target,
    percentile,
)
from loadtests.mix import mix
from loadtests.payments_table import rows
from loadtests.systems import payswitch, verified

TIMES: Final = 3.0
"""Of the capacity."""
HOT_TIMES: Final = 20.0
SHARED_LOAD: Final = 0.5
"""Of the capacity, by eight participants with equal shares."""
HERD_LOAD: Final = 0.3
"""Of the capacity: so that an outage of a minute leaves two thirds of half a minute to catch up."""
CALM_BEFORE_S: Final = 5.0
AFTER_S: Final = 45.0
_PARTS: Final = {"writer": "writer", "rails": "rails"}
"""What is stopped, and the name of its processes in `measure`."""


@dataclass(frozen=True, slots=True)
class Goodput:
    """Rounds of capacity and of three times that."""

    capacity: list[LoadFigures]
    overloaded: list[LoadFigures]

    def report(self) -> dict[str, Any]:
        """The figures and their ratios, each of two neighbours in time."""
        pairs = list(zip(self.capacity, self.overloaded, strict=True))
        goodput = [over.confirmed_per_s / calm.confirmed_per_s for calm, over in pairs]
        cpu = [
            calm.cpu_us_per_payment / over.cpu_us_per_payment
            for calm, over in pairs
            if calm.cpu_us_per_payment and over.cpu_us_per_payment
        ]
        return {
            "goodput_share": _spread(goodput),
            "payments_per_core_second_share": _spread(cpu),
            "offered_times": _spread([over.offered_per_s / calm.confirmed_per_s for calm, over in pairs]),
            "capacity": [asdict(one) for one in self.capacity],
            "overloaded": [asdict(one) for one in self.overloaded],
        }


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {
        "median": round(statistics.median(values), 3),
        "least": round(min(values), 3),
        "most": round(max(values), 3),
    }


def goodput(target: Target, options: Options, rounds: int) -> tuple[Goodput, float]:
    """Goodput at three times the capacity, and the capacity in payments a second."""
    found = Goodput([], [])
    for _ in range(rounds):
        calm = of_run(measure_load(target, options, connections=options.connections))
        found.capacity.append(calm)
        rate = TIMES * calm.confirmed_per_s
        run = measure_load(target, options, connections=connections_for(rate), rate_per_s=rate)
        found.overloaded.append(of_run(run))
    return found, statistics.median(one.confirmed_per_s for one in found.capacity)


def fairness(target: Target, options: Options, capacity_per_s: float, rounds: int) -> dict[str, Any]:
    """What one participant at twenty times its share does to the others."""
    names = list(mix(options.mix).shares)
    hot, *others = names
    equal = dict.fromkeys(names, 1.0)
    calm_rate = SHARED_LOAD * capacity_per_s
    hot_rate = calm_rate * (len(others) + HOT_TIMES) / len(names)
    pairs = []
    for _ in range(rounds):
        calm = measure_load(
            target, options, connections=connections_for(calm_rate), rate_per_s=calm_rate, weights=equal
        )
        busy = measure_load(
            target,
            options,
            connections=connections_for(hot_rate),
            rate_per_s=hot_rate,
            weights=equal | {hot: HOT_TIMES},
        )
        pairs.append((calm, busy))
    p99 = [(_p99(calm, others), _p99(busy, others)) for calm, busy in pairs]
    served = [(_served(calm, others), _served(busy, others)) for calm, busy in pairs]
    return {
        "others_p99_ratio": _spread([busy / calm for calm, busy in p99]),
        "others_served_ratio": _spread([busy / calm for calm, busy in served]),
        "others_p99_ms": [{"equal": calm, "one_hot": busy} for calm, busy in p99],
        "hot_offered_per_s": round(calm_rate * HOT_TIMES / len(names), 1),
        "hot_confirmed_per_s": [_served(busy, [hot]) for _, busy in pairs],
        "offered_of_capacity": {
            "equal": SHARED_LOAD,
            "one_hot": round(hot_rate / capacity_per_s, 2),
        },
        "equal": [asdict(of_run(calm)) for calm, _ in pairs],
        "one_hot": [asdict(of_run(busy)) for _, busy in pairs],
    }


def _p99(run: MeasuredRun, names: Sequence[str]) -> float:
    found = run.result.latencies_by_sender_ms
    return percentile(sorted(ms for name in names for ms in found.get(name, [])), 0.99)


def _served(run: MeasuredRun, names: Sequence[str]) -> float:
    return round(sum(run.result.by_sender.get(name, 0) for name in names) / run.result.seconds, 1)


def herd(
    target: Target, options: Options, capacity_per_s: float, part: str, outage_s: float
) -> dict[str, Any]:
    """Stop a part of the system for a while, and see how long its return takes."""
    stopped = [one for one in of_target(target.roots) if name_of(one.name(), one.cmdline()) == _PARTS[part]]
    if not stopped:
        raise RuntimeError(f"there is no process of: {part}")

    def outage() -> None:
        time.sleep(CALM_BEFORE_S)
        _signal(stopped, signal.SIGSTOP)
        time.sleep(outage_s)
        _signal(stopped, signal.SIGCONT)

    rate = HERD_LOAD * capacity_per_s
    whole = replace(options, seconds=CALM_BEFORE_S + outage_s + AFTER_S)
    run = measure_load(target, whole, connections=connections_for(rate), rate_per_s=rate, during=outage)
    answers = run.result.answers
    return {
        "stopped": part,
        "outage_s": outage_s,
        "offered_of_capacity": HERD_LOAD,
        "absorbed_s": absorbed_s(run.result.pending, CALM_BEFORE_S, CALM_BEFORE_S + outage_s),
        "pending_most": max(run.result.pending),
        "pending_before": max(run.result.pending[: _place(CALM_BEFORE_S)]),
        "answers": answers,
        "other_5xx": sum(
            count for answer, count in answers.items() if answer[:1] == "5" and answer[:3] != "503"
        ),
        "connections_lost": answers.get("connection lost", 0),
    }


def _signal(processes: Sequence[psutil.Process], number: signal.Signals) -> None:
    for one in processes:
        try:
            one.send_signal(number)
        except psutil.NoSuchProcess:
            continue  # its supervisor replaced it meanwhile


def _place(seconds: float) -> int:
    return int(seconds / PENDING_EVERY_S)


def absorbed_s(pending: Sequence[int], began_s: float, ended_s: float) -> float | None:
    """Seconds from the end of an outage to a second with no more pending than before it; None: never."""
    before = max(pending[: _place(began_s)])
    second = _place(1.0)
    for place in range(_place(ended_s), len(pending) - second + 1):
        if max(pending[place : place + second]) <= before:
            return round(max(0.0, place * PENDING_EVERY_S - ended_s), 1)
    return None


def run(place: Path, options: Options, *, rounds: int, outage_s: float) -> dict[str, Any]:
    """Everything, at one switch."""
    with payswitch(place / "payswitch", options) as target:
        served, capacity_per_s = goodput(target, options, rounds)
        fair = fairness(target, options, capacity_per_s, rounds)
        herds = [herd(target, options, capacity_per_s, part, outage_s) for part in _PARTS if outage_s]
        checks = verified(place / "payswitch")
    elsewhere = [one.cpu_elsewhere_share for one in (*served.capacity, *served.overloaded)]
    return {
        "benchmark": "overload",
        "goodput": served.report(),
        "fairness": fair,
        "herd": herds,
        "balanced": all(checks.values()),
        "checks": checks,
        "cpu_elsewhere_share": round(statistics.mean(elsewhere), 3),
        "settings": asdict(options) | {"rounds": rounds, "outage_s": outage_s},
        "machine": {"cpus": os.cpu_count(), "system": platform.platform()},
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def page(found: dict[str, Any]) -> str:
    """The figures in Markdown."""
    settings, good, fair = found["settings"], found["goodput"], found["fairness"]
    loads = rows(
        ("", "offered/s", "confirmed/s", "refused for now", "p50 ms", "p99 ms", "CPU us/payment"),
        [
            (
                *(name, of["offered_per_s"], of["confirmed_per_s"]),
                f"{100 * of['refused_share']:.0f} %",
                *(of["p50_ms"], of["p99_ms"], of["cpu_us_per_payment"] or ""),
            )
            for name, kind in (("capacity (closed loop)", "capacity"), ("three times that", "overloaded"))
            for of in good[kind]
        ],
    )
    ratios = rows(
        ("ratio", "median", "least", "most", "goal"),
        [
            ("goodput at three times the capacity", *good["goodput_share"].values(), "above 0.9"),
            ("payments a product core second there", *good["payments_per_core_second_share"].values(), ""),
            ("p99 of the others, one at 20 times its share", *fair["others_p99_ratio"].values(), "below 1.2"),
            ("payments of the others, the same", *fair["others_served_ratio"].values(), ""),
        ],
    )
    herds = rows(
        ("stopped", "s", "load", "most without an answer", "absorbed after s", "goal", "5xx but 503"),
        [
            (
                *(of["stopped"], of["outage_s"], f"{of['offered_of_capacity']:.0%} of capacity"),
                *(of["pending_most"], "never" if of["absorbed_s"] is None else of["absorbed_s"], "30"),
                of["other_5xx"],
            )
            for of in found["herd"]
        ],
    )
    about = (
        f"{found['at']}, {found['machine']['cpus']} CPUs for everything, rails and load included;"
        f" {100 * found['cpu_elsewhere_share']:.0f} % of them busy with other programs. Loads of"
        f" {settings['seconds']:g} s, {settings['rounds']} rounds, mix {settings['mix']},"
        f" {settings['workers']} API workers. Books balance and agree with the rails:"
        f" {'yes' if found['balanced'] else 'NO'}."
    )
    command = (
        f"python -m loadtests overload --json --seconds {settings['seconds']:g}"
        f" --rounds {settings['rounds']} --outage {settings['outage_s']:g}"
    )
    return f"# Overload\n\n{about}\n\n{ratios}\n\n{loads}\n\n{herds}\n\n`{command}`\n"


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; exit 1 if the books do not balance."""
    parser = argparse.ArgumentParser(prog="python -m loadtests overload")
    parser.add_argument("--json", action="store_true", help="print the whole report; always on the last line")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each load")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--outage", type=float, default=60.0, help="seconds; 0: without the herd")
    parser.add_argument("--connections", type=int, default=64, help="of the closed loop")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--warm-up", type=float, default=WARM_UP_S)
    keeping.add_options(parser)
    given = parser.parse_args(arguments)
    options = Options(
        seconds=given.seconds,
        connections=given.connections,
        workers=given.workers,
        messages="mixed",
        rail_latency_s=0.05,
        against_naive=False,
        mix="ten",
        warm_up_s=given.warm_up,
    )
    with tempfile.TemporaryDirectory(prefix="payswitch-bench-") as place:
        found = run(Path(place), options, rounds=given.rounds, outage_s=given.outage)
    keeping.keep(keeping.publishable(given.results, passed=found["balanced"]), "overload", found, page(found))
    print(json.dumps(found) if given.json else page(found))
    return 0 if found["balanced"] else 1
