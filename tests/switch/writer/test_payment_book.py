"""The payment book against a model that anyone can read: random commands, in memory, no database."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from ledger.books import Books
from ledger.encoding import microseconds
from switch.writer.absence import AbsenceRule
from switch.writer.commands import (
    Accept,
    Advance,
    CommandLeg,
    Enquired,
    Fund,
    Identity,
    OpenAccount,
    PaymentChange,
    Refuse,
    SetLimit,
    Terms,
)
from switch.writer.lifecycle import FINAL, Event, State
from switch.writer.payment_book import PaymentBook
from switch.writer.payment_records import PaymentRecords

START = datetime(2026, 11, 23, 23, 59, 59, 980_000, tzinfo=UTC)
"""A command takes a millisecond: the day ends in the midst of a history."""
FUNDS = 1_000
LIFETIME = 3_600_000_000


class PaymentBookMachine(RuleBasedStateMachine):
    """Payments of small amounts between two accounts, one of which can run dry."""

    payments = Bundle("payments")

    def __init__(self) -> None:
        super().__init__()
        self.books = Books()
        self.told: list[PaymentChange] = []
        self.rules: dict[str, AbsenceRule] = {}
        self.book = PaymentBook(self.tell, self.rules)
        self.now = START
        self.model: dict[bytes, tuple[State, int, bytes]] = {}
        self.free = FUNDS
        self.limit: int | None = None
        self.counting = False
        self.taken: dict[bytes, int] = {}

    def tell(self, changes: Sequence[PaymentChange]) -> None:
        self.told.extend(changes)

    @property
    def records(self) -> PaymentRecords:
        """The book's open payments."""
        return next(part for part in self.book.parts if isinstance(part, PaymentRecords))

    def ask(self, command):
        """One batch of one command, as the writer runs it."""
        self.now += timedelta(milliseconds=1)
        ids = self.books.missing(self.book.footprint(command).transfers)
        self.books.begin(self.now, ids, [])
        reply = self.book.decide(command, self.books)
        self.books.seal()
        self.book.extension()
        self.books.settle()
        self.book.committed()
        return reply

    @initialize()
    def open(self) -> None:
        self.books.install(1, START, [], {})
        source = self.ask(OpenAccount("scheme", "INR", "settlement", None)).number
        self.payer = self.ask(OpenAccount("payer", "INR", "position", 0)).number
        self.payee = self.ask(OpenAccount("payee", "INR", "position", 0)).number
        self.ask(Fund(b"f" * 16, b"f", [CommandLeg(source, self.payer, FUNDS, "funding")], "start"))

    @property
    def day(self) -> int:
        return self.now.toordinal()

    def used(self) -> int:
        """What today's payments hold or have posted, one by one."""
        return sum(
            amount
            for uetr, (state, amount, _) in self.model.items()
            if self.taken.get(uetr) == self.day and state is not State.ABORTED
        )

    @rule(per_day=st.none() | st.integers(0, 900))
    def set_limit(self, per_day: int | None) -> None:
        self.ask(SetLimit("payer", "INR", None, per_day))
        self.limit, self.counting = per_day, True

    def identity(self, uetr: bytes, fingerprint: bytes) -> Identity:
        return Identity(uetr, fingerprint, "payer", "pacs.008.001.08", "m", b"raw", 0)

    @rule(target=payments, number=st.integers(1, 10**6), amount=st.integers(1, 400), hold=st.booleans())
    def accept(self, number: int, amount: int, hold: bool) -> bytes:
        uetr, fingerprint = number.to_bytes(16, "big"), amount.to_bytes(8, "big")
        legs = [CommandLeg(self.payer, self.payee, amount, "principal")]
        terms = Terms("payer", "payee", "PK", amount, "INR", amount, "INR", 0, "", "")
        expires = microseconds(self.now) + LIFETIME
        reply = self.ask(
            Accept(
                self.identity(uetr, fingerprint), terms, legs, "ref", b"native", expires, LIFETIME, 0, hold
            )
        )
        known = self.model.get(uetr)
        if known is not None:
            same = known[2] == fingerprint
            refused = known[0] is State.ABORTED and known[1] == 0
            expected = (
                ("already_failed" if refused else "exists") if same else "exists_with_different_content"
            )
            assert reply.verdict == expected
        elif self.limit is not None and self.used() + amount > self.limit:
            assert (reply.verdict, reply.reason) == ("refused", "AM14")
            self.model[uetr] = (State.ABORTED, 0, fingerprint)
        elif amount > self.free:
            assert (reply.verdict, reply.reason) == ("refused", "AM23")
            self.model[uetr] = (State.ABORTED, 0, fingerprint)
        else:
            assert reply.verdict == "created"
            self.free -= amount
            self.model[uetr] = (State.RESERVED if hold else State.SENT, amount, fingerprint)
            if self.counting:
                self.taken[uetr] = self.day
        return uetr

    @rule(target=payments, number=st.integers(1, 10**6))
    def refuse(self, number: int) -> bytes:
        uetr = number.to_bytes(16, "big")
        reply = self.ask(Refuse(self.identity(uetr, b"refused"), "AC01", "no"))
        if uetr not in self.model:
            assert (reply.verdict, reply.state) == ("refused", State.ABORTED)
            self.model[uetr] = (State.ABORTED, 0, b"refused")
        return uetr

    @rule(
        uetr=payments,
        event=st.sampled_from(["SEND", "EXPIRE", "DOUBT", "CONFIRM", "REJECT", "DEFER", "CANCEL"]),
    )
    def advance(self, uetr: bytes, event: str) -> None:
        state, amount, fingerprint = self.model[uetr]
        reply = self.ask(Advance(uetr, event, rail="PK" if event == "REJECT" else ""))  # type: ignore[arg-type]
        # fmt: off
        steps = {
            ("RESERVED", "SEND"): State.SENT,      ("RESERVED", "EXPIRE"): State.ABORTED,
            ("RESERVED", "CONFIRM"): State.COMMITTED,
            ("SENT", "CONFIRM"): State.COMMITTED,  ("SENT", "REJECT"): State.ABORTED,
            ("SENT", "DOUBT"): State.UNKNOWN,      ("UNKNOWN", "SEND"): State.SENT,
            ("SENT", "DEFER"): State.RESERVED,     ("RESERVED", "CANCEL"): State.ABORTED,
            ("UNKNOWN", "CONFIRM"): State.COMMITTED, ("UNKNOWN", "REJECT"): State.ABORTED,
        }
        # fmt: on
        reached = steps.get((state, event))
        if reached is None:
            assert reply.verdict in {"illegal", "final", "contradiction", "noted"}
            return
        assert (reply.verdict, reply.state) == ("advanced", reached)
        if reached is State.ABORTED:
            self.free += amount
        self.model[uetr] = (reached, amount, fingerprint)

    @rule(uetr=payments)
    def confirm_another_amount(self, uetr: bytes) -> None:
        """A confirmation of another amount, nought too, confirms nothing."""
        state, amount, fingerprint = self.model[uetr]
        self.ask(Advance(uetr, "CONFIRM", credited_minor=amount + 1, credited_currency="INR"))
        if state is State.SENT:
            self.model[uetr] = (State.UNKNOWN, amount, fingerprint)

    @rule(uetr=payments)
    def enquire_without_news(self, uetr: bytes) -> None:
        self.ask(Enquired(uetr, "not_found"))

    @invariant()
    def books_and_model_agree(self) -> None:
        if not hasattr(self, "payer"):
            return
        payer, payee = self.books.account(self.payer), self.books.account(self.payee)
        assert payer is not None
        assert payee is not None
        held = sum(a for s, a, _ in self.model.values() if s not in FINAL)
        paid = sum(a for s, a, _ in self.model.values() if s is State.COMMITTED)

        assert (payer.debits_pending, payer.debits_posted) == (held, paid)
        assert (payee.credits_pending, payee.credits_posted) == (held, paid)
        assert FUNDS - held - paid == self.free >= 0

    @invariant()
    def what_was_told_is_final_and_told_once(self) -> None:
        finals = {uetr: state for uetr, (state, _, _) in self.model.items() if state in FINAL}

        assert {change.uetr: change.state for change in self.told} == finals
        assert len(self.told) == len(finals)


