"""Payments that are not final, and the columns by which a batch writes them down.

`switch.open_payment` holds the few payments that are open, and the writer keeps the same few in memory.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Final

from msgspec import Struct

from ledger.columns import Columns, Function, each, one, uuid
from switch.writer import absence
from switch.writer.absence import Count, Doubt
from switch.writer.commands import Identity, Terms
from switch.writer.lifecycle import State


@dataclass(frozen=True, slots=True)
class Open:
    """A payment that is not final, as `switch.open_payment` holds it."""

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
    """Enquiries in a row that the rail did not answer."""

    @property
    def doubt(self) -> Doubt:
        """What enquiries have come to."""
        return Doubt(self.expires, self.due, self.enquiries, self.pending, self.absence, self.unanswered)

    def with_doubt(self, doubt: Doubt) -> "Open":
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
    """A payment that this batch makes, accepted or refused."""

    number: int
    identity: Identity
    terms: Terms
    native_ref: str


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
_NATIVE: Final[Columns[Iterable[tuple[int, bytes]]]] = Columns(
    each("native_number", "bigint", itemgetter(0)),
    each("native_body", "bytea", itemgetter(1)),
)
_OPEN: Final[Columns[Iterable[Open]]] = Columns(
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

_ENQUIRIES: Final[Columns[Iterable[Open]]] = Columns(
    each("asked_number", "bigint", lambda o: o.number),
    each("asked_absences", "integer", lambda o: o.absence.answers),
    each("asked_absent", "bigint", lambda o: o.absence.asked_at),
    each("asked_unanswered", "integer", lambda o: o.unanswered),
)
RECORD_ENQUIRIES: Final = Function("switch.record_enquiries", _ENQUIRIES)

_CONTRADICTIONS: Final[Columns[Iterable[tuple[int, str, str, str]]]] = Columns(
    each("numbers", "bigint", itemgetter(0)),
    each("rails", "text", itemgetter(1)),
    each("kinds", "text", itemgetter(2)),
    each("details", "text", itemgetter(3)),
)
RECORD_CONTRADICTIONS: Final = Function("switch.record_contradictions", _CONTRADICTIONS)
