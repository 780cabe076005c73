"""Large values and patterns: payments that match a rule of a named version.

One row for each payment and rule: threshold, structuring, velocity, first-seen beneficiary, missing data of
FATF recommendation 16, fan-in, out of hours. The same version over the same part of the log gives the same
hits. People must examine the hits: a hit is never a finding. Debtors and creditors are pseudonyms, unless the
reader has the right to see who they are.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import asyncpg

from schemas.errors import Unavailable
from schemas.money import Money
from schemas.payment import Party, PartyAccount
from switch.base.calendars import home_of
from switch.reports import pattern_rules
from switch.reports.parties import decode
from switch.reports.pattern_rules import BUILT_IN, Rules
from switch.reports.query import Period, ReportQuery, Scope, seq_before
from switch.reports.sql import statement
from switch.reports.table import ColumnKind, Report, ReportColumn, Row

NAME: Final = "patterns"
REVEALED_MAX: Final = 5_000
"""Maximum payments of one report whose parties are shown."""
_LARGE: Final = statement("large_payments")
_STRUCTURED: Final = statement("structured_payments")
_FREQUENT: Final = statement("frequent_payments")
_FIRST: Final = statement("first_payments")
_INCOMPLETE: Final = statement("incomplete_payments")
_GATHERED: Final = statement("gathered_payments")
_AT_NIGHT: Final = statement("payments_at_night")
_UNREAD: Final = statement("has_unread_parties")


class Rule(StrEnum):
    """The rule that a payment matched."""

    LARGE = "large"
    STRUCTURING = "structuring"
    VELOCITY = "velocity"
    FIRST_SEEN = "first_seen_beneficiary"
    MISSING_DATA = "missing_data"
    FAN_IN = "fan_in"
    OUT_OF_HOURS = "out_of_hours"


COLUMNS: Final = (
    ReportColumn("rule", ours=True),
    ReportColumn("uetr", title="UETR"),
    ReportColumn("accepted_at", ColumnKind.INSTANT),
    ReportColumn("debtor_agent"),
    ReportColumn("creditor_agent"),
    ReportColumn("currency"),
    ReportColumn("amount", ColumnKind.AMOUNT),
    ReportColumn("debtor", ColumnKind.PERSONAL),
    ReportColumn("creditor", ColumnKind.PERSONAL),
    ReportColumn("detail", ours=True),
)


@dataclass(frozen=True, slots=True)
class Hit:
    """One payment that matched one rule; the parties are pseudonyms."""

    rule: Rule
    number: int
    uetr: UUID
    at: datetime
    debtor_agent: str
    creditor_agent: str
    currency: str
    minor: int
    debtor: bytes | None
    creditor: bytes | None
    detail: str


@dataclass(frozen=True, slots=True)
class People:
    """Parties of a payment, as its message states them."""

    debtor: str
    creditor: str


async def read(connection: asyncpg.Connection, query: ReportQuery, scope: Scope) -> Report:
    """Read the hits of a period, with pseudonyms."""
    period, version, found = await hits(connection, query, scope)
    return report(found, period, version, scope, {})


async def hits(
    connection: asyncpg.Connection, query: ReportQuery, scope: Scope
) -> tuple[Period, str, list[Hit]]:
    """Read every hit of a period, in order of acceptance, and the version of the rules that was applied.

    Raises:
        Unavailable: the parties of some payments of the period were not read yet.
        NotFound: there is no such version.

    """
    period = await Period.read(connection, query)
    version = query.rules or BUILT_IN
    rules = await pattern_rules.find(connection, version)
    if await connection.fetchval(_UNREAD, period.last):
        raise Unavailable("the parties of the newest payments are still being read")
    found = await _hits(connection, period, rules, await scope.owners(connection))
    return period, version, sorted(found, key=lambda hit: (hit.number, hit.rule))


async def _hits(
    connection: asyncpg.Connection, period: Period, rules: Rules, owners: list[str] | None
) -> list[Hit]:
    over = (period.first, period.last, period.as_of, owners)
    large = rules.minor(rules.large)
    first = [threshold * rules.first_percent // 100 for threshold in large[1]]
    earlier = await seq_before(connection, period.since - rules.near)
    lately = await seq_before(connection, period.since - rules.frequent)
    near = (*large, earlier, rules.near_percent, rules.near_count, rules.near)
    more = [*await _gathered(connection, period, rules, over), *await _at_night(connection, rules, over)]
    return [
        *more,
        *_of(Rule.LARGE, await connection.fetch(_LARGE, *over, *large)),
        *_of(Rule.STRUCTURING, await connection.fetch(_STRUCTURED, *over, *near)),
        *_of(
            Rule.VELOCITY,
            await connection.fetch(_FREQUENT, *over, lately, rules.frequent_count, rules.frequent),
        ),
        *_of(Rule.FIRST_SEEN, await connection.fetch(_FIRST, *over, large[0], first)),
        *_of(
            Rule.MISSING_DATA,
            await connection.fetch(_INCOMPLETE, *over, *rules.minor(rules.full_data)),
        ),
    ]


async def _gathered(
    connection: asyncpg.Connection, period: Period, rules: Rules, over: tuple[Any, ...]
) -> list[Hit]:
    if not rules.gather_count:
        return []
    day = period.since.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    lately = await seq_before(connection, day)
    return [*_of(Rule.FAN_IN, await connection.fetch(_GATHERED, *over, lately, rules.gather_count))]


async def _at_night(connection: asyncpg.Connection, rules: Rules, over: tuple[Any, ...]) -> list[Hit]:
    if not rules.night_percent:
        return []
    currencies, thresholds = rules.minor(rules.large)
    amounts = [threshold * rules.night_percent // 100 for threshold in thresholds]
    zones = [home_of(currency)[1] for currency in currencies]
    quiet = (currencies, amounts, zones, rules.night_from, rules.night_to)
    return [*_of(Rule.OUT_OF_HOURS, await connection.fetch(_AT_NIGHT, *over, *quiet))]


def _of(rule: Rule, rows: Sequence[asyncpg.Record]) -> Iterator[Hit]:
    for row in rows:
        yield Hit(
            rule=rule,
            number=row["number"],
            uetr=row["uetr"],
            at=row["at"],
            debtor_agent=row["debtor_agent"],
            creditor_agent=row["creditor_agent"],
            currency=row["debit_currency"],
            minor=row["debit_minor"],
            debtor=row["debtor"],
            creditor=row["creditor"],
            detail=_detail(rule, row),
        )


def _detail(rule: Rule, row: asyncpg.Record) -> str:
    if rule is Rule.MISSING_DATA:
        return f"missing: {', '.join(row['missing'])}"
    return "" if row["related"] is None else f"payments: {row['related']}"


def report(
    found: Sequence[Hit], period: Period, version: str, scope: Scope, people: Mapping[UUID, People]
) -> Report:
    """Build the report from hits; `people` has the identities, for a reader with that right. Pure."""
    shown = "shown" if people else "masked"
    return Report(
        name=NAME,
        title="Large values and patterns",
        parameters={"scope": scope.text, **period.parameters, "rules": version, "personal_data": shown},
        columns=COLUMNS,
        rows=tuple(_row(hit, people.get(hit.uetr)) for hit in found),
        notes=(
            "A hit is a reason to examine a payment, not a finding.",
            (
                "The same account at the same agent always has the same pseudonym. Only this switch can make"
                " pseudonyms."
            ),
        ),
    )


def _row(hit: Hit, people: People | None) -> Row:
    return (
        hit.rule,
        str(hit.uetr),
        hit.at,
        hit.debtor_agent,
        hit.creditor_agent,
        hit.currency,
        Money(hit.minor, hit.currency),
        people.debtor if people else masked(hit.debtor),
        people.creditor if people else masked(hit.creditor),
        hit.detail,
    )


def masked(pseudonym: bytes | None) -> str:
    """A shortened form of a pseudonym, as shown."""
    return "" if pseudonym is None else f"p-{pseudonym.hex()}"


def people_of(raw: bytes) -> People:
    """The parties that the message of a payment states: name and account of either side."""
    payment = decode(raw)
    if payment is None:
        return People("(unreadable)", "(unreadable)")
    return People(
        _person(payment.debtor, payment.debtor_account), _person(payment.creditor, payment.creditor_account)
    )


def _person(party: Party, account: PartyAccount | None) -> str:
    return ", ".join(part for part in (party.name, account and account.id) if part)
