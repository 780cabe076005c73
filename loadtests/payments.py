"""Payments end to end: the whole switch on one machine against the naive switch, in the same run.

Both are driven by the same load process with the same signed pacs.008 messages, over both rails and in both
directions, and keep their money in the same embedded PostgreSQL at full durability. A payment counts once it
is final. After each run the books must balance, or the figures are void.

    python -m loadtests payments --json [--seconds N] [--connections N] [--workers N] [--messages xml|json]
"""

import argparse
import asyncio
import contextlib
import datetime as dt
import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import msgspec
import psutil

from adapters.simulation import sandbox as rails
from ledger.postgres import EmbeddedPostgres
from loadtests import naive
from loadtests.measure import (
    CALM_CONNECTIONS,
    HOST,
    WARM_UP_S,
    Figures,
    Options,
    Run,
    Target,
    figures,
    measure,
    measure_calm,
)
from schemas.signing.keys import SigningKey
from switch.sandbox import PARTICIPANTS

RESULTS: Final = Path(__file__).parent / "results"
COUNTRIES: Final = ("IN", "PK")
NAIVE_TRIES: Final = ((1, 4), (1, 16), (2, 4), (2, 16))
"""(workers, connections to the database a worker): the naive switch is measured at its best of these."""
TRY_S: Final = 4.0
READY_S: Final = 90.0


def run_payswitch(directory: Path, options: Options) -> Figures:
    """Figures of the whole switch, started for this and stopped after it."""
    with _payswitch(directory, options) as target:
        loaded, calm = measure(target, options), measure_calm(target, options)
        return figures(loaded, calm, _verified(directory))


@contextlib.contextmanager
def _payswitch(directory: Path, options: Options) -> Iterator[Target]:
    program, port = str(Path(sys.executable).with_name("payswitch")), _free_port()
    command = [program, "up", "--sandbox", "--data", str(directory), "--port", str(port)]
    environment = os.environ | {
        "PAYSWITCH_WORKERS": str(options.workers),
        "PAYSWITCH_SANDBOX_LATENCY_S": str(options.rail_latency_s),
    }
    with _process(command, environment, directory.with_suffix(".log")) as root:
        _wait_until_ready(port, root)
        credentials = json.loads((directory / "sandbox" / "credentials.json").read_text())
        keys = {entry["id"]: (entry["keyid"], entry["private_key"]) for entry in credentials["participants"]}
        yield Target(port, root, keys)


def _verified(directory: Path) -> dict[str, bool]:
    """The verdict of `payswitch verify`."""
    program = str(Path(sys.executable).with_name("payswitch"))
    done = subprocess.run(
        [program, "verify", "--data", str(directory)], capture_output=True, text=True, check=False
    )
    report = json.loads(done.stdout)
    return {check["check"]: check["ok"] for check in report["checks"]} | {"verify": done.returncode == 0}


def run_naive(directory: Path, options: Options) -> tuple[Figures, dict[str, Any]]:
    """Figures of the naive switch at its best, and which settings those are."""
    server = EmbeddedPostgres(directory / "postgres")
    url = server.start()
    try:
        asyncio.run(naive.create(url))
        port = _free_port()
        with _naive_rails(directory, port, options.rail_latency_s) as described:
            keys = {made.id: SigningKey.generate(f"{made.id}-1") for made in PARTICIPANTS}
            base = naive.Settings(
                database=url,
                port=port,
                workers=1,
                pool=1,
                rails=described,
                keys={key.keyid: (name, key.public.pem.decode()) for name, key in keys.items()},
            )
            private = {name: (key.keyid, key.pem.decode()) for name, key in keys.items()}
            tries: dict[tuple[int, int], Run] = {}
            for shape in NAIVE_TRIES:
                with _naive(directory, base, shape, private) as target:
                    tries[shape] = measure(target, replace(options, seconds=TRY_S))
            best = max(tries, key=lambda shape: tries[shape].result.payments)
            with _naive(directory, base, best, private) as target:
                loaded, calm = measure(target, options), measure_calm(target, options)
        found = figures(loaded, calm, asyncio.run(naive.check(url)))
    finally:
        server.stop()
    tried = {f"{w} x {p}": round(run.result.payments / TRY_S, 1) for (w, p), run in tries.items()}
    return found, {"workers": best[0], "pool": best[1], "tries_payments_per_s": tried}


@contextlib.contextmanager
def _naive(
    directory: Path, base: naive.Settings, shape: tuple[int, int], keys: dict[str, tuple[str, str]]
) -> Iterator[Target]:
    """The naive switch with (workers, database connections a worker)."""
    settings = msgspec.structs.replace(base, workers=shape[0], pool=shape[1])
    environment = os.environ | {naive.SETTINGS: msgspec.json.encode(settings).decode()}
    command = [sys.executable, "-m", "loadtests.naive"]
    with _process(command, environment, directory / "naive.log") as root:
        _wait_until_ready(base.port, root)
        # PostgreSQL and the rails are our own children here, and the naive switch a third.
        yield Target(base.port, psutil.Process(), keys)


