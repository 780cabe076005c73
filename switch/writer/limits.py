"""Limits on what a participant may send: per payment, and per day in a currency.

They are checked before the ledger's cap, and have another purpose: a cap is what a participant can cover, a
limit is the maximum of one payment or one day, so that a stolen key cannot empty an account overnight. A day
is UTC, by the ledger's time. A day's use is the sum of that day's reserved and posted payments, and of those
that screening holds. A payment that is voided on its own day reduces the use again; on a later day there is
no use left to reduce.

The writer decides, so a limit is exact under any concurrency; use is written in the payment's own
transaction. `judge` is the whole decision. Participants without limits cost nothing.

    payment_limit_exceeded    the payment alone is over the limit per payment        AM14
    daily_limit_exceeded      with it the day's payments are over the limit per day  AM14
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import asyncpg

from ledger.books import Books
from ledger.columns import Call, Columns, Function, each, one
from ledger.writer import BatchExtension
from schemas.reasons import Reason
from switch.base.sql import statements
from switch.writer import event_bodies
from switch.writer.commands import Accept, Reply, SetLimit, Terms
from switch.writer.decided_once import Orders
from switch.writer.event_kinds import EventKind
from switch.writer.parts import BatchPart, Handler, Refusal
from switch.writer.verdicts import Verdict

MICROSECONDS_A_DAY: Final = 86_400_000_000

_LIMITS: Final = "SELECT participant, currency::text, per_payment, per_day FROM switch.payment_limit"
_USE: Final = "SELECT participant, currency::text, day - date 'epoch' AS day, minor FROM switch.daily_use"
_COUNTED: Final = statements("switch.writer")("read_counted_payments")

Key = tuple[str, str]
"""Participant and currency."""


class Excess(StrEnum):
    """The limit that a payment exceeds."""

    PAYMENT = "payment_limit_exceeded"
    DAY = "daily_limit_exceeded"


@dataclass(frozen=True, slots=True)
class Limit:
    """Permitted amounts, in minor units; None is no limit."""

    per_payment: int | None
    per_day: int | None


@dataclass(frozen=True, slots=True)
class DailyUse:
    """Amount sent on a day, counted from 1970; minor units."""

    day: int
    minor: int


@dataclass(frozen=True, slots=True)
class Counted:
    """The share of a day's use that an open payment has, and its participant."""

    key: Key
    day: int
    minor: int


def judge(limit: Limit, use: DailyUse, day: int, minor: int) -> Excess | None:
    """Whether a payment of `minor` on `day` exceeds a limit; the limit per payment is checked first."""
    if limit.per_payment is not None and minor > limit.per_payment:
        return Excess.PAYMENT
    used = use.minor if use.day == day else 0
    if limit.per_day is not None and used + minor > limit.per_day:
        return Excess.DAY
    return None


