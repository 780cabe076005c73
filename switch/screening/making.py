"""The tables of large lists are made in a process of its own: `python -m switch.screening.making`.

To make them takes seconds of the processor, and some hundred megabytes for the largest lists. If memory is
short, the kernel ends this process before any other, and whoever needs the tables learns it: neither a
payment nor other work waits for it or ends with it.
"""

import asyncio
import contextlib
import os
import subprocess
import sys
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec

from switch.screening import tables
from switch.screening.listed import ListedParty

WITHIN_S: Final = 300.0
SMALL: Final = 1 << 16
"""Lists of fewer bytes take less time and memory than to start a process: their tables are made here."""
_COMMAND: Final = (sys.executable, "-m", "switch.screening.making")
_FIRST_TO_END: Final = "1000"
_BEHIND_OTHERS: Final = 10
_encode: Final = msgspec.msgpack.encode
_decode: Final = msgspec.msgpack.Decoder(list[tuple[str, bytes]]).decode
parties: Final = msgspec.msgpack.Decoder(list[ListedParty])
"""Reads the entries of a list."""


class TablesNotMade(Exception):
    """The tables could not be made; the text says why."""


async def make(lists: Sequence[tuple[str, bytes]]) -> bytes:
    """The packed tables of some lists, each its publisher and its entries in zlib format.

    Raises:
        TablesNotMade: a list is damaged, memory or time is short, or the process was ended.

    """
    if sum(len(packed) for _, packed in lists) < SMALL:
        return await asyncio.to_thread(_made_here, lists)
    return await asyncio.to_thread(_made, _encode(list(lists)))


def _made_here(lists: Sequence[tuple[str, bytes]]) -> bytes:
    try:
        return tables.pack(of_lists(lists))
    except (zlib.error, msgspec.MsgspecError) as error:
        raise TablesNotMade(f"a list is damaged: {error}") from error


def _made(lists: bytes) -> bytes:
    try:
        done = subprocess.run(_COMMAND, input=lists, capture_output=True, timeout=WITHIN_S, check=False)  # noqa: S603 - our own program
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TablesNotMade(type(error).__name__) from None
    if done.returncode < 0:
        raise TablesNotMade(f"the process that makes them was ended by signal {-done.returncode}")
    if done.returncode:
        raise TablesNotMade(done.stderr.decode(errors="replace").strip().rpartition("\n")[2])
    return done.stdout


def of_lists(lists: Sequence[tuple[str, bytes]]) -> tables.IndexTables:
    """The tables of some lists, made now; ids are unique with their publisher."""
    return tables.make(
        replace(party, id=f"{publisher}:{party.id}")
        for publisher, packed in lists
        for party in parties.decode(zlib.decompress(packed))
    )


def main() -> None:
    """Read lists, and write their tables."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_END, encoding="ascii")
    os.nice(_BEHIND_OTHERS)
    sys.stdout.buffer.write(tables.pack(of_lists(_decode(sys.stdin.buffer.read()))))


if __name__ == "__main__":
    main()
