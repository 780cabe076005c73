"""What a regulator's own login can read: its country's rows, and nothing else, whatever it sets."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from schemas.errors import InvalidMessage
from switch.reports import regulators
from switch.reports.reading import reading, reading_as_regulator
from tests.switch.reports.conftest import Day

LOGIN = "regulator_of_india"
VIEWS = (
    "participant",
    "position",
    "window_balance",
    "payment",
    "payment_event",
    "settlement_window",
    "probe",
)


@pytest.fixture
async def regulator(day: Day) -> AsyncIterator[asyncpg.Connection]:
    """A session of the login itself."""
    owner = await asyncpg.connect(day.url)
    await regulators.add_login(owner, LOGIN, "IN")
    session = await asyncpg.connect(day.url, user=LOGIN)
    yield session
    await session.close()
    await owner.execute(f"DELETE FROM switch.regulator_login; DROP ROLE {LOGIN}")
    await owner.close()


async def test_a_login_sees_its_country(
    regulator: asyncpg.Connection, connection: asyncpg.Connection
) -> None:
    owners = {row["id"] for row in await regulator.fetch("SELECT id FROM participant")}
    expected = await connection.fetchval(
        "SELECT count(*) FROM switch.payment WHERE debtor_agent LIKE 'in-%' OR creditor_agent LIKE 'in-%'"
    )

    assert owners == {"in-bank-0", "in-bank-1"}
    assert await regulator.fetchval("SELECT count(*) FROM payment") == expected > 0
    assert {row["owner"] for row in await regulator.fetch("SELECT owner FROM position")} == owners
    assert {row["owner"] for row in await regulator.fetch("SELECT owner FROM window_balance")} == owners


async def test_a_login_cannot_claim_another_country(regulator: asyncpg.Connection) -> None:
    await regulator.execute("SET payswitch.country = 'PK'")

    assert {row["country"] for row in await regulator.fetch("SELECT country FROM participant")} == {"IN"}


async def test_a_login_reads_no_table_and_writes_nothing(regulator: asyncpg.Connection) -> None:
    tables = ("ledger.account", "ledger.event", "switch.payment", "switch.message", "switch.participant_key")
    for table in (*tables, "switch.payment_party", "switch.report_artefact", "switch.person"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await regulator.fetch(f"SELECT 1 FROM {table} LIMIT 1")
    await regulator.execute("SET default_transaction_read_only = off")
    for view in VIEWS:
        with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.ObjectNotInPrerequisiteStateError)):
            await regulator.execute(f"DELETE FROM regulator.{view}")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await regulator.execute("SET ROLE payswitch_writer")


async def test_a_session_begins_read_only_and_bounded(regulator: asyncpg.Connection) -> None:
    assert await regulator.fetchval("SHOW default_transaction_read_only") == "on"
    assert await regulator.fetchval("SHOW statement_timeout") == "1min"


async def test_the_switch_reads_for_a_country_it_names(connection: asyncpg.Connection) -> None:
    async with reading_as_regulator(connection, "PK"):
        rows = await connection.fetch("SELECT id FROM regulator.participant")

    assert {row["id"] for row in rows} == {"pk-bank-0", "pk-bank-1"}


async def test_a_view_shows_nothing_where_no_country_is_named(connection: asyncpg.Connection) -> None:
    assert await connection.fetch("SELECT * FROM regulator.participant") == []


async def test_a_report_is_read_by_a_role_that_cannot_write(connection: asyncpg.Connection) -> None:
    async with reading(connection):
        assert await connection.fetchval("SELECT current_user") == "payswitch_reader"
        with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.ReadOnlySQLTransactionError)):
            await connection.execute("DELETE FROM switch.payment")


@pytest.mark.parametrize(
    ("login", "country"), [("x; DROP", "IN"), ("ok_name", "in"), ("A_B", "IN"), ("ok", "I")]
)
async def test_a_login_is_a_plain_name(connection: asyncpg.Connection, login: str, country: str) -> None:
    with pytest.raises(InvalidMessage):
        await regulators.add_login(connection, login, country)
