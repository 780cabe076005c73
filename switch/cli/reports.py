"""`payswitch report`: create, list and verify reports; add pattern rules; add logins of regulators.

The user of these commands is the operator of the switch: the scope is everything, unless `--country` or
`--participant` limits it. Each created report is an event of the audit log, with the name of the user.
"""

import asyncio
import contextlib
import getpass
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

import typer

from adapters import registry
from ledger.roles import Login
from schemas.errors import InvalidMessage, NotAllowed
from switch.base.settings import Settings
from switch.cli import output, verified_files
from switch.cli.as_person import As, CommandContext, find_person, run, show
from switch.cli.connect import (
    NUMBER_MAX,
    Country,
    Data,
    Database,
    country_of,
    database,
    pool,
    read_file,
    running_url,
    settings_for,
    writer,
)
from switch.cli.failures import CommandFailed, WrongUse
from switch.cli.pages import Before, Limit, shown
from switch.reports import artefacts, catalogue, pattern_rules, regulators, service
from switch.reports.delivery import receipts, repeating
from switch.reports.query import Scope
from switch.reports.readers import scope_of_person
from switch.reports.service import ReportService
from switch.writer.event_kinds import EventKind

app = typer.Typer(no_args_is_help=True)


@contextlib.asynccontextmanager
async def _report_service(settings: Settings) -> AsyncIterator[ReportService]:
    """The report service of the running switch."""
    running = settings.model_copy(update={"database": running_url(settings), "data": settings.data.resolve()})
    async with (
        pool(running, Login.PAGES) as connections,
        pool(running, Login.READER) as reading,
        writer(running) as link,
    ):
        opened = ReportService.open(running, connections, reading, link)
        try:
            yield opened
        finally:
            await opened.source.close()


@app.command("list")
def list_reports() -> None:
    """Print the reports, one JSON line each: name, parameters, formats."""
    output.rows(
        {
            "name": found.name,
            "title": found.title,
            "takes": found.takes,
            "may_take": found.may_take,
            "formats": found.formats,
        }
        for found in catalogue.CATALOGUE.values()
    )


@app.command()
def make(
    name: Annotated[str, typer.Argument(help="a report of `payswitch report list`")],
    parameters: Annotated[
        list[str] | None,
        typer.Argument(help="parameters of the report, as name=value: since=2026-11-23T00:00:00Z"),
    ] = None,
    *,
    form: Annotated[str, typer.Option("--format", help="json, csv, xlsx, pdf, ...")] = "json",
    language: Annotated[
        str | None,
        typer.Option("--lang", help="language of labels: en, ru, zh; a CSV then has human-readable titles"),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="output file; default: standard output")
    ] = None,
    country: Annotated[
        str | None,
        typer.Option(
            "--country", parser=country_of, metavar="COUNTRY", help="only participants of one country"
        ),
    ] = None,
    participant: Annotated[str | None, typer.Option("--participant", help="only one participant")] = None,
    package: Annotated[
        bool,
        typer.Option("--package", help="a ZIP file with the signature, the public key and how to check it"),
    ] = False,
    reveal: Annotated[bool, typer.Option("--reveal", help="show personal data; this is logged")] = False,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Create a report, and its signature in a .jws file; name and signature go to standard error."""
    given = dict(_pair(text) for text in parameters or [])

    async def run() -> tuple[artefacts.Artefact, bytes | None]:
        scope = Scope(
            f"operator:{getpass.getuser()}",
            everything=country is None and participant is None,
            country=country,
            participant=participant,
            reveal=reveal,
        )
        async with _report_service(settings_for(data, database_url)) as reports:
            made = await service.make(reports, name, given, scope, form, language)
            return made, service.package(reports, made, language) if package else None

    artefact, packed = asyncio.run(run())
    octets = artefact.octets if packed is None else packed
    if output is None:
        sys.stdout.buffer.write(octets)
    else:
        output.write_bytes(octets)
    if output is not None and packed is None:
        artefacts.jws_beside(output).write_text(artefact.signature)
    typer.echo(f"{artefact.name}\n{artefact.signature}", err=True)


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator:
        raise WrongUse(f"{text!r} is not a parameter: write name=value, as in window=7")
    return name, value


@app.command()
def made(
    before: Before = None,
    limit: Limit = 50,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Print the created report files, newest first, one JSON line each."""

    async def run() -> None:
        async with _report_service(settings_for(data, database_url)) as reports:
            scope = Scope(f"operator:{getpass.getuser()}", everything=True)
            found = await service.made(reports, scope, limit + 1, before=before)
            output.rows(shown(found, limit, lambda row: int(row["number"])))

    asyncio.run(run())


@app.command("deliveries")
def deliveries(
    *,
    as_: As,
    before: Before = None,
    limit: Limit = 50,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Print the deliveries of scheduled reports with their receipts, newest first, one JSON line each."""

    async def work(context: CommandContext) -> list[dict[str, Any]]:
        person = await find_person(context.services, context.settings, as_)
        if not scope_of_person(person).everything:
            raise NotAllowed("deliveries of reports are shown to the operator's people")
        return await receipts.deliveries(context.services.pool, limit + 1, before=before)

    output.rows(shown(run(data, database_url, work), limit, lambda row: int(row["number"])))


@app.command("deliver-again")
def deliver_again(
    number: Annotated[int, typer.Argument(min=1, max=NUMBER_MAX, help="number of the delivery")],
    *,
    as_: As,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Deliver a scheduled report again: the same file to the same destination; this is logged."""

    async def work(context: CommandContext) -> None:
        person = await find_person(context.services, context.settings, as_)
        await repeating.repeat(context.services.pool, person, number)

    run(data, database_url, work)
    show({"delivery": number, "again": True})


@app.command()
def verify(
    file: Annotated[
        Path,
        typer.Argument(
            help="a report file, with its .jws file in the same directory", exists=True, dir_okay=False
        ),
    ],
    key: Annotated[Path, typer.Argument(help="public key, PEM", exists=True, dir_okay=False)],
) -> None:
    """Check a report file against its name and its signature, offline; exit code 1 if it was changed."""
    if not verified_files.verify([file], key, None):
        raise typer.Exit(1)


@app.command("add-rules")
def add_rules(
    version: Annotated[str, typer.Argument(help="a new name")],
    file: Annotated[Path, typer.Argument(help="the rules in JSON", exists=True, dir_okay=False)],
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Add a version of the pattern rules; versions are immutable."""

    async def run() -> None:
        try:
            rules = pattern_rules.read_rules(read_file(file))
        except InvalidMessage as error:
            raise CommandFailed(f"{file}: {error.detail}") from None
        async with _report_service(settings_for(data, database_url)) as reports:
            await service.add_rules(reports, version, rules, f"operator:{getpass.getuser()}")

    asyncio.run(run())


@app.command("add-regulator")
def add_regulator(
    login: Annotated[str, typer.Argument(help="name of the database login")],
    country: Country,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Create a database login that can only read the views of one country; set its password in psql."""

    async def run() -> None:
        settings = settings_for(data, database_url)
        registry.profile(country)  # NotFound if there is no rail of the country
        async with _report_service(settings) as reports, database(settings, Login.OWNER) as owner:
            await regulators.add_login(owner, login, country)
            await service.note(
                reports,
                EventKind.REGULATOR_LOGIN,
                caller=f"operator:{getpass.getuser()}",
                login=login,
                country=country,
            )

    asyncio.run(run())
