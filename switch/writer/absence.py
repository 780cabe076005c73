"""When a rail's "not found" is believed, and when a payment in doubt is asked about again.

One "not found" is no news: the order may still be on its way, or the rail may not have caught up with
itself. A payment that left us ends as refused by absence only after so many "not found" in a row as its
rail's profile says, each asked for

* after the order's expiry and the rail's grace, from when on the rail neither takes it nor hides it;
* after contact with the rail was whole again and the grace, since what an outage delays comes after it;
* at least the grace after the one before.

Whatever else the rail says, and whatever breaks contact, begins the count anew. The writer decides it by
these functions, keeps the count in `switch.open_payment`, and has no other way to end a payment by absence.

This file knows no rail, no SQL and no clock: instants are the database's, in microseconds since 1970.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from adapters.profile import RailProfile
from switch.writer.commands import RailResponse

GAP_US: Final = 5_000_000
"""A caretaker that did not turn for longer, or a database clock that went another way, was out of contact."""


@dataclass(frozen=True, slots=True)
class AbsenceRule:
    """What one rail's profile says of enquiries, on the time scale of this installation."""

    answers: int
    """"Not found" in a row that are believed; 0: never."""
    grace_us: int
    every_us: int
    enquiries_max: int
    ruled: bool = False
    """The bound is the rail's: never passed."""
    unanswered_max: int = 120
    """Enquiries in a row without an answer, after which people must know; once it is back it is asked."""


UNKNOWN_RAIL: Final = AbsenceRule(answers=0, grace_us=60_000_000, every_us=60_000_000, enquiries_max=10)
"""For a rail whose profile this process does not have: nothing is believed."""


def rule_of(profile: RailProfile, scale: float) -> AbsenceRule:
    """Read a profile."""
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
    """The "not found" that count so far, and when the last of them was asked for."""

    answers: int = 0
    asked_at: int = 0


NONE: Final = Count()
_HAS_IT: Final = frozenset({"pending", "another_amount"})
"""Answers by which the rail has the order."""


def counts_from(rule: AbsenceRule, count: Count, *, expires: int, whole_since: int) -> int:
    """From when on the next "not found" counts, as long as contact stays whole."""
    return max(expires, whole_since, count.asked_at) + rule.grace_us


def counted(rule: AbsenceRule, count: Count, *, expires: int, asked_at: int, whole_since: int) -> Count:
    """The count after one more "not found"; `whole_since` is 0 while contact is broken."""
    if not 0 < whole_since <= asked_at:
        return NONE
    kept = count if whole_since <= count.asked_at <= asked_at else NONE
    if asked_at < counts_from(rule, kept, expires=expires, whole_since=whole_since):
        return kept
    return Count(kept.answers + 1, asked_at)


def is_absent(rule: AbsenceRule, count: Count) -> bool:
    """Whether the rail is believed that it never had the order."""
    return 0 < rule.answers <= count.answers


@dataclass(frozen=True, slots=True)
class Doubt:
    """A payment in doubt, as far as enquiries go."""

    expires: int
    due: int
    """When to ask next; 0: the rail's file or people decide."""
    enquiries: int = 0
    """Those that were answered."""
    pending: bool = False
    """The rail once said that it has the order: "not found" after that is no news, ever."""
    count: Count = NONE
    unanswered: int = 0
    """Enquiries in a row that were not answered."""


@dataclass(frozen=True, slots=True)
class EnquiryResult:
    """One enquiry."""

    said: RailResponse
    asked_at: int
    whole_since: int
    """Since when contact with the rail is whole; 0: it is not."""


def heard(rule: AbsenceRule, doubt: Doubt, asked: EnquiryResult, now: int) -> Doubt:
    """The doubt after one more enquiry, at `now`; `is_absent` says whether that ends it."""
    if (
        asked.said == "nothing"
    ):  # none is used up, what was counted counts no more, and what people have they keep
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
    """When to ask again. "Not found" that may end the payment passes a bound that is only ours."""
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
    """Since when one caretaker has been in touch with each rail without a break.

    It is broken by the start of the caretaker, by a gap in its turning (it or the database was stopped), by a
    jump of the database's clock against the machine's, and by an exchange that the rail did not answer.
    """

    _at: int = 0
    _monotonic: int = 0
    _whole: dict[str, int] = field(default_factory=dict)

    def turned(self, at: int, monotonic: int) -> bool:
        """The caretaker turned, at `at` of the database's clock; whether contact is what it was."""
        passed, really = at - self._at, monotonic - self._monotonic
        first = self._at == 0
        broken = not first and (max(passed, really) > GAP_US or abs(passed - really) > GAP_US)
        if broken:
            self._whole.clear()
        self._at, self._monotonic = at, monotonic
        return not broken

    def answered(self, rail: str) -> bool:
        """The rail answered; whether it had been silent before."""
        if rail in self._whole or self._at == 0:
            return False
        self._whole[rail] = self._at
        return True

    def silent(self, rail: str) -> None:
        """An exchange ended without an answer."""
        self._whole.pop(rail, None)

    def whole_since(self, rail: str) -> int:
        """Since when contact is whole; 0 while it is not."""
        return self._whole.get(rail, 0)


Rules = Mapping[str, AbsenceRule]
"""By country."""
