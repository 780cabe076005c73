"""Payments that screening holds, in memory: whatever is asked, a held one moves nothing until people release it."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec.structs import replace

from ledger.encoding import microseconds
from switch.writer import screening_holds
from switch.writer.commands import (
    OF_RAIL,
    Accept,
    CommandLeg,
    DecideScreening,
    Evidence,
    HoldAgain,
    HoldForScreening,
    Identity,
    Refuse,
    Reply,
    Terms,
)
from switch.writer.kinds import Kind, Permission
from switch.writer.lifecycle import State
from switch.writer.screening_holds import ScreeningHolds
from tests.switch.writer.test_payment_book import LIFETIME, PaymentBookMachine

HOUR = 3_600_000_000
UETR = (7).to_bytes(16, "big")


class Books:
    """A payment book, and the short ways in which these tests ask it."""

    def __init__(self) -> None:
        self.machine = PaymentBookMachine()
        self.machine.open()
        self.orders = 0

    @property
    def holds(self) -> ScreeningHolds:
        return next(part for part in self.machine.book.parts if isinstance(part, ScreeningHolds))

    @property
    def money(self) -> list[tuple[int, ...]]:
        """What is pending and posted on the payer's and the payee's account."""
        found = [self.machine.books.account(each) for each in (self.machine.payer, self.machine.payee)]
        return [(a.debits_pending, a.debits_posted, a.credits_pending, a.credits_posted) for a in found if a]

    def ask(self, command: Any) -> Reply:
        return self.machine.ask(command)

    def hold(
        self, uetr: bytes = UETR, content: bytes = b"x", held: int = 0, hits: int = 1, **more: Any
    ) -> Reply:
        if held:
            return self.ask(HoldAgain(identity_of(uetr, content), held, 1, b"hits", hits))
        return self.ask(holding(self.payment(uetr, content, **more), hits))

    def decide(self, outcome: Any, uetr: bytes = UETR, screening: int = 1, order: bytes = b"") -> Reply:
        self.orders += 1
        order = order or self.orders.to_bytes(16, "big")
        return self.ask(DecideScreening(uetr, screening, outcome, order, 1))

    def accept(self, uetr: bytes = UETR, content: bytes = b"x", held: int = 0, **more: Any) -> Reply:
        return self.ask(self.payment(uetr, content, held=held, **more))

    def payment(
        self, uetr: bytes = UETR, content: bytes = b"x", amount: int = 5, sender: str = "payer", **more: Any
    ) -> Accept:
        expires = microseconds(self.machine.now) + LIFETIME
        terms = Terms(sender, "payee", "PK", amount, "INR", amount, "INR", 0, "", "")
        legs = [CommandLeg(self.machine.payer, self.machine.payee, amount, "principal")]
        identity = identity_of(uetr, content)
        made = Accept(identity, terms, legs, "r", b"native", expires, LIFETIME, 0, hold=False)
        return replace(made, **more)

    def refuse(self, uetr: bytes = UETR, content: bytes = b"x", held: int = 0) -> Reply:
        return self.ask(Refuse(identity_of(uetr, content), "RR04", "", held=held))


def identity_of(uetr: bytes, content: bytes) -> Identity:
    return Identity(uetr, content, "payer", "pacs.008.001.08", "m", b"raw", 0, b"key")


def holding(payment: Accept, hits: int = 1) -> HoldForScreening:
    return HoldForScreening.of(payment, lasts=HOUR, lists=1, hits=b"hits", hit_count=hits)


@pytest.fixture
def books() -> Books:
    return Books()


def test_a_held_payment_is_repeated_and_accepted_only_after_a_release(books: Books) -> None:
    before = books.money
    held = books.hold()
    repeated = [books.hold(), books.accept(), books.refuse()]
    others = [books.hold(content=b"y"), books.accept(content=b"y"), books.refuse(content=b"y")]
    too_early = books.accept(held=held.number)
    unmoved = books.money
    decided = books.decide("release")
    unnamed = books.accept()
    accepted = books.accept(held=held.number)

    assert (held.verdict, held.state) == ("held", State.RECEIVED)
    assert [reply.verdict for reply in repeated] == ["exists"] * 3
    assert [reply.verdict for reply in others] == ["exists_with_different_content"] * 3
    assert too_early.verdict == "illegal"
    assert unmoved == before
    assert (decided.verdict, unnamed.verdict) == ("decided", "exists")
    assert (accepted.verdict, accepted.state) == ("created", State.SENT)
    assert [reply.verdict for reply in (books.accept(), books.hold(), books.accept(held=held.number))] == [
        "exists"
    ] * 3


def test_one_that_waits_for_the_engine_is_accepted_without_people_until_there_is_a_hit(books: Books) -> None:
    before = books.money
    held = books.hold(hits=0)
    same = [books.accept(), books.hold(), books.hold(held=held.number, hits=0)]
    again = books.hold(held=held.number)
    too_early = books.accept(held=held.number)
    unmoved = books.money
    other = books.hold(uetr=(8).to_bytes(16, "big"), hits=0)
    accepted = books.accept(uetr=(8).to_bytes(16, "big"), held=other.number)

    assert [reply.verdict for reply in same] == ["exists"] * 3
    assert (again.verdict, too_early.verdict, unmoved) == ("held", "illegal", before)
    assert (accepted.verdict, accepted.state) == ("created", State.SENT)


def test_one_that_waits_for_the_engine_and_is_refused_by_people_is_never_accepted(books: Books) -> None:
    held = books.hold(hits=0)
    books.decide("refuse")

    assert books.accept(held=held.number).verdict == "illegal"


def test_a_refused_payment_is_never_accepted(books: Books) -> None:
    held = books.hold()
    books.decide("refuse")

    assert books.decide("release").verdict == "illegal"
    assert books.accept(held=held.number).verdict == "illegal"
    assert books.hold(held=held.number).verdict == "exists"
    assert (books.refuse(held=held.number).reason, books.accept().verdict) == ("RR04", "already_failed")


def test_a_decision_is_about_one_comparison_and_made_once(books: Books) -> None:
    held = books.hold()
    again = books.hold(held=held.number)

    assert (again.verdict, again.number) == ("held", held.number)
    assert books.decide("release", screening=1).verdict == "illegal"
    first = books.decide("release", screening=2, order=b"o" * 16)
    assert first.verdict == "decided"
    assert books.decide("release", screening=2, order=b"o" * 16) == first
    assert books.decide("refuse", screening=2).verdict == "illegal"


def test_more_hits_after_a_release_hold_the_payment_again(books: Books) -> None:
    held = books.hold()
    books.decide("release")

    assert books.hold(held=held.number).verdict == "held"
    assert books.accept(held=held.number).verdict == "illegal"
    books.decide("release", screening=2)
    assert books.accept(held=held.number).verdict == "created"


def test_a_hold_of_another_number_ends_nothing(books: Books) -> None:
    held = books.hold()
    books.decide("release")

    assert books.accept(held=held.number + 1).verdict == "illegal"
    assert books.refuse(held=held.number + 1).verdict == "illegal"
    assert books.accept(uetr=b"n" * 16, held=held.number).verdict == "illegal"
    assert books.refuse(uetr=b"n" * 16, held=held.number).verdict == "illegal"


def test_a_known_payment_is_not_held(books: Books) -> None:
    books.accept()

    assert [books.hold().verdict, books.hold(content=b"y").verdict] == [
        "exists",
        "exists_with_different_content",
    ]


def test_a_payment_that_cannot_be_covered_at_its_release_is_refused_and_no_hold_is_left(books: Books) -> None:
    held = books.hold()
    books.decide("release")

    assert books.accept(held=held.number, amount=10**9).reason == "AM23"
    assert not books.holds._holds
    assert not +books.holds._of_sender


def test_one_sender_cannot_have_all_places(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screening_holds, "HELD_MAX_OF_ONE", 2)
    verdicts = [books.hold(uetr=bytes([n]) * 16).verdict for n in range(3)]

    assert verdicts == ["held", "held", "unavailable"]
    first = books.holds._holds[bytes(16)]
    books.refuse(uetr=bytes(16), held=first.number)
    assert books.hold(uetr=b"n" * 16).verdict == "held"


def test_only_the_caretaker_may_continue_a_held_payment() -> None:
    hold = holding(Books().payment())
    of_rail = replace(hold, evidence=Evidence(f"{OF_RAIL}PK", b"", b"", b""))
    again = HoldAgain(hold.identity, 7, 1, b"hits", 1)
    decision = DecideScreening(UETR, 1, "release", b"o" * 16, 1)
    commands = (hold, replace(hold, held=7), of_rail, again, decision)
    may = {
        kind: [Permission([kind]).permits(command) for command in commands]
        for kind in (Kind.API, Kind.PAGES, Kind.CARETAKER, Kind.MESSENGER, Kind.OPERATOR)
    }

    assert may == {
        Kind.API: [True, False, False, False, False],
        Kind.PAGES: [False] * 5,
        Kind.CARETAKER: [False, False, True, True, True],
        Kind.MESSENGER: [False] * 5,
        Kind.OPERATOR: [False] * 5,
    }
    assert not Permission([Kind.CARETAKER]).permits(replace(decision, change=-1))


class HoldMachine(RuleBasedStateMachine):
    """Any order of commands about a few UETRs, against a model of which payments may have moved money."""

    @initialize()
    def begin(self) -> None:
        self.books = Books()
        self.held: dict[bytes, int] = {}
        self.round: Counter[bytes] = Counter()
        self.decided: dict[bytes, str] = {}
        self.ended: dict[bytes, bool] = {}
        """UETR -> whether it was accepted."""

    uetrs = st.sampled_from([bytes([n]) * 16 for n in range(1, 4)])

    @rule(uetr=uetrs, name=st.booleans())
    def hold(self, uetr: bytes, name: bool) -> None:
        reply = self.books.hold(uetr, held=self.held.get(uetr, 0) if name else 0)
        if uetr in self.ended:
            assert reply.verdict in {"exists", "already_failed"}
        elif uetr not in self.held:
            assert reply.verdict == "held"
            self.held[uetr], self.round[uetr] = reply.number, 1
        elif name and self.decided.get(uetr) != "refuse":
            assert reply.verdict == "held"
            self.round[uetr] += 1
            self.decided.pop(uetr, None)
        else:
            assert reply.verdict == "exists"

    @rule(uetr=uetrs, outcome=st.sampled_from(["release", "refuse"]), stale=st.booleans())
    def decide(self, uetr: bytes, outcome: str, stale: bool) -> None:
        reply = self.books.decide(outcome, uetr, max(1, self.round[uetr] - stale))
        is_open = uetr in self.held and uetr not in self.ended and uetr not in self.decided
        fits = is_open and (not stale or self.round[uetr] == 1)
        assert reply.verdict == ("decided" if fits else "illegal")
        if fits:
            self.decided[uetr] = outcome

    @rule(uetr=uetrs, name=st.booleans())
    def accept(self, uetr: bytes, name: bool) -> None:
        reply = self.books.accept(uetr, held=self.held.get(uetr, 0) if name else 0)
        released = name and self.decided.get(uetr) == "release"
        if uetr not in self.ended and (uetr not in self.held or released):
            assert reply.verdict == "created"
            self.ended[uetr] = True
        else:
            assert reply.verdict in {"exists", "already_failed", "illegal"}

    @rule(uetr=uetrs, name=st.booleans())
    def refuse(self, uetr: bytes, name: bool) -> None:
        reply = self.books.refuse(uetr, held=self.held.get(uetr, 0) if name else 0)
        if uetr not in self.ended and (uetr not in self.held or name):
            assert reply.verdict == "refused"
            self.ended[uetr] = False
        else:
            assert reply.verdict in {"exists", "already_failed"}

    @rule()
    def wait(self) -> None:
        self.books.machine.now += timedelta(minutes=20)

    @invariant()
    def only_accepted_payments_move_money(self) -> None:
        if hasattr(self, "books"):
            moved = 5 * sum(self.ended.values())
            payer, payee = self.books.money
            assert (payer[0], payee[2]) == (moved, moved)
            assert set(self.books.holds._holds) == set(self.held) - set(self.ended)


TestHolds = HoldMachine.TestCase
TestHolds.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
