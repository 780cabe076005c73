"""People: current and former users with their roles, forms of their changes, the end of their sessions."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from switch.api.people import check_same_origin
from switch.api.people_sessions import Name
from switch.identity import guesses, providers, sessions
from switch.identity.model import Person, Status
from switch.identity.permissions import Right, may, require
from switch.pages import audited, shell
from switch.pages.audited import read_only
from switch.pages.change_links import link, may_request
from switch.pages.shell import PREFIX, Context, redirect, render

router = APIRouter(prefix=PREFIX, include_in_schema=False)
Reader = Annotated[Person, Depends(audited.reader(shell.PEOPLE))]

OFFERED: Final = {
    Status.INVITED: ("person.reset", "person.remove"),
    Status.ACTIVE: ("person.suspend", "person.reset", "person.remove"),
    Status.SUSPENDED: ("person.resume", "person.reset", "person.remove"),
    Status.REMOVED: (),
}
"""Changes that may be requested, by a person's status."""


@router.get("/people")
async def get_people(request: Request, context: Context, person: Reader) -> Response:
    """List current and former users."""
    async with read_only(context.reading) as connection:
        rows = await sessions.everybody(connection)
        known = await providers.everyone(connection)
    async with context.pool.acquire() as connection:
        failures = await guesses.recent(connection, [row.name for row in rows])
    return render(
        request,
        "people.html",
        person,
        rows=[(row, _offered(person, row)) for row in rows],
        failures=failures,
        invite=link("person.add") if may_request(person, "person.add") else "",
        may_end=may(person, Right.END_SESSIONS),
        providers=known,
        register=link("identity_provider.set") if may_request(person, "identity_provider.set") else "",
        remove=lambda id_: link("identity_provider.remove", id=id_),
    )


@router.post("/people/{name}/sessions/end")
async def post_end_sessions(request: Request, context: Context, person: Reader, name: Name) -> Response:
    """End every session of a person."""
    check_same_origin(request)
    require(person, Right.END_SESSIONS)
    async with context.pool.acquire() as connection:
        await sessions.end_of(connection, name, person)
    return redirect(request, "/people")


def _offered(person: Person, row: Person) -> list[tuple[str, str]]:
    """Kind and address of each applicable form; none for the reader's own account."""
    if row.name == person.name:
        return []
    return [(kind, link(kind, name=row.name)) for kind in OFFERED[row.status] if may_request(person, kind)]
