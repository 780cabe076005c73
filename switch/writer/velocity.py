"""Velocity limits: how many payments, and of which sum, within an hour and within a day (UTC).

Each is of a participant's payments, of the payments of one debtor account of it, or of those to one creditor
account at it, in a currency. They bound what a stolen key, a taken-over account or a mule can do before
people look. Hours and days are those of UTC, by the ledger's time, and begin at nothing. The daily limit of
a bank that is reached over a rail, which its entry in the directory has (`switch.writer.indirect`), counts in
the same way.

The writer decides, so a limit is exact under any concurrency; uses are written in the payment's own
transaction. A payment counts when its money is reserved, whatever becomes of it: tries that fail are what a
limit of this kind must see. So does one that screening holds, when it comes: released on the same day, it is
not counted or refused again. A refused payment does not count. What happened before a limit was set does not.

Accounts are keyed hashes that the worker makes (`Meter`), and only while a limit of accounts is in force. A
payment of a worker that has not heard of the limit yet is not decided, and is sent again. Rows of past days
are deleted (`switch.operations.retention`). Without limits, this part does nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from typing import Final, NamedTuple
from uuid import UUID

import asyncpg
from msgspec.structs import asdict

from adapters.creditor import account_key
from ledger.books import Books
from ledger.columns import Call, Columns, Function, each, uuid
from ledger.writer import BatchExtension
from schemas.credit_transfer import ROOT
from schemas.payment import CreditTransfer
from schemas.reasons import Reason
from switch.base.personal_data import KeyRing
from switch.base.sql import statements
from switch.writer import event_bodies
from switch.writer.commands import Accept, Command, Meter, Reply, SetVelocity, Terms
from switch.writer.decided_once import Orders
from switch.writer.event_kinds import EventKind
from switch.writer.indirect import IndirectParticipants
from switch.writer.parts import BatchPart, Handler, Refusal
from switch.writer.screening_holds import ScreeningHolds
from switch.writer.verdicts import Verdict

REMEMBERED_MAX: Final = 50_000
"""Uses in the writer's memory; the others are in the database."""
EVERYBODY: Final = "*"
"""The participant of a limit for each participant that has none of its own."""
HOUR_US: Final = 3_600_000_000
DAY_US: Final = 24 * HOUR_US
_MOST: Final = 2**62
"""Sums stop here: they fit into their column, and every limit is below."""

_statement: Final = statements("switch.writer")
_LIMITS: Final = _statement("velocity_limits")
_USES: Final = _statement("velocity_uses")


class VelocityScope(StrEnum):
    """Whose payments a limit counts together."""

    PARTICIPANT = "participant"
    """Those that the participant sends."""
    DEBTOR_ACCOUNT = "debtor_account"
    """Those of one account of the participant."""
    CREDITOR_ACCOUNT = "creditor_account"
    """Those to one account at the participant."""
    CREDITOR_BANK = "creditor_bank"
    """Those to one bank that is reached over a rail; the directory has its limit."""


_OF_CREDITOR: Final = frozenset({VelocityScope.CREDITOR_ACCOUNT, VelocityScope.CREDITOR_BANK})
LimitKey = tuple[str, str, str]
"""VelocityScope, participant and currency."""


@dataclass(frozen=True, slots=True)
class Velocity:
    """Largest numbers of payments and sums in minor units; None is no limit."""

    hour_count: int | None
    hour_minor: int | None
    day_count: int | None
    day_minor: int | None

    @property
    def limits(self) -> bool:
        """Whether it limits anything."""
        return (self.hour_count, self.hour_minor, self.day_count, self.day_minor) != (None,) * 4


@dataclass(frozen=True, slots=True)
class Use:
    """What was counted in the last hour and the last day in which something was; both count from 1970."""

    hour: int = 0
    hour_count: int = 0
    hour_minor: int = 0
    day: int = 0
    day_count: int = 0
    day_minor: int = 0

    def at(self, now_us: int) -> "Use":
        """The use as of an instant: a new hour or day begins at nothing."""
        hour, day = now_us // HOUR_US, now_us // DAY_US
        if day != self.day:
            return Use(hour=hour, day=day)
        return self if hour == self.hour else replace(self, hour=hour, hour_count=0, hour_minor=0)

    def plus(self, minor: int, now_us: int) -> "Use":
        """The use with one more payment."""
        now = self.at(now_us)
        return Use(
            now.hour,
            now.hour_count + 1,
            min(_MOST, now.hour_minor + minor),
            now.day,
            now.day_count + 1,
            min(_MOST, now.day_minor + minor),
        )


