"""`payswitch upgrade --check`: what an upgrade has done, and what comes next."""

import asyncio
from typing import Annotated

import typer

from ledger.roles import Login
from switch.cli import output
from switch.cli.connect import Data, Database, database, settings_for
from switch.cli.failures import WrongUse
from switch.operations import upgrade
from switch.operations.upgrade import Upgrade


def upgrade_switch(
    check: Annotated[bool, typer.Option("--check", help="print the state and the next steps")] = False,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Print which versions run, what the schema lacks, and the next steps.

    The exit code is 1 if there are any steps.
    """
    if not check:
        raise WrongUse("an upgrade has several steps; `payswitch upgrade --check` prints the next ones")
    settings = settings_for(data, database_url)

    async def read() -> Upgrade:
        async with database(settings, Login.OWNER) as connection:
            return await upgrade.examine(connection)

    found = asyncio.run(read())
    if output.json_wanted():
        output.document(found.document())
    else:
        output.text("\n".join(found.lines()))
    raise typer.Exit(1 if found.steps else 0)
