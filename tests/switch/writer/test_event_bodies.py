"""Nobody makes the log unreadable: the writer records no such body, and readers show one that is there."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from schemas.errors import SwitchError
from switch.change_catalogue import KINDS
from switch.operations import caused
from switch.pages import log
from switch.pages.language import Language
from switch.payments import events
from switch.reports import access, catalogue, render
from switch.reports.query import ReportQuery, Scope
from switch.reports.reading import reading
from switch.writer import audit_notes, event_bodies, kinds
from switch.writer.commands import Record
from switch.writer.context import ServiceContext
from switch.writer.event_kinds import EventKind
from tests.switch.services import open_services

FORGED = {
    "no JSON": b"\xff\xfe{",
    "no UTF-8": b'{"caller":"\xff"}',
    "NUL": b'{"caller":"person:\\u0000"}',
    "a lone surrogate": b'{"caller":"\\ud800"}',
    "no object": b"[1,2]",
    "nothing": b"",
    "no number": b'{"caller":NaN}',
    "a number that no database takes": b'{"caller":1e999999}',
    "nested": b'{"caller":' + b"[" * 900 + b"]" * 900 + b"}",
    "nested without end": b'{"caller":' + b"[" * 100_000,
    "a name twice": b'{"caller":"person:olga","caller":"person:ravi"}',
    "spaces": b'{"caller": "person:olga"}',
    "too long": b'{"caller":"' + b"a" * event_bodies.BODY_MAX + b'"}',
}


@pytest.fixture
async def services(database_url: str) -> AsyncIterator[ServiceContext]:
    async with open_services(database_url) as opened:
        yield opened


@pytest.mark.parametrize("what", FORGED)
async def test_a_process_forged_an_event_that_no_report_could_read(
    services: ServiceContext, what: str
) -> None:
    with pytest.raises(SwitchError, match="cannot be recorded"):
        await services.link.ask(Record("PAGE_READ", FORGED[what]))

    assert await services.pool.fetchval("SELECT count(*) FROM ledger.event WHERE kind = 'PAGE_READ'") == 0


def test_every_body_of_our_own_may_be_recorded() -> None:
    for facts in (
        {},
        {"a": 'б中\n"\\u0000'},
        {"z": 1, "a": [1.5, None, True]},
        {"a\0": ["\0", {"\0": "\0"}]},
    ):
        body = event_bodies.encode(facts)
        assert event_bodies.fault(body) == ""
        assert "\0" not in str(event_bodies.read(body))


async def test_a_note_that_cannot_be_recorded_holds_up_no_other(services: ServiceContext) -> None:
    """Whoever may write notes into the database blocked the notes of all processes."""
    async with services.pool.acquire() as connection, connection.transaction():
        await connection.execute(
            "INSERT INTO switch.audit_note (id, kind, body, after_seq) VALUES (gen_random_uuid(), $1, $2, 0)",
            "KEY_ADDED",
            b"\xff\xfe{",
        )
        await audit_notes.note(connection, EventKind.PERSON_INVITED, participant="asha-bank", person="asif")
    await audit_notes.relay(services)
    rows = await services.pool.fetch(
        "SELECT kind, body FROM ledger.event WHERE kind IN ('KEY_ADDED', 'PERSON_INVITED') ORDER BY seq"
    )

    assert [row["kind"] for row in rows] == ["KEY_ADDED", "PERSON_INVITED"]
    assert event_bodies.read(rows[0]["body"])["unreadable"] == "fffe7b"
    assert await services.pool.fetchval("SELECT count(*) FROM switch.audit_note WHERE seq IS NULL") == 0


async def old(services: ServiceContext, monkeypatch: pytest.MonkeyPatch) -> int:
    """Have an earlier version record what this one refuses; return the last event."""
    bodies = [body for what, body in FORGED.items() if what != "too long"]
    bodies += [
        b'{"receiver":"asha-bank"}',
        b'{"participant":"asha-bank","keyid":{"a":1}}',
        b'{"a":{"receiver":"asha-bank","participant":"asha-bank"}}',
        b'{"change":1,"content":5,"seats":5,"change_kind":[]}',
    ]
    last = 0
    with monkeypatch.context() as earlier:
        earlier.setattr(event_bodies, "fault", lambda _: "")
        for kind in sorted(kinds.BY_READERS | kinds.BY_RELAY | {EventKind.ERASE}):
            for body in bodies:
                last = (await services.link.ask(Record(kind, body))).number
    return last


async def in_access_log(services: ServiceContext, _: int) -> None:
    day, now = timedelta(days=1), datetime.now(UTC)
    query = ReportQuery(since=now - day, until=now + day)
    async with services.pool.acquire() as connection, reading(connection):
        report = await access.read(connection, query, Scope("tester", everything=True))

    assert any('"unreadable":"fffe7b"' in str(row) for row in report.rows)
    for form in catalogue.TABLE:
        assert render.render(report, form)


async def in_command(services: ServiceContext, last: int) -> None:
    url = services.pool._connect_args[0]
    command = [sys.executable, "-m", "switch.cli", "events", "--limit", "100000", "--database", url]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, check=True, timeout=120)
    lines = [json.loads(line) for line in done.stdout.splitlines()]

    assert [line["seq"] for line in lines] == list(range(1, last + 1))
    assert any(line.get("unreadable") == "fffe7b" for line in lines)


async def in_events(services: ServiceContext, last: int) -> None:
    page = await events.read(services.pool, "asha-bank", after=0, limit=1000)
    told = [event.document() for event in page.events]
    json.dumps(told)
    assert page.next == last
    assert {event["type"] for event in told} == {
        "message.received",
        *events.TYPES[: len(events.OF_PARTICIPANTS)],
    }


async def in_causes(services: ServiceContext, last: int) -> None:
    async with services.pool.acquire() as connection, connection.transaction(readonly=True):
        assert await caused.check_causes(connection, KINDS)


async def on_pages(services: ServiceContext, last: int) -> None:
    rows = await services.pool.fetch("SELECT *, NULL AS uetr, NULL AS window FROM ledger.event")
    assert [
        log._row(row, Language("en", ZoneInfo("UTC")))["who"]
        for row in rows
        if row["body"].startswith(b"\xff")
    ].count("") > 1


READERS: dict[str, Callable[[ServiceContext, int], Any]] = {
    "access log": in_access_log,
    "payswitch events": in_command,
    "events of a participant": in_events,
    "verify": in_causes,
    "pages": on_pages,
}


async def test_every_reader_shows_what_cannot_be_read(
    services: ServiceContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = await old(services, monkeypatch)
    for reader in READERS.values():
        await reader(services, last)


def test_a_note_whose_fields_have_another_order_keeps_its_content():
    """The contents of changes are structures, written in the order of their fields: the log lost them."""
    body = b'{"kind":"cap.set","change":7,"content":{"participant":"a","currency":"INR"}}'

    assert event_bodies.fault(body)
    assert event_bodies.fault(event_bodies.acceptable(body)) == ""
    assert event_bodies.read(event_bodies.acceptable(body)) == event_bodies.read(body)
