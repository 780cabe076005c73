"""`payswitch run`: one kind of process alone, on any machine, for a service manager or a container.

`payswitch up` starts everything on one machine and keeps it running. Here each process is started by systemd,
Kubernetes or a person, on any number of machines that share a database. The settings, files and database are
checked whole before it starts; the process then takes the place of this command, with its process id.
"""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import IO, Annotated, Final

import asyncpg
import typer

from switch.base import causes, logs, metrics
from switch.base.settings import Settings
from switch.cli import preflight
from switch.cli.connect import Data, Database
from switch.cli.supervisor import Child, StartError, allow_open_files, environment_of, pages_listeners
from switch.processes.fork_server import ForkServer

_POLL_S: Final = 0.1
_END_WITHIN_S: Final = 25.0
"""Seconds after its drain in which a worker must have ended."""
_BACKLOG: Final = 2048
_PASSING: Final = (OSError, TimeoutError, asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError)
"""Of these failures, those not known to be permanent: the process itself waits, or its manager repeats it."""


class ProcessPart(StrEnum):
    """What `payswitch run` starts."""

    API = "api"
    PAGES = "pages"
    WRITER = "writer"
    CARETAKER = "caretaker"
    MESSENGER = "messenger"


_SERVING: Final = frozenset({ProcessPart.API, ProcessPart.PAGES})


def run_part(
    part: Annotated[ProcessPart, typer.Argument(help="the kind of process")],
    host: Annotated[
        str | None, typer.Option("--host", help="of `api` and `pages`: the address to listen on")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option("--port", min=1, max=65535, help="of `api` and `pages`: the port to listen on"),
    ] = None,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Run one kind of process on this machine.

    Any number of each may run, on any machines with the same database. `api` and `pages` are as many worker
    processes as PAYSWITCH_WORKERS says; the API workers of a machine pass requests of people on to its pages.
    One writer works, the others are its standbys; the same for caretaker and messenger.
    """
    logs.configure(f"run {part}")
    own_port = "pages_port" if part is ProcessPart.PAGES else "port"
    given = {"host": host, own_port: port, "data": data, "database": database_url}
    settings = Settings(**{k: v for k, v in given.items() if v is not None})  # type: ignore[arg-type]
    settings = settings.model_copy(update={"data": settings.data.resolve()})
    check(settings, part)
    _prepare(settings)
    allow_open_files()
    module = f"switch.processes.{part}"
    if part not in _SERVING:
        _become(module, [], environment_of(settings) | {metrics.PLACE: part})
    listeners = _bind_pages(settings) if part is ProcessPart.PAGES else [_bind(settings)]
    name = f"{part}-{settings.pages_port if part is ProcessPart.PAGES else settings.port}"
    if settings.workers == 1:
        for listener in listeners:
            listener.set_inheritable(True)
        numbers = [str(listener.fileno()) for listener in listeners]
        _become(module, numbers, environment_of(settings) | {metrics.PLACE: name})
    _keep_workers(settings, listeners, module, name)


def check(settings: Settings, part: ProcessPart) -> None:
    """Check everything that a start needs.

    Raises:
        StartError: something needs a person's action; each line is a reason.

    """
    if not settings.data.is_dir():
        raise StartError(
            f"there is no data directory {settings.data}: create it, with the keys of this switch"
        )
    reasons = [*_missing(settings), *preflight.examine_part(settings, part)]
    if settings.database:
        try:
            reasons += asyncio.run(preflight.examine_database(settings, part))
        except Exception as error:  # noqa: BLE001 - every failure becomes a reason
            cause = causes.of(error)
            if cause.lasting or not isinstance(error, _PASSING):
                reasons.append(f"the database cannot be used: {cause.text}; check PAYSWITCH_DATABASE")
            else:
                print(f"waiting: {cause.text}", flush=True)
    if reasons:
        raise StartError("\n".join(dict.fromkeys(reasons)))


def _missing(settings: Settings) -> Iterator[str]:
    if not settings.database:
        yield "PAYSWITCH_DATABASE is missing: the URL of the database that all machines share"


def _prepare(settings: Settings) -> None:
    """Make the directories of a process; `running.json` is for commands on this machine."""
    try:
        settings.metrics_directory.mkdir(parents=True, exist_ok=True)
        if settings.sandbox:
            settings.sandbox_mark.touch()
    except OSError as error:
        raise StartError(causes.of(error).text) from None


def _become(module: str, arguments: list[str], environment: dict[str, str]) -> None:
    """Replace this command by the process."""
    os.execve(sys.executable, [sys.executable, "-m", module, *arguments], environment)  # noqa: S606


def _bind(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        raise StartError(
            f"{settings.host} port {settings.port} is not available ({error.strerror}): set another with"
            " --host and --port, or PAYSWITCH_HOST and PAYSWITCH_PORT"
        ) from None
    listener.listen(_BACKLOG)
    return listener


def _bind_pages(settings: Settings) -> list[socket.socket]:
    try:
        return pages_listeners(settings)
    except causes.Impossible as error:
        raise StartError(str(error)) from None
    except OSError as error:
        raise StartError(
            f"the pages cannot listen on {settings.pages_socket} and port {settings.pages_port} of"
            f" {settings.host} ({error.strerror}): set another port with --port, or PAYSWITCH_PAGES_PORT"
        ) from None


class _Worker(Child):
    """A worker whose output is that of this command."""

    def _open_log(self) -> IO[bytes]:
        return os.fdopen(os.dup(sys.stdout.fileno()), "ab", buffering=0)


def _worker(
    settings: Settings, server: ForkServer, module: str, name: str, files: tuple[int, ...]
) -> _Worker:
    environment = environment_of(settings) | {metrics.PLACE: name}
    log = settings.data / "logs" / f"{name}.log"
    return _Worker(name, server, module, [str(file) for file in files], environment, log, files)


def _end(workers: Sequence[_Worker], within_s: float) -> None:
    """Let workers drain and end."""
    for worker in workers:
        if worker.process is not None and worker.process.poll() is None:
            worker.process.send_signal(signal.SIGTERM)  # all drain at the same time
    for worker in workers:
        if worker.process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                worker.process.wait(within_s)
        worker.stop()


def _keep_workers(settings: Settings, listeners: list[socket.socket], module: str, place: str) -> None:
    """Start the workers, and replace those that end, until SIGTERM; then let them drain."""
    server = ForkServer()
    server.open()
    files = tuple(listener.fileno() for listener in listeners)
    names = [f"{place}-{number}" for number in range(settings.workers)]
    workers = [_worker(settings, server, module, name, files) for name in names]
    stopping: list[int] = []
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signal_number, lambda got, _frame: stopping.append(got))
    for worker in workers:
        worker.start()
    at = time.monotonic()
    while not stopping:
        before, at = at, time.monotonic()
        for worker in workers:
            worker.keep(at - before, lambda text: print(text, flush=True))
        time.sleep(_POLL_S)
    _end(workers, settings.drain_s + _END_WITHIN_S)
    server.close()
    for listener in listeners:
        listener.close()
