"""Reports as PDF, by typst: deterministic, with fonts that come in Python packages and no others.

Latin, Cyrillic, Arabic and Devanagari letters are in typst's own fonts, Chinese characters in Noto Sans CJK.
"""

import json
from functools import cache
from importlib.resources import files
from typing import Final

import noto_cjk_sans_otc  # type: ignore[import-untyped]
import typst

from switch.reports import cells
from switch.reports.table import Kind, Report

ROWS_MAX: Final = 500
"""Paper is for reading; the other formats have every row."""

_RIGHT: Final = frozenset({Kind.AMOUNT, Kind.COUNT, Kind.PERCENT, Kind.SECONDS})


@cache
def _template() -> bytes:
    return (files(__package__) / "report.typ").read_bytes()


@cache
def _fonts() -> typst.Fonts:
    chinese = [str(noto_cjk_sans_otc.FONT_PATH.parent)]
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=True, font_paths=chinese)


def write(report: Report) -> bytes:
    """One document; local times, which say the same again, are left out."""
    compiler = typst.Compiler(_template(), font_paths=_fonts(), sys_inputs={"report": _data(report)})
    made = compiler.compile(format="pdf", timestamp=0)
    assert isinstance(made, bytes)
    return made


def _data(report: Report) -> str:
    notes = list(report.notes)
    if len(report.rows) > ROWS_MAX:
        notes.insert(0, f"The first {ROWS_MAX} of {len(report.rows)} rows; the other formats have all.")
    return json.dumps(
        {
            "name": report.name,
            "title": report.title,
            "parameters": [[name, cells.harmless(value)] for name, value in report.parameters.items()],
            "columns": [
                {"heading": column.heading, "number": column.kind in _RIGHT} for column in report.columns
            ],
            "rows": [[cells.text(cell) for cell in row] for row in report.rows[:ROWS_MAX]],
            "totals": [[cells.text(cell) for cell in row] for row in report.totals],
            "notes": notes,
        },
        ensure_ascii=False,
    )
