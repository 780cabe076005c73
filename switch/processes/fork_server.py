"""Fast start of many processes: one process loads the programs, then forks.

A process of the switch spends seconds of processor time on loading its program, and there are eight of them
and a simulated rail for each country. So one process loads them all, once, and forks for each program that
the supervisor requests. The memory of the programs is shared. What a module does with its environment when it
is imported, it does again after the fork (`_begin`). A request waits only for the programs up to its own: the
writer, which all others wait for, begins while they are loaded.

The new process is a child of the supervisor, not of the fork server: the fork server forks twice, and the
kernel reparents an orphan to its nearest subreaper, which is the supervisor. So the supervisor can wait for
it and kill it as any other child, it ends with the supervisor, and it outlives the fork server.

The two sides communicate over a socket: the fork server receives a `Request` with the open files of the new
process, the log first, and returns the process id.
"""

import contextlib
import ctypes
import fcntl
import gc
import importlib
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import IO, Final, NoReturn

import msgspec
import setproctitle

from adapters import registry
from ledger.postgres import die_with_parent
from schemas import codec
from switch.base import failpoints, metrics

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36
_REQUEST_BYTES: Final = 1 << 18
_FILES_MAX: Final = 8
_ANSWER_WITHIN_S: Final = 180.0
"""Seconds; a busy machine may take long to load the programs."""
_ADOPTED_POLL_S: Final = 0.001
_ADOPTED_TRIES: Final = 10_000
_PROGRAMS: Final[Mapping[str, Sequence[str]]] = MappingProxyType(
    {
        "switch.processes.writer": ("uvloop",),
        "adapters.simulation.__main__": ("holidays",),
        "switch.processes.caretaker": (),
        "switch.processes.messenger": (),
        "switch.processes.api": (
            "fastapi.openapi.utils",
            "httptools",
            "uvicorn.protocols.http.httptools_impl",
        ),
        "switch.processes.pages": (),
    }
)
"""The programs in the order of a start, with what they import only when they run."""
_OF_ADAPTERS: Final = ("profile", "client", "simulator")
"""Modules of our own adapters, loaded with the simulated rails. Those of others might start threads."""


class ForkRequest(msgspec.Struct, array_like=True):
    """The description of the new process."""

    name: str
    module: str
    """The module of the program, with a function `main()`."""
    arguments: list[str]
    environment: dict[str, str]
    files: list[int]
    """The descriptor numbers of its files, except its log."""
    supervisor: int
    """The process id of its parent."""


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(ForkRequest).decode


class Forked:
    """A forked process, with the interface of `subprocess.Popen`."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._file = os.pidfd_open(pid)  # it is our child: its id is not reused before we wait for it

    def poll(self) -> int | None:
        """Get its exit code if it ended, negative for a signal; otherwise None."""
        if self.returncode is None:
            ended = os.waitid(os.P_PIDFD, self._file, os.WEXITED | os.WNOHANG)
            if ended is not None:
                killed = ended.si_code in (os.CLD_KILLED, os.CLD_DUMPED)
                self.returncode = -ended.si_status if killed else ended.si_status
                os.close(self._file)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and get its exit code.

        Raises:
            subprocess.TimeoutExpired: it is still running after `timeout` seconds.

        """
        if self.returncode is None:
            looker = select.poll()
            looker.register(self._file, select.POLLIN)
            looker.poll(None if timeout is None else timeout * 1000)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired("payswitch", timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        """Send it a signal."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._file, number)

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(signal.SIGKILL)


class ForkServer:
    """The client side. It starts the fork server when needed, and restarts it when it has died."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None

    def open(self) -> None:
        """Start or restart it; it loads the programs in the background."""
        self.close()
        self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (self._line, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _REQUEST_BYTES)
        self._line.settimeout(_ANSWER_WITHIN_S)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-m", "switch.processes.fork_server", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env={  # its children keep this memory: none may find another's database there
                    name: value for name, value in os.environ.items() if not name.startswith("PAYSWITCH_")
                },
                preexec_fn=die_with_parent(signal.SIGKILL),  # noqa: PLW1509 - the caller has one thread
            )

    def start(
        self,
        name: str,
        module: str,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str],
        log: IO[bytes],
        files: Sequence[int] = (),
    ) -> Forked:
        """Start a program under a name, with its output in `log`: `module.main()`, with `sys.argv`.

        The new process has each of `files` with the same descriptor number as here.

        Raises:
            OSError: the fork server has ended; the next call starts another.

        """
        if self._process is None or self._process.poll() is not None:
            self.open()
        assert self._line is not None
        request = ForkRequest(name, module, list(arguments), dict(environment), list(files), os.getpid())
        try:
            with _adopting_orphans():
                socket.send_fds(self._line, [_encode(request)], [log.fileno(), *files])
                answer = self._line.recv(64)
        except OSError:
            self.close()
            raise
        if not answer:
            self.close()
            raise ConnectionError("the fork server ended")
        return Forked(int(answer))

    def close(self) -> None:
        """End it. The processes that it started go on."""
        if self._line is not None:
            self._line.close()
            self._line = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextlib.contextmanager
