"""When "not found" is believed, against a model: outages of anything, at any time, and a rail that is late.

The model is a second-by-second play of one payment. What is real in it: the writer's payment book, the rules of
`switch.absence`, and the caretaker's idea of contact. What is played: the order on its way, the rail, and the
stops of everything. The order reaches the rail at any time, or never, since a stopped worker may send it late;
the rail refuses it after the expiry that is on the wire, and shows it late, but not later than its grace after
it had it, or after an outage of the rail that could be noticed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from adapters import registry
from ledger.encoding import microseconds
from switch.writer.absence import (
    AbsenceRule,
    Contact,
    Count,
    Doubt,
    EnquiryResult,
    after_enquiry,
    is_absent,
    rule_of,
)
from switch.writer.commands import Advance, Enquired, Reply
from switch.writer.lifecycle import State
from tests.switch.writer.test_payment_book import START, UETR, PaymentBookMachine

S = 1_000_000
LIFETIME_S, ANSWER_S, FIRST_S, PROBE_S, NOTICED_S = 60, 20, 25, 15, 35
FAULTS_END_S, CALM_S = 1_500, 3_000
PK = AbsenceRule(answers=3, grace_us=60 * S, every_us=30 * S, enquiries_max=10)
IN = AbsenceRule(answers=3, grace_us=60 * S, every_us=600 * S, enquiries_max=3, ruled=True)
TWO = AbsenceRule(answers=2, grace_us=60 * S, every_us=10 * S, enquiries_max=10)
FILE = AbsenceRule(answers=0, grace_us=60 * S, every_us=60 * S, enquiries_max=4)


@dataclass(frozen=True)
class Outage:
    start: int
    length: int

    def covers(self, at: int) -> bool:
        return self.start <= at < self.start + self.length


@dataclass(frozen=True)
class World:
    """What happens, in seconds from the payment's reservation."""

    rule: AbsenceRule
    reaches_rail_at: int | None
    """When the order is at the rail; None: never."""
    lag: int
    """How late the rail shows what it has; below its grace."""
    rail_away: Sequence[Outage] = ()
    switch_stopped: Sequence[Outage] = ()
    blips: Sequence[int] = ()
    """When the rail loses its place for so short a time that nobody can notice: it is late anew."""
    clock_jumps: Sequence[tuple[int, int]] = ()
    """When the database's clock jumps, and by how much."""
    moods: Sequence[str] = ()
    """What the rail says where it may choose, one an enquiry: the truth, or nothing, or that it is working on it."""


def outages(longest: int) -> st.SearchStrategy[list[Outage]]:
    one = st.builds(Outage, st.integers(0, FAULTS_END_S - longest), st.integers(1, longest))
    return st.lists(one, max_size=4)


WORLDS = st.builds(
    World,
    rule=st.sampled_from([PK, IN, TWO, FILE]),
    reaches_rail_at=st.none() | st.integers(0, 100),
    lag=st.integers(0, 59),
    rail_away=outages(600),
    switch_stopped=outages(600),
    blips=st.lists(st.integers(0, FAULTS_END_S), max_size=2),
    clock_jumps=st.lists(st.tuples(st.integers(0, FAULTS_END_S), st.integers(-900, 900)), max_size=2),
    moods=st.lists(st.sampled_from(["truth", "truth", "nothing", "pending"]), max_size=12),
)


