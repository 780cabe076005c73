"""Records of payments: those that a batch creates, moves and closes.

`switch.payment` has every payment, permanently. `switch.open_payment` has the few that are not final yet, and
memory has the same few. Changes of payments are announced to waiting requests once they are durable.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import asyncpg
from msgspec import Struct

from ledger.columns import Call, Columns, Function, each, one, uuid
from ledger.encoding import microseconds
from ledger.writer import BatchExtension
from switch.base.sql import statements
from switch.writer import absence
from switch.writer.absence import Count, Doubt
from switch.writer.commands import (
    Advance,
    Command,
    Ended,
    Enquired,
    GivenBack,
    Identity,
    PaymentChange,
    Reply,
    Terms,
)
from switch.writer.lifecycle import State
from switch.writer.parts import BatchPart, overridden
from switch.writer.verdicts import Verdict

_READ: Final = statements("switch.writer")("read_open_payments")


@dataclass(frozen=True, slots=True)
class OpenPayment:
    """A payment that is not final, as a row of `switch.open_payment`."""

    number: int
    uetr: bytes
    state: State
    rail: str
    credit_minor: int
    credit_currency: str
    entered: int
    expires: int
    due: int
    enquiries: int = 0
    sendings: int = 0
    pending: bool = False
    absence: Count = absence.NONE
    unanswered: int = 0
    """Consecutive enquiries without an answer."""

    @property
    def doubt(self) -> Doubt:
        """State of the enquiries."""
        return Doubt(self.expires, self.due, self.enquiries, self.pending, self.absence, self.unanswered)

    def with_doubt(self, doubt: Doubt) -> "OpenPayment":
        """The payment after an enquiry."""
        return replace(
            self,
            due=doubt.due,
            enquiries=doubt.enquiries,
            pending=doubt.pending,
            absence=doubt.count,
            unanswered=doubt.unanswered,
        )


class NewPayment(Struct, frozen=True, gc=False):
    """A payment that this batch creates, accepted or refused."""

    number: int
    identity: Identity
    terms: Terms
    native_ref: str = ""
    native_body: bytes | None = None
    """The bytes for its rail; None for a refused payment."""


@dataclass(frozen=True, slots=True)
class _GivenOut:
    """Data of a batch until it is durable: its announcements, and the payments that it closes."""

    changes: Sequence[PaymentChange]
    closed: Collection[bytes]


class PaymentRecords(BatchPart):
    """The writer's memory of open payments, and the rows of payments that a batch writes."""

    def __init__(self, announce: Callable[[Sequence[PaymentChange]], None]) -> None:
        self._announce = announce
        self.open: dict[bytes, OpenPayment] = {}
        """Payments that are not final, by UETR, as far as they are in memory."""
        self._in_flight: deque[_GivenOut] = deque()
        super().__init__()

    def meet(self, parts: Sequence[BatchPart]) -> None:
        """Collect the parts that record the ends of payments."""
        self._ended = overridden(parts, BatchPart.ended)

    def forget(self) -> None:
        """Drop everything: the memory may contain what was never committed."""
        self.open.clear()
        self._in_flight.clear()

    def start_batch(self) -> None:
        """Start to collect for the next batch."""
        self._new: list[NewPayment] = []
        self._moved: dict[bytes, OpenPayment] = {}
        self._closed: dict[bytes, int] = {}
        self._changes: list[PaymentChange] = []

    async def load(self, connection: asyncpg.Connection, commands: Sequence[Command]) -> None:
        """Load the open payments that `commands` refer to."""
        named = {
            c.uetr
            for c in commands
            if isinstance(c, Advance | Enquired | GivenBack) and c.uetr not in self.open
        }
        # A payment that a batch in flight closes is still open in the database, but no longer in memory.
        wanted = named.difference(*(given_out.closed for given_out in self._in_flight))
        if wanted:
            rows = await connection.fetch(_READ, [uuid(uetr) for uetr in wanted])
            self.open |= {row["uetr"].bytes: _open(row) for row in rows}

    @property
    def new(self) -> Sequence[NewPayment]:
        """The payments that this batch creates so far."""
        return self._new

    def add(self, new: NewPayment) -> None:
        """Add a new payment."""
        self._new.append(new)

    def announce(self, change: PaymentChange) -> None:
        """Queue an announcement until the batch is durable."""
        self._changes.append(change)

    def move(self, payment: OpenPayment) -> None:
        """Update an open payment."""
        self.open[payment.uetr] = self._moved[payment.uetr] = payment

    def end(self, payment: OpenPayment, state: State, reason: str) -> Reply:
        """Record that a payment is final: its step is written."""
        uetr = payment.uetr
        self.announce(PaymentChange(uetr, state, reason))
        self.open.pop(uetr)
        self._moved.pop(uetr, None)
        self._closed[uetr] = payment.number
        for ended in self._ended:
            ended(payment.number, voided=state is State.ABORTED)
        of_rail = Ended(payment.rail, payment.credit_minor, payment.credit_currency, payment.expires)
        return Reply(Verdict.ADVANCED, payment.number, state, reason, of_rail)

    def extension(self) -> BatchExtension:
        """The rows that the batch writes."""
        self._in_flight.append(_GivenOut(self._changes, self._closed.keys()))
        calls: list[Call] = []
        if self._new or self._moved or self._closed:
            natives = [new for new in self._new if new.native_body is not None]
            moved, closed = self._moved.values(), list(self._closed.values())
            calls.append(RECORD_PAYMENTS(self._new, natives, moved, closed))
        if self._new:
            calls += RECORD_KEYS(self._new), RECORD_REFERENCES(self._new)
        return calls

    def durable(self) -> None:
        """Announce the changes."""
        changes = self._in_flight.popleft().changes
        if changes:
            self._announce(changes)


