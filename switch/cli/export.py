"""`payswitch export`: history as Parquet, and statistics over it without the database."""

import asyncio
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from switch.cli import output
from switch.cli.connect import Data, Database, database, settings_for
from switch.cli.failures import CommandFailed
from switch.operations import export as exports
from switch.operations.export import ExportError

app = typer.Typer(no_args_is_help=True)


def day_of(text: str) -> date:
    """Parse a day."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a day: write YYYY-MM-DD") from None


Directory = Annotated[Path, typer.Argument(help="directory of exported days")]


@app.command()
def parquet(
    directory: Directory,
    first: Annotated[date, typer.Option("--from", parser=day_of, metavar="DAY", help="first day, UTC")],
    last: Annotated[
        date | None, typer.Option("--to", parser=day_of, metavar="DAY", help="last day; default: the first")
    ] = None,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Write the postings and payments of whole days as Parquet, checked against the ledger's balances."""
    settings = settings_for(data, database_url)

    async def run() -> None:
        async with database(settings) as connection:
            async for day in exports.export(connection, directory, first, last or first):
                output.rows([day.document()])

    try:
        asyncio.run(run())
    except ExportError as error:
        raise CommandFailed(str(error)) from None


@app.command()
def query(
    directory: Directory,
    sql: Annotated[
        str | None, typer.Argument(help="SQL over `payments` and `entries`; default: by month and corridor")
    ] = None,
) -> None:
    """Run a query over exported days with DuckDB; one JSON line for each row."""
    try:
        output.rows(exports.query(directory, sql) if sql else exports.query(directory))
    except ExportError as error:
        raise CommandFailed(str(error)) from None
