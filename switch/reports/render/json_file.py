"""Reports as JSON: typed cells, amounts as decimal text, instants in UTC and in the settlement zone."""

import hashlib
from dataclasses import asdict
from typing import Any

import msgspec

from switch.reports import cells
from switch.reports.table import ColumnKind, Report, Row
from switch.reports.wording import Wording

_ENGLISH = Wording()
_WITHOUT_QUOTES = frozenset({ColumnKind.COUNT, ColumnKind.FLAG})


def write(report: Report) -> bytes:
    """Write one object: the report's data, its columns, and one object per row."""
    document = {
        "report": report.name,
        "title": report.title,
        "parameters": dict(report.parameters),
        "zone": report.zone,
        "seal": report.seal and asdict(report.seal),
        "columns": [
            {"name": column.name, "kind": column.kind, "title": _ENGLISH.heading(column)}
            for column in cells.columns(report)
        ],
        "rows": [_row(report, row) for row in report.rows],
        "totals": [_row(report, row) for row in report.totals],
        "notes": list(report.notes),
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n"


def sha256(report: Report) -> bytes:
    """SHA-256 of the report in this format: it identifies its content in every format and language."""
    return hashlib.sha256(write(report)).digest()


def _row(report: Report, row: Row) -> dict[str, Any]:
    """Counts and flags as JSON values, None as null; everything else as the text that all formats share."""
    columns = cells.columns(report)
    found: dict[str, Any] = {}
    for column, (text, cell) in zip(columns, cells.written_cells(report, row), strict=True):
        found[column.name] = (
            cell if isinstance(cell, int) and column.kind in _WITHOUT_QUOTES else (text or None)
        )
    return found
