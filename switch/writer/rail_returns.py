"""What rails give back: of an open payment it is a refusal, of a credited one it is booked as a return.

    given_back   the rail's message, as an API worker passes it on: recorded with the payment, once by the
                 rail's id of it, and a reconciliation break is open from then on
    book_return  the caretaker has read the same message again and verified the rail's signature: every leg
                 of the payment is reversed, and the break is resolved, if the rule permits

The rule: at most what is left, in time, and at no loss to the FX provider (`switch.payments.returnable`): a
part, or what would cost the provider money at the rate of the payment, is booked by `part_returns`. What the
rule does not permit is left to two people, with the reason in the break. A repeated message changes nothing.
"""

import hashlib
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple
from uuid import UUID

import asyncpg

from ledger.books import Books, LedgerVerdict
from ledger.columns import Columns, Function, each
from ledger.writer import BatchExtension, Footprint
from schemas.money import EXPONENTS, Money
from switch.base.sql import statements
from switch.writer import event_bodies
from switch.writer.commands import Advance, BookReturn, Command, GivenBack, Reply
from switch.writer.event_kinds import EventKind
from switch.writer.lifecycle import Event, State
from switch.writer.part_returns import PartBooking, PartReturns
from switch.writer.parts import AskedReturn, BatchPart, Handler
from switch.writer.payment_events import event_body
from switch.writer.payment_records import PaymentRecords
from switch.writer.payments import Payments
from switch.writer.verdicts import OF_LEDGER, Verdict

REMEMBERED_MAX: Final = 10_000
"""Payments and returns remembered; the others are read again."""
REVERSAL: Final = "reversal "
"""Before the number of the change: the reference of what came back by a reversal that people ordered."""
TOO_MUCH: Final = "the rail gave back more than is left of what was credited, or another currency"
_NAMESPACE: Final = uuid.UUID("5f0c4a0e-1f4b-4d0c-9d8e-2f6a1d5b7c33")
_READ: Final = statements("switch.writer")("read_rail_returns")
Key = tuple[bytes, str]
"""A payment's UETR, and the rail's id of the return."""


@dataclass(slots=True)
class _Noted:
    """What a rail gave back of a payment that was credited."""

    number: int
    minor: int
    currency: str
    reason: str
    sha256: str
    """Of the rail's message, encrypted."""
    left_because: str = ""


@dataclass(frozen=True, slots=True)
class CreditedPayment:
    """A payment, as far as its return or its reversal needs it."""

    rail: str
    minor: int
    currency: str


class _End(NamedTuple):
    number: int
    reference: str
    because: str
    """Empty: it is booked."""


def return_id(uetr: bytes, reference: str) -> UUID:
    """The ledger's id of a return by the rail: the same for every repetition."""
    return uuid.uuid5(_NAMESPACE, f"{uetr.hex()}\0{reference}")


