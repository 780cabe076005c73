"""Watch rules: patterns of payments that are held before anything is reserved, or noted as an alarm.

Theory of operation. Two people set dated rules, each for a kind of pattern, a participant or all, a corridor
or all, and a currency. Of rules that are for the same, the newest that has begun counts. The worker states
keyed hashes of both accounts of a payment (`meters`), and the writer counts in memory, in the order of its
decisions: what a batch counts is committed with the batch, so nothing is counted twice or lost.

A payment that a rule with the action `hold` matches is not decided: the worker has it held like one with a
hit of screening. People release it with this rule in view, and the payment then names the rules that they
waived. An alarm changes nothing for the payment: it is a row, and a case.

What is counted is of one UTC day, except which accounts have sent a large payment before.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from hashlib import sha256
from typing import Final, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg

from ledger.books import Books
from ledger.columns import Call, Columns, Function, each, uuid
from ledger.encoding import microseconds
from ledger.writer import BatchExtension
from schemas.errors import NotFound
from switch.base.calendars import home_of
from switch.base.sql import statements
from switch.writer import event_bodies
from switch.writer.commands import Accept, Command, HoldForScreening, Reply, SetWatch, Terms
from switch.writer.decided_once import Orders
from switch.writer.event_kinds import EventKind
from switch.writer.parts import BatchPart, Handler
from switch.writer.velocity import DAY_US, EVERYBODY, REMEMBERED_MAX, VelocityScope
from switch.writer.verdicts import Verdict

_statement: Final = statements("switch.writer")
_RULES: Final = _statement("watch_rules")
_USES: Final = _statement("watch_uses")
_COUNTRIES: Final = "SELECT id, country::text FROM switch.participant"
COUNT_MAX: Final = 100
"""The largest number of payments or of payers that a rule counts."""


class WatchKind(StrEnum):
    """Kinds of patterns."""

    STRUCTURING = "structuring"
    """Several payments of one account in a day, each a little below an amount."""
    FAN_IN = "fan_in"
    """Payments of several accounts to one account in a day, as to that of a mule."""
    FIRST_LARGE = "first_large"
    """The first payment of an account that is as large as an amount."""
    OUT_OF_HOURS = "out_of_hours"
    """A payment as large as an amount in hours of the night, where its currency is at home."""


class WatchAction(StrEnum):
    """What happens to a payment that a rule matches."""

    ALARM = "alarm"
    HOLD = "hold"
    NONE = "none"
    """The rule is ended."""


class WatchKey(NamedTuple):
    """What a rule is for. Empty countries are every country."""

    kind: str
    participant: str
    """Whose account it is about: the debtor agent, or with `fan_in` the creditor agent; `*`: every one."""
    source: str
    target: str
    currency: str


@dataclass(frozen=True, slots=True)
class WatchRule:
    """One version of a rule. Amounts are in minor units, instants in microseconds since 1970."""

    number: int
    minor: int
    percent: int
    """Of `minor`, from which on a payment is a little below it."""
    count: int
    hours: tuple[int, int]
    """From the first hour of the night up to the end of it; 22 and 6 are from ten to six."""
    action: str
    since: int
    until: int
    """0: it has no end."""


@dataclass(frozen=True, slots=True)
class WatchUse:
    """What was counted under a key: on a day since 1970, how many, and hashes of who paid."""

    day: int = -1
    count: int = 0
    seen: tuple[int, ...] = ()

    def at(self, day: int) -> "WatchUse":
        """The use as of a day: a new day begins at nothing."""
        return self if self.day == day else WatchUse(day)


class WatchVersions:
    """All versions of what one rule is for, in the order in which they begin."""

    __slots__ = ("counts", "fan_in", "key", "mask", "of")

    def __init__(self, key: WatchKey) -> None:
        self.key = key
        self.fan_in = key.kind == WatchKind.FAN_IN
        self.counts = key.kind != WatchKind.OUT_OF_HOURS
        self.mask = int.from_bytes(sha256("\0".join(key).encode()).digest()[:16])
        """Makes of the hash of an account the key under which this rule counts it."""
        self.of: list[WatchRule] = []

    def add(self, rule: WatchRule) -> None:
        """Add a version."""
        self.of.append(rule)
        self.of.sort(key=lambda each: (each.since, each.number))

    def in_force(self, now_us: int) -> WatchRule | None:
        """The newest version that has begun, unless it has ended."""
        found = next((rule for rule in reversed(self.of) if rule.since <= now_us), None)
        if found is None or found.action == WatchAction.NONE or (found.until and found.until <= now_us):
            return None
        return found

    def use_key(self, meters: tuple[bytes, bytes]) -> bytes:
        """Under what a payment with these hashes of its accounts is counted; empty if nothing is counted."""
        meter = meters[self.fan_in]
        return (int.from_bytes(meter) ^ self.mask).to_bytes(16) if self.counts and meter else b""


class WatchedPayment(NamedTuple):
    """A payment as one rule sees it."""

    key: WatchKey
    rule: WatchRule
    use_key: bytes
    """Empty if nothing is counted."""
    minor: int
    payer: int
    """The beginning of the hash of the debtor account."""


class WatchAlarm(NamedTuple):
    """A payment that a rule with the action `alarm` matched."""

    payment: int
    uetr: bytes
    rule: int
    kind: str
    participant: str


def matches(watched: WatchedPayment, use: WatchUse, now_us: int) -> bool:
    """Whether a payment matches a rule, after what was counted before it."""
    rule, day = watched.rule, now_us // DAY_US
    match watched.key.kind:
        case WatchKind.STRUCTURING:
            return _is_near(watched) and use.at(day).count + 1 >= rule.count
        case WatchKind.FAN_IN:
            return watched.minor >= rule.minor and len({*use.at(day).seen, watched.payer}) >= rule.count
        case WatchKind.FIRST_LARGE:
            return watched.minor >= rule.minor and use.day < 0
        case _:
            return watched.minor >= rule.minor and _is_night(watched, now_us)


def counted(watched: WatchedPayment, use: WatchUse, now_us: int) -> WatchUse:
    """The use with one more payment; the same object if the payment does not count."""
    rule, day = watched.rule, now_us // DAY_US
    match watched.key.kind:
        case WatchKind.STRUCTURING if _is_near(watched):
            now = use.at(day)
            return replace(now, count=min(now.count + 1, COUNT_MAX))
        case WatchKind.FAN_IN if watched.minor >= rule.minor:
            now = use.at(day)
            if watched.payer in now.seen or len(now.seen) >= COUNT_MAX:
                return now
            return replace(now, seen=(*now.seen, watched.payer))
        case WatchKind.FIRST_LARGE if watched.minor >= rule.minor and use.day < 0:
            return WatchUse(day, 1)
    return use


def _is_near(watched: WatchedPayment) -> bool:
    rule = watched.rule
    return rule.minor * rule.percent // 100 <= watched.minor < rule.minor


@cache
def _zone_of(currency: str) -> ZoneInfo:
    """The time zone where a currency is at home; people set no rule for one that is nowhere."""
    try:
        return ZoneInfo(home_of(currency)[1])
    except NotFound:
        return ZoneInfo("UTC")


def _is_night(watched: WatchedPayment, now_us: int) -> bool:
    zone = _zone_of(watched.key.currency)
    hour = datetime.fromtimestamp(now_us // 1_000_000, UTC).astimezone(zone).hour
    first, end = watched.rule.hours
    return first <= hour < end if first <= end else hour >= first or hour < end


class Watches(BatchPart):
    """The writer's memory of watch rules and of what was counted, and what a batch changes in it."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self.handlers = {SetWatch: Handler(self._set)}
        super().__init__()

    def forget(self) -> None:
        """Drop everything: the memory may contain what was never committed."""
        self._rules: dict[WatchKey, WatchVersions] = {}
        self._uses: dict[bytes, WatchUse] = {}
        self._countries: dict[str, str] = {}
        self._known: dict[tuple[str, ...], list[WatchVersions]] = {}
        self._last: tuple[Accept | None, list[WatchedPayment]] = None, []

    def start_batch(self) -> None:
        """Start to collect for the next batch."""
        self._changed: set[bytes] = set()
        self._alarms: list[WatchAlarm] = []
        self._new: list[tuple[WatchKey, WatchRule, int]] = []

    async def begin(self, connection: asyncpg.Connection) -> None:
        """Read all rules."""
        for kind, participant, source, target, currency, *values in await connection.fetch(_RULES):
            number, minor, percent, count, first, end, action, since, until = values
            rule = WatchRule(number, minor, percent, count, (first, end), action, since, until)
            self._add(WatchKey(kind, participant, source, target, currency), rule)

    def _add(self, key: WatchKey, rule: WatchRule) -> None:
        if key not in self._rules:
            self._rules[key] = WatchVersions(key)
        self._rules[key].add(rule)
        self._known.clear()
        self._last = None, []

    async def load(self, connection: asyncpg.Connection, commands: Sequence[Command]) -> None:
        """Read what was counted before `commands`; memory has what the database may not have yet."""
        new = [WatchVersions(_key_of(command)) for command in commands if isinstance(command, SetWatch)]
        if not self._rules and not new:
            return
        payments = [command for command in commands if isinstance(command, Accept) and command.meters]
        await self._load_countries(connection, payments)
        wanted = {
            use_key
            for command in payments
            for versions in (*self._concerning(command.terms), *new)
            if (use_key := versions.use_key(_meters(command)))
        }
        for use_key in wanted & self._uses.keys():
            self._uses[use_key] = self._uses.pop(use_key)  # the newest are last, and are not dropped
        wanted -= self._uses.keys()
        if not wanted:
            return
        for use_key in wanted:
            self._uses[use_key] = WatchUse()
        for found, day, count, seen in await connection.fetch(_USES, [UUID(bytes=one) for one in wanted]):
            self._uses[found.bytes] = WatchUse(day, count, tuple(seen))

    async def _load_countries(self, connection: asyncpg.Connection, payments: Iterable[Accept]) -> None:
        agents = {
            agent for each in payments for agent in (each.terms.debtor_agent, each.terms.creditor_agent)
        }
        if agents - self._countries.keys():
            self._countries = dict(await connection.fetch(_COUNTRIES))
            self._known.clear()
            self._last = None, []

    def stop(self, command: Command, books: Books) -> Reply | None:
        """Leave a payment undecided that a rule holds, or whose worker does not know the rules yet."""
        if not self._rules or not isinstance(command, Accept) or command.recovered:
            return None
        now_us = microseconds(books.now)
        holding = []
        for watched in self._watching(command, now_us):
            if watched.use_key == b"" and watched.key.kind != WatchKind.OUT_OF_HOURS:
                return Reply(Verdict.LATE)
            if watched.rule.action == WatchAction.HOLD and watched.rule.number not in command.waived:
                use = self._uses.get(watched.use_key, WatchUse())
                if matches(watched, use, now_us):
                    holding.append(f"{watched.rule.number}:{watched.key.kind}")
        if not holding or isinstance(command, HoldForScreening):
            return None  # what is held anyway is asked again at its release
        if books.find(UUID(bytes=command.identity.uetr)) is not None:
            return None  # a repetition is answered as one
        return Reply(Verdict.WATCHED, detail=" ".join(holding))

    def held(self, number: int, payment: Accept, books: Books, now_us: int) -> None:
        """Count a payment whose money is reserved, and note what is an alarm."""
        if not self._rules:
            return
        for watched in self._watching(payment, now_us):
            use = self._uses.get(watched.use_key, WatchUse())
            if watched.rule.action == WatchAction.ALARM and matches(watched, use, now_us):
                self._alarm(number, payment, watched, books)
            then = counted(watched, use, now_us)
            if watched.use_key and then != use:
                self._uses.pop(watched.use_key, None)  # the newest are last
                self._uses[watched.use_key] = then
                self._changed.add(watched.use_key)

    def _alarm(self, number: int, payment: Accept, watched: WatchedPayment, books: Books) -> None:
        whose = _whose(watched.key, payment.terms)
        uetr, rule = payment.identity.uetr, watched.rule.number
        self._alarms.append(WatchAlarm(number, uetr, rule, watched.key.kind, whose))
        body = {"uetr": uetr.hex(), "rule": rule, "kind": watched.key.kind, "participant": whose}
        books.record(0, EventKind.WATCH_ALARM, event_bodies.encode(body))

    def _watching(self, payment: Accept, now_us: int) -> list[WatchedPayment]:
        """The rules in force that concern a payment; asked for twice in a row, before and after it."""
        last, found = self._last
        if last is not payment:
            meters, terms = _meters(payment), payment.terms
            payer = int.from_bytes(meters[0][:8], signed=True)
            found = [
                WatchedPayment(
                    versions.key,
                    rule,
                    versions.use_key(meters),
                    terms.credit_minor if versions.fan_in else terms.debit_minor,
                    payer,
                )
                for versions in self._concerning(terms)
                if (rule := versions.in_force(now_us)) is not None
            ]
            self._last = payment, found
        return found

    def _concerning(self, terms: Terms) -> list[WatchVersions]:
        """The rules that are for payments of these terms; most payments have few different ones."""
        agents = (terms.debtor_agent, terms.creditor_agent, terms.debit_currency, terms.credit_currency)
        found = self._known.get(agents)
        if found is None:
            source, target = (self._countries.get(agent, "") for agent in agents[:2])
            found = [
                versions
                for key, versions in self._rules.items()
                if key.participant in {EVERYBODY, _whose(key, terms)}
                and key.source in {"", source}
                and key.target in {"", target}
                and key.currency == (terms.credit_currency if versions.fan_in else terms.debit_currency)
            ]
            if len(self._known) >= REMEMBERED_MAX:
                self._known.clear()
            self._known[agents] = found
        return found

    def _set(self, command: SetWatch, books: Books) -> Reply:
        def decide() -> Reply:
            body = {name: getattr(command, name) for name in command.__struct_fields__ if name != "order"}
            number = books.record(0, EventKind.WATCH_RULE, event_bodies.encode(body))
            rule = WatchRule(
                number,
                command.minor,
                command.percent,
                command.count,
                (command.hour_from, command.hour_until),
                command.action,
                max(
                    command.since, microseconds(books.now)
                ),  # so that what begins at once ends what began before
                command.until,
            )
            self._add(_key_of(command), rule)
            self._new.append((_key_of(command), rule, command.change))
            return Reply(Verdict.WATCH_SET, number)

        return self._orders.once(command.order, decide)

    def extension(self) -> BatchExtension:
        """The rows that the batch writes."""
        calls: list[Call] = []
        if self._new:
            calls.append(RECORD_WATCH_RULES(self._new))
        if self._changed:
            calls.append(RECORD_WATCH_USES([(key, self._uses[key]) for key in sorted(self._changed)]))
        if self._alarms:
            calls.append(RECORD_WATCH_ALARMS(self._alarms))
        return calls

    def durable(self) -> None:
        """Drop the oldest: they are in the database, since no two batches change so many."""
        while len(self._uses) > REMEMBERED_MAX:
            self._uses.pop(next(iter(self._uses)))


