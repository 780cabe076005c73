"""Shared code of commands that people run: the running switch, the acting person, requests for changes."""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from ledger.roles import Login
from schemas.errors import NotAuthentic
from switch.approvals import approvals
from switch.base import logs, outward
from switch.base.outward import OutwardReach
from switch.base.settings import Settings
from switch.cli import output
from switch.cli.connect import pool, settings_for, writer
from switch.identity import sessions
from switch.identity.enrolment import with_maker_half
from switch.identity.model import Change, Person
from switch.writer.context import ServiceContext

T = TypeVar("T")
As = Annotated[str, typer.Option("--as", help="the acting person, signed in with `payswitch people sign-in`")]
Factor = Annotated[
    str | None,
    typer.Option(
        "--confirmed-factor",
        help="confirm a large departure: its factor to the value in force, as the refusal states it",
    ),
]
Reason = Annotated[str, typer.Option("--reason", help="reason; recorded in the log")]


@dataclass(frozen=True, slots=True)
class CommandContext:
    """The context of a command: the service context, and the settings of the switch."""

    services: ServiceContext
    settings: Settings


@contextlib.asynccontextmanager
async def open_services(settings: Settings, login: Login) -> AsyncIterator[ServiceContext]:
    """Reach the database, with a role, and the writer of a running switch.

    Raises:
        CommandFailed: it is not running.

    """
    with logs.beside_output():
        async with pool(settings, login) as connections, writer(settings) as link:
            data, sandbox = settings.data.resolve(), settings.sandbox_mark.exists()
            reach = OutwardReach(outward.permitted_networks(settings, settings.openid_networks), sandbox)
            yield ServiceContext(connections, connections, link, data, sandbox, settings.bands, reach)


def session_file(services: ServiceContext, name: str) -> Path:
    """The file with the session token of a person signed in on this machine; readable only by its owner."""
    if Path(name).name != name:
        raise NotAuthentic(f"{name!r} is not a valid name of a person")
    return services.data / "run" / "sessions" / name


def keep_token(services: ServiceContext, name: str, token: str) -> None:
    """Store the token of a session."""
    file = session_file(services, name)
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(token)


async def find_person(services: ServiceContext, settings: Settings, name: str) -> Person:
    """Find the acting person: by the session on this machine or, in a sandbox, by the credentials file.

    Raises:
        NotAuthentic: not signed in.

    """
    file = session_file(services, name)
    async with services.pool.acquire() as connection:
        if file.exists():
            token = file.read_text()
            session = await sessions.resume(connection, token)
            fresh = await sessions.renew(connection, token) if session.stale else None
            if fresh:
                keep_token(services, name, fresh)
            return session.person
        if services.sandbox:
            known = json.loads(settings.credentials_file.read_text()).get("people", {})
            if name in known:
                return await sessions.of_bearer(connection, known[name]["bearer"])
    raise NotAuthentic(f"{name} is not signed in on this machine: run `payswitch people sign-in {name}`")


def run(
    data: Path | None,
    database: str | None,
    work: Callable[[CommandContext], Awaitable[T]],
    login: Login = Login.PAGES,
) -> T:
    """Run a command that needs a running switch, with the rights of a role of the database."""
    settings = settings_for(data, database)

    async def with_context() -> T:
        async with open_services(settings, login) as services:
            return await work(CommandContext(services, settings))

    return asyncio.run(with_context())


async def request(
    context: CommandContext, name: str, kind: str, *, content: dict[str, Any], reason: str
) -> dict[str, Any]:
    """Request a change as a person; return it, with half of the enrolment code if there is one."""
    from switch.api.change_documents import full_document  # noqa: PLC0415 - slow, as the kinds are
    from switch.change_catalogue import KINDS  # noqa: PLC0415 - slow to import; most commands need no kind

    person = await find_person(context.services, context.settings, name)
    content, half = with_maker_half(kind, content)
    change = await approvals.request(context.services, KINDS, person, kind, content=content, reason=reason)
    document = without_hash(await full_document(context.services, change))
    return {**document, "maker_half": half} if half else document


def without_hash(document: dict[str, Any]) -> dict[str, Any]:
    """A change without the hash of the maker's half: it could be mistaken for that half."""
    content = {name: value for name, value in document["content"].items() if name != "maker_half"}
    return {**document, "content": content}


async def vote(
    context: CommandContext, name: str, number: int, *, decision: str, reason: str, seen: str | None = None
) -> Change:
    """Vote on a change as a person; `seen` is the digest of the effect that the person was shown."""
    from switch.change_catalogue import KINDS  # noqa: PLC0415 - slow to import; most commands need no kind

    person = await find_person(context.services, context.settings, name)
    return await approvals.vote(
        context.services, KINDS, person, number, decision=decision, reason=reason, seen=seen
    )


def confirmed(factor: str | None) -> dict[str, str]:
    """The part of the content that confirms a departure, if the option is given."""
    return {} if factor is None else {"confirmed_factor": factor}


def ask(  # noqa: PLR0917 - the parameters of every requesting command
    data: Path | None, database: str | None, name: str, kind: str, content: dict[str, Any], reason: str
) -> None:
    """Request a change and print it."""

    async def work(context: CommandContext) -> dict[str, Any]:
        return await request(context, name, kind, content=content, reason=reason)

    show(run(data, database, work))


def show(document: object) -> None:
    """Print a document as JSON; instants have the same format as in the API."""
    output.document(document)


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
