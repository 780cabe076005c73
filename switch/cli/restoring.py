"""`payswitch restore`: restore the database to an instant, and open the switch again after that."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from ledger import backup as backups
from ledger.signing import BadNote, open_note
from schemas.errors import NotFound
from switch.cli import output
from switch.cli.as_person import As, CommandContext, Reason, ask, request, run, show
from switch.cli.connect import (
    NUMBER_MAX,
    Data,
    Database,
    country_of,
    database,
    installed,
    instant_of,
    settings_for,
)
from switch.cli.failures import CommandFailed, WrongUse
from switch.cli.operations import directory_of_backups
from switch.operations import housekeeping, reopen, restored

app = typer.Typer(invoke_without_command=True)


@app.callback()
def restore(
    context: typer.Context,
    source: Annotated[Path | None, typer.Option("--from", help="directory of backups")] = None,
    at: Annotated[
        datetime | None,
        typer.Option("--at", parser=instant_of, help="target instant; default: the end of the log"),
    ] = None,
    data: Data = None,
) -> None:
    """Restore the embedded database to an instant, or, with a command, continue after a restore.

    The replaced files are kept. If the restored database lacks events, the switch starts closed.
    """
    if context.invoked_subcommand is not None:
        if source or at or data:
            raise WrongUse("give these options after the command")
        return
    settings = settings_for(data, None)
    place = (settings.data / "postgres").resolve()
    directory = directory_of_backups(settings, source)
    if not directory.is_dir():
        raise WrongUse(f"there is no directory {directory}: name it with --from")
    replaced = backups.restore(directory, place, at)
    if not settings.high_water_file.exists():  # nothing else here knows how far the log had reached
        restored.write_note(settings, restored.RestoreNote("payswitch restore", datetime.now(UTC)))
    done = {"restored": str(settings.data / "postgres"), "replaced": replaced and str(replaced)}
    output.document(done, indent=None)


@app.command()
def begin(
    owner: Annotated[str, typer.Option("--by", help="the person who states this; recorded in the log")],
    beyond: Annotated[
        int,
        typer.Option(
            "--beyond", min=0, max=NUMBER_MAX, help="the last event that anybody was told of, if known"
        ),
    ] = 0,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            "--checkpoint", exists=True, dir_okay=False, help="the last published checkpoint, a signed note"
        ),
    ] = None,
    data: Data = None,
) -> None:
    """State that the database was restored, before the next start: the switch then starts closed.

    For a database that was restored by other means, or on a machine without the former data directory.
    """
    settings = settings_for(data, None)
    if not settings.personal_data_keys.exists():  # a new machine has the keys, and perhaps nothing else yet
        installed(settings)
    note = ""
    if checkpoint is not None:
        note = checkpoint.read_text(encoding="utf-8")
        try:
            open_note(note, housekeeping.verifier_lines(settings))
        except BadNote as error:
            raise CommandFailed(f"{checkpoint}: {error}; DATA/audit must have the keys of the log") from None
    statement = restored.RestoreNote(owner, datetime.now(UTC), beyond, note)
    restored.write_note(settings, statement)
    output.document({"stated": str(settings.restored_file)}, indent=None)


@app.command()
def status(data: Data = None, database_url: Database = None) -> None:
    """Print what is left to do after a restore as one JSON document; exit code 1 while closed."""

    async def work() -> dict[str, Any]:
        async with database(settings_for(data, database_url)) as connection:
            return await reopen.read_state(connection)

    state = asyncio.run(work())
    show(state)
    raise typer.Exit(1 if state["closed"] else 0)


@app.command()
def post(
    found: Annotated[str, typer.Argument(help="where it is seen that the rails executed them")],
    *,
    as_: As,
    reason: Reason,
    rail: Annotated[
        str | None, typer.Option("--rail", parser=country_of, help="only payments of this rail")
    ] = None,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Request to post the payments that rails executed and whose senders sent their messages again.

    One change has at most 500 payments: run the command again after it is approved.
    """

    async def work(context: CommandContext) -> dict[str, Any]:
        state = await reopen.read_state(context.services.pool)
        uetrs = [each["uetr"] for each in state["to_post"] if rail in {None, each["rail"]}]
        if not uetrs:
            raise NotFound("no payment waits to be posted")
        content = {"uetrs": uetrs[: reopen.POST_MAX], "evidence": found}
        return await request(context, as_, "restore.post", content=content, reason=reason)

    show(run(data, database_url, work))


@app.command("open")
def open_again(
    found: Annotated[str, typer.Argument(help="what was found, and what was done")],
    *,
    as_: As,
    reason: Reason,
    complete: Annotated[
        list[str] | None,
        typer.Option(
            "--complete",
            parser=country_of,
            help="a rail whose operator confirmed that its file of the present day has every order",
        ),
    ] = None,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Request to open the switch after a restore. It stays closed while `verify` finds a difference."""
    content: dict[str, Any] = {"found": found, "complete": complete or []}
    ask(data, database_url, as_, "restore.open", content, reason)
