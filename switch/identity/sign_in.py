"""Sign-in with name, password and a second factor; every error has the same response.

After `FAILURES_MAX` consecutive errors the person is locked out for a while. During that time even the right
password and code are refused, so further guesses reveal nothing. The check takes the same time for unknown
people.
"""

from typing import Final

import asyncpg

from schemas.errors import NotAllowed, NotAuthentic
from switch.base.sql import statements
from switch.identity import factors, secrets, sessions
from switch.identity.devices import HERE, Device
from switch.identity.factors import FactorProof
from switch.identity.model import Status
from switch.identity.passkeys import Assertion
from switch.writer.audit_notes import note
from switch.writer.context import ServiceContext
from switch.writer.event_kinds import EventKind

FAILURES_MAX: Final = 5
LOCKED_S: Final = 15 * 60
_WRONG: Final = "name, password or code is wrong"
_NAME_MAX: Final = 64

_statement: Final = statements("switch.identity")
_COUNT_FAILURE: Final = _statement("count_failure")
_FOR_UPDATE: Final = _statement("lock_person")


async def sign_in(
    context: ServiceContext,
    name: str,
    password: str,
    code: str,
    *,
    assertion: Assertion | None = None,
    device: Device = HERE,
) -> str:
    """Sign a person in on a device, with a passkey or else the code; return the session's token.

    Raises:
        NotAuthentic: one of the three is wrong, or the person may not sign in; it is not stated which.

    """
    proof = FactorProof(code, assertion)
    async with context.pool.acquire() as connection:
        stored = None
        if len(name) <= _NAME_MAX:
            stored = await connection.fetchval(
                "SELECT password_hash FROM switch.person WHERE name = $1", name
            )
    right = await secrets.check_password(stored, password)
    if stored is None:
        raise NotAuthentic(_WRONG)
    async with context.pool.acquire() as connection:
        token = await _decide(context, connection, name, proof, right=right, device=device)
    if token is None:
        raise NotAuthentic(_WRONG)
    return token


async def _decide(
    context: ServiceContext,
    connection: asyncpg.Connection,
    name: str,
    proof: FactorProof,
    *,
    right: bool,
    device: Device,
) -> str | None:
    """Decide with the row locked, so that concurrent guesses are counted one by one."""
    async with connection.transaction():
        row = await connection.fetchrow(_FOR_UPDATE, name)
        if row is None or row["locked"] or row["status"] != Status.ACTIVE:
            return None
        proven = await factors.verify(context, connection, name, row, proof)
        if not right or proven is None or not await factors.record(connection, name, proven):
            await _count_failure(connection, name, row["failures"] + 1)
            return None
        await connection.execute(
            "UPDATE switch.person SET failures = 0, locked_until = NULL WHERE name = $1", name
        )
        await note(connection, EventKind.SIGNED_IN, person=name)
        return await sessions.begin(connection, name, device)


async def confirm(context: ServiceContext, name: str, token: str, proof: FactorProof) -> None:
    """Confirm a session with the second factor, before a change of the sign-in; errors count as at a sign-in.

    Raises:
        NotAuthentic: it is wrong, or the person is locked out.
        NotAllowed: the request has no session.

    """
    async with context.pool.acquire() as connection, connection.transaction():
        row = await connection.fetchrow(_FOR_UPDATE, name)
        right = row is not None and not row["locked"] and row["status"] == Status.ACTIVE
        proven = await factors.verify(context, connection, name, row, proof) if right else None
        if right and (proven is None or not await factors.record(connection, name, proven)):
            await _count_failure(connection, name, row["failures"] + 1)
            proven = None
        if proven is not None and not await sessions.confirm(connection, token):
            raise NotAllowed("sign in first: a key of the sandbox is no session")
    if proven is None:
        raise NotAuthentic("the code or the passkey is wrong")


async def _count_failure(connection: asyncpg.Connection, name: str, failures: int) -> None:
    locked = failures >= FAILURES_MAX
    await connection.execute(_COUNT_FAILURE, name, 0 if locked else failures, locked, float(LOCKED_S))
    await note(connection, EventKind.SIGN_IN_LOCKED if locked else EventKind.SIGN_IN_FAILED, person=name)
