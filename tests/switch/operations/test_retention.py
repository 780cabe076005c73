"""What is no evidence is forgotten in time: all of what is old, and nothing of what is not."""

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

from ledger.roles import Login
from switch.base.database import connect, connect_pool
from switch.base.settings import Settings
from switch.operations import retention
from switch.reports import artefacts
from switch.reports.artefacts import Artefact, ReportStore
from switch.reports.package import SignedFile

NOW = datetime.now(UTC)
_ADD_ARTEFACT = """
INSERT INTO switch.report_artefact
       (sha256, report, format, parameters, scope, caller, revealed, as_of, event, octets, signature, made_at)
VALUES ($1, 'window-statement', 'json', '{}', '', 'test', false, 1, 1, 1, '', $2)
"""


def days(number: float) -> datetime:
    """An instant so many days ago."""
    return NOW - timedelta(days=number)


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return Settings(database=database_url, data=tmp_path)


@pytest_asyncio.fixture
async def pool(settings: Settings) -> AsyncIterator[asyncpg.Pool]:
    """The tests insert the rows of every process; tests/switch/base/test_roles.py shows the caretaker's rights."""
    made = await connect_pool(settings, Login.OWNER)
    yield made
    await made.close()


async def _webhook(pool: asyncpg.Pool) -> None:
    await pool.execute(
        "INSERT INTO switch.participant (id, name, bic, country, kind)"
        " VALUES ('bank', 'bank', 'BANKINBB', 'IN', 'direct')"
    )
    await pool.execute(
        "INSERT INTO switch.webhook (id, participant, url, cursor) VALUES ($1, 'bank', 'http://x', 0)",
        uuid4(),
    )


async def _deliver(pool: asyncpg.Pool, seq: int, made: datetime, due: datetime | None) -> None:
    await pool.execute(
        "INSERT INTO switch.webhook_delivery (webhook, seq, body, made_at, due_at)"
        " SELECT id, $1, '{}', $2, $3 FROM switch.webhook",
        seq,
        made,
        due,
    )


async def test_old_deliveries_are_removed_and_a_resent_one_stays(
    pool: asyncpg.Pool, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 2)
    await _webhook(pool)
    for seq in range(1, 8):
        await _deliver(pool, seq, days(15), None)
    await _deliver(pool, 8, days(15), days(15))  # of an endpoint that is gone
    await _deliver(pool, 9, days(15), NOW)  # replayed
    await _deliver(pool, 10, days(13), None)
    await retention.forget_old(pool, settings)
    left = await pool.fetch("SELECT seq FROM switch.webhook_delivery ORDER BY seq")

    assert [row["seq"] for row in left] == [9, 10]


async def test_old_probes_go_and_never_those_of_the_last_thirty_days(
    pool: asyncpg.Pool, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 2)
    for age in (401, 402, 403, 399, 31, 29):
        await pool.execute(
            "INSERT INTO switch.probe (service, at, ok, micros, every_s) VALUES ('accept', $1, true, 1, 15)",
            days(age),
        )
    await retention.forget_old(pool, settings)
    kept = await pool.fetchval("SELECT count(*) FROM switch.probe")
    await pool.fetchval("SELECT switch.forget_probes($1, 100)", NOW)
    youngest = await pool.fetchval("SELECT count(*) FROM switch.probe")

    assert (kept, youngest) == (3, 1)


def _made(store: ReportStore, content: bytes) -> Artefact:
    return Artefact("window-statement", "json", "json", "", content, store.sign(content), 1, 1)


async def test_an_old_report_goes_with_its_file_unless_it_was_made_again(
    pool: asyncpg.Pool, settings: Settings
) -> None:
    store = ReportStore(settings.data / "reports")
    old, again, young, unregistered = (_made(store, name) for name in (b"old", b"again", b"young", b"lost"))
    for artefact in (old, again, young, unregistered):
        store.keep(artefact)
    for artefact, ages in ((old, [401]), (again, [401, 3]), (young, [399])):
        for age in ages:
            await pool.execute(_ADD_ARTEFACT, artefact.sha256, days(age))
    for artefact in (old, again, unregistered):
        os.utime(store.directory / artefact.name, (days(401).timestamp(),) * 2)
    await retention.forget_old(pool, settings)

    assert await pool.fetchval("SELECT count(*) FROM switch.report_artefact") == 2
    for artefact, there in ((old, False), (again, True), (young, True), (unregistered, False)):
        path = store.directory / artefact.name
        assert path.exists() is artefacts.jws_beside(path).exists() is there
    kept = store.directory / again.name
    SignedFile(kept.name, kept.read_bytes(), artefacts.jws_beside(kept).read_text()).verify(store.public_key)
    assert (store.directory / "report.key").exists()


def test_a_report_made_again_while_old_ones_are_removed_is_left(tmp_path: Path) -> None:
    store = ReportStore(tmp_path)
    report = _made(store, b"report")
    path = store.keep(report)
    os.utime(path, (days(401).timestamp(),) * 2)
    found = artefacts.older_than(tmp_path, days(400))
    store.keep(report)
    artefacts.remove(tmp_path, found, days(400))

    assert list(found) == [path]
    assert path.exists()


@pytest.mark.parametrize("table", ["probe", "report_artefact"])
async def test_the_application_cannot_delete_by_itself(settings: Settings, table: str) -> None:
    for login in (Login.CARETAKER, Login.API):
        connection = await connect(settings, login)
        try:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(f"DELETE FROM switch.{table}")
        finally:
            await connection.close()
