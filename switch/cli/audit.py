"""`payswitch audit`: signed checkpoints of the event log, proof bundles, and their offline check."""

import asyncio
import json
import os
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from ledger import audit, offline_verifier
from ledger.signing import Signer
from switch.cli.connect import database, settings_for

app = typer.Typer(no_args_is_help=True)

Data = Annotated[Path | None, typer.Option("--data", help="data directory")]
Database = Annotated[str | None, typer.Option("--database", help="PostgreSQL URL")]


def signer_of(data: Path, origin: str) -> Signer:
    """Get the operator's signer; its key is made once, in a file that only its owner can read."""
    file = data / "audit" / "checkpoint.key"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(pem)
    key = load_pem_private_key(file.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise typer.BadParameter(f"{file} is not an Ed25519 key")
    return Signer(origin, key)


@app.command()
def export(
    uetr: Annotated[
        list[str] | None, typer.Argument(help="payments to prove; none: the checkpoint alone")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="file; standard output without it")
    ] = None,
    origin: Annotated[str, typer.Option("--origin", help="name of the log")] = "payswitch.example/ledger",
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Sign a checkpoint of everything so far and write a bundle that proves the payments to it.

    The line to verify with goes to standard error: hand it out by another way than the bundle.
    """
    settings = settings_for(data, database_url)
    signer = signer_of(settings.data, origin)

    async def run() -> dict[str, object]:
        async with database(settings) as connection:
            await audit.checkpoint(connection, signer)
            ids = [UUID(text) for text in uetr or []]
            rows = await connection.fetch("SELECT id, number FROM ledger.transfer WHERE id = ANY($1)", ids)
            unknown = set(ids) - {row["id"] for row in rows}
            if unknown:
                raise typer.BadParameter(f"no payment {', '.join(map(str, sorted(unknown)))}")
            return await audit.bundle(connection, [row["number"] for row in rows])

    text = json.dumps(asyncio.run(run()), indent=1) + "\n"
    if output is None:
        typer.echo(text, nl=False)
    else:
        output.write_text(text)
    typer.echo(f"verify with: {signer.verifier_key}", err=True)


@app.command()
def verify(
    bundle: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    keys: Annotated[list[str], typer.Argument(help="verifier lines of the operator")],
) -> None:
    """Check a bundle offline; exit 1 if it proves nothing. `ledger/offline_verifier.py` does it alone."""
    raise typer.Exit(offline_verifier.main([str(bundle), *keys]))
