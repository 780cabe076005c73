"""Pages that are read under witness: as a role that cannot write, and noted in the audited log.

A regulator and an auditor come from outside: that they opened a page is an event before they see it, so that
what they knew and when can be told later. Without a writer that takes the note there is no page. A page that
fetches itself again every few seconds is one reading: noted when it is opened, and every ten minutes that it
stays open.
"""

import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

import asyncpg
from fastapi import Request

from switch.api.reports import Desk
from switch.identity.model import Person, Role
from switch.pages.shell import Entry
from switch.reports import service
from switch.reports.reading import reading
from switch.writer.event_kinds import EventKind

WATCHED: Final = frozenset({Role.REGULATOR, Role.AUDITOR})
ONE_READING_S: Final = 600.0
_READINGS_MAX: Final = 10_000


async def note(request: Request, office: service.ReportService, person: Person) -> None:
    """Write down that this person opened this page.

    Raises:
        Unavailable, OutcomeUnknown: the writer is not known to have taken it.

    """
    await service.note(
        office,
        EventKind.PAGE_READ,
        caller=f"person:{person.name}",
        page=request.url.path,
        asked=dict(sorted(request.query_params.items())),
    )


def of(entry: Entry) -> Callable[[Request, service.ReportService], Awaitable[Person]]:
    """The signed-in person of a page of this entry, who is noted where the page was opened under witness.

    `person: Annotated[Person, Depends(witness.of(shell.WINDOWS))]`.
    """
    readings = _Readings()

    async def witnessed(request: Request, office: Desk) -> Person:
        person = await entry.viewer(request)
        if person.role in WATCHED and not (_is_live(request) and readings.goes_on(request, person)):
            await note(request, office, person)
            readings.begin(request, person)
        return person

    return witnessed


class _Readings:
    """Who has which page open, as this process noted it."""

    def __init__(self) -> None:
        self._since: dict[tuple[str, str], float] = {}

    def goes_on(self, request: Request, person: Person) -> bool:
        """Whether the note of this reading is young enough."""
        since = self._since.get((person.name, request.url.path))
        return since is not None and time.monotonic() - since < ONE_READING_S

    def begin(self, request: Request, person: Person) -> None:
        """Remember that it was noted now."""
        if len(self._since) >= _READINGS_MAX:
            self._since.clear()  # each is noted once more
        self._since[person.name, request.url.path] = time.monotonic()


def _is_live(request: Request) -> bool:
    """Whether a script of an open page fetches it again; browsers set this header, scripts cannot."""
    return request.headers.get("sec-fetch-dest") == "empty"


@contextlib.asynccontextmanager
async def looking(pool: asyncpg.Pool) -> AsyncIterator[asyncpg.Connection]:
    """A connection that sees one moment, can read and nothing else, and not for ever."""
    async with pool.acquire() as connection, reading(connection):
        yield connection
