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
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import msgspec
import psutil

from adapters.simulation import sandbox as rails
from adapters.simulation.magic import magic_account
from ledger.postgres import EmbeddedPostgres
from loadtests import naive
from loadtests.generator import UETR, Load, Result, Sender
from schemas import codec
from schemas.signing.keys import SigningKey
from switch.client import MESSAGE, credit_transfer
from switch.sandbox import PARTICIPANTS

RESULTS: Final = Path(__file__).parent / "results"
HOST: Final = "127.0.0.1"
DIRECTIONS: Final = (("asha-bank", "noor-wallet"), ("indus-bank", "ganga-bank"))
"""Debtor agent, creditor agent: over the Pakistani rail, and over the Indian one."""
COUNTRIES: Final = ("IN", "PK")
NAIVE_TRIES: Final = ((1, 4), (1, 16), (2, 4), (2, 16))
"""(workers, connections to the database a worker): the naive switch is measured at its best of these."""
TRY_S: Final = 4.0
WARM_UP_S: Final = 2.0
READY_S: Final = 90.0


@dataclass(frozen=True, slots=True)
class Options:
    """What to measure."""

    seconds: float
    connections: int
    workers: int
    messages: str
    against_naive: bool


@dataclass(frozen=True, slots=True)
class Figures:
    """One system's figures. CPU is user and system time of its processes, by part, for each payment."""

    payments_per_s: float
    p50_ms: float
    p99_ms: float
    cpu_us_per_payment: float
    cpu_us_by_part: dict[str, float]
    answers: dict[str, int]
    balanced: bool
    checks: dict[str, bool]


@dataclass(frozen=True, slots=True)
class Target:
    """A running switch: where it is, the processes it consists of, and who may send."""

    port: int
    root: psutil.Process
    keys: dict[str, tuple[str, str]]
    """Participant -> key id, private key in PEM."""


