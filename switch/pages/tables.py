"""Tables of reports on pages: in parts if they are wide, with the terms of the switch translated.

The table is made from the report's JSON, whose texts are English ones for programs; its columns in the
catalogue state which of them are terms, and where a part begins.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from switch.pages.language import Language
from switch.reports import catalogue
from switch.reports.table import ColumnKind, ReportColumn
from switch.reports.wording import Wording

_CURRENCY: Final = "currency"
_WIDE: Final = 11
"""A table of more columns than this names its only currency above, and not in each row."""
_LONG: Final = frozenset({"body", "detail"})
"""Columns of texts without a limit."""


@dataclass(frozen=True, slots=True)
class TablePart:
    """Some columns of a table, the first of which name a row; texts in the reader's language."""

    title: str
    """Empty if the table is in one part."""
    currency: str
    """The only currency of the table, if no column states it."""
    headings: Sequence[str]
    classes: Sequence[str]
    """Of each column: `n` of numbers, `whole` of what never breaks, `said` of texts that break anywhere."""
    rows: Sequence[Sequence[str]]
    totals: Sequence[Sequence[str]]


def parts(document: Mapping[str, Any], lang: Language, rows_max: int) -> Iterator[TablePart]:
    """The parts of a report's table, from left to right, with its first rows and all totals."""
    columns = catalogue.find(document["report"]).columns
    rows, totals = document["rows"], document["totals"]
    currency = _only_currency(columns, [*rows, *totals])
    if currency:
        columns = tuple(column for column in columns if column.name != _CURRENCY)
    for title, shown in _groups(columns):
        yield TablePart(
            lang.text(title) if title else "",
            currency,
            [lang.text(column.heading) for column in shown],
            [_class(column) for column in shown],
            [[_cell(column, row, lang) for column in shown] for row in rows[:rows_max]],
            [[_total(column, row, lang) for column in shown] for row in totals if _adds(row, shown)],
        )


def _class(column: ReportColumn) -> str:
    if column.kind.is_number:
        return "n"
    if column.kind is ColumnKind.INSTANT:
        return "whole"
    return "said" if column.name in _LONG else ""


def _only_currency(columns: Sequence[ReportColumn], rows: Sequence[Mapping[str, Any]]) -> str:
    if len(columns) <= _WIDE:
        return ""
    found = {row.get(_CURRENCY) for row in rows}
    return str(found.pop() or "") if len(found) == 1 else ""


def _groups(columns: Sequence[ReportColumn]) -> Iterator[tuple[str, Sequence[ReportColumn]]]:
    """Each part has the columns before the first part again, so that a row is recognised."""
    starts = [place for place, column in enumerate(columns) if column.part]
    keys = columns[: starts[0]] if starts else ()
    for start, end in zip(starts or [0], [*starts[1:], len(columns)], strict=True):
        yield columns[start].part, (*keys, *columns[start:end])


def _adds(total: Mapping[str, Any], shown: Sequence[ReportColumn]) -> bool:
    """Whether a row of totals has a number in these columns."""
    return any(column.kind.is_number and total[column.name] is not None for column in shown)


def _total(column: ReportColumn, row: Mapping[str, Any], lang: Language) -> str:
    """A cell of a row of totals; what it calls itself is a term of the switch."""
    value = row[column.name]
    if isinstance(value, str) and column.kind is ColumnKind.TEXT:
        return lang.phrase(value)
    return _cell(column, row, lang)


def _cell(column: ReportColumn, row: Mapping[str, Any], lang: Language) -> str:
    value = row[column.name]
    if value is None or (column.name == "about" and not value):
        return ""
    if column.name == "reason":
        return lang.detail(lang.reason(value))
    if column.ours:
        return lang.phrase(value)
    if column.name == "detail" and (facts := Wording(lang.code).facts(value)):
        return facts
    return lang.cell(column.kind, value)
