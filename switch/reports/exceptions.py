"""Exceptions: what happened to payments beside their ordinary end, who owes whom, and how each of it ended.

One row for each recall, investigation, return, refund over a rail and obligation that began, ended or was
open in the period. Both sides have the same row: the central bank of either country, and either bank. A
return is one instant; anything else has an age, to its end or to the end of the period.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Final

import asyncpg

from schemas.money import Money
from switch.participants import inbound, investigations, payment_returns, resolution
from switch.reports.cells import utc_text
from switch.reports.query import ReportQuery, Scope, elapsed, seq_before
from switch.reports.sql import statement
from switch.reports.table import ColumnKind, Report, ReportColumn, Row

NAME: Final = "exceptions"
TITLE: Final = "Recalls, investigations, returns and obligations"
_ROWS: Final = statement("exceptions")
_DECIDE: Final = [kind.name for kind in (*investigations.KINDS, *resolution.KINDS)]
OPEN: Final = "open"
RULE: Final = "rule"
SETTLED: Final = "settled"
OTHERWISE: Final = "the rail states another end of the order"
STATES: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "recall": payment_returns.RECALLS,
        "investigation": investigations.STATES,
        "return": {"whole": "returned", "part": "returned in part"},
        "refund": inbound.REFUNDS,
        "obligation": {"refunded": "the payer has the money", "settled": SETTLED},
        "contradiction": {"settled": SETTLED},
    }
)
"""The kinds of exceptions, and what their states are called; any other state is `open`."""
RATES: Final[Mapping[str, str]] = MappingProxyType(
    {"": "", "in_force": "rate in force", "of_payment": "rate of the payment"}
)
"""At which rate money came back; empty: it was not converted."""
RETURNED: Final = frozenset({"its payment was returned", "a part of its payment was returned"})
REFUSED: Final = "the other rail executed it after it was refused"

COLUMNS: Final = (
    ReportColumn("uetr", title="UETR"),
    ReportColumn("kind", ours=True),
    ReportColumn("from_country", part="Parties"),
    ReportColumn("debtor_agent"),
    ReportColumn("to_country"),
    ReportColumn("creditor_agent"),
    ReportColumn("owed_by"),
    ReportColumn("owed_to"),
    ReportColumn("type", part="Matter"),
    ReportColumn("reason", ours=True),
    ReportColumn("amount", ColumnKind.AMOUNT),
    ReportColumn("currency"),
    ReportColumn("rate_basis", ours=True),
    ReportColumn("opened_at", ColumnKind.INSTANT, part="Course"),
    ReportColumn("deadline", ColumnKind.INSTANT),
    ReportColumn("ended_at", ColumnKind.INSTANT),
    ReportColumn("state", ours=True),
    ReportColumn("code"),
    ReportColumn("ended_by", ours=True),
    ReportColumn("age_s", ColumnKind.SECONDS, "Age s"),
)


async def read(connection: asyncpg.Connection, query: ReportQuery, scope: Scope) -> Report:
    """Read the exceptions of a period.

    Raises:
        Archived: a part of the period was detached from the log.

    """
    since, until = await elapsed(connection, query)
    first, last = await seq_before(connection, since), await seq_before(connection, until)
    owners = await scope.owners(connection)
    rows = await connection.fetch(_ROWS, since, until, owners, scope.country, first, last, _DECIDE)
    return report(rows, since, until, scope)


def report(rows: Sequence[asyncpg.Record], since: datetime, until: datetime, scope: Scope) -> Report:
    """Build the report from rows; pure."""
    return Report(
        name=NAME,
        title=TITLE,
        parameters={"scope": scope.text, "since": utc_text(since), "until": utc_text(until)},
        columns=COLUMNS,
        rows=tuple(_row(row, until) for row in rows),
        notes=(
            "Amounts are not added up: a recall, its return and the refund are about the same money.",
            (
                "The amount of a return is what the debtor agent got back, without the fee. The payer of an"
                " order that came over a rail, and the payer's bank, are stated as the country of the rail."
            ),
            (
                "Ages are to the end, to the end of the period, or to now, whichever is first. What ended"
                " later is open."
            ),
        ),
    )


def _row(row: asyncpg.Record, until: datetime) -> Row:
    amount = None if row["minor"] is None else Money(row["minor"], row["currency"])
    return (
        row["uetr"],
        row["kind"],
        row["from_country"],
        row["debtor_agent"],
        row["to_country"],
        row["creditor_agent"],
        row["owed_by"],
        row["owed_to"],
        row["type"],
        _reason(row),
        amount,
        row["currency"],
        RATES[row["rate_basis"]],
        row["opened_at"],
        row["deadline"],
        row["ended_at"],
        STATES[row["kind"]].get(row["state"], OPEN),
        row["code"],
        _ended_by(row),
        (row["ended_at"] or until) - row["opened_at"],
    )


def _reason(row: asyncpg.Record) -> str:
    """Why; of what a rail states in its own words, only that it does."""
    reason: str = row["reason"]
    if row["kind"] == "obligation" and reason not in {*RETURNED, REFUSED}:
        return OTHERWISE
    return reason


def _ended_by(row: asyncpg.Record) -> str:
    """A change of two people, the bank whose answer it was, or a rule; empty if it has not ended."""
    if row["ended_at"] is None:
        return ""
    return f"change {row['change']}" if (row["change"] or 0) > 0 else row["ended_by"] or RULE
