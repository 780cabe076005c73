"""Pages that are read under witness: as a role that cannot write, and noted in the audited log.

A regulator and an auditor come from outside: that they opened a page is an event before they see it, so that
what they knew and when can be told later. Without a writer that takes the note there is no page.
"""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

import asyncpg
from fastapi import Request

from switch.api.reports import Desk
from switch.pages.shell import Entry
from switch.people.model import Person, Role
from switch.reports import service
from switch.reports.reading import reading

EVENT: Final = "PAGE_READ"
"""Kind of the event that a page was opened; its body says who, which, and what was asked."""
WATCHED: Final = frozenset({Role.REGULATOR, Role.AUDITOR})


async def note(request: Request, office: service.Office, person: Person) -> None:
    """Write down that this person opened this page.

    Raises:
        Unavailable: the writer did not take it.

    """
    await service.note(
        office,
        EVENT,
        caller=f"person:{person.name}",
        page=request.url.path,
        asked=dict(sorted(request.query_params.items())),
    )


def of(entry: Entry) -> Callable[[Request, service.Office], Awaitable[Person]]:
    """The signed-in person of a page of this entry, who is noted where the page was opened under witness.

    `person: Annotated[Person, Depends(witness.of(shell.WINDOWS))]`.
    """

    async def witnessed(request: Request, office: Desk) -> Person:
        person = await entry.viewer(request)
        if person.role in WATCHED:
            await note(request, office, person)
        return person

    return witnessed


@contextlib.asynccontextmanager
async def looking(pool: asyncpg.Pool) -> AsyncIterator[asyncpg.Connection]:
    """A connection that sees one moment, can read and nothing else, and not for ever."""
    async with pool.acquire() as connection, reading(connection):
        yield connection