def measure(target: Target, options: Options) -> tuple[Result, dict[str, float]]:
    """Drive a running switch; what the load process saw, and CPU seconds by part of the system."""
    load = Load(
        HOST, target.port, senders(target, options.messages), options.connections, WARM_UP_S, options.seconds
    )
    command = [sys.executable, "-m", "loadtests.generator"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as generator:
        assert generator.stdin is not None
        assert generator.stdout is not None
        generator.stdin.write(msgspec.json.encode(load))
        generator.stdin.close()
        _expect(generator.stdout.readline(), b"measuring\n")
        before = cpu_by_part(target.root)
        _expect(generator.stdout.readline(), b"measured\n")
        after = cpu_by_part(target.root)
        result = msgspec.json.decode(generator.stdout.read(), type=Result)
    if not result.payments:
        raise RuntimeError(f"no payment became final; answers: {result.answers}")
    spent = {part: after[part] - before.get(part, 0.0) for part in after}
    return result, spent | {"load": result.cpu_s}


def _expect(line: bytes, wanted: bytes) -> None:
    if line != wanted:
        raise RuntimeError("the load process ended early")


def figures(result: Result, cpu: dict[str, float], checks: dict[str, bool]) -> Figures:
    """Figures of one run."""
    by_part = {part: round(1e6 * seconds / result.payments, 1) for part, seconds in sorted(cpu.items())}
    return Figures(
        payments_per_s=round(result.payments / result.seconds, 1),
        p50_ms=percentile(result.latencies_ms, 0.50),
        p99_ms=percentile(result.latencies_ms, 0.99),
        cpu_us_per_payment=round(by_part.get("switch", 0.0) + by_part.get("postgres", 0.0), 1),
        cpu_us_by_part=by_part,
        answers=result.answers,
        balanced=all(checks.values()),
        checks=checks,
    )


def percentile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that `share` of all values do not exceed; 0 of none."""
    if not ordered:
        return 0.0
    return round(ordered[max(0, -int(-share * len(ordered) // 1) - 1)], 2)


def cpu_by_part(root: psutil.Process) -> dict[str, float]:
    """CPU seconds so far of a tree of processes, by part; children that ended count with their parents."""
    spent: dict[str, float] = {}
    for process in [root, *root.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            part = _part(process)
            times = process.cpu_times()
            spent[part] = spent.get(part, 0.0) + sum(times[:4])
    return spent


def _part(process: psutil.Process) -> str:
    words = process.cmdline()
    if process.pid == os.getpid() or "loadtests.generator" in words:
        return "benchmark"
    if "adapters.simulation" in words:
        return "rails"
    return "postgres" if process.name() == "postgres" else "switch"


def senders(target: Target, messages: str) -> list[Sender]:
    """One sender a direction and representation."""
    media_types = {
        "xml": ["application/xml"],
        "json": ["application/json"],
        "mixed": ["application/xml", "application/json"],
    }[messages]
    return [
        Sender(*target.keys[debtor], media_type, template(debtor, creditor, media_type))
        for media_type in media_types
        for debtor, creditor in DIRECTIONS
    ]


def template(debtor: str, creditor: str, media_type: str) -> str:
    """A pacs.008 with `UETR` where each payment has its own."""
    made = {participant.id: participant for participant in PARTICIPANTS}
    payer, payee = made[debtor], made[creditor]
    document = credit_transfer(
        debtor_agent=payer.bic,
        debtor="Asha Rao",
        debtor_account=magic_account(payer.country, ""),
        creditor_agent=payee.bic,
        creditor="Bilal Khan",
        creditor_account=magic_account(payee.country, ""),
        amount="1000.00",
        currency=payer.currencies[0],
        remittance="Invoice 4711",
        uetr=UETR,
    )
    return codec.encode(MESSAGE, document["Document"], media_type=media_type).decode()


def run_payswitch(directory: Path, options: Options) -> Figures:
    """Figures of the whole switch, started for this and stopped after it."""
    with _payswitch(directory, options.workers) as target:
        result, cpu = measure(target, options)
        return figures(result, cpu, _verified(directory))


@contextlib.contextmanager
def _payswitch(directory: Path, workers: int) -> Iterator[Target]:
    program, port = str(Path(sys.executable).with_name("payswitch")), _free_port()
    command = [program, "up", "--sandbox", "--data", str(directory), "--port", str(port)]
    environment = os.environ | {"PAYSWITCH_WORKERS": str(workers)}
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
    port = _free_port()
    try:
        asyncio.run(naive.create(url))
        with _naive_rails(directory, port) as described:
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
            tries = {
                shape: _measure_naive(directory, base, shape, private, replace(options, seconds=TRY_S))
                for shape in NAIVE_TRIES
            }
            best = max(tries, key=lambda shape: tries[shape][0].payments)
            result, cpu = _measure_naive(directory, base, best, private, options)
        found = figures(result, cpu, asyncio.run(naive.check(url)))
    finally:
        server.stop()
    tried = {f"{w} x {p}": round(tries[w, p][0].payments / TRY_S, 1) for w, p in NAIVE_TRIES}
    return found, {"workers": best[0], "pool": best[1], "tries_payments_per_s": tried}


def _measure_naive(
    directory: Path,
    base: naive.Settings,
    shape: tuple[int, int],
    keys: dict[str, tuple[str, str]],
    options: Options,
) -> tuple[Result, dict[str, float]]:
    """One run of the naive switch with (workers, database connections a worker)."""
    settings = msgspec.structs.replace(base, workers=shape[0], pool=shape[1])
    environment = os.environ | {naive.SETTINGS: msgspec.json.encode(settings).decode()}
    command = [sys.executable, "-m", "loadtests.naive"]
    with _process(command, environment, directory / "naive.log") as root:
        _wait_until_ready(base.port, root)
        # PostgreSQL and the rails are our own children here, and the naive switch a third.
        return measure(Target(base.port, psutil.Process(), keys), options)


@contextlib.contextmanager
def _naive_rails(directory: Path, port: int) -> Iterator[dict[str, dict[str, Any]]]:
    """The simulated rails, calling back to `port`; their connections by country."""
    with contextlib.ExitStack() as stack:
        described = {}
        for country in COUNTRIES:
            connection, command = rails.prepare(
                directory / country,
                country,
                port=_free_port(),
                callback_url=f"http://{HOST}:{port}/rails/{country}",
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
        "settings": asdict(options) | {"warm_up_s": WARM_UP_S},
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
    rows = ["| | payments/s | p50 ms | p99 ms | CPU us/payment | of it PostgreSQL | rails | books balance |"]
    rows.append("|---|---|---|---|---|---|---|---|")
    for name in ("payswitch", "naive"):
        figures_ = found[name]
        if figures_ is None:
            continue
        parts = figures_["cpu_us_by_part"]
        rows.append(
            f"| {name} | {figures_['payments_per_s']} | {figures_['p50_ms']} | {figures_['p99_ms']} "
            f"| {figures_['cpu_us_per_payment']} | {parts.get('postgres', 0)} | {parts.get('rails', 0)} "
            f"| {'yes' if figures_['balanced'] else 'NO'} |"
        )
    settings, machine = found["settings"], found["machine"]
    circumstances = (
        f"{found['at']}, {machine['cpus']} CPUs with everything on them (both rails, the load process and"
        f" PostgreSQL too), {settings['seconds']} s, {settings['connections']} connections,"
        f" {settings['workers']} API workers, {settings['messages']}. Against the naive switch:"
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
    parser.add_argument("--without-naive", action="store_true")
    parser.add_argument("--results", type=Path, default=RESULTS, help="directory for the figures")
    given = parser.parse_args(arguments)
    options = Options(
        given.seconds, given.connections, given.workers, given.messages, not given.without_naive
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
