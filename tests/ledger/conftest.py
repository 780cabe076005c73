"""A running writer with the smallest host, and a connection beside it."""

import asyncpg
import pytest

from ledger.writer import Writer
from tests.ledger.hosts import PlainHost


@pytest.fixture
async def writer(database_url):
    writer = Writer(database_url, PlainHost())
    await writer.start()
    yield writer
    await writer.stop()


@pytest.fixture
async def connection(database_url):
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()
