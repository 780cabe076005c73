"""The second factor of a person: the code of an authenticator, or a passkey."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import asyncpg
from cryptography.fernet import InvalidToken

from switch.base.sql import statements
from switch.identity import passkeys, secrets
from switch.writer.context import ServiceContext

_STEP: Final = statements("switch.identity")("use_code")


@dataclass(frozen=True, slots=True)
class FactorProof:
    """What a person presents: a code, or the assertion of a passkey, which then counts alone."""

    code: str = ""
    assertion: passkeys.Assertion | None = None


@dataclass(frozen=True, slots=True)
class Proven:
    """A second factor that is right, and not recorded as used yet."""

    step: int = 0
    passkey: passkeys.VerifiedPasskey | None = None


async def verify(
    context: ServiceContext,
    connection: asyncpg.Connection,
    name: str,
    row: Mapping[str, Any],
    proof: FactorProof,
    *,
    unguessable: bool = False,
) -> Proven | None:
    """Verify a proof; None if it is wrong. The row of the person is locked if it is to be recorded.

    `unguessable`: one code is not enough; two consecutive ones, or a passkey, are.
    """
    if proof.assertion is not None:
        verified = await passkeys.verify(connection, context.data, name, proof.assertion)
        return None if verified is None else Proven(passkey=verified)
    if row["totp_secret"] is None:
        return None
    try:
        secret = secrets.Seal(context.data).open(row["totp_secret"])
    except InvalidToken:
        return None
    pair = unguessable or len(proof.code) > secrets.CODE_DIGITS
    find = secrets.totp_pair_step if pair else secrets.totp_step
    step = find(secret, proof.code, row["now"], row["totp_step"])
    return None if step is None else Proven(step=step)


async def record(connection: asyncpg.Connection, name: str, proven: Proven) -> bool:
    """Record a factor as used, in the running transaction; False if it was used before."""
    if proven.passkey is not None:
        return await passkeys.record(connection, proven.passkey)
    return bool(await connection.fetchval(_STEP, name, proven.step))
