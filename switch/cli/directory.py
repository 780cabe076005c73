"""`payswitch directory`: banks that are reached over a rail through a gateway; two people import a file."""

from pathlib import Path
from typing import Annotated, Any

import typer

from adapters import registry
from schemas.errors import InvalidMessage
from switch.cli import output
from switch.cli.as_person import As, CommandContext, Reason, find_person, request, run, show
from switch.cli.connect import Data, Database
from switch.cli.failures import CommandFailed, Incomplete
from switch.cli.pages import Limit
from switch.participants import indirect, indirect_file

app = typer.Typer(no_args_is_help=True)
Rail = Annotated[str, typer.Argument(help="country of the rail, such as PK")]
File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="CSV file")]


@app.command()
def check(rail: Rail, file: File) -> None:
    """Read a file, and print its number of banks; or every error with its line, column, rule and remedy.

    Exit code 1 if there is an error.
    """
    try:
        banks = indirect_file.read(file.read_bytes(), indirect.profile_of(rail))
    except InvalidMessage as error:
        raise _failed(error) from None
    output.document({"rail": rail, "banks": len(banks)})


@app.command("import")
def import_directory(
    rail: Rail,
    file: File,
    *,
    as_: As,
    reason: Reason,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Add a file, and request that it becomes the directory of a rail; a checker approves it.

    A bank that the file leaves out is ended.
    """
    raw = file.read_bytes()

    async def work(context: CommandContext) -> dict[str, Any]:
        services = context.services
        person = await find_person(services, context.settings, as_)
        try:
            added = await indirect.add(services.pool, person, rail, raw)
        except InvalidMessage as error:
            raise _failed(error) from None
        content = {"file": added.number}
        return await request(context, as_, "directory.import", content=content, reason=reason)

    show(run(data, database_url, work))


@app.command("show")
def show_directory(
    rail: Annotated[str, typer.Argument(help="country of the rail; empty: all")] = "",
    *,
    find: Annotated[str, typer.Option(help="part of a name, or the beginning of a code or a BIC")] = "",
    after: Annotated[str, typer.Option(help="rail and id of the last entry before, as PK/mezan")] = "",
    limit: Limit = 500,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Print entries of directories in the order of rail and id, ended ones too, one JSON line each."""
    if rail:
        indirect.profile_of(rail)

    async def work(context: CommandContext) -> list[dict[str, Any]]:
        found = await indirect.entries(context.services.pool, rail=rail, after=after, text=find, limit=limit)
        return [indirect.document(each, registry.profile(each.rail).currency) for each in found]

    output.rows(run(data, database_url, work), ensure_ascii=False)


@app.command("files")
def list_files(*, limit: Limit = 100, data: Data = None, database_url: Database = None) -> None:
    """Print the files that were added, newest first, one JSON line each."""

    async def work(context: CommandContext) -> list[dict[str, Any]]:
        return [each.document() for each in await indirect.files(context.services.pool, limit=limit)]

    output.rows(run(data, database_url, work))


def _failed(error: InvalidMessage) -> CommandFailed:
    """Every error of a file on a line of its own."""
    places = [f"{each.path}: {each.text}" if each.path else each.text for each in error.problems]
    return Incomplete("\n".join(places)) if len(places) > 1 else CommandFailed(places[0])
