"""What commands share: parameters, the database and the writer of a data directory, progress."""

import asyncio
import contextlib
import json
import re
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final
from uuid import UUID

import asyncpg
import typer

from ledger.postgres import EmbeddedPostgres
from schemas.errors import InvalidAmount
from schemas.money import EXPONENTS, Money
from switch.base.database import connect_pool
from switch.base.settings import Settings
from switch.cli.failures import CommandFailed, WrongUse
from switch.writer.client import Link

Data = Annotated[Path | None, typer.Option("--data", help="data directory")]
Database = Annotated[
    str | None, typer.Option("--database", help="PostgreSQL URL instead of the embedded server")
]
Archives = Annotated[
    Path | None, typer.Option("--archives", help="directory of detached history; DATA/archive without it")
]
_PROGRESS_EVERY_S: Final = 2.0
CONNECTS_WITHIN_S: Final = 10.0
_WRITER_WITHIN_S: Final = 5.0
_NOT_RUNNING: Final = "the switch of {} does not run: start it with `payswitch up`"
_UNREACHABLE: Final = (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError)
_COUNTRY: Final = re.compile("[A-Z]{2}", re.ASCII)


def country_of(text: str) -> str:
    """Read a country of the command line: two letters, in capitals or not."""
    country = text.upper()
    if not _COUNTRY.fullmatch(country):
        raise typer.BadParameter(f"{text!r} is not a country: two letters are needed, as in IN")
    return country


def currency_of(text: str) -> str:
    """Read a currency of the command line: a code of ISO 4217, in capitals or not."""
    currency = text.upper()
    if currency not in EXPONENTS:
        raise typer.BadParameter(f"{text!r} is not a currency: a code of ISO 4217 is needed, as in INR")
    return currency


def instant_of(text: str) -> datetime:
    """Read an instant of the command line, ISO 8601; without an offset it is UTC."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is not an instant: ISO 8601 is needed, as in 2026-11-23T10:15:00+00:00"
        ) from None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


Country = Annotated[str, typer.Argument(parser=country_of, metavar="COUNTRY", help="two letters, as in IN")]
Currency = Annotated[
    str, typer.Argument(parser=currency_of, metavar="CURRENCY", help="three letters, as in INR")
]
Uetr = Annotated[UUID, typer.Argument(help="the payment's UETR")]
NUMBER_MAX: Final = 2**63 - 1
"""Largest number that a column of the database holds."""


def checked_amount(text: str, currency: str) -> str:
    """Check an amount of the command line before anything is asked for.

    Raises:
        WrongUse: it is not a plain decimal number of its currency.

    """
    try:
        return Money.parse(text, currency).text
    except InvalidAmount as error:
        decimals = EXPONENTS[currency]
        example = f"1500.{'0' * decimals}" if decimals else "1500"
        raise WrongUse(
            f"the amount {text!r} is not valid ({error.reason}): {error.detail};"
            f" write digits, without separators or a sign, as in {example} ({currency})"
        ) from None


def read_file(file: Path) -> str:
    """Read a text file that the command line names.

    Raises:
        CommandFailed: it cannot be read, or is not UTF-8.

    """
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeError:
        raise CommandFailed(f"{file} is not text in UTF-8") from None
    except OSError as error:
        raise CommandFailed(f"{file}: {error.strerror}") from None


def read_json(file: Path) -> Any:
    """Read a JSON file that the command line names.

    Raises:
        CommandFailed: it cannot be read, or is not JSON.

    """
    try:
        return json.loads(read_file(file))
    except ValueError as error:
        raise CommandFailed(f"{file} is not JSON: {error}") from None


def installed(settings: Settings) -> Settings:
    """The settings, where their data directory is that of a switch.

    Raises:
        CommandFailed: it is not, so nothing of a switch may be made or looked for in it.

    """
    data = settings.data.resolve()
    if not ((data / "postgres" / "PG_VERSION").exists() or (data / "run").is_dir()):
        raise CommandFailed(
            f"{data} is not the data directory of a switch: name it with --data or PAYSWITCH_DATA"
            " (`payswitch up` makes a new one)"
        )
    return settings


def running_url(settings: Settings) -> str:
    """The URL of the running switch's database.

    Raises:
        CommandFailed: no switch runs on this data directory.

    """
    if settings.database:
        return settings.database
    installed(settings)
    url = EmbeddedPostgres((settings.data / "postgres").resolve()).running_url()
    if url is None:
        raise CommandFailed(_NOT_RUNNING.format(settings.data.resolve()))
    return url


@contextlib.contextmanager
def reaching() -> Iterator[None]:
    """Explain why a database cannot be reached, without a word of its URL, which may hold a password."""
    try:
        yield
    except _UNREACHABLE as error:
        raise CommandFailed(
            f"the database cannot be reached: {_why(error)}; check --database, or PAYSWITCH_DATABASE"
        ) from None


def _why(error: Exception) -> str:
    match error:
        case asyncpg.PostgresError():
            return str(error)
        case TimeoutError():
            return f"no answer in {CONNECTS_WITHIN_S:.0f} s"
        case OSError():
            return error.strerror or "the connection was lost"
        case asyncpg.ClientConfigurationError() | ValueError():
            return "it is not a URL of PostgreSQL, as in postgresql://user@host/database"
        case _:
            return "the connection was lost"


@contextlib.asynccontextmanager
async def database(settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    """Connect to the database: by URL, to the running embedded server, or to one started for this.

    Raises:
        CommandFailed: there is none, or it cannot be reached.

    """
    server = EmbeddedPostgres((settings.data / "postgres").resolve())
    url = settings.database or (server.running_url() if installed(settings) else None)
    started = url is None
    if url is None:
        url = server.start()
    try:
        with reaching():
            connection = await asyncpg.connect(url, timeout=CONNECTS_WITHIN_S)
        try:
            yield connection
        finally:
            await connection.close(timeout=CONNECTS_WITHIN_S)
    finally:
        if started:
            server.stop()


@contextlib.asynccontextmanager
async def pool(settings: Settings) -> AsyncIterator[asyncpg.Pool]:
    """Connect to the running switch's database with the switch's own role.

    Raises:
        CommandFailed: the switch does not run, or its database cannot be reached.

    """
    url = running_url(settings)
    with reaching():
        async with asyncio.timeout(CONNECTS_WITHIN_S):
            connections = await connect_pool(settings.model_copy(update={"database": url}))
    try:
        yield connections
    finally:
        await connections.close()


@contextlib.asynccontextmanager
async def writer(settings: Settings) -> AsyncIterator[Link]:
    """Connect to the running switch's writer.

    Raises:
        CommandFailed: it does not run.

    """
    socket = settings.model_copy(update={"data": settings.data.resolve()}).writer_socket
    if not socket.exists():
        raise CommandFailed(_NOT_RUNNING.format(installed(settings).data.resolve()))
    link = Link(socket)
    try:
        await link.start(within_s=_WRITER_WITHIN_S)
    except TimeoutError:
        raise CommandFailed(_NOT_RUNNING.format(installed(settings).data.resolve())) from None
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
