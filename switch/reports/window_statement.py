"""Settlement window statement: debits and credits of each account, and its balances.

It states the audit tree's root over all events up to the closing event. With any later checkpoint, a
consistency proof shows that the log behind these numbers has not been rewritten.
"""

from collections.abc import Sequence
from typing import Final

import asyncpg

from ledger import audit, windows
from ledger.windows import Window
from schemas.errors import InvalidMessage, NotFound
from schemas.money import Money
from switch.base.calendars import zone_of
from switch.payments.pricing import POSITION
from switch.reports.cells import utc_text
from switch.reports.query import ReportQuery, Scope
from switch.reports.table import ColumnKind, Report, ReportColumn, Row, totals_by_currency
from switch.settlement import positions
from switch.settlement.positions import Flow

NAME: Final = "window-statement"

COLUMNS: Final = (
    ReportColumn("participant"),
    ReportColumn("purpose", ours=True),
    ReportColumn("currency"),
    ReportColumn("opening", ColumnKind.AMOUNT, "Opening position"),
    ReportColumn("debits", ColumnKind.AMOUNT, "Gross debits"),
    ReportColumn("credits", ColumnKind.AMOUNT, "Gross credits"),
    ReportColumn("returned", ColumnKind.AMOUNT, "Returned"),
    ReportColumn("settled_gross", ColumnKind.AMOUNT, "Settled gross"),
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
    flows = (await positions.flows_of(connection, [window.number]))[window.number]
    root = await audit.root(connection, window.closing_seq)
    return report(window, [flow for flow in flows if _is_shown(flow, owners)], root, scope)


def _is_shown(flow: Flow, owners: list[str] | None) -> bool:
    """Whether the reader may see an account with anything to see: every position, and what ever moved."""
    used = flow.purpose == POSITION or flow.count or flow.opening
    return bool(used) and (owners is None or flow.owner in owners)


def report(window: Window, flows: Sequence[Flow], root: bytes, scope: Scope) -> Report:
    """Build the report from the figures of the window's accounts; pure."""
    assert window.closed_at is not None
    table = tuple(_row(flow, window.currency) for flow in flows)
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
            (
                "The net is payments less returns and less what settled gross. For a position, it is what the"
                " instruction settles, with amounts that were carried into the window."
            ),
            "Funds paid in or out and settlements of earlier windows change the position, not the net.",
            (
                "The audit root is the root of the audit tree (RFC 9162) over all events up to the event"
                " stated above."
            ),
        ),
        zone=zone_of(window.currency),
    )


def _row(found: Flow, currency: str) -> Row:
    amounts = (
        found.opening,
        found.debits,
        found.credits,
        found.other.returned,
        found.settled_gross,
        found.net,
        found.other.funded,
        found.other.settled,
        found.closing,
    )
    return (
        found.owner,
        found.purpose,
        currency,
        *(Money(minor, currency) for minor in amounts),
        found.count,
    )
