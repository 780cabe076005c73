"""Reports as PDF, by typst: deterministic, with fonts from Python packages only.

Latin, Cyrillic, Arabic and Devanagari letters are in typst's own fonts, Chinese characters in Noto Sans CJK.
Columns are as wide as their longest part that cannot be broken, so that none overlaps the next. Paper size
and font size follow from that.
"""

import json
import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

import noto_cjk_sans_otc  # type: ignore[import-untyped]
import typst

from switch.reports.table import ColumnKind, Report
from switch.reports.wording import SIGNED, Wording

ROWS_MAX: Final = 500
"""Maximum rows on paper; the other formats have every row."""

_RIGHT: Final = frozenset({ColumnKind.AMOUNT, ColumnKind.COUNT, ColumnKind.PERCENT, ColumnKind.SECONDS})
_BREAK: Final = "\u200b"
"""A zero-width space: a long id may break there."""
_LONG: Final = 14
_PIECE: Final = re.compile(r"[^-_./]{1,8}[-_./]?|[-_./]", re.ASCII)
_COMFORTABLE: Final = 20
"""Width of text in one line before it is broken into several, in characters."""
_WHOLE_ID: Final = 36
"""The same where the paper has room: a UETR is on one line."""
_EM_PER_PLACE: Final = 0.56
"""Approximate width of a digit or letter, not too small."""
_INSET_PT: Final = 7.0


class Paper(NamedTuple):
    """A paper size between its margins, and a font size; points."""

    name: str
    flipped: bool
    width: float
    letters: float


_PAPERS: Final = (
    Paper("a4", False, 515, 8),
    Paper("a4", True, 762, 8),
    Paper("a4", True, 762, 7),
    Paper("a4", True, 762, 6),
    Paper("a3", True, 1110, 7),
    Paper("a3", True, 1110, 6),
    Paper("a3", True, 1110, 5),
)
"""The first that fits the table is used."""


@cache
def _template() -> bytes:
    return (files(__package__) / "report.typ").read_bytes()


@cache
def _fonts() -> typst.Fonts:
    chinese = [str(noto_cjk_sans_otc.FONT_PATH.parent)]
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=True, font_paths=chinese)


def write(report: Report, language: str | None = None) -> bytes:
    """Write one document; local times are left out, since they repeat the UTC times."""
    compiler = typst.Compiler(
        _template(), font_paths=_fonts(), sys_inputs={"report": _data(report, Wording(language or "en"))}
    )
    made = compiler.compile(format="pdf", timestamp=0)
    assert isinstance(made, bytes)
    return made


def _data(report: Report, wording: Wording) -> str:
    notes = [*map(wording.text, report.notes), wording.text(SIGNED)]
    if len(report.rows) > ROWS_MAX:
        shown = wording.text("The first {n} of {all} rows; the other formats have all rows.")
        notes.insert(0, shown.format(n=ROWS_MAX, all=len(report.rows)))
    headings = [wording.text(column.heading) for column in report.columns]
    rows = [wording.cells(report, row) for row in report.rows[:ROWS_MAX]]
    totals = [wording.cells(report, row) for row in report.totals]
    columns = [[heading, *(row[place] for row in (*rows, *totals))] for place, heading in enumerate(headings)]
    widths = [_width(*texts, comfortable=_COMFORTABLE) for texts in columns]
    paper = _paper(widths)
    wider = [_width(*texts, comfortable=_WHOLE_ID) for texts in columns]
    if _fits(wider, paper):
        widths = wider
    return json.dumps(
        {
            "name": report.name,
            "title": wording.text(report.title),
            "language": wording.code,
            "paper": paper._asdict(),
            "parameters": [
                [wording.parameter(name), wording.written(report, value)]
                for name, value in report.parameters.items()
            ],
            "page": wording.text("Page {n} of {all}").split("{n}"),
            "columns": [
                {"heading": heading, "number": column.kind in _RIGHT, "width": _needs(width, paper)}
                for heading, column, width in zip(headings, report.columns, widths, strict=True)
            ],
            "rows": _broken(rows),
            "totals": _broken(totals),
            "notes": notes,
        },
        ensure_ascii=False,
    )


def _broken(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    return [[" ".join(map(_breakable, text.split(" "))) for text in row] for row in rows]


def _breakable(word: str) -> str:
    """Insert break points into a long word, usually an id; a number is never broken."""
    return word if len(word) <= _LONG or _is_number(word) else _BREAK.join(_PIECE.findall(word)) or word


def _is_number(word: str) -> bool:
    return all(character.isdigit() or character in "-.,\u00a0\u202f" for character in word)


def _width(heading: str, *texts: str, comfortable: int) -> float:
    """Width of a column in characters: of its longest part, and of a readable line of its longest text."""
    pieces = [piece for text in (heading, *texts) for word in text.split(" ") for piece in _pieces(word)]
    longest = max(map(_places, texts), default=0)
    return max(3, *map(_places, pieces), min(longest, comfortable))


def _pieces(word: str) -> list[str]:
    return _breakable(word).split(_BREAK)


def _places(text: str) -> int:
    """Width of a text in digits: a Chinese character is as wide as two."""
    return sum(2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1 for character in text)


def _paper(widths: Sequence[float]) -> Paper:
    return next((paper for paper in _PAPERS if _fits(widths, paper)), _PAPERS[-1])


def _fits(widths: Sequence[float], paper: Paper) -> bool:
    return sum(_needs(width, paper) for width in widths) <= paper.width


def _needs(width: float, paper: Paper) -> float:
    """Width in points of a column of this many characters."""
    return width * _EM_PER_PLACE * paper.letters + _INSET_PT
