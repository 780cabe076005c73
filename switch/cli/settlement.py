"""`payswitch settlement`: windows, and who owes whom."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from ledger import windows
from schemas.errors import Unavailable
from switch.api.reads import net_document, nets_csv
from switch.cli.connect import database, settings_for, writer
from switch.commands import CloseWindow

app = typer.Typer(no_args_is_help=True)

Data = Annotated[Path | None, typer.Option("--data", help="data directory")]
Database = Annotated[str | None, typer.Option("--database", help="PostgreSQL URL")]


@app.command("list")
def list_windows(data: Data = None, database_url: Database = None) -> None:
    """Print the settlement windows, newest first, one JSON line each."""

    async def run() -> None:
        async with database(settings_for(data, database_url)) as connection:
            for window in await windows.read(connection):
                typer.echo(json.dumps(window.document()))

    asyncio.run(run())


@app.command()
def close(currency: str, data: Data = None, database_url: Database = None) -> None:
    """Close the window of CURRENCY, open the next, and print the number of the closed one."""

    async def run() -> int:
        async with writer(settings_for(data, database_url)) as link:
            return (await link.ask(CloseWindow(currency))).number

    try:
        typer.echo(asyncio.run(run()))
    except (Unavailable, TimeoutError) as error:
        typer.echo(f"the switch is not running: {error or 'no writer'}", err=True)
        raise typer.Exit(1) from None


@app.command()
def positions(
    window: int,
    data: Data = None,
    database_url: Database = None,
    csv: Annotated[bool, typer.Option("--csv", help="CSV instead of JSON")] = False,
) -> None:
    """Print the net positions of a WINDOW; they sum to zero."""

    async def run() -> str:
        async with database(settings_for(data, database_url)) as connection:
            found = await windows.find(connection, window)
            if found is None:
                raise typer.BadParameter("no such window")
            nets = await windows.nets(connection, window)
            if csv:
                return nets_csv(found.currency, nets)
            document = {**found.document(), "nets": [net_document(found.currency, n) for n in nets]}
            return json.dumps(document, indent=2) + "\n"

    typer.echo(asyncio.run(run()), nl=False)
