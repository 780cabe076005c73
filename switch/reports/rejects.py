"""Rejects and unknowns: every payment of a period that was not posted, why, and the age of open ones.

Two tables from one set of rows: `rejects` counts by reason, rail and step; `open_payments` lists payments
without an outcome, oldest first. Ages are measured to the end of the period, which is never later than the
time of reading, so the same period gives the same ages.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from schemas.money import Money
from switch.reports.query import Period, ReportQuery, Scope
from switch.reports.sql import statement
from switch.reports.table import ColumnKind, Report, ReportColumn, Row, Statistic, totals_by_currency
from switch.writer.lifecycle import FINAL, Event, State

REJECTS: Final = "rejects"
OPEN_PAYMENTS: Final = "open-payments"
_ROWS: Final = statement("unfinished")

REJECT_COLUMNS: Final = (
    ReportColumn("rail"),
    ReportColumn("sender_country"),
    ReportColumn("step", ours=True),
    ReportColumn("reason"),
    ReportColumn("rail_code"),
    ReportColumn("currency"),
    ReportColumn("payments", ColumnKind.COUNT),
    ReportColumn("amount", ColumnKind.AMOUNT),
)
OPEN_COLUMNS: Final = (
    ReportColumn("uetr", title="UETR"),
    ReportColumn("state", ours=True),
    ReportColumn("rail"),
    ReportColumn("debtor_agent"),
    ReportColumn("creditor_agent"),
    ReportColumn("amount", ColumnKind.AMOUNT),
    ReportColumn("currency"),
    ReportColumn("accepted_at", ColumnKind.INSTANT),
    ReportColumn("since", ColumnKind.INSTANT, "In this state since"),
    ReportColumn("age_s", ColumnKind.SECONDS, "Age s"),
    ReportColumn("state_age_s", ColumnKind.SECONDS, "In this state s"),
    ReportColumn("reason"),
)


@dataclass(frozen=True, slots=True)
class Unfinished:
    """One payment that was not posted, and its last step; `minor` in units of `currency`."""

    uetr: UUID
    state: State
    step: str
    reason: str
    rail_code: str
    rail: str
    sender_country: str
    debtor_agent: str
    creditor_agent: str
    currency: str
    minor: int
    accepted_at: datetime
    at: datetime


async def unfinished(
    connection: asyncpg.Connection, period: Period, owners: list[str] | None
) -> list[Unfinished]:
    """Every payment of the period that was not posted, in order of acceptance."""
    rows = await connection.fetch(_ROWS, period.first, period.last, period.as_of, owners, list(Event))
    return [_unfinished(row) for row in rows]


def _unfinished(row: asyncpg.Record) -> Unfinished:
    body = json.loads(row["body"])
    return Unfinished(
        uetr=row["uetr"],
        state=State(body["state"]),
        step=row["kind"],
        reason=body.get("reason", ""),
        rail_code=body.get("rail_code", ""),
        rail=row["rail"],
        sender_country=row["sender_country"],
        debtor_agent=row["debtor_agent"],
        creditor_agent=row["creditor_agent"],
        currency=row["debit_currency"],
        minor=row["debit_minor"],
        accepted_at=row["accepted_at"],
        at=row["at"],
    )


async def read_rejects(connection: asyncpg.Connection, query: ReportQuery, scope: Scope) -> Report:
    """Read the rejects of a period."""
    period = await Period.read(connection, query)
    return rejects(await unfinished(connection, period, await scope.owners(connection)), period, scope)


async def read_open(connection: asyncpg.Connection, query: ReportQuery, scope: Scope) -> Report:
    """Read the payments of a period that have no outcome."""
    period = await Period.read(connection, query)
    return open_payments(await unfinished(connection, period, await scope.owners(connection)), period, scope)


def rejects(found: Sequence[Unfinished], period: Period, scope: Scope) -> Report:
    """Count refused, rejected and expired payments by reason; pure."""
    counts: Counter[tuple[str, ...]] = Counter()
    sums: Counter[tuple[str, ...]] = Counter()
    for payment in found:
        if payment.state in FINAL:
            key = _key(payment)
            counts[key] += 1
            sums[key] += payment.minor
    rows = tuple(
        (*key, counts[key], Money(sums[key], key[-1]) if key[-1] else None) for key in sorted(counts)
    )
    return Report(
        name=REJECTS,
        title="Rejects by reason",
        parameters={"scope": scope.text, **period.parameters},
        columns=REJECT_COLUMNS,
        rows=rows,
        totals=totals_by_currency(REJECT_COLUMNS, rows, ("payments", "amount")),
        notes=(
            (
                "REFUSE: the switch refused the payment. REJECT: the rail rejected it. EXPIRE: it was"
                " never sent."
            ),
            "CANCEL: its sender cancelled it before it was sent. None of these payments moved money.",
        ),
        statistic=Statistic(
            "REJECTS",
            ("rail", "sender_country", "step", "reason", "rail_code", "currency"),
            ("payments", "amount"),
        ),
    )


def _key(payment: Unfinished) -> tuple[str, ...]:
    return (
        payment.rail,
        payment.sender_country,
        payment.step,
        payment.reason,
        payment.rail_code,
        payment.currency,
    )


def open_payments(found: Sequence[Unfinished], period: Period, scope: Scope) -> Report:
    """List payments without an outcome, oldest first; pure."""
    rows = tuple(_open_rows(found, period.until))
    return Report(
        name=OPEN_PAYMENTS,
        title="Open and unknown payments",
        parameters={"scope": scope.text, **period.parameters},
        columns=OPEN_COLUMNS,
        rows=rows,
        totals=totals_by_currency(OPEN_COLUMNS, rows, ("amount",)),
        notes=(
            (
                "Their money is reserved. Ages are measured to the end of the period, or to now if that"
                " is earlier."
            ),
        ),
    )


def _open_rows(found: Sequence[Unfinished], until: datetime) -> Iterator[Row]:
    for payment in found:
        if payment.state not in FINAL:
            yield (
                str(payment.uetr),
                payment.state,
                payment.rail,
                payment.debtor_agent,
                payment.creditor_agent,
                Money(payment.minor, payment.currency),
                payment.currency,
                payment.accepted_at,
                payment.at,
                until - payment.accepted_at,
                until - payment.at,
                payment.reason,
            )
