"""`payswitch verify`: check every invariant of the books and of the payments."""

import asyncio
import json

import typer

from switch.base import personal_data
from switch.change_catalogue import KINDS
from switch.cli.connect import Archives, Data, Database, database, progress, settings_for
from switch.operations import verify as checks


def verify(
    archives: Archives = None,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Check every ledger and payment invariant. Prints one JSON document; exit code 1 if a check fails."""
    settings = settings_for(data, database_url)

    async def run() -> list[dict[str, object]]:
        async with database(settings) as connection:
            keys = settings.personal_data_keys
            acknowledged = settings.data / "sandbox" / "acknowledged.jsonl"
            return [
                {"check": r.name, "ok": r.ok, "checked": r.checked, "detail": r.detail}
                async for r in checks.verify(
                    connection,
                    settings.rails_directory,
                    acknowledged,
                    archives=archives or settings.archive_directory,
                    progress=progress("events verified"),
                    keys=personal_data.load(keys) if keys.exists() else None,
                    kinds=KINDS,
                )
            ]

    results = asyncio.run(run())
    ok = all(result["ok"] for result in results)
    typer.echo(json.dumps({"ok": ok, "checks": results}, indent=2))
    raise typer.Exit(0 if ok else 1)
