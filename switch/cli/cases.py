"""`payswitch cases`: what needs a person, who works on it, and what was done."""

import hashlib
from pathlib import Path
from typing import Annotated, Any

import typer

from ledger.roles import Login
from switch.api.cases import document
from switch.base import personal_data
from switch.cases import acts, attachments, erasing, reading
from switch.cases.model import CaseKind
from switch.cli import output
from switch.cli.as_person import As, CommandContext, Reason, find_person, run, show
from switch.cli.connect import NUMBER_MAX, Data, Database
from switch.cli.failures import CommandFailed
from switch.cli.pages import Before, Limit, shown
from switch.identity.permissions import Right, require

app = typer.Typer(no_args_is_help=True)
Number = Annotated[int, typer.Argument(min=1, max=NUMBER_MAX, help="number of the case")]
Act = Annotated[int, typer.Argument(min=1, max=NUMBER_MAX, help="number of the act that attached the file")]
Kind = Annotated[CaseKind | None, typer.Option(help="only cases of this kind")]
Every = Annotated[bool, typer.Option("--all", help="closed cases, too")]


@app.command("list")
def list_cases(
    *,
    as_: As,
    kind: Kind = None,
    every: Every = False,
    before: Before = None,
    limit: Limit = 500,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Print open cases, newest first, one JSON line each."""

    async def work(context: CommandContext) -> list[dict[str, Any]]:
        person = await find_person(context.services, context.settings, as_)
        require(person, Right.READ_CASES)
        state = "" if every else "open"
        pool = context.services.pool
        found = await reading.newest(
            pool, reader=person, state=state, kind=kind or "", before=before, limit=limit + 1
        )
        return [case.document() for case in found]

    output.rows(shown(run(data, database_url, work), limit, lambda row: int(row["number"])))


@app.command("show")
def show_case(number: Number, *, as_: As, data: Data = None, database_url: Database = None) -> None:
    """Print a case with its history, and the changes that were requested about it."""

    async def work(context: CommandContext) -> dict[str, Any]:
        person = await find_person(context.services, context.settings, as_)
        require(person, Right.READ_CASES)
        return await document(context.services, number, person)

    show(run(data, database_url, work))


@app.command("take")
def take(number: Number, *, as_: As, data: Data = None, database_url: Database = None) -> None:
    """Take a case: you work on it from now on."""
    _assign(number, as_, as_, data, database_url)


@app.command("assign")
def assign(
    number: Number,
    to: Annotated[
        str, typer.Option(help="sign-in name of the operator, checker or officer; empty: nobody")
    ] = "",
    *,
    as_: As,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Assign a case to a colleague, or to nobody."""
    _assign(number, to or None, as_, data, database_url)


def _assign(number: int, owner: str | None, as_: str, data: Path | None, database_url: str | None) -> None:
    async def work(context: CommandContext) -> dict[str, Any]:
        person = await find_person(context.services, context.settings, as_)
        await acts.assign(context.services.pool, context.settings, person, number, owner)
        return await document(context.services, number, person)

    show(run(data, database_url, work))


@app.command("note")
def write_note(
    number: Number,
    text: Annotated[str, typer.Argument(help="the note; the log records its SHA-256")],
    *,
    as_: As,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Write a note on a case."""

    async def work(context: CommandContext) -> dict[str, Any]:
        person = await find_person(context.services, context.settings, as_)
        await acts.write(context.services.pool, person, number, text)
        return await document(context.services, number, person)

    show(run(data, database_url, work))


@app.command("attach")
def attach(
    number: Number,
    file: Annotated[Path, typer.Argument(help=f"a file: {', '.join(sorted(attachments.BY_ENDING))}")],
    *,
    as_: As,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Attach a file to a case; the log records its SHA-256."""
    content = _content(file)

    async def work(context: CommandContext) -> dict[str, Any]:
        person = await find_person(context.services, context.settings, as_)
        keys = personal_data.load(context.settings.personal_data_keys)
        stated = (file.name, attachments.type_of(file.name), content)
        await acts.attach(context.services.pool, keys, person, number, *stated)
        return await document(context.services, number, person)

    show(run(data, database_url, work))


def _content(file: Path) -> bytes:
    """A file, up to one byte more than is accepted."""
    try:
        with file.open("rb") as opened:
            return opened.read(attachments.OCTETS_MAX + 1)
    except OSError as error:
        raise CommandFailed(f"{file} cannot be read: {error.strerror}") from None


@app.command("fetch")
def fetch(
    number: Number,
    act: Act,
    file: Annotated[Path, typer.Argument(help="where to write the file")],
    *,
    as_: As,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Write an attachment to a new file; the log records that you read it."""

    async def work(context: CommandContext) -> tuple[str, str, bytes]:
        person = await find_person(context.services, context.settings, as_)
        keys = personal_data.load(context.settings.personal_data_keys)
        return await acts.open_attachment(context.services.pool, keys, person, number, act)

    name, media_type, content = run(data, database_url, work)
    try:
        with file.open("xb") as out:
            out.write(content)
    except OSError as error:
        raise CommandFailed(f"{file} cannot be written: {error.strerror}") from None
    show({"name": name, "media_type": media_type, "sha256": hashlib.sha256(content).hexdigest()})


@app.command("ask")
def ask_rail(number: Number, *, as_: As, data: Data = None, database_url: Database = None) -> None:
    """Have the rail asked for the outcome once more; the answer is in the history of the case."""

    async def work(context: CommandContext) -> dict[str, Any]:
        person = await find_person(context.services, context.settings, as_)
        await acts.ask(context.services.pool, context.settings, person, number)
        return await document(context.services, number, person)

    show(run(data, database_url, work))


@app.command("erase")
def erase(
    number: Number, act: Act, *, reason: Reason, data: Data = None, database_url: Database = None
) -> None:
    """Erase an attachment for ever: its key is deleted, its SHA-256 stays in the log."""

    async def work(context: CommandContext) -> None:
        await erasing.erase(context.services.pool, number, act, reason)

    run(data, database_url, work, Login.OWNER)
    show({"case": number, "act": act, "erased": True})
