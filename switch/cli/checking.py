"""`payswitch verify`: check every invariant of the books and of the payments, or signed report files."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from switch.base import personal_data
from switch.change_catalogue import KINDS
from switch.cli import output, verified_files
from switch.cli.connect import Archives, Data, Database, database, progress, settings_for
from switch.cli.failures import CommandFailed, WrongUse
from switch.operations import verify as checks
from switch.operations import witness_states
from switch.witness.folder import NoWitness


def verify(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            help="report files to check instead: packages (ZIP), or files with FILE.jws beside them"
        ),
    ] = None,
    *,
    key: Annotated[
        Path | None,
        typer.Option("--key", help="for files: the public key, PEM; default: the keys in DATA/reports"),
    ] = None,
    witness_state: Annotated[
        list[str] | None,
        typer.Option("--witness-state", help="what a witness holds: its state.json, or its address"),
    ] = None,
    archives: Archives = None,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Check every ledger and payment invariant. Prints one JSON document; exit code 1 if a check fails.

    With --witness-state also whether the log is the one that the witness cosigned, which root of the switch
    cannot forge. It can be repeated.

    With FILES it checks their signatures instead, offline: one JSON line each.
    """
    if files:
        raise typer.Exit(0 if verified_files.verify(files, key, data) else 1)
    if key is not None:
        raise WrongUse("--key is for report files: name them")
    settings = settings_for(data, database_url)
    try:
        states = [witness_states.load(source) for source in witness_state or ()]
    except NoWitness as error:
        raise CommandFailed(str(error)) from None

    async def run() -> list[dict[str, object]]:
        async with database(settings) as connection:
            keys = settings.personal_data_keys
            acknowledged = settings.data / "sandbox" / "acknowledged.jsonl"
            lines = settings.published_file.parent / "verifier-keys.txt"
            log = lines.read_text(encoding="utf-8").split() if lines.exists() else []
            trees, of_witnesses = await witness_states.trees(connection, states, log)
            found = [
                result
                async for result in checks.verify(
                    connection,
                    settings.rails_directory,
                    acknowledged,
                    archives=archives or settings.archive_directory,
                    progress=progress("events verified"),
                    keys=personal_data.load(keys) if keys.exists() else None,
                    kinds=KINDS,
                    witnessed=trees,
                )
            ]
            found += [result async for result in witness_states.witnessed(connection)]
            return [
                {"check": r.name, "ok": r.ok, "checked": r.checked, "detail": r.detail}
                for r in (*found, *of_witnesses)
            ]

    results = asyncio.run(run())
    ok = all(result["ok"] for result in results)
    output.document({"ok": ok, "checks": results})
    if not ok:
        output.what_now("payswitch doctor", "docs/operate/runbooks: find the failed check")
    raise typer.Exit(0 if ok else 1)
