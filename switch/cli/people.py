"""`payswitch people` and `payswitch change`: who may sign in, and changes that need two people."""

import dataclasses
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from switch.api.people import change_document, full_document
from switch.approvals import approvals
from switch.approvals.effects import NOTHING
from switch.change_catalogue import KINDS, describe
from switch.cli.connect import NUMBER_MAX, Data, Database, installed, read_json, running_url, settings_for
from switch.cli.failures import CommandFailed, WrongUse
from switch.cli.office import As, Counter, Reason, ask, find_person, keep_token, run, session_file, show, vote
from switch.cli.pages import After, Before, Limit, shown, within
from switch.identity import enrolment, sessions, sign_in
from switch.identity.model import ChangeState, Role
from switch.identity.secrets import totp_code

people = typer.Typer(no_args_is_help=True)
changes = typer.Typer(no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="the person's name, as it signs in")]
Number = Annotated[int, typer.Argument(min=1, max=NUMBER_MAX, help="number of the change")]

Yes = Annotated[bool, typer.Option("--yes", help="do not ask: you have read what the change would do")]


def _password(*, confirm: bool) -> str:
    """Read a password: from PAYSWITCH_PASSWORD, or from the terminal without showing it."""
    given = os.environ.get("PAYSWITCH_PASSWORD")
    return given or str(typer.prompt("password", hide_input=True, confirmation_prompt=confirm))


def _code() -> str:
    given = os.environ.get("PAYSWITCH_CODE")
    return given or str(typer.prompt("code of the authenticator"))


