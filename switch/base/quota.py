"""Places for what waits: so many in all, and so many of one participant, so that none takes everybody's."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from schemas.errors import TooManyRequests, Unavailable


class Quota:
    """The places of one kind in one process; `of_one` is how many of them one participant may have."""

    def __init__(self, total: int, of_one: int, what: str) -> None:
        self._total = total
        self._of_one = of_one
        self._what = what
        """For people: what waits here, in the plural."""
        self._taken: Counter[str] = Counter()

    @property
    def taken(self) -> int:
        """How many are taken."""
        return self._taken.total()

    @contextmanager
    def take(self, participant: str) -> Iterator[None]:
        """Have a place for as long as the context lasts.

        Raises:
            TooManyRequests: the participant has all that one may have.
            Unavailable: there is none left.

        """
        if self._taken[participant] >= self._of_one:
            raise TooManyRequests(f"at most {self._of_one} {self._what} of one participant at once")
        if self.taken >= self._total:
            raise Unavailable(f"too many {self._what} at once")
        self._taken[participant] += 1
        try:
            yield
        finally:
            self._taken[participant] -= 1
            self._taken += Counter()  # whoever has none is forgotten
