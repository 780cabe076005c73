"""What the commands of people share: the running switch, who acts, how a change is requested."""

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

from schemas.errors import NotAuthentic
from switch.api.people import full_document, with_maker_half
from switch.approvals import approvals
from switch.base.settings import Settings
from switch.change_catalogue import KINDS
from switch.cli.connect import pool, settings_for, writer
from switch.identity import sessions
from switch.identity.model import Change, Person
from switch.writer.desk import Desk

T = TypeVar("T")
As = Annotated[
    str, typer.Option("--as", help="who acts: a person who signed in with `payswitch people sign-in`")
]
Factor = Annotated[
    str | None,
    typer.Option(
        "--confirmed-factor",
        help="where the switch asks for it: by what factor this departs from what is in force",
    ),
]
Reason = Annotated[str, typer.Option("--reason", help="why; written to the log")]


@dataclass(frozen=True, slots=True)
class Counter:
    """Where commands are given: the desk, and the settings of the switch behind it."""

    desk: Desk
    settings: Settings


@contextlib.asynccontextmanager
async def open_desk(settings: Settings) -> AsyncIterator[Desk]:
    """Reach the database and the writer of a running switch.

    Raises:
        CommandFailed: it does not run.

    """
    async with pool(settings) as connections, writer(settings) as link:
        yield Desk(connections, link, settings.data.resolve(), settings.sandbox_mark.exists(), settings.bands)


def session_file(desk: Desk, name: str) -> Path:
    """Where the token of a person who signed in at this machine is kept, for its owner to read alone."""
    if Path(name).name != name:
        raise NotAuthentic(f"{name!r} is not the name of a person")
    return desk.data / "run" / "sessions" / name


def keep_token(desk: Desk, name: str, token: str) -> None:
    """Keep a session's token."""
    file = session_file(desk, name)
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(token)


async def find_person(desk: Desk, settings: Settings, name: str) -> Person:
    """Find who acts: by the session of this machine, or, in a sandbox, by the credentials file.

    Raises:
        NotAuthentic: not signed in.

    """
    file = session_file(desk, name)
    async with desk.pool.acquire() as connection:
        if file.exists():
            token = file.read_text()
            session = await sessions.resume(connection, token)
            fresh = await sessions.renew(connection, token) if session.stale else None
            if fresh:
                keep_token(desk, name, fresh)
            return session.person
        if desk.sandbox:
            known = json.loads(settings.credentials_file.read_text()).get("people", {})
            if name in known:
                return await sessions.of_bearer(connection, known[name]["bearer"])
    raise NotAuthentic(f"{name} is not signed in here: run `payswitch people sign-in {name}`")


def run(data: Path | None, database: str | None, work: Callable[[Counter], Awaitable[T]]) -> T:
    """Run a command that needs the running switch."""
    settings = settings_for(data, database)

    async def at_desk() -> T:
        async with open_desk(settings) as desk:
            return await work(Counter(desk, settings))

    return asyncio.run(at_desk())


async def request(
    counter: Counter, name: str, kind: str, *, content: dict[str, Any], reason: str
) -> dict[str, Any]:
    """Ask for a change as a person; the change, with half an enrolment code where there is one."""
    person = await find_person(counter.desk, counter.settings, name)
    content, half = with_maker_half(kind, content)
    change = await approvals.request(counter.desk, KINDS, person, kind, content=content, reason=reason)
    document = await full_document(counter.desk, change)
    return {**document, "maker_half": half} if half else document


async def vote(
    counter: Counter, name: str, number: int, *, decision: str, reason: str, seen: str | None = None
) -> Change:
    """Vote on a change as a person; `seen` is the digest of the effect that the person was shown."""
    person = await find_person(counter.desk, counter.settings, name)
    return await approvals.vote(
        counter.desk, KINDS, person, number, decision=decision, reason=reason, seen=seen
    )


def confirmed(factor: str | None) -> dict[str, str]:
    """The part of a content that confirms a departure, where one is confirmed."""
    return {} if factor is None else {"confirmed_factor": factor}


def ask(  # noqa: PLR0917 - what every asking command is given
    data: Path | None, database: str | None, name: str, kind: str, content: dict[str, Any], reason: str
) -> None:
    """Ask for a change and print it."""

    async def work(counter: Counter) -> dict[str, Any]:
        return await request(counter, name, kind, content=content, reason=reason)

    show(run(data, database, work))


def show(document: object) -> None:
    """Print a document as JSON; an instant has the form that the API gives it."""
    typer.echo(json.dumps(document, indent=2, default=_plain))


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
