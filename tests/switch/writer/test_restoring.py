"""The writer after a restore: what it refuses, what it lets pass, and what it never sends again. In memory."""

from datetime import timedelta
from uuid import UUID

import pytest

from ledger.encoding import microseconds
from schemas import own_uetr
from switch.writer.commands import (
    Accept,
    Advance,
    BeginAgain,
    CloseWindow,
    CommandLeg,
    Enquired,
    Hold,
    Identity,
    LeaveOut,
    Refuse,
    Release,
    Reopen,
    Return,
    Terms,
)
from switch.writer.lifecycle import Event, State
from switch.writer.restoring import AT_ONCE, Line, RestoreGate
from tests.switch.writer.test_payment_book import LIFETIME, PaymentBookMachine

OLD, NEW, LOST = (number.to_bytes(16, "big") for number in (1, 2, 3))
LINE = Line("PK", "REF1", True, "", 100)


class Restored(PaymentBookMachine):
    """A switch whose rail executed payment LOST before a restore."""

    @property
    def part(self) -> RestoreGate:
        return next(part for part in self.book.parts if isinstance(part, RestoreGate))

    def knows(self, *lines: tuple[bytes, Line], unread: tuple[str, ...] = ()) -> None:
        """As if `load` had read this."""
        self.part._lines = dict(lines)
        self.part._unread = dict.fromkeys(unread, "PKR")

    def recorded(self, uetr: bytes) -> bool:
        return UUID(bytes=uetr).int in self.books._transfers

    def accept(self, uetr: bytes, recovered: str = "", minor: int = 100, *, hold: bool = False):
        legs = [CommandLeg(self.payer, self.payee, minor, "principal")]
        terms = Terms("payer", "payee", "PK", minor, "INR", minor, "PKR", 0, "", "")
        expires = microseconds(self.now) + LIFETIME
        ref = recovered or "ref"
        identity = Identity(uetr, b"f" * 32, "payer", "pacs.008.001.08", "m", b"raw", 0)
        order = Accept(identity, terms, legs, ref, b"n", expires, LIFETIME, 0, hold, recovered=recovered)
        return self.ask(order)


@pytest.fixture
def machine() -> Restored:
    made = Restored()
    made.open()
    return made


def closed(machine: Restored, beyond: int = 100) -> int:
    """Close it as the writer does at its start; the event of the restore."""
    until = machine.books.next_seq - 1 + beyond
    while machine.ask(LeaveOut(until, "a test")).number < until:
        pass
    return machine.ask(BeginAgain(b"r" * 32, "", [])).number


def test_numbers_continue_beyond_all_that_may_have_been_sent(machine: Restored) -> None:
    last = machine.books.next_seq - 1

    assert closed(machine, 2 * AT_ONCE + 7) == last + 2 * AT_ONCE + 8


@pytest.mark.parametrize("is_closed", [True, False])
def test_a_payment_that_its_rail_knows_by_its_own_uetr_is_never_sent_by_the_stated_one(
    machine: Restored, *, is_closed: bool
) -> None:
    """Another sender had used the stated UETR, and the restore lost both payments."""
    if is_closed:
        closed(machine)
    machine.part._ever = True
    own = own_uetr.derive("payer", UUID(bytes=LOST)).bytes
    machine.knows((own, LINE))
    stated = machine.accept(LOST)
    refused = machine.ask(Refuse(Identity(LOST, b"f", "payer", "m", "m", b"raw", 0), "AC01", ""))
    again = machine.accept(own)
    recovered = machine.accept(own, "REF1")

    assert stated.verdict == refused.verdict == "exists_with_different_content"
    assert again.verdict == "known_at_rail"
    assert recovered.verdict == "created"
    assert not machine.recorded(LOST)


def test_while_closed_nothing_new_is_decided(machine: Restored) -> None:
    machine.accept(OLD)
    closed(machine)
    stopped = [
        machine.accept(NEW),
        machine.ask(Refuse(Identity(NEW, b"f", "payer", "m", "m", b"raw", 0), "AC01", "")),
        machine.ask(Advance(OLD, Event.SEND)),
        machine.ask(Advance(OLD, Event.EXPIRE)),
        machine.ask(Advance(NEW, Event.CONFIRM, rail="PK")),
        machine.ask(Return(b"i" * 16, b"f", OLD, "payee", "m", "NARR")),
        machine.ask(Hold(b"h" * 16, b"f", [CommandLeg(machine.payer, machine.payee, 1, "settlement")], "")),
        machine.ask(Release(b"h" * 16, "void", "")),
        machine.ask(CloseWindow("INR")),
    ]

    assert {reply.verdict for reply in stopped} == {"restoring"}
    assert machine.accept(OLD).verdict == "exists"
    assert machine.ask(Advance(OLD, Event.DOUBT)).verdict == "advanced"
    assert machine.ask(Enquired(OLD, "nothing")).verdict == "noted"
    assert machine.ask(Advance(OLD, Event.CONFIRM, rail="PK")).verdict == "advanced"


