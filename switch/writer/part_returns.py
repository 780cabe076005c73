"""Returns of a part of a payment, and returns at the rate in force: each moves money by a set of its own.

    creditor agent --minor--> FX provider --debit_minor--> debtor agent

At the rate of the payment each leg moves its share of the leg that it takes back, rounded down as a
difference of sums: parts that add up to the credit add up to every leg, to the last minor unit. At the rate
in force the debtor agent gets what `switch.payments.returnable` says, and never more than that share. The fee
is kept. A payment is returned in full, or by parts, and never by both: `stop` refuses the second.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple
from uuid import UUID

import asyncpg

from ledger.books import Books, Leg
from ledger.columns import Columns, Function, each, uuid
from ledger.writer import BatchExtension
from schemas.money import Money
from switch.base.sql import statements
from switch.writer import event_bodies
from switch.writer.commands import BookReturn, Command, Reply, Return, ReversalAnswered, Reverse
from switch.writer.event_kinds import EventKind
from switch.writer.lifecycle import State
from switch.writer.parts import AskedReturn, BatchPart, overridden
from switch.writer.payment_events import event_body
from switch.writer.verdicts import OF_LEDGER, Verdict

PARTS_MAX: Final = 100
"""Parts of one payment."""
REMEMBERED_MAX: Final = 10_000
_MOVED: Final = frozenset({"principal", "conversion"})
"""Purposes of the legs that a part takes back; the fee is kept."""
_READ: Final = statements("switch.writer")("read_part_returns")


class _Part(NamedTuple):
    """One that is booked, as a row of `switch.part_return`."""

    number: int
    id: bytes
    payment: int
    credit_minor: int
    debit_minor: int
    share_minor: int
    rate: str
    reason: str
    reference: str


@dataclass(frozen=True, slots=True)
class _Sum:
    parts: int = 0
    minor: int = 0


class PartBooking(NamedTuple):
    """What the event of a part says of who returned it, and why."""

    id: UUID
    fingerprint: bytes
    reason: str
    reference: str
    facts: dict[str, object]


def left_to_return(left: Money) -> str:
    """What a party of a payment reads where it would return more than this."""
    return f"only {left} are left to return" if left.minor else f"nothing is left to return ({left})"


def legs_back(
    legs: Sequence[Leg], minor: int, *, before: int, debit_minor: int | None = None
) -> list[Leg] | None:
    """The legs that return `minor` of the credit of a payment; None if one of them would move nothing.

    Args:
        legs: Those of the payment, from the debtor agent to the creditor agent; their fee is kept.
        minor: What is returned of the last of them.
        before: What parts have returned of it before.
        debit_minor: What the debtor agent gets; None: its share at the rate of the payment.

    """
    moved = [leg for leg in legs if leg.purpose in _MOVED]
    whole = moved[-1].amount
    shares = [leg.amount * (before + minor) // whole - leg.amount * before // whole for leg in moved]
    if debit_minor is not None:
        shares[0] = debit_minor
    if min(shares) <= 0:
        return None
    back = [Leg(leg[1], leg[0], share, "correction") for leg, share in zip(moved, shares, strict=True)]
    return back[::-1]


class PartReturns(BatchPart):
    """Books returns by parts, and keeps what they have returned."""

    def meet(self, parts: Sequence[BatchPart]) -> None:
        """Collect the parts that state the terms of a return."""
        self._terms = overridden(parts, BatchPart.return_terms)

    def forget(self) -> None:
        """Drop everything: the memory may contain what was never committed."""
        self._sums: dict[bytes, _Sum] = {}

    def start_batch(self) -> None:
        """Start to collect for the next batch."""
        self._new: list[_Part] = []

    async def load(self, connection: asyncpg.Connection, commands: Sequence[Command]) -> None:
        """Read what parts have returned of the payments that these commands are about."""
        about = (c for c in commands if isinstance(c, Return | BookReturn | Reverse | ReversalAnswered))
        mine = [UUID(bytes=c.uetr) for c in about if c.uetr not in self._sums]
        if not mine:
            return
        for row in await connection.fetch(_READ, mine):
            self._sums[row["uetr"].bytes] = _Sum(row["parts"], row["minor"])
        while len(self._sums) > REMEMBERED_MAX:
            del self._sums[next(iter(self._sums))]

    def stop(self, command: Command, books: Books) -> Reply | None:
        """Refuse to return the whole of a payment of which a part was returned; a known id is repeated."""
        if not isinstance(command, Return | Reverse) or (isinstance(command, Return) and command.minor):
            return None
        returned = self.returned(command.uetr)
        if not returned or books.find(UUID(bytes=command.id)) is not None:
            return None
        original = books.legs(UUID(bytes=command.uetr))
        left = "" if original is None else f"; {_left(original[1], returned, books)}"
        return Reply(Verdict.PART_RETURNED, detail=f"{Verdict.PART_RETURNED.text}{left}")

    def returned(self, uetr: bytes) -> int:
        """What parts have returned of the credit, in minor units."""
        return self._sums.get(uetr, _Sum()).minor

    def terms(self, asked: AskedReturn, books: Books) -> tuple[str, int] | str | None:
        """The terms of a return, of the first part that states any."""
        return next(filter(None, (terms(asked, books) for terms in self._terms)), None)

    def book(
        self, asked: AskedReturn, booking: PartBooking, terms: tuple[str, int] | None, books: Books
    ) -> Reply:
        """Return a part, if so much is left; its id is new. `terms` None: at the rate of the payment."""
        uetr = UUID(bytes=asked.uetr)
        original = books.legs(uetr)
        if original is None:
            return Reply(Verdict.TRANSFER_NOT_POSTED)
        if books.is_corrected(uetr):
            return Reply(Verdict.ALREADY_CORRECTED)
        number, legs = original
        so_far = self._sums.get(asked.uetr, _Sum())
        moved = [leg for leg in legs if leg.purpose in _MOVED]
        if so_far.minor + asked.minor > moved[-1].amount:
            return Reply(Verdict.MORE_THAN_LEFT, number, detail=_left(legs, so_far.minor, books))
        if so_far.parts >= PARTS_MAX:
            text = (
                f"{PARTS_MAX} parts were returned, the most there can be; {_left(legs, so_far.minor, books)}"
            )
            return Reply(Verdict.MORE_THAN_LEFT, number, detail=text)
        at_its_rate = legs_back(legs, asked.minor, before=so_far.minor)
        rate, debit_minor = terms or ("", None)
        back = legs_back(legs, asked.minor, before=so_far.minor, debit_minor=debit_minor)
        if back is None or at_its_rate is None:
            return Reply(Verdict.AMOUNT_MUST_BE_POSITIVE, number)
        part = _Part(
            0,
            booking.id.bytes,
            number,
            asked.minor,
            back[-1].amount,
            at_its_rate[-1].amount,
            rate,
            booking.reason,
            booking.reference,
        )
        return self._move(asked.uetr, part, back, booking, books)

    def _move(
        self, uetr: bytes, part: _Part, back: Sequence[Leg], booking: PartBooking, books: Books
    ) -> Reply:
        """Past this point, only the ledger can refuse it: for a cap, or for a closed account."""
        moved = {"minor": part.credit_minor, "debit_minor": part.debit_minor, "rate": part.rate}
        decision = books.move(
            booking.id,
            back,
            fingerprint=booking.fingerprint,
            kind=EventKind.RETURN_PART,
            body=event_bodies.encode({"uetr": uetr.hex(), **booking.facts, **moved}),
        )
        if OF_LEDGER[decision.verdict] is not Verdict.CREATED:
            return Reply(OF_LEDGER[decision.verdict], decision.number)
        known = {
            "reason": booking.reason,
            "detail": _text(part, back, books),
            "return": decision.number,
        }
        body = event_body(uetr, State.COMMITTED, known)
        books.record(part.payment, EventKind.PART_RETURNED, body)
        so_far = self._sums.get(uetr, _Sum())
        self._sums[uetr] = _Sum(so_far.parts + 1, so_far.minor + part.credit_minor)
        self._new.append(part._replace(number=decision.number))
        return Reply(Verdict.CREATED, decision.number)

    def extension(self) -> BatchExtension:
        """The rows that the batch writes."""
        return [RECORD_PART_RETURNS(self._new)] if self._new else ()


def _left(legs: Sequence[Leg], returned: int, books: Books) -> str:
    """How much of the credit can still be returned, for a party of the payment."""
    credit = next(leg for leg in reversed(legs) if leg.purpose in _MOVED)
    account = books.account(credit.credit)
    assert account is not None
    return left_to_return(Money(credit.amount - returned, account.currency))


def _text(part: _Part, back: Sequence[Leg], books: Books) -> str:
    """What went back and what the debtor agent got, for people."""
    first, last = (books.account(leg.debit) for leg in (back[0], back[-1]))
    assert first is not None
    assert last is not None
    credit, debit = Money(part.credit_minor, first.currency), Money(part.debit_minor, last.currency)
    text = f"{credit} were returned" if credit == debit else f"{credit} were returned as {debit}"
    if not part.rate:
        return text
    less = Money(part.share_minor - part.debit_minor, last.currency)
    return f"{text} at the rate in force, {part.rate}; the debtor bears the difference of {less}"


_COLUMNS: Final[Columns[Iterable[_Part]]] = Columns(
    each("numbers", "bigint", lambda part: part.number),
    each("ids", "uuid", lambda part: uuid(part.id)),
    each("payments", "bigint", lambda part: part.payment),
    each("credits", "bigint", lambda part: part.credit_minor),
    each("debits", "bigint", lambda part: part.debit_minor),
    each("shares", "bigint", lambda part: part.share_minor),
    each("rates", "text", lambda part: part.rate),
    each("reasons", "text", lambda part: part.reason),
    each("refs", "text", lambda part: part.reference),
)
RECORD_PART_RETURNS: Final = Function("switch.record_part_returns", _COLUMNS)
