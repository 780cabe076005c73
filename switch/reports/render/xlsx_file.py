"""Reports as XLSX workbooks: one sheet with the table, one that describes it, both ready to print.

No cell is a formula. Amounts, counts, shares and durations are numbers and instants are dates, each with its
format, so that a spreadsheet can add, sort and filter them. A spreadsheet's numbers are binary fractions with
15 digits. A number with more digits is written as exact text, and the second sheet states that there are
such numbers. Dates keep milliseconds. The CSV has all digits.
"""

import io
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

import xlsxwriter  # type: ignore[import-untyped]
from xlsxwriter.format import Format  # type: ignore[import-untyped]
from xlsxwriter.worksheet import Worksheet  # type: ignore[import-untyped]

from schemas.money import EXPONENTS, Money
from switch.reports import cells
from switch.reports.letter import Letter
from switch.reports.render import json_file
from switch.reports.table import Cell, ColumnKind, Report, ReportColumn, Row
from switch.reports.wording import SIGNED, Wording

DIGITS_MAX: Final = 15
"""Digits of a number that every spreadsheet keeps exactly (IEEE 754 double precision)."""
_MADE: Final = datetime(1980, 1, 1)  # noqa: DTZ001 - always the same; the format has no time zones
_OPTIONS: Final = {
    "in_memory": True,
    "constant_memory": False,
    "strings_to_formulas": False,
    "strings_to_numbers": False,
    "strings_to_urls": False,
}
_INSTANT: Final = "yyyy-mm-dd hh:mm:ss.000"
_WHOLE: Final = "#,##0"
_WIDTH_MAX: Final = 48
_INSTANT_WIDTH: Final = 24
_WIDE: Final = frozenset("WF")
_A4: Final = 9
_HEADER_MAX: Final = 90
ROWS_MAX: Final = 10_000
"""Maximum rows of a sheet; its last lines state the cut, and the CSV has every row."""


