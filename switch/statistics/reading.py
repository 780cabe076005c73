"""Read the facts: sums over hours, days and months, by time, corridor, rail and participant.

A reader sees the payments that its reports have: everything, those with a participant of its country, or its
own. Amounts of different currencies are never added. Percentiles are edges of buckets, at most a tenth above
the exact value. A payment without an outcome is not counted yet; `made_until` says how far the facts go.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

import asyncpg

from switch.base.sql import statements
from switch.reports.query import Scope
from switch.reports.table import percent, ratio
from switch.statistics.times import percentile

MICROS: Final = 1_000_000
ALL: Final = 2**31 - 1
QUARTER: Final = timedelta(minutes=15)
"""The step of `probed`: a probe is made every 15 s."""

_statement: Final = statements("switch.statistics")
_PAYMENTS: Final = _statement("read_payment_facts")
_TIMES: Final = _statement("read_payment_time_facts")
_AVAILABILITY: Final = _statement("read_availability_facts")
_PROBES: Final = _statement("read_probes")
_LIQUIDITY: Final = _statement("read_liquidity_facts")
_MADE_UNTIL: Final = _statement("facts_made_until")
_PLACE: Final = ("at", "source", "target", "rail", "participant", "debit_currency", "credit_currency")


class Step(StrEnum):
    """Lengths of a step of time, in UTC."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"

    @property
    def span(self) -> str:
        """The facts that are added up: by the hour, or by the day."""
        return "hour" if self is Step.HOUR else "day"


_AT_MOST: Final[Mapping[Step, timedelta]] = MappingProxyType(
    {Step.HOUR: timedelta(hours=1), Step.DAY: timedelta(days=1), Step.MONTH: timedelta(days=32)}
)
"""From the beginning of a step into the next one."""


class By(StrEnum):
    """What sums are separate for."""

    TIME = "time"
    CORRIDOR = "corridor"
    RAIL = "rail"
    PARTICIPANT = "participant"


@dataclass(frozen=True, slots=True)
class FactQuery:
    """A question: payments that were accepted from `since` on and before `until`. Empty texts mean all."""

    since: datetime
    until: datetime
    step: Step = Step.DAY
    source: str = ""
    target: str = ""
    rail: str = ""


@dataclass(frozen=True, slots=True)
class PaymentFigures:
    """Sums of payments. Amounts are minor units, of one currency."""

    payments: int = 0
    """With an outcome."""
    committed: int = 0
    rejected: int = 0
    refused: int = 0
    returned: int = 0
    debit_minor: int = 0
    credit_minor: int = 0
    fee_minor: int = 0
    returned_minor: int = 0
    under_10_s: int = 0
    under_60_s: int = 0
    under_1_h: int = 0
    priced: int = 0
    """Committed and not returned: what costs are of."""
    priced_minor: int = 0
    cost_micros: int = 0
    """Millionths of minor units."""
    up_to_3: int = 0
    up_to_5: int = 0
    times: Mapping[int, int] = field(default_factory=dict)
    """Committed payments by bucket of time."""

    def __add__(self, other: "PaymentFigures") -> "PaymentFigures":
        """The sums of both. Amounts have a meaning only if the currency is the same."""
        sums = {name: getattr(self, name) + getattr(other, name) for name in SUMS}
        return PaymentFigures(**sums, times=Counter(self.times) + Counter(other.times))

    @property
    def success(self) -> Decimal | None:
        """Committed payments, in per cent."""
        return percent(self.committed, self.payments)

    @property
    def within_10_s(self) -> Decimal | None:
        """Payments final within 10 s, in per cent of those that the switch did not refuse."""
        return percent(self.under_10_s, self.payments - self.refused)

    @property
    def within_60_s(self) -> Decimal | None:
        """The same within 60 s."""
        return percent(self.under_60_s, self.payments - self.refused)

    @property
    def within_1_h(self) -> Decimal | None:
        """The same within an hour."""
        return percent(self.under_1_h, self.payments - self.refused)

    @property
    def cost_percent(self) -> Decimal | None:
        """Fees and exchange margins in per cent of the amounts, of one currency."""
        if not self.priced_minor:
            return None
        return ratio(100 * self.cost_micros, self.priced_minor * MICROS, 4)

    @property
    def within_3_percent(self) -> Decimal | None:
        """Payments whose cost was 3 % or less, in per cent."""
        return percent(self.up_to_3, self.priced)

    @property
    def within_5_percent(self) -> Decimal | None:
        """Payments whose cost was 5 % or less, in per cent."""
        return percent(self.up_to_5, self.priced)

    @property
    def p50_us(self) -> int | None:
        """Time in which half of the committed payments were final, microseconds; at most a tenth too high."""
        return percentile(self.times, 50)

    @property
    def p95_us(self) -> int | None:
        """The same of 95 %."""
        return percentile(self.times, 95)

    @property
    def p99_us(self) -> int | None:
        """The same of 99 %."""
        return percentile(self.times, 99)


SUMS: Final = tuple(each.name for each in fields(PaymentFigures) if each.name != "times")


@dataclass(frozen=True, slots=True)
class FactSum:
    """PaymentFigures with what they are of; fields that were not asked for are empty."""

    key: str
    at: datetime | None
    source: str
    target: str
    rail: str
    participant: str
    debit_currency: str
    credit_currency: str
    figures: PaymentFigures


