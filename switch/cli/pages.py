"""Lists on the command line: a bound, a cursor, and a line on standard error where there is more."""

from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, TypeVar

import typer

T = TypeVar("T")
_NUMBER_MAX = 2**63 - 1
Before = Annotated[
    int | None, typer.Option("--before", min=1, max=_NUMBER_MAX, help="only what is older than this number")
]
After = Annotated[str, typer.Option("--after", metavar="ID", help="only what comes behind this id")]
AfterNumber = Annotated[
    int, typer.Option("--after", min=0, max=_NUMBER_MAX, help="only what comes behind this number")
]
Limit = Annotated[int, typer.Option("--limit", min=1, max=10_000, help="how many at most")]


def shown(
    found: Sequence[T], limit: int, key: Callable[[T], str | int], option: str = "--before"
) -> Sequence[T]:
    """What is printed of a list that was read with one entry more; says how to go on where there is more."""
    if len(found) > limit:
        typer.echo(f"payswitch: there is more: {option} {key(found[limit - 1])}", err=True)
    return found[:limit]


def within(found: Iterable[T], limit: int, key: Callable[[T], str], after: str) -> Sequence[T]:
    """What is printed of a list that is short enough to be in memory, in the order of its keys."""
    behind = sorted((entry for entry in found if key(entry) > after), key=key)
    return shown(behind, limit, key, "--after")
