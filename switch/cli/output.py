"""What commands print: JSON for programs, and the same data as tables for a person at a terminal.

A pipe or a file gets JSON, so a script needs no option; `--json`, which every command has that prints data,
prints it at a terminal, too, and in place of a line of text. Colours follow `NO_COLOR` and `TERM`.
"""

import dataclasses
import json
import sys
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Final

import typer
from typer.main import get_command


@dataclasses.dataclass
class _Choice:
    """Of the command that runs."""

    as_json: bool = False


_choice = _Choice()


def _choose(*, wanted: bool) -> bool:
    _choice.as_json = wanted
    return wanted


_JSON: Final = typer.Option(
    "--json",
    help="print JSON at a terminal, too",
    callback=lambda value: _choose(wanted=value),
    is_eager=True,
    expose_value=False,
)


def _with_json(*, as_json: Annotated[bool, _JSON] = False) -> None:
    """The shape of the option, from which the parser's own is made."""


def json_option() -> Any:
    """The option `--json` for the parser of a command."""
    app = typer.Typer(add_completion=False)
    app.command()(_with_json)
    (option,) = (found for found in get_command(app).params if "--json" in found.opts)
    return option


def forget() -> None:
    """Forget the choice: another command may run in this process."""
    _choice.as_json = False


def json_wanted() -> bool:
    """Whether `--json` was given: for commands whose output is text elsewhere, too."""
    return _choice.as_json


def for_person() -> bool:
    """Whether a person reads what is printed: it goes to a terminal, and nobody asked for JSON."""
    return sys.stdout.isatty() and not _choice.as_json


def document(value: Any, *, indent: int | None = 2, ensure_ascii: bool = True) -> None:
    """Print one document."""
    if for_person():
        _tables().show(_plain(value))
    else:
        typer.echo(json.dumps(value, indent=indent, default=_text, ensure_ascii=ensure_ascii))


def rows(found: Iterable[Any], *, ensure_ascii: bool = True) -> None:
    """Print rows: one line of JSON each, as they come, or a table of all."""
    if for_person():
        _tables().show([_plain(row) for row in found])
        return
    for row in found:
        typer.echo(json.dumps(row, default=_text, ensure_ascii=ensure_ascii))


def text(line: str) -> None:
    """Print a line for people; words that state success or failure have a colour at a terminal."""
    if for_person():
        _tables().line(line)
    else:
        typer.echo(line)


def told(line: str, **data: Any) -> None:
    """Print a line that says what was done or found; with `--json`, its data as one line of JSON."""
    if _choice.as_json:
        typer.echo(json.dumps(data, default=_text, ensure_ascii=False))
    else:
        text(line)


def what_now(*lines: str) -> None:
    """Tell a person at a terminal what to do next; programs do not see it."""
    if for_person() and sys.stderr.isatty():
        _tables().hint(lines)


def _tables() -> Any:
    from switch.cli import tables  # noqa: PLC0415 - slow to import, and of no use to a program

    return tables


def _plain(value: Any) -> Any:
    """The value as JSON has it."""
    return json.loads(json.dumps(value, default=_text))


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
