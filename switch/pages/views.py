"""Saved views: filters of a list that a person keeps under a name, on the list itself.

A view is an address with a name. It gives nobody a right: the list that it leads to checks its reader.
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

import asyncpg
from fastapi import APIRouter, Request
from starlette.responses import Response

from schemas.errors import InvalidMessage
from switch.api.people import check_same_origin
from switch.base.sql import statements
from switch.identity.model import Person
from switch.pages import filters, shell
from switch.pages.shell import PREFIX, Switch, Viewer, form, redirect

router = APIRouter(prefix=PREFIX, include_in_schema=False)
LISTS: Final = (shell.PAYMENTS, shell.CASES, shell.APPROVALS, shell.WINDOWS, shell.BREAKS)
"""Lists that have saved views."""
MOST: Final = 20
"""Views of one list and person."""
_NAME_MAX: Final = 40
_QUERY_MAX: Final = 1000
_load: Final = statements("switch.pages")
_OF_PERSON: Final = _load("views_of_person")
_SAVE: Final = _load("save_view")
_REMOVE: Final = "DELETE FROM switch.saved_view WHERE person = $1 AND number = $2 RETURNING page"


@dataclass(frozen=True, slots=True)
class SavedView:
    """One view of the list that is shown."""

    number: int
    name: str
    href: str
    here: bool


@dataclass(frozen=True, slots=True)
class ListViews:
    """What a list offers: the views that its reader keeps, and the filters that can be saved now, if any."""

    page: str
    saved: tuple[SavedView, ...]
    query: str


async def read(pool: asyncpg.Pool, request: Request, person: Person) -> ListViews:
    """The views of the list that this request shows."""
    page = request.url.path.removeprefix(PREFIX)
    query = urlencode(filters.kept(request))
    return ListViews(
        page,
        tuple(
            SavedView(row["number"], row["name"], f"{PREFIX}{page}?{row['query']}", row["query"] == query)
            for row in await pool.fetch(_OF_PERSON, person.name, page, MOST)
        ),
        query,
    )


@router.post("/views")
async def post_view(request: Request, switch: Switch, person: Viewer) -> Response:
    """Keep the filters of a list under a name."""
    check_same_origin(request)
    values = await form(request)
    page, name = values.get("page", ""), " ".join(values.get("name", "").split())
    query = values.get("query", "")
    _check(person, page, name, query)
    if await switch.pool.fetchval(_SAVE, person.name, page, name, query, MOST) is None:
        raise InvalidMessage("a list has at most 20 saved views: remove one first")
    return redirect(request, f"{page}?{query}")


@router.post("/views/remove")
async def post_removal(request: Request, switch: Switch, person: Viewer) -> Response:
    """Forget one of the reader's own views."""
    check_same_origin(request)
    number = (await form(request)).get("number", "")
    if not (number.isascii() and number.isdigit() and len(number) < len(str(2**63))):
        raise InvalidMessage("the view has no such number")
    page: str | None = await switch.pool.fetchval(_REMOVE, person.name, int(number))
    return redirect(request, page or shell.PAYMENTS.path)


def _check(person: Person, page: str, name: str, query: str) -> None:
    listed = next((entry for entry in LISTS if entry.path == page), None)
    if listed is None or not listed.admits(person):
        raise InvalidMessage("this page has no saved views")
    if not name or len(name) > _NAME_MAX or not name.isprintable():
        raise InvalidMessage("a view needs a name of at most 40 characters")
    # It is followed by a redirect, so it is nothing but a query.
    if not query or len(query) > _QUERY_MAX or not query.isascii() or not query.isprintable() or "#" in query:
        raise InvalidMessage("there are no filters to save")
