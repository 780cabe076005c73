"""`payswitch pay` and `events`: an integrator's first payment, and everything that happens."""

import asyncio
import json
from typing import Annotated

import typer

from switch import sandbox
from switch.cli.connect import Data, database, settings_for
from switch.client import Client, NoAnswer, Problem


def pay(
    debtor: Annotated[str, typer.Argument(help="participant that pays, as in the sandbox credentials")],
    creditor: Annotated[str, typer.Argument(help="participant that is paid")],
    amount: Annotated[str, typer.Argument(help="in the debtor's currency")],
    account: Annotated[str | None, typer.Option("--account", help="creditor's account")] = None,
    data: Data = None,
) -> None:
    """Send one signed payment to the running sandbox and print what became of it."""
    settings = settings_for(data, None)
    credentials = json.loads(settings.credentials_file.read_text())
    participants = {entry["id"]: entry for entry in credentials["participants"]}
    for name in (debtor, creditor):
        if name not in participants:
            raise typer.BadParameter(f"no participant {name}; there are {', '.join(participants)}")
    payer, payee = participants[debtor], participants[creditor]
    document = sandbox.document(payer, payee, amount=amount, account=account or "")

    async def run() -> None:
        async with Client.of_sandbox(settings.credentials_file, debtor) as client:
            state = await client.pay(document, wait=20)
            typer.echo(json.dumps(await client.read(f"payments/{state.uetr}"), indent=2))

    try:
        asyncio.run(run())
    except (Problem, NoAnswer) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


def events(
    after: Annotated[int, typer.Option("--after", help="sequence number to begin behind")] = 0,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000)] = 1000,
    data: Data = None,
    database_url: Annotated[str | None, typer.Option("--database", help="PostgreSQL URL")] = None,
) -> None:
    """Print the event log, one JSON line an event; nothing in it is personal."""

    async def run() -> None:
        async with database(settings_for(data, database_url)) as connection:
            rows = await connection.fetch(
                "SELECT seq, number, at, kind, body FROM ledger.event WHERE seq > $1 ORDER BY seq LIMIT $2",
                after,
                limit,
            )
            for row in rows:
                body = json.loads(row["body"]) if row["body"] else {}
                event = {
                    "seq": row["seq"],
                    "number": row["number"],
                    "at": row["at"].isoformat(),
                    "event": row["kind"],
                }
                # In logs of before, the event of a limit is a list of values.
                said = body if isinstance(body, dict) else {"body": body}
                typer.echo(json.dumps({**event, **said}))

    asyncio.run(run())
