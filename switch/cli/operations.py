"""The operator's commands: partitions, freeze, limits, erasure, backups, migrations."""

import asyncio
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
from ledger.roles import Login
from switch.base import personal_data
from switch.base.settings import Settings
from switch.cli import doctor, output, preflight
from switch.cli.as_person import As, Factor, Reason, ask, confirmed
from switch.cli.connect import (
    Currency,
    Data,
    Database,
    database,
    installed,
    instant_of,
    progress,
    running_url,
    settings_for,
    writer,
)
from switch.cli.failures import CommandFailed, WrongUse
from switch.operations import dashboards, housekeeping
from switch.payments import erasure
from switch.statistics import making
from switch.writer.commands import Freeze

app = typer.Typer(no_args_is_help=True)


@app.command("partitions")
def list_partitions(data: Data = None, database_url: Database = None) -> None:
    """Print the partitions of the event log and of the messages, one JSON line each."""

    async def run() -> list[dict[str, object]]:
        async with database(settings_for(data, database_url)) as connection:
            return [
                {
                    "table": table,
                    "partition": part.name,
                    "first": part.first,
                    "last": part.last,
                    "rows": part.rows,
                    "bytes": part.bytes,
                }
                for table in housekeeping.TABLES
                for part in await partitions.read(connection, table)
            ]

    output.rows(asyncio.run(run()))


