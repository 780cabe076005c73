"""A file of JSON lines to which a simulator appends: each line is durable before anything is sent.

A line is appended in one `write`. A killed process leaves at most one incomplete last line, which the next
start removes.
"""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


class LineFile:
    """The open end of a file; whole lines alone are in it."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        _cut_torn_line(path)
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def append(self, values: Mapping[str, Any]) -> None:
        """Write one line."""
        line = json.dumps(values, separators=(",", ":")).encode() + b"\n"
        written = os.write(self._file, line)
        assert written == len(line), "a line is written completely"

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The values of every whole line, oldest first; the file may belong to a running process.

    Raises:
        ValueError: a line other than an incomplete last one cannot be parsed.

    """
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                return  # it is being written: to read on would give its other half as a line
            yield json.loads(line)


def _cut_torn_line(path: Path) -> None:
    if path.exists():
        raw = path.read_bytes()
        whole = raw.rfind(b"\n") + 1
        if whole != len(raw):
            os.truncate(path, whole)
