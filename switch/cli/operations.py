"""The operator's work on the ledger's history: partitions, erasure, backups, migrations."""

import asyncio
import json
from datetime import datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import asyncpg
import typer

from ledger import backup as backups
from ledger import partitions
from ledger.archive import Archive
from ledger.detach import detach_oldest
from ledger.migrate import Phase, migrate, pending
from switch.base import personal_data
from switch.base.settings import Settings
from switch.cli import doctor
from switch.cli.connect import (
    NUMBER_MAX,
    Currency,
    Data,
    Database,
    database,
    installed,
    instant_of,
    pool,
    progress,
    running_url,
    settings_for,
    writer,
)
from switch.cli.failures import WrongUse
from switch.cli.office import As, Reason, ask
from switch.operations import dashboards, housekeeping
from switch.participants import reads as participants
from switch.payments import erasure
from switch.writer.commands import Freeze, SetLimit

app = typer.Typer(no_args_is_help=True)


@app.command("partitions")
def list_partitions(data: Data = None, database_url: Database = None) -> None:
    """Print the partitions of the event log and of the messages, one JSON line each."""

    async def run() -> None:
        async with database(settings_for(data, database_url)) as connection:
            for table in housekeeping.TABLES:
                for part in await partitions.read(connection, table):
                    typer.echo(
                        json.dumps(
                            {
                                "table": table,
                                "partition": part.name,
                                "first": part.first,
                                "last": part.last,
                                "rows": part.rows,
                                "bytes": part.bytes,
                            }
                        )
                    )

    asyncio.run(run())


