"""Reports in the language of people: labels from the pages' catalogues, numbers as the locale writes them.

What programs read keeps its names and plain decimals: JSON, SDMX-CSV, ISO messages, and CSV unless a language
is asked for. The source text is English and stands in the code.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Final

from babel import Locale
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

from schemas.money import Money
from switch.reports import cells
from switch.reports.table import Cell, Column, Kind, Report, Row

ENGLISH: Final = "en"
LANGUAGES: Final = (ENGLISH, "ru", "zh")
SIGNED: Final = (
    "The file is signed; its name has its SHA-256. Signature: /v1/report-artefacts/SHA-256/signature."
    " Key: /v1/report-key. To verify: payswitch report verify FILE KEY, with the signature in FILE.jws."
)
"""Where a reader of a file finds its signature; the same in every file, so that equal reports stay equal."""
_PARAMETERS: Final = {
    "as_of": "As of event",
    "message_id": "Id of the instruction",
    "message_sha256": "SHA-256 of the instruction",
    "uetr": "UETR",
}
"""Those whose name is not enough for people."""
_MILLI: Final = Decimal("0.001")
_TEXTS: Final = files("switch.pages").joinpath("texts")


@cache
def catalogue(code: str) -> Mapping[str, str]:
    """Texts of a language by their source; English needs none."""
    file = _TEXTS.joinpath(f"{code}.po")
    if not file.is_file():
        return {}
    with file.open("rb") as stream:
        found = read_po(stream, locale=code)
    return {str(m.id): str(m.string) for m in found if m.id and m.string and not m.fuzzy}


def decimal_text(text: str, locale: Locale) -> str:
    """A plain decimal number with every digit that it has, with the locale's separators."""
    digits = len(text.partition(".")[2])
    pattern = "#,##0" + ("." + "0" * digits if digits else "")
    return format_decimal(text, format=pattern, locale=locale, decimal_quantization=False)


def parameter_title(name: str) -> str:
    """What people call a parameter, in English."""
    return _PARAMETERS.get(name) or Column(name).heading


@dataclass(frozen=True, slots=True)
class Wording:
    """How one language says a report."""

    code: str = ENGLISH

    @property
    def locale(self) -> Locale:
        """Babel's locale."""
        return Locale.parse(self.code)

    def text(self, source: str) -> str:
        """The text in this language, or in English."""
        return catalogue(self.code).get(source) or source

    def heading(self, column: Column) -> str:
        """What people call a column; one of local times is said to be so."""
        if column.kind is Kind.LOCAL:
            return f"{self.text(column.heading)} ({self.text('local time')})"
        return self.text(column.heading)

    def parameter(self, name: str) -> str:
        """What people call a parameter."""
        return self.text(parameter_title(name))

    def value(self, text: str) -> str:
        """A parameter's value: a word of ours in this language, anything else as it is."""
        return self.text(cells.harmless(text))

    def cells(self, report: Report, row: Row) -> list[str]:
        """One row as people read it."""
        is_total = any(row is total for total in report.totals)
        return [
            self.cell(cell, ours=column.ours or is_total)
            for column, cell in zip(report.columns, row, strict=True)
        ]

    def cell(self, cell: Cell, *, ours: bool = False) -> str:
        """One cell as people read it; with `ours`, a text is a word of the switch's own."""
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
