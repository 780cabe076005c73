"""`payswitch rails`: end-of-cycle files, and where the rails' word is not ours."""

import asyncio
import json
from collections.abc import Coroutine
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from schemas.errors import NotFound, Unavailable
from switch import rails
from switch.cli.connect import Data, Database, database, pool, settings_for, writer
from switch.dispatch import Dispatcher
from switch.reconciliation import Reconciliation, read_breaks, resolve_break

app = typer.Typer(no_args_is_help=True)


@app.command()
def reconcile(
    country: str,
    cycle: Annotated[str, typer.Option(help="YYYY-MM-DD of the rail's clock; today's if not given")] = "",
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Read the end-of-cycle file of COUNTRY's rail, and print what it came to; exit 1 on new breaks."""

    async def run() -> bool:
        settings = settings_for(data, database_url)
        async with pool(settings) as connections, writer(settings) as link:
            rail = rails.connect_one(settings, connections, country.upper())
            try:
                day = cycle or rail.adapter.profile.hours.day(datetime.now(UTC))
                reader = Reconciliation(
                    connections, Dispatcher(link, settings.time_scale, settings.payment_expiry_s)
                )
                result = await reader.read(rail, day)
            finally:
                await rail.adapter.close()
            typer.echo(json.dumps(asdict(result)))
            return not result.breaks

    _run(run())


@app.command()
def breaks(
    data: Data = None,
    database_url: Database = None,
    all_: Annotated[bool, typer.Option("--all", help="the resolved ones too")] = False,
) -> None:
    """Print where a rail's file and our books differ, oldest first, one JSON line each."""

    async def run() -> bool:
        async with database(settings_for(data, database_url)) as connection:
            for found in await read_breaks(connection, resolved=all_):
                typer.echo(json.dumps(found))
        return True

    _run(run())


@app.command()
def resolve(
    number: int,
    owner: Annotated[str, typer.Option(help="who resolved it")],
    text: Annotated[str, typer.Option(help="how: what was found and done")],
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Mark break NUMBER as resolved. It moves no money: a correction is a transfer of its own."""

    async def run() -> bool:
        async with database(settings_for(data, database_url)) as connection:
            await resolve_break(connection, number, owner, text)
        return True

    _run(run())


def _run(work: Coroutine[None, None, bool]) -> None:
    try:
        fine = asyncio.run(work)
    except (Unavailable, NotFound, TimeoutError) as error:
        typer.echo(str(error) or "the switch is not running", err=True)
        raise typer.Exit(1) from None
    if not fine:
        raise typer.Exit(1)
