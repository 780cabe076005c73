"""A message of a rail that is read twice is opened once.

What comes at our address is a request of the rail or an answer to us: `read_request` reads it first, and what
is no request is read again by `decode`. Opening it includes the rail's signature, which is most of its cost.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

Opened = TypeVar("Opened")


class LastOpened(Generic[Opened]):
    """The last message that was opened; a message that could not be opened is not kept."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: tuple[bytes, Opened] | None = None

    def of(self, raw: bytes, open_: Callable[[bytes], Opened]) -> Opened:
        """The opened message; the same object for the same bytes. Raises what `open_` does."""
        if self._last is None or self._last[0] is not raw:
            self._last = raw, open_(raw)
        return self._last[1]