class RailReturns(BatchPart):
    """Decides about what rails give back."""

    def __init__(self, records: PaymentRecords, payments: Payments, part_returns: PartReturns) -> None:
        self._records, self._payments, self._part_returns = records, payments, part_returns
        self.handlers = {
            GivenBack: Handler(self._given_back, lambda c: Footprint((UUID(bytes=c.uetr),), len(c.message))),
            BookReturn: Handler(
                self._book, lambda c: Footprint({UUID(bytes=c.uetr), return_id(c.uetr, c.reference)})
            ),
        }
        super().__init__()

    def forget(self) -> None:
        """Drop everything: the memory may contain what was never committed."""
        self._noted: dict[Key, _Noted] = {}
        self._credited: dict[bytes, CreditedPayment] = {}

    def start_batch(self) -> None:
        """Start to collect for the next batch."""
        self._new: list[tuple[GivenBack, _Noted]] = []
        self._ends: list[_End] = []

    async def load(self, connection: asyncpg.Connection, commands: Sequence[Command]) -> None:
        """Read the payments and the returns that `commands` refer to."""
        mine = [c for c in commands if isinstance(c, GivenBack | BookReturn) and c.uetr not in self._credited]
        if not mine:
            return
        for row in await connection.fetch(_READ, [UUID(bytes=c.uetr) for c in mine]):
            uetr = row["uetr"].bytes
            self._credited[uetr] = CreditedPayment(row["rail"], row["credit_minor"], row["credit_currency"])
            if row["reference"] is not None:
                self._noted[uetr, row["reference"]] = _Noted(
                    row["number"],
                    row["minor"],
                    row["currency"],
                    row["reason"],
                    row["sha256"],
                    row["left_because"],
                )
        while len(self._credited) > REMEMBERED_MAX:
            oldest = next(iter(self._credited))
            del self._credited[oldest]
            self._noted = {key: noted for key, noted in self._noted.items() if key[0] != oldest}

    def _given_back(self, command: GivenBack, books: Books) -> Reply:
        if command.uetr in self._records.open:
            return self._payments.advance(_refusal(command), books)
        decision, payment = books.find(UUID(bytes=command.uetr)), self._credited.get(command.uetr)
        if decision is None or payment is None:
            return Reply(Verdict.TRANSFER_NOT_FOUND)
        if payment.rail != command.rail or command.currency not in EXPONENTS:
            return Reply(Verdict.ANOTHER_RAIL, decision.number)
        if decision.verdict is not LedgerVerdict.POSTED:
            return Reply(Verdict.FINAL, decision.number, State.ABORTED)
        known = self._noted.get((command.uetr, command.reference))
        if known is not None:
            same = (known.minor, known.currency) == (command.minor, command.currency)
            verdict = Verdict.GIVEN_BACK if same else Verdict.EXISTS_WITH_DIFFERENT_CONTENT
            return Reply(verdict, decision.number, State.COMMITTED)
        self.note(decision.number, command, books)
        return Reply(Verdict.GIVEN_BACK, decision.number, State.COMMITTED)

    def note(self, number: int, command: GivenBack, books: Books) -> None:
        """Record what a rail gave back of a credited payment; a break is open until `end`."""
        sha256 = hashlib.sha256(command.message).hexdigest()
        noted = _Noted(number, command.minor, command.currency, command.reason, sha256)
        facts = {
            "reason": command.reason,
            "rail_code": command.rail_code,
            "rail_reference": command.reference,
            "detail": _amount(command),
            "message_sha256": sha256,
            "answered_at": command.answered_at,
        }
        known = {name: value for name, value in facts.items() if value}
        books.record(number, EventKind.GIVEN_BACK, event_body(command.uetr, State.COMMITTED, known))
        self._noted[command.uetr, command.reference] = noted
        self._new.append((command, noted))

    def _book(self, command: BookReturn, books: Books) -> Reply:
        noted = self._noted.get((command.uetr, command.reference))
        if noted is None:
            return Reply(Verdict.TRANSFER_NOT_FOUND)
        id_ = return_id(command.uetr, command.reference)
        booked = books.find(id_)
        if booked is not None and booked.verdict is LedgerVerdict.POSTED:
            return Reply(Verdict.EXISTS, booked.number)
        if noted.left_because:
            return Reply(Verdict.LEFT_TO_PEOPLE, noted.number, detail=noted.left_because)
        because = command.doubt
        if not because and self._is_reversed(command.uetr):  # the same money, which the rail states twice
            self.end(command.uetr, command.reference, "")
            return Reply(Verdict.EXISTS, noted.number)
        if not because:
            reply = self._by_rule(id_, command, noted, books)
            if reply.verdict is Verdict.CREATED:
                self.end(command.uetr, command.reference, "")
                return reply
            because = reply.detail or reply.verdict.text
        self.end(command.uetr, command.reference, because)
        return Reply(Verdict.LEFT_TO_PEOPLE, noted.number, detail=because)

    def end(self, uetr: bytes, reference: str, because: str) -> None:
        """Record that a return is booked, or why it is left to people."""
        noted = self._noted[uetr, reference]
        noted.left_because = because
        self._ends.append(_End(noted.number, reference, because))

    def _is_reversed(self, uetr: bytes) -> bool:
        """Whether the payment was returned because its rail executed a reversal."""
        return any(
            key[0] == uetr and key[1].startswith(REVERSAL) and not noted.left_because
            for key, noted in self._noted.items()
        )

    def _by_rule(self, id_: UUID, command: BookReturn, noted: _Noted, books: Books) -> Reply:
        """Book a return on the terms of the rule: in full, or as a part."""
        payment, before = self._credited[command.uetr], self._part_returns.returned(command.uetr)
        if noted.currency != payment.currency or before + noted.minor > payment.minor:
            return Reply(Verdict.REFUSED, detail=TOO_MUCH)
        asked = AskedReturn(command.uetr, noted.minor, before, of_rail=True)
        terms = self._part_returns.terms(asked, books)
        if isinstance(terms, str):
            return Reply(Verdict.REFUSED, detail=terms)
        facts = self._facts(command, noted)
        if terms is None and noted.minor == payment.minor:
            return self._correct(id_, command, noted, facts, books)
        fingerprint = bytes.fromhex(noted.sha256)
        booking = PartBooking(id_, fingerprint, noted.reason, command.reference, facts)
        return self._part_returns.book(asked, booking, terms, books)

    def _facts(self, command: BookReturn, noted: _Noted) -> dict[str, object]:
        return {
            "uetr": command.uetr.hex(),
            "rail": self._credited[command.uetr].rail,
            "message_id": command.reference,
            "message_sha256": noted.sha256,
            "reason": noted.reason,
        }

    def _correct(
        self, id_: UUID, command: BookReturn, noted: _Noted, facts: dict[str, object], books: Books
    ) -> Reply:
        """Reverse the payment's legs, and note the return in the payment's own journey."""
        decision = books.correct(
            id_,
            UUID(bytes=command.uetr),
            fingerprint=bytes.fromhex(noted.sha256),
            kind=EventKind.RETURN,
            body=event_bodies.encode(facts),
        )
        if decision.verdict is LedgerVerdict.CREATED:
            known = {"reason": noted.reason, "return": decision.number}
            books.record(noted.number, EventKind.RETURNED, event_body(command.uetr, State.COMMITTED, known))
        return Reply(OF_LEDGER[decision.verdict], decision.number)

    def extension(self) -> BatchExtension:
        """The rows that the batch writes, after those of the payments."""
        return [
            *([RECORD_RAIL_RETURNS(self._new)] if self._new else ()),
            *([RECORD_RAIL_RETURN_ENDS(self._ends)] if self._ends else ()),
        ]


