"""Create a report: check, read, render, record in the audited log, store, return - in this order.

The request becomes an event of the audited log before anything is returned: if the writer does not accept the
event, there is no report. A report that shows personal data is returned and not stored, so that erasing a
payment's data leaves no copy behind. The log keeps for ever that it was shown, to whom, and its hash.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from schemas.errors import NotAllowed, NotFound, Unavailable
from switch.base import outside_keys, personal_data
from switch.base.personal_data import KeyRing
from switch.base.settings import Settings
from switch.reports import catalogue, evidence, pattern_rules, patterns, render
from switch.reports import package as packages
from switch.reports.artefacts import Artefact, ReportStore
from switch.reports.letter import Letter, open_letter
from switch.reports.letter import addressee as addressee_of
from switch.reports.query import ReportQuery, Scope, read_query
from switch.reports.render import json_file
from switch.reports.seal import sealed
from switch.reports.source import Source
from switch.reports.sql import statement
from switch.reports.table import Report
from switch.writer import event_bodies
from switch.writer.client import Link
from switch.writer.commands import Record
from switch.writer.event_kinds import EventKind

AT_ONCE: Final = 2
"""Reports that one process reads at the same time."""

_ADD: Final = statement("add_artefact")
_MADE: Final = statement("artefacts")
_OF_CONTENT: Final = statement("artefacts_of_content")
_FILES_MAX: Final = 50
_SIGNATURE: Final = "SELECT report, signature FROM switch.report_artefact WHERE sha256 = $1 LIMIT 1"


@dataclass(frozen=True, slots=True)
class ReportService:
    """What creating reports needs."""

    pool: asyncpg.Pool
    reading: asyncpg.Pool
    """Connections of the role that only reads."""
    link: Link
    store: ReportStore
    source: Source
    """Where reports are read from."""
    keys: KeyRing
    """Opens the messages of payments, for readers with the right to see their parties."""
    letter: Letter
    """The letterhead, and the address at which a file is verified."""
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    """Limits concurrent reports, so that they never take every connection from the payments."""

    @classmethod
    def open(
        cls, settings: Settings, pool: asyncpg.Pool, reading: asyncpg.Pool, link: Link
    ) -> "ReportService":
        """Open the report service of an installation."""
        store = ReportStore(settings.data / "reports", outside_keys.of_reports(settings).open())
        source = Source.open(settings, reading)
        keys = personal_data.load(settings.personal_data_keys)
        return cls(pool, reading, link, store, source, keys, open_letter(settings))


async def make(  # noqa: PLR0917
    service: ReportService,
    name: str,
    given: Mapping[str, str],
    scope: Scope,
    form: str = "json",
    language: str | None = None,
    addressee: str = "",
) -> Artefact:
    """Create a report, record the request in the log, and return the report.

    Args:
        service: The service.
        name: A report of the catalogue.
        given: Its parameters, as texts.
        scope: The reader and what it may see.
        form: One of the report's formats.
        language: Of labels and numbers, if the format is for people; see `wording`.
        addressee: To whom a report for people is addressed; by default, to the reader that the scope names.

    Raises:
        NotFound: no such report, window, account, payment or version of rules in this scope.
        NotAllowed: not for this reader.
        NotAcceptable: no such format.
        InvalidMessage: parameters are missing or wrong.
        Unavailable: the writer did not record the request, or the requested data is not complete yet.

    """
    definition = catalogue.find(name)
    query = read_query(given)
    definition.check(query, scope)
    if form not in definition.formats:
        raise render.not_here(form)
    async with service.turns:
        report, to = await _read(service, definition, query, scope, proved=form == evidence.BUNDLE)
    letter = replace(service.letter, addressee=addressee or to, country=scope.country or "")
    # Rendering is CPU-bound: in a thread, the other requests of this process continue meanwhile.
    octets = await asyncio.to_thread(render.render, report, form, language, letter)
    artefact = await _noted(service, report, octets, scope, form)
    if not scope.reveal:
        await asyncio.to_thread(service.store.keep, artefact)
    await _register(service, report, artefact, scope)
    return artefact


async def _read(
    service: ReportService,
    definition: catalogue.Definition,
    query: ReportQuery,
    scope: Scope,
    *,
    proved: bool,
) -> tuple[Report, str]:
    """The report with its seal and, if asked, proofs, and the name of the reader that it is for."""
    if scope.reveal and definition.name != patterns.NAME:
        raise NotAllowed("this report has no personal data to show")

    async def read(connection: asyncpg.Connection) -> tuple[Report, str]:
        made = await _read_with_people(service, connection, query, scope) if scope.reveal else None
        report = made or await definition.read(connection, query, scope)
        if proved:
            report = await evidence.proved(connection, report)
        return await sealed(connection, report), await addressee_of(connection, scope)

    # A replica may still have the data of a person that was just erased.
    from_replica = definition.from_replica and not scope.reveal
    return await service.source.read(query, read, from_replica=from_replica)


async def _read_with_people(
    service: ReportService, connection: asyncpg.Connection, query: ReportQuery, scope: Scope
) -> Report:
    period, version, hits = await patterns.hits(connection, query, scope)
    people = await _people(service, connection, sorted({hit.uetr for hit in hits}))
    return patterns.report(hits, period, version, scope, people)


async def _people(
    service: ReportService, connection: asyncpg.Connection, uetrs: list[UUID]
) -> dict[UUID, patterns.People]:
    if len(uetrs) > patterns.REVEALED_MAX:
        raise NotAllowed(f"the parties of at most {patterns.REVEALED_MAX} payments are shown at once")
    found = {}
    for uetr in uetrs:
        try:
            raw = await personal_data.read(connection, service.keys, uetr, personal_data.CAME)
        except personal_data.Erased:
            found[uetr] = patterns.People("(erased)", "(erased)")
        else:
            found[uetr] = patterns.people_of(raw)
    return found


async def _noted(service: ReportService, report: Report, octets: bytes, scope: Scope, form: str) -> Artefact:
    """The artefact, after the log has the event of its request."""
    found = render.FORMATS[form]
    artefact = Artefact(
        report=report.name,
        format=form,
        suffix=found.suffix,
        media_type=found.media_type,
        octets=octets,
        signature=service.store.sign(octets),
        as_of=int(report.parameters.get("as_of", 0)),
        event=0,
        content=json_file.sha256(report),
    )
    return replace(artefact, event=await note(service, EventKind.REPORT, **_event(report, artefact, scope)))


async def note(service: ReportService, kind: EventKind, **facts: Any) -> int:
    """Write an event into the audited log; return its sequence number.

    Raises:
        Unavailable, OutcomeUnknown: it is not known that the writer recorded it.

    """
    reply = await service.link.ask(Record(kind, event_bodies.encode(facts)))
    if not reply.number:
        raise Unavailable("the audited log did not record this request")
    return reply.number


def _event(report: Report, artefact: Artefact, scope: Scope) -> dict[str, Any]:
    return {
        "caller": scope.caller,
        "scope": scope.text,
        "report": report.name,
        "format": artefact.format,
        "parameters": dict(report.parameters),
        "sha256": artefact.sha256.hex(),
        "revealed": scope.reveal,
    }


async def _register(service: ReportService, report: Report, artefact: Artefact, scope: Scope) -> None:
    await service.pool.execute(
        _ADD,
        artefact.sha256,
        report.name,
        artefact.format,
        json.dumps(dict(report.parameters), sort_keys=True),
        scope.text,
        scope.caller,
        scope.reveal,
        artefact.as_of,
        artefact.event,
        len(artefact.octets),
        artefact.signature,
        artefact.content,
    )


async def add_rules(service: ReportService, version: str, rules: pattern_rules.Rules, caller: str) -> None:
    """Add a version of the pattern rules, and record who added it. Raises as `pattern_rules.add` does."""
    async with service.pool.acquire() as connection, connection.transaction():
        await pattern_rules.add(connection, version, rules, caller)
        await note(service, EventKind.PATTERN_RULES, caller=caller, version=version)


async def signature(service: ReportService, sha256: str) -> tuple[str, str]:
    """The report of the file with this hash, and its detached signature.

    Raises:
        NotFound: no file with this hash was made here.

    """
    row = await service.pool.fetchrow(_SIGNATURE, bytes.fromhex(sha256))
    if row is None:
        raise NotFound("no report of this hash was made here")
    return row["report"], row["signature"]


async def of_content(service: ReportService, sha256: str) -> list[dict[str, Any]]:
    """The files of a report, by the hash of its content or of one of them: for anyone who has the hash."""
    rows = await service.reading.fetch(_OF_CONTENT, bytes.fromhex(sha256), _FILES_MAX)
    return [{**row, "sha256": row["sha256"].hex()} for row in rows]


def package(service: ReportService, artefact: Artefact, language: str | None) -> bytes:
    """The report with its signature, the public key, and how to check it, as a ZIP file."""
    return packages.pack(artefact, service.store.public_key, language, service.letter.verify)


async def made(
    service: ReportService,
    scope: Scope,
    limit: int = 200,
    *,
    before: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[dict[str, Any]]:
    """Artefacts made for this scope, newest first: who, what, up to which event of the log, which file.

    With `since` or `until`: those made from `since` on, and before `until`.
    """
    whose = None if scope.everything else scope.text
    rows = await service.pool.fetch(_MADE, whose, limit, before, since, until)
    return [{**row, "sha256": row["sha256"].hex(), "made_at": row["made_at"].isoformat()} for row in rows]
