"""Quotas of waiting requests: in total, and per participant, so that one cannot use up the total."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from schemas.errors import TooManyRequests, Unavailable


class Quota:
    """The quota of one kind of request in one process; `of_one` is the part that one participant may use."""

    def __init__(self, total: int, of_one: int, what: str) -> None:
        self._total = total
        self._of_one = of_one
        self._what = what
        """The name of these requests for people, in the plural."""
        self._taken: Counter[str] = Counter()

    @property
    def taken(self) -> int:
        """The number in use."""
        return self._taken.total()

    @contextmanager
    def take(self, participant: str) -> Iterator[None]:
        """Use one place of the quota for the duration of the context.

        Raises:
            TooManyRequests: the participant uses all that one may use.
            Unavailable: the total is used up.

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
            self._taken += Counter()  # removes participants with none
