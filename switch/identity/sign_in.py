"""Sign-in with name, password and a second factor; every error has the same response.

Each attempt is counted first (`guesses`). Within the budget of its source, the password and the second factor
are checked. Beyond it, first a factor that nobody guesses, and only then the password: a stranger can neither
lock a person out nor make the switch compute hashes. An unknown person takes the same time.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar

import asyncpg

from schemas.errors import NotAllowed, NotAuthentic
from switch.base import metrics
from switch.base.sql import statements
from switch.identity import factors, guesses, secrets, sessions
from switch.identity.devices import HERE, Device
from switch.identity.factors import FactorProof
from switch.identity.guesses import CONFIRMATION, MACHINE, SignInAttempt, SignInSource
from switch.identity.model import Status
from switch.identity.passkeys import Assertion
from switch.writer.audit_notes import note
from switch.writer.context import ServiceContext
from switch.writer.event_kinds import EventKind

T = TypeVar("T")
_WRONG: Final = "name, password or code is wrong"
_NAME_MAX: Final = 64

_statement: Final = statements("switch.identity")
_FIND: Final = _statement("person_who_signs_in")
_FOR_UPDATE: Final = _statement("lock_person")


async def sign_in(
    context: ServiceContext,
    name: str,
    password: str,
    code: str,
    *,
    assertion: Assertion | None = None,
    device: Device = HERE,
    source: SignInSource = MACHINE,
) -> str:
    """Sign a person in on a device, with a passkey or else the code; return the session's token.

    Raises:
        NotAuthentic: one of the three is wrong, or the person may not sign in; it is not stated which.

    """
    proof = FactorProof("".join(code.split()), assertion)
    async with context.pool.acquire() as connection:
        row = await connection.fetchrow(_FIND, name) if len(name) <= _NAME_MAX else None
        attempt = await guesses.count(connection, name, source)
        if not attempt.is_admitted and not await _is_proven(context, connection, name, row, proof):
            metrics.SIGN_INS.labels("delayed").inc()
            raise NotAuthentic(_WRONG)
    right = await secrets.check_password(row and row["password_hash"], password)
    token = None
    if row is not None:
        async with context.pool.acquire() as connection, connection.transaction():
            if await _is_right(context, connection, name, proof, attempt, right=right):
                await guesses.forgive(connection, name, source)
                await note(connection, EventKind.SIGNED_IN, person=name)
                token = await sessions.begin(connection, name, device)
    metrics.SIGN_INS.labels("failed" if token is None else "signed in").inc()
    if token is None:
        raise NotAuthentic(_WRONG)
    return token


async def confirm(context: ServiceContext, name: str, token: str, proof: FactorProof) -> None:
    """Confirm a session with the second factor, before a change of the sign-in; errors count as at a sign-in.

    Raises:
        NotAuthentic: it is wrong.
        NotAllowed: the request has no session.

    """

    async def then(connection: asyncpg.Connection) -> bool:
        if not await sessions.confirm(connection, token):
            raise NotAllowed("sign in first: a key of the sandbox is no session")
        return True

    await with_factor(context, name, proof, then)


async def with_factor(
    context: ServiceContext,
    name: str,
    proof: FactorProof,
    then: Callable[[asyncpg.Connection], Awaitable[T]],
) -> T:
    """Check the second factor of a person, and do something in the same transaction; return its result.

    Raises:
        NotAuthentic: the factor is wrong, the person may not sign in, or the result is empty.

    """
    result = None
    async with context.pool.acquire() as connection:
        attempt = await guesses.count(connection, name, CONFIRMATION)
    async with context.pool.acquire() as connection, connection.transaction():
        if await _is_right(context, connection, name, proof, attempt, right=True):
            await guesses.forgive(connection, name, CONFIRMATION)
            result = await then(connection)
    if not result:
        raise NotAuthentic("the code or the passkey is wrong")
    return result


async def _is_right(
    context: ServiceContext,
    connection: asyncpg.Connection,
    name: str,
    proof: FactorProof,
    attempt: SignInAttempt,
    *,
    right: bool,
) -> bool:
    """Decide with the row locked, so that a code works once; a failure is noted. `right`: of the password."""
    row = await connection.fetchrow(_FOR_UPDATE, name)
    if row is None or row["status"] != Status.ACTIVE:
        return False
    proven = await factors.verify(context, connection, name, row, proof, unguessable=not attempt.is_admitted)
    if right and proven is not None and await factors.record(connection, name, proven):
        return True
    if attempt.is_admitted or proven is not None:  # the log keeps no attempt that was only delayed
        kind = EventKind.SIGN_IN_LOCKED if attempt.is_last else EventKind.SIGN_IN_FAILED
        await note(connection, kind, person=name)
    return False


async def _is_proven(
    context: ServiceContext,
    connection: asyncpg.Connection,
    name: str,
    row: asyncpg.Record | None,
    proof: FactorProof,
) -> bool:
    """Whether a factor that nobody guesses is right; for an unknown person it takes as long."""
    known: Mapping[str, Any] = {
        "totp_secret": row["totp_secret"] if row is not None else _sealed_of_unknown(context.data),
        "totp_step": row["totp_step"] if row is not None else 0,
        "now": row["now"] if row is not None else int(time.time()),
    }
    proven = await factors.verify(context, connection, name, known, proof, unguessable=True)
    return row is not None and proven is not None


@cache
def _sealed_of_unknown(data: Path) -> str:
    return secrets.Seal(data).seal(secrets.new_totp())
