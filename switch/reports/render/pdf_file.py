"""Reports as PDF, by typst: deterministic, with fonts from Python packages only.

Latin, Cyrillic, Arabic and Devanagari letters are in typst's own fonts, Chinese characters in Noto Sans CJK.
The paper is A4 and the letters stay readable: a table that is too wide is printed in parts, each with the
first columns again. Columns are as wide as their longest part that cannot be broken, so none overlaps the
next.
"""

import io
import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final, NamedTuple

import noto_cjk_sans_otc  # type: ignore[import-untyped]
import segno
import typst

from switch.base import letterhead
from switch.reports.letter import Letter
from switch.reports.render import json_file
from switch.reports.table import Report
from switch.reports.wording import SIGNED, Wording

ROWS_MAX: Final = 500
"""Maximum rows on paper; the other formats have every row."""

_BREAK: Final = "\u200b"
"""A zero-width space: a long id may break there."""
_LONG: Final = 14
_PIECE: Final = re.compile(r"[^-_./]{1,12}[-_./]?|[-_./]", re.ASCII)
_COMFORTABLE: Final = 11.0
"""Width of text in one line before it is broken into several, in em."""
_WHOLE_ID: Final = 20.0
"""The same where the paper has room: a UETR is on one line."""
_LEAST: Final = 2.2
_INSET_PT: Final = 9.0
_STEP_PT: Final = 10.0
_KEYS_SHARE: Final = 0.4
"""Share of the width that repeated columns may take."""
_WIDE: Final = frozenset("MWmw@%—…ШЩЮЖМФЫшщюжмфыДЪ")
_NARROW: Final = frozenset("iljtfrI.,:;'|!()[]- /\u00a0\u202f")
_OTHER: Final = {"CYRILLIC": 0.62}
"""Width of small letters of other scripts, by the beginning of their names."""
_SAID: Final = {
    "to": "Addressee",
    "nothing": "No entries in this period",
    "notes": "Notes",
    "verify": "To verify this report",
}
_SIGNATURES: Final = ("Prepared by", "Approved by")
_LINES: Final = ("Full name", "Job title", "Date", "Signature")
WORDS: Final = frozenset(
    (
        *(*_SAID.values(), *_SIGNATURES, *_LINES),
        *("SHA-256 of the content", "Verification page", "Part {n} of {all}"),
    )
)
"""Its texts, besides those of the report."""
_SEPARATE: Final = frozenset({"audit_root"})
"""Parameters that the lines of the proof state."""


class Paper(NamedTuple):
    """A4 either way round, its width between the margins, and a font size; points."""

    flipped: bool
    width: float
    letters: float


_PAPERS: Final = (Paper(False, 504, 8.5), Paper(True, 751, 8.5), Paper(True, 751, 7.2))
"""The first that fits the table is used; the last one takes the table in parts."""


@cache
def _template() -> bytes:
    return (files(__package__) / "report.typ").read_bytes()


@cache
def _fonts() -> typst.Fonts:
    chinese = [str(noto_cjk_sans_otc.FONT_PATH.parent)]
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=True, font_paths=chinese)


def write(report: Report, language: str | None = None, letter: Letter | None = None) -> bytes:
    """Write one document; local times are left out, since they repeat the UTC times."""
    data = json.dumps(_data(report, Wording(language or "en"), letter or Letter()), ensure_ascii=False)
    compiler = typst.Compiler(_template(), font_paths=_fonts(), sys_inputs={"report": data})
    made = compiler.compile(format="pdf", timestamp=0)
    assert isinstance(made, bytes)
    return made


def _data(report: Report, wording: Wording, letter: Letter) -> dict[str, Any]:
    content = json_file.sha256(report).hex()
    table = _Table(report, wording)
    return {
        "title": wording.text(report.title),
        "language": wording.code,
        "head": _head(letter),
        "to": letter.to(wording),
        "period": wording.period(report),
        "reference": f"{report.name} · {content[:16]}",
        "page": wording.text("Page {n} of {all}"),
        "paper": table.paper._asdict(),
        "parameters": list(_parameters(report, wording)),
        "parts": list(table.parts()),
        "notes": list(_notes(report, wording)),
        "proof": list(_proof(report, content, letter, wording)),
        "how": wording.text(SIGNED),
        "qr": _qr(f"{letter.verify}?content={content}") if letter.verify else "",
        "signatures": [wording.text(who) for who in _SIGNATURES],
        "said": {name: wording.text(text) for name, text in _SAID.items()}
        | {"lines": [wording.text(line) for line in _LINES]},
    }


def _head(letter: Letter) -> dict[str, Any]:
    head = letter.head
    return {
        "name": head.name or "payswitch",
        "author": head.name or "payswitch",
        "address": list(head.address),
        "logo": list(head.logo),
        "format": "png" if letterhead.is_png(head.logo) else "svg",
    }


def _parameters(report: Report, wording: Wording) -> Iterator[tuple[str, str]]:
    for name, value in report.parameters.items():
        if name not in _SEPARATE and value:
            yield wording.parameter(name), wording.written(report, value)
    yield wording.parameter("zone"), report.zone


def _notes(report: Report, wording: Wording) -> Iterator[str]:
    if len(report.rows) > ROWS_MAX:
        shown = wording.text("The first {n} of {all} rows; the other formats have all rows.")
        yield shown.format(n=ROWS_MAX, all=len(report.rows))
    yield from map(wording.text, report.notes)


def _proof(report: Report, content: str, letter: Letter, wording: Wording) -> Iterator[tuple[str, str]]:
    yield wording.text("SHA-256 of the content"), content
    yield from wording.seal(report.seal)
    if letter.verify:
        yield wording.text("Verification page"), letter.verify


