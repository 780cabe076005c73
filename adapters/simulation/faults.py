"""Faults on demand: the next orders behave as a magic word defines, whatever their account is."""

from collections import deque
from dataclasses import dataclass, field

from adapters.simulation.magic import Script, script


@dataclass(slots=True)
class Faults:
    """Scripts for the next orders, first in, first out."""

    waiting: deque[Script] = field(default_factory=deque)

    def add(self, word: str, count: int) -> None:
        """Make the next `count` orders behave as `word` defines.

        Raises:
            ValueError: not a magic word.

        """
        wanted = script(word)
        if wanted is None:
            raise ValueError(f"not a magic word: {word}")
        self.waiting.extend([wanted] * count)

    def next(self) -> Script | None:
        """The fault for this order, if one is queued."""
        return self.waiting.popleft() if self.waiting else None

    def clear(self) -> None:
        """Remove the faults that no order has used."""
        self.waiting.clear()
