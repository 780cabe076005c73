"""Changes to signature keys: several in force at once, retired in good order, revoked in bad."""

from datetime import datetime
from typing import Annotated, Any, Final

import asyncpg
import msgspec

from schemas.signing.keys import PublicKey
from switch.approvals.content import (
    KeyId,
    Participant,
    PublicKeyText,
    check_not_removed,
    participant_of,
    refuse,
)
from switch.approvals.kinds import Content, Execution, Kind
from switch.identity.permissions import Right


class AddKey(Content, frozen=True, kw_only=True):
    """One more key; several may be in force at once. Instants in ISO 8601 with an offset."""

    participant: Participant
    keyid: KeyId
    public_key: PublicKeyText
    valid_from: Annotated[datetime | None, msgspec.Meta(title="Valid from (UTC)")] = None
    valid_until: Annotated[datetime | None, msgspec.Meta(title="Valid until (UTC)")] = None


class RetireKey(Content, frozen=True, kw_only=True):
    """A key's last instant, now or later; another must remain."""

    participant: Participant
    keyid: KeyId
    at: Annotated[datetime | None, msgspec.Meta(title="At (UTC)")] = None


class RevokeKey(Content, frozen=True, kw_only=True):
    """A key that may be in wrong hands: worthless at once, even if it is the last."""

    participant: Participant
    keyid: KeyId


async def check_new_key(connection: asyncpg.Connection, keyid: str, pem: str) -> None:
    """It must be a key that can be used, under an id that never was.

    Raises:
        Refused: it is not.

    """
    try:
        PublicKey.from_pem(keyid, pem.encode())
    except ValueError:
        raise refuse("neither an Ed25519 nor a P-256 public key in PEM") from None
    if await connection.fetchval("SELECT true FROM switch.participant_key WHERE keyid = $1", keyid):
        raise refuse("this key id was used before")


async def _check_add_key(connection: asyncpg.Connection, content: AddKey) -> None:
    await check_not_removed(connection, content)
    await check_new_key(connection, content.keyid, content.public_key)
    for instant in (content.valid_from, content.valid_until):
        if instant is not None and instant.tzinfo is None:
            raise refuse("an instant needs its offset from UTC")
    if content.valid_from and content.valid_until and content.valid_until <= content.valid_from:
        raise refuse("the key would never be valid")


async def insert_key(
    connection: asyncpg.Connection,
    participant: str,
    keyid: str,
    pem: str,
    *,
    valid_from: datetime | None = None,
    valid_until: datetime | None = None,
) -> None:
    """Write a key down; None is from now on, and for ever."""
    key = PublicKey.from_pem(keyid, pem.encode())
    await connection.execute(
        "INSERT INTO switch.participant_key"
        " (keyid, participant, algorithm, public_key, valid_from, valid_until)"
        " VALUES ($1, $2, $3, $4, coalesce($5, clock_timestamp()), $6)",
        keyid,
        participant,
        key.algorithm,
        key.pem.decode(),
        valid_from,
        valid_until,
    )


async def _add_key(execution: Execution, content: AddKey) -> None:
    await insert_key(
        execution.connection,
        content.participant,
        content.keyid,
        content.public_key,
        valid_from=content.valid_from,
        valid_until=content.valid_until,
    )


async def _check_key(connection: asyncpg.Connection, content: RetireKey | RevokeKey) -> None:
    row = await connection.fetchrow(
        "SELECT revoked_at FROM switch.participant_key WHERE keyid = $1 AND participant = $2 FOR UPDATE",
        content.keyid,
        content.participant,
    )
    if row is None or row["revoked_at"] is not None:
        raise refuse("no such key")


async def _check_retire(connection: asyncpg.Connection, content: RetireKey) -> None:
    await _check_key(connection, content)
    if content.at is not None and content.at.tzinfo is None:
        raise refuse("an instant needs its offset from UTC")
    remains = await connection.fetchval(
        "SELECT true FROM switch.participant_key WHERE participant = $1 AND keyid <> $2"
        " AND valid_from <= greatest($3, clock_timestamp())"
        " AND coalesce(valid_until > greatest($3, clock_timestamp()), true) LIMIT 1",
        content.participant,
        content.keyid,
        content.at,
    )
    if not remains:
        raise refuse("no other key would be in force then: add one first")


async def _retire_key(execution: Execution, content: RetireKey) -> None:
    await execution.connection.execute(
        "UPDATE switch.participant_key"
        " SET valid_until = greatest(valid_from, coalesce($2, clock_timestamp()), clock_timestamp())"
        " WHERE keyid = $1",
        content.keyid,
        content.at,
    )


async def _revoke_key(execution: Execution, content: RevokeKey) -> None:
    await execution.connection.execute(
        "UPDATE switch.participant_key SET revoked_at = clock_timestamp(),"
        " valid_until = greatest(valid_from, clock_timestamp()) WHERE keyid = $1",
        content.keyid,
    )


KINDS: Final[tuple[Kind[Any], ...]] = (
    Kind(
        "key.add",
        "Add a signature key",
        AddKey,
        _add_key,
        _check_add_key,
        participant=participant_of,
        right=Right.REQUEST_KEYS,
    ),
    Kind(
        "key.retire",
        "Let a signature key run out",
        RetireKey,
        _retire_key,
        _check_retire,
        participant=participant_of,
        right=Right.REQUEST_KEYS,
    ),
    Kind(
        "key.revoke",
        "Make a signature key worthless now",
        RevokeKey,
        _revoke_key,
        _check_key,
        participant=participant_of,
        right=Right.REQUEST_KEYS,
    ),
)