def test_a_reserved_payment_may_have_been_sent_since(machine: Restored) -> None:
    machine.accept(OLD, hold=True)
    machine.part._held = [OLD]  # as `load` reads it
    closed(machine)

    assert machine.records.open[OLD].state is State.UNKNOWN
    assert machine.records.open[OLD].due
    assert not machine.records.open[OLD].pending


def test_what_a_rail_executed_is_held_and_never_sent(machine: Restored) -> None:
    closed(machine)
    machine.knows((LOST, LINE))
    assert machine.accept(LOST).verdict == "known_at_rail"
    assert not machine.recorded(LOST)

    reply = machine.accept(LOST, recovered="REF1")
    assert (reply.verdict, reply.state) == ("created", "UNKNOWN")
    assert machine.records.open[LOST].due == 0
    assert machine.accept(LOST).verdict == "exists"
    assert machine.ask(Advance(LOST, Event.CONFIRM, only_in_doubt=True)).state == "COMMITTED"


def test_what_no_file_of_a_rail_states_is_never_recovered(machine: Restored) -> None:
    never_restored = machine.accept(NEW, recovered="x")
    closed(machine)
    machine.knows((LOST, LINE))
    while_closed = machine.accept(NEW, recovered="REF1")
    machine.ask(Reopen("two people", []))

    assert never_restored.verdict == while_closed.verdict == "unavailable"
    assert machine.accept(NEW, recovered="REF1").verdict == "unavailable"
    assert not machine.recorded(NEW)


@pytest.mark.parametrize("is_closed", [True, False])
@pytest.mark.parametrize("event", [Event.CONFIRM, Event.REJECT, Event.DOUBT, Event.DEFER, Event.CANCEL])
def test_no_worker_ends_what_was_recovered(machine: Restored, event: Event, *, is_closed: bool) -> None:
    """A stolen worker would post it at once; a rail that answers has its answer in its file as well."""
    closed(machine)
    machine.knows((LOST, LINE))
    machine.accept(LOST, recovered="REF1")
    if not is_closed:
        machine.ask(Reopen("two people", []))
    replies = [machine.ask(Advance(LOST, event, rail=rail, due_at=9)) for rail in ("PK", "")]

    assert not {"advanced", "noted"} & {reply.verdict for reply in replies}
    assert machine.records.open[LOST].state is State.UNKNOWN
    assert machine.ask(Advance(LOST, Event.CONFIRM, only_in_doubt=True, change=1)).state == "COMMITTED"


def test_another_amount_or_another_order_is_not_booked(machine: Restored) -> None:
    closed(machine)
    machine.knows((LOST, LINE))

    assert machine.accept(LOST, recovered="REF1", minor=99).verdict == "unavailable"
    assert machine.accept(LOST, recovered="REF2").verdict == "known_at_rail"
    assert not machine.recorded(LOST)


def test_money_that_is_missing_refuses_nothing_for_good(machine: Restored) -> None:
    closed(machine)
    machine.knows((LOST, LINE._replace(minor=10**6)))
    reply = machine.accept(LOST, recovered="REF1", minor=10**6)

    assert (reply.verdict, reply.reason) == ("unavailable", "it cannot be booked: net debit cap exceeded")
    assert not machine.recorded(LOST)


def test_what_a_rail_refused_is_recorded_as_refused(machine: Restored) -> None:
    closed(machine)
    machine.knows((LOST, LINE._replace(done=False, code="AC04")))
    refusal = Refuse(Identity(LOST, b"f", "payer", "m", "m", b"raw", 0), "NARR", "refused before the restore")

    assert machine.accept(LOST).verdict == "known_at_rail"
    assert machine.ask(refusal).verdict == "refused"


def test_after_the_opening_a_known_uetr_is_still_not_sent_and_an_unread_rail_is_closed(
    machine: Restored,
) -> None:
    closed(machine)
    machine.knows((LOST, LINE), unread=("PK",))
    machine.ask(Reopen("two people", []))
    assert machine.accept(NEW).verdict == "restoring"
    assert machine.accept(LOST).verdict == "known_at_rail"

    machine.knows((LOST, LINE))
    machine.now += timedelta(seconds=1)
    assert machine.accept(NEW).verdict == "created"
    assert machine.accept(LOST).verdict == "known_at_rail"
    refusal = Refuse(Identity(LOST, b"f", "payer", "m", "m", b"raw", 0), "AC01", "")
    assert machine.ask(refusal).verdict == "known_at_rail"
    assert machine.ask(Reopen("again", [])).verdict == "not_closed"
