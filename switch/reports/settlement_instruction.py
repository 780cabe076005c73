"""Net settlement instruction: one line a participant, to or from the currency's settlement account.

What a settlement agent needs to move central bank money for a window: the same nets as the window
statement's, of position accounts, each as a direction and an amount without sign. `read_back` turns a
file's lines into the nets again: what was sent can be held against what was meant.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

import asyncpg

from ledger import windows
from ledger.windows import Net, Window
from schemas.money import EXPONENTS, Money
from switch.calendars import zone_of
from switch.pricing import POSITION
from switch.reports.cells import utc_text
from switch.reports.query import Query, Scope
from switch.reports.table import Cell, Column, Kind, Report, Row, totals_by_currency
from switch.reports.window_statement import closed_window

NAME: Final = "settlement-instruction"
PAYS: Final = "pays"
RECEIVES: Final = "receives"

COLUMNS: Final = (
    Column("line", Kind.COUNT),
    Column("participant"),
    Column("bic", title="BIC"),
    Column("currency"),
    Column("direction"),
    Column("amount", Kind.AMOUNT),
    Column("count", Kind.COUNT, "Postings"),
)


async def read(connection: asyncpg.Connection, query: Query, scope: Scope) -> Report:
    """The instruction of a closed window."""
    window = await closed_window(connection, query)
    owners = await scope.owners(connection)
    nets = [
        net
        for net in await windows.nets(connection, window.number)
        if net.purpose == POSITION and (owners is None or net.owner in owners)
    ]
    rows = await connection.fetch("SELECT id, bic FROM switch.participant")
    return report(window, nets, {row["id"]: row["bic"] for row in rows}, scope)


def report(window: Window, nets: Sequence[Net], bics: dict[str, str], scope: Scope) -> Report:
    """The nets of the position accounts as lines; who nets to zero settles nothing and has no line. Pure."""
    assert window.closed_at is not None
    moving = [net for net in nets if net.net]
    rows = tuple(
        _line(place, net, bics.get(net.owner, ""), window.currency) for place, net in enumerate(moving, 1)
    )
    return Report(
        name=NAME,
        title="Net settlement instruction",
        parameters={
            "window": str(window.number),
            "currency": window.currency,
            "scope": scope.text,
            "closed_at": utc_text(window.closed_at),
            "as_of": str(window.closing_seq),
        },
        columns=COLUMNS,
        rows=rows,
        totals=_totals(rows),
        notes=(
            "Participants pay into, and receive from, the settlement account of the currency.",
            "What they pay and what they receive differ by the window's fees, which stay with the switch.",
        ),
        zone=zone_of(window.currency),
    )


def _line(place: int, net: Net, bic: str, currency: str) -> Row:
    direction = RECEIVES if net.net > 0 else PAYS
    return place, net.owner, bic, currency, direction, Money(abs(net.net), currency), net.count


def _totals(rows: Sequence[Row]) -> tuple[Row, ...]:
    """One total a direction: a sum of both would mean nothing."""
    return tuple(
        _labelled(total, direction)
        for direction in (PAYS, RECEIVES)
        for total in totals_by_currency(COLUMNS, [row for row in rows if row[4] == direction], ("amount",))
    )


def _labelled(total: Row, direction: str) -> Row:
    cells: list[Cell] = list(total)
    cells[0], cells[1], cells[4] = None, "total", direction
    return tuple(cells)


def read_back(octets: bytes) -> dict[str, int]:
    """The nets, participant -> minor units, that a CSV file of this report instructs.

    Raises:
        ValueError: a line is not one of this report's.

    """
    lines: Iterable[dict[str, str]] = csv.DictReader(io.StringIO(octets.decode("utf-8-sig")))
    return {
        line["participant"]: _signed(line)
        for line in lines
        if line["line"]  # totals have no number
    }


def _signed(line: dict[str, str]) -> int:
    minor = int(line["amount"].replace(".", ""))
    if Money(minor, line["currency"]).text != line["amount"] or line["currency"] not in EXPONENTS:
        raise ValueError("an amount is not one of its currency")
    return {PAYS: -minor, RECEIVES: minor}[line["direction"]]
