"""`payswitch audit`: signed checkpoints of the event log, proof bundles, and their offline check."""

import asyncio
import json
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from ledger import audit, offline_verifier
from ledger.roles import Login
from switch.cli import output
from switch.cli.connect import Archives, Data, Database, database, installed, settings_for
from switch.cli.failures import CommandFailed, WrongUse
from switch.operations import housekeeping

app = typer.Typer(no_args_is_help=True)


@app.command()
def export(
    uetr: Annotated[
        list[UUID] | None, typer.Argument(help="UETRs of payments to prove; none: only the checkpoint")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="output file; default: standard output")
    ] = None,
    archives: Archives = None,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Sign a checkpoint of the whole log and write a bundle with proofs of the payments.

    The verifier keys go to standard error: distribute them separately from the bundle.
    """
    settings = settings_for(data, database_url)

    async def run() -> dict[str, object]:
        async with database(settings, Login.OWNER) as connection:
            await housekeeping.publish(connection, settings)
            ids = uetr or []
            rows = await connection.fetch("SELECT id, number FROM ledger.transfer WHERE id = ANY($1)", ids)
            unknown = set(ids) - {row["id"] for row in rows}
            if unknown:
                raise WrongUse(f"there is no payment {', '.join(map(str, sorted(unknown)))}")
            numbers = [row["number"] for row in rows]
            return await audit.bundle(connection, numbers, archives or settings.archive_directory)

    text = json.dumps(asyncio.run(run()), indent=1) + "\n"
    if output is None:
        typer.echo(text, nl=False)
    else:
        output.write_text(text)
    for line in housekeeping.verifier_lines(settings):
        typer.echo(f"verifier key: {line}", err=True)


@app.command()
def verify(
    bundle: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="file of `audit export`")],
    keys: Annotated[list[str], typer.Argument(help="verifier keys of the operator")],
    kept: Annotated[
        Path | None,
        typer.Option("--kept", exists=True, dir_okay=False, help="a checkpoint or bundle that you kept"),
    ] = None,
    witness: Annotated[
        list[str] | None,
        typer.Option("--witness", help="verifier key of a witness that must have cosigned a checkpoint"),
    ] = None,
) -> None:
    """Check a bundle offline; exit code 1 if a proof fails. `ledger/offline_verifier.py` does it alone.

    With --kept also whether the log extends what you kept; exit code 3 if a restore left it out.
    """
    more = ["--kept", str(kept)] if kept else []
    for key in witness or ():
        more += ["--witness", key]
    raise typer.Exit(offline_verifier.main([str(bundle), *keys, *more]))


@app.command("keys")
def show_keys(data: Data = None) -> None:
    """Print the verifier key of every present and former signing key, oldest first."""
    for line in housekeeping.verifier_lines(installed(settings_for(data, None))):
        output.told(line, key=line)


@app.command()
def rotate(data: Data = None) -> None:
    """Create a new key; until `retire`, the old key also signs every checkpoint."""
    try:
        signer = housekeeping.rotate_key(installed(settings_for(data, None)))
    except ValueError as error:
        raise CommandFailed(str(error)) from None
    output.told(signer.verifier_key, key=signer.verifier_key)


@app.command()
def retire(data: Data = None) -> None:
    """Destroy the old key. Every verifier must have the new verifier key before."""
    left = housekeeping.retire_key(installed(settings_for(data, None))).verifier_key
    output.told(left, key=left)
