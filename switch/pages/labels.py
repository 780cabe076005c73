"""Labels of table cells: on a phone each row is a card, and each cell has the heading of its column.

The labels are put in when a page is rendered, in one place, so that no template has to repeat its headings
and no scripts are needed.
"""

import re
from collections.abc import Iterator
from typing import Final

_TABLE: Final = re.compile(r"<table\b.*?</table>", re.DOTALL)
_HEAD: Final = re.compile(r"<thead>.*?</thead>", re.DOTALL)
_HEADING: Final = re.compile(r"<th\b[^>]*>(.*?)</th>", re.DOTALL)
_TAG: Final = re.compile(r"<[^>]*>")
_OPENING: Final = re.compile(r"<(tr|td|th)\b([^>]*)>")


def labelled(html: str) -> str:
    """The page with a `data-label` on each cell below a heading. Cells over several columns have none."""
    return _TABLE.sub(lambda found: _table(found[0]), html)


def _table(table: str) -> str:
    head = _HEAD.search(table)
    if head is None:
        return table
    headings = [" ".join(_TAG.sub("", text).split()) for text in _HEADING.findall(head[0])]
    return table[: head.end()] + "".join(_body(table[head.end() :], headings))


def _body(body: str, headings: list[str]) -> Iterator[str]:
    column, place = 0, 0
    for found in _OPENING.finditer(body):
        name, attributes = found.groups()
        yield body[place : found.start()]
        place = found.end()
        if name == "tr":
            column = 0
            yield found[0]
            continue
        label = headings[column] if column < len(headings) and "colspan" not in attributes else ""
        yield f'<{name}{attributes} data-label="{label}">' if label else found[0]
        column += 1
    yield body[place:]
