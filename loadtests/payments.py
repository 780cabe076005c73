"""Payments end to end: the whole switch on one machine against the naive switch, in the same run.

Both are driven by the same load process with the same signed pacs.008 messages, over the same simulated
rails (`loadtests.mix`), and keep their money in the same embedded PostgreSQL at full durability. They take
turns, so that what else the machine does hits both; the ratio is the median of the rounds' ratios. A payment
counts once it is final. After the run the books must balance, or the figures are void.

    python -m loadtests payments --json [--seconds N] [--connections N] [--workers N] [--messages xml|json]
                                     [--mix ten|two] [--seed N] [--warm-up N] [--publish]
                                     [--all | --compare REV | --open-loop | --in-flight | --stages | --flames
                                     | --memory | --history N | --screening]
"""

import argparse
import datetime as dt
import json
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import psutil

from loadtests import compare, cores, history, keeping, loads, memory, payments_table, profiles, screened
from loadtests.measure import (
    CALM_CONNECTIONS,
    WARM_UP_S,
    Figures,
    MeasuredRun,
    Options,
    figures,
    measure,
    measure_calm,
)
from loadtests.mix import mix
from loadtests.systems import NaiveGround, naive_ground, naive_switch, payswitch, verified

ROUNDS: Final = 3
NAIVE_SHAPES: Final = ((1, 8, 32), (1, 8, 128), (2, 4, 32), (2, 8, 128), (2, 24, 128))
"""(workers, connections to the database a worker, customers' connections) to try for the naive switch."""
TRY_S: Final = 3.0


def run(place: Path, options: Options) -> tuple[Figures, Figures | None, dict[str, Any]]:
    """Figures of the switch, of the naive switch at its best, and how that best was found."""
    with payswitch(place / "payswitch", options) as target:
        turn = replace(options, seconds=options.seconds / ROUNDS)
        if not options.against_naive:
            runs = [measure(target, turn) for _ in range(ROUNDS)]
            return figures(runs, measure_calm(target, options), verified(place / "payswitch")), None, {}
        with naive_ground(place / "naive", options) as ground:
            workers, pool, connections = best = max(tries := _try(ground, options), key=tries.__getitem__)
            with naive_switch(ground, workers=workers, pool=pool) as peer:
                ours: list[MeasuredRun] = []
                theirs: list[MeasuredRun] = []
                for _ in range(ROUNDS):
                    ours.append(measure(target, turn))
                    theirs.append(measure(peer, replace(turn, connections=connections)))
                calm, calm_peer = measure_calm(target, options), measure_calm(peer, options)
            found = figures(ours, calm, verified(place / "payswitch"))
            shape = dict(zip(("workers", "pool", "connections"), best, strict=True))
            tried = {" x ".join(map(str, key)): value for key, value in tries.items()}
            return found, figures(theirs, calm_peer, ground.checks()), shape | {"tries_payments_per_s": tried}


def _try(ground: NaiveGround, options: Options) -> dict[tuple[int, int, int], float]:
    """Payments a second of the naive switch by shape, as if it had the machine for itself."""
    found = {}
    for workers, pool, connections in NAIVE_SHAPES:
        with naive_switch(ground, workers=workers, pool=pool) as target:
            tried = measure(target, replace(options, seconds=TRY_S, connections=connections))
        # Tries are short, and what else the machine does is not their fault.
        available = max(1 - tried.elsewhere, 0.1)
        found[workers, pool, connections] = round(tried.result.payments / tried.result.seconds / available, 1)
    return found


def report(options: Options, ours: Figures, peer: Figures | None, shape: dict[str, Any]) -> dict[str, Any]:
    """Everything that was found, as one object."""
    ratio = None if peer is None else _median_ratio(ours, peer)
    cpu_ratio = None if peer is None else round(peer.cpu_us_per_payment / ours.cpu_us_per_payment, 2)
    return {
        "benchmark": "payments",
        "payments_per_s": ours.payments_per_s,
        "p50_ms": ours.p50_ms,
        "p99_ms": ours.p99_ms,
        "p999_ms": ours.p999_ms,
        "cpu_us_per_payment": ours.cpu_us_per_payment,
        "payments_per_core_second": ours.payments_per_core_second,
        "gate_passed": ours.gate.passed,
        "form": ours.gate.form,
        "ratio_vs_naive": ratio,
        "cpu_ratio_vs_naive": cpu_ratio,
        "payswitch": asdict(ours),
        "naive": None if peer is None else asdict(peer) | {"best_of": shape},
        "more": {},
        "settings": asdict(options) | {"calm_connections": CALM_CONNECTIONS, "rounds": ROUNDS},
        "machine": {
            "cpus": os.cpu_count(),
            "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
            "system": platform.platform(),
            "python": platform.python_version(),
        },
        "at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
    }