def _qr(text: str) -> str:
    out = io.BytesIO()
    segno.make(text, error="m").save(out, kind="svg", border=2, xmldecl=False, svgclass=None, lineclass=None)
    return out.getvalue().decode()


class _Table:
    """The columns of a report, their widths, and the parts in which they fit the paper."""

    def __init__(self, report: Report, wording: Wording) -> None:
        self._columns = report.columns
        self._headings = [wording.text(column.heading) for column in report.columns]
        self._rows = [wording.cells(report, row) for row in report.rows[:ROWS_MAX]]
        self._totals = [wording.cells(report, row) for row in report.totals]
        self._title = wording.text("Part {n} of {all}")
        texts = [tuple(row[place] for row in (*self._rows, *self._totals)) for place in self._places]
        self._widths = [self._width(place, texts[place], _COMFORTABLE) for place in self._places]
        self.paper = next((paper for paper in _PAPERS if self._fits(self._widths, paper)), _PAPERS[-1])
        wider = [self._width(place, texts[place], _WHOLE_ID) for place in self._places]
        if self._fits(wider, self.paper):
            self._widths = wider
        if self._fits(self._widths, self.paper):
            self._widths = self._spread(texts)

    @property
    def _places(self) -> range:
        return range(len(self._columns))

    def parts(self) -> Iterator[dict[str, Any]]:
        """The parts of the table, from left to right."""
        groups = self._groups()
        for number, places in enumerate(groups, 1):
            title = self._title.format(n=number, all=len(groups)) if len(groups) > 1 else ""
            yield {
                "title": title,
                "columns": [
                    {
                        "heading": _broken(self._headings[place]),
                        "number": self._columns[place].kind.is_number,
                        "width": self._needs(place),
                    }
                    for place in places
                ],
                "rows": [[_broken(row[place]) for place in places] for row in self._rows],
                "totals": [[_broken(row[place]) for place in places] for row in self._totals],
            }

    def _groups(self) -> list[list[int]]:
        """Columns of each part; the first columns of the table are in each, so that a row is recognised."""
        if self._fits(self._widths, self.paper):
            return [list(self._places)]
        keys = self._keys()
        left = self.paper.width - sum(map(self._needs, keys))
        groups = self._filled(keys, left)
        while left > 0 and len(narrower := self._filled(keys, left := left - _STEP_PT)) == len(groups):
            groups = narrower  # as few parts as fit, all about equally wide
        return groups

    def _filled(self, keys: list[int], width: float) -> list[list[int]]:
        groups: list[list[int]] = []
        free = 0.0
        for place in self._places[len(keys) :]:
            if not groups or self._needs(place) > free:
                groups.append(list(keys))
                free = width
            groups[-1].append(place)
            free -= self._needs(place)
        return groups

    def _keys(self) -> list[int]:
        keys: list[int] = []
        for place in self._places:
            taken = sum(map(self._needs, [*keys, place]))
            if self._columns[place].kind.is_number or taken > _KEYS_SHARE * self.paper.width:
                break
            keys.append(place)
        return keys

    def _width(self, place: int, texts: Sequence[str], comfortable: float) -> float:
        """Width of a column in em: of its longest part, and of a readable line of its longest text."""
        words = [word for text in (self._headings[place], *texts) for word in text.split(" ")]
        longest = max((_em(piece) for word in words for piece in _breakable(word).split(_BREAK)), default=0)
        return max(_LEAST, longest, min(comfortable, max(map(_em, texts), default=0)))

    def _spread(self, texts: Sequence[Sequence[str]]) -> list[float]:
        """Widths with what is left of the paper: it goes to columns whose texts are broken into lines."""
        full = [max(map(_em, texts[place]), default=0) for place in self._places]
        wants = [max(0.0, whole - width) for whole, width in zip(full, self._widths, strict=True)]
        left = self.paper.width - sum(map(self._needs, self._places))
        share = min(1.0, left / self.paper.letters / sum(wants)) if any(wants) else 0.0
        return [width + want * share for width, want in zip(self._widths, wants, strict=True)]

    def _needs(self, place: int) -> float:
        return _points(self._widths[place], self.paper)

    @staticmethod
    def _fits(widths: Sequence[float], paper: Paper) -> bool:
        return sum(_points(width, paper) for width in widths) <= paper.width


def _points(width: float, paper: Paper) -> float:
    return width * paper.letters + _INSET_PT


def _broken(text: str) -> str:
    return " ".join(map(_breakable, text.split(" ")))


def _breakable(word: str) -> str:
    """Insert break points into a long word, usually an id; a number is never broken."""
    return word if len(word) <= _LONG or _is_number(word) else _BREAK.join(_PIECE.findall(word)) or word


def _is_number(word: str) -> bool:
    """Whether it is a number, also one with its currency."""
    amount = re.sub(r"\u00a0[A-Z]{3}$", "", word)
    return all(character.isdigit() or character in "-.,\u00a0\u202f" for character in amount)


def _em(text: str) -> float:
    """Width of a text in em, not too small: letters of these fonts in bold are not wider."""
    return sum(map(_em_of, text))


@cache
def _em_of(character: str) -> float:
    if unicodedata.east_asian_width(character) in {"W", "F"}:
        return 1.02
    if character in _WIDE:
        return 1.0
    if character.isdigit():
        return 0.5
    if character in _NARROW:
        return 0.36
    if character.isupper() or not character.isalpha():
        return 0.74
    return 0.56 if character.isascii() else _OTHER.get(unicodedata.name(character, "")[:8], 0.76)