@dataclass
class Play:
    """One payment in one world, second by second."""

    world: World
    at: int = 0
    contact: Contact = field(default_factory=Contact)
    silent: int = 0
    asked: int = 0

    def __post_init__(self) -> None:
        self.book = PaymentBookMachine()
        self.book.rules["PK"] = self.world.rule
        self.book.open()
        self.book.accept(7, 100, hold=False)
        payment = self.book.records.open[UETR]
        self.book.records.open[UETR] = replace(payment, expires=self.now + LIFETIME_S * S)
        self.due = self.now + ANSWER_S * S

    @property
    def now(self) -> int:
        """The database's clock."""
        jumped = sum(by for when, by in self.world.clock_jumps if when <= self.at)
        return microseconds(START) + (self.at + jumped) * S

    @property
    def state(self) -> State:
        if payment := self.book.records.open.get(UETR):
            return payment.state
        return State(self.book.told[-1].state)

    def ask_writer(self, command) -> Reply:
        self.book.now = max(self.book.now, START + timedelta(microseconds=self.now - microseconds(START)))
        return self.book.ask(command)

    def rail_is_up(self, at: int) -> bool:
        return not any(outage.covers(at) for outage in self.world.rail_away)

    @property
    def credited_at(self) -> int | None:
        """By the rail's clock, which never jumps, and the expiry on the wire."""
        at = self.world.reaches_rail_at
        return at if at is not None and at < LIFETIME_S and self.rail_is_up(at) else None

    def blips(self) -> Sequence[int]:
        """Fewer than answers that are asked for, and not while clocks jump: that many faults at once are too many."""
        return [] if self.world.clock_jumps else self.world.blips[: max(0, self.world.rule.answers - 1)]

    def rail_says(self) -> str:
        if not self.rail_is_up(self.at):
            return "nothing"
        mood = self.world.moods[self.asked] if self.asked < len(self.world.moods) else "truth"
        self.asked += 1
        if mood == "nothing":
            return mood
        if self.credited_at is None or self.at < self.credited_at:
            return "not_found"
        ends = [o.start + o.length for o in self.world.rail_away if o.length >= NOTICED_S]
        since = max(self.credited_at, *(end for end in (0, *ends, *self.blips()) if end <= self.at))
        if self.at < since + self.world.lag:
            return "not_found"
        return "pending" if mood == "pending" else "done"

    def rail_heard(self, *, answered: bool) -> None:
        self.silent = 0 if answered else self.silent + 1
        if answered:
            self.contact.answered("PK")
        elif self.silent >= 2:
            self.contact.silent("PK")

    def caretaker_turns(self) -> None:
        self.contact.turned(self.now, self.at * S)
        if self.at % PROBE_S == 0:
            self.rail_heard(answered=self.rail_is_up(self.at))
        if self.state is State.SENT and self.now >= self.due:
            self.ask_writer(Advance(UETR, "DOUBT", due_at=self.now + (FIRST_S - ANSWER_S) * S))
        elif self.state is State.UNKNOWN and 0 < self.book.records.open[UETR].due <= self.now:
            self.enquire()

    def enquire(self) -> None:
        asked_at, said = self.now, self.rail_says()
        self.rail_heard(answered=said != "nothing")
        for (
            outage
        ) in self.world.switch_stopped:  # a stop in the midst of it: what was heard before is told after it
            if outage.start == self.at + 1:
                self.at += outage.length
        whole_since = self.contact.whole_since("PK")
        if said == "done":
            self.ask_writer(Advance(UETR, "CONFIRM", rail="PK"))
        else:
            self.ask_writer(Enquired(UETR, said, asked_at, whole_since))  # type: ignore[arg-type]

    def run(self) -> State:
        while self.state not in {State.COMMITTED, State.ABORTED} and self.at < FAULTS_END_S + CALM_S:
            if not any(outage.covers(self.at) for outage in self.world.switch_stopped):
                self.caretaker_turns()
            self.at += 1
        return self.state


LONG_STOP = World(PK, reaches_rail_at=59, lag=59, switch_stopped=[Outage(21, 300)])