def _adopting_orphans() -> Iterator[None]:
    """Adopt the processes that the fork server starts meanwhile, and no other orphans."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    if prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "this process cannot become a subreaper")
    try:
        yield
    finally:
        prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def serve(line: socket.socket) -> None:
    """Load the programs, then fork for each request, until the client closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the supervisor decides when to stop
    setproctitle.setproctitle(
        "payswitch fork-server"
    )  # it finds the memory of titles while the environment is complete
    missing = deque(_PROGRAMS)
    while True:
        if missing and not select.select([line], [], [], 0)[0]:
            _load(missing.popleft())
            continue
        message, files, _, _ = socket.recv_fds(line, _REQUEST_BYTES, _FILES_MAX)
        if not message:
            return
        request = _decode(message)
        while request.module in missing:
            _load(missing.popleft())
        gc.freeze()  # shared memory stays shared
        assert threading.active_count() == 1, "a process with threads must not fork"
        line.send(str(_fork_twice(line, request, files)).encode())
        for file in files:
            os.close(file)


def _load(program: str) -> None:
    """Load a program, and prepare what each of its processes would prepare for itself."""
    for module in (program, *_PROGRAMS[program]):
        importlib.import_module(module)
    if program == "adapters.simulation.__main__":
        for module in _modules_of_adapters():
            importlib.import_module(module)
    if program == "switch.processes.api":
        codec.warm()


def _modules_of_adapters() -> list[str]:
    own = [entry.module for entry in registry.entries() if entry.module.partition(".")[0] == "adapters"]
    return [f"{package}.{name}" for package in own for name in _OF_ADAPTERS]


def _fork_twice(line: socket.socket, request: ForkRequest, files: Sequence[int]) -> int:
    """Fork a process that becomes an orphan, and return its id."""
    reading, writing = os.pipe()
    middle = os.fork()
    if middle == 0:
        child = os.fork()
        if child == 0:
            line.close()
            os.close(reading)
            os.close(writing)
            _become(request, files)
        os.write(writing, str(child).encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(middle, 0)
    with os.fdopen(reading, "rb") as told:
        return int(told.read())


def _become(request: ForkRequest, files: Sequence[int]) -> NoReturn:
    """Run the program until its end."""
    code = 1
    try:
        _tie_to(request.supervisor)
        _take_files(files, [1, 2, *request.files])
        os.environ.clear()
        os.environ.update(request.environment)
        sys.argv = [request.module, *request.arguments]
        setproctitle.setproctitle(f"payswitch {request.name} {request.module}")
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _begin(request.module)
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        if isinstance(ended.code, str):
            sys.stderr.write(f"{ended.code}\n")
    except BaseException:  # noqa: BLE001 - the outermost place of the process
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _begin(module: str) -> None:
    """Repeat what depends on the environment, then run the program."""
    program = importlib.import_module(module)
    metrics.take_place()
    failpoints.arm()
    program.main()


def _tie_to(supervisor: int) -> None:
    """Become a child of the supervisor, and end with it."""
    for _ in range(_ADOPTED_TRIES):
        if os.getppid() == supervisor:
            break
        time.sleep(_ADOPTED_POLL_S)
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != supervisor:
        os._exit(1)


def _take_files(files: Sequence[int], numbers: Sequence[int]) -> None:
    """Assign each file its descriptor number: the log is standard output and standard error."""
    log, *others = files
    above = max([*numbers, *files]) + 1
    copies = [fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, above) for file in (log, log, *others)]
    for file in files:
        os.close(file)
    for copy, number in zip(copies, numbers, strict=True):
        os.dup2(copy, number)
        os.close(copy)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
