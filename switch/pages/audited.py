"""Audited access to pages: read with a role that cannot write, and recorded in the event log.

Regulators and auditors are external: their access to a page is recorded as an event before they see it, so
that it is known later what they saw and when. Without a writer that records the event the page is not shown.
A page that refreshes itself every few seconds is one access: recorded when it is opened, then every ten
minutes.
"""

import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final
from uuid import UUID

import asyncpg
from fastapi import Request

from switch.api.reports import Reporting
from switch.base.personal_data import KeyRing
from switch.identity.model import Person, Role
from switch.pages.shell import NavigationEntry
from switch.reports import service
from switch.reports.reading import reading
from switch.writer.event_kinds import EventKind

WATCHED: Final = frozenset({Role.REGULATOR, Role.AUDITOR})
ONE_READING_S: Final = 600.0
_READINGS_MAX: Final = 10_000
_FREE_TEXT: Final = frozenset({"q"})
"""Parameters whose values may contain personal data."""


async def note(request: Request, reporting: service.ReportService, person: Person) -> None:
    """Record that this person opened this page.

    Raises:
        Unavailable, OutcomeUnknown: the writer did not confirm the record.

    """
    await service.note(
        reporting,
        EventKind.PAGE_READ,
        caller=f"person:{person.name}",
        page=request.url.path,
        asked=_asked(request, reporting.keys),
    )


def _asked(request: Request, keys: KeyRing) -> dict[str, str]:
    """The parameters of the page that were used.

    A searched text may name a person, and the log is kept for ever: only a keyed fingerprint of it is
    recorded, by which an investigator can check whether a known text was searched.
    """
    asked = {}
    for field in request.scope["route"].dependant.query_params:
        value = request.query_params.get(field.alias, "")
        if value:
            asked[field.alias] = _fingerprint(keys, value) if field.alias in _FREE_TEXT else value
    return dict(sorted(asked.items()))


def _fingerprint(keys: KeyRing, text: str) -> str:
    """A UETR as it is; of any other text its fingerprint, without regard to case and surrounding spaces."""
    with contextlib.suppress(ValueError):
        return str(UUID(text.strip()))
    return f"hmac:{keys.claim('', 'search', text.strip().casefold()).hex()}"


def reader(entry: NavigationEntry) -> Callable[[Request, service.ReportService], Awaitable[Person]]:
    """The signed-in person of a page of this entry; the access is recorded for audited roles.

    `person: Annotated[Person, Depends(audited.reader(shell.WINDOWS))]`.
    """
    readings = _Readings()

    async def audited_viewer(request: Request, reporting: Reporting) -> Person:
        person = await entry.viewer(request)
        if person.role in WATCHED and not (_is_live(request) and readings.goes_on(request, person)):
            await note(request, reporting, person)
            readings.begin(request, person)
        return person

    return audited_viewer


class _Readings:
    """Recorded accesses of this process: person and page."""

    def __init__(self) -> None:
        self._since: dict[tuple[str, str], float] = {}

    def goes_on(self, request: Request, person: Person) -> bool:
        """Whether the last record of this access is recent enough."""
        since = self._since.get((person.name, request.url.path))
        return since is not None and time.monotonic() - since < ONE_READING_S

    def begin(self, request: Request, person: Person) -> None:
        """Remember that the access was recorded now."""
        if len(self._since) >= _READINGS_MAX:
            self._since.clear()  # each is recorded once more
        self._since[person.name, request.url.path] = time.monotonic()


def _is_live(request: Request) -> bool:
    """Whether a script of an open page refreshes it; browsers set this header, scripts cannot."""
    return request.headers.get("sec-fetch-dest") == "empty"


@contextlib.asynccontextmanager
async def read_only(pool: asyncpg.Pool) -> AsyncIterator[asyncpg.Connection]:
    """A read-only connection with one snapshot and a time limit."""
    async with pool.acquire() as connection, reading(connection):
        yield connection