@given(WORLDS)
@example(LONG_STOP)
@example(World(PK, reaches_rail_at=1, lag=59, rail_away=[Outage(2, 500)], switch_stopped=[Outage(2, 505)]))
@example(World(TWO, reaches_rail_at=59, lag=59, blips=[208], rail_away=[Outage(60, 90)]))
@example(World(IN, reaches_rail_at=59, lag=59, switch_stopped=[Outage(21, 300)]))
@example(World(TWO, reaches_rail_at=59, lag=59, clock_jumps=[(0, 900)]))
@settings(max_examples=150, deadline=None)
def test_what_the_rail_credited_is_never_aborted_here(world: World) -> None:
    play = Play(world)
    state = play.run()

    assert not (state is State.ABORTED and play.credited_at is not None)
    if (
        state is State.UNKNOWN
    ):  # open at the end: only where the profile leaves it to the rail's file and people
        assert world.rule.ruled or world.rule.answers == 0 or "pending" in world.moods
    if world.rule.answers == 0:
        assert state is not State.ABORTED


def test_a_stop_longer_than_expiry_and_grace_ends_with_what_the_rail_finds_later() -> None:
    """The first "not found" after it was believed: aborted here, credited there."""
    assert Play(LONG_STOP).run() is State.COMMITTED


@pytest.mark.parametrize("rule", [PK, TWO])
def test_an_order_that_was_never_there_ends_as_refused(rule: AbsenceRule) -> None:
    play = Play(World(rule, reaches_rail_at=None, lag=0))

    assert play.run() is State.ABORTED
    assert play.asked <= rule.enquiries_max or not rule.ruled


def test_a_rail_with_few_enquiries_is_resolved_by_its_file_and_people() -> None:
    """UPI: two "not found" after a full disk were believed, and the rail found the order at the third."""
    play = Play(World(IN, reaches_rail_at=None, lag=0))

    assert play.run() is State.UNKNOWN
    assert play.asked == IN.enquiries_max


def test_an_outage_of_a_rail_uses_up_no_enquiry() -> None:
    """India allows three: an outage used them up, and the payment waited for people."""
    play = Play(World(IN, reaches_rail_at=1, lag=0, rail_away=[Outage(2, 1400)]))

    assert play.run() is State.COMMITTED
    assert play.asked == 1


def one(
    said, *, asked_at: int, whole_since: int = 1 * S, doubt: Doubt | None = None, rule: AbsenceRule = PK
) -> Doubt:
    before = doubt or Doubt(expires=60 * S, due=1)
    return after_enquiry(rule, before, EnquiryResult(said, asked_at * S, whole_since), asked_at * S)


@pytest.mark.parametrize(
    ("asked_at", "whole_since", "answers"),
    [(119, 1, 0), (120, 1, 1), (200, 0, 0), (200, 201, 0), (200, 141, 0), (200, 140, 1)],
    ids=[
        "before the grace",
        "after it",
        "out of contact",
        "asked before contact",
        "too soon after it",
        "whole",
    ],
)
def test_which_not_found_counts(asked_at: int, whole_since: int, answers: int) -> None:
    assert one("not_found", asked_at=asked_at, whole_since=whole_since * S).count.answers == answers


@pytest.mark.parametrize("said", ["nothing", "pending", "another_amount"])
def test_any_other_answer_begins_the_count_anew(said: str) -> None:
    first = one("not_found", asked_at=120)
    second = one(said, asked_at=200, doubt=first)
    third = one("not_found", asked_at=260, doubt=second)

    assert second.count == Count()
    assert third.count.answers == (1 if said == "nothing" else 0)  # a rail that had it once is not believed


def test_answers_that_are_nearer_than_the_grace_count_once() -> None:
    doubt = one("not_found", asked_at=120)
    for at in (130, 150, 179):
        doubt = one("not_found", asked_at=at, doubt=doubt)
        assert doubt.count.answers == 1
    assert one("not_found", asked_at=180, doubt=doubt).count.answers == 2


def test_a_break_of_contact_begins_the_count_anew() -> None:
    doubt = one("not_found", asked_at=180, doubt=one("not_found", asked_at=120))

    assert one("not_found", asked_at=400, whole_since=300 * S, doubt=doubt).count.answers == 1


def test_an_untrusted_rail_is_enquired_within_its_limit_and_then_left_to_people() -> None:
    doubt, at = Doubt(expires=60 * S, due=1), 20
    while doubt.due:
        doubt = one("not_found", asked_at=at, doubt=doubt, rule=FILE)
        assert not is_absent(FILE, doubt.count)
        at = doubt.due // S
    assert doubt.enquiries == FILE.enquiries_max


