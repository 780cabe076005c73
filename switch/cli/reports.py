"""`payswitch report`: make, list and verify reports; the rules of patterns; logins of regulators.

Whoever runs a command here runs the switch: the scope is everything, unless `--country` or `--participant`
narrows it. Each report made is an event of the audited log, under the name of who made it.
"""

import asyncio
import contextlib
import getpass
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Final

import typer

from ledger.postgres import EmbeddedPostgres
from schemas.errors import NotAuthentic, SwitchError, Unavailable
from schemas.signing.keys import PublicKey
from switch.cli.connect import Data, Database, database, settings_for
from switch.database import connect_pool
from switch.reports import artefacts, catalogue, pattern_rules, regulators, service
from switch.reports.query import Scope
from switch.reports.service import Office
from switch.settings import Settings
from switch.workers.link import Link

app = typer.Typer(no_args_is_help=True)

_STARTS_WITHIN_S: Final = 5.0


@contextlib.asynccontextmanager
async def _office(settings: Settings) -> AsyncIterator[Office]:
    """The office of the running switch."""
    url = settings.database or EmbeddedPostgres((settings.data / "postgres").resolve()).running_url()
    if url is None:
        raise Unavailable("the switch is not running")
    running = settings.model_copy(update={"database": url, "data": settings.data.resolve()})
    pool, link = await connect_pool(running), Link(running.writer_socket)
    try:
        await link.start(within_s=_STARTS_WITHIN_S)
        yield Office.open(running, pool, link)
    finally:
        await link.stop()
        await pool.close()


def _fail(error: Exception) -> None:
    typer.echo(str(error) or type(error).__name__, err=True)
    raise typer.Exit(1) from None


@app.command("list")
def list_reports() -> None:
    """Print the reports, one JSON line each: name, parameters, formats."""
    for found in catalogue.CATALOGUE.values():
        line = {
            "name": found.name,
            "title": found.title,
            "takes": found.takes,
            "may_take": found.may_take,
            "formats": found.formats,
        }
        typer.echo(json.dumps(line))


@app.command()
def make(
    name: Annotated[str, typer.Argument(help="a report of `payswitch report list`")],
    parameters: Annotated[
        list[str] | None, typer.Argument(help="as name=value: since=2026-11-23T00:00:00Z")
    ] = None,
    *,
    form: Annotated[str, typer.Option("--format", help="json, csv, xlsx, pdf, ...")] = "json",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="file; standard output without it")
    ] = None,
    country: Annotated[str | None, typer.Option("--country", help="one country's participants only")] = None,
    participant: Annotated[str | None, typer.Option("--participant", help="one participant only")] = None,
    reveal: Annotated[bool, typer.Option("--reveal", help="show personal data; written down")] = False,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Make a report; its file name, hash and signature go to standard error."""
    given = dict(_pair(text) for text in parameters or [])

    async def run() -> artefacts.Artefact:
        scope = Scope(
            f"operator:{getpass.getuser()}",
            everything=country is None and participant is None,
            country=country,
            participant=participant,
            reveal=reveal,
        )
        async with _office(settings_for(data, database_url)) as office:
            return await service.make(office, name, given, scope, form)

    try:
        artefact = asyncio.run(run())
    except (SwitchError, TimeoutError) as error:
        _fail(error)
    if output is None:
        sys.stdout.buffer.write(artefact.octets)
    else:
        output.write_bytes(artefact.octets)
    typer.echo(f"{artefact.name}\n{artefact.signature}", err=True)


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator:
        raise typer.BadParameter(f"{text} is not name=value")
    return name, value


@app.command()
def made(
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000)] = 50,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Print what was made, newest first, one JSON line each."""

    async def run() -> None:
        async with _office(settings_for(data, database_url)) as office:
            scope = Scope(f"operator:{getpass.getuser()}", everything=True)
            for row in await service.made(office, scope, limit):
                typer.echo(json.dumps(row))

    try:
        asyncio.run(run())
    except (SwitchError, TimeoutError) as error:
        _fail(error)


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="a report, its .jws beside it", exists=True, dir_okay=False)],
    key: Annotated[Path, typer.Argument(help="public key, PEM", exists=True, dir_okay=False)],
) -> None:
    """Check a report's file against its name and its signature, offline; exit 1 if it is another."""
    try:
        artefacts.verify(file, PublicKey.from_pem(artefacts.KEYID, key.read_bytes()))
    except (NotAuthentic, ValueError, OSError) as error:
        _fail(error)
    typer.echo("unchanged since it was made")


@app.command("add-rules")
def add_rules(
    version: Annotated[str, typer.Argument(help="a new name")],
    file: Annotated[Path, typer.Argument(help="the rules, JSON", exists=True, dir_okay=False)],
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Add a version of the pattern rules; versions do not change."""

    async def run() -> None:
        rules = pattern_rules.read_rules(file.read_bytes())
        async with _office(settings_for(data, database_url)) as office:
            await service.add_rules(office, version, rules, f"operator:{getpass.getuser()}")

    try:
        asyncio.run(run())
    except (SwitchError, TimeoutError) as error:
        _fail(error)


@app.command("add-regulator")
def add_regulator(
    login: Annotated[str, typer.Argument(help="name of the database login")],
    country: Annotated[str, typer.Argument(help="two letters")],
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Make a database login that reads one country's views and nothing else; set its password in psql."""

    async def run() -> None:
        settings = settings_for(data, database_url)
        async with _office(settings) as office, database(settings) as owner:
            await regulators.add_login(owner, login, country)
            await service.note(
                office,
                "REGULATOR_LOGIN",
                caller=f"operator:{getpass.getuser()}",
                login=login,
                country=country,
            )

    try:
        asyncio.run(run())
    except (SwitchError, TimeoutError) as error:
        _fail(error)
