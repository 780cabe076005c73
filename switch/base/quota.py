"""Quotas of waiting requests: in total, and per participant, so that one cannot use up the total."""

from collections import defaultdict
from contextlib import AbstractContextManager

from schemas.errors import TooManyRequests, Unavailable


class Quota:
    """The quota of one kind of request in one process; `of_one` is the part that one participant may use."""

    def __init__(self, total: int, of_one: int, what: str) -> None:
        self._total = total
        self._of_one = of_one
        self._what = what
        """The name of these requests for people, in the plural."""
        self._taken: defaultdict[str, int] = defaultdict(int)
        self.taken = 0
        """The number in use."""

    def take(self, participant: str) -> AbstractContextManager[None]:
        """Use one place of the quota for the duration of the context.

        Raises:
            TooManyRequests: the participant uses all that one may use.
            Unavailable: the total is used up.

        """
        return _Place(self, participant)

    def _enter(self, participant: str) -> None:
        if self._taken.get(participant, 0) >= self._of_one:
            raise TooManyRequests(f"at most {self._of_one} {self._what} of one participant at once")
        if self.taken >= self._total:
            raise Unavailable(f"too many {self._what} at once")
        self._taken[participant] += 1
        self.taken += 1

    def _leave(self, participant: str) -> None:
        self.taken -= 1
        self._taken[participant] -= 1
        if not self._taken[participant]:
            del self._taken[participant]


class _Place(AbstractContextManager[None]):
    """One place of a quota."""

    __slots__ = ("_participant", "_quota")

    def __init__(self, quota: Quota, participant: str) -> None:
        self._quota = quota
        self._participant = participant

    def __enter__(self) -> None:
        self._quota._enter(self._participant)  # noqa: SLF001 - its own quota

    def __exit__(self, *_: object) -> None:
        self._quota._leave(self._participant)  # noqa: SLF001
