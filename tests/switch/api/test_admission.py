"""Admission: the controller alone, on a simulated clock, and its gate in an event loop."""

import asyncio
import itertools
import random
from collections import Counter, deque
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import Overloaded
from switch.api.admission import (
    BACK_S_MAX,
    HELD_S_LEAST,
    PLACES_FIRST,
    PLACES_MIN,
    Admission,
    AdmissionTicket,
    Cause,
    Gate,
)

MOST = 64
WAIT_S = 1.0


@dataclass
class World:
    """A gate on a clock of its own, and what became of the messages."""

    most: int = MOST
    wait_s: float = WAIT_S
    now: float = 1000.0
    let_in: list[AdmissionTicket] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    waits: dict[str, list[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.gate = Gate(self.most, self.wait_s, lambda: self.now)

    def tell(self, ticket: AdmissionTicket, cause: Cause | None) -> None:
        if cause is None:
            self._in(ticket)
        else:
            self.refused.append((ticket.participant, cause))

    def arrive(self, participant: str, left_s: float = float("inf")) -> Overloaded | None:
        try:
            ticket = self.gate.arrive(participant, self.tell, until=self.now + left_s)
        except Overloaded as error:
            self.refused.append((participant, "full"))
            return error
        if ticket.entered is not None:
            self._in(ticket)
        return None

    def _in(self, ticket: AdmissionTicket) -> None:
        self.let_in.append(ticket)
        self.waits.setdefault(ticket.participant, []).append(self.now - ticket.came)

    def leave_all(self) -> None:
        for ticket in [one for one in self.let_in if one.entered is not None]:
            ticket.leave()


def served(world: World, arrivals: dict[str, float], seconds: float, capacity_per_s: float) -> Counter[str]:
    """Messages served in so long, by a machine with one queue behind the gate that serves at a constant rate."""
    due = {who: world.now + index / 1000 for index, who in enumerate(arrivals)}
    at_work = deque(ticket for ticket in world.let_in if ticket.entered is not None)
    seen, done = len(world.let_in), Counter[str]()
    ends, free_at, looks_at = world.now + seconds, world.now, world.now
    while world.now < ends:
        who = min(due, key=due.__getitem__)
        if at_work and free_at <= min(due[who], looks_at):
            world.now = free_at
            ticket = at_work.popleft()
            ticket.leave()
            done[ticket.participant] += 1
            free_at = world.now + 1 / capacity_per_s
        elif due[who] <= looks_at:
            world.now = due[who]
            due[who] += 1 / arrivals[who]
            world.arrive(who)
        else:
            world.now = looks_at
            looks_at += WAIT_S / 4
            world.gate.expire()
        if seen < len(world.let_in) and not at_work:
            free_at = max(free_at, world.now + 1 / capacity_per_s)
        at_work += world.let_in[seen:]
        seen = len(world.let_in)
    return done


def test_at_little_load_nothing_waits_and_nothing_is_refused() -> None:
    world = World()
    done = served(world, {"a": 20, "b": 20}, 10, capacity_per_s=100)

    assert world.refused == []
    assert max(map(max, world.waits.values())) == 0
    assert done.total() >= 398


def test_at_three_times_the_capacity_the_machine_is_busy_and_no_wait_is_long() -> None:
    world = World()
    served(world, {"a": 150, "b": 150}, 5, capacity_per_s=100)  # it learns
    world.waits.clear()
    done = served(world, {"a": 150, "b": 150}, 10, capacity_per_s=100)

    assert done.total() >= 990
    assert max(map(max, world.waits.values())) <= 2 * WAIT_S
    assert world.gate.limit < PLACES_FIRST


def test_one_at_twenty_times_its_share_delays_the_others_by_a_turn() -> None:
    calm = {f"bank-{index}": 10.0 for index in range(8)}
    world = World()
    served(world, calm, 20, capacity_per_s=100)
    world.waits.clear()
    done = served(world, calm | {"bank-0": 200.0}, 20, capacity_per_s=100)

    others = [who for who in calm if who != "bank-0"]
    assert {who for who, _ in world.refused} == {"bank-0"}
    assert all(done[who] >= 0.97 * 20 * 10 for who in others)
    assert max(max(world.waits[who]) for who in others) <= 0.3
    assert done.total() >= 0.98 * 20 * 100


def test_when_all_send_more_than_their_share_each_gets_the_same() -> None:
    world = World()
    done = served(world, {"a": 100, "b": 300, "c": 1000}, 30, capacity_per_s=90)

    assert all(abs(done[who] - 900) <= 60 for who in "abc")


def test_the_limit_follows_the_machine() -> None:
    world = World(most=256)
    served(world, {"a": 5000.0}, 5, capacity_per_s=1000)
    quick = world.gate.limit
    served(world, {"a": 5000.0}, 20, capacity_per_s=50)
    slow = world.gate.limit
    served(world, {"a": 5000.0}, 20, capacity_per_s=1000)

    assert 0.5 * HELD_S_LEAST * 1000 <= quick <= 1.5 * HELD_S_LEAST * 1000
    assert PLACES_MIN <= slow <= 2 * PLACES_MIN
    assert world.gate.limit >= 0.5 * HELD_S_LEAST * 1000


def test_a_slow_disk_is_no_overload() -> None:
    """Each place is held for long, but no longer with many than with few: nothing queues."""
    world = World(most=MOST)
    for _ in range(200):
        for _ in range(2 * MOST):
            world.arrive("a")
        world.now += 0.06
        world.leave_all()
    assert world.gate.limit == MOST

    limits = []
    for _ in range(600):
        for _ in range(2 * MOST):
            world.arrive("a")
        world.now += 0.2
        world.leave_all()
        limits.append(world.gate.limit)
    assert min(limits) < MOST  # at first it looks like one
    assert limits[-1] == MOST


def full(world: World, participant: str = "a") -> Overloaded:
    """Take all places and fill the line of a participant; the first refusal."""
    return next(error for _ in itertools.count() if (error := world.arrive(participant)))


def test_the_least_time_left_is_served_first_and_what_is_too_late_is_refused() -> None:
    world = World(most=1)
    world.arrive("a")
    for left_s in (50.0, float("inf"), 20.0, 0.5):
        assert world.arrive("a", left_s) is None
    world.now += 1
    untils = []
    for _ in range(3):
        world.leave_all()
        untils.append(world.let_in[-1].until)
        world.now += 0.001

    assert untils == [1020.0, 1050.0, float("inf")]
    assert world.refused == [("a", "deadline")]


def test_what_cannot_be_served_in_its_time_is_refused_at_once() -> None:
    world = World(most=1)
    world.arrive("a")

    assert world.arrive("b", left_s=0.001) is not None
    assert world.arrive("b", left_s=10) is None


def test_a_participant_without_a_line_is_never_refused_for_lack_of_a_share() -> None:
    world = World()
    full(world)

    assert world.gate.full("a")
    assert not world.gate.full("b")
    assert world.arrive("b") is None


def test_asking_before_the_sender_is_proved_charges_nobody() -> None:
    world = World()
    full(world)
    for _ in range(10_000):
        assert not world.gate.full("victim")
        assert world.gate.refused("a", "share", proved=False).retry_after_ms

    assert world.arrive("victim") is None
    assert world.gate.refused("a", "share").retry_after_ms <= 1000 * (2 * WAIT_S + 1)


def test_the_refused_are_told_different_instants_a_turn_apart() -> None:
    world = World()
    told = [full(world).retry_after_ms]
    told += [error.retry_after_ms for _ in range(20) if (error := world.arrive("a"))]

    assert told == sorted(told)
    assert told[-1] - told[0] >= 20 * 0.6
    for _ in range(100_000):
        told.append(world.gate.refused("a", "share").retry_after_ms)
    assert max(told) <= 1000 * BACK_S_MAX


def test_while_places_are_held_for_long_what_waits_is_refused_in_the_end() -> None:
    """The writer is away: nothing leaves, so nothing else would tell those that wait."""
    world = World()
    full(world)
    assert world.gate.waiting
    world.now += 2 * WAIT_S + 0.1
    world.gate.expire()

    assert world.gate.waiting == 0
    assert "patience" in {cause for _, cause in world.refused}


STEPS = st.lists(
    st.tuples(
        st.sampled_from("abcd"), st.sampled_from(["arrive", "leave", "late", "look", "go"]), st.floats(0, 0.3)
    ),
    max_size=200,
)


@given(STEPS, st.integers(1, 16))
@settings(max_examples=200, deadline=None)
def test_whatever_happens_places_and_lines_are_bounded_and_each_message_has_one_end(
    steps: list[tuple[str, str, float]], most: int
) -> None:
    world, arrived = World(most=most), 0
    gone = 0
    for participant, what, seconds in steps:
        world.now += seconds
        at_work = [ticket for ticket in world.let_in if ticket.entered is not None]
        if what in {"arrive", "late"}:
            arrived += 1
            world.arrive(participant, left_s=seconds if what == "late" else float("inf"))
        elif what == "leave" and at_work:
            random.Random(seconds).choice(at_work).leave()
        elif what == "go" and at_work:
            world.gate.give_up(at_work[0])
        else:
            world.gate.expire()
        inside = sum(ticket.entered is not None for ticket in world.let_in)
        assert world.gate.inside == inside <= most
        assert min(PLACES_MIN, most) <= world.gate.limit <= most
        assert arrived == len(world.let_in) + len(world.refused) + world.gate.waiting + gone
        assert world.gate.waiting == 0 or world.gate.inside >= world.gate.limit
    for _ in range(arrived + 1):
        world.now += 0.001
        world.leave_all()
    assert (world.gate.inside, world.gate.waiting) == (0, 0)


async def test_in_the_loop_a_place_is_waited_for_and_freed() -> None:
    gate = Admission(1, WAIT_S)
    with await gate.enter("a"):
        waits = [asyncio.create_task(gate.enter("b")) for _ in range(2)]
        await asyncio.sleep(0)
        assert (gate.inside, gate.waiting) == (1, 2)
        waits[0].cancel()
        await asyncio.wait(waits[:1])
        assert gate.waiting == 1
    ticket = await waits[1]
    assert gate.inside == 1
    ticket.leave()
    ticket.leave()
    assert (gate.inside, gate.waiting) == (0, 0)


async def test_in_the_loop_a_wait_ends_although_nothing_leaves() -> None:
    gate = Admission(1, 0.01)
    with await gate.enter("a"), pytest.raises(Overloaded) as refused:
        await gate.enter("b")
    assert 0 < refused.value.retry_after_ms <= 1000 * BACK_S_MAX
    assert (gate.inside, gate.waiting) == (0, 0)
