"""Lists on the command line: a limit, a cursor, and a line on standard error if there are more entries."""

from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, TypeVar

import typer

T = TypeVar("T")
_NUMBER_MAX = 2**63 - 1
Before = Annotated[
    int | None, typer.Option("--before", min=1, max=_NUMBER_MAX, help="only entries older than this number")
]
After = Annotated[str, typer.Option("--after", metavar="ID", help="only entries after this id")]
AfterNumber = Annotated[
    int, typer.Option("--after", min=0, max=_NUMBER_MAX, help="only entries after this number")
]
Limit = Annotated[int, typer.Option("--limit", min=1, max=10_000, help="maximum number of entries")]


def shown(
    found: Sequence[T], limit: int, key: Callable[[T], str | int], option: str = "--before"
) -> Sequence[T]:
    """The entries to print of a list that was read with one more; tells how to continue if there are more."""
    if len(found) > limit:
        typer.echo(f"payswitch: more entries: continue with {option} {key(found[limit - 1])}", err=True)
    return found[:limit]


def within(found: Iterable[T], limit: int, key: Callable[[T], str], after: str) -> Sequence[T]:
    """The entries to print of a list that is in memory, in the order of its keys."""
    behind = sorted((entry for entry in found if key(entry) > after), key=key)
    return shown(behind, limit, key, "--after")