def _median_ratio(ours: Figures, peer: Figures) -> float:
    pairs = zip(ours.rounds_payments_per_s, peer.rounds_payments_per_s, strict=True)
    return round(statistics.median(mine / theirs for mine, theirs in pairs), 2)


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; exit 1 if any books do not balance."""
    given = _parser().parse_args(arguments)
    options = _options(given)
    with tempfile.TemporaryDirectory(prefix="payswitch-bench-") as place:
        if (code := _other(given, options, Path(place))) is not None:
            return code
        ours, peer, shape = run(Path(place), options)
        found = report(options, ours, peer, shape)
        if given.all:
            found["more"] = _more(options, Path(place))
    directory = keeping.publishable(given.results, passed=ours.gate.passed and ours.gate.form == "long")
    text = page(found)
    keeping.keep(directory, "payments", found, text)
    print(json.dumps(found) if given.json else text)
    systems = [ours, *([peer] if peer else [])]
    balanced = [one.balanced for one in systems] + [one["balanced"] for one in found["more"].values()]
    return 0 if all(balanced) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m loadtests payments")
    parser.add_argument("--json", action="store_true", help="print the whole report; always on the last line")
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--connections", type=int, default=128)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--mix",
        choices=("ten", "two"),
        default="ten",
        help="ten rails, eight senders with skew, varied messages; or two rails with one message",
    )
    parser.add_argument(
        "--messages", choices=("xml", "json", "mixed"), help="representations; without it, the mix's own"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the messages and their order")
    parser.add_argument("--warm-up", type=float, default=WARM_UP_S, help="seconds before each round")
    parser.add_argument(
        "--product-cores",
        type=int,
        default=cores.default(os.cpu_count() or 1),
        help="cores of the product alone; 0: shared with rails and load, the default on fewer than four",
    )
    parser.add_argument("--rail-latency", type=float, default=0.05, help="seconds, of both systems' rails")
    parser.add_argument("--without-naive", action="store_true")
    other = parser.add_mutually_exclusive_group()
    other.add_argument("--compare", metavar="REV", help="this checkout against another revision, interleaved")
    parser.add_argument(
        "--other-python",
        default=sys.executable,
        metavar="PATH",
        help="interpreter of the other revision, with --compare; it has the packages of requirements.lock",
    )
    other.add_argument("--open-loop", action="store_true", help="constant arrival at fractions of capacity")
    other.add_argument(
        "--all", action="store_true", help="the figures, then open loop, in flight and stages, in one report"
    )
    other.add_argument("--in-flight", action="store_true", help="8 to 4,000 payments in flight")
    other.add_argument("--stages", action="store_true", help="CPU of API workers by stage of a payment")
    other.add_argument("--memory", action="store_true", help="memory of the product over time")
    other.add_argument("--history", type=int, metavar="N", help="with N past payments behind it, and without")
    other.add_argument(
        "--screening",
        nargs="?",
        const="new",
        choices=("new", "known"),
        help="with a large sanctions list, and without; names that are new to the switch, or known to it",
    )
    other.add_argument("--flames", action="store_true", help="a flame graph of each process")
    parser.add_argument(
        "--pairs", type=int, default=6, help="of rounds, with --compare, --history and --screening"
    )
    keeping.add_options(parser)
    return parser


def _options(given: argparse.Namespace) -> Options:
    return Options(
        seconds=given.seconds,
        connections=given.connections,
        workers=given.workers,
        messages=given.messages or mix(given.mix).representations,
        rail_latency_s=given.rail_latency,
        against_naive=not given.without_naive,
        mix=given.mix,
        seed=given.seed,
        warm_up_s=given.warm_up,
        product_cores=given.product_cores,
    )


def _more(options: Options, place: Path) -> dict[str, Any]:
    """The other measurements of one switch, each of a switch of its own."""
    found = {}
    for name, measured in (
        ("open_loop", loads.open_loop),
        ("in_flight", loads.in_flight),
        ("stages", profiles.stages),
    ):
        (directory := place / name).mkdir()
        found[name] = measured(directory, options)
    return found


_PAGES: Final[dict[str, Callable[[dict[str, Any]], str]]] = {
    "open_loop": loads.page,
    "in_flight": loads.page,
    "stages": profiles.stages_page,
}


def page(found: dict[str, Any]) -> str:
    """The figures in Markdown, with those of the other measurements."""
    return payments_table.page(found) + "".join(f"\n{_PAGES[name](of)}" for name, of in found["more"].items())


def _other(given: argparse.Namespace, options: Options, place: Path) -> int | None:
    """Run another measurement of the same path, if one was asked for; 1 if any books do not balance."""
    if given.compare:
        found = compare.run(place, options, given.compare, given.pairs, given.other_python)
        text, balanced = compare.page(found), found["other"]["balanced"] and found["this"]["balanced"]
    elif given.open_loop or given.in_flight:
        found = (loads.open_loop if given.open_loop else loads.in_flight)(place, options)
        text, balanced = loads.page(found), found["balanced"]
    elif given.stages:
        found = profiles.stages(place, options)
        text, balanced = profiles.stages_page(found), found["balanced"]
    elif given.memory:
        found = memory.run(place, options)
        text, balanced = memory.page(found), found["balanced"]
    elif given.history:
        found = history.run(place, options, given.history, given.pairs)
        text, balanced = history.page(found), found["other"]["balanced"] and found["this"]["balanced"]
    elif given.screening:
        found = screened.run(place, options, given.pairs, given.screening)
        text, balanced = screened.page(found), found["other"]["balanced"] and found["this"]["balanced"]
    elif given.flames:
        found, pictures = profiles.graphs(place, options)
        text, balanced = profiles.flames_page(found), found["balanced"]
        keeping.keep_pictures(given.results / "flames", pictures)
    else:
        return None
    keeping.keep(keeping.publishable(given.results, passed=balanced), found["benchmark"], found, text)
    print(json.dumps(found) if given.json else text)
    return 0 if balanced else 1