class Limits(BatchPart):
    """The writer's memory of limits and their use, and what a batch changes in it."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self.handlers = {SetLimit: Handler(self._set_limit)}
        super().__init__()

    def forget(self) -> None:
        """Drop everything: the memory may contain what was never committed."""
        self._limits: dict[Key, Limit] = {}
        self._use: dict[Key, DailyUse] = {}
        self._counted: dict[int, Counted] = {}

    def start_batch(self) -> None:
        """Start to collect for the next batch."""
        self._used: set[Key] = set()
        self._set: set[Key] = set()
        self._begun: dict[int, Counted] = {}
        self._ended: list[int] = []

    async def begin(self, connection: asyncpg.Connection) -> None:
        """Read all limits and uses."""
        for participant, currency, per_payment, per_day in await connection.fetch(_LIMITS):
            self._limits[participant, currency] = Limit(per_payment, per_day)
        for participant, currency, day, minor in await connection.fetch(_USE):
            self._use[participant, currency] = DailyUse(day, minor)
        for number, participant, currency, day, minor in await connection.fetch(_COUNTED):
            self._counted[number] = Counted((participant, currency), day, minor)

    def refusal(self, payment: Accept, now_us: int) -> Refusal | None:
        """Refuse a payment over a limit."""
        terms = payment.terms
        excess = self.excess(terms.debtor_agent, terms.debit_currency, _taken(terms), now_us)
        return (
            None if excess is None else Refusal(Reason.AMOUNT_EXCEEDS_AGREED_LIMIT, excess.replace("_", " "))
        )

    def held(self, number: int, payment: Accept, books: Books, now_us: int) -> None:  # noqa: ARG002
        """Count a payment whose money is reserved, or that screening holds."""
        terms = payment.terms
        minor = _taken(terms)
        self.count(number, terms.debtor_agent, terms.debit_currency, minor=minor, now_us=now_us)

    waits = held

    def excess(self, participant: str, currency: str, minor: int, now_us: int) -> Excess | None:
        """The limit that a payment would exceed; None if it is within all."""
        limit = self._limits.get((participant, currency))
        if limit is None:
            return None
        use = self._use.get((participant, currency), DailyUse(0, 0))
        return judge(limit, use, now_us // MICROSECONDS_A_DAY, minor)

    def count(self, number: int, participant: str, currency: str, *, minor: int, now_us: int) -> None:
        """Add the payment `number`, which was reserved."""
        key = participant, currency
        if key not in self._limits:
            return
        day = now_us // MICROSECONDS_A_DAY
        self._counted[number] = self._begun[number] = Counted(key, day, minor)
        self._add(key, day, minor)

    def waited(self, number: int) -> None:
        """Reduce the use of the day on which a payment came that waits no longer."""
        self.ended(number, voided=True)

    def ended(self, number: int, *, voided: bool) -> None:
        """Record that a payment has ended; a voided one reduces the use of its day."""
        counted = self._counted.pop(number, None)
        if counted is None:
            return
        if self._begun.pop(number, None) is None:
            self._ended.append(number)
        if voided and self._use[counted.key].day == counted.day:
            self._add(counted.key, counted.day, -counted.minor)

    def _add(self, key: Key, day: int, minor: int) -> None:
        use = self._use.get(key)
        used = use.minor if use is not None and use.day == day else 0
        self._use[key] = DailyUse(day, used + minor)
        self._used.add(key)

    def set(self, participant: str, currency: str, limit: Limit) -> None:
        """Set a participant's limits, from the next payment on."""
        key = participant, currency
        self._limits[key] = limit
        self._set.add(key)

    def _set_limit(self, command: SetLimit, books: Books) -> Reply:
        def decide() -> Reply:
            limit = Limit(command.per_payment, command.per_day)
            self.set(command.participant, command.currency, limit)
            body = {
                "participant": command.participant,
                "currency": command.currency,
                "per_payment_minor": command.per_payment,
                "per_day_minor": command.per_day,
                "change": command.change,
            }
            return Reply(Verdict.LIMIT_SET, books.record(0, EventKind.LIMIT, event_bodies.encode(body)))

        return self._orders.once(command.order, decide)

    def extension(self) -> BatchExtension:
        """The rows that the batch writes."""
        calls: list[Call] = []
        if self._set:
            calls.append(RECORD_LIMITS([(key, self._limits[key]) for key in sorted(self._set)]))
        if self._used:
            calls.append(RECORD_USE([(key, self._use[key]) for key in sorted(self._used)]))
        if self._begun or self._ended:
            calls.append(RECORD_COUNTED(self._begun.items(), self._ended))
        return calls


def _taken(terms: Terms) -> int:
    """Amount that a payment takes from its debtor agent, in minor units."""
    return terms.debit_minor + terms.fee_minor


def _or_none(bound: int | None) -> int:
    """The value of a column: -1 is no limit."""
    return -1 if bound is None else bound


_LIMIT_COLUMNS: Final[Columns[Iterable[tuple[Key, Limit]]]] = Columns(
    each("participants", "text", lambda row: row[0][0]),
    each("currencies", "text", lambda row: row[0][1]),
    each("per_payments", "bigint", lambda row: _or_none(row[1].per_payment)),
    each("per_days", "bigint", lambda row: _or_none(row[1].per_day)),
)
RECORD_LIMITS: Final = Function("switch.record_limits", _LIMIT_COLUMNS)

_USE_COLUMNS: Final[Columns[Iterable[tuple[Key, DailyUse]]]] = Columns(
    each("participants", "text", lambda row: row[0][0]),
    each("currencies", "text", lambda row: row[0][1]),
    each("days", "integer", lambda row: row[1].day),
    each("minors", "bigint", lambda row: row[1].minor),
)
RECORD_USE: Final = Function("switch.record_use", _USE_COLUMNS)

_COUNTED_COLUMNS: Final[Columns[Iterable[tuple[int, Counted]]]] = Columns(
    each("numbers", "bigint", lambda row: row[0]),
    each("participants", "text", lambda row: row[1].key[0]),
    each("currencies", "text", lambda row: row[1].key[1]),
    each("days", "integer", lambda row: row[1].day),
    each("minors", "bigint", lambda row: row[1].minor),
)
_ENDED_COLUMNS: Final[Columns[list[int]]] = Columns(one("ended", "bigint[]", lambda numbers: numbers))
RECORD_COUNTED: Final = Function("switch.record_counted", _COUNTED_COLUMNS, _ENDED_COLUMNS)
