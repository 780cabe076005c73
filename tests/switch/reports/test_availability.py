"""Availability is what probes saw, for as long as they looked, and no more; breaks are aged; open data is masked."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import asyncpg
import pytest

from loadtests.reports import DAY
from schemas.errors import Refused
from switch.reports import open_data
from switch.reports.probes import probe_all
from switch.reports.query import Scope
from switch.reports.table import Report
from tests.switch.reports.conftest import Day, make

BEGIN = datetime(2026, 11, 23, tzinfo=UTC)


def cells(report: Report, row: int = 0) -> dict[str, object]:
    return dict(zip((column.name for column in report.columns), report.rows[row], strict=True))


async def look(connection: asyncpg.Connection, service: str, minute: float, ok: bool) -> None:
    await connection.execute(
        "INSERT INTO switch.probe (service, at, ok, micros, every_s) VALUES ($1, $2, $3, 1000, 60)",
        service,
        BEGIN + timedelta(minutes=minute),
        ok,
    )


async def test_a_result_holds_until_the_next_check_and_silence_claims_nothing(
    own: asyncpg.Connection,
) -> None:
    for minute, ok in ((0, True), (1, False), (2, False), (3, True), (4, False), (5, True), (60, True)):
        await look(own, "accept", minute, ok)
    asked = {"since": BEGIN, "until": BEGIN + timedelta(minutes=61)}
    found = cells(await make(own, "availability", **asked))

    # Looked at for 5 minutes, then for the 3 that the last look stands, then 1 to the end.
    assert found["observed_s"] == timedelta(minutes=9)
    assert found["down_s"] == timedelta(minutes=3)
    assert found["availability"] == Decimal("66.6667")
    assert found["met"] is False
    assert found["incidents"] == 2
    assert found["longest_s"] == timedelta(minutes=2)
    assert (found["looks"], found["failed"]) == (7, 3)


async def test_a_regulator_sees_its_own_rail(own: asyncpg.Connection) -> None:
    for service in ("accept", "rail-IN", "rail-PK"):
        await look(own, service, 0, True)
    asked = {"since": BEGIN, "until": BEGIN + timedelta(minutes=1)}
    report = await make(own, "availability", Scope("regulator", country="IN"), **asked)

    assert list(report.column("service")) == ["accept", "rail-IN"]


async def test_what_raises_or_hangs_is_down(database_url: str) -> None:
    pool = await asyncpg.create_pool(database_url, min_size=1, max_size=2)

    async def up() -> bool:
        return True

    async def broken() -> bool:
        raise OSError("gone")

    await probe_all(pool, {"up": up, "broken": broken}, 15)
    rows = await pool.fetch("SELECT service, ok, detail FROM switch.probe ORDER BY service")
    await pool.close()

    assert [tuple(row) for row in rows] == [("broken", False, "OSError"), ("up", True, "")]


async def test_breaks_are_aged_to_their_end_or_to_the_periods(own: asyncpg.Connection) -> None:
    until = BEGIN + timedelta(days=1)
    rows = [
        ("a", BEGIN - timedelta(days=2), None),
        ("b", BEGIN - timedelta(days=2), BEGIN - timedelta(days=1)),  # over before
        ("c", BEGIN + timedelta(hours=1), BEGIN + timedelta(hours=3)),
        ("d", BEGIN + timedelta(hours=2), until + timedelta(hours=1)),  # not over by then
        ("e", until, None),  # later
    ]
    for ref, found_at, resolved_at in rows:
        await own.execute(
            "INSERT INTO switch.reconciliation_break (rail, cycle, ref, kind, detail, found_at, resolved_at)"
            " VALUES ('IN', '2026-11-22', $1, 'missing_at_rail', $1, $2, $3)",
            ref,
            found_at,
            resolved_at,
        )
    report = await make(own, "reconciliation", since=BEGIN, until=until)

    assert list(report.column("detail")) == ["a", "c", "d"]
    assert list(report.column("age_s")) == [timedelta(days=3), timedelta(hours=2), timedelta(hours=22)]
    assert list(report.column("resolved_at")) == [None, BEGIN + timedelta(hours=3), None]


def test_a_quarter_is_three_months() -> None:
    assert open_data.bounds("2026-Q4") == (
        datetime(2026, 10, 1, tzinfo=UTC),
        datetime(2027, 1, 1, tzinfo=UTC),
    )
    assert open_data.bounds("2026-Q1")[1] == open_data.bounds("2026-Q2")[0]


async def test_open_data_hides_corridors_between_few_banks_and_waits_for_the_quarters_end(
    connection: asyncpg.Connection, day: Day, monkeypatch: pytest.MonkeyPatch
) -> None:
    bounds = DAY, DAY + timedelta(days=1)
    monkeypatch.setattr(open_data, "bounds", lambda _: bounds)
    report = await make(connection, "open-data", quarter="2026-Q4")

    assert set(report.column("shown")) == {False}, "every country of the benchmark has two banks only"
    assert set(report.column("payments")) == {None}
    monkeypatch.setattr(open_data, "BANKS_MIN", 2)
    shown = await make(connection, "open-data", quarter="2026-Q4")
    corridors = await make(connection, "corridors", **day.period)
    counts = dict(zip(zip(corridors.column("source"), corridors.column("target"), strict=True), corridors.column("committed"), strict=True))  # fmt: skip
    for row in shown.rows:
        if row[-1]:
            assert row[2] == counts[row[0], row[1]]
    assert True in set(shown.column("shown"))
    monkeypatch.setattr(open_data, "bounds", lambda _: (bounds[0], datetime(2999, 1, 1, tzinfo=UTC)))
    with pytest.raises(Refused):
        await make(connection, "open-data", quarter="2026-Q4")
