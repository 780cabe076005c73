"""Quotas and records of account look-ups (acmt.023).

A look-up returns whose account a number is, so that a sweep through numbers collects people. It is for who
is about to pay: a participant with accounts of its own. Each one takes a token of its participant, and one of
its participant at that bank; a bucket holds the look-ups of an hour, and refills over a day. As rate limits
do, buckets live in a worker's memory, and each worker grants its share. The record in the audited log is
durable before the answer is sent.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from schemas.errors import NotAllowed, TooManyRequests, Unavailable
from switch.api.limits import Bucket, Buckets
from switch.base import metrics
from switch.base.settings import Settings
from switch.payments.directory import Participant
from switch.writer import event_bodies
from switch.writer.client import Link
from switch.writer.commands import Record
from switch.writer.event_kinds import EventKind

_DAY_S: Final = 86_400
_BURSTS: Final = 24
"""Of the look-ups of a day, the part that may be used at once."""
_PAYING: Final = frozenset({"direct", "fx_provider", "gateway"})
"""Kinds of participants that send payments."""


@dataclass(frozen=True, slots=True)
class LookUp:
    """One look-up, without personal data. `alias` is a keyed fingerprint of what was looked up."""

    rail: str
    bank: str
    alias: str
    result: str


class LookUps:
    """The quotas of one worker."""

    def __init__(self, settings: Settings, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._buckets = Buckets()
        self._per_day = settings.lookups_per_day / settings.workers
        self._of_bank_per_day = settings.lookups_of_bank_per_day / settings.workers

    def take(self, sender: Participant, banks: Sequence[str]) -> None:
        """Take a token for each of the banks whose accounts a participant looks up; all or none.

        Raises:
            NotAllowed: a participant of this kind sends no payments.
            TooManyRequests: its quota, or its quota at one of the banks, is used up.

        """
        if sender.kind not in _PAYING:
            raise NotAllowed("only participants that send payments may verify accounts")
        wanted = [self._bucket(sender.id, self._per_day) for _ in banks]
        wanted += [self._bucket(f"{sender.id} {bank}", self._of_bank_per_day) for bank in banks]
        taken: list[Bucket] = []
        for bucket in filter(None, wanted):
            if not bucket.take(self._now()):
                for before in taken:
                    before.tokens += 1
                raise TooManyRequests(
                    f"the quota of account look-ups is used up: one more in {bucket.wait_s} s"
                )
            taken.append(bucket)

    def _bucket(self, caller: str, per_day: float) -> Bucket | None:
        if not per_day:
            return None
        size = max(1, int(per_day / _BURSTS))
        return self._buckets.bucket(caller, "enquire", rate=per_day / _DAY_S, size=size, now=self._now())


async def record(link: Link, participant: str, done: Sequence[LookUp]) -> None:
    """Record look-ups in the audited log, before their answer is sent.

    Raises:
        Unavailable, OutcomeUnknown: it is not known that the writer recorded them.

    """
    for one in done:
        metrics.LOOKUPS.labels(participant, one.result).inc()
    facts = {"caller": f"participant:{participant}", "lookups": [msgspec.to_builtins(one) for one in done]}
    reply = await link.ask(Record(EventKind.ACCOUNT_LOOKUP, event_bodies.encode(facts)))
    if not reply.number:
        raise Unavailable("the audited log did not record this request")
