"""Statistics as SDMX-CSV 2.0.0: one observation per line, one measure per observation.

The structure is `PAYSWITCH:<FLOW>(1.0)`: the report's dimensions, then `INDICATOR` (the measure), `UNIT`
(a currency, `PT` per cent, `PN` pure number, `S` seconds) and `TIME_PERIOD` (the period as an ISO 8601
interval of two instants).
"""

import csv
import io
from collections.abc import Iterator
from typing import Final

from schemas.money import Money
from switch.reports import cells
from switch.reports.table import Cell, ColumnKind, Report, ReportColumn, Row

AGENCY: Final = "PAYSWITCH"
VERSION: Final = "1.0"
_UNITS: Final = {
    ColumnKind.COUNT: "PN",
    ColumnKind.PERCENT: "PT",
    ColumnKind.SECONDS: "S",
    ColumnKind.FLAG: "PN",
}


def write(report: Report) -> bytes:
    """Write every measure of every row that has a value; totals are not observations."""
    statistic = report.statistic
    assert statistic is not None
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    dimensions = [name.upper() for name in statistic.dimensions]
    writer.writerow(
        ["STRUCTURE", "STRUCTURE_ID", "ACTION", *dimensions, "INDICATOR", "UNIT", "TIME_PERIOD", "OBS_VALUE"]
    )
    for row in report.rows:
        writer.writerows(_observations(report, row))
    return out.getvalue().encode()


def _observations(report: Report, row: Row) -> Iterator[list[str]]:
    statistic = report.statistic
    assert statistic is not None
    by_name = dict(zip((column.name for column in report.columns), row, strict=True))
    columns = {column.name: column for column in report.columns}
    key = [cells.text(by_name[name]) or "_Z" for name in statistic.dimensions]  # _Z: not applicable
    head = ["dataflow", f"{AGENCY}:{statistic.flow}({VERSION})", "I"]
    for measure in statistic.measures:
        cell = by_name[measure]
        if cell is not None:
            unit = _unit(columns[measure], cell)
            yield [*head, *key, measure.upper(), unit, _period(report), _value(cell)]


def _unit(column: ReportColumn, cell: Cell) -> str:
    return cell.currency if isinstance(cell, Money) else _UNITS[column.kind]


def _value(cell: Cell) -> str:
    return str(int(cell)) if isinstance(cell, bool) else cells.text(cell)


def _period(report: Report) -> str:
    asked = report.parameters
    return asked["quarter"] if "quarter" in asked else f"{asked['since']}/{asked['until']}"
