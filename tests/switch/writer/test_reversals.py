"""Reversals in memory: every state has an end, and no answer ends one on a guess."""

from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switch.writer.commands import (
    Accept,
    Advance,
    BookReturn,
    CommandLeg,
    Fund,
    GivenBack,
    Return,
    ReversalAnswered,
    Reverse,
    Terms,
)
from switch.writer.rail_returns import CreditedPayment, RailReturns
from switch.writer.reversals import OPEN, Reversal, Reversals, ReversalState
from tests.switch.writer.test_payment_book import LIFETIME, PaymentBookMachine, microseconds

UETR, ID, OTHER = b"u" * 16, b"r" * 16, b"o" * 16
AMOUNT: Final = 300
OUTCOMES: Final = ("sending", "not_sent", "done", "refused", "unknown")


class Machine(PaymentBookMachine):
    """One credited payment, of which everything is in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.open()
        legs = [CommandLeg(self.payer, self.payee, AMOUNT, "principal")]
        terms = Terms("payer", "payee", "PK", AMOUNT, "INR", AMOUNT, "INR", 0, "", "")
        expires = microseconds(self.now) + LIFETIME
        identity = self.identity(UETR, b"x")
        self.ask(Accept(identity, terms, legs, "r", b"n", expires, LIFETIME, 0, hold=False))
        self.ask(Advance(UETR, "CONFIRM", rail="PK"))
        self.part(Reversals)._payments[UETR] = CreditedPayment("PK", AMOUNT, "INR")
        self.part(RailReturns)._credited[UETR] = CreditedPayment("PK", AMOUNT, "INR")

    def part(self, kind):
        return next(part for part in self.book.parts if isinstance(part, kind))

    @property
    def reversal(self) -> Reversal:
        return self.part(Reversals)._newest[UETR]

    def order(self, id_: bytes = ID, change: int = 7):
        return self.ask(Reverse(id_, UETR, "CUST", change))

    def hears(self, outcome: str, *, due: int = 1, change: int = 0, id_: bytes = ID):
        return self.ask(ReversalAnswered(id_, UETR, outcome, "", "", due, change))

    def balance(self) -> int:
        account = self.books.account(self.payee)
        return account.credits_posted - account.debits_posted


def in_state(state: ReversalState, *, due: int = 1) -> Machine:
    """A machine whose reversal is in a state; 0: people decide."""
    machine = Machine()
    machine.order()
    if state is not ReversalState.ORDERED or due == 0:
        machine.hears("sending")
    match state:
        case ReversalState.ORDERED if due == 0:
            machine.hears("not_sent", due=0)
        case ReversalState.UNKNOWN:
            machine.hears("unknown", due=due)
        case ReversalState.DONE | ReversalState.REFUSED:
            machine.hears(state.value)
    assert machine.reversal.state is state
    return machine


@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("state", ReversalState)
def test_every_state_decides_every_answer(state: ReversalState, outcome: str) -> None:
    machine = in_state(state)
    reply = machine.hears(outcome)

    if state not in OPEN:
        assert (reply.verdict, reply.state) == ("final", state)
    elif outcome == "done":
        assert (machine.reversal.state, machine.balance()) == (ReversalState.DONE, 0)
    else:
        assert machine.reversal.state is not ReversalState.DONE
        assert machine.balance() == AMOUNT


@pytest.mark.parametrize("state", OPEN)
def test_every_open_state_is_due_or_ends_by_two_people(state: ReversalState) -> None:
    """No state without an end: the caretaker acts, or two people may."""
    for outcome in ("done", "refused"):
        asked = in_state(state)
        assert asked.reversal.due
        assert asked.hears(outcome, change=9).verdict == "illegal"
        if state is ReversalState.SENT:  # after a crash it is sent again, and then it is one of the others
            asked.hears("sending")
            asked.hears("refused")
            left = asked
        else:
            left = in_state(state, due=0)
        assert left.reversal.due == 0
        assert left.hears("sending").verdict == "illegal"
        assert left.hears(outcome, change=9).state == outcome


def test_a_refusal_of_a_second_attempt_is_no_refusal() -> None:
    """A crash after the first was sent: the rail may have executed it, and refuses its repetition."""
    machine = in_state(ReversalState.SENT)
    machine.hears("sending")
    reply = machine.hears("refused")

    assert (reply.verdict, reply.state, machine.reversal.due) == ("noted", "unknown", 0)


def test_a_connection_that_was_not_made_is_no_attempt_but_after_another_it_proves_nothing() -> None:
    first = in_state(ReversalState.SENT)
    first.hears("not_sent")
    second = in_state(ReversalState.SENT)
    second.hears("sending")
    second.hears("not_sent")

    assert (first.reversal.state, first.reversal.attempts) == (ReversalState.ORDERED, 0)
    assert (second.reversal.state, second.reversal.attempts) == (ReversalState.UNKNOWN, 2)


def test_nobody_but_the_rail_returns_a_payment_whose_reversal_is_open() -> None:
    machine = in_state(ReversalState.UNKNOWN)
    returned = Return(OTHER, b"f", UETR, "payee", "m", "AC04")
    other = machine.order(OTHER, 8)
    during = machine.ask(returned)
    machine.hears("refused", change=0)
    machine.hears("refused", change=9)
    after = machine.ask(returned)

    assert (other.verdict, during.verdict, after.verdict) == ("reversal_open", "reversal_open", "created")
    assert machine.order(b"n" * 16, 9).verdict == "already_corrected"


def test_the_same_money_that_the_rail_states_twice_is_booked_once() -> None:
    """An ISO rail agrees to a cancellation, and then sends the return as well."""
    machine = in_state(ReversalState.DONE)
    given_back = GivenBack(UETR, "PK", "R1", AMOUNT, "INR", "FOCR", "FOCR", 0, b"", b"")
    noted = machine.ask(given_back)
    booked = machine.ask(BookReturn(UETR, "R1"))
    before = in_state(ReversalState.SENT)
    before.ask(given_back)
    first = before.ask(BookReturn(UETR, "R1"))
    last = before.hears("done")

    assert [each.verdict for each in (noted, booked, first, last)] == [
        "given_back",
        "exists",
        "created",
        "advanced",
    ]
    assert machine.balance() == before.balance() == 0


def test_what_a_cap_does_not_permit_to_book_is_left_to_people() -> None:
    """The bank has spent what it got: the money is at the rail, and its break is open."""
    machine = in_state(ReversalState.SENT)
    legs = [CommandLeg(machine.payee, machine.payer, AMOUNT, "principal")]
    machine.ask(Fund(b"s" * 16, b"s", legs, "spent"))
    reply = machine.hears("done")
    (noted,) = machine.part(RailReturns)._noted.values()

    assert (reply.state, noted.left_because) == ("done", "net debit cap exceeded")
    assert machine.balance() == 0


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(OUTCOMES), st.integers(0, 1), st.sampled_from((0, 9))), max_size=12)
)
def test_whatever_is_heard_in_whatever_order_the_money_moves_back_exactly_if_it_is_done(steps) -> None:
    machine = Machine()
    machine.order()
    attempts = 0
    for outcome, due, change in steps:
        before = machine.reversal
        reply = machine.hears(outcome, due=due, change=change)
        attempts += outcome == "sending" and reply.verdict == "advanced"
        after = machine.reversal
        assert before.state in OPEN or after == before
        if after.state is ReversalState.REFUSED and before.state in OPEN:
            assert change or before.attempts == 1
        assert machine.balance() == (0 if after.state is ReversalState.DONE else AMOUNT)

    assert attempts >= machine.reversal.attempts