@dataclass(frozen=True, slots=True)
class ServiceSum:
    """What probes of a service found in a step of time."""

    at: datetime
    service: str
    probes: int
    failed: int
    observed: timedelta
    down: timedelta

    @property
    def availability(self) -> Decimal | None:
        """Share of the observed time, in per cent."""
        observed = self.observed // timedelta(microseconds=1)
        return percent(observed - self.down // timedelta(microseconds=1), observed, 3)


@dataclass(frozen=True, slots=True)
class LiquiditySum:
    """An account in a step of time in which something moved on it; minor units, None without a cap."""

    key: str
    at: datetime
    owner: str
    currency: str
    purpose: str
    least: int | None
    """Least headroom: what could still be debited at the peak of the use."""
    least_at: datetime
    left: int | None
    """Headroom at the end."""
    cap: int | None


async def read(
    connection: asyncpg.Connection,
    asked: FactQuery,
    scope: Scope,
    by: Sequence[By],
    *,
    after: str = "",
    limit: int = ALL,
    with_times: bool = True,
) -> list[FactSum]:
    """Sums by what is asked and by the currency of the debit, in the order of their keys."""
    owners = await scope.owners(connection)
    given = (
        *(asked.step.span, asked.since, asked.until, owners),
        *(asked.rail or None, asked.source or None, asked.target or None),
        *(list(map(str, by)), str(asked.step)),
    )
    rows = await connection.fetch(_PAYMENTS, *given, after, limit)
    times: dict[tuple[Any, ...], dict[int, int]] = {}
    if rows and with_times:
        if rows[0]["at"] is not None:  # a page needs the times of its own steps only
            given = (given[0], max(asked.since, rows[0]["at"]), *given[2:])
        for row in await connection.fetch(_TIMES, *given):
            times.setdefault(_place(row), {})[row["bucket"]] = row["payments"]
    return [_sum(row, times.get(_place(row), {})) for row in rows]


async def availability(connection: asyncpg.Connection, asked: FactQuery, scope: Scope) -> list[ServiceSum]:
    """What probes found of each service that the reader sees, by step of time."""
    rows = await connection.fetch(
        _AVAILABILITY, asked.step.span, asked.since, asked.until, scope.country, str(asked.step)
    )
    return [_service(row) for row in rows]


async def probed(connection: asyncpg.Connection, asked: FactQuery, scope: Scope) -> list[ServiceSum]:
    """The same by quarters of an hour, from the probes themselves: for a day or so, up to now."""
    since = begin_quarter(asked.since)
    rows = await connection.fetch(_PROBES, since, asked.until, scope.country, QUARTER)
    return [_service(row) for row in rows]


def _service(row: asyncpg.Record) -> ServiceSum:
    return ServiceSum(
        *(row["at"], row["service"], row["probes"], row["failed"]),
        timedelta(microseconds=row["observed_us"]),
        timedelta(microseconds=row["down_us"]),
    )


async def liquidity(
    connection: asyncpg.Connection, asked: FactQuery, scope: Scope, *, after: str = "", limit: int = ALL
) -> list[LiquiditySum]:
    """Headroom of accounts by step of time, in the order of their keys; corridors and rails do not matter."""
    rows = await connection.fetch(
        _LIQUIDITY,
        *(asked.step.span, asked.since, asked.until, await scope.owners(connection)),
        *(str(asked.step), after, limit),
    )
    return [
        LiquiditySum(
            *(row["key"], row["at"], row["owner"], row["currency"], row["purpose"]),
            *(row["least"], row["least_at"]),
            None if row["cap"] is None else row["cap"] - row["exposure"],
            row["cap"],
        )
        for row in rows
    ]


async def made_until(connection: asyncpg.Connection) -> datetime | None:
    """The instant of the newest event that the facts have; None if they have none."""
    found: datetime | None = await connection.fetchval(_MADE_UNTIL)
    return found


def total(found: Iterable[FactSum]) -> PaymentFigures:
    """The sum of all."""
    return sum((each.figures for each in found), PaymentFigures())


def _place(row: asyncpg.Record) -> tuple[Any, ...]:
    return tuple(row[name] for name in _PLACE)


def _sum(row: asyncpg.Record, times: Mapping[int, int]) -> FactSum:
    figures = PaymentFigures(**{name: int(row[name]) for name in SUMS}, times=times)
    return FactSum(key=row["key"], **{name: row[name] for name in _PLACE}, figures=figures)


def steps(asked: FactQuery) -> list[datetime]:
    """The beginnings of all steps of the period, in order."""
    found, at = [], begin(asked.since, asked.step)
    while at < asked.until:
        found.append(at)
        at = begin(at + _AT_MOST[asked.step], asked.step)
    return found


def quarters(asked: FactQuery) -> list[datetime]:
    """The beginnings of all quarters of an hour of the period, in order."""
    first = begin_quarter(asked.since)
    return [first + number * QUARTER for number in range(-((first - asked.until) // QUARTER))]


def begin_quarter(at: datetime) -> datetime:
    """The beginning of the quarter of an hour that an instant is in."""
    at = at.astimezone(UTC).replace(second=0, microsecond=0)
    return at.replace(minute=at.minute // 15 * 15)


def begin(at: datetime, step: Step) -> datetime:
    """The beginning of the step of time that an instant is in."""
    at = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    match step:
        case Step.HOUR:
            return at
        case Step.DAY:
            return at.replace(hour=0)
        case Step.MONTH:
            return at.replace(hour=0, day=1)