@app.command()
def detach(
    before: Annotated[
        datetime, typer.Option("--before", parser=instant_of, help="detach what ended before this instant")
    ],
    to: Annotated[Path | None, typer.Option("--to", help="directory; DATA/archive without it")] = None,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Move old partitions into signed files, after checking every event of them; one JSON line each."""
    settings = settings_for(data, database_url)

    async def run() -> None:
        async with database(settings) as connection:
            while await _is_older(connection, before):
                archive = await detach_oldest(
                    connection,
                    to or settings.archive_directory,
                    housekeeping.signer(settings),
                    companions=[housekeeping.MESSAGES],
                    progress=progress("events archived"),
                )
                typer.echo(json.dumps(_document(archive)))

    asyncio.run(run())


async def _is_older(connection: asyncpg.Connection, instant: datetime) -> bool:
    """Whether the oldest partition is full and its last event is from before."""
    oldest = (await partitions.read(connection))[0]
    last_at = await connection.fetchval("SELECT at FROM ledger.event WHERE seq = $1", oldest.last)
    return last_at is not None and last_at < instant


def _document(archive: Archive) -> dict[str, object]:
    return {
        "first": archive.first_seq,
        "last": archive.last_seq,
        "last_at": archive.last_at.isoformat(),
        "files": [line.split(" ")[1] for line in archive.note.splitlines() if line.startswith("file ")],
    }


@app.command()
def freeze(
    reason: Annotated[str, typer.Argument(help="why; it stands in the log")],
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Stop new payments, returns, funds and window closes at once; what is under way still ends."""

    async def run() -> str:
        async with writer(settings_for(data, database_url)) as link:
            return (await link.ask(Freeze("people", reason))).verdict.text

    typer.echo(asyncio.run(run()))


@app.command()
def unfreeze(
    found: Annotated[str, typer.Argument(help="what was wrong, and what was done about it")],
    *,
    as_: As,
    reason: Reason,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Ask for the end of a freeze; a checker agrees to it with `payswitch change approve`."""
    ask(data, database_url, as_, "books.unfreeze", {"found": found}, reason)


@app.command("limit")
def set_limit(  # noqa: PLR0917 - one argument a word of the command
    participant: Annotated[str, typer.Argument(help="the participant's id")],
    currency: Currency,
    payment: Annotated[
        int | None, typer.Option("--payment", min=0, max=NUMBER_MAX, help="minor units of one payment")
    ] = None,
    day: Annotated[
        int | None, typer.Option("--day", min=0, max=NUMBER_MAX, help="minor units of one day, UTC")
    ] = None,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Set what PARTICIPANT may send in CURRENCY; what is not given has no limit."""
    settings = settings_for(data, database_url)

    async def run() -> str:
        async with pool(settings) as connections, writer(settings) as link:
            await participants.detail(connections, participant)  # NotFound where there is none
            return (await link.ask(SetLimit(participant, currency, payment, day))).verdict.text

    typer.echo(asyncio.run(run()))


def erase(
    uetr: Annotated[list[UUID] | None, typer.Argument(help="payments to erase")] = None,
    before: Annotated[
        datetime | None,
        typer.Option(
            "--before", parser=instant_of, help="every final payment that was received before this instant"
        ),
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="goes into the log; names nobody")] = "retention",
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Erase what payments say about people, for ever; every proof stays. The switch must be running."""
    if bool(uetr) == bool(before):
        raise WrongUse("name payments by their UETR, or --before an instant")
    settings = settings_for(data, database_url)

    async def run() -> int:
        async with database(settings) as connection, writer(settings) as link:
            if before is None:
                done = await erasure.erase(connection, link, uetr or [], reason)
            else:
                batches = erasure.erase_before(connection, link, before, reason)
                done = sum([count async for count in batches])
            await erasure.scrub(connection)
            return done

    typer.echo(json.dumps({"erased": asyncio.run(run())}))


def rotate_master_key(data: Data = None) -> None:
    """Add a key that personal data is sealed under from the next start on; the others still open."""
    settings = installed(settings_for(data, None))
    personal_data.load(settings.personal_data_keys)
    typer.echo(json.dumps({"master_keys": personal_data.rotate(settings.personal_data_keys)}))


def backup(
    to: Annotated[Path | None, typer.Option("--to", help="directory; PAYSWITCH_BACKUPS without it")] = None,
    keep: Annotated[int | None, typer.Option("--keep", min=1, help="remove all but the newest")] = None,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Copy the running database, as the start of a restore to any instant since; one JSON document.

    Keys are not part of it: keep DATA/keys and DATA/audit in another safe place.
    """
    settings = settings_for(data, database_url)
    directory = _backups(settings, to)

    async def url() -> str:
        async with database(settings) as connection:
            await connection.fetchval("SELECT 1")
            return running_url(settings)

    made = backups.make(asyncio.run(url()), directory)
    removed = backups.prune(directory, keep) if keep else []
    typer.echo(
        json.dumps(
            {
                "backup": str(made.directory),
                "ended_at": made.ended_at.isoformat(),
                "removed": [str(old.directory) for old in removed],
            }
        )
    )


def restore(
    source: Annotated[Path | None, typer.Option("--from", help="directory of backups")] = None,
    at: Annotated[
        datetime | None,
        typer.Option("--at", parser=instant_of, help="instant; the end of the log without it"),
    ] = None,
    data: Data = None,
) -> None:
    """Make the embedded database what it was at an instant; the files that it replaces are kept aside.

    Afterwards start the switch and `payswitch verify`: what the rails did since the instant shows there.
    """
    settings = settings_for(data, None)
    replaced = backups.restore(_backups(settings, source), (settings.data / "postgres").resolve(), at)
    typer.echo(
        json.dumps({"restored": str(settings.data / "postgres"), "replaced": replaced and str(replaced)})
    )


def _backups(settings: Settings, given: Path | None) -> Path:
    directory = given or settings.backups
    if directory is None:
        raise WrongUse("no directory of backups is known: set PAYSWITCH_BACKUPS, or name one")
    return directory.absolute()


def migrate_database(
    phase: Annotated[
        Phase | None, typer.Option("--phase", help="pre: before new code starts; post: after the old ended")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what would be applied")] = False,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Bring the schema up to date while payments run; one JSON document."""
    settings = settings_for(data, database_url)

    async def run() -> list[str]:
        async with database(settings):
            url = running_url(settings)
            return await (pending(url, phase=phase) if dry_run else migrate(url, phase=phase))

    typer.echo(json.dumps({"pending" if dry_run else "applied": asyncio.run(run())}))


def write_dashboards(
    directory: Annotated[Path, typer.Argument(help="where Grafana's provisioning looks")],
) -> None:
    """Write Grafana's dashboards, a JSON file each; prints their names."""
    for file in dashboards.write(directory):
        typer.echo(file)


def examine(
    as_json: Annotated[bool, typer.Option("--json", help="one JSON document")] = False,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Say what is wrong with this installation, and what to do; exit 1 if anything is."""
    found = asyncio.run(doctor.examine(settings_for(data, database_url)))
    typer.echo(json.dumps(found.document(), indent=2) if as_json else "\n".join(doctor.say(found)))
    raise typer.Exit(1 if found.findings else 0)
