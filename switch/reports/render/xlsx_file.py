"""Reports as XLSX workbooks: a sheet of the table, a sheet of what it is.

Every cell is a string or a whole number, never a formula. Amounts are text: a spreadsheet's numbers are
binary fractions, and these must stay exact. Counts beyond 2^53 are text for the same reason.
"""

import io
import unicodedata
from datetime import datetime
from typing import Final

import xlsxwriter  # type: ignore[import-untyped]
from xlsxwriter.format import Format  # type: ignore[import-untyped]
from xlsxwriter.worksheet import Worksheet  # type: ignore[import-untyped]

from switch.reports import cells
from switch.reports.table import Cell, Kind, Report, Row

_EXACT_MAX: Final = 1 << 53
_MADE: Final = datetime(1980, 1, 1)  # noqa: DTZ001 - the same for ever; the format has no zones
_OPTIONS: Final = {
    "in_memory": True,
    "constant_memory": False,
    "strings_to_formulas": False,
    "strings_to_numbers": False,
    "strings_to_urls": False,
}
_RIGHT: Final = frozenset({Kind.AMOUNT, Kind.COUNT, Kind.PERCENT, Kind.SECONDS})
_WIDTH_MAX: Final = 48
_WIDE: Final = frozenset("WF")
ROWS_MAX: Final = 10_000
"""People read no more of a sheet; it says so in its last lines, and the CSV has every row."""


def write(report: Report) -> bytes:
    """One workbook; its inner times are fixed, so that the same report is the same file."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, _OPTIONS)
    book.set_properties({"title": report.title, "author": "payswitch", "created": _MADE})
    _table(report, book)
    _about(report, book)
    book.close()
    return out.getvalue()


def _table(report: Report, book: xlsxwriter.Workbook) -> None:
    sheet = book.add_worksheet("Report")
    bold, right = book.add_format({"bold": True}), book.add_format({"align": "right"})
    columns = cells.columns(report)
    shapes = [right if column.kind in _RIGHT else None for column in columns]
    for place, column in enumerate(columns):
        sheet.write_string(0, place, column.heading, bold)
        sheet.set_column(place, place, min(_WIDTH_MAX, _width(report, place, column.heading)))
    shown = report.rows[:ROWS_MAX]
    for line, row in enumerate((*shown, *report.totals), 1):
        _write_row(sheet, line, report, row, shapes)
    if len(shown) < len(report.rows):
        sheet.write_string(1 + len(shown) + len(report.totals), 0, _cut(report), bold)
    sheet.freeze_panes(1, 0)


def _cut(report: Report) -> str:
    return f"The first {ROWS_MAX} of {len(report.rows)} rows; totals are of all, and the CSV has all."


def _width(report: Report, place: int, heading: str) -> int:
    sample = [cells.texts(report, row)[place] for row in report.rows[:20]]
    return 2 + max(map(_places, [heading, *sample]))


def _places(text: str) -> int:
    """How wide a text is, in digits: a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(character) in _WIDE else 1 for character in text)


def _write_row(sheet: Worksheet, line: int, report: Report, row: Row, shapes: list[Format | None]) -> None:
    for place, (text, cell) in enumerate(cells.written_cells(report, row)):
        if _is_exact(cell):
            sheet.write_number(line, place, cell, shapes[place])
        elif text:
            sheet.write_string(line, place, text, shapes[place])


def _is_exact(cell: Cell) -> bool:
    return type(cell) is int and abs(cell) <= _EXACT_MAX


def _about(report: Report, book: xlsxwriter.Workbook) -> None:
    sheet = book.add_worksheet("About")
    lines = [("Report", report.title), *report.parameters.items(), ("zone", report.zone)]
    lines += [("note", note) for note in report.notes]
    if len(report.rows) > ROWS_MAX:
        lines.append(("note", _cut(report)))
    for line, (name, value) in enumerate(lines):
        sheet.write_string(line, 0, name)
        sheet.write_string(line, 1, cells.harmless(value))
    sheet.set_column(0, 0, 20)
    sheet.set_column(1, 1, 80)
