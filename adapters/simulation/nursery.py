"""Starting many simulated rails at the price of one: a process that has read the programs, and forks.

A rail's process spends a second of processor time on reading its program, and ten rails ten. So one process
reads it, and forks for each rail that it is asked for. Each rail is a process of its own all the same: it can
be stopped, killed and started again alone. All end with the nursery, and the nursery with whoever opened it.

The two sides speak over a socket: a JSON list of arguments of `adapters.simulation` with the file for the
rail's output comes in, and the process id with a file of the process (`pidfd_open(2)`) goes back.
"""

import contextlib
import ctypes
import json
import os
import select
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import IO, Final

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_NAME: Final = 15
_MESSAGE_BYTES: Final = 65_536
_ANSWER_WITHIN_S: Final = 60.0
"""A busy machine may take long to read the programs."""


class Fostered:
    """A rail's process: what `subprocess.Popen` would say of it, but its exit code, which nobody learns."""

    def __init__(self, pid: int, file: int | None) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._file = file

    def poll(self) -> int | None:
        """Look whether it ended: 1 then, else None."""
        return self._look(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end.

        Raises:
            subprocess.TimeoutExpired: it still runs.

        """
        code = self._look(None if timeout is None else timeout * 1000)
        if code is None:
            raise subprocess.TimeoutExpired("rail", timeout or 0)
        return code

    def _look(self, milliseconds: float | None) -> int | None:
        if self.returncode is None:
            if self._file is not None:
                looker = select.poll()
                looker.register(self._file, select.POLLIN)
                if not looker.poll(milliseconds):
                    return None
                os.close(self._file)
                self._file = None
            self.returncode = 1
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal to it, and never to another process that was given its number."""
        if self.poll() is None and self._file is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._file, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


class Nursery:
    """The side that asks. `tie` runs in the new process before its program: it ties its life to ours."""

    def __init__(self, tie: Callable[[], None], environment: dict[str, str]) -> None:
        self._tie = tie
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None

    def open(self) -> None:
        """Start it, or start it again; it reads its programs meanwhile."""
        self.close()
        self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._line.settimeout(_ANSWER_WITHIN_S)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-m", "adapters.simulation.nursery", str(theirs.fileno())],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                preexec_fn=self._tie,  # noqa: PLW1509 - the caller has one thread
            )

    def start(self, arguments: Sequence[str], log: IO[bytes]) -> Fostered:
        """Start one rail.

        Raises:
            OSError: the nursery is gone; the next call starts another.

        """
        if self._process is None or self._process.poll() is not None:
            self.open()
        assert self._line is not None
        try:
            socket.send_fds(self._line, [json.dumps(list(arguments)).encode()], [log.fileno()])
            answer, files, _, _ = socket.recv_fds(self._line, _MESSAGE_BYTES, 1)
        except TimeoutError:
            self.close()
            raise
        if not answer:
            raise ConnectionError("the nursery ended")
        return Fostered(int(answer), files[0] if files else None)

    def close(self) -> None:
        """End it, and with it every rail that still runs."""
        if self._line is not None:
            self._line.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()


def serve(line: socket.socket) -> None:
    """Fork for each rail that is asked for, until nobody asks any more."""
    from adapters.simulation import __main__ as program  # noqa: PLC0415 - this is what takes the time

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them here: the kernel forgets them
    while True:
        request, files, _, _ = socket.recv_fds(line, _MESSAGE_BYTES, 1)
        if not request:
            return
        pid = os.fork()
        if pid == 0:
            line.close()
            _become(program.main, json.loads(request), files[0])
        for file in files:
            os.close(file)
        try:
            own = os.pidfd_open(pid)
        except ProcessLookupError:  # it ended at once
            line.send(str(pid).encode())
            continue
        socket.send_fds(line, [str(pid).encode()], [own])
        os.close(own)


def _become(program: Callable[[list[str]], None], arguments: list[str], log: int) -> None:
    """Be one rail, until its end."""
    nursery = os.getppid()
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    prctl(_PR_SET_NAME, f"rail-{arguments[0]}".encode())
    if os.getppid() != nursery:
        os._exit(1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.dup2(log, sys.stdout.fileno())
    os.dup2(log, sys.stderr.fileno())
    code = 1
    try:
        program(arguments)
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
        if isinstance(ended.code, str):
            sys.stderr.write(f"{ended.code}\n")
    except BaseException:  # noqa: BLE001 - the outermost place of the process
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
