"""Cells as text, the same in every format.

Spreadsheets run a cell as a formula if it begins with one of a few characters. Only text can come from
outside, so text that begins in this way gets an apostrophe in front. Numbers, instants and amounts are
written by the switch and begin with a digit, or with a minus sign and a digit.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from schemas.money import Money
from switch.reports.table import Cell, ColumnKind, Report, ReportColumn, Row

FORMULA_STARTS: Final = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20|%")
"""Characters that begin a formula or a command in spreadsheets, or can lead to one; full-width forms too."""

_TRUTH: Final = {True: "yes", False: "no"}
_CONTROLS: Final[dict[int, str | None]] = dict.fromkeys(
    (*range(9), 11, 12, *range(14, 32), *range(127, 160)), " "
)
_DIRECTIONS: Final[dict[int, str | None]] = dict.fromkeys(
    (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0xFEFF)
)
"""Marks that change the direction of text: a name must not make the number beside it read backwards."""


_UNWANTED: Final = _CONTROLS | _DIRECTIONS
_TO_BE_CLEANED: Final = re.compile(f"[{''.join(map(re.escape, map(chr, _UNWANTED)))}]")


def harmless(text: str) -> str:
    """Text that no spreadsheet runs and no terminal interprets; it stays readable."""
    clean = text.translate(_UNWANTED) if _TO_BE_CLEANED.search(text) else text
    return f"'{clean}" if clean.lstrip(" \u00a0")[:1] in FORMULA_STARTS and clean.strip() else clean


def utc_text(instant: datetime) -> str:
    """An instant in UTC, to the microsecond: `2026-11-23T19:00:00.000000Z`."""
    return f"{instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def local_text(instant: datetime, zone: str) -> str:
    """The same instant in the zone `zone`, with its offset."""
    return instant.astimezone(ZoneInfo(zone)).isoformat(timespec="microseconds")


def seconds_text(length: timedelta) -> str:
    """A duration as decimal seconds, to the microsecond."""
    micros = length // timedelta(microseconds=1)
    sign = "-" if micros < 0 else ""
    return f"{sign}{abs(micros) // 1_000_000}.{abs(micros) % 1_000_000:06d}"


def text(cell: Cell) -> str:  # noqa: PLR0911 - one line per kind of cell
    """One cell as text; empty for None."""
    match cell:
        case None:
            return ""
        case bool():
            return _TRUTH[cell]
        case str():
            return harmless(cell)
        case Money():
            return cell.text
        case datetime():
            return utc_text(cell)
        case timedelta():
            return seconds_text(cell)
        case Decimal():
            return f"{cell:f}"
        case int():
            return str(cell)


def is_local(column: ReportColumn) -> bool:
    """Whether a column is written twice: in UTC, and in the report's time zone."""
    return column.kind is ColumnKind.INSTANT


def columns(report: Report) -> tuple[ReportColumn, ...]:
    """The columns of files: each instant has a second column in local time of the settlement zone."""
    return tuple(_columns(report.columns))


def _columns(columns: Sequence[ReportColumn]) -> Iterator[ReportColumn]:
    for column in columns:
        yield column
        if is_local(column):
            yield ReportColumn(f"{column.name}_local", ColumnKind.LOCAL, column.heading)


def texts(report: Report, row: Row) -> list[str]:
    """One row of a file: one text for each of `columns`."""
    return [written for written, _ in written_cells(report, row)]


def written_cells(report: Report, row: Row) -> Iterator[tuple[str, Cell]]:
    """One row of a file: each text with the cell that it was made from."""
    for column, cell in zip(report.columns, row, strict=True):
        yield text(cell), cell
        if is_local(column):
            yield (local_text(cell, report.zone) if isinstance(cell, datetime) else ""), None
