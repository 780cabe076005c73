"""Invoice of charges: what a participant's payments cost in a period, by corridor and tariff.

The lines add up what was posted on the accounts of fees from the participant's own accounts, and what returns
refunded: their net is that movement, to the minor unit. Payments that are held, or that failed, cost nothing.
A charge that the creditor bears is on the invoice of the debtor agent, from whose account it was taken as a
part of the amount.
"""

from typing import Final

import asyncpg

from schemas.errors import NotFound
from schemas.money import Money
from switch.payments.tariffs import OF_CORRIDOR
from switch.reports.query import Period, ReportQuery, Scope
from switch.reports.sql import statement
from switch.reports.table import ColumnKind, Report, ReportColumn, Row, totals_by_currency

NAME: Final = "invoice"
_ROWS: Final = statement("invoice")
_EXISTS: Final = "SELECT EXISTS (SELECT FROM switch.participant WHERE id = $1)"
BORNE_BY: Final = {False: "debtor", True: "creditor"}
CORRIDOR: Final = "corridor"
"""In place of the number of a tariff: the fee of the corridor itself."""

COLUMNS: Final = (
    ReportColumn("participant"),
    ReportColumn("source"),
    ReportColumn("target"),
    ReportColumn("charge_of", title="Charge of", ours=True),
    ReportColumn("borne_by", title="Borne by", ours=True),
    ReportColumn("tariff", ours=True),
    ReportColumn("terms"),
    ReportColumn("currency"),
    ReportColumn("charges", ColumnKind.COUNT, "Number of charges"),
    ReportColumn("charged", ColumnKind.AMOUNT),
    ReportColumn("refunds", ColumnKind.COUNT, "Number of refunds"),
    ReportColumn("refunded", ColumnKind.AMOUNT),
    ReportColumn("net", ColumnKind.AMOUNT),
)


async def read(connection: asyncpg.Connection, query: ReportQuery, scope: Scope) -> Report:
    """Read the charges of one participant in a period, or of all that the reader may see.

    Raises:
        NotFound: there is no such participant in this scope.

    """
    owners = await scope.owners(connection)
    if query.participant is not None:
        known = await connection.fetchval(_EXISTS, query.participant)
        if not known or (owners is not None and query.participant not in owners):
            raise NotFound
        owners = [query.participant]
    period = await Period.read(connection, query)
    rows = await connection.fetch(_ROWS, period.first, period.last, owners)
    named = {} if query.participant is None else {"participant": query.participant}
    return report(tuple(map(_row, rows)), {"scope": scope.text, **named, **period.parameters})


def report(rows: tuple[Row, ...], parameters: dict[str, str]) -> Report:
    """Build the report; pure."""
    return Report(
        name=NAME,
        title="Invoice of charges",
        parameters=parameters,
        columns=COLUMNS,
        rows=rows,
        totals=totals_by_currency(COLUMNS, rows, ("charges", "charged", "refunds", "refunded", "net")),
        notes=(
            "The net is what the period posted on the accounts of fees, from and to the participant.",
            "The charges are collected with each payment; nothing remains to be paid.",
            "A return refunds all charges of its payment, in the period of the return.",
            "What the creditor bears was taken from the amount of the payment.",
        ),
    )


def _row(row: asyncpg.Record) -> Row:
    currency = row["currency"]
    charged, refunded = row["charged_minor"], row["refunded_minor"]
    return (
        row["participant"],
        row["source"],
        row["target"],
        row["component"],
        BORNE_BY[row["deducted"]],
        CORRIDOR if row["tariff"] == OF_CORRIDOR else str(row["tariff"]),
        _terms(row, currency),
        currency,
        row["charges"],
        Money(charged, currency),
        row["refunds"],
        Money(refunded, currency),
        Money(charged - refunded, currency),
    )


def _terms(row: asyncpg.Record, currency: str) -> str:
    """What a tariff says; empty for the fee of a corridor, which may have changed in the period."""
    if row["bps"] is None:
        return ""
    least = f", min {Money(row['least_minor'], currency).text}" if row["least_minor"] else ""
    most = "" if row["most_minor"] is None else f", max {Money(row['most_minor'], currency).text}"
    return f"{Money(row['flat_minor'], currency).text} + {row['bps']} bp{least}{most}"
