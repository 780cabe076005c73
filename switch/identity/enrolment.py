"""Enrolment: people set a password and an authenticator, so that no single person can create another one.

The enrolment code of a new person has two halves: the maker of the request has one, its approver the other.
The first two people of an installation are created on the machine itself, once.
"""

import hashlib
import hmac
import secrets as random
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import asyncpg

from schemas.errors import NotAllowed, NotAuthentic, Refused
from schemas.reasons import Reason
from switch.base.sql import statements
from switch.identity import passkeys, providers, secrets, sessions
from switch.identity.model import Role
from switch.writer.audit_notes import note
from switch.writer.context import ServiceContext
from switch.writer.event_kinds import EventKind

INVITED_HOURS: Final = 72
_WRONG: Final = "the name or the code is wrong, or the code has expired"
_FOUNDERS: Final = (Role.OPERATOR, Role.CHECKER)
_statement: Final = statements("switch.identity")
_ACTIVATE: Final = _statement("activate_person")
_LOCK_INVITED: Final = _statement("lock_invited")
_ADD_FIRST: Final = _statement("add_first")
_INVITE: Final = _statement("invite_person")


@dataclass(frozen=True, slots=True)
class Enrolment:
    """The secret for a new person's authenticator; shown once."""

    name: str
    totp_uri: str
    totp_secret: str


def new_half() -> tuple[str, str]:
    """Make half an enrolment code: its text, and the hash that the request carries."""
    half = random.token_hex(8)
    return half, hash_half(half)


def hash_half(half: str) -> str:
    """Hash one half, as hexadecimal text."""
    return hashlib.sha256(half.strip().lower().encode()).hexdigest()


def with_maker_half(kind: str, content: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Add the maker's half of an enrolment code if the kind needs one and the request has none."""
    if kind not in {"person.add", "person.reset"} or "maker_half" in content:
        return content, ""
    half, hashed = new_half()
    return {**content, "maker_half": hashed}, half


async def begin(
    context: ServiceContext, name: str, maker_half: str, checker_half: str, password: str
) -> Enrolment:
    """Set the password of an invited person; return the authenticator's secret.

    Raises:
        NotAuthentic: not invited, or the halves are wrong.
        Refused: the password is too weak.
        Unavailable: too many passwords are being checked.

    """
    async with context.pool.acquire() as connection, connection.transaction():
        await _check_halves(connection, name, maker_half, checker_half)  # a stranger costs no hash
    hashed = await secrets.hash_password(name, password)
    totp = secrets.new_totp()
    async with context.pool.acquire() as connection, connection.transaction():
        await _check_halves(connection, name, maker_half, checker_half)
        await connection.execute(
            "UPDATE switch.person SET password_hash = $2, totp_secret = $3, totp_step = 0 WHERE name = $1",
            name,
            hashed,
            secrets.Seal(context.data).seal(totp),
        )
    return Enrolment(name, secrets.totp_uri(name, totp), totp)


@dataclass(frozen=True, slots=True)
class FirstPasskey:
    """The response of `navigator.credentials.create` as JSON, unverified, at the end of an enrolment."""

    text: str
    label: str
    party: passkeys.RelyingParty


async def finish(
    context: ServiceContext,
    name: str,
    maker_half: str,
    checker_half: str,
    code: str,
    *,
    passkey: FirstPasskey | None = None,
) -> None:
    """Prove that the authenticator works, or add a passkey in its place; from now on the person may sign in.

    Raises:
        NotAuthentic: not invited, or a half or the code is wrong.
        Refused: the passkey proves nothing.

    """
    async with context.pool.acquire() as connection, connection.transaction():
        row = await _check_halves(connection, name, maker_half, checker_half)
        if row["totp_secret"] is None:
            raise NotAuthentic(_WRONG)
        step = None
        if passkey is None:
            secret = secrets.Seal(context.data).open(row["totp_secret"])
            step = secrets.totp_step(secret, code, row["now"], 0)
            if step is None:
                raise NotAuthentic(_WRONG)
        else:
            await passkeys.add(connection, context.data, passkey.party, name, passkey.label, passkey.text)
        await connection.execute(_ACTIVATE, name, step)
        await note(connection, EventKind.PERSON_ENROLLED, person=name)


async def _check_halves(
    connection: asyncpg.Connection, name: str, maker_half: str, checker_half: str
) -> asyncpg.Record:
    row = await connection.fetchrow(_LOCK_INVITED, name)
    if row is None:
        raise NotAuthentic(_WRONG)
    halves = ((maker_half, row["maker_half"]), (checker_half, row["checker_half"]))
    if not all(hmac.compare_digest(bytes.fromhex(hash_half(said)), known or b"") for said, known in halves):
        raise NotAuthentic(_WRONG)
    return row


async def create_first(  # noqa: PLR0917 - who it is, and where
    pool: asyncpg.Pool, data: Path, name: str, display_name: str, role: Role, password: str
) -> Enrolment:
    """Create the first operator or the first checker, on the machine itself, without approval.

    `data` is the data directory, whose key seals the authenticator's secret. The writer is not needed.

    Raises:
        NotAllowed: there is one already; from now on two people add a person.
        Refused: the password is too weak, or the name is in use.

    """
    if role not in _FOUNDERS:
        raise NotAllowed("only the first operator and the first checker are created in this way")
    hashed = await secrets.hash_password(name, password)
    totp = secrets.new_totp()
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("LOCK TABLE switch.person IN SHARE ROW EXCLUSIVE MODE")
        if await connection.fetchval(
            "SELECT true FROM switch.person WHERE role = $1 AND status <> 'removed'", str(role)
        ):
            raise NotAllowed("there is one already: from now on two people add a person")
        if await connection.fetchval("SELECT true FROM switch.person WHERE name = $1", name):
            raise Refused(
                "this name is in use", reason=Reason.NARRATIVE, remedy="Choose another name to sign in with."
            )
        await connection.execute(
            _ADD_FIRST, name, display_name, str(role), hashed, secrets.Seal(data).seal(totp)
        )
        await note(connection, EventKind.PERSON_FOUNDED, person=name, role=str(role))
    return Enrolment(name, secrets.totp_uri(name, totp), totp)


async def invite(connection: asyncpg.Connection, name: str, maker_half: str) -> str:
    """Invite a person, in the transaction of the approved change; return the checker's half of the code."""
    half, hashed = new_half()
    await connection.execute(_INVITE, name, bytes.fromhex(maker_half), bytes.fromhex(hashed), INVITED_HOURS)
    await passkeys.remove_all(connection, name)
    await providers.unbind(connection, name)
    await sessions.end_all(connection, name)
    return half
