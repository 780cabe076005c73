"""The product on cores of its own, where there are enough: rails and load then take nothing from it."""

import contextlib
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

import psutil

CPUS_MIN: Final = 4
"""With fewer, all processes share them, and only the CPU that each used tells them apart."""


def default(cpus: int) -> int:
    """How many cores the product gets: half of them, or 0, all, if there are few."""
    return cpus // 2 if cpus >= CPUS_MIN else 0


def divided(cpus: Sequence[int], product: int) -> tuple[set[int], set[int]]:
    """The cores of the product, and those of everything else.

    Raises:
        ValueError: nothing would be left for one of them.

    """
    if not 0 < product < len(cpus):
        raise ValueError(f"the product can have 1 to {len(cpus) - 1} of {len(cpus)} cores, not {product}")
    ordered = sorted(cpus)
    return set(ordered[:product]), set(ordered[product:])


def pin(
    processes: Iterable[psutil.Process], is_product: Callable[[psutil.Process], bool], product: int
) -> None:
    """Give each process, with all its threads, the cores of its side; what it starts later inherits them."""
    own, others = divided(sorted(os.sched_getaffinity(0)), product)
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError, FileNotFoundError):
            cores = own if is_product(process) else others
            for thread in Path(f"/proc/{process.pid}/task").iterdir():
                os.sched_setaffinity(int(thread.name), cores)
