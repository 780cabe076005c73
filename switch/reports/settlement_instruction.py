"""Net settlement instruction: who pays into the settlement account, and who is paid from it.

It has the same lines from which the pacs.009 of the window was written, so the two cannot differ: one
numbered line per transaction, in the same order, with its UETR. Before the window is instructed, it shows the
instruction that will be sent. Lines outside the instruction have no number; lines that were instructed and
not paid have another state. The CSV can be parsed back into nets, to compare what was sent with what was
intended.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

import asyncpg

from ledger.windows import Window
from schemas.errors import Unavailable
from schemas.money import EXPONENTS, Money
from switch.base.calendars import zone_of
from switch.reports.cells import utc_text
from switch.reports.query import ReportQuery, Scope
from switch.reports.table import TOTAL, Cell, ColumnKind, Report, ReportColumn, Row, totals_by_currency
from switch.reports.window_statement import closed_window
from switch.settlement import reads
from switch.settlement.reads import Settlement, SettlementLine
from switch.settlement.states import LineState

NAME: Final = "settlement-instruction"
PAYS: Final = "pays"
RECEIVES: Final = "receives"
NOT_SETTLED: Final = "total not settled"
"""Labels of sums of lines that were held, or carried into another window."""

COLUMNS: Final = (
    ReportColumn("line", ColumnKind.COUNT),
    ReportColumn("participant"),
    ReportColumn("bic", title="BIC"),
    ReportColumn("currency"),
    ReportColumn("direction", ours=True),
    ReportColumn("amount", ColumnKind.AMOUNT),
    ReportColumn("net", ColumnKind.AMOUNT, "Net of this window"),
    ReportColumn("carried", ColumnKind.AMOUNT, "Carried into this window"),
    ReportColumn("state", ours=True),
    ReportColumn("uetr", title="UETR"),
    ReportColumn("reason", ours=True),
)
_LINE, _PARTICIPANT, _DIRECTION, _STATE = 0, 1, 4, 8
_UNPAID: Final = frozenset({LineState.HELD, LineState.CARRIED})


async def read(connection: asyncpg.Connection, query: ReportQuery, scope: Scope) -> Report:
    """Read the instruction of a closed window.

    Raises:
        Unavailable: the window has just closed, and its lines are not written yet.

    """
    window = await closed_window(connection, query)
    owners = await scope.owners(connection)
    settlement = await reads.find(connection, window.number)
    if settlement.positions_sha256 is None:
        raise Unavailable("the window has just closed: its positions are being computed")
    lines = numbered(await reads.lines(connection, window.number))
    shown = [(number, line) for number, line in lines if owners is None or line.participant in owners]
    return report(window, settlement, shown, scope)


def numbered(lines: Sequence[SettlementLine]) -> list[tuple[int | None, SettlementLine]]:
    """Every line with an amount to move, with its number in the instruction, or None."""
    found: list[tuple[int | None, SettlementLine]] = []
    number = 0
    for line in lines:
        instructed = line.transfer is not None or (line.state is LineState.DUE and line.total_minor != 0)
        number += instructed
        if line.total_minor:
            found.append((number if instructed else None, line))
    return found


def report(
    window: Window,
    settlement: Settlement,
    lines: Sequence[tuple[int | None, SettlementLine]],
    scope: Scope,
) -> Report:
    """Build the report from numbered lines; a participant with a net of zero has no line. Pure."""
    assert window.closed_at is not None
    assert settlement.changed_at is not None
    rows = tuple(_line(number, line, window.currency) for number, line in lines)
    return Report(
        name=NAME,
        title="Net settlement instruction",
        parameters={
            "window": str(window.number),
            "currency": window.currency,
            "scope": scope.text,
            "closed_at": utc_text(window.closed_at),
            "value_date": str(settlement.value_date),
            "state": str(settlement.state),
            "state_at": utc_text(max([settlement.changed_at, *(line.changed_at for _, line in lines)])),
            "message_id": settlement.message_id or "",
            "message_sha256": settlement.file_sha256 or "",
            "as_of": str(window.closing_seq),
        },
        columns=COLUMNS,
        rows=rows,
        totals=_totals(rows),
        notes=(
            "Numbered lines are the transactions of the instruction (pacs.009), in its order.",
            "Participants pay into, and receive from, the settlement account of the currency.",
            "Payments in and out differ by the fees of the window, which stay with the switch.",
            "Lines that are HELD or CARRIED were not settled in this window.",
        ),
        zone=zone_of(window.currency),
    )


def _line(number: int | None, line: SettlementLine, currency: str) -> Row:
    return (
        number,
        line.participant,
        line.bic,
        currency,
        RECEIVES if line.total_minor > 0 else PAYS,
        Money(abs(line.total_minor), currency),
        Money(line.net_minor, currency),
        Money(line.carried_minor, currency),
        line.state,
        str(line.id),
        line.reason,
    )


def _totals(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Totals of the instruction and of unsettled lines, by direction: a sum of both would mean nothing."""
    parts = (
        (TOTAL, [row for row in rows if row[_LINE] is not None]),
        (NOT_SETTLED, [row for row in rows if row[_STATE] in _UNPAID]),
    )
    return tuple(
        _labelled(total, label, direction)
        for label, part in parts
        for direction in (PAYS, RECEIVES)
        for total in totals_by_currency(
            COLUMNS, [row for row in part if row[_DIRECTION] == direction], ("amount",)
        )
    )


def _labelled(total: Row, label: str, direction: str) -> Row:
    cells: list[Cell] = list(total)
    cells[_LINE], cells[_PARTICIPANT], cells[_DIRECTION] = None, label, direction
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
        raise ValueError("the amount is not valid for its currency")
    return {PAYS: -minor, RECEIVES: minor}[line["direction"]]
