"""`payswitch people`: people with access."""

import dataclasses
import json
import os
import time
from typing import Annotated, Any

import msgspec
import typer

from ledger.roles import Login
from switch.cli import output
from switch.cli.as_person import (
    As,
    CommandContext,
    Reason,
    ask,
    find_person,
    keep_token,
    run,
    session_file,
    show,
)
from switch.cli.connect import Data, Database, installed, running_url, settings_for
from switch.cli.failures import CommandFailed, WrongUse
from switch.cli.pages import After, Limit, within
from switch.identity import enrolment, providers, sessions, sign_in
from switch.identity.model import Role
from switch.identity.permissions import Right, require
from switch.identity.secrets import totp_code

people = typer.Typer(no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="sign-in name of the person")]


def _password(*, confirm: bool) -> str:
    """Read a password from PAYSWITCH_PASSWORD, or from the terminal without echo."""
    given = os.environ.get("PAYSWITCH_PASSWORD")
    return given or str(typer.prompt("password", hide_input=True, confirmation_prompt=confirm))


def _code() -> str:
    given = os.environ.get("PAYSWITCH_CODE")
    return given or str(typer.prompt("code of the authenticator"))


@people.command()
def found(
    name: Name,
    role: Annotated[Role, typer.Option(help="operator or checker")],
    display_name: Annotated[str, typer.Option(help="full name")] = "",
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Create the first operator or the first checker; these two people add everyone else."""
    running_url(settings_for(data, database_url))  # before a password is typed
    password = _password(confirm=True)

    async def work(context: CommandContext) -> enrolment.Enrolment:
        pool, directory = context.services.pool, context.services.data
        return await enrolment.create_first(pool, directory, name, display_name or name, role, password)

    made = run(data, database_url, work, Login.OWNER)  # no process may do this
    show({"name": made.name, "totp_uri": made.totp_uri, "totp_secret": made.totp_secret})


@people.command("sign-in")
def sign_in_here(name: Name, data: Data = None, database_url: Database = None) -> None:
    """Sign in on this machine; later commands act `--as NAME`."""
    running_url(settings_for(data, database_url))  # before a password is typed
    password, code = _password(confirm=False), _code()

    async def work(context: CommandContext) -> None:
        keep_token(context.services, name, await sign_in.sign_in(context.services, name, password, code))

    run(data, database_url, work)


@people.command("sign-out")
def sign_out(name: Name, data: Data = None, database_url: Database = None) -> None:
    """End the session on this machine."""

    async def work(context: CommandContext) -> None:
        file = session_file(context.services, name)
        if file.exists():
            async with context.services.pool.acquire() as connection:
                await sessions.end(connection, file.read_text())
            file.unlink()

    run(data, database_url, work)


@people.command("sessions")
def list_sessions(name: Name, as_: As, data: Data = None, database_url: Database = None) -> None:
    """Print the open sessions of a person, one JSON line each: your own, or others' if you may end them."""

    async def work(context: CommandContext) -> list[sessions.OpenSession]:
        by = await find_person(context.services, context.settings, as_)
        if by.name != name:
            require(by, Right.END_SESSIONS)
        return await sessions.of_person(context.services.pool, name)

    output.rows(dataclasses.asdict(one) for one in run(data, database_url, work))


@people.command("end-sessions")
def end_sessions(name: Name, as_: As, data: Data = None, database_url: Database = None) -> None:
    """End every session of a person at once: your own, or those of others if you may; the log records it."""

    async def work(context: CommandContext) -> int:
        by = await find_person(context.services, context.settings, as_)
        if by.name != name:
            require(by, Right.END_SESSIONS)
        async with context.services.pool.acquire() as connection:
            return await sessions.end_of(connection, name, by)

    show({"name": name, "ended": run(data, database_url, work)})


@people.command("code")
def show_code(name: Name, data: Data = None) -> None:
    """Print the current one-time code of a simulated person; only in a sandbox."""
    settings = installed(settings_for(data, None))
    if not settings.sandbox_mark.exists():
        raise CommandFailed(
            f"{settings.data.resolve()} is not a running sandbox: use the authenticator of the person"
        )
    known = json.loads(settings.credentials_file.read_text())["people"]
    if name not in known:
        raise WrongUse(f"no person {name}; choose one of {', '.join(sorted(known))}")
    code = totp_code(known[name]["totp_secret"], int(time.time()))
    output.told(code, code=code)


@people.command("list")
def list_people(
    after: After = "", limit: Limit = 500, data: Data = None, database_url: Database = None
) -> None:
    """Print all people who can sign in or once could, in the order of names, one JSON line each."""

    async def work(context: CommandContext) -> list[dict[str, Any]]:
        found = await sessions.everybody(context.services.pool)
        return [dataclasses.asdict(person) for person in found]

    found = within(run(data, database_url, work), limit, lambda row: str(row["name"]), after)
    output.rows(found, ensure_ascii=False)


@people.command("providers")
def list_providers(
    after: After = "", limit: Limit = 500, data: Data = None, database_url: Database = None
) -> None:
    """Print the identity providers whose people may sign in, and what their groups grant, as JSON lines."""

    async def work(context: CommandContext) -> list[dict[str, Any]]:
        found = await providers.everyone(context.services.pool)
        return [msgspec.to_builtins(provider) for provider in found]

    found = within(run(data, database_url, work), limit, lambda row: str(row["id"]), after)
    output.rows(found, ensure_ascii=False)


@people.command()
def add(
    name: Name,
    role: Annotated[Role, typer.Option(help="role of the person")],
    *,
    as_: As,
    reason: Reason,
    scope: Annotated[str, typer.Option(help="id of the participant, or country of the regulator")] = "",
    display_name: Annotated[str, typer.Option(help="full name")] = "",
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Request a new person; prints one half of the enrolment code, the checker gets the other half."""
    content = {"name": name, "display_name": display_name or name, "role": str(role), "scope": scope}
    ask(data, database_url, as_, "person.add", content, reason)


@people.command()
def enrol(name: Name, data: Data = None, database_url: Database = None) -> None:
    """Enrol with both halves of the code: choose a password and set up an authenticator."""
    running_url(settings_for(data, database_url))  # before a password is typed
    maker_half = str(typer.prompt("half of the code from the requester"))
    checker_half = str(typer.prompt("half of the code from the approver"))
    password = _password(confirm=True)

    async def begin(context: CommandContext) -> enrolment.Enrolment:
        return await enrolment.begin(context.services, name, maker_half, checker_half, password)

    begun = run(data, database_url, begin)
    show({"name": name, "totp_uri": begun.totp_uri, "totp_secret": begun.totp_secret})
    code = _code()

    async def finish(context: CommandContext) -> None:
        await enrolment.finish(context.services, name, maker_half, checker_half, code)

    run(data, database_url, finish)
