"""Enquiries about payments with an unknown outcome that did not end them.

`absence.py` decides what follows, and when it is proved that a rail never had the order.
"""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from ledger.books import Books
from ledger.columns import Columns, Function, each
from ledger.encoding import microseconds
from ledger.writer import BatchExtension, Footprint
from schemas.reasons import Reason
from switch.writer import absence
from switch.writer.absence import EnquiryResult, Rules
from switch.writer.commands import Enquired, Reply
from switch.writer.event_kinds import EventKind
from switch.writer.lifecycle import Event, State, next_state
from switch.writer.parts import BatchPart, Handler
from switch.writer.payment_events import escalate, event_body, write_step
from switch.writer.payment_records import OpenPayment, PaymentRecords
from switch.writer.verdicts import Verdict


class Enquiries(BatchPart):
    """Decides the results of enquiries, and stores them with the open payment."""

    def __init__(self, rules: Rules, records: PaymentRecords) -> None:
        self._rules, self._records = rules, records
        self.handlers = {Enquired: Handler(self._enquired, lambda c: Footprint((UUID(bytes=c.uetr),)))}
        super().__init__()

    def start_batch(self) -> None:
        """Start to collect for the next batch."""
        self._asked: dict[int, OpenPayment] = {}

    def ended(self, number: int, *, voided: bool) -> None:  # noqa: ARG002 - irrelevant here
        """Drop the enquiries of a payment that is no longer open."""
        self._asked.pop(number, None)

    def extension(self) -> BatchExtension:
        """The rows that the batch writes, after those of the open payments."""
        return [RECORD_ENQUIRIES(self._asked.values())] if self._asked else ()

    def _enquired(self, command: Enquired, books: Books) -> Reply:
        payment = self._records.open.get(command.uetr)
        if payment is None:
            return Reply(Verdict.FINAL)
        if payment.state is not State.UNKNOWN:
            return Reply(Verdict.ILLEGAL, payment.number, payment.state)
        rule = self._rules.get(payment.rail, absence.UNKNOWN_RAIL)
        asked = EnquiryResult(command.said, command.asked_at, command.whole_since)
        doubt = absence.after_enquiry(rule, payment.doubt, asked, microseconds(books.now))
        after = payment.with_doubt(doubt)
        if command.said != "nothing" or doubt.unanswered == 1:  # in an outage not every enquiry is logged
            _note(after, command, books)
        if absence.is_absent(rule, doubt.count):
            return self._end_by_absence(after, command, books)
        if doubt.due == 0 and payment.due != 0:
            escalate(after.number, after.uetr, after.state, command.said.replace("_", " "), books)
        self._records.move(after)
        self._asked[after.number] = after
        return Reply(Verdict.NOTED, after.number, after.state)

    def _end_by_absence(self, asked: OpenPayment, command: Enquired, books: Books) -> Reply:
        """It is proved that the rail never had the order."""
        reason = Reason.TIMEOUT_INSTRUCTED_AGENT
        facts = {
            "reason": reason,
            "rail_code": command.rail_code,
            "detail": f"the rail never had it: not found {asked.absence.answers} times",
        }
        state = next_state(asked.state, Event.REJECT)
        body = event_body(asked.uetr, state, {name: value for name, value in facts.items() if value})
        write_step(asked.number, UUID(bytes=asked.uetr), Event.REJECT, state, body=body, books=books)
        return self._records.end(asked, state, reason)


def _note(after: OpenPayment, command: Enquired, books: Books) -> None:
    facts = {
        "detail": command.said.replace("_", " "),
        "rail_code": command.rail_code,
        "enquiry": after.enquiries,
        "absences": after.absence.answers,
    }
    known = {name: value for name, value in facts.items() if value}
    books.record(after.number, EventKind.ENQUIRY, event_body(after.uetr, after.state, known))


_COLUMNS: Final[Columns[Iterable[OpenPayment]]] = Columns(
    each("asked_number", "bigint", lambda payment: payment.number),
    each("asked_absences", "integer", lambda payment: payment.absence.answers),
    each("asked_absent", "bigint", lambda payment: payment.absence.asked_at),
    each("asked_unanswered", "integer", lambda payment: payment.unanswered),
)
RECORD_ENQUIRIES: Final = Function("switch.record_enquiries", _COLUMNS)
