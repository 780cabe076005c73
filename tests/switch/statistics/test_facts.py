"""Facts of statistics: made from the log in any batches, they are what the reports add up from the payments."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import asyncpg
import pytest

from loadtests.reports import DAY
from schemas.money import Money
from switch.operations import verify
from switch.reports.query import Scope
from switch.statistics import making, reading, times
from switch.statistics.reading import By, FactQuery, PaymentFigures, Step
from tests.switch.reports.conftest import EVERYTHING, make
from tests.switch.statistics.conftest import WHOLE_IN_PARTS

UNTIL = DAY + timedelta(days=2)
FACTS = ("switch.payment_fact", "switch.payment_time_fact", "switch.liquidity_fact")


async def kept(pool: asyncpg.Pool) -> list[list[asyncpg.Record]]:
    return [await pool.fetch(f"SELECT * FROM {table} AS t ORDER BY t") for table in FACTS]


async def test_facts_do_not_depend_on_how_the_log_was_cut(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "EVENTS_AT_ONCE", 307)
    found = []
    while True:
        await making.catch_up(pool)
        async with pool.acquire() as connection:
            found.append(await making.wrong(connection))
        if len(found) > 1 and found[-1].events == found[-2].events:
            break
    in_parts = await kept(pool)
    monkeypatch.setattr(making, "EVENTS_AT_ONCE", 1_000_000)
    async with pool.acquire() as connection:
        await making.rebuild(connection)

    assert all(check.wrong == () for check in found), "the facts are those of the log at every instant"
    assert await kept(pool) == in_parts
    assert in_parts[0]


async def test_facts_have_the_figures_of_the_reports(pool: asyncpg.Pool) -> None:
    await making.catch_up(pool)
    async with pool.acquire() as connection:
        corridors = await make(connection, "corridors", since=DAY, until=UNTIL)
        costs = await make(connection, "costs", since=DAY, until=UNTIL)
        found = await reading.read(connection, FactQuery(DAY, UNTIL, Step.HOUR), EVERYTHING, [By.CORRIDOR])
        days = await reading.read(connection, FactQuery(DAY, UNTIL), EVERYTHING, [By.CORRIDOR, By.TIME])
        rails = await reading.read(connection, FactQuery(DAY, UNTIL), EVERYTHING, [By.RAIL])

    names = [column.name for column in corridors.columns]
    rows = [dict(zip(names, row, strict=True)) for row in corridors.rows]
    facts = {
        (each.source, each.target, each.debit_currency, each.credit_currency): each.figures for each in found
    }
    assert facts.keys() == {tuple(row[name] for name in names[:4]) for row in rows}
    for row in rows:
        each = facts[tuple(row[name] for name in names[:4])]
        for name in ("payments", "committed", "refused", "rejected", "returned"):
            assert getattr(each, name) == row[name], name
        assert (each.success, each.within_10_s, each.within_60_s, each.within_1_h) == (
            *(row["success"], row["within_10_s"], row["within_60_s"], row["within_1_h"]),
        )
        currency = row["debit_currency"]
        for name, minor in (
            ("debited", each.debit_minor),
            ("fees", each.fee_minor),
            ("debits_returned", each.returned_minor),
        ):
            assert row[name] == Money(int(minor), currency)
        for name, us in (("p50_s", each.p50_us), ("p95_s", each.p95_us), ("p99_s", each.p99_us)):
            exact = row[name] and row[name] / timedelta(microseconds=1)
            assert (us is None) == (exact is None)
            assert us is None or exact < us <= exact * 1.11
    names = [column.name for column in costs.columns]
    for row in (dict(zip(names, row, strict=True)) for row in costs.rows):
        parts = [
            f
            for (source, target, *_), f in facts.items()
            if (source, target) == (row["source"], row["target"])
        ]
        each = sum(parts, PaymentFigures())
        assert each.priced == row["payments"]
        assert each.cost_percent == row["cost_percent"]
        assert each.within_3_percent == row["within_3_percent"]
    assert reading.total(days) == reading.total(rails) == reading.total(found)


async def test_parts_count_with_their_amounts_and_a_payment_as_returned_once_it_is_whole(
    pool: asyncpg.Pool,
) -> None:
    await making.catch_up(pool)
    facts = await pool.fetchrow(
        "SELECT sum(returned) AS returned, sum(returned_minor) AS minor, sum(priced) AS priced FROM switch.payment_fact"
        " WHERE span = 'hour'"
    )
    full = await pool.fetchrow(
        "SELECT count(*) AS n, sum(p.debit_minor) AS minor FROM ledger.transfer AS t"
        " JOIN switch.payment AS p ON p.number = t.corrects"
    )
    parts = await pool.fetchval("SELECT sum(debit_minor) FROM switch.part_return")
    posted = await pool.fetchval("SELECT count(*) FROM ledger.resolution WHERE outcome = 'posted'")
    async with pool.acquire() as connection:
        listed = await make(
            connection, "payments-above", since=DAY, until=UNTIL, currency="INR", above="0.01"
        )

    names = [column.name for column in listed.columns]
    assert facts["returned"] == full["n"] + WHOLE_IN_PARTS
    assert facts["minor"] == full["minor"] + parts
    assert facts["priced"] == posted - full["n"], "the fee of parts is kept"
    assert 0 < sum(row[names.index("returned")] is True for row in listed.rows) <= facts["returned"]


async def test_a_change_of_the_facts_is_found_and_made_good(pool: asyncpg.Pool) -> None:
    await making.catch_up(pool)
    before = await kept(pool)
    await pool.execute(
        "UPDATE switch.payment_fact SET payments = payments + 1 WHERE span = 'day' AND outcome = 'refused'"
    )
    await pool.execute("DELETE FROM switch.payment_time_fact WHERE span = 'hour' AND at = $1", DAY)
    async with pool.acquire() as connection:
        result = await verify._facts(connection)
        await making.rebuild(connection)
        after = await verify._facts(connection)

    assert not result.ok
    assert "payments of the day 2026-11-03T00:00Z" in result.detail
    assert "times of the hour 2026-11-02T00:00Z" in result.detail
    assert after.ok
    assert await kept(pool) == before


async def test_what_fails_half_way_is_neither_lost_nor_counted_twice(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "EVENTS_AT_ONCE", 500)
    whole = making._ADD_TIMES
    monkeypatch.setattr(
        making,
        "_ADD_TIMES",
        "SELECT 1 / 0 WHERE $1::bigint + $2 > 0 AND $3::timestamptz IS NOT NULL AND $4::bigint[] IS NOT NULL",
    )
    with pytest.raises(asyncpg.DivisionByZeroError):
        await making.catch_up(pool)
    monkeypatch.setattr(making, "_ADD_TIMES", whole)
    await asyncio.gather(making.catch_up(pool), making.catch_up(pool))
    async with pool.acquire() as connection:
        found = await making.wrong(connection)

    assert found.wrong == ()
    assert found.events == await pool.fetchval("SELECT max(seq) FROM ledger.event")


async def test_probes_are_added_up_by_hour(pool: asyncpg.Pool) -> None:
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=3)
    rows = [
        (service, hour + timedelta(minutes=minute), not (service == "rail-IN" and minute < 15))
        for service in ("rail-IN", "rail-PK")
        for minute in range(0, 120, 5)
    ]
    await pool.executemany(
        "INSERT INTO switch.probe (service, at, ok, micros, every_s) VALUES ($1, $2, $3, 5000, 300)", rows
    )
    await making.catch_up(pool)
    await making.catch_up(pool)
    found = await pool.fetch(
        "SELECT at, service, probes, failed, down_us FROM switch.availability_fact WHERE span = 'hour' ORDER BY 1, 2"
    )

    assert [tuple(row) for row in found] == [
        (hour, "rail-IN", 12, 3, 900_000_000),
        (hour, "rail-PK", 12, 0, 0),
        (hour + timedelta(hours=1), "rail-IN", 12, 0, 0),
        (hour + timedelta(hours=1), "rail-PK", 12, 0, 0),
    ]


async def test_probes_of_a_day_are_shown_by_quarters_of_an_hour(pool: asyncpg.Pool) -> None:
    """An outage of a few minutes is seen when and as long as it was; a gap is not observed, never available."""
    since = reading.begin_quarter(datetime.now(UTC)) - timedelta(hours=2)
    rows = [
        (service, since + timedelta(seconds=15 * n), not (service == "rail-IN" and 64 <= n < 76))
        for service in ("rail-IN", "rail-PK")
        for n in range(4 * 45)
    ]
    await pool.executemany(
        "INSERT INTO switch.probe (service, at, ok, micros, every_s) VALUES ($1, $2, $3, 5000, 15)", rows
    )
    asked = FactQuery(since, datetime.now(UTC), Step.HOUR)
    async with pool.acquire() as connection:
        found = await reading.probed(connection, asked, EVERYTHING)
        of_india = await reading.probed(connection, asked, Scope("ravi", country="IN"))
    by_place = {(each.service, each.at): each for each in found}
    at = [since + n * reading.QUARTER for n in range(3)]

    assert reading.quarters(asked)[:3] == at
    assert len(reading.quarters(asked)) == 9
    assert [by_place["rail-IN", each].down for each in at] == [
        timedelta(0),
        timedelta(minutes=3),
        timedelta(0),
    ]
    assert [by_place["rail-IN", each].availability for each in at] == [100, 80, 100]
    assert ("rail-IN", since + 3 * reading.QUARTER) not in by_place
    assert by_place["rail-PK", at[2]].observed == timedelta(minutes=15, seconds=30)
    assert {each.service for each in of_india} == {"rail-IN"}


def test_percentiles_are_within_a_tenth_of_the_exact_ones() -> None:
    exact = [1_000 * 2 ** (n / 7) for n in range(100)]
    counts: dict[int, int] = {}
    for micros in exact:
        bucket = sum(edge <= micros for edge in times.EDGES)
        counts[bucket] = counts.get(bucket, 0) + 1

    for percent in (50, 95, 99):
        found = times.percentile(counts, percent)
        assert found is not None
        assert exact[percent - 1] < found <= exact[percent - 1] * 1.11
    assert times.percentile({}, 50) is None
    assert times.percentile({len(times.EDGES): 1}, 99) == times.EDGES[-1]
    assert Decimal(times.EDGES[-1]) > 86_400_000_000


async def test_pages_of_a_list_are_the_whole_list(pool: asyncpg.Pool) -> None:
    await making.catch_up(pool)
    by = [By.TIME, By.CORRIDOR, By.RAIL]
    async with pool.acquire() as connection:
        whole = await reading.read(connection, FactQuery(DAY, UNTIL, Step.HOUR), EVERYTHING, by)
        found: list[reading.FactSum] = []
        while True:
            after = found[-1].key if found else ""
            page = await reading.read(
                connection, FactQuery(DAY, UNTIL, Step.HOUR), EVERYTHING, by, after=after, limit=97
            )
            found += page
            if len(page) < 97:
                break

    assert found == whole
    assert len(whole) > 500
    assert len({each.key for each in whole}) == len(whole)
    assert all(len(each.key) <= 100 for each in whole), "a cursor has at most a hundred characters"


async def test_the_least_headroom_of_a_day_is_that_of_the_report(pool: asyncpg.Pool) -> None:
    await making.catch_up(pool)
    async with pool.acquire() as connection:
        report = await make(connection, "liquidity", since=DAY, until=DAY + timedelta(days=1))
        days = await reading.liquidity(connection, FactQuery(DAY, UNTIL), EVERYTHING)
        hours = await reading.liquidity(connection, FactQuery(DAY, UNTIL, Step.HOUR), EVERYTHING)
    names = [column.name for column in report.columns]
    rows = [dict(zip(names, row, strict=True)) for row in report.rows]
    found = {(each.owner, each.currency, each.purpose): each for each in days}

    moved = [row for row in rows if row["debits"].minor or row["credits"].minor or row["peak"].minor]
    assert len(moved) == len(found) == len(days)
    for row in moved:
        each = found[row["participant"], row["currency"], row["account"]]
        assert each.least == row["headroom"].minor
        assert each.left == row["left"].minor
        if row["peak_at"] is not None:
            assert each.least_at == row["peak_at"]
        of_hours = [hour for hour in hours if (hour.owner, hour.currency) == (each.owner, each.currency)]
        assert min(hour.least or 0 for hour in of_hours) == each.least
        assert of_hours[-1].left == each.left
