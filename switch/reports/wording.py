"""Reports in a reader's language: labels from the pages' catalogues, numbers in the format of the locale.

Formats for programs keep their names and plain decimals: JSON, SDMX-CSV, ISO messages, and CSV unless a
language is requested. The source texts are the English ones in the code.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Final
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

from schemas.money import Money
from switch.reports import cells
from switch.reports.table import Cell, ColumnKind, Report, ReportColumn, Row

ENGLISH: Final = "en"
LANGUAGES: Final = (ENGLISH, "ru", "zh")
SIGNED: Final = (
    "The file is signed; its name has its SHA-256. Signature: /v1/report-artefacts/SHA-256/signature."
    " Key: /v1/report-key. To verify: payswitch report verify FILE KEY, with the signature in FILE.jws."
)
"""How to find the signature of a file; the same text in every file, so that equal reports stay equal."""
_PARAMETERS: Final = {
    "as_of": "As of event",
    "message_id": "Instruction id",
    "message_sha256": "SHA-256 of the instruction",
    "uetr": "UETR",
}
"""Titles of parameters whose name is not clear enough."""
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", re.ASCII)
_DECIMAL: Final = re.compile(r"-?\d+\.\d+", re.ASCII)
_MILLI: Final = Decimal("0.001")
_TEXTS: Final = files("switch.pages").joinpath("texts")


@cache
def catalogue(code: str) -> Mapping[str, str]:
    """Texts of a language by their English source; English needs none."""
    file = _TEXTS.joinpath(f"{code}.po")
    if not file.is_file():
        return {}
    with file.open("rb") as stream:
        found = read_po(stream, locale=code)
    return {str(m.id): str(m.string) for m in found if m.id and m.string and not m.fuzzy}


def decimal_text(text: str, locale: Locale) -> str:
    """A plain decimal number with the locale's separators and all of its digits."""
    digits = len(text.partition(".")[2])
    pattern = "#,##0" + ("." + "0" * digits if digits else "")
    return format_decimal(text, format=pattern, locale=locale, decimal_quantization=False)


def parameter_title(name: str) -> str:
    """Title of a parameter, in English."""
    return _PARAMETERS.get(name) or ReportColumn(name).heading


@dataclass(frozen=True, slots=True)
class Wording:
    """Wording of a report in one language."""

    code: str = ENGLISH

    @property
    def locale(self) -> Locale:
        """Babel's locale."""
        return Locale.parse(self.code)

    def text(self, source: str) -> str:
        """The text in this language, or in English."""
        return catalogue(self.code).get(source) or source

    def heading(self, column: ReportColumn) -> str:
        """Title of a column; a column of local times is marked as such."""
        if column.kind is ColumnKind.LOCAL:
            return f"{self.text(column.heading)} ({self.text('local time')})"
        return self.text(column.heading)

    def parameter(self, name: str) -> str:
        """Title of a parameter."""
        return self.text(parameter_title(name))

    def value(self, text: str) -> str:
        """Value of a parameter: a term of the switch is translated, anything else is kept."""
        return self.text(cells.harmless(text))

    def written(self, report: Report, text: str) -> str:
        """Value of a parameter as people write it: an instant in words, an amount with its currency.

        An instant is in UTC and, if the report has a time zone, also on the clock of its business day.
        """
        if _INSTANT.fullmatch(text):
            at = datetime.fromisoformat(text)
            return "; ".join(self._instant(at, zone) for zone in dict.fromkeys(("UTC", report.zone or "UTC")))
        if _DECIMAL.fullmatch(text) and "currency" in report.parameters:
            return f"{decimal_text(text, self.locale)} {report.parameters['currency']}"
        return self.value(text)

    def _instant(self, at: datetime, zone: str) -> str:
        form = "d MMMM y" if self.code == ENGLISH else "long"
        day = format_date(at.astimezone(ZoneInfo(zone)), form, locale=self.locale)
        return f"{day}, {at.astimezone(ZoneInfo(zone)):%H:%M:%S} {zone}"

    def cells(self, report: Report, row: Row) -> list[str]:
        """One row for people."""
        is_total = any(row is total for total in report.totals)
        return [
            self.cell(cell, ours=column.ours or is_total)
            for column, cell in zip(report.columns, row, strict=True)
        ]

    def cell(self, cell: Cell, *, ours: bool = False) -> str:
        """One cell for people; with `ours`, a text is a term of the switch and is translated."""
        match cell:
            case bool():
                return self.text(cells.text(cell))
            case str():
                return self.text(cell) if ours else cells.text(cell)
            case datetime():
                return f"{cell.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"
            case Money() | Decimal() | int():
                return decimal_text(cells.text(cell), self.locale)
            case timedelta():
                return decimal_text(str(Decimal(cells.text(cell)).quantize(_MILLI)), self.locale)
            case _:
                return cells.text(cell)