def write(report: Report, language: str | None = None, letter: Letter | None = None) -> bytes:
    """Write one workbook; its internal times are fixed, so that the same report is the same file."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, _OPTIONS)
    wording = Wording(language or "en")
    said = letter or Letter()
    author = said.head.name or "payswitch"
    book.set_properties({"title": wording.text(report.title), "author": author, "created": _MADE})
    _Table(report, book, wording, author).write()
    _about(report, book, wording, said)
    book.close()
    return out.getvalue()


class _Table:
    """The sheet of the table; each format is created once."""

    def __init__(self, report: Report, book: xlsxwriter.Workbook, wording: Wording, author: str) -> None:
        self._report, self._book, self._wording, self._author = report, book, wording, author
        self._formats: dict[tuple[str, bool], Format] = {}
        self._zone = ZoneInfo(report.zone)

    def write(self) -> None:
        report, wording = self._report, self._wording
        sheet = self._book.add_worksheet("Report")
        bold = self._book.add_format({"bold": True})
        head = self._book.add_format({"bold": True, "text_wrap": True, "valign": "bottom", "bottom": 1})
        for place, column in enumerate(cells.columns(report)):
            heading = wording.heading(column)
            sheet.write_string(0, place, heading, head)
            sheet.set_column(place, place, min(_WIDTH_MAX, _width(report, place, column, heading)))
        shown = report.rows[:ROWS_MAX]
        for line, row in enumerate((*shown, *report.totals), 1):
            self._write_row(sheet, line, row, is_total=line > len(shown))
        if len(shown) < len(report.rows):
            sheet.write_string(1 + len(shown) + len(report.totals), 0, _cut(report, wording), bold)
        sheet.freeze_panes(1, 1)
        if shown:
            sheet.autofilter(0, 0, len(shown), len(cells.columns(report)) - 1)
        sheet.repeat_rows(0)
        _print_set_up(sheet, report, wording, self._author)

    def _write_row(self, sheet: Worksheet, line: int, row: Row, *, is_total: bool) -> None:
        for place, (column, cell) in enumerate(self._cells(row)):
            if isinstance(cell, datetime):
                sheet.write_datetime(line, place, cell.replace(tzinfo=None), self._format(_INSTANT))
            elif (number := _number(cell)) is not None and _is_exact(number):
                form = _number_format(cell, with_currency=is_total)
                sheet.write_number(line, place, number, self._format(form, bold=is_total))
            elif text := self._wording.cell(cell, ours=column.ours or is_total):
                written = cells.text(cell) if number is not None else text
                form = "@" if column.kind.is_number else "General" if is_total else ""
                sheet.write_string(line, place, written, self._format(form, bold=is_total))

    def _cells(self, row: Row) -> Iterator[tuple[ReportColumn, Cell]]:
        """One row of the sheet: each instant in UTC, and again in local time of the settlement zone."""
        for column, cell in zip(self._report.columns, row, strict=True):
            yield column, cell.astimezone(UTC) if isinstance(cell, datetime) else cell
            if cells.is_local(column):
                yield column, cell.astimezone(self._zone) if isinstance(cell, datetime) else None

    def _format(self, number: str, *, bold: bool = False) -> Format | None:
        if not number:
            return None
        if (number, bold) not in self._formats:
            align = "left" if number == "General" else "right"
            made = {"num_format": number, "align": align, "bold": bold}
            self._formats[number, bold] = self._book.add_format(made)
        return self._formats[number, bold]


def _print_set_up(sheet: Worksheet, report: Report, wording: Wording, author: str) -> None:
    """A4, as wide as one page, with the title and the number of each page."""
    sheet.set_paper(_A4)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.set_margins(left=0.5, right=0.5, top=0.8, bottom=0.7)
    title = " ".join(filter(None, (wording.text(report.title), wording.period(report))))
    sheet.set_header(f"&L{_plain(author)}&R{_plain(title)}")
    page = wording.text("Page {n} of {all}").format(n="&P", all="&N")
    sheet.set_footer(f"&L{report.name} {json_file.sha256(report).hex()[:16]}&R{page}")


def _plain(text: str) -> str:
    """Text in which nothing is a code of a header, cut to what a header can hold."""
    return text[:_HEADER_MAX].replace("&", "&&")


def _number(cell: Cell) -> Decimal | None:
    """The cell as a number; None if it is not one."""
    if isinstance(cell, bool):
        return None
    if isinstance(cell, Money | timedelta):
        return Decimal(cells.text(cell))
    return Decimal(cell) if isinstance(cell, int | Decimal) else None


def _is_exact(number: Decimal) -> bool:
    """Whether a spreadsheet keeps all of its digits."""
    _, digits, exponent = number.normalize().as_tuple()
    return len(digits) + max(0, int(exponent)) <= DIGITS_MAX


def _number_format(cell: Cell, *, with_currency: bool = False) -> str:
    """Thousands separators, as many decimals as the value has, and the currency with a total."""
    if with_currency and isinstance(cell, Money):
        return f'{_number_format(cell)} "{cell.currency}"'
    if isinstance(cell, Money):
        decimals = EXPONENTS[cell.currency]
    elif isinstance(cell, timedelta):
        decimals = 3
    else:
        decimals = max(0, -int(cell.as_tuple().exponent)) if isinstance(cell, Decimal) else 0
    return f"{_WHOLE}.{'0' * decimals}" if decimals else _WHOLE


def _cut(report: Report, wording: Wording) -> str:
    text = wording.text("The first {n} of {all} rows; totals are of all rows, and the CSV has all rows.")
    return text.format(n=ROWS_MAX, all=len(report.rows))


def _width(report: Report, place: int, column: ReportColumn, heading: str) -> int:
    if column.kind in {ColumnKind.INSTANT, ColumnKind.LOCAL}:
        return max(_INSTANT_WIDTH, 2 + _places(heading))
    sample = [cells.texts(report, row)[place] for row in (*report.rows[:20], *report.totals)]
    widest = max(map(_places, [heading, *sample]))
    return 2 + widest + (widest // 3 if column.kind.is_number else 0)  # separators


def _places(text: str) -> int:
    """Width of a text in digits: a Chinese character is as wide as two."""
    return sum(2 if unicodedata.east_asian_width(character) in _WIDE else 1 for character in text)


def _has_long_numbers(report: Report) -> bool:
    return any(
        (number := _number(cell)) is not None and not _is_exact(number)
        for row in (*report.rows[:ROWS_MAX], *report.totals)
        for cell in row
    )


def _about(report: Report, book: xlsxwriter.Workbook, wording: Wording, letter: Letter) -> None:
    sheet = book.add_worksheet("About")
    lines = [(wording.text("Report"), wording.text(report.title))]
    lines += [(wording.text(name), value) for name, value in letter.lines(wording) if value]
    if period := wording.period(report):
        lines.append((wording.text("Period"), period))
    lines += [
        (wording.parameter(name), wording.value(value))
        for name, value in (*report.parameters.items(), ("zone", report.zone))
        if value
    ]
    content = json_file.sha256(report).hex()
    lines += [(wording.text("SHA-256 of the content"), content), *wording.seal(report.seal)]
    if letter.verify:
        lines.append((wording.text("Verification page"), f"{letter.verify}?content={content}"))
    notes = [*map(wording.text, report.notes), wording.text(SIGNED)]
    if len(report.rows) > ROWS_MAX:
        notes.append(_cut(report, wording))
    if _has_long_numbers(report):
        notes.append(
            wording.text("Numbers of more than 15 digits are texts, because a spreadsheet would round them.")
        )
    lines += [(wording.text("Note"), note) for note in notes]
    for line, (name, value) in enumerate(lines):
        sheet.write_string(line, 0, name)
        sheet.write_string(line, 1, cells.harmless(value))
    sheet.set_column(0, 0, 32)
    sheet.set_column(1, 1, 90, book.add_format({"text_wrap": True, "valign": "top"}))
    _print_set_up(sheet, report, wording, letter.head.name or "payswitch")
