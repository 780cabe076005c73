"""Shared code of commands: parameters, connections to the database and the writer, progress."""

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

from ledger.roles import Login
from schemas.errors import InvalidAmount
from schemas.money import EXPONENTS, Money
from switch.base.database import connect_pool, embedded, role_of
from switch.base.settings import Settings
from switch.cli.failures import CommandFailed, WrongUse
from switch.writer.client import Link
from switch.writer.kinds import Kind

Data = Annotated[Path | None, typer.Option("--data", help="data directory")]
Database = Annotated[
    str | None, typer.Option("--database", help="PostgreSQL URL instead of the embedded server")
]
Archives = Annotated[
    Path | None, typer.Option("--archives", help="directory of detached history; default: DATA/archive")
]
_PROGRESS_EVERY_S: Final = 2.0
CONNECTS_WITHIN_S: Final = 10.0
_WRITER_WITHIN_S: Final = 5.0
_NOT_RUNNING: Final = "the switch of {} is not running: start it with `payswitch up`"
_UNREACHABLE: Final = (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError)
_COUNTRY: Final = re.compile("[A-Z]{2}", re.ASCII)


def country_of(text: str) -> str:
    """Parse a country: two letters, in upper or lower case."""
    country = text.upper()
    if not _COUNTRY.fullmatch(country):
        raise typer.BadParameter(f"{text!r} is not a country: write two letters, as in IN")
    return country


def currency_of(text: str) -> str:
    """Parse a currency: an ISO 4217 code, in upper or lower case."""
    currency = text.upper()
    if currency not in EXPONENTS:
        raise typer.BadParameter(f"{text!r} is not a currency: write an ISO 4217 code, as in INR")
    return currency


def instant_of(text: str) -> datetime:
    """Parse an instant in ISO 8601; without an offset it is UTC."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is not an instant: write ISO 8601, as in 2026-11-23T10:15:00+00:00"
        ) from None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


Country = Annotated[str, typer.Argument(parser=country_of, metavar="COUNTRY", help="two letters, as in IN")]
Currency = Annotated[
    str, typer.Argument(parser=currency_of, metavar="CURRENCY", help="three letters, as in INR")
]
Uetr = Annotated[UUID, typer.Argument(help="UETR of the payment")]
NUMBER_MAX: Final = 2**63 - 1
"""The largest value of an integer column in the database."""


def checked_amount(text: str, currency: str) -> str:
    """Check an amount before the command does anything.

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
    """Read a text file named on the command line.

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
    """Read a JSON file named on the command line.

    Raises:
        CommandFailed: it cannot be read, or is not JSON.

    """
    try:
        return json.loads(read_file(file))
    except ValueError as error:
        raise CommandFailed(f"{file} is not JSON: {error}") from None


def installed(settings: Settings) -> Settings:
    """Return the settings if their data directory belongs to a switch.

    Raises:
        CommandFailed: it does not, so nothing may be created or read in it.

    """
    data = settings.data.resolve()
    if not ((data / "postgres" / "PG_VERSION").exists() or (data / "run").is_dir()):
        raise CommandFailed(
            f"{data} is not the data directory of a switch: name it with --data or PAYSWITCH_DATA"
            " (`payswitch up` creates one)"
        )
    return settings


def running_url(settings: Settings) -> str:
    """The URL of the database of the running switch, as the owner of its schema.

    Raises:
        CommandFailed: no switch is running on this data directory.

    """
    if settings.database:
        return settings.database_of(Login.OWNER)
    installed(settings)
    url = embedded(settings).running_url()
    if url is None:
        raise CommandFailed(_NOT_RUNNING.format(settings.data.resolve()))
    return url


@contextlib.contextmanager
def reaching() -> Iterator[None]:
    """Explain why a database cannot be reached, without its URL, which may contain a password."""
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
            return f"no response within {CONNECTS_WITHIN_S:.0f} s"
        case OSError():
            return error.strerror or "the connection was lost"
        case asyncpg.ClientConfigurationError() | ValueError():
            return "it is not a PostgreSQL URL, as in postgresql://user@host/database"
        case _:
            return "the connection was lost"


@contextlib.asynccontextmanager
async def database(settings: Settings, login: Login = Login.READER) -> AsyncIterator[asyncpg.Connection]:
    """Connect to the database: by URL, to the running embedded server, or to one started for the command.

    Raises:
        CommandFailed: there is none, or it cannot be reached.

    """
    server = embedded(settings)
    url = settings.database or (server.running_url() if installed(settings) else None)
    started = url is None
    if url is None:
        url = server.start()
    try:
        with reaching():
            reached = settings.model_copy(update={"database": url})
            connection = await asyncpg.connect(
                reached.database_of(login), timeout=CONNECTS_WITHIN_S, server_settings=role_of(login)
            )
        try:
            yield connection
        finally:
            await connection.close(timeout=CONNECTS_WITHIN_S)
    finally:
        if started:
            server.stop()


@contextlib.asynccontextmanager
async def pool(settings: Settings, login: Login) -> AsyncIterator[asyncpg.Pool]:
    """Connect to the database of the running switch with a role.

    Raises:
        CommandFailed: the switch is not running, or its database cannot be reached.

    """
    url = running_url(settings)
    with reaching():
        async with asyncio.timeout(CONNECTS_WITHIN_S):
            connections = await connect_pool(settings.model_copy(update={"database": url}), login)
    try:
        yield connections
    finally:
        await connections.close()


@contextlib.asynccontextmanager
async def writer(settings: Settings) -> AsyncIterator[Link]:
    """Connect to the writer of the running switch.

    Raises:
        CommandFailed: it is not running.

    """
    settings = settings.model_copy(update={"data": settings.data.resolve()})
    if not settings.writer and not settings.writer_socket.exists():
        raise CommandFailed(_NOT_RUNNING.format(installed(settings).data.resolve()))
    link = Link.of(settings, Kind.OPERATOR)
    try:
        await link.start(within_s=_WRITER_WITHIN_S)
    except TimeoutError:
        raise CommandFailed(_NOT_RUNNING.format(installed(settings).data.resolve())) from None
    try:
        yield link
    finally:
        await link.stop()


def settings_for(data: Path | None, database_url: str | None) -> Settings:
    """Read the settings; options of the command line override them."""
    given = {"data": data, "database": database_url}
    return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]


def progress(what: str) -> Callable[[int], None]:
    """Print progress on standard error, every few seconds."""
    said = time.monotonic()

    def say(done: int) -> None:
        nonlocal said
        if time.monotonic() - said >= _PROGRESS_EVERY_S:
            said = time.monotonic()
            print(f"{done:,} {what}", file=sys.stderr, flush=True)

    return say
