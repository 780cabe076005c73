"""A connection to the database that becomes silent is closed; a slow statement is not."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest

from ledger import silence
from ledger.silence import Connection
from tests.chaos.proxy import Proxy

LOST = (asyncpg.PostgresConnectionError, asyncpg.InterfaceError)


@pytest.fixture
def proxy(postgres_url: str) -> Iterator[Proxy]:
    made = Proxy(Path(postgres_url.partition("host=")[2]) / ".s.PGSQL.5432")
    yield made
    made.close()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silence, "QUIET_S", 0.3)
    monkeypatch.setattr(silence, "_ACKNOWLEDGED_S", 0.5)


def through(proxy: Proxy) -> str:
    return f"postgresql://postgres@127.0.0.1:{proxy.port}/postgres"


async def test_a_silent_connection_is_found_within_ten_seconds(proxy: Proxy) -> None:
    """The proxy acknowledges what it gets, so the kernel notices nothing."""
    connection = await asyncpg.connect(through(proxy), command_timeout=60, connection_class=Connection)
    assert await connection.fetchval("SELECT 1") == 1
    proxy.silence()
    began = time.monotonic()

    with pytest.raises(LOST):
        await connection.fetchval("SELECT 1")

    assert time.monotonic() - began < 10
    assert connection.is_closed()


@pytest.mark.usefixtures("quick")
async def test_a_slow_statement_is_left_alone(postgres_url: str) -> None:
    connection = await asyncpg.connect(postgres_url, connection_class=Connection)

    assert await connection.fetchval("SELECT 1 FROM pg_sleep(2)") == 1

    await connection.close()


@pytest.mark.usefixtures("quick")
async def test_a_server_that_is_stopped_is_silent(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over a unix socket: a connection is accepted by the kernel, and nobody responds."""
    monkeypatch.setattr(silence, "RESPONDS_WITHIN_S", 1.0)
    connection = await asyncpg.connect(postgres_url, command_timeout=60, connection_class=Connection)
    backend = psutil.Process(connection.get_server_pid())
    postmaster = backend.parent()
    assert postmaster is not None
    backend.suspend()
    postmaster.suspend()
    try:
        with pytest.raises(LOST):
            await connection.execute("SELECT 1")
    finally:
        postmaster.resume()
        backend.resume()


@pytest.mark.usefixtures("quick")
async def test_a_cancelled_wait_on_a_silent_connection_returns_it_to_its_pool(proxy: Proxy) -> None:
    pool = await asyncpg.create_pool(
        through(proxy), min_size=1, max_size=1, command_timeout=60, connection_class=Connection
    )
    proxy.silence()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await pool.fetchval("SELECT 1")

    async with asyncio.timeout(5):
        assert await pool.fetchval("SELECT 1") == 1
    await pool.close()
