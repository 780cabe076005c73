"""Directories for the data of servers of one test run: in memory, if there is enough of it.

Creating, flushing and removing thousands of files on a disk takes more processor time than the tests
themselves. Tests that kill or starve a server use `data_directory`, which is on the disk.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

_MEMORY = Path("/dev/shm")
_ROOM_BYTES = 4 << 30
_PREFIX = "payswitch-scratch-"


@contextlib.contextmanager
def directory() -> Iterator[Path]:
    """A directory of its own. It is not below pytest's temporary directory: see `data_directory`."""
    _remove_abandoned()
    place = _MEMORY if _roomy() else None
    with tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-", dir=place) as path:
        yield Path(path)


def _roomy() -> bool:
    return os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ROOM_BYTES


def _remove_abandoned() -> None:
    """Remove what killed test runs left in memory."""
    for left in _MEMORY.glob(f"{_PREFIX}*"):
        owner = left.name.removeprefix(_PREFIX).partition("-")[0]
        if not Path(f"/proc/{owner}").exists():
            shutil.rmtree(left, ignore_errors=True)
