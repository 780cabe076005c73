"""Directories of sockets: nobody else may put a socket there, or take ours away."""

import os
import stat
from pathlib import Path
from typing import Final

from switch.base.causes import Impossible

_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
_ROOT: Final = 0


def make(directory: Path) -> None:
    """Create a directory for this user alone, or check one that exists.

    Raises:
        Impossible: as `check`.

    """
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    check(directory)


def check(directory: Path) -> None:
    """Check that nobody else could have made a directory, and that nobody else may write in it.

    Raises:
        Impossible: another user made it where everybody may, or others may write in it.
        FileNotFoundError: there is none.

    """
    found = directory.lstat()
    anybody_could = bool(directory.parent.stat().st_mode & stat.S_IWOTH)
    is_ours = found.st_uid in {os.geteuid(), _ROOT} or not anybody_could
    if not stat.S_ISDIR(found.st_mode) or not is_ours:
        raise Impossible(
            f"{directory} is not a directory of this user: somebody else made it and could pose as the"
            " writer; find out who, and remove it"
        )
    if found.st_mode & _OTHERS_WRITE:
        raise Impossible(f"other users may write in {directory}: run chmod go-w {directory}")
