"""Documents and rows as aligned tables at a terminal. Nothing is cut: wide rows are one block each."""

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

_GAP: Final = 2
_FOLDED: Final = 24
"""The widest column may be folded, but not to less than this."""
_INSTANT: Final = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?(?:Z|\+00:00)")
_NUMBERS: Final = frozenset("0123456789.,-+ ")
_STYLES: Final = {
    "green": (
        "ok",
        "active",
        "open",
        "delivered",
        "ACCC",
        "ACSC",
        "COMMITTED",
        "executed",
        "in force",
        "valid",
    ),
    "yellow": ("ACSP", "PDNG", "ACWP", "IN_DOUBT", "requested", "suspended", "pending", "CLOSED", "future"),
    "red": ("FAIL", "failed", "RJCT", "REFUSED", "removed", "revoked", "refused", "error", "disabled"),
}
_STYLE_OF: Final = {word.lower(): style for style, words in _STYLES.items() for word in words}


def show(value: Any) -> None:
    """Print a document or a list."""
    console = _console()
    if isinstance(value, list) and all(isinstance(row, dict) for row in value):
        _rows(console, value)
    elif isinstance(value, dict):
        _document(console, value)
    else:
        console.print(_cell(value))


def line(text: str) -> None:
    """Print a line; words that state success or failure have a colour."""
    _console().print(_coloured(text), soft_wrap=True)


def hint(lines: Sequence[str]) -> None:
    """Print what to do next, to standard error."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print()
    console.print("What now:", style="bold")
    for each in lines:
        console.print(f"  {each}", markup=False)


def _console() -> Console:
    return Console(file=sys.stdout, highlight=False, markup=False, emoji=False)


def _document(console: Console, value: Mapping[str, Any]) -> None:
    lists = {name: each for name, each in value.items() if _is_rows(each)}
    grid = Table.grid(padding=(0, _GAP))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, each in _flat(value):
        if name not in lists and each not in (None, "", [], {}):
            grid.add_row(name, _coloured(_cell(each)))
    console.print(grid)
    for name, each in lists.items():
        console.print()
        console.print(name, style="bold")
        _rows(console, each)


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


def _rows(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        console.print("none", style="dim")
        return
    flat = [{name: _cell(each) for name, each in _flat(row)} for row in rows]
    names = [name for name in dict.fromkeys(name for row in flat for name in row) if _is_used(name, flat)]
    widths = [max(len(name), *(len(row.get(name, "")) for row in flat)) for name in names]
    room = console.width - sum(widths) - _GAP * (len(names) - 1)
    if room + max(widths) >= _FOLDED:
        console.print(_table(names, flat, names[widths.index(max(widths))] if room < 0 else ""))
        return
    for number, row in enumerate(flat):
        if number:
            console.print()
        _document(console, row)


def _is_used(name: str, rows: Iterable[Mapping[str, str]]) -> bool:
    return any(row.get(name) for row in rows)


def _table(names: Sequence[str], rows: Sequence[Mapping[str, str]], folded: str) -> Table:
    """A table; the cells of one column may take several lines."""
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    for name in names:
        is_number = all(_NUMBERS.issuperset(row.get(name, "")) for row in rows)
        table.add_column(
            name, justify="right" if is_number else "left", no_wrap=name != folded, overflow="fold"
        )
    for row in rows:
        table.add_row(*(_coloured(row.get(name, "")) for name in names))
    return table


def _flat(value: Mapping[str, Any], above: str = "") -> Iterable[tuple[str, Any]]:
    """The members, with those of objects inside under both names; an amount is one member."""
    for name, each in value.items():
        if isinstance(each, dict) and each.keys() != {"amount", "currency"}:
            yield from _flat(each, f"{above}{name}.")
        else:
            yield f"{above}{name}", each


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case {"amount": amount, "currency": currency}:
            return f"{amount} {currency}"
        case list() if not any(isinstance(each, dict | list) for each in value):
            return ", ".join(map(_cell, value))
        case dict() | list():
            return json.dumps(value, ensure_ascii=False)
        case _:
            text = str(value).strip()
            instant = _INSTANT.fullmatch(text)
            return f"{instant[1]} {instant[2]} UTC" if instant else text


def _coloured(text: str) -> Text:
    """The text; each word that states success or failure in its colour."""
    found = Text(text)
    start = 0
    for word in [text] if text.lower() in _STYLE_OF else text.split(" "):
        if style := _STYLE_OF.get(word.strip(":,.").lower()):
            found.stylize(style, start, start + len(word))
        start += len(word) + 1
    return found
