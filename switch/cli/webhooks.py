"""`payswitch webhook-keys`: the keys that sign webhooks; two people add one and retire one."""

import asyncio
import json
from typing import Annotated

import typer

from switch.cli.connect import Data, Database, database, settings_for
from switch.cli.office import As, Reason, ask
from switch.webhooks import signing

app = typer.Typer(no_args_is_help=True)
Number = Annotated[int, typer.Argument(min=1, help="number of the key, as `list` prints it")]


@app.command("list")
def list_keys(data: Data = None, database_url: Database = None) -> None:
    """Print every key that signs webhooks or did, the newest first, one JSON line each."""

    async def work() -> None:
        before = None
        async with database(settings_for(data, database_url)) as connection:
            while found := await signing.published(connection, before=before):
                for key in found:
                    typer.echo(json.dumps(key.document()))
                before = found[-1].number

    asyncio.run(work())


@app.command("add")
def add_key(*, as_: As, reason: Reason, data: Data = None, database_url: Database = None) -> None:
    """Ask for a further key: it signs beside the one in force, until that one is retired."""
    ask(data, database_url, as_, "webhook_key.add", {}, reason)


@app.command("retire")
def retire_key(
    number: Number, *, as_: As, reason: Reason, data: Data = None, database_url: Database = None
) -> None:
    """Ask for the end of key NUMBER: it signs no more, and its private half is deleted."""
    ask(data, database_url, as_, "webhook_key.retire", {"number": number}, reason)
