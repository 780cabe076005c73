"""Reports as CSV (RFC 4180): a heading, the rows, then the totals.

The heading has the stable names for programs. If a language is requested, it has the titles for people; the
cells are the same.
"""

import csv
import io

from switch.reports import cells
from switch.reports.table import Report
from switch.reports.wording import Wording


def write(report: Report, language: str | None = None) -> bytes:
    """Write rows of text; no cell can run as a formula in a spreadsheet."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    columns = cells.columns(report)
    said = None if language is None else Wording(language)
    writer.writerow(column.name if said is None else said.heading(column) for column in columns)
    for row in (*report.rows, *report.totals):
        writer.writerow(cells.texts(report, row))
    return out.getvalue().encode()
