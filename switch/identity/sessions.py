"""Sessions: a random token in the cookie, its hash on the server, a new token every few minutes.

A replaced token stays valid for a moment, for requests in progress. If it is used later, either this token or
its replacement was stolen: the whole session family ends.
"""

import hashlib
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import asyncpg

from schemas.errors import NotAllowed, NotAuthentic, NotFound
from switch.base.sql import statements
from switch.identity import notices
from switch.identity.devices import Device
from switch.identity.model import Person, Role, Status
from switch.writer.audit_notes import note
from switch.writer.event_kinds import EventKind

IDLE_S: Final = 15 * 60
ABSOLUTE_S: Final = 8 * 60 * 60
RENEW_S: Final = 5 * 60
GRACE_S: Final = 30
CONFIRMED_S: Final = 5 * 60
"""How long a confirmation with the second factor is valid, for one change of the sign-in."""
COOKIE: Final = "__Host-payswitch"

_statement: Final = statements("switch.identity")
_BEGIN: Final = _statement("begin_session")
_END: Final = _statement("end_session")
_OF_BEARER: Final = _statement("person_of_bearer")
_FIND: Final = _statement("session")
_LOOK: Final = _statement("look_at_session")
_REPLACE: Final = _statement("replace_token")
_OPEN: Final = _statement("open_sessions")
_END_OF: Final = _statement("end_sessions")
_CONFIRM: Final = _statement("confirm_session")
_USE_CONFIRMATION: Final = _statement("use_confirmation")


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in person. `stale`: the token must be renewed; `noticed`: there are unread notices.

    `ends_in_s`: seconds until the session ends if it is not used again.
    """

    person: Person
    stale: bool
    noticed: bool
    ends_in_s: float


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session of a person that has not ended. `current`: the one of the request."""

    id: uuid.UUID
    began_at: datetime
    used_at: datetime
    address: str
    browser: str
    current: bool


def person_of(row: asyncpg.Record) -> Person:
    """The person in a row of `switch.person`."""
    return Person(row["name"], row["display_name"], Role(row["role"]), row["scope"], Status(row["status"]))


async def everybody(connection: asyncpg.Connection | asyncpg.Pool) -> list[Person]:
    """Everybody who can sign in, or could in the past, by name."""
    rows = await connection.fetch(
        "SELECT name, display_name, role, scope, status FROM switch.person ORDER BY name"
    )
    return [person_of(row) for row in rows]


@dataclass(frozen=True, slots=True)
class AtProvider:
    """The issuer of the identity provider that signed a person in, and its id of the session, if any."""

    issuer: str = ""
    sid: str = ""


HERE_ALONE: Final = AtProvider()


async def begin(
    connection: asyncpg.Connection, name: str, device: Device, at: AtProvider = HERE_ALONE
) -> str:
    """Begin a session of an authenticated person; return the token."""
    token = secrets.token_urlsafe(32)
    await connection.execute(
        _BEGIN, _sha256(token), uuid.uuid4(), name, device.address, device.browser, at.issuer, at.sid
    )
    return token


async def resume(connection: asyncpg.Connection, token: str, *, used: bool = True) -> Session:
    """Find the person of a session, and record the use.

    If it is not `used`, as by a page that fetches itself again, all the same is checked, but the session
    is not prolonged, and its token is never stale.

    Raises:
        NotAuthentic: no session, or an expired one; the text is the same.

    """
    row = await connection.fetchrow(_FIND, _sha256(token))
    if row is None:
        raise NotAuthentic("not signed in")
    reused = _is_reused(row)
    if reused or _is_over(row):
        async with connection.transaction():
            await connection.execute("DELETE FROM switch.session WHERE family = $1", row["family"])
            if reused:
                await note(connection, EventKind.SESSION_REUSED, person=row["person"])
        raise NotAuthentic("not signed in")
    if used:
        await connection.execute(
            "UPDATE switch.session SET seen_at = clock_timestamp() WHERE sha256 = $1", _sha256(token)
        )
    stale = used and not row["replaced"] and row["made"] > RENEW_S
    ends_in_s = min(IDLE_S - (0 if used else row["idle"]), ABSOLUTE_S - row["age"])
    return Session(person_of(row), stale, row["noticed"], ends_in_s)


async def look(connection: asyncpg.Connection, token: str) -> Person:
    """Find the person of a session for a worker that may not change sessions, except note the use.

    Raises:
        NotAuthentic: as `resume`.

    """
    row = await connection.fetchrow(_LOOK, _sha256(token), float(ABSOLUTE_S), float(IDLE_S), float(GRACE_S))
    if row is None:
        raise NotAuthentic("not signed in")
    return person_of(row)