TestPaymentBook = PaymentBookMachine.TestCase
TestPaymentBook.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


UETR = (7).to_bytes(16, "big")


def sent_payment() -> PaymentBookMachine:
    machine = PaymentBookMachine()
    machine.open()
    machine.accept(7, 100, hold=False)
    return machine


@pytest.mark.parametrize("event", ["CONFIRM", "REJECT", "DOUBT"])
def test_a_rail_reports_only_its_own_payments(event: str) -> None:
    machine = sent_payment()

    assert machine.ask(Advance(UETR, event, rail="IN")).verdict == "another_rail"  # type: ignore[arg-type]
    assert machine.ask(Advance(UETR, "CONFIRM", rail="PK")).state == State.COMMITTED


def test_a_refusal_of_a_second_sending_decides_nothing_about_the_first() -> None:
    machine = sent_payment()
    machine.ask(Advance(UETR, "DOUBT"))
    machine.ask(Advance(UETR, "SEND"))
    no = Advance(UETR, "REJECT", rail="PK", exchange=True, reason="AB08", due_at=5)

    assert machine.ask(no).state == State.UNKNOWN
    assert machine.ask(Advance(UETR, "CONFIRM", rail="PK")).state == State.COMMITTED


def test_a_closed_rail_gives_the_payment_back_and_it_can_be_sent_or_expire() -> None:
    machine = sent_payment()
    closed = Advance(UETR, "DEFER", rail="PK", exchange=True, due_at=5)

    assert machine.ask(closed).state == State.RESERVED
    assert machine.records.open[UETR].sendings == 0
    assert machine.ask(Advance(UETR, "SEND")).state == State.SENT
    assert machine.ask(closed).state == State.RESERVED
    assert machine.ask(Advance(UETR, "EXPIRE")).state == State.ABORTED