@app.command()
def detach(
    before: Annotated[
        datetime,
        typer.Option("--before", parser=instant_of, help="detach partitions that ended before this instant"),
    ],
    to: Annotated[Path | None, typer.Option("--to", help="target directory; default: DATA/archive")] = None,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Check every event of old partitions and move them into signed files; one JSON line each."""
    settings = settings_for(data, database_url)

    async def run() -> None:
        async with database(settings, Login.OWNER) as connection:
            while await _is_older(connection, before):
                archive = await detach_oldest(
                    connection,
                    to or settings.archive_directory,
                    housekeeping.signer(settings),
                    companions=[housekeeping.MESSAGES],
                    progress=progress("events archived"),
                )
                output.rows([_document(archive)])

    asyncio.run(run())


@app.command("rebuild-facts")
def rebuild_facts(data: Data = None, database_url: Database = None) -> None:
    """Make the facts of statistics again from the log; prints one JSON line. Payments go on meanwhile."""

    async def run() -> int:
        async with database(settings_for(data, database_url), Login.OWNER) as connection:
            return await making.rebuild(connection)

    output.document({"events": asyncio.run(run())}, indent=None)


async def _is_older(connection: asyncpg.Connection, instant: datetime) -> bool:
    """Whether the oldest partition is full and its last event is older than the instant."""
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
    reason: Annotated[str, typer.Argument(help="reason; recorded in the log")],
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Stop new payments, returns, movements of funds and window closes. Those in progress finish."""

    async def run() -> str:
        async with writer(settings_for(data, database_url)) as link:
            return (await link.ask(Freeze("people", reason))).verdict.text

    result = asyncio.run(run())
    output.told(result, result=result)


@app.command()
def unfreeze(
    found: Annotated[str, typer.Argument(help="the cause, and what was done about it")],
    *,
    as_: As,
    reason: Reason,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Request the end of a freeze. A checker approves it with `payswitch change approve`."""
    ask(data, database_url, as_, "books.unfreeze", {"found": found}, reason)


@app.command("limit")
def set_limit(
    participant: Annotated[str, typer.Argument(help="id of the participant")],
    currency: Currency,
    *,
    as_: As,
    reason: Reason,
    payment: Annotated[str | None, typer.Option("--payment", help="limit of one payment, as 5000.00")] = None,
    day: Annotated[str | None, typer.Option("--day", help="limit of one day (UTC), as 90000.00")] = None,
    factor: Factor = None,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Request limits of PARTICIPANT in CURRENCY. A limit that is not given is removed."""
    limits = {"participant": participant, "currency": currency, "per_payment": payment, "per_day": day}
    ask(data, database_url, as_, "limit.set", {**limits, **confirmed(factor)}, reason)


def erase(
    uetr: Annotated[list[UUID] | None, typer.Argument(help="payments to erase")] = None,
    before: Annotated[
        datetime | None,
        typer.Option(
            "--before",
            parser=instant_of,
            help=f"every final payment received before this instant, {erasure.KEPT_AT_LEAST.days} days ago"
            " or earlier",
        ),
    ] = None,
    *,
    yes: Annotated[
        bool, typer.Option("--yes", help="skip the confirmation of --before, as in a timer")
    ] = False,
    reason: Annotated[
        str, typer.Option("--reason", help="recorded in the log; must not name a person")
    ] = "retention",
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Erase personal data of payments for ever. Every proof stays valid. The switch must be running."""
    if bool(uetr) == bool(before):
        raise WrongUse("give UETRs of payments, or --before with an instant")
    if before is not None:
        try:
            erasure.check_age(before)
        except erasure.TooYoung as error:
            raise WrongUse(f"nothing was erased: {error}") from None
    settings = settings_for(data, database_url)

    async def run() -> int:
        async with database(settings, Login.OWNER) as connection, writer(settings) as link:
            if before is None:
                done = await erasure.erase(connection, link, uetr or [], reason)
            else:
                if not yes:
                    _confirm_erasure(await erasure.count_before(connection, before), before)
                batches = erasure.erase_before(connection, link, before, reason)
                done = sum([count async for count in batches])
            await erasure.scrub(connection)
            return done

    output.document({"erased": asyncio.run(run())}, indent=None)


def _confirm_erasure(count: int, before: datetime) -> None:
    """Ask whether to erase this many payments.

    Raises:
        CommandFailed: the answer was no, or there was no terminal to answer.

    """
    try:
        agreed = typer.confirm(
            f"erase the personal data of {count} payments received before {before.isoformat()}, for ever?",
            err=True,
        )
    except typer.Abort:  # there is no terminal
        agreed = False
    if not agreed:
        raise CommandFailed(f"nothing was erased: answer with y, or add --yes to erase {count} payments")


def rotate_master_key(data: Data = None) -> None:
    """Add a master key for personal data. It is used from the next start; older keys can still decrypt."""
    settings = installed(settings_for(data, None))
    personal_data.load(settings.personal_data_keys)
    output.document({"master_keys": personal_data.rotate(settings.personal_data_keys)}, indent=None)
    output.what_now("restart the processes: they encrypt under the new key from then on")


def backup(
    to: Annotated[
        Path | None, typer.Option("--to", help="target directory; default: PAYSWITCH_BACKUPS")
    ] = None,
    keep: Annotated[
        int | None, typer.Option("--keep", min=1, help="keep this many newest backups and remove the others")
    ] = None,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Back up the running database. It can be restored to any later instant. Prints one JSON document.

    Keys are not included: keep DATA except `postgres`, `run` and `logs` in another safe place, too.
    """
    settings = settings_for(data, database_url)
    directory = directory_of_backups(settings, to)

    async def reached() -> tuple[str, int]:
        async with database(settings) as connection:
            version = int(await connection.fetchval("SHOW server_version_num")) // 10_000
            of_backup = settings.model_copy(update={"database": running_url(settings)})
            return of_backup.database_of(Login.BACKUP), version

    url, version = asyncio.run(reached())
    made = backups.make(url, directory, backups.program_for(version) if settings.database else None)
    removed = backups.prune(directory, keep) if keep else []
    output.document(
        {
            "backup": str(made.directory),
            "ended_at": made.ended_at.isoformat(),
            "removed": [str(old.directory) for old in removed],
        },
        indent=None,
    )


def directory_of_backups(settings: Settings, given: Path | None) -> Path:
    """The directory of backups: the given one, or that of the settings.

    Raises:
        WrongUse: there is neither.

    """
    directory = given or settings.backups
    if directory is None:
        raise WrongUse("no backup directory is configured: set PAYSWITCH_BACKUPS, or give one")
    return directory.absolute()


def migrate_database(
    phase: Annotated[
        Phase | None,
        typer.Option(
            "--phase", help="pre: before the new version starts; post: after the old version stopped"
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only print what would be applied")] = False,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Apply schema migrations while payments run. Prints one JSON document."""
    settings = settings_for(data, database_url)

    async def run() -> list[str]:
        async with database(settings, Login.OWNER):
            url = running_url(settings)
            if dry_run:
                return await pending(url, phase=phase)
            applied = await migrate(url, phase=phase)
            await preflight.take_roles(settings.model_copy(update={"database": url}))
            return applied

    output.document({"pending" if dry_run else "applied": asyncio.run(run())}, indent=None)


def write_dashboards(
    directory: Annotated[Path, typer.Argument(help="directory of Grafana's provisioning")],
) -> None:
    """Write the Grafana dashboards. One JSON file each; prints their names."""
    for file in dashboards.write(directory):
        output.told(str(file), file=str(file))


def examine(
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Find problems of this installation. States what to do; exit code 1 if there are any."""
    found = asyncio.run(doctor.examine(settings_for(data, database_url)))
    if output.json_wanted():
        output.document(found.document())
    else:
        output.text("\n".join(doctor.lines_of(found)))
    raise typer.Exit(1 if found.findings else 0)
