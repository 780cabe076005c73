"""Who runs the switch of a data directory: a lock that ends with its holder, and a description of it."""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Final

import psutil

from switch.cli import watchdog

_ENDS_WITHIN_S: Final = 8.0
"""Seconds that a replaced supervisor has to stop in order; then it is killed, which loses nothing either."""
_POLL_S: Final = 0.05


class InUse(RuntimeError):
    """Another switch runs on this data directory; the text names it."""


@dataclass(frozen=True, slots=True)
class Holder:
    """The supervisor that holds a lock, as the lock file describes it."""

    process: int
    created: float
    """Its start by the clock of the system: process ids are used again."""
    parent: int | None
    url: str = ""

    @classmethod
    def of_this_process(cls, url: str = "") -> "Holder":
        """Describe this process."""
        return cls(os.getpid(), psutil.Process().create_time(), watchdog.watched.parent, url)

    def find(self) -> psutil.Process | None:
        """The process, if it is still running."""
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(self.process)
            if process.create_time() == self.created:
                return process
        return None


class DataLock:
    """The lock of one data directory."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._file: IO[str] | None = None

    def take(self, say: Callable[[str], None]) -> None:
        """Become the only supervisor of the directory. One whose parent was killed is stopped and replaced.

        Raises:
            InUse: another supervisor runs.
            OSError: the directory cannot be used.

        """
        run = self._data / "run"
        run.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file = (run / "supervisor.lock").open("a+")
        if not self._try():
            holder = self._holder()
            process = holder.find() if holder is not None else None
            if holder is None or process is None or not _is_orphan(holder, process):
                self.release()
                raise InUse(self._text(holder))
            say(f"replacing the switch of process {holder.process}, whose parent was killed")
            self._replace(process)
        self.describe("")

    def describe(self, url: str) -> None:
        """Write who holds the lock, for others; without space for it the lock is as good."""
        assert self._file is not None
        with contextlib.suppress(OSError):
            self._file.truncate(0)
            self._file.write(json.dumps(asdict(Holder.of_this_process(url))))
            self._file.flush()

    def release(self) -> None:
        """Release the lock."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None

    def _try(self) -> bool:
        assert self._file is not None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _holder(self) -> Holder | None:
        assert self._file is not None
        self._file.seek(0)
        try:
            return Holder(**json.loads(self._file.read()))
        except (OSError, ValueError, TypeError):
            return None

    def _text(self, holder: Holder | None) -> str:
        text = f"another switch is running on {self._data}"
        if holder is None:
            return text
        where = f" at {holder.url}" if holder.url else ""
        first = holder.parent or holder.process
        return f"{text} (process {first}{where}): stop it with `kill {first}`, or name another with --data"

    def _replace(self, process: psutil.Process) -> None:
        process.terminate()
        end = time.monotonic() + _ENDS_WITHIN_S
        while not self._try():
            if time.monotonic() > end:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            time.sleep(_POLL_S)


def _is_orphan(holder: Holder, process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return holder.parent is not None and process.ppid() != holder.parent
    return False
