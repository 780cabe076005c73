"""Settlement window statement: debits and credits of each account, and its balances.

It states the audit tree's root over all events up to the closing event. With any later checkpoint, a
consistency proof shows that the log behind these numbers has not been rewritten.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import asyncpg

from ledger import audit, windows
from ledger.windows import Window
from schemas.errors import InvalidMessage, NotFound
from schemas.money import Money
from switch.base.calendars import zone_of
from switch.reports.cells import utc_text
from switch.reports.query import ReportQuery, Scope
from switch.reports.sql import statement
from switch.reports.table import ColumnKind, Report, ReportColumn, Row, totals_by_currency
from switch.settlement import positions
from switch.settlement.positions import OtherPostings

NAME: Final = "window-statement"
_ROWS: Final = statement("window_statement")

COLUMNS: Final = (
    ReportColumn("participant"),
    ReportColumn("purpose", ours=True),
    ReportColumn("currency"),
    ReportColumn("opening", ColumnKind.AMOUNT, "Opening position"),
    ReportColumn("debits", ColumnKind.AMOUNT, "Gross debits"),
    ReportColumn("credits", ColumnKind.AMOUNT, "Gross credits"),
    ReportColumn("returned", ColumnKind.AMOUNT, "Returned"),
    ReportColumn("net", ColumnKind.AMOUNT, "Multilateral net"),
    ReportColumn("funded", ColumnKind.AMOUNT, "Paid in or out"),
    ReportColumn("settled", ColumnKind.AMOUNT, "Earlier settlements"),
    ReportColumn("closing", ColumnKind.AMOUNT, "Closing position"),
    ReportColumn("count", ColumnKind.COUNT, "Postings"),
)


_AMOUNTS: Final = tuple(column.name for column in COLUMNS if column.kind is ColumnKind.AMOUNT)


async def closed_window(connection: asyncpg.Connection, query: ReportQuery) -> Window:
    """The requested window.

    Raises:
        NotFound: there is none of this number.
        InvalidMessage: it is still open, so its numbers are not final.

    """
    assert query.window is not None
    found = await windows.find(connection, query.window)
    if found is None:
        raise NotFound
    if found.closing_seq is None:
        raise InvalidMessage("the window is still open", rule="parameter")
    return found


async def read(connection: asyncpg.Connection, query: ReportQuery, scope: Scope) -> Report:
    """Read the statement of a closed window."""
    window = await closed_window(connection, query)
    assert window.closing_seq is not None
    owners = await scope.owners(connection)
    rows = await connection.fetch(_ROWS, window.number, owners)
    other = await positions.other_postings(connection, window.number)
    root = await audit.root(connection, window.closing_seq)
    return report(window, rows, other, root, scope)


def report(
    window: Window,
    rows: Sequence[asyncpg.Record],
    other: Mapping[tuple[str, str], OtherPostings],
    root: bytes,
    scope: Scope,
) -> Report:
    """Build the report from rows of `window_statement.sql` and from postings that are not payments; pure."""
    assert window.closed_at is not None
    table = tuple(
        _row(row, other.get((row["owner"], row["purpose"]), OtherPostings()), window.currency) for row in rows
    )
    parameters = {
        "window": str(window.number),
        "currency": window.currency,
        "scope": scope.text,
        "opened_at": utc_text(window.opened_at),
        "closed_at": utc_text(window.closed_at),
        "as_of": str(window.closing_seq),
        "audit_root": root.hex(),
    }
    adds = (*_AMOUNTS, "count")
    return Report(
        name=NAME,
        title="Settlement window statement",
        parameters=parameters,
        columns=COLUMNS,
        rows=table,
        totals=totals_by_currency(COLUMNS, table, adds),
        notes=(
            "A positive amount is to be received. The nets of all accounts of a window sum to zero."
            if scope.everything
            else "A positive amount is to be received. Only accounts of this scope are shown.",
            "The net is payments less returns. For a position, it is what the instruction settles.",
            "Funds paid in or out and settlements of earlier windows change the position, not the net.",
            (
                "The audit root is the root of the audit tree (RFC 9162) over all events up to the event"
                " stated above."
            ),
        ),
        zone=zone_of(window.currency),
    )


def _row(row: asyncpg.Record, other: OtherPostings, currency: str) -> Row:
    found = positions.flow(row["owner"], row["purpose"], row["debits"], row["credits"], other, row["count"])
    opening = row["opening_credits"] - row["opening_debits"]
    closing = opening + found.net + other.funded + other.settled
    assert closing == opening + row["credits"] - row["debits"], "every posting is in one of the columns"
    amounts = (
        opening,
        found.debits,
        found.credits,
        other.returned,
        found.net,
        other.funded,
        other.settled,
        closing,
    )
    return (
        found.owner,
        found.purpose,
        currency,
        *(Money(minor, currency) for minor in amounts),
        found.count,
    )
