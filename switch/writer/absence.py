"""Rules for "not found": when it proves that a rail never had an order, and when to enquire again.

A single "not found" proves nothing: the order may still be on its way, or the rail's own systems may lag. A
payment that was sent is rejected by absence only after as many consecutive "not found" as the rail's profile
requires, each requested

* after the order's expiry and the rail's grace, from when on the rail neither accepts nor hides the order;
* after contact with the rail was restored, plus the grace, since an outage delays orders until after it;
* at least the grace after the one before.

Any other answer of the rail, and any loss of contact, restarts the count. The writer decides this with these
functions and keeps the count in `switch.open_payment`; there is no other way to end a payment by absence.

This file contains no rail, no SQL and no clock: instants are the database's, in microseconds since 1970.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from adapters.profile import RailProfile
from switch.writer.commands import RailResponse

GAP_US: Final = 5_000_000
"""Contact is lost if the caretaker did not run for longer, or the database's clock differs by more."""


@dataclass(frozen=True, slots=True)
class AbsenceRule:
    """A rail profile's rules for enquiries, on the time scale of this installation."""

    answers: int
    """Number of consecutive "not found" that prove absence; 0: never."""
    grace_us: int
    every_us: int
    enquiries_max: int
    ruled: bool = False
    """The limit is the rail's: never exceeded."""
    unanswered_max: int = 120
    """Consecutive unanswered enquiries before people are notified; enquiries resume when the rail is back."""


UNKNOWN_RAIL: Final = AbsenceRule(answers=0, grace_us=60_000_000, every_us=60_000_000, enquiries_max=10)
"""For a rail without a profile in this process: absence is never proved."""


def rule_of(profile: RailProfile, scale: float) -> AbsenceRule:
    """Build the rule from a profile."""
    timing = profile.timing
    return AbsenceRule(
        answers=profile.absence.answers if profile.absence.expiry_on_wire else 0,
        grace_us=int(timing.not_found_grace_s * scale * 1e6),
        every_us=int(timing.enquiry_every_s * scale * 1e6),
        enquiries_max=timing.enquiries_max,
        ruled=timing.enquiries_ruled,
        unanswered_max=max(1, int(timing.give_up_s / timing.enquiry_every_s)),
    )


@dataclass(frozen=True, slots=True)
class Count:
    """The "not found" that count so far, and when the last of them was requested."""

    answers: int = 0
    asked_at: int = 0


NONE: Final = Count()
_HAS_IT: Final = frozenset({"pending", "another_amount"})
"""Answers that show that the rail has the order."""


def counts_from(rule: AbsenceRule, count: Count, *, expires: int, whole_since: int) -> int:
    """Instant from which the next "not found" counts, if contact is not lost."""
    return max(expires, whole_since, count.asked_at) + rule.grace_us


def counted(rule: AbsenceRule, count: Count, *, expires: int, asked_at: int, whole_since: int) -> Count:
    """The count after one more "not found"; `whole_since` is 0 while contact is lost."""
    if not 0 < whole_since <= asked_at:
        return NONE
    kept = count if whole_since <= count.asked_at <= asked_at else NONE
    if asked_at < counts_from(rule, kept, expires=expires, whole_since=whole_since):
        return kept
    return Count(kept.answers + 1, asked_at)


def is_absent(rule: AbsenceRule, count: Count) -> bool:
    """Whether it is proved that the rail never had the order."""
    return 0 < rule.answers <= count.answers


@dataclass(frozen=True, slots=True)
class Doubt:
    """State of the enquiries about a payment with an unknown outcome."""

    expires: int
    due: int
    """When to enquire next; 0: the rail's file or people decide."""
    enquiries: int = 0
    """Number of answered enquiries."""
    pending: bool = False
    """The rail once reported that it has the order: a later "not found" never proves absence."""
    count: Count = NONE
    unanswered: int = 0
    """Consecutive unanswered enquiries."""


@dataclass(frozen=True, slots=True)
class EnquiryResult:
    """Result of one enquiry."""

    said: RailResponse
    asked_at: int
    whole_since: int
    """Since when contact with the rail is uninterrupted; 0: it is lost."""


def after_enquiry(rule: AbsenceRule, doubt: Doubt, asked: EnquiryResult, now: int) -> Doubt:
    """State after one more enquiry at `now`; `is_absent` states whether that ends it."""
    if (
        asked.said == "nothing"
    ):  # an unanswered enquiry does not use up attempts, restarts the count, and keeps an escalation
        unanswered = doubt.unanswered + 1
        due = now + rule.every_us if doubt.due and unanswered < rule.unanswered_max else 0
        return replace(doubt, due=due, count=NONE, unanswered=unanswered)
    pending = doubt.pending or asked.said in _HAS_IT
    may_end = asked.said == "not_found" and not pending
    whole_since = asked.whole_since if asked.asked_at <= now + GAP_US else 0
    count = NONE
    if may_end:
        count = counted(
            rule, doubt.count, expires=doubt.expires, asked_at=asked.asked_at, whole_since=whole_since
        )
    after = replace(doubt, enquiries=doubt.enquiries + 1, pending=pending, count=count, unanswered=0)
    if doubt.due == 0 and not may_end:
        return after
    counting = may_end and rule.answers > 0
    return replace(after, due=_next(rule, after, now, whole_since, counting=counting))


def _next(rule: AbsenceRule, doubt: Doubt, now: int, whole_since: int, *, counting: bool) -> int:
    """When to enquire again. A "not found" that may end the payment is worth exceeding the switch's limit."""
    over = now >= doubt.expires + rule.grace_us and not counting
    if doubt.enquiries >= rule.enquiries_max and (rule.ruled or over):
        return 0
    due = now + rule.every_us
    from_then = counts_from(rule, doubt.count, expires=doubt.expires, whole_since=whole_since)
    if rule.ruled:
        return max(due, from_then) if counting else due
    return min(due, from_then) if now < from_then else due


@dataclass(slots=True)
class Contact:
    """Since when one caretaker has had uninterrupted contact with each rail.

    Contact is lost by the start of the caretaker, by a gap between its runs (it or the database was stopped),
    by a jump of the database's clock against the machine's, and by an exchange without an answer of the rail.
    """

    _at: int = 0
    _monotonic: int = 0
    _whole: dict[str, int] = field(default_factory=dict)

    def turned(self, at: int, monotonic: int) -> bool:
        """Record a run of the caretaker at `at` of the database's clock; return whether contact was kept."""
        passed, really = at - self._at, monotonic - self._monotonic
        first = self._at == 0
        broken = not first and (max(passed, really) > GAP_US or abs(passed - really) > GAP_US)
        if broken:
            self._whole.clear()
        self._at, self._monotonic = at, monotonic
        return not broken

    def answered(self, rail: str) -> bool:
        """Record an answer of the rail; return whether it was silent before."""
        if rail in self._whole or self._at == 0:
            return False
        self._whole[rail] = self._at
        return True

    def silent(self, rail: str) -> None:
        """Record an exchange that ended without an answer."""
        self._whole.pop(rail, None)

    def whole_since(self, rail: str) -> int:
        """Since when contact is uninterrupted; 0 while it is lost."""
        return self._whole.get(rail, 0)


Rules = Mapping[str, AbsenceRule]
"""By country."""
