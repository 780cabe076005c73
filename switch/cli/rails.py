"""`payswitch rails`: connections, end-of-cycle files and reconciliation breaks."""

import asyncio
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from typing import Annotated

import typer

from ledger.roles import Login
from switch.cli import output
from switch.cli.connect import (
    NUMBER_MAX,
    Country,
    Data,
    Database,
    database,
    pool,
    settings_for,
    writer,
)
from switch.cli.failures import CommandFailed
from switch.cli.pages import AfterNumber, Limit, shown
from switch.operations import source_rails
from switch.payments import rail_connection, rail_test, rails
from switch.payments.dispatch import Dispatcher
from switch.payments.reconciliation import Reconciliation, read_breaks, resolve_break

app = typer.Typer(no_args_is_help=True)


@app.command("test")
def try_endpoints(country: Country, data: Data = None) -> None:
    """Connect to every endpoint of COUNTRY's rail, and ask each for an answer; no money moves.

    Prints one JSON line an endpoint. Exit code 1 if one of them does not work, or the connection file is
    wrong.
    """
    settings = settings_for(data, None)
    file = rail_connection.file_of(settings.rails_directory, country)
    if not file.is_file():
        raise CommandFailed(f"{file} is missing: docs/operate/rails.md describes it")
    if faults := rail_connection.faults(file, country):
        raise CommandFailed(f"{file}: {'; '.join(faults)}")

    async def run() -> bool:
        works = []
        for url in (connection := rail_connection.read(file, 1.0)).urls:
            result = await rail_test.check_endpoint(country, replace(connection, base_url=url, other_urls=()))
            output.rows([asdict(result)])
            works.append(result.works)
        return all(works)

    raise typer.Exit(0 if asyncio.run(run()) else 1)


def _cycle_of(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a day: write YYYY-MM-DD, as in 2026-11-23") from None


@app.command()
def reconcile(
    country: Country,
    cycle: Annotated[
        str | None,
        typer.Option(
            parser=_cycle_of, metavar="DAY", help="YYYY-MM-DD in the time zone of the rail; default: today"
        ),
    ] = None,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Reconcile the end-of-cycle file of COUNTRY's rail and print the result; exit code 1 on new breaks."""

    async def run() -> bool:
        settings = settings_for(data, database_url)
        async with pool(settings, Login.CARETAKER) as connections, writer(settings) as link:
            rail = rails.connect_one(settings, connections, country)
            try:
                day = cycle or rail.adapter.profile.hours.day(datetime.now(UTC))
                reader = Reconciliation(
                    connections, Dispatcher(link, settings.time_scale, settings.payment_expiry_s)
                )
                result = await reader.read(rail, day)
            finally:
                await rail.adapter.close()
            output.rows([asdict(result)])
            return not result.breaks

    raise typer.Exit(0 if asyncio.run(run()) else 1)


@app.command()
def breaks(
    data: Data = None,
    database_url: Database = None,
    all_: Annotated[bool, typer.Option("--all", help="include resolved breaks")] = False,
    after: AfterNumber = 0,
    limit: Limit = 500,
) -> None:
    """Print the reconciliation breaks of a rail, oldest first, one JSON line each."""

    async def run() -> None:
        async with database(settings_for(data, database_url)) as connection:
            found = await read_breaks(connection, resolved=all_, after=after, limit=limit + 1)
        output.rows(shown(found, limit, lambda each: each["id"], "--after"))

    asyncio.run(run())


@app.command()
def sources(data: Data = None, database_url: Database = None) -> None:
    """Print the rails that can order payments, by country, one JSON line each.

    Whether their orders are taken, by which gateway, since when, and who decided it.
    """

    async def run() -> None:
        async with database(settings_for(data, database_url)) as connection:
            output.rows(await source_rails.read(connection))

    asyncio.run(run())


@app.command()
def resolve(
    number: Annotated[
        int, typer.Argument(min=1, max=NUMBER_MAX, help="number of the break in `payswitch rails breaks`")
    ],
    owner: Annotated[str, typer.Option(help="person who resolved it")],
    text: Annotated[str, typer.Option(help="resolution: what was found and done")],
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Mark break NUMBER as resolved. It moves no money: a correction is a separate transfer."""

    async def run() -> None:
        async with database(settings_for(data, database_url), Login.PAGES) as connection:
            await resolve_break(connection, number, owner, text)

    asyncio.run(run())