class Exceeded(NamedTuple):
    """The period whose limit a payment exceeds, and the first instant after it."""

    period: str
    ends_us: int


def judge(limit: Velocity, use: Use, minor: int, now_us: int) -> Exceeded | None:
    """Whether one more payment exceeds a limit; the day is named first, as its end is later."""
    then = use.plus(minor, now_us)
    if _over(then.day_count, limit.day_count) or _over(then.day_minor, limit.day_minor):
        return Exceeded("day", (then.day + 1) * DAY_US)
    if _over(then.hour_count, limit.hour_count) or _over(then.hour_minor, limit.hour_minor):
        return Exceeded("hour", (then.hour + 1) * HOUR_US)
    return None


def _over(value: int, limit: int | None) -> bool:
    return limit is not None and value > limit


def meters(
    payment: CreditTransfer,
    terms: Terms,
    keys: KeyRing,
    limited: frozenset[LimitKey],
    *,
    watched: bool = False,
) -> list[Meter]:
    """The hashes of the accounts of a payment that are limited, of both while there are watch rules.

    `limited` are the limits in force.
    """
    found = []
    if watched or _is_limited(VelocityScope.DEBTOR_ACCOUNT, terms, limited):
        text = f"{terms.debit_currency}\0{account_key(payment.debtor_account)}"
        key = keys.claim(terms.debtor_agent, VelocityScope.DEBTOR_ACCOUNT, text)
        found.append(Meter(VelocityScope.DEBTOR_ACCOUNT, key))
    if watched or _is_limited(VelocityScope.CREDITOR_ACCOUNT, terms, limited):
        text = f"{terms.credit_currency}\0{account_key(payment.creditor_account)}"
        key = keys.claim(terms.creditor_agent, VelocityScope.CREDITOR_ACCOUNT, text)
        found.append(Meter(VelocityScope.CREDITOR_ACCOUNT, key))
    return found


def _is_limited(scope: VelocityScope, terms: Terms, limited: frozenset[LimitKey]) -> bool:
    participant, currency = _side(scope, terms)
    return (scope, participant, currency) in limited or (scope, EVERYBODY, currency) in limited


def _side(scope: VelocityScope, terms: Terms) -> tuple[str, str]:
    """The participant and the currency whose limits of this scope concern a payment."""
    if scope in _OF_CREDITOR:
        return terms.creditor_agent, terms.credit_currency
    return terms.debtor_agent, terms.debit_currency


def _amount(scope: VelocityScope, terms: Terms) -> int:
    """What a payment takes from the debtor, or brings to the creditor."""
    return terms.credit_minor if scope in _OF_CREDITOR else terms.debit_minor + terms.fee_minor


def _of_participant(participant: str, currency: str) -> bytes:
    """The key of a participant's use: it is no personal data, so the hash has no key."""
    return sha256(f"{participant}\0{currency}".encode()).digest()[:16]


class Metered(NamedTuple):
    """One limit that concerns a payment, and the key of its use; empty if the worker did not state it."""

    scope: VelocityScope
    limit: Velocity
    key: bytes


REFUSALS: Final = {
    VelocityScope.PARTICIPANT: ("IntrBkSttlmAmt", "the payments of the debtor agent"),
    VelocityScope.DEBTOR_ACCOUNT: ("DbtrAcct", "the payments of this account"),
    VelocityScope.CREDITOR_ACCOUNT: ("CdtrAcct", "the payments to this account"),
    VelocityScope.CREDITOR_BANK: ("CdtrAgt", "the payments to this bank"),
}


