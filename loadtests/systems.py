"""Starting and stopping what is measured: the whole switch, and the naive one with all that it needs."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import psutil

from adapters.simulation import sandbox as rails
from ledger.postgres import EmbeddedPostgres
from ledger.roles import Login, Passwords
from loadtests import naive, rail_books
from loadtests.measure import HOST, Options, Target
from loadtests.mix import mix
from schemas.signing.keys import SigningKey
from switch.sandbox.world import participants

ROOT: Final = Path(__file__).parents[1]
"""The checkout that this program belongs to."""
READY_S: Final = 180.0
_LOG_LINES: Final = 5


@dataclass(frozen=True, slots=True)
class Program:
    """What is measured: the files of a revision, and the interpreter that runs them."""

    tree: Path = ROOT
    python: str = sys.executable

    def command(self, *words: str) -> list[str]:
        """A command of `payswitch`."""
        return [self.python, "-m", "switch.cli", *words]


THIS: Final = Program()
"""This checkout, with the interpreter of this process."""


@contextlib.contextmanager
def payswitch(directory: Path, options: Options, program: Program = THIS) -> Iterator[Target]:
    """The whole switch as a user starts it: `payswitch up --sandbox`, in an empty directory."""
    port = rails.free_port()
    command = program.command("up", "--sandbox", "--data", str(directory), "--port", str(port))
    variables = environment(program.tree) | {
        "PAYSWITCH_WORKERS": str(options.workers),
        "PAYSWITCH_RAILS": json.dumps(mix(options.mix).countries),
        "PAYSWITCH_SANDBOX_LATENCY_S": str(options.rail_latency_s),
    }
    if options.profile:
        variables["PAYSWITCH_PROFILE"] = json.dumps(options.profile)
    with _process(command, variables, directory.with_suffix(".log"), program.tree) as root:
        _wait_until_ready(port, root, directory.with_suffix(".log"))
        credentials = json.loads((directory / "sandbox" / "credentials.json").read_text())
        keys = {entry["id"]: (entry["keyid"], entry["private_key"]) for entry in credentials["participants"]}
        yield Target(port, (root,), keys, directory / "run" / "profile")


def verified(directory: Path, program: Program = THIS) -> dict[str, bool]:
    """The verdict of `payswitch verify` on the running switch, and of the rails' own books."""
    done = subprocess.run(
        program.command("verify", "--data", str(directory)),
        env=environment(program.tree),
        cwd=program.tree,
        capture_output=True,
        text=True,
        check=False,
    )
    report = json.loads(done.stdout)
    books = {check["check"]: check["ok"] for check in report["checks"]} | {"verify": done.returncode == 0}
    return books | asyncio.run(rail_books.check(database_of(directory), directory / "rails"))


def database_of(directory: Path) -> str:
    """The URL of the embedded database of a running switch, as its owner."""
    place = (directory / "postgres").resolve()
    return Passwords(directory / "keys" / "database").url(f"postgresql:///postgres?host={place}", Login.OWNER)


@dataclass(frozen=True, slots=True)
class NaiveGround:
    """What every run of the naive switch stands on: its database and its rails, which stay."""

    directory: Path
    settings: naive.NaiveSettings
    keys: dict[str, tuple[str, str]]
    processes: tuple[psutil.Process, ...]

    def checks(self) -> dict[str, bool]:
        """Whether the books balance, by check."""
        credited = rail_books.credited(self.directory)
        return asyncio.run(naive.check(self.settings.database, credited))


@contextlib.contextmanager
def naive_ground(directory: Path, options: Options) -> Iterator[NaiveGround]:
    """A database and rails for the naive switch, in an empty directory."""
    directory.mkdir()
    server = EmbeddedPostgres(directory / "postgres")
    url = server.start()
    try:
        asyncio.run(naive.create(url))
        port = rails.free_port()
        keys = {made.id: SigningKey.generate(f"{made.id}-1") for made in participants()}
        with _rails(directory, port, options) as (described, processes):
            settings = naive.NaiveSettings(
                database=url,
                port=port,
                workers=1,
                pool=1,
                rails=described,
                keys={key.keyid: (name, key.public.pem.decode()) for name, key in keys.items()},
            )
            private = {name: (key.keyid, key.pem.decode()) for name, key in keys.items()}
            yield NaiveGround(directory, settings, private, (psutil.Process(server.pid), *processes))
    finally:
        server.stop()


@contextlib.contextmanager
def naive_switch(ground: NaiveGround, *, workers: int, pool: int) -> Iterator[Target]:
    """The naive switch with so many processes, and connections to the database for each."""
    settings = msgspec.structs.replace(ground.settings, workers=workers, pool=pool)
    environment = os.environ | {naive.SETTINGS: msgspec.json.encode(settings).decode()}
    command = [sys.executable, "-m", "loadtests.naive"]
    with _process(command, environment, ground.directory / "naive.log") as root:
        _wait_until_ready(settings.port, root, ground.directory / "naive.log")
        yield Target(settings.port, (root, *ground.processes), ground.keys)


@contextlib.contextmanager
def _rails(
    directory: Path, port: int, options: Options
) -> Iterator[tuple[dict[str, dict[str, Any]], list[psutil.Process]]]:
    """The simulated rails, calling back to `port`: their connections by country, and their processes."""
    with contextlib.ExitStack() as stack:
        described, processes = {}, []
        for country in mix(options.mix).countries:
            connection, command = rails.prepare(
                directory / country,
                country,
                port=rails.free_port(),
                callback_url=f"http://{HOST}:{port}/rails/{country}",
                latency_s=options.rail_latency_s,
            )
            log = directory / f"{country}.log"
            processes.append(stack.enter_context(_process(command, dict(os.environ), log)))
            described[country] = naive.describe(connection)
        yield described, processes


def environment(tree: Path) -> dict[str, str]:
    """The environment of a process that runs the files of `tree`; what Python compiles is kept."""
    return os.environ | {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": ""}


@contextlib.contextmanager
def _process(
    command: list[str], environment: dict[str, str], log: Path, directory: Path = ROOT
) -> Iterator[psutil.Process]:
    """A process for the length of a `with`, stopped in order after it."""
    with log.open("ab") as output:
        process = subprocess.Popen(command, env=environment, cwd=directory, stdout=output, stderr=output)
        try:
            yield psutil.Process(process.pid)
        finally:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_ready(port: int, process: psutil.Process, log: Path) -> None:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline and process.is_running():
        if _is_ready(port):
            return
        time.sleep(0.1)
    last = " | ".join(log.read_text(errors="replace").splitlines()[-_LOG_LINES:])
    raise RuntimeError(f"nothing was ready on port {port}; the last lines of its log: {last}")


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
