"""A day of payments that every test may read and none may change, and a database a test may fill itself."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta

import asyncpg
import pytest

from ledger.migrate import migrate
from loadtests.reports import DAY, write_day
from switch.reports import catalogue
from switch.reports.query import ReportQuery, Scope
from switch.reports.reading import reading
from switch.reports.table import Report
from tests.conftest import _run, named, psql

EVERYTHING = Scope("tester", everything=True)
PAYMENTS = 3_000


@dataclass(frozen=True)
class Day:
    """A closed day: where it is, and the window of the rupee."""

    url: str
    window: int

    @property
    def period(self) -> dict[str, object]:
        return {"since": DAY, "until": DAY + timedelta(days=1)}


@pytest.fixture(scope="session")
def day(postgres_url: str) -> Iterator[Day]:
    name = "payswitch_reports_day"
    psql(postgres_url, f"CREATE DATABASE {name}")
    url = named(postgres_url, name)
    found: list[int] = []

    async def write() -> None:
        await migrate(url)
        connection = await asyncpg.connect(url)
        found.append(await write_day(connection, PAYMENTS))
        await connection.close()

    _run(write())
    yield Day(url, found[0])
    psql(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def connection(day: Day) -> AsyncIterator[asyncpg.Connection]:
    """A connection to the day; what is read is read."""
    opened = await asyncpg.connect(day.url)
    yield opened
    await opened.close()


@pytest.fixture
async def own(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to an empty switch of the test's own."""
    opened = await asyncpg.connect(database_url)
    yield opened
    await opened.close()


async def make(
    connection: asyncpg.Connection, name: str, scope: Scope = EVERYTHING, **asked: object
) -> Report:
    """One report, as the service reads it."""
    definition = catalogue.find(name)
    query = ReportQuery(**asked)  # type: ignore[arg-type]
    definition.check(query, scope)
    async with reading(connection):
        return await definition.read(connection, query, scope)
