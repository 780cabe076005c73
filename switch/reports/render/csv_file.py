"""Reports as CSV (RFC 4180): a heading, the rows, then the totals.

The heading has the names that programs read, always the same. Asked for in a language, it has the titles that
people read; the cells are the same.
"""

import csv
import io

from switch.reports import cells
from switch.reports.table import Report
from switch.reports.wording import Wording


def write(report: Report, language: str | None = None) -> bytes:
    """Rows of text; no cell is one that a spreadsheet runs."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    columns = cells.columns(report)
    said = None if language is None else Wording(language)
    writer.writerow(column.name if said is None else said.heading(column) for column in columns)
    for row in (*report.rows, *report.totals):
        writer.writerow(cells.texts(report, row))
    return out.getvalue().encode()
