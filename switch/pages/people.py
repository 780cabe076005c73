"""People: who may sign in, in which role, and the forms to ask that this changes."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from switch.identity import sessions
from switch.identity.model import Person, Status
from switch.pages import shell, witness
from switch.pages.asking import link, may_ask
from switch.pages.shell import PREFIX, Office, render
from switch.pages.witness import looking

router = APIRouter(prefix=PREFIX, include_in_schema=False)
Reader = Annotated[Person, Depends(witness.of(shell.PEOPLE))]

OFFERED: Final = {
    Status.INVITED: ("person.reset", "person.remove"),
    Status.ACTIVE: ("person.suspend", "person.reset", "person.remove"),
    Status.SUSPENDED: ("person.resume", "person.reset", "person.remove"),
    Status.REMOVED: (),
}
"""What may be asked for, by a person's status."""


@router.get("/people")
async def get_people(request: Request, desk: Office, person: Reader) -> Response:
    """List everybody who may sign in, or could once."""
    async with looking(desk.pool) as connection:
        rows = await sessions.everybody(connection)
    return render(
        request,
        "people.html",
        person,
        rows=[(row, _offered(person, row)) for row in rows],
        invite=link("person.add") if may_ask(person, "person.add") else "",
    )


def _offered(person: Person, row: Person) -> list[tuple[str, str]]:
    """Kind and address of each form that fits; nobody asks for what concerns themselves here."""
    if row.name == person.name:
        return []
    return [(kind, link(kind, name=row.name)) for kind in OFFERED[row.status] if may_ask(person, kind)]