def _key_of(command: SetWatch) -> WatchKey:
    return WatchKey(command.kind, command.participant, command.source, command.target, command.currency)


def _whose(key: WatchKey, terms: Terms) -> str:
    return terms.creditor_agent if key.kind == WatchKind.FAN_IN else terms.debtor_agent


def _meters(payment: Accept) -> tuple[bytes, bytes]:
    """The keyed hashes of the debtor's and the creditor's account; empty if the worker stated none."""
    debtor = creditor = b""
    for meter in payment.meters:
        if meter.scope == VelocityScope.DEBTOR_ACCOUNT:
            debtor = meter.key
        elif meter.scope == VelocityScope.CREDITOR_ACCOUNT:
            creditor = meter.key
    return debtor, creditor


_RULE_COLUMNS: Final[Columns[Iterable[tuple[WatchKey, WatchRule, int]]]] = Columns(
    each("numbers", "bigint", lambda row: row[1].number),
    each("kinds", "text", lambda row: row[0].kind),
    each("participants", "text", lambda row: row[0].participant),
    each("sources", "text", lambda row: row[0].source),
    each("targets", "text", lambda row: row[0].target),
    each("currencies", "text", lambda row: row[0].currency),
    each("minors", "bigint", lambda row: row[1].minor),
    each("percents", "integer", lambda row: row[1].percent),
    each("counts", "integer", lambda row: row[1].count),
    each("hour_froms", "integer", lambda row: row[1].hours[0]),
    each("hour_untils", "integer", lambda row: row[1].hours[1]),
    each("actions", "text", lambda row: row[1].action),
    each("sinces", "bigint", lambda row: row[1].since),
    each("untils", "bigint", lambda row: row[1].until),
    each("changes", "bigint", lambda row: row[2]),
)
RECORD_WATCH_RULES: Final = Function("switch.record_watch_rules", _RULE_COLUMNS)

_USE_COLUMNS: Final[Columns[Iterable[tuple[bytes, WatchUse]]]] = Columns(
    each("keys", "uuid", lambda row: uuid(row[0])),
    each("days", "integer", lambda row: row[1].day),
    each("counts", "integer", lambda row: row[1].count),
    each("payers", "text", lambda row: " ".join(map(str, row[1].seen))),
)
RECORD_WATCH_USES: Final = Function("switch.record_watch_uses", _USE_COLUMNS)

_ALARM_COLUMNS: Final[Columns[Iterable[WatchAlarm]]] = Columns(
    each("payments", "bigint", lambda alarm: alarm.payment),
    each("uetrs", "uuid", lambda alarm: uuid(alarm.uetr)),
    each("rules", "bigint", lambda alarm: alarm.rule),
    each("kinds", "text", lambda alarm: alarm.kind),
    each("participants", "text", lambda alarm: alarm.participant),
)
RECORD_WATCH_ALARMS: Final = Function("switch.record_watch_alarms", _ALARM_COLUMNS)