async def watch(connection: asyncpg.Connection, token: str) -> Person:
    """Find the person of a session without a use of it: it ends as if nobody had looked.

    Raises:
        NotAuthentic: as `resume`.

    """
    row = await connection.fetchrow(_FIND, _sha256(token))
    if row is None or _is_over(row) or _is_reused(row):
        raise NotAuthentic("not signed in")
    return person_of(row)


def _is_over(row: asyncpg.Record) -> bool:
    return bool(row["age"] > ABSOLUTE_S or row["idle"] > IDLE_S or row["status"] != Status.ACTIVE)


def _is_reused(row: asyncpg.Record) -> bool:
    return bool(row["replaced"] and row["since_replaced"] > GRACE_S)


async def renew(connection: asyncpg.Connection, token: str) -> str | None:
    """Replace a token; None if another request has just replaced it."""
    fresh = secrets.token_urlsafe(32)
    done = await connection.fetchval(_REPLACE, _sha256(token), _sha256(fresh))
    return fresh if done else None


async def issuer_of(connection: asyncpg.Connection | asyncpg.Pool, token: str) -> str:
    """The issuer of the provider that began a session; empty if none did, or if there is no session."""
    found: str | None = await connection.fetchval(
        "SELECT issuer FROM switch.session WHERE sha256 = $1", _sha256(token)
    )
    return found or ""


async def end(connection: asyncpg.Connection, token: str) -> None:
    """Sign out: every token of this session family is invalid from now on."""
    async with connection.transaction():
        name = await connection.fetchval(_END, _sha256(token))
        if name is not None:
            await note(connection, EventKind.SIGNED_OUT, person=name)


async def of_person(
    connection: asyncpg.Connection | asyncpg.Pool, name: str, token: str = ""
) -> list[OpenSession]:
    """The open sessions of a person, the last used first; `token` is the one of the request."""
    rows = await connection.fetch(_OPEN, name, _sha256(token), float(ABSOLUTE_S), float(IDLE_S))
    return [
        OpenSession(r["family"], r["began_at"], r["used_at"], r["address"], r["browser"], r["current"])
        for r in rows
    ]


async def end_of(connection: asyncpg.Connection, name: str, by: Person, id_: uuid.UUID | None = None) -> int:
    """End one session of a person, or all of them; return how many.

    Raises:
        NotFound: no such session, or no such person.

    """
    async with connection.transaction():
        if not await connection.fetchval("SELECT true FROM switch.person WHERE name = $1", name):
            raise NotFound("no such person")
        ended = await connection.fetch(_END_OF, name, id_)
        if id_ is not None and not ended:
            raise NotFound("no such session: it has ended")
        if ended:
            await note(connection, EventKind.SESSION_ENDED, person=name, by=by.name, sessions=len(ended))
        if ended and by.name != name:
            await notices.add(connection, name, notices.SESSIONS_ENDED)
    return len(ended)


async def confirm(connection: asyncpg.Connection, token: str) -> bool:
    """Confirm a session, after its person proved the second factor again; False if there is no session."""
    return bool(await connection.fetchval(_CONFIRM, _sha256(token)))


async def use_confirmation(connection: asyncpg.Connection, token: str) -> None:
    """Use up the confirmation of a session, in the transaction of the change that needs it.

    Raises:
        NotAllowed: the second factor was not proved a moment ago.

    """
    if not await connection.fetchval(_USE_CONFIRMATION, _sha256(token), float(CONFIRMED_S)):
        raise NotAllowed("confirm with your second factor first")


async def is_confirmed(connection: asyncpg.Connection | asyncpg.Pool, token: str) -> bool:
    """Whether a session has a confirmation that can be used."""
    return bool(
        await connection.fetchval(
            "SELECT confirmed_at > clock_timestamp() - make_interval(secs => $2)"
            " FROM switch.session WHERE sha256 = $1",
            _sha256(token),
            float(CONFIRMED_S),
        )
    )


async def end_all(connection: asyncpg.Connection, name: str) -> None:
    """End every session of a person."""
    await connection.execute("DELETE FROM switch.session WHERE person = $1", name)


async def of_bearer(connection: asyncpg.Connection, key: str) -> Person:
    """Find the person of a sandbox key; only a sandbox may call this.

    Raises:
        NotAuthentic: no person has this key.

    """
    row = await connection.fetchrow(_OF_BEARER, _sha256(key))
    if row is None:
        raise NotAuthentic
    return person_of(row)


async def forget_old(connection: asyncpg.Connection) -> None:
    """Delete the rows of sessions that ended long ago."""
    await connection.execute(
        "DELETE FROM switch.session WHERE began_at < clock_timestamp() - make_interval(secs => $1)",
        float(2 * ABSOLUTE_S),
    )


def _sha256(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
