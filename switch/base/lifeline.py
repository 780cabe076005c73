"""What a process reports to the supervisor that started it: that it makes progress, and why it ends.

The line is a pipe that the process inherits; `PAYSWITCH_LIFELINE` is its file number. Each report is one
line: `beat`, `ended REASON`, or `refused REASON` where starting again cannot help before people act. A pipe
needs no disk, so it works while the disk is full. Without a supervisor the reports go nowhere.
"""

import os
from collections.abc import Callable
from typing import Final

FILE: Final = "PAYSWITCH_LIFELINE"
"""Environment: the number of the pipe's file."""
BEAT: Final = "beat"
ENDED: Final = "ended"
REFUSED: Final = "refused"
_REASON_BYTES: Final = 500
"""Of one report: far below what a pipe takes in one piece, so reports never mix."""


def beat() -> None:
    """Report progress: something that this process is for has just been done, or nothing waits for it."""
    _report(BEAT)


def ends(reason: str, *, lasting: bool) -> None:
    """Report why this process ends; `lasting`: it would end so again until people have acted."""
    text = " ".join(reason.split()).encode()[:_REASON_BYTES].decode(errors="ignore")
    _report(f"{REFUSED if lasting else ENDED} {text}")


def _report(line: str) -> None:
    number = os.environ.get(FILE)
    if number:
        try:
            os.write(int(number), line.encode() + b"\n")
        except OSError:
            return  # it is full, because the supervisor is stopped, or gone: nobody reads, nobody misses it


class Reader:
    """The supervisor's end of one process's line; `reading` and `writing` are file numbers."""

    def __init__(self) -> None:
        self.reading, self.writing = os.pipe()
        os.set_blocking(self.reading, False)
        os.set_blocking(self.writing, False)  # a process must never wait for its supervisor
        self._rest = b""

    def read(self, beat: Callable[[], None], end: Callable[[str, bool], None]) -> None:
        """Take in what was reported since the last time; an end has a reason, and whether it lasts."""
        while chunk := self._chunk():
            *lines, self._rest = (self._rest + chunk).split(b"\n")
            for line in lines:
                kind, _, text = line.decode(errors="replace").partition(" ")
                if kind == BEAT:
                    beat()
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
