"""H7: the roles of the writer and of readers cannot change history, whatever they try."""

import re

import asyncpg
import pytest

HISTORY = [
    "transfer",
    "leg",
    "resolution",
    "event",
    "event_1",
    "window_balance",
    "audit_node",
    "checkpoint",
    "cosignature",
    "archive",
    "archived_leaves",
    "restore",
]
PARTITIONS = ["event_1"]
"""Reached through their table, and by themselves not at all."""
TABLES = [*HISTORY, "account", "head", "settlement_window"]


@pytest.fixture
async def as_role(connection):
    async def become(role):
        await connection.execute(f"SET ROLE {role}")
        return connection

    return become


@pytest.mark.parametrize("table", HISTORY)
@pytest.mark.parametrize(
    "statement", ["UPDATE ledger.{0} SET number = 1", "DELETE FROM ledger.{0}", "TRUNCATE ledger.{0}"]
)
async def test_the_writer_cannot_change_history(as_role, table, statement):
    connection = await as_role("payswitch_writer")
    statement = statement.format(table)
    column = {
        "window_balance": "account",
        "audit_node": "position",
        "checkpoint": "size",
        "cosignature": "size",
        "archive": "first_seq",
        "archived_leaves": "block",
    }.get(table, "number")
    statement = statement.replace("number", column)

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM ledger.account",
        "UPDATE ledger.account SET owner = 'x'",
        "UPDATE ledger.account SET currency = 'USD'",
        "DELETE FROM ledger.head",
        "UPDATE ledger.settlement_window SET number = 1",
        "DELETE FROM ledger.settlement_window",
        "DROP TABLE ledger.event",
        "ALTER TABLE ledger.event DISABLE TRIGGER ALL",
        "CREATE TABLE ledger.mine ()",
    ],
)
async def test_the_writer_cannot_change_what_is_fixed(as_role, statement):
    connection = await as_role("payswitch_writer")

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute(statement)


@pytest.mark.parametrize("table", TABLES)
async def test_the_reader_reads_and_no_more(as_role, table):
    connection = await as_role("payswitch_reader")
    if table not in PARTITIONS:
        await connection.fetch(f"SELECT * FROM ledger.{table}")

    for statement in (f"INSERT INTO ledger.{table} DEFAULT VALUES", f"DELETE FROM ledger.{table}"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)


async def test_every_table_is_known_to_these_tests(connection):
    rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'ledger'")
    known = set(TABLES)

    made_ahead = re.compile(r"event_\d{8,}")
    assert {row["tablename"] for row in rows if not made_ahead.fullmatch(row["tablename"])} == known


async def test_a_cap_holds_even_against_the_writer_role(writer, as_role):
    await writer.submit(("open", "alpha", "INR", "position", 10))
    connection = await as_role("payswitch_writer")

    with pytest.raises(asyncpg.CheckViolationError, match="account_cap"):
        await connection.execute("UPDATE ledger.account SET debits_pending = 11")
    with pytest.raises(asyncpg.CheckViolationError, match="account_counters"):
        await connection.execute("UPDATE ledger.account SET debits_pending = -1")


async def test_a_partition_made_by_the_caretaker_is_not_its_own(as_role):
    connection = await as_role("payswitch_caretaker")
    made = await connection.fetchval("SELECT ledger.add_partitions('ledger.event', 16777216, 16777216 * 4)")

    assert made > 0
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("DELETE FROM ledger.event_50331649")
