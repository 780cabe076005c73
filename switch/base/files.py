"""Files that are there whole or not at all, and that whoever is first writes: keys, and what was signed."""

import contextlib
import os
import tempfile
from pathlib import Path
from typing import Final

OWNER_ONLY: Final = 0o600


def write_once(file: Path, octets: bytes, mode: int = OWNER_ONLY) -> None:
    """Write `file` unless it is there. Of two processes at once the first one's bytes are everybody's."""
    if file.exists():
        return
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, name = tempfile.mkstemp(dir=file.parent)  # of its own: a process that died may have left one
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