class Velocities(BatchPart):
    """The writer's memory of velocity limits and uses, and what a batch changes in it."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._indirect: Sequence[IndirectParticipants] = ()
        self._holds: Sequence[ScreeningHolds] = ()
        self.handlers = {SetVelocity: Handler(self._set)}
        super().__init__()

    def meet(self, parts: Sequence[BatchPart]) -> None:
        """Know the parts that have the daily limits of banks behind a rail, and held payments."""
        self._indirect = [part for part in parts if isinstance(part, IndirectParticipants)]
        self._holds = [part for part in parts if isinstance(part, ScreeningHolds)]

    def forget(self) -> None:
        """Drop everything: the memory may contain what was never committed."""
        self._limits: dict[LimitKey, Velocity] = {}
        self._uses: dict[bytes, Use] = {}

    def start_batch(self) -> None:
        """Start to collect for the next batch."""
        self._changed: set[bytes] = set()
        self._new_limits: dict[LimitKey, tuple[Velocity, int]] = {}

    async def begin(self, connection: asyncpg.Connection) -> None:
        """Read all limits."""
        for scope, participant, currency, *values in await connection.fetch(_LIMITS):
            self._limits[scope, participant, currency] = Velocity(*values)

    async def load(self, connection: asyncpg.Connection, commands: Sequence[Command]) -> None:
        """Read the uses that `commands` would change; memory has what the database may not have yet."""
        if not self._limits and not any(_needs_uses(command) for command in commands):
            return
        wanted = {key for command in commands if isinstance(command, Accept) for key in _keys(command)}
        for key in wanted & self._uses.keys():
            self._uses[key] = self._uses.pop(key)  # the newest are last, and are not dropped
        wanted -= self._uses.keys()
        if not wanted:
            return
        for key in wanted:
            self._uses[key] = Use()
        for key, *values in await connection.fetch(_USES, [UUID(bytes=key) for key in wanted]):
            self._uses[key.bytes] = Use(*values)

    def stop(self, command: Command, books: Books) -> Reply | None:  # noqa: ARG002
        """Leave a payment undecided whose worker does not know yet that its accounts are limited."""
        if not self._limits or not isinstance(command, Accept) or command.recovered:
            return None
        known = all(metered.key for metered in self._metered(command))
        return None if known else Reply(Verdict.LATE)

    def refusal(self, payment: Accept, now_us: int) -> Refusal | None:
        """Refuse a payment over a limit."""
        if (not self._limits and not payment.indirect) or self._is_counted(payment, now_us):
            return None
        for scope, limit, key in self._metered(payment):
            exceeded = judge(limit, self._uses.get(key, Use()), _amount(scope, payment.terms), now_us)
            if exceeded is not None:
                return _refusal(scope, exceeded)
        return None

    def held(self, number: int, payment: Accept, books: Books, now_us: int) -> None:  # noqa: ARG002
        """Count a payment whose money is reserved, or that screening holds; once, if it is released."""
        if (not self._limits and not payment.indirect) or self._is_counted(payment, now_us):
            return
        for scope, _, key in self._metered(payment):
            if key:
                use = self._uses.pop(key, Use())  # the newest are last
                self._uses[key] = use.plus(_amount(scope, payment.terms), now_us)
                self._changed.add(key)

    waits = held

    def _is_counted(self, payment: Accept, now_us: int) -> bool:
        """Whether a released payment was asked and counted when it came; of another day it is so anew."""
        if not payment.held:
            return False
        came = (holds.released_at(payment) for holds in self._holds)
        return any(at is not None and at // DAY_US == now_us // DAY_US for at in came)

    def _metered(self, payment: Accept) -> Iterator[Metered]:
        """The limits that concern a payment."""
        terms = payment.terms
        stated = {meter.scope: meter.key for meter in payment.meters}
        for scope in VelocityScope:
            participant, currency = _side(scope, terms)
            limit = self._limits.get((scope, participant, currency))
            limit = self._limits.get((scope, EVERYBODY, currency)) if limit is None else limit
            if limit is not None and limit.limits:
                own = scope is VelocityScope.PARTICIPANT
                key = _of_participant(participant, currency) if own else stated.get(scope, b"")
                yield Metered(scope, limit, key)
        for entries in self._indirect:
            day = entries.day_minor(payment)
            if day is not None:
                key = _of_participant(payment.indirect, terms.credit_currency)
                yield Metered(VelocityScope.CREDITOR_BANK, Velocity(None, None, None, day), key)

    def set(self, key: LimitKey, limit: Velocity, change: int = 0) -> None:
        """Set a limit, from the next payment on."""
        self._limits[key] = limit
        self._new_limits[key] = limit, change

    def _set(self, command: SetVelocity, books: Books) -> Reply:
        def decide() -> Reply:
            limit = Velocity(command.hour_count, command.hour_minor, command.day_count, command.day_minor)
            self.set((command.scope, command.participant, command.currency), limit, command.change)
            body = {name: value for name, value in asdict(command).items() if name != "order"}
            return Reply(Verdict.LIMIT_SET, books.record(0, EventKind.VELOCITY, event_bodies.encode(body)))

        return self._orders.once(command.order, decide)

    def extension(self) -> BatchExtension:
        """The rows that the batch writes."""
        calls: list[Call] = []
        if self._new_limits:
            calls.append(RECORD_VELOCITY_LIMITS(sorted(self._new_limits.items())))
        if self._changed:
            calls.append(RECORD_VELOCITY_USES([(key, self._uses[key]) for key in sorted(self._changed)]))
        return calls

    def durable(self) -> None:
        """Drop the oldest: they are in the database, since no two batches change so many."""
        while len(self._uses) > REMEMBERED_MAX:
            self._uses.pop(next(iter(self._uses)))


def _needs_uses(command: Command) -> bool:
    """Whether uses are counted even while people have set no velocity limit."""
    return isinstance(command, SetVelocity) or (isinstance(command, Accept) and bool(command.indirect))


def _keys(payment: Accept) -> Iterator[bytes]:
    yield from (meter.key for meter in payment.meters)
    yield _of_participant(*_side(VelocityScope.PARTICIPANT, payment.terms))
    if payment.indirect:
        yield _of_participant(payment.indirect, payment.terms.credit_currency)


def _refusal(scope: VelocityScope, exceeded: Exceeded) -> Refusal:
    place, whose = REFUSALS[scope]
    ends = datetime.fromtimestamp(exceeded.ends_us // 1_000_000, UTC).isoformat().replace("+00:00", "Z")
    text = f"{whose} have reached their limit for this {exceeded.period}: it ends at {ends}"
    return Refusal(Reason.LIMIT_EXCEEDED, f"{ROOT}/CdtTrfTxInf/{place}: {text}")


def _or_none(bound: int | None) -> int:
    """The value of a column: -1 is no limit."""
    return -1 if bound is None else bound


_LIMIT_COLUMNS: Final[Columns[Iterable[tuple[LimitKey, tuple[Velocity, int]]]]] = Columns(
    each("scopes", "text", lambda row: row[0][0]),
    each("participants", "text", lambda row: row[0][1]),
    each("currencies", "text", lambda row: row[0][2]),
    each("hour_counts", "bigint", lambda row: _or_none(row[1][0].hour_count)),
    each("hour_minors", "bigint", lambda row: _or_none(row[1][0].hour_minor)),
    each("day_counts", "bigint", lambda row: _or_none(row[1][0].day_count)),
    each("day_minors", "bigint", lambda row: _or_none(row[1][0].day_minor)),
    each("changes", "bigint", lambda row: row[1][1]),
)
RECORD_VELOCITY_LIMITS: Final = Function("switch.record_velocity_limits", _LIMIT_COLUMNS)

_USE_COLUMNS: Final[Columns[Iterable[tuple[bytes, Use]]]] = Columns(
    each("keys", "uuid", lambda row: uuid(row[0])),
    each("hours", "integer", lambda row: row[1].hour),
    each("hour_counts", "bigint", lambda row: row[1].hour_count),
    each("hour_minors", "bigint", lambda row: row[1].hour_minor),
    each("days", "integer", lambda row: row[1].day),
    each("day_counts", "bigint", lambda row: row[1].day_count),
    each("day_minors", "bigint", lambda row: row[1].day_minor),
)
RECORD_VELOCITY_USES: Final = Function("switch.record_velocity_uses", _USE_COLUMNS)