@people.command()
def found(
    name: Name,
    role: Annotated[Role, typer.Option(help="operator or checker")],
    display_name: Annotated[str, typer.Option(help="as people write it")] = "",
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Make the first operator, and the first checker; everybody else is added by these two."""
    running_url(settings_for(data, database_url))  # before a password is typed
    password = _password(confirm=True)

    async def work(counter: Counter) -> enrolment.Enrolment:
        return await enrolment.found(counter.desk, name, display_name or name, role, password)

    made = run(data, database_url, work)
    show({"name": made.name, "totp_uri": made.totp_uri, "totp_secret": made.totp_secret})


@people.command("sign-in")
def sign_in_here(name: Name, data: Data = None, database_url: Database = None) -> None:
    """Sign in on this machine; later commands act `--as NAME`."""
    running_url(settings_for(data, database_url))  # before a password is typed
    password, code = _password(confirm=False), _code()

    async def work(counter: Counter) -> None:
        keep_token(counter.desk, name, await sign_in.sign_in(counter.desk, name, password, code))

    run(data, database_url, work)


@people.command("sign-out")
def sign_out(name: Name, data: Data = None, database_url: Database = None) -> None:
    """End the session of this machine."""

    async def work(counter: Counter) -> None:
        file = session_file(counter.desk, name)
        if file.exists():
            async with counter.desk.pool.acquire() as connection:
                await sessions.end(connection, file.read_text())
            file.unlink()

    run(data, database_url, work)


@people.command("code")
def show_code(name: Name, data: Data = None) -> None:
    """Print the current one-time code of a made-up person. In a sandbox only."""
    settings = installed(settings_for(data, None))
    if not settings.sandbox_mark.exists():
        raise CommandFailed(
            f"{settings.data.resolve()} is no running sandbox: the code is on the person's own authenticator"
        )
    known = json.loads(settings.credentials_file.read_text())["people"]
    if name not in known:
        raise WrongUse(f"no person {name}; there are {', '.join(sorted(known))}")
    typer.echo(totp_code(known[name]["totp_secret"], int(time.time())))


@people.command("list")
def list_people(
    after: After = "", limit: Limit = 500, data: Data = None, database_url: Database = None
) -> None:
    """Print everybody who may sign in, or could before, in the order of names, one JSON line each."""

    async def work(counter: Counter) -> list[dict[str, Any]]:
        found = await sessions.everybody(counter.desk.pool)
        return [dataclasses.asdict(person) for person in found]

    for row in within(run(data, database_url, work), limit, lambda row: str(row["name"]), after):
        typer.echo(json.dumps(row, ensure_ascii=False))


@people.command()
def add(
    name: Name,
    role: Annotated[Role, typer.Option(help="what the person may do")],
    *,
    as_: As,
    reason: Reason,
    scope: Annotated[str, typer.Option(help="participant's id, or regulator's country")] = "",
    display_name: Annotated[str, typer.Option(help="as people write it")] = "",
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Request a new person; prints one half of its enrolment code, the checker is given the other."""
    content = {"name": name, "display_name": display_name or name, "role": str(role), "scope": scope}
    ask(data, database_url, as_, "person.add", content, reason)


@people.command()
def enrol(name: Name, data: Data = None, database_url: Database = None) -> None:
    """Enrol with both halves of the code: choose a password, set up an authenticator."""
    running_url(settings_for(data, database_url))  # before a password is typed
    maker_half = str(typer.prompt("half of the code, from the person who requested it"))
    checker_half = str(typer.prompt("half of the code, from the person who approved it"))
    password = _password(confirm=True)

    async def begin(counter: Counter) -> enrolment.Enrolment:
        return await enrolment.begin(counter.desk, name, maker_half, checker_half, password)

    begun = run(data, database_url, begin)
    show({"name": name, "totp_uri": begun.totp_uri, "totp_secret": begun.totp_secret})
    code = _code()

    async def finish(counter: Counter) -> None:
        await enrolment.finish(counter.desk, name, maker_half, checker_half, code)

    run(data, database_url, finish)


@changes.command("kinds")
def kinds() -> None:
    """Print every kind of change with the JSON Schema of its content, one JSON line each."""
    for kind in KINDS.values():
        typer.echo(json.dumps(describe(kind)))


@changes.command("list")
def list_changes(
    state: Annotated[ChangeState | None, typer.Option(help="in this state alone")] = None,
    before: Before = None,
    limit: Limit = 100,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Print changes, newest first, one JSON line each."""

    async def work(counter: Counter) -> list[dict[str, Any]]:
        async with counter.desk.pool.acquire() as connection:
            found = await approvals.read(connection, state=state, before=before, limit=limit + 1)
        return [change_document(c) for c in shown(found, limit, lambda change: change.number)]

    for document in run(data, database_url, work):
        typer.echo(json.dumps(document))


@changes.command("show")
def show_change(number: Number, data: Data = None, database_url: Database = None) -> None:
    """Print a change: what it would do, what it is measured by, and every vote on it."""
    show(_read(data, database_url, number))


def _read(data: Path | None, database: str | None, number: int) -> dict[str, Any]:
    async def work(counter: Counter) -> dict[str, Any]:
        async with counter.desk.pool.acquire() as connection:
            change = await approvals.find(connection, number)
        return await full_document(counter.desk, change)

    return run(data, database, work)


@changes.command("request")
def request_change(
    kind: Annotated[str, typer.Argument(help="as `payswitch change kinds` has it")],
    content: Annotated[str, typer.Argument(help="JSON, or @FILE")],
    *,
    as_: As,
    reason: Reason,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Request a change."""
    try:
        read = read_json(Path(content[1:])) if content.startswith("@") else json.loads(content)
    except ValueError as error:
        raise WrongUse(f"the content is not JSON: {error}") from None
    ask(data, database_url, as_, kind, read, reason)


@changes.command()
def approve(
    number: Number,
    *,
    as_: As,
    reason: Reason,
    yes: Yes = False,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Approve a change once you have read what it would do; the last approval executes it."""
    seen = _shown(_read(data, database_url, number), "approve", yes=yes)
    _vote(data, database_url, as_, number, "approve", reason, seen)


@changes.command()
def refuse(
    number: Number,
    *,
    as_: As,
    reason: Reason,
    yes: Yes = False,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Refuse a change, for good."""
    seen = _shown(_read(data, database_url, number), "refuse", yes=yes)
    _vote(data, database_url, as_, number, "refuse", reason, seen)


@changes.command()
def withdraw(number: Number, *, as_: As, data: Data = None, database_url: Database = None) -> None:
    """Withdraw a request of one's own."""

    async def work(counter: Counter) -> dict[str, Any]:
        person = await find_person(counter.desk, counter.settings, as_)
        return change_document(await approvals.withdraw(counter.desk, person, number))

    show(run(data, database_url, work))


def _shown(change: dict[str, Any], decision: str, *, yes: bool) -> str | None:
    """Print what a change would do, and ask for a yes; the digest of what was shown.

    Raises:
        CommandFailed: the answer was no, or nobody was there to give one.

    """
    for line in _lines(change):
        typer.echo(line, err=True)
    try:
        agreed = yes or typer.confirm(f"{decision} change {change['number']}?", err=True)
    except typer.Abort:  # nobody is at the terminal
        agreed = False
    if not agreed:
        raise CommandFailed("nothing was decided: answer with y, or add --yes once you have read the effect")
    return None if change["effect"] is None else str(change["effect"]["digest"])


def _lines(change: dict[str, Any]) -> Iterator[str]:
    """A change as whoever votes on it at a terminal reads it."""
    title = KINDS[change["kind"]].title
    yield f"Change {change['number']}: {title}. Requested by {change['maker']}: {change['reason']}"
    effect = change["effect"]
    if effect is None:
        yield f"It is {change['state']}."
        return
    rows = [
        ("What", "Now", "Then"),
        *((row["what"], _quantity(row["now"], row), _quantity(row["then"], row)) for row in effect["rows"]),
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  " + "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
    for one in change["comparisons"]:
        beyond = ": beyond the band" if one["beyond"] else ""
        factor = f" The factor is {one['factor']}{beyond}." if one["factor"] else ""
        yield f"  {one['what']}: {one['reference']}. Stated: {one['stated']}.{factor}"
    for warning in effect["warnings"]:
        yield f"  {warning}"


def _quantity(text: str, row: dict[str, Any]) -> str:
    return text if text == NOTHING or not row["unit"] else f"{text} {row['unit']}"


def _vote(  # noqa: PLR0917 - what both commands are given
    data: Path | None,
    database: str | None,
    name: str,
    number: int,
    decision: str,
    reason: str,
    seen: str | None,
) -> None:
    async def work(counter: Counter) -> dict[str, Any]:
        return change_document(await vote(counter, name, number, decision=decision, reason=reason, seen=seen))

    document = run(data, database, work)
    show(document)
    if document["state"] == "failed":
        raise typer.Exit(1)