def test_a_deferred_payment_that_the_rail_did_after_all_is_posted() -> None:
    machine = sent_payment()
    machine.ask(Advance(UETR, "DEFER", rail="PK", exchange=True, due_at=5))

    assert machine.ask(Advance(UETR, "CONFIRM", rail="PK")).state == State.COMMITTED
    assert machine.ask(Advance(UETR, "EXPIRE")).verdict == "final"


def test_a_confirmation_of_nothing_confirms_nothing() -> None:
    machine = sent_payment()
    nothing = Advance(UETR, "CONFIRM", rail="PK", credited_minor=0, credited_currency="PKR")

    assert machine.ask(nothing).state == State.UNKNOWN


def test_people_resolve_only_unknown_outcomes() -> None:
    machine = sent_payment()
    decided = Advance(UETR, "REJECT", only_in_doubt=True)

    assert machine.ask(decided).verdict == "illegal"  # it was sent again meanwhile
    machine.ask(Advance(UETR, "DOUBT"))
    assert machine.ask(decided).state == State.ABORTED


def test_not_now_to_a_second_sending_decides_nothing_about_the_first() -> None:
    machine = sent_payment()
    machine.ask(Advance(UETR, "DOUBT"))
    machine.ask(Advance(UETR, "SEND"))

    assert machine.ask(Advance(UETR, "DEFER", rail="PK", exchange=True, due_at=5)).state == State.UNKNOWN


def test_a_stopped_worker_cannot_free_what_the_caretaker_sent_again() -> None:
    machine = sent_payment()
    machine.ask(Advance(UETR, "DOUBT"))
    machine.ask(Advance(UETR, "SEND"))
    thawed = Advance(UETR, "REJECT", rail="PK", exchange=True, detail="connect")

    assert machine.ask(thawed).state == State.UNKNOWN


def test_an_order_that_has_expired_is_not_sent() -> None:
    machine = PaymentBookMachine()
    machine.open()
    machine.accept(7, 100, hold=True)
    machine.now += timedelta(hours=2)

    assert machine.ask(Advance(UETR, "SEND")).verdict == "late"
    assert machine.ask(Advance(UETR, "EXPIRE")).state == State.ABORTED


@pytest.mark.parametrize("late", [-3600, -6, 6, 3600])
def test_a_worker_whose_clock_or_message_is_late_decides_nothing(late: int) -> None:
    machine = PaymentBookMachine()
    machine.open()
    expires = microseconds(machine.now) + LIFETIME + late * 1_000_000
    identity = machine.identity(UETR, b"x")
    terms = Terms("payer", "payee", "PK", 1, "INR", 1, "INR", 0, "", "")
    legs = [CommandLeg(machine.payer, machine.payee, 1, "principal")]
    order = Accept(identity, terms, legs, "r", b"n", expires, LIFETIME, 0, hold=False)

    assert machine.ask(order).verdict == "late"


def test_a_worker_that_was_stopped_contradicts_nothing_when_its_order_comes_too_late() -> None:
    """The order was sent again meanwhile and done; the late exchange made a break for people."""
    machine = sent_payment()
    machine.ask(Advance(UETR, "DOUBT"))
    machine.ask(Advance(UETR, "SEND"))
    machine.ask(Advance(UETR, "CONFIRM", rail="PK"))
    late = Advance(UETR, "REJECT", rail="PK", exchange=True, detail="expired before it was sent")

    assert machine.ask(late).verdict == "final"


def test_the_same_contradiction_is_written_down_once() -> None:
    machine = sent_payment()
    machine.ask(Advance(UETR, "CONFIRM", rail="PK"))
    verdicts = [machine.ask(Advance(UETR, "REJECT", rail="PK")).verdict for _ in range(3)]

    assert verdicts == ["contradiction", "final", "final"]


def test_a_late_unknown_outcome_brings_the_enquiry_forward_and_never_delays_it() -> None:
    machine = sent_payment()
    machine.ask(Advance(UETR, "DOUBT", due_at=500))
    machine.ask(Advance(UETR, "DOUBT", due_at=900, pending=True))
    later = machine.records.open[UETR]
    machine.ask(Advance(UETR, "DOUBT", due_at=100))

    assert (later.due, later.pending, later.enquiries) == (500, True, 0)
    assert machine.records.open[UETR].due == 100


def test_every_event_of_the_lifecycle_is_tried() -> None:
    assert {"SEND", "EXPIRE", "DOUBT", "CONFIRM", "REJECT", "DEFER", "CANCEL"} == set(Event) - {
        Event.RESERVE,
        Event.REFUSE,
    }
