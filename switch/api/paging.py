"""Pages of lists: each list under `/v1` has a limit and a cursor; `Link` has the address of the next page.

A cursor is the key of the last entry of a page: `after` in lists in ascending order, `before` in lists with
the newest first. So a page does not shift while entries are added, and no entry is repeated or left out.
Clients take the address from `Link` (RFC 8288, `rel="next"`); the last page has none.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Generic, TypeVar
from urllib.parse import quote, urlencode

from fastapi import Query, Request

T = TypeVar("T")
LIMIT_MAX: Final = 500
NUMBER_MAX: Final = 2**63
_AFTER: Final = "a cursor from the Link header of a page: up to 100 characters"

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]
Before = Annotated[int | None, Query(ge=1, lt=NUMBER_MAX)]
After = Annotated[str, Query(pattern=r"^[A-Za-z0-9._:/-]{0,100}$", description=_AFTER)]


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """The entries of a page, and the cursor of the next page; None at the end of the list."""

    entries: list[T]
    next: str | int | None


def cut(found: Sequence[T], limit: int, key: Callable[[T], str | int]) -> Page[T]:
    """Make a page of entries that were read in order with one more than `limit`."""
    shown = list(found[:limit])
    return Page(shown, key(shown[-1]) if len(found) > limit else None)


def within(found: Sequence[T], limit: int, key: Callable[[T], str], after: str) -> Page[T]:
    """Make a page of a list that is in memory, in the order of its keys."""
    behind = sorted((entry for entry in found if key(entry) > after), key=key)
    return cut(behind, limit, key)


def link(request: Request, cursor: str, page: Page[T]) -> dict[str, str]:
    """The header with the address of the next page: the same query with another cursor."""
    if page.next is None:
        return {}
    query = urlencode({**request.query_params, cursor: str(page.next)})
    return {"Link": f'<{quote(request.scope["path"])}?{query}>; rel="next"'}
