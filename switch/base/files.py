"""Atomic files, which a reader always meets whole: keys and signed documents; and who may read a secret."""

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

OWNER_ONLY: Final = 0o600
_OTHERS: Final = 0o077


def others_may_read(file: Path) -> bool:
    """Whether users other than the owner have any right to a file.

    A file of root may be readable by our own group: so Kubernetes mounts a Secret for other users.
    """
    status = file.stat()
    mode = status.st_mode & _OTHERS
    is_mounted = status.st_uid == 0 != os.geteuid() and status.st_gid in {os.getegid(), *os.getgroups()}
    return bool(mode & ~stat.S_IRGRP if is_mounted else mode)


def fault_of_secret(file: Path) -> str:
    """Why a file with a secret cannot be used; empty if it can."""
    try:
        file.read_bytes()
    except OSError as error:
        return f"{file}: {error.strerror}"
    return f"others than its owner can read {file} (chmod 600)" if others_may_read(file) else ""


def write_once(file: Path, octets: bytes, mode: int = OWNER_ONLY) -> None:
    """Write `file` unless it exists. If two processes write at once, the bytes of the first are kept."""
    if file.exists():
        return
    with _written(file, octets, mode) as made, contextlib.suppress(FileExistsError):
        file.hardlink_to(made)


def write_whole(file: Path, octets: bytes, mode: int = OWNER_ONLY) -> None:
    """Write `file`, in the place of the one that there is."""
    with _written(file, octets, mode) as made:
        made.replace(file)


@contextlib.contextmanager
def _written(file: Path, octets: bytes, mode: int) -> Iterator[Path]:
    """A durable file beside `file`, until the end of the `with`."""
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
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)
