"""A database whose packets are dropped is noticed within about ten seconds, on both sides."""

import asyncio
import contextlib
import ctypes
import socket
import struct
import time
from collections.abc import AsyncIterator

import asyncpg
import pytest

from ledger.silence import UNANSWERED_S, Connection

_SO_ATTACH_FILTER = 26


def drop_everything(own: socket.socket) -> None:
    """Have the kernel drop every packet that comes in for a socket, acknowledgements as well: a dead cable."""
    program = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))  # one instruction: return 0
    own.setsockopt(
        socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HxxxxxxP", 1, ctypes.addressof(program))
    )


class Cable:
    """A way over TCP to a server that listens on a unix socket, which can be cut without anybody being told."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._writers: list[asyncio.StreamWriter] = []

    async def open(self) -> int:
        self._server = await asyncio.start_server(self._join, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _join(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        far, forth = await asyncio.open_unix_connection(self._path)
        self._writers += [back, forth]
        await asyncio.gather(_pass_on(near, forth), _pass_on(far, back))

    def cut(self) -> None:
        for writer in self._writers:
            own = writer.get_extra_info("socket")
            if own.family == socket.AF_INET:
                drop_everything(own)

    async def close(self) -> None:
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.sleep(0.1)  # those who join ends see it, and end


async def _pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(65536):
            sink.write(data)
    with contextlib.suppress(OSError):
        sink.close()


@pytest.fixture
async def cable(postgres_url: str) -> AsyncIterator[tuple[Cable, str]]:
    made = Cable(postgres_url.partition("host=")[2] + "/.s.PGSQL.5432")
    port = await made.open()
    yield made, f"postgresql://postgres@127.0.0.1:{port}/postgres?sslmode=disable"
    await made.close()


async def test_a_statement_over_a_dead_cable_fails_within_seconds(cable: tuple[Cable, str]) -> None:
    made, url = cable
    connection = await asyncpg.connect(url, connection_class=Connection)
    assert await connection.fetchval("SELECT 1") == 1
    made.cut()
    began = time.monotonic()

    with pytest.raises((OSError, asyncpg.PostgresError, asyncpg.InterfaceError)):
        await connection.fetchval("SELECT 1", timeout=60)

    assert time.monotonic() - began < UNANSWERED_S + 5
    connection.terminate()


@pytest.mark.long
async def test_a_connection_that_only_waits_learns_of_a_dead_cable(cable: tuple[Cable, str]) -> None:
    made, url = cable
    connection = await asyncpg.connect(url, connection_class=Connection)
    lost = asyncio.Event()
    connection.add_termination_listener(lambda _: lost.set())
    await asyncio.sleep(0.2)
    made.cut()

    async with asyncio.timeout(UNANSWERED_S + 10):
        await lost.wait()
