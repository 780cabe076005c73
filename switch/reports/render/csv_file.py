"""Reports as CSV (RFC 4180): a heading, the rows, then the totals."""

import csv
import io

from switch.reports import cells
from switch.reports.table import Report


def write(report: Report) -> bytes:
    """Rows of text; no cell is one that a spreadsheet runs."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(column.name for column in cells.columns(report))
    for row in (*report.rows, *report.totals):
        writer.writerow(cells.texts(report, row))
    return out.getvalue().encode()