def _open(row: asyncpg.Record) -> OpenPayment:
    return OpenPayment(
        number=row["number"],
        uetr=row["uetr"].bytes,
        state=State(row["state"]),
        rail=row["rail"],
        credit_minor=row["credit_minor"],
        credit_currency=row["credit_currency"],
        entered=microseconds(row["entered_at"]),
        expires=microseconds(row["expires_at"]),
        due=microseconds(row["due_at"]) if row["due_at"] else 0,
        enquiries=row["enquiries"],
        sendings=row["sendings"],
        pending=row["pending"],
        absence=Count(row["absences"], microseconds(row["absent_at"]) if row["absent_at"] else 0),
        unanswered=row["unanswered"],
    )


_NEW: Final[Columns[Iterable[NewPayment]]] = Columns(
    each("new_number", "bigint", lambda new: new.number),
    each("new_uetr", "uuid", lambda new: uuid(new.identity.uetr)),
    each("new_sender", "text", lambda new: new.identity.sender),
    each("new_message_name", "text", lambda new: new.identity.message_name),
    each("new_message_id", "text", lambda new: new.identity.message_id),
    each("new_debtor_agent", "text", lambda new: new.terms.debtor_agent),
    each("new_creditor_agent", "text", lambda new: new.terms.creditor_agent),
    each("new_rail", "text", lambda new: new.terms.rail),
    each("new_fx_provider", "text", lambda new: new.terms.fx_provider),
    each("new_rate", "text", lambda new: new.terms.rate),
    each("new_debit_currency", "text", lambda new: new.terms.debit_currency),
    each("new_credit_currency", "text", lambda new: new.terms.credit_currency),
    each("new_debit_minor", "bigint", lambda new: new.terms.debit_minor),
    each("new_credit_minor", "bigint", lambda new: new.terms.credit_minor),
    each("new_fee_minor", "bigint", lambda new: new.terms.fee_minor),
    each("new_native_ref", "text", lambda new: new.native_ref),
    each("new_raw", "bytea", lambda new: new.identity.raw),
)
_NATIVE: Final[Columns[Iterable[NewPayment]]] = Columns(
    each("native_number", "bigint", lambda new: new.number),
    each("native_body", "bytea", lambda new: new.native_body),
)
_OPEN: Final[Columns[Iterable[OpenPayment]]] = Columns(
    each("open_number", "bigint", lambda o: o.number),
    each("open_uetr", "uuid", lambda o: uuid(o.uetr)),
    each("open_state", "text", lambda o: o.state),
    each("open_rail", "text", lambda o: o.rail),
    each("open_credit_minor", "bigint", lambda o: o.credit_minor),
    each("open_credit_currency", "text", lambda o: o.credit_currency),
    each("open_entered", "bigint", lambda o: o.entered),
    each("open_expires", "bigint", lambda o: o.expires),
    each("open_due", "bigint", lambda o: o.due),
    each("open_enquiries", "integer", lambda o: o.enquiries),
    each("open_sendings", "integer", lambda o: o.sendings),
    each("open_pending", "boolean", lambda o: o.pending),
)
_CLOSED: Final[Columns[list[int]]] = Columns(one("closed_number", "bigint[]", lambda numbers: numbers))
RECORD_PAYMENTS: Final = Function("switch.record_payments", _NEW, _NATIVE, _OPEN, _CLOSED)

_KEYS: Final[Columns[Iterable[NewPayment]]] = Columns(
    each("numbers", "bigint", lambda new: new.number),
    each("keys", "bytea", lambda new: new.identity.key),
)
RECORD_KEYS: Final = Function("switch.record_keys", _KEYS)

_REFERENCES: Final[Columns[Iterable[NewPayment]]] = Columns(
    each("numbers", "bigint", lambda new: new.number),
    each("message_ids", "text", lambda new: new.identity.message_id),
    each("native_refs", "text", lambda new: new.native_ref),
    each("end_to_ends", "bigint", lambda new: new.identity.end_to_end),
)
RECORD_REFERENCES: Final = Function("switch.record_references", _REFERENCES)
