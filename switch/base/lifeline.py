"""Reports of a process to its supervisor: that it makes progress, and why it ends.

The line is a pipe that the process inherits; `PAYSWITCH_LIFELINE` is its file number. Each report is one
line: `beat`, `ended REASON`, `refused REASON` if a person must act before a restart can help, `stuck PIDS`
for backends of the database that hold locks and do not end, or `waits REASON`, with no reason when that is
over. A pipe needs no disk, so it works while the disk is full. Without a supervisor the reports are
discarded.
"""

import os
from collections.abc import Callable, Collection
from typing import Final

FILE: Final = "PAYSWITCH_LIFELINE"
"""Environment variable: the file descriptor of the pipe."""
BEAT: Final = "beat"
ENDED: Final = "ended"
REFUSED: Final = "refused"
STUCK: Final = "stuck"
WAITS: Final = "waits"
_REASON_BYTES: Final = 500
"""Bytes of one report: far below the atomic size of a pipe, so reports never mix."""


def beat() -> None:
    """Report progress: the process has just done its work, or has none to do."""
    _report(BEAT)


def ends(reason: str, *, lasting: bool) -> None:
    """Report why this process ends; `lasting`: it would end again until a person acts."""
    text = " ".join(reason.split()).encode()[:_REASON_BYTES].decode(errors="ignore")
    _report(f"{REFUSED if lasting else ENDED} {text}")


def are_stuck(backends: Collection[int]) -> None:
    """Report process ids of backends that block this process and ignore a request to end."""
    _report(" ".join([STUCK, *map(str, backends)]))


def waits(reason: str) -> None:
    """Report what this process waits for before it can work; empty: it waits no longer."""
    _report(f"{WAITS} {reason}")


def _report(line: str) -> None:
    number = os.environ.get(FILE)
    if number:
        try:
            os.write(int(number), line.encode() + b"\n")
        except OSError:
            return  # the pipe is full or closed because the supervisor is stopped or gone: no one reads it


class Reader:
    """The supervisor's end of the pipe of one process; `reading` and `writing` are file descriptors."""

    def __init__(self) -> None:
        self.reading, self.writing = os.pipe()
        os.set_blocking(self.reading, False)
        os.set_blocking(self.writing, False)  # a process must never wait for its supervisor
        self._rest = b""

    def read(
        self,
        beat: Callable[[], None],
        end: Callable[[str, bool], None],
        are_stuck: Callable[[list[int]], None] = lambda _: None,
        waits: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Read the reports since the last call; an end has a reason, and whether it is lasting."""
        while chunk := self._chunk():
            *lines, self._rest = (self._rest + chunk).split(b"\n")
            for line in lines:
                kind, _, text = line.decode(errors="replace").partition(" ")
                if kind == BEAT:
                    beat()
                elif kind == STUCK:
                    are_stuck([int(pid) for pid in text.split()])
                elif kind == WAITS:
                    waits(text)
                else:
                    end(text, kind == REFUSED)

    def _chunk(self) -> bytes:
        try:
            return os.read(self.reading, 65536)
        except BlockingIOError:
            return b""

    def close(self) -> None:
        """Close both ends."""
        os.close(self.reading)
        os.close(self.writing)
