"""`payswitch up`: every process of one machine, started in order, restarted when it dies, stopped in order.

The processes are children that the kernel ends with us, so a killed supervisor leaves no writer behind.
Nothing is kept here: after a kill -9 of everything, starting again is the whole recovery.
"""

import asyncio
import contextlib
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from ledger import backup
from ledger.migrate import migrate
from ledger.postgres import EmbeddedPostgres, die_with_parent
from switch import metrics, sandbox
from switch.settings import Settings

_OPEN_FILES: Final = 65_536
_READY_WITHIN_S: Final = 240.0
_POLL_S: Final = 0.05
_BACKOFF_S: Final = (0.0, 0.2, 0.5, 1.0, 2.0, 5.0)
_STOP_WITHIN_S: Final = 25.0
_HEALTHY_AFTER_S: Final = 10.0
_log = structlog.get_logger()

Say = Callable[[str], None]


class StartError(RuntimeError):
    """The switch could not be started."""


@dataclass(slots=True)
class Child:
    """One process, and how to start it again."""

    name: str
    command: Sequence[str]
    environment: dict[str, str]
    log: Path
    passed: tuple[int, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    restarts: int = 0

    def start(self) -> None:
        """Start it, its words going to its log file."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.started = time.monotonic()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own program and arguments
                self.command,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=self.passed,
                preexec_fn=die_with_parent(signal.SIGKILL),  # noqa: PLW1509 - this process has one thread
            )

    def keep(self) -> None:
        """Start it again if it died, ever slower while it keeps dying."""
        assert self.process is not None
        if self.process.poll() is None:
            return
        lived = time.monotonic() - self.started
        self.restarts = 0 if lived > _HEALTHY_AFTER_S else self.restarts + 1
        if lived < _BACKOFF_S[min(self.restarts, len(_BACKOFF_S) - 1)]:
            return
        _log.warning("restarting", name=self.name, exit_code=self.process.returncode)
        self.start()

    def stop(self) -> None:
        """Ask it to end, and make it end."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(_STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Supervisor:
    """The whole switch on one machine."""

    def __init__(self, settings: Settings, say: Say) -> None:
        self.settings = settings.model_copy(update={"data": settings.data.resolve()})
        self._say = say
        self._postgres: EmbeddedPostgres | None = None
        self._children: list[Child] = []
        self._listener: socket.socket | None = None

    @property
    def url(self) -> str:
        """Where the API answers."""
        return f"http://{self.settings.host}:{self.settings.port}"

    def start(self) -> None:
        """Start everything, in order; returns when `/readyz` is 200.

        Raises:
            StartError: a part did not come up; its log says why.

        """
        _allow_open_files()
        data = self.settings.data
        (data / "run").mkdir(parents=True, exist_ok=True)
        self.settings.sandbox_mark.unlink(missing_ok=True)
        if self.settings.sandbox:
            self.settings.sandbox_mark.touch()
        shutil.rmtree(self.settings.metrics_directory, ignore_errors=True)
        self.settings.metrics_directory.mkdir(parents=True)
        self._start_database()
        self._listen()
        simulators = self._prepare_rails()
        self._say("starting the writer, the API workers, the caretaker and the rails")
        self._run("writer", [sys.executable, "-m", "switch.workers.writer"])
        if self.settings.sandbox:
            asyncio.run(sandbox.populate(self.settings, self.url))
        for country, command in simulators.items():
            self._run(f"rail-{country}", command)
        assert self._listener is not None
        fileno = self._listener.fileno()
        for number in range(self.settings.workers):
            command = [sys.executable, "-m", "switch.workers.api", str(fileno)]
            self._run(f"api-{number}", command, passed=(fileno,))
        self._run("caretaker", [sys.executable, "-m", "switch.workers.caretaker"])
        self._run("messenger", [sys.executable, "-m", "switch.workers.messenger"])
        self._wait_until_ready()

    def _start_database(self) -> None:
        if not self.settings.database:
            self._say("starting PostgreSQL")
            archiving = backup.archive_settings(self.settings.backups) if self.settings.backups else None
            self._postgres = EmbeddedPostgres(self.settings.data / "postgres", archiving)
            url = self._postgres.start()
            self.settings = self.settings.model_copy(update={"database": url})
        self._say("bringing the schema up to date")
        asyncio.run(migrate(self.settings.database))

    def _listen(self) -> None:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((self.settings.host, self.settings.port))
        except OSError as error:
            listener.close()
            raise StartError(
                f"port {self.settings.port} is taken ({error.strerror}): name another with --port or"
                " PAYSWITCH_PORT"
            ) from None
        listener.listen(1024)
        self._listener = listener
        self.settings = self.settings.model_copy(update={"port": listener.getsockname()[1]})
        runs = {"host": self.settings.host, "port": self.settings.port, "rails": self.settings.rails}
        self.settings.running_file.write_text(json.dumps(runs))

    def _prepare_rails(self) -> dict[str, list[str]]:
        if not self.settings.sandbox:
            return {}
        return {
            country: sandbox.prepare_rail(self.settings, country, self.url) for country in self.settings.rails
        }

    def _run(self, name: str, command: Sequence[str], passed: tuple[int, ...] = ()) -> None:
        environment = {**self._environment(), metrics.PLACE: name}
        child = Child(name, command, environment, self.settings.data / "logs" / f"{name}.log", passed)
        child.start()
        self._children.append(child)

    def _environment(self) -> dict[str, str]:
        """Get the environment of every child: ours, and the settings as they are now."""
        settings = {
            f"PAYSWITCH_{name.upper()}": _text(value)
            for name, value in self.settings.model_dump(mode="json").items()
        }
        return {**os.environ, **settings, "PROMETHEUS_MULTIPROC_DIR": str(self.settings.metrics_directory)}

    def _wait_until_ready(self) -> None:
        end = time.monotonic() + _READY_WITHIN_S
        while not self.is_ready():
            self.keep()
            if time.monotonic() > end:
                raise StartError(
                    f"not ready after {_READY_WITHIN_S:.0f} s; see {self.settings.data / 'logs'}"
                )
            time.sleep(_POLL_S)

    def is_ready(self) -> bool:
        """Whether `/readyz` says so."""
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as answer:  # noqa: S310 - our own address
                return bool(answer.status == 200)  # noqa: PLR2004
        except (urllib.error.URLError, OSError):
            return False

    def keep(self) -> None:
        """Restart what died; called again and again."""
        if self._postgres is not None and not self._postgres.running:
            _log.error("restarting", name="postgres")
            self._postgres.start()
        for child in self._children:
            child.keep()

    def stop(self) -> None:
        """Stop in the order that loses nothing: doors first, the books last."""
        if self._listener is not None:
            self._listener.close()
        order = ("api", "messenger", "caretaker", "rail", "writer")
        for child in sorted(self._children, key=lambda c: order.index(c.name.split("-")[0])):
            child.stop()
        if self._postgres is not None:
            self._postgres.stop()

    def pid(self, name: str) -> int:
        """Process id of a child, for tests that hurt it."""
        child = next(c for c in self._children if c.name == name)
        assert child.process is not None
        return child.process.pid


def _allow_open_files() -> None:
    """Let our processes open as many files as the machine allows: each connection is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


@contextlib.contextmanager
def running(settings: Settings, say: Say) -> Iterator[Supervisor]:
    """Run the switch for the length of a `with`; nobody restarts what dies meanwhile."""
    supervisor = Supervisor(settings, say)
    try:
        supervisor.start()
        yield supervisor
    finally:
        supervisor.stop()


def run_until_stopped(supervisor: Supervisor) -> None:
    """Keep everything running until SIGTERM or SIGINT."""
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda got, _frame: stopping.append(got))
    while not stopping:
        supervisor.keep()
        time.sleep(_POLL_S * 2)
