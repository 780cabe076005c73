"""Reports as PDF, by typst: deterministic, with fonts that come in Python packages and no others.

Latin, Cyrillic, Arabic and Devanagari letters are in typst's own fonts, Chinese characters in Noto Sans CJK.
Columns are as wide as their longest piece that cannot be broken, so none runs into its neighbour; paper and
size of the letters follow from that.
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

from switch.reports.table import Kind, Report
from switch.reports.wording import SIGNED, Wording

ROWS_MAX: Final = 500
"""Paper is for reading; the other formats have every row."""

_RIGHT: Final = frozenset({Kind.AMOUNT, Kind.COUNT, Kind.PERCENT, Kind.SECONDS})
_BREAK: Final = "\u200b"
"""No width: where a long id may go on in the next line."""
_LONG: Final = 14
_PIECE: Final = re.compile(r"[^-_./]{1,8}[-_./]?|[-_./]", re.ASCII)
_COMFORTABLE: Final = 20
"""Places that a text has in one line before it is broken into several."""
_EM_PER_PLACE: Final = 0.56
"""Width of a digit or letter, generously."""
_INSET_PT: Final = 7.0


class Paper(NamedTuple):
    """A size of paper, between its margins, and of letters; points."""

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
"""The first that the table fits on is taken."""


@cache
def _template() -> bytes:
    return (files(__package__) / "report.typ").read_bytes()


@cache
def _fonts() -> typst.Fonts:
    chinese = [str(noto_cjk_sans_otc.FONT_PATH.parent)]
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=True, font_paths=chinese)


def write(report: Report, language: str | None = None) -> bytes:
    """One document; local times, which say the same again, are left out."""
    compiler = typst.Compiler(
        _template(), font_paths=_fonts(), sys_inputs={"report": _data(report, Wording(language or "en"))}
    )
    made = compiler.compile(format="pdf", timestamp=0)
    assert isinstance(made, bytes)
    return made


def _data(report: Report, wording: Wording) -> str:
    notes = [*map(wording.text, report.notes), wording.text(SIGNED)]
    if len(report.rows) > ROWS_MAX:
        shown = wording.text("The first {n} of {all} rows; the other formats have all.")
        notes.insert(0, shown.format(n=ROWS_MAX, all=len(report.rows)))
    headings = [wording.text(column.heading) for column in report.columns]
    rows = [wording.cells(report, row) for row in report.rows[:ROWS_MAX]]
    totals = [wording.cells(report, row) for row in report.totals]
    widths = [
        _width(heading, [row[place] for row in (*rows, *totals)]) for place, heading in enumerate(headings)
    ]
    paper = _paper(widths)
    return json.dumps(
        {
            "name": report.name,
            "title": wording.text(report.title),
            "language": wording.code,
            "paper": paper._asdict(),
            "parameters": [
                [wording.parameter(name), wording.value(value)] for name, value in report.parameters.items()
            ],
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
    """A long word, an id mostly, with places to break it; a number is never broken."""
    return word if len(word) <= _LONG or _is_number(word) else _BREAK.join(_PIECE.findall(word)) or word


def _is_number(word: str) -> bool:
    return all(character.isdigit() or character in "-.,\u00a0\u202f" for character in word)


def _width(heading: str, texts: Sequence[str]) -> float:
    """Places of a column: of its longest piece, and up to a comfortable line of its longest text."""
    pieces = [piece for text in (heading, *texts) for word in text.split(" ") for piece in _pieces(word)]
    longest = max(map(_places, texts), default=0)
    return max(3, *map(_places, pieces), min(longest, _COMFORTABLE))


def _pieces(word: str) -> list[str]:
    return _breakable(word).split(_BREAK)


def _places(text: str) -> int:
    """How wide a text is, in digits: a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1 for character in text)


def _paper(widths: Sequence[float]) -> Paper:
    fits = (paper for paper in _PAPERS if sum(_needs(width, paper) for width in widths) <= paper.width)
    return next(fits, _PAPERS[-1])


def _needs(width: float, paper: Paper) -> float:
    """Points that a column of so many places takes."""
    return width * _EM_PER_PLACE * paper.letters + _INSET_PT