def _refusal(command: GivenBack) -> Advance:
    """For an open payment: it was never credited, or not for long, unless only a part came back."""
    return Advance(
        command.uetr,
        Event.REJECT,
        rail=command.rail,
        reason=command.reason,
        rail_code=command.rail_code,
        rail_reference=command.reference,
        credited_minor=command.minor,
        credited_currency=command.currency,
        answered_at=command.answered_at,
    )


def _amount(command: GivenBack) -> str:
    return str(Money(command.minor, command.currency))


_COLUMNS: Final[Columns[Iterable[tuple[GivenBack, _Noted]]]] = Columns(
    each("numbers", "bigint", lambda new: new[1].number),
    each("refs", "text", lambda new: new[0].reference),
    each("minors", "bigint", lambda new: new[0].minor),
    each("currencies", "text", lambda new: new[0].currency),
    each("reasons", "text", lambda new: new[0].reason),
    each("details", "text", lambda new: f"the rail gave back {_amount(new[0])}: {new[0].rail_code}"),
    each("message_ids", "uuid", lambda new: return_id(new[0].uetr, new[0].reference)),
    each("messages", "bytea", lambda new: new[0].message),
    each("sealed_keys", "bytea", lambda new: new[0].key),
)
RECORD_RAIL_RETURNS: Final = Function("switch.record_rail_returns", _COLUMNS)

_END_COLUMNS: Final[Columns[Iterable[_End]]] = Columns(
    each("numbers", "bigint", lambda end: end.number),
    each("refs", "text", lambda end: end.reference),
    each("texts", "text", lambda end: end.because),
)
RECORD_RAIL_RETURN_ENDS: Final = Function("switch.record_rail_return_ends", _END_COLUMNS)
