"""Audited access to pages: read with a role that cannot write, and recorded in the event log.

Regulators and auditors are external: their access to a page is recorded as an event before they see it, so
that it is known later what they saw and when. Without a writer that records the event the page is not shown.
The log is kept for ever, and what people type may name somebody: a value is recorded only if the page accepts
it, and of any other text a keyed fingerprint.
A page that refreshes itself every few seconds is one access: recorded when it is opened, then every ten
minutes.
"""

import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import asyncpg
from fastapi import Request

from switch.api.reports import Reporting
from switch.base.personal_data import KeyRing
from switch.identity.model import Person, Role
from switch.pages.shell import NavigationEntry
from switch.payments import search
from switch.reports import service
from switch.reports.reading import reading
from switch.writer.event_kinds import EventKind

WATCHED: Final = frozenset({Role.REGULATOR, Role.AUDITOR})
ONE_READING_S: Final = 600.0
_READINGS_MAX: Final = 10_000
_FREE_TEXT: Final = frozenset({"q", "name", "amount"})
"""Parameters whose accepted values may contain personal data."""
_PARTICIPANT: Final = "id"
"""The parameter of the page of a participant: it accepts any word, and only known ids are recorded."""


@dataclass(frozen=True, slots=True)
class _Access:
    """What is recorded: the path with its accepted values, and the other values, or their fingerprints."""

    page: str
    asked: tuple[tuple[str, str], ...]


async def note(request: Request, reporting: service.ReportService, person: Person) -> None:
    """Record that this person opened this page.

    Raises:
        Unavailable, OutcomeUnknown: the writer did not confirm the record.

    """
    await _note(_access(request, reporting.keys), reporting, person)


async def _note(access: _Access, reporting: service.ReportService, person: Person) -> None:
    await service.note(
        reporting,
        EventKind.PAGE_READ,
        caller=f"person:{person.name}",
        page=access.page,
        asked=dict(access.asked),
    )


def _access(request: Request, keys: KeyRing) -> _Access:
    """What the request asks for. It is read before invalid values are refused, so each is checked here.

    An investigator can check by a fingerprint whether a known text was searched or typed.
    """
    route = request.scope["route"]
    page, asked = route.path_format, {}
    for field in route.dependant.path_params:
        value = str(request.path_params[field.alias])
        accepted = _accepted(field, value)
        if accepted is None or (field.alias == _PARTICIPANT and not _is_participant(request, accepted)):
            asked[field.alias] = _fingerprint(keys, value)
        else:
            page = page.replace(f"{{{field.alias}}}", accepted)
    for field in route.dependant.query_params:
        if value := request.query_params.get(field.alias, ""):
            asked[field.alias] = _accepted(field, value) or _fingerprint(keys, value)
    return _Access(page, tuple(sorted(asked.items())))


def _accepted(field: Any, value: str) -> str | None:
    """The value of a parameter as the page reads it; None if it is free text, or not accepted."""
    if field.alias in _FREE_TEXT:
        return None
    read, errors = field.validate(value)
    return None if errors else str(read)


def _is_participant(request: Request, name: str) -> bool:
    return name in request.app.state.runtime.directory.now.by_id


def _fingerprint(keys: KeyRing, text: str) -> str:
    """A UETR as it is; of any other text its fingerprint, without regard to case and surrounding spaces."""
    uetr = search.typed_uetr(text)
    return str(uetr) if uetr else f"hmac:{keys.claim('', 'search', text.strip().casefold()).hex()}"


def reader(entry: NavigationEntry) -> Callable[[Request, service.ReportService], Awaitable[Person]]:
    """The signed-in person of a page of this entry; the access is recorded for audited roles.

    `person: Annotated[Person, Depends(audited.reader(shell.WINDOWS))]`.
    """
    readings = _Readings()

    async def audited_viewer(request: Request, reporting: Reporting) -> Person:
        person = await entry.viewer(request)
        if person.role in WATCHED:
            access = _access(request, reporting.keys)
            if not (_is_live(request) and readings.goes_on(access, person)):
                await _note(access, reporting, person)
                readings.begin(access, person)
        return person

    return audited_viewer


class _Readings:
    """Recorded accesses of this process: the person, the page and what was asked."""

    def __init__(self) -> None:
        self._since: dict[tuple[str, _Access], float] = {}

    def goes_on(self, access: _Access, person: Person) -> bool:
        """Whether the last record of this access is recent enough."""
        since = self._since.get((person.name, access))
        return since is not None and time.monotonic() - since < ONE_READING_S

    def begin(self, access: _Access, person: Person) -> None:
        """Remember that the access was recorded now."""
        if len(self._since) >= _READINGS_MAX:
            self._since.clear()  # each is recorded once more
        self._since[person.name, access] = time.monotonic()


def _is_live(request: Request) -> bool:
    """Whether a script of an open page refreshes it; browsers set this header, scripts cannot."""
    return request.headers.get("sec-fetch-dest") == "empty"


@contextlib.asynccontextmanager
async def read_only(pool: asyncpg.Pool) -> AsyncIterator[asyncpg.Connection]:
    """A read-only connection with one snapshot and a time limit."""
    async with pool.acquire() as connection, reading(connection):
        yield connection
