"""`payswitch webhook-keys`: the keys that sign webhooks; adding and retiring one needs two people."""

import asyncio
from typing import Annotated, Any

import typer

from switch.cli import output
from switch.cli.as_person import As, Reason, ask
from switch.cli.connect import Data, Database, database, settings_for
from switch.webhooks import signing

app = typer.Typer(no_args_is_help=True)
Number = Annotated[int, typer.Argument(min=1, help="number of the key in `list`")]


@app.command("list")
def list_keys(data: Data = None, database_url: Database = None) -> None:
    """Print the present and former keys that sign webhooks, newest first, one JSON line each."""

    async def work() -> list[dict[str, Any]]:
        keys: list[signing.PublishedKey] = []
        async with database(settings_for(data, database_url)) as connection:
            while found := await signing.published(connection, before=keys[-1].number if keys else None):
                keys += found
        return [key.document() for key in keys]

    output.rows(asyncio.run(work()))


@app.command("add")
def add_key(*, as_: As, reason: Reason, data: Data = None, database_url: Database = None) -> None:
    """Request an additional key: it signs together with the present one until that is retired."""
    ask(data, database_url, as_, "webhook_key.add", {}, reason)


@app.command("retire")
def retire_key(
    number: Number, *, as_: As, reason: Reason, data: Data = None, database_url: Database = None
) -> None:
    """Request the retirement of key NUMBER: it no longer signs, and its private key is deleted."""
    ask(data, database_url, as_, "webhook_key.retire", {"number": number}, reason)
