"""Faults on demand: the next orders behave as a magic word says, whatever their account is."""

from collections import deque
from dataclasses import dataclass, field

from adapters.simulation.magic import Script, script


@dataclass(slots=True)
class Faults:
    """Scripts for the orders to come, first in first out."""

    waiting: deque[Script] = field(default_factory=deque)

    def add(self, word: str, count: int) -> None:
        """Let the next `count` orders behave as `word` says.

        Raises:
            ValueError: the word means nothing.

        """
        wanted = script(word)
        if wanted is None:
            raise ValueError(f"no magic word: {word}")
        self.waiting.extend([wanted] * count)

    def next(self) -> Script | None:
        """The fault for this order, if one is waiting."""
        return self.waiting.popleft() if self.waiting else None

    def clear(self) -> None:
        """Forget the faults that nobody met."""
        self.waiting.clear()
