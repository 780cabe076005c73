"""Atomic files that the first process writes: keys and signed documents."""

import contextlib
import os
import tempfile
from pathlib import Path
from typing import Final

OWNER_ONLY: Final = 0o600


def write_once(file: Path, octets: bytes, mode: int = OWNER_ONLY) -> None:
    """Write `file` unless it exists. If two processes write at once, the bytes of the first are kept."""
    if file.exists():
        return
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, name = tempfile.mkstemp(
        dir=file.parent
    )  # a unique name: a process that died may have left a file
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(octets)
            out.flush()
            os.fsync(out.fileno())
        Path(name).chmod(mode)
        with contextlib.suppress(FileExistsError):
            file.hardlink_to(name)
    finally:
        Path(name).unlink()