@contextlib.contextmanager
def _naive_rails(directory: Path, port: int, latency_s: float) -> Iterator[dict[str, dict[str, Any]]]:
    """The simulated rails, calling back to `port`; their connections by country."""
    with contextlib.ExitStack() as stack:
        described = {}
        for country in COUNTRIES:
            connection, command = rails.prepare(
                directory / country,
                country,
                port=_free_port(),
                callback_url=f"http://{HOST}:{port}/rails/{country}",
                latency_s=latency_s,
            )
            stack.enter_context(_process(command, dict(os.environ), directory / f"{country}.log"))
            described[country] = naive.describe(connection)
        yield described


@contextlib.contextmanager
def _process(command: list[str], environment: dict[str, str], log: Path) -> Iterator[psutil.Process]:
    """A process for the length of a `with`, stopped in order after it."""
    with log.open("ab") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        try:
            yield psutil.Process(process.pid)
        finally:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_ready(port: int, process: psutil.Process) -> None:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline and process.is_running():
        if _is_ready(port):
            return
        time.sleep(0.1)
    raise RuntimeError(f"nothing was ready on port {port}")


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def report(options: Options, ours: Figures, peer: Figures | None, shape: dict[str, Any]) -> dict[str, Any]:
    """Everything that was found, as one object."""
    ratio = None if peer is None else round(ours.payments_per_s / peer.payments_per_s, 2)
    cpu_ratio = None if peer is None else round(peer.cpu_us_per_payment / ours.cpu_us_per_payment, 2)
    return {
        "benchmark": "payments",
        "payments_per_s": ours.payments_per_s,
        "p50_ms": ours.p50_ms,
        "p99_ms": ours.p99_ms,
        "cpu_us_per_payment": ours.cpu_us_per_payment,
        "ratio_vs_naive": ratio,
        "cpu_ratio_vs_naive": cpu_ratio,
        "payswitch": asdict(ours),
        "naive": None if peer is None else asdict(peer) | {"best_of": shape},
        "settings": asdict(options) | {"warm_up_s": WARM_UP_S, "calm_connections": CALM_CONNECTIONS},
        "machine": {
            "cpus": os.cpu_count(),
            "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
            "system": platform.platform(),
            "python": platform.python_version(),
        },
        "at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
    }


def table(found: dict[str, Any]) -> str:
    """The figures as a short table in Markdown."""
    columns = (
        "| | payments/s | p50 ms | p99 ms | calm p50 ms | calm p99 ms | CPU us/payment | of it PostgreSQL"
        " | the rails' own | books balance |"
    )
    rows = [columns, "|---|---|---|---|---|---|---|---|---|---|"]
    for name in ("payswitch", "naive"):
        figures_ = found[name]
        if figures_ is None:
            continue
        parts = figures_["cpu_us_by_part"]
        rows.append(
            f"| {name} | {figures_['payments_per_s']} | {figures_['p50_ms']} | {figures_['p99_ms']} "
            f"| {figures_['calm_p50_ms']} | {figures_['calm_p99_ms']} "
            f"| {figures_['cpu_us_per_payment']} | {parts.get('postgres', 0)} | {parts.get('rails', 0)} "
            f"| {'yes' if figures_['balanced'] else 'NO'} |"
        )
    settings, machine = found["settings"], found["machine"]
    circumstances = (
        f"{found['at']}, {machine['cpus']} CPUs with everything on them (both rails, the load process and"
        f" PostgreSQL too), {settings['seconds']} s, {settings['connections']} connections,"
        f" {settings['workers']} API workers, {settings['messages']},"
        f" rails that take {1000 * settings['rail_latency_s']:.0f} ms. Against the naive switch:"
        f" {found['ratio_vs_naive']} times the payments/s, at 1/{found['cpu_ratio_vs_naive']} of the CPU a"
        " payment; both share the machine with the same simulated rails."
    )
    return "\n".join(
        [
            "# Payments, end to end",
            "",
            circumstances,
            "",
            *rows,
            "",
            "`python -m loadtests payments --json`; raw figures in `payments.json`.",
            "",
        ]
    )


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; exit 1 if any books do not balance."""
    parser = argparse.ArgumentParser(prog="python -m loadtests payments")
    parser.add_argument("--json", action="store_true", help="print the whole report; always on the last line")
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--connections", type=int, default=128)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--messages", choices=("xml", "json", "mixed"), default="xml")
    parser.add_argument("--rail-latency", type=float, default=0.05, help="seconds, of both systems' rails")
    parser.add_argument("--without-naive", action="store_true")
    parser.add_argument("--results", type=Path, default=RESULTS, help="directory for the figures")
    given = parser.parse_args(arguments)
    options = Options(
        seconds=given.seconds,
        connections=given.connections,
        workers=given.workers,
        messages=given.messages,
        rail_latency_s=given.rail_latency,
        against_naive=not given.without_naive,
    )
    peer: Figures | None = None
    shape: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="payswitch-bench-") as place:
        ours = run_payswitch(Path(place) / "payswitch", options)
        if options.against_naive:
            (Path(place) / "naive").mkdir()
            peer, shape = run_naive(Path(place) / "naive", options)
    found = report(options, ours, peer, shape)
    given.results.mkdir(parents=True, exist_ok=True)
    (given.results / "payments.json").write_text(json.dumps(found, indent=2) + "\n")
    (given.results / "payments.md").write_text(table(found))
    print(json.dumps(found) if given.json else table(found))
    return 0 if ours.balanced and (peer is None or peer.balanced) else 1
