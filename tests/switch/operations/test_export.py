"""History as Parquet: what is in the files is what the ledger moved, and DuckDB reads years of it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from switch import cli
from switch.operations import export
from switch.operations.export import ExportError
from switch.writer.commands import Advance, Refuse
from tests.switch.writer.test_parts import Bank, uuid4

pytest.importorskip("pyarrow", reason="payswitch[analytics] is not installed")
pytest.importorskip("duckdb", reason="payswitch[analytics] is not installed")

TODAY = datetime.now(UTC).date()
YESTERDAY = TODAY - timedelta(days=1)
A_DAY_EARLIER = """
SET session_replication_role = replica;
UPDATE ledger.event SET at = at - interval '1 day';
UPDATE ledger.settlement_window SET opened_at = opened_at - interval '1 day', closed_at = closed_at - interval '1 day';
"""


@pytest.fixture
async def connection(database_url: str):
    """A day with payments of every end; it is made a day older than it is, so that it is over."""
    async with Bank(database_url) as bank:
        await bank.open()
        uetrs = [uuid4() for _ in range(5)]
        await bank.ask(*(bank.pay(uetr) for uetr in uetrs))
        await bank.ask(
            Advance(uetrs[0].bytes, "CONFIRM", rail="PK"),
            Advance(uetrs[1].bytes, "CONFIRM", rail="PK"),
            Advance(uetrs[2].bytes, "REJECT", rail="PK"),
        )
        refused = bank.pay(uuid4())
        await bank.ask(Refuse(refused.identity, "AC01", "no such account"))
    connection = await asyncpg.connect(database_url)
    await connection.execute(A_DAY_EARLIER)
    yield connection
    await connection.close()


async def test_a_day_is_what_the_ledger_moved(connection, tmp_path: Path):
    (done,) = [day async for day in export.export(connection, tmp_path, YESTERDAY, YESTERDAY)]
    outcomes = (
        "SELECT outcome, count(*) AS payments, sum(debit_minor) AS debit FROM payments GROUP BY 1 ORDER BY 1"
    )
    by_purpose = (
        "SELECT purpose, sum(amount_minor) AS moved, min(day) AS day FROM entries GROUP BY 1 ORDER BY 1"
    )

    assert done.rows == {"entries": 3, "payments": 4}
    assert [tuple(row.values()) for row in export.query(tmp_path, outcomes)] == [
        ("posted", 2, 200),
        ("refused", 1, 0),
        ("voided", 1, 100),
    ]
    assert [tuple(row.values()) for row in export.query(tmp_path, by_purpose)] == [
        ("funding", 1_000_000, YESTERDAY),
        ("principal", 200, YESTERDAY),
    ]
    (month,) = [row for row in export.query(tmp_path) if row["currency"] == "INR"]
    assert (month["month"], month["posted"], month["debit_minor"]) == (f"{YESTERDAY:%Y-%m}", 2, 200)


async def test_a_day_again_is_the_same_file(connection, tmp_path: Path):
    files = []
    for _ in range(2):
        await export.export_day(connection, tmp_path, YESTERDAY)
        files.append({file.relative_to(tmp_path): file.read_bytes() for file in tmp_path.rglob("*.*")})

    assert files[0] == files[1]
    assert {str(file) for file in files[0]} == {
        f"{table}/day={YESTERDAY}/{table}.parquet" for table in export.TABLES
    }


async def test_a_day_without_events_is_empty_and_has_its_files(connection, tmp_path: Path):
    done = await export.export_day(connection, tmp_path, YESTERDAY - timedelta(days=1))

    assert done.rows == {"entries": 0, "payments": 0}
    assert list(export.query(tmp_path)) == []


async def test_a_day_that_is_not_over_is_refused(connection, tmp_path: Path):
    with pytest.raises(ExportError, match="is not over"):
        await export.export_day(connection, tmp_path, TODAY)

    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE ledger.leg SET amount = amount + 1 WHERE purpose = 'principal'", "moved"),
        ("UPDATE ledger.account SET closed = closed", ""),
    ],
)
async def test_a_file_that_differs_from_the_counters_is_never_written(
    connection, tmp_path: Path, change, said
):
    """The window is closed, so the writer's own counters are kept; a leg that changes later no longer agrees."""
    await connection.execute(KEEP_COUNTERS)
    await connection.execute(f"SET session_replication_role = replica; {change}")
    if not said:
        await export.export_day(connection, tmp_path, YESTERDAY)
        return
    with pytest.raises(ExportError, match=said):
        await export.export_day(connection, tmp_path, YESTERDAY)

    assert list(tmp_path.rglob("*.*")) == []


KEEP_COUNTERS = """
SET session_replication_role = replica;
UPDATE ledger.settlement_window SET closing_seq = (SELECT max(seq) FROM ledger.event), closed_at = opened_at;
INSERT INTO ledger.window_balance
SELECT w.number, a.number, a.debits_posted, a.credits_posted, a.entries
  FROM ledger.account AS a JOIN ledger.settlement_window AS w USING (currency);
"""


async def test_a_day_whose_events_were_detached_is_refused(connection, tmp_path: Path):
    await connection.execute(
        "INSERT INTO ledger.archive SELECT max(seq), 1, clock_timestamp(), max(at), '{\"balances\": {}}', ''"
        " FROM ledger.event"
    )
    with pytest.raises(ExportError, match="detached"):
        await export.export_day(connection, tmp_path, YESTERDAY)


def test_the_command_prints_each_day_and_the_rows_of_a_query(connection, database_url, tmp_path, capfd):
    words = ["export", "parquet", str(tmp_path), "--from", YESTERDAY.isoformat(), "--database", database_url]
    codes = [
        cli.run(words),
        cli.run(["export", "query", str(tmp_path), "SELECT count(*) AS rows FROM payments"]),
    ]
    day, rows = map(json.loads, capfd.readouterr().out.splitlines())

    assert codes == [0, 0]
    assert (day["day"], day["checked"], rows) == (YESTERDAY.isoformat(), True, {"rows": 4})
    assert cli.run(["export", "query", str(tmp_path), "SELECT nonsense"]) == 1
    assert "DuckDB refuses the query" in capfd.readouterr().err
