"""What a start needs from people, looked at before any process is started: every reason at once.

A process that dies of a missing file dies again; so files, keys, the schema and the rights of the database's
user are looked at here, and what is wrong is said in one line each, with what to do.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

import asyncpg

from adapters import registry
from ledger.migrate import migrate
from switch.base import causes, database, personal_data
from switch.base.settings import Settings
from switch.payments import rails
from switch.webhooks import signing

_MAY_TAKE: Final = "SELECT pg_has_role(current_user, $1, 'SET')"
_TAKE: Final = f"GRANT {database.ROLE} TO CURRENT_USER WITH SET TRUE, INHERIT FALSE"
_USER: Final = "SELECT current_user"
_SET_OPTION_SINCE: Final = 16
"""PostgreSQL 16 tells membership from the right to take a role: who makes one may not take it yet."""


def examine(settings: Settings) -> list[str]:
    """Everything about files that cannot succeed before people act; nothing where all is well."""
    return [*_adapters(), *_rails(settings), *_keys(settings)]


def _adapters() -> Iterator[str]:
    """Of every package that is installed: maps, calendars and reports read all of them."""
    for country in registry.countries():
        try:
            registry.country(country)
        except (ImportError, AttributeError) as error:
            yield (
                f"the adapter package of {country} does not state its country ({error}): install a version"
                " that has the module `country`, or remove the package"
            )


def _rails(settings: Settings) -> Iterator[str]:
    known = [country for country in settings.rails if country in registry.countries()]
    for country in set(settings.rails).difference(known):
        yield f"no adapter for {country}: install its package, or leave it out of PAYSWITCH_RAILS"
    if settings.sandbox:
        return  # their connections are made for them
    files = {country: settings.rails_directory / country / rails.CONNECTION for country in known}
    missing = [country for country, file in files.items() if not file.exists()]
    if missing:
        yield (
            f"nothing says where the rails of {', '.join(missing)} are: write"
            f" {settings.rails_directory.resolve()}/COUNTRY/{rails.CONNECTION} for each, or name in"
            " PAYSWITCH_RAILS only the rails that are connected; `payswitch up --sandbox` simulates them all"
        )
    for file in files.values():
        fault = _fault_of_connection(file) if file.exists() else ""
        if fault:
            yield f"{file} is no connection of a rail: {fault}"


def _fault_of_connection(file: Path) -> str:
    try:
        connection = rails.read_connection(file, 1.0)
    except OSError as error:
        return causes.of(error).text
    except KeyError as error:
        return f"{error} is missing"
    except (ValueError, TypeError, AttributeError):
        return "it is not a JSON object of texts"
    if connection.ca_file is not None:
        return _fault(connection.ca_file.read_bytes, connection.ca_file)
    return ""


def _keys(settings: Settings) -> Iterator[str]:
    readers: dict[Path, Callable[[Path], object]] = {
        settings.personal_data_keys: personal_data.load,
        settings.webhook_key: signing.load,
    }
    for file, read in readers.items():
        fault = _fault(partial(read, file), file) if file.exists() else ""
        if fault:
            yield fault


def _fault(read: Callable[[], object], file: Path) -> str:
    """Why a file cannot be used; empty where it can."""
    try:
        read()
    except OSError as error:
        return causes.of(error).text
    except (ValueError, TypeError):
        return f"{file} is no key file that we can read: restore it from where your keys are kept"
    return ""


async def reach(url: str) -> None:
    """Connect once.

    Raises:
        Exception: as asyncpg.

    """
    await (await asyncpg.connect(url, timeout=10)).close()


async def bring_up_to_date(url: str) -> None:
    """Apply the migrations that are missing, and make sure that the user may take the switch's role.

    Raises:
        Impossible: it may not, and cannot give itself the right.
        Exception: as `ledger.migrate.migrate`, and as asyncpg where the database is away or refuses us.

    """
    await migrate(url)
    connection = await asyncpg.connect(url, timeout=10)
    try:
        await _take_role(connection)
    finally:
        await connection.close()


async def _take_role(connection: asyncpg.Connection) -> None:
    if connection.get_server_version().major < _SET_OPTION_SINCE:
        return
    if await connection.fetchval(_MAY_TAKE, database.ROLE):
        return
    try:
        await connection.execute(_TAKE)
    except asyncpg.InsufficientPrivilegeError:
        user = await connection.fetchval(_USER)
        raise causes.Impossible(
            f"the database's user {user} may not take the role {database.ROLE}: as a superuser, run"
            f" GRANT {database.ROLE} TO {user}"
        ) from None
