"""Lists of payments for an authority's question: above an amount, of one payer, or of one corridor.

Each list is of a period, and has a proof of every line in the format `bundle`: one file, against one
checkpoint. A payer is a pseudonym (`parties`), stated or found by one of its payments, so that nobody needs
to send an account to the switch.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import asyncpg

from schemas.errors import InvalidMessage, NotFound, Unavailable
from schemas.money import EXPONENTS, Money
from switch.reports.patterns import masked
from switch.reports.query import Period, ReportQuery, Scope
from switch.reports.sql import statement
from switch.reports.table import ColumnKind, Report, ReportColumn, Row, totals_by_currency

ABOVE: Final = "payments-above"
OF_PAYER: Final = "payments-of-payer"
OF_CORRIDOR: Final = "payments-of-corridor"
ROWS_MAX: Final = 20_000
_ROWS: Final = statement("listed_payments")
_PAYMENT: Final = statement("visible_payment")
_PAYER: Final = statement("payer_of_payment")
_UNREAD: Final = statement("has_unread_parties")
_BEING_READ: Final = "the parties of the newest payments are still being read"
OUTCOMES: Final = ("committed", "refused", "rejected", "open")
"""Texts of the outcomes, as `listed_payments.sql` states them."""

COLUMNS: Final = (
    ReportColumn("uetr", title="UETR"),
    ReportColumn("accepted_at", ColumnKind.INSTANT),
    ReportColumn("final_at", ColumnKind.INSTANT),
    ReportColumn("outcome", ours=True),
    ReportColumn("returned", ColumnKind.FLAG, "Returned later"),
    ReportColumn("corridor"),
    ReportColumn("debtor_agent"),
    ReportColumn("creditor_agent"),
    ReportColumn("currency"),
    ReportColumn("amount", ColumnKind.AMOUNT),
    ReportColumn("credit_currency"),
    ReportColumn("credited", ColumnKind.AMOUNT),
)


async def read_above(connection: asyncpg.Connection, query: ReportQuery, scope: Scope) -> Report:
    """Read the payments of more than an amount of one currency."""
    assert query.above is not None
    assert query.currency is not None
    above = _minor(query.above, query.currency)
    asked = {"currency": query.currency, "above": Money(above, query.currency).text}
    period, rows = await _rows(connection, query, scope, currency=query.currency, above=above)
    return report(ABOVE, "Payments above an amount", rows, period, scope, asked)


async def read_of_corridor(connection: asyncpg.Connection, query: ReportQuery, scope: Scope) -> Report:
    """Read the payments from one country to another."""
    assert query.corridor is not None
    source, target = query.corridor.split("-")
    period, rows = await _rows(connection, query, scope, source=source, target=target)
    asked = {"corridor": query.corridor}
    return report(OF_CORRIDOR, "Payments of a corridor", rows, period, scope, asked)


async def read_of_payer(connection: asyncpg.Connection, query: ReportQuery, scope: Scope) -> Report:
    """Read the payments of one payer.

    Raises:
        InvalidMessage: not exactly one of the pseudonym and a payment is stated.
        NotFound: this reader may not see the payment, or nothing is known of its payer.
        Unavailable: the parties of some payments of the period were not read yet.

    """
    if (query.payer is None) == (query.uetr is None):
        raise InvalidMessage("state a payer (p-...) or one of its payments (uetr)", rule="parameter")
    payer = query.payer or await _payer(connection, query, scope)
    period, rows = await _rows(connection, query, scope, payer=bytes.fromhex(payer[2:]))
    if await connection.fetchval(_UNREAD, period.last):
        raise Unavailable(_BEING_READ)
    return report(OF_PAYER, "Payments of a payer", rows, period, scope, {"payer": payer})


async def _payer(connection: asyncpg.Connection, query: ReportQuery, scope: Scope) -> str:
    number = await connection.fetchval(_PAYMENT, query.uetr, await scope.owners(connection))
    found = None if number is None else await connection.fetchval(_PAYER, number)
    if found is None and number is not None and await connection.fetchval(_UNREAD, number):
        raise Unavailable(_BEING_READ)
    if found is None:
        raise NotFound("there is no such payment, or its payer is not known")
    return masked(found)


def _minor(text: str, currency: str) -> int:
    whole, _, fraction = text.partition(".")
    digits = EXPONENTS[currency]
    if len(fraction) > digits:
        raise InvalidMessage(f"above must have at most {digits} decimals", rule="parameter")
    return int(whole + fraction.ljust(digits, "0"))


async def _rows(
    connection: asyncpg.Connection,
    query: ReportQuery,
    scope: Scope,
    **conditions: Any,
) -> tuple[Period, list[asyncpg.Record]]:
    """The period and its payments that match the conditions.

    Raises:
        InvalidMessage: there are too many.

    """
    period = await Period.read(connection, query)
    names = ("currency", "above", "source", "target", "payer")
    rows: list[asyncpg.Record] = await connection.fetch(
        _ROWS,
        *(period.first, period.last, period.as_of, await scope.owners(connection)),
        *(conditions.get(name) for name in names),
        ROWS_MAX + 1,
    )
    if len(rows) > ROWS_MAX:
        raise InvalidMessage(f"more than {ROWS_MAX:,} payments: state a shorter period", rule="parameter")
    return period, rows


def report(  # noqa: PLR0917
    name: str,
    title: str,
    rows: Sequence[asyncpg.Record],
    period: Period,
    scope: Scope,
    asked: Mapping[str, str],
) -> Report:
    """Build the report from rows of `listed_payments.sql`; pure."""
    table = tuple(map(_row, rows))
    return Report(
        name=name,
        title=title,
        parameters={"scope": scope.text, **asked, **period.parameters},
        columns=COLUMNS,
        rows=table,
        totals=totals_by_currency(COLUMNS, table, ("amount",)),
        notes=(
            "Every accepted or refused payment of the period is listed. Only committed payments moved money.",
            "The format `bundle` has a proof of every line. ledger/offline_verifier.py checks it offline.",
        ),
        numbers=tuple(row["number"] for row in rows),
    )


def _row(row: asyncpg.Record) -> Row:
    debit, credit = row["debit_currency"], row["credit_currency"]
    return (
        str(row["uetr"]),
        row["accepted_at"],
        row["final_at"],
        row["outcome"],
        row["returned"],
        f"{row['source']}-{row['target']}",
        row["debtor_agent"],
        row["creditor_agent"],
        debit,
        Money(row["debit_minor"], debit) if debit else None,
        credit,
        Money(row["credit_minor"], credit) if credit else None,
    )
