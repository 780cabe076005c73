"""The parent of the supervisor: it starts another one when the supervisor is killed.

`payswitch up` is two processes. The first forks before it has loaded anything, and then only waits; the
second is the supervisor. If the supervisor is killed, the kernel ends its processes with it, and the first
starts another supervisor, which waits for whatever is temporarily missing. If the first is killed, the switch
goes on; the next `payswitch up` on the same data replaces it (`switch/cli/ownership.py`). A supervisor that
ends by itself before it was ready, such as a start that cannot succeed, ends both.
"""

import contextlib
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Final, NoReturn

STOPS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""Signals that stop the switch in order."""
_BACKOFF_S: Final = (0.0, 1.0, 2.0, 3.0, 5.0)
"""Pauses between supervisors that end one soon after the other; the last one repeats without end."""
_HEALTHY_AFTER_S: Final = 60.0
_POLL_S: Final = 0.1
_READY: Final = b"r"


@dataclass(slots=True)
class Watched:
    """What a supervisor has from its parent."""

    parent: int | None = None
    """The process id of the parent; None without one."""
    resumed: bool = False
    """It replaces one that was killed: it waits where a first start would end with a reason."""
    _writing: int | None = None

    def is_ready(self) -> None:
        """Report to the parent that the start succeeded: from now on it never gives up."""
        if self._writing is not None:
            os.write(self._writing, _READY)
            self._writing = None

    def is_orphan(self) -> bool:
        """Whether the parent was killed."""
        return self.parent is not None and os.getppid() != self.parent


watched = Watched()
"""Of this process."""


def run(work: Callable[[], int]) -> int:
    """Run `work` in a child, again whenever it is killed, until it ends by itself; return its exit code."""
    child = _Child()
    for number in STOPS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, child.stop)
    failures, resumed = 0, False
    while True:
        began = time.monotonic()
        code, was_ready = child.run(work, resumed=resumed)
        resumed = resumed or was_ready or code < 0
        if child.stopped or code == 0 or not resumed:
            return code if code >= 0 else 128 - code
        failures = 0 if time.monotonic() - began > _HEALTHY_AFTER_S else failures + 1
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        with contextlib.suppress(OSError):  # a closed terminal must stop nothing
            print(f"the supervisor ended ({how}): starting another", file=sys.stderr, flush=True)
        child.pause(_BACKOFF_S[min(failures, len(_BACKOFF_S) - 1)])
        if child.stopped:
            return 0


class _Child:
    """The present supervisor, as its parent sees it."""

    def __init__(self) -> None:
        self.stopped = False
        self._pid = 0

    def stop(self, number: int, _: FrameType | None) -> None:
        """Pass the signal on."""
        self.stopped = True
        if self._pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, number)

    def run(self, work: Callable[[], int], *, resumed: bool) -> tuple[int, bool]:
        """Fork, and wait for the end: the exit code, negative for a signal, and whether it had been ready."""
        reading, writing = os.pipe()
        parent = os.getpid()
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
        self._pid = os.fork()
        if self._pid == 0:
            os.close(reading)
            _become(work, Watched(parent, resumed, writing))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
        os.close(writing)
        _, status = os.waitpid(self._pid, 0)
        self._pid = 0
        with os.fdopen(reading, "rb") as told:
            return os.waitstatus_to_exitcode(status), told.read() == _READY

    def pause(self, seconds: float) -> None:
        """Wait, unless a signal arrives."""
        end = time.monotonic() + seconds
        while not self.stopped and time.monotonic() < end:
            time.sleep(_POLL_S)


def _become(work: Callable[[], int], given: Watched) -> NoReturn:
    global watched  # noqa: PLW0603 - the one place that knows it
    watched = given
    for number in STOPS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
    code = 1
    try:
        code = work()
    except Exception:  # noqa: BLE001 - the process ends here, so nobody else would print it
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """Stop during a start, once: both the terminal and the parent may send the signal."""
    for number in STOPS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt
