"""A report as one page of HTML: no script, no style from elsewhere, readable in every browser."""

from html import escape
from typing import Final

from switch.reports import cells
from switch.reports.table import Report, Row
from switch.reports.wording import Wording

_ENGLISH: Final = Wording()
_STYLE: Final = (
    "body{font:16px/1.5 sans-serif;margin:2em;color:#111;background:#fff}"
    "table{border-collapse:collapse}"
    "th,td{border:1px solid #888;padding:.3em .6em;text-align:left;vertical-align:top}"
    "dt{font-weight:bold}dd{margin:0 0 .4em}"
)


def write(report: Report) -> bytes:
    """Write the page."""
    facts = "".join(f"<dt>{escape(n)}</dt><dd>{escape(v)}</dd>" for n, v in report.parameters.items())
    head = "".join(f'<th scope="col">{escape(_ENGLISH.heading(c))}</th>' for c in cells.columns(report))
    rows = "".join(_row(report, row) for row in report.rows)
    notes = "".join(f"<p>{escape(note)}</p>" for note in report.notes)
    title = escape(report.title)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>'
        f"<body><main><h1>{title}</h1><dl>{facts}</dl>{notes}"
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></main></body></html>\n"
    ).encode()


def _row(report: Report, row: Row) -> str:
    return f"<tr>{''.join(f'<td>{escape(text)}</td>' for text in cells.texts(report, row))}</tr>"