def test_people_know_of_a_payment_that_its_rail_never_answers_about() -> None:
    """`give_up_s` said that people decide after it, and nobody kept it."""
    rule, doubt, at = rule_of(registry.profile("PK"), 1.0), Doubt(expires=60 * S, due=1), 20
    while doubt.due:
        doubt = one("nothing", asked_at=at, doubt=doubt, rule=rule)
        last, at = at, doubt.due // S

    assert 7000 < last < 7300
    assert doubt.enquiries == 0


def test_a_bound_of_the_rail_is_never_passed() -> None:
    doubt, at = Doubt(expires=60 * S, due=1), 90
    while doubt.due:
        doubt = one("not_found", asked_at=at, whole_since=0, doubt=doubt, rule=IN)
        at = doubt.due // S
    assert doubt.enquiries == 3


@pytest.mark.parametrize(
    ("turns", "whole"),
    [
        ([(0.1, 0.1)] * 20, True),
        ([(0.1, 0.1), (6.0, 6.0)], False),
        ([(0.1, 0.1), (30.0, 0.1)], False),
        ([(0.1, 0.1), (-30.0, 0.1)], False),
    ],
    ids=["turning", "stopped", "clock forwards", "clock backwards"],
)
def test_what_breaks_contact_with_every_rail(turns: Sequence[tuple[float, float]], whole: bool) -> None:
    contact = Contact()
    at = monotonic = 1_000_000 * S
    contact.turned(at, monotonic)
    assert contact.whole_since("PK") == 0  # a caretaker that starts knows nothing
    assert contact.answered("PK")
    for passed, really in turns:
        at, monotonic = at + int(passed * S), monotonic + int(really * S)
        contact.turned(at, monotonic)

    assert (contact.whole_since("PK") > 0) is whole


def test_contact_is_whole_again_when_the_rail_answers() -> None:
    contact = Contact()
    contact.turned(100 * S, 0)
    assert contact.answered("PK")
    assert not contact.answered("PK")
    contact.silent("PK")
    contact.turned(101 * S, S)

    assert contact.whole_since("PK") == 0
    assert contact.answered("PK")
    assert contact.whole_since("PK") == 101 * S


@pytest.mark.parametrize("country", registry.countries())
def test_no_rail_is_believed_at_once(country: str) -> None:
    """And none is believed that has no expiry on its wire: an order may leave us late."""
    profile = registry.profile(country)
    rule = rule_of(profile, 1.0)

    assert rule.answers == 0 or (rule.answers >= 2 and profile.absence.expiry_on_wire and rule.grace_us > 0)
    assert not profile.timing.enquiries_ruled or rule.answers <= rule.enquiries_max


def test_the_writer_accepts_no_claim_of_an_absence() -> None:
    """Second line of defence: a "no" that is neither the rail's nor two people's ends nothing."""
    machine = PaymentBookMachine()
    machine.open()
    machine.accept(7, 100, hold=False)
    assert machine.ask(Advance(UETR, "REJECT", detail="the rail never had it")).verdict == "illegal"
    machine.ask(Advance(UETR, "DOUBT"))
    assert machine.ask(Advance(UETR, "REJECT", detail="the rail never had it")).verdict == "illegal"
    for _ in range(20):
        machine.ask(Enquired(UETR, "not_found", asked_at=2**60, whole_since=1))
    assert machine.records.open[UETR].state is State.UNKNOWN


def test_a_pending_answer_to_an_enquiry_is_remembered() -> None:
    """It was not: the "not found" after it freed the money."""
    machine = PaymentBookMachine()
    machine.open()
    machine.accept(7, 100, hold=False)
    machine.ask(Advance(UETR, "DOUBT"))
    machine.ask(Enquired(UETR, "pending", asked_at=1, whole_since=1))

    assert machine.records.open[UETR].pending
