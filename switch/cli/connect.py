"""What commands share: options, the database and the writer of a data directory, running or not, progress."""

import contextlib
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Annotated, Final

import asyncpg
import typer

from ledger.postgres import EmbeddedPostgres
from schemas.errors import Unavailable
from switch.database import connect_pool
from switch.settings import Settings
from switch.workers.link import Link

Data = Annotated[Path | None, typer.Option("--data", help="data directory")]
Database = Annotated[
    str | None, typer.Option("--database", help="PostgreSQL URL instead of the embedded server")
]
Archives = Annotated[
    Path | None, typer.Option("--archives", help="directory of detached history; DATA/archive without it")
]
_PROGRESS_EVERY_S: Final = 2.0


@contextlib.asynccontextmanager
async def database(settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    """Connect to the database: by URL, to the running embedded server, or to one started for this."""
    if settings.database:
        connection = await asyncpg.connect(settings.database)
        try:
            yield connection
        finally:
            await connection.close()
        return
    server = EmbeddedPostgres((settings.data / "postgres").resolve())
    url = server.running_url()
    started = url is None
    if url is None:
        url = server.start()
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()
        if started:
            server.stop()


@contextlib.asynccontextmanager
async def pool(settings: Settings) -> AsyncIterator[asyncpg.Pool]:
    """Connect to the running switch's database with the switch's own role."""
    url = settings.database or EmbeddedPostgres((settings.data / "postgres").resolve()).running_url()
    if url is None:
        raise Unavailable("the database is not running")
    connections = await connect_pool(settings.model_copy(update={"database": url}))
    try:
        yield connections
    finally:
        await connections.close()


@contextlib.asynccontextmanager
async def writer(settings: Settings) -> AsyncIterator[Link]:
    """Connect to the running switch's writer."""
    link = Link(settings.model_copy(update={"data": settings.data.resolve()}).writer_socket)
    await link.start(within_s=5)
    try:
        yield link
    finally:
        await link.stop()


def settings_for(data: Path | None, database_url: str | None) -> Settings:
    """Read the settings, with what the command line says on top."""
    given = {"data": data, "database": database_url}
    return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]


def progress(what: str) -> Callable[[int], None]:
    """Say how far it is, every few seconds, on standard error."""
    said = time.monotonic()

    def say(done: int) -> None:
        nonlocal said
        if time.monotonic() - said >= _PROGRESS_EVERY_S:
            said = time.monotonic()
            print(f"{done:,} {what}", file=sys.stderr, flush=True)

    return say
