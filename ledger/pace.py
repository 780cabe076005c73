"""When a batch of the ledger's writer begins: at once, or under load a moment later, so that it is larger.

A batch has a fixed cost, in this process and in the database, that all its commands share. While commands
come one after the other nothing waits. Only while batches have several commands anyway, because they come
faster than batches end, the next one begins `PACE_S` after the last, or as soon as `ENOUGH` commands wait.
Pure: the caller states the time.
"""

import math
from dataclasses import dataclass
from typing import Final

PACE_S: Final = 0.02
"""Seconds between the beginnings of two batches under load: the most that a command waits for others."""

SEVERAL: Final = 4.0
"""Commands of recent batches, on average, from which on the next one may wait."""

ENOUGH: Final = 64
"""Commands that begin a batch in any case: shared by so many, its fixed cost no longer matters."""

_SHARE: Final = 1 / 8
"""Share of a new batch in the average."""

_SKIPPED_MAX: Final = 64


@dataclass(slots=True)
class Pace:
    """The measured load of one writer."""

    size: float = 0.0
    """Commands of a recent batch, on average."""
    _begun_at: float = -math.inf
    _skip: int = 0
    _skipped: int = 0
    """Batches that begin at once because waiting was in vain: all callers wait for this very batch."""

    def begin(self, count: int, at: float) -> None:
        """Note that a batch of `count` commands begins at `at`, in seconds of a monotonic clock."""
        self.size += (count - self.size) * _SHARE
        self._begun_at = at

    def pause(self, waiting: int, at: float) -> float:
        """The seconds that a batch should wait for more commands; 0 if it begins at once."""
        left = self._begun_at + PACE_S - at
        if left <= 0 or self.size < SEVERAL or waiting >= ENOUGH:
            return 0.0
        if self._skipped < self._skip:
            self._skipped += 1
            return 0.0
        return left

    def paused(self, gained: int) -> None:
        """Note how many commands came during a pause. After none, more and more batches begin at once."""
        self._skip = 0 if gained else min(_SKIPPED_MAX, 2 * self._skip or 1)
        self._skipped = 0
