"""Pages of lists: each list under `/v1` has a bound and a cursor, and `Link` has the address of the next.

A cursor is the key of the last entry of a page: `after` it in lists that run upwards, `before` it in those
that begin with the newest. So a page stays where it is while entries are added, and nothing is shown twice or
left out. Clients take the address from `Link` (RFC 8288, `rel="next"`); without one the list has ended.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Generic, TypeVar
from urllib.parse import quote, urlencode

from fastapi import Query, Request

T = TypeVar("T")
LIMIT_MAX: Final = 500
NUMBER_MAX: Final = 2**63
_AFTER: Final = "the key of an entry, as the Link header of a page has it: up to 100 characters"

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]
Before = Annotated[int | None, Query(ge=1, lt=NUMBER_MAX)]
After = Annotated[str, Query(pattern=r"^[A-Za-z0-9._:/-]{0,100}$", description=_AFTER)]


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some entries, and the cursor behind which the next page begins; None at the end of the list."""

    entries: list[T]
    next: str | int | None


def cut(found: Sequence[T], limit: int, key: Callable[[T], str | int]) -> Page[T]:
    """Make a page of what was read with one entry more than `limit`, in the list's order."""
    shown = list(found[:limit])
    return Page(shown, key(shown[-1]) if len(found) > limit else None)


def within(found: Sequence[T], limit: int, key: Callable[[T], str], after: str) -> Page[T]:
    """Make a page of a list that is short enough to be in memory, in the order of its keys."""
    behind = sorted((entry for entry in found if key(entry) > after), key=key)
    return cut(behind, limit, key)


def link(request: Request, cursor: str, page: Page[T]) -> dict[str, str]:
    """The header with the address of the next page: the same query with another cursor."""
    if page.next is None:
        return {}
    query = urlencode({**request.query_params, cursor: str(page.next)})
    return {"Link": f'<{quote(request.scope["path"])}?{query}>; rel="next"'}
