"""Changes to signing keys: several can be in force; a key is retired at a date, or revoked at once."""

from datetime import UTC, datetime
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
from switch.approvals.effects import IRREVERSIBLE, NOTHING, Effect, Row, Subject, links_to, term
from switch.approvals.kinds import ChangeKind, Content, Execution
from switch.base.sql import statements
from switch.identity.permissions import Right

_statement: Final = statements("switch.participants")
_STATUS: Final = _statement("key_status")
_INSERT: Final = _statement("add_key")
_HAS_OTHER: Final = _statement("has_other_key")
_RETIRE: Final = _statement("retire_key")
_REVOKE: Final = _statement("revoke_key")


class AddKey(Content, frozen=True, kw_only=True):
    """A further key; several may be in force at once. Instants in ISO 8601 with an offset."""

    participant: Participant
    keyid: KeyId
    public_key: PublicKeyText
    valid_from: Annotated[datetime | None, msgspec.Meta(title="Valid from (UTC)")] = None
    valid_until: Annotated[datetime | None, msgspec.Meta(title="Valid until (UTC)")] = None


class RetireKey(Content, frozen=True, kw_only=True):
    """Last instant of a key, now or later; another key must remain in force."""

    participant: Participant
    keyid: KeyId
    at: Annotated[datetime | None, msgspec.Meta(title="At (UTC)")] = None


class RevokeKey(Content, frozen=True, kw_only=True):
    """A key that may be compromised: it ends at once, even if it is the last one."""

    participant: Participant
    keyid: KeyId


async def check_new_key(connection: asyncpg.Connection, keyid: str, pem: str) -> None:
    """Check that a new key can be used, and that its id was never used.

    Raises:
        Refused: it is not usable, or its id was used before.

    """
    try:
        PublicKey.from_pem(keyid, pem.encode())
    except ValueError:
        raise refuse("the key is neither an Ed25519 nor a P-256 public key in PEM") from None
    if await connection.fetchval("SELECT true FROM switch.participant_key WHERE keyid = $1", keyid):
        raise refuse("this key id was used before")


async def _check_add_key(connection: asyncpg.Connection, content: AddKey) -> None:
    await check_not_removed(connection, content)
    await check_new_key(connection, content.keyid, content.public_key)
    for instant in (content.valid_from, content.valid_until):
        if instant is not None and instant.tzinfo is None:
            raise refuse("an instant needs its offset from UTC")
    if content.valid_from and content.valid_until and content.valid_until <= content.valid_from:
        raise refuse("the key would never be valid: its end is not after its beginning")


async def insert_key(
    connection: asyncpg.Connection,
    participant: str,
    keyid: str,
    pem: str,
    *,
    valid_from: datetime | None = None,
    valid_until: datetime | None = None,
) -> None:
    """Insert a key; None as `valid_from` is now, and as `valid_until` is without an end."""
    key = PublicKey.from_pem(keyid, pem.encode())
    await connection.execute(
        _INSERT, keyid, participant, key.algorithm, key.pem.decode(), valid_from, valid_until
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
    remains = await connection.fetchval(_HAS_OTHER, content.participant, content.keyid, content.at)
    if not remains:
        raise refuse("no other key would be in force then: add one first")


async def _retire_key(execution: Execution, content: RetireKey) -> None:
    await execution.connection.execute(_RETIRE, content.keyid, content.at)


async def _revoke_key(execution: Execution, content: RevokeKey) -> None:
    await execution.connection.execute(_REVOKE, content.keyid)


async def _effect_of_adding(connection: asyncpg.Connection, content: AddKey) -> Effect:
    rows = [Row(content.keyid, (await _status(connection, content.keyid))[0], term("in force"))]
    if content.valid_from is not None:
        rows.append(Row(term("Valid from (UTC)"), NOTHING, _text(content.valid_from)))
    if content.valid_until is not None:
        rows.append(Row(term("Valid until (UTC)"), NOTHING, _text(content.valid_until)))
    return Effect(tuple(rows))


async def _effect_of_retiring(connection: asyncpg.Connection, content: RetireKey) -> Effect:
    now, until = await _status(connection, content.keyid)
    rows = [Row(content.keyid, now, term("retired"))]
    if content.at is not None:
        rows.append(Row(term("Valid until (UTC)"), _text(until), _text(content.at)))
    return Effect(tuple(rows))


async def _effect_of_revoking(connection: asyncpg.Connection, content: RevokeKey) -> Effect:
    now, _ = await _status(connection, content.keyid)
    return Effect((Row(content.keyid, now, term("revoked")),), (IRREVERSIBLE,))


async def _status(connection: asyncpg.Connection, keyid: str) -> tuple[str, datetime | None]:
    """State of a key, and the end of its validity, if it is known."""
    row = await connection.fetchrow(_STATUS, keyid)
    if row is None:
        return NOTHING, None
    if row["revoked_at"]:
        return term("revoked"), row["valid_until"]
    return term("retired") if row["over"] else term("in force"), row["valid_until"]


def _text(instant: datetime | None) -> str:
    return NOTHING if instant is None else instant.astimezone(UTC).isoformat(timespec="seconds")


_LINKS: Final = links_to(Subject.PARTICIPANT, "participant")
KINDS: Final[tuple[ChangeKind[Any], ...]] = (
    ChangeKind(
        "key.add",
        "Add a signing key",
        AddKey,
        _add_key,
        _check_add_key,
        effect=_effect_of_adding,
        links=_LINKS,
        participant=participant_of,
        right=Right.REQUEST_KEYS,
    ),
    ChangeKind(
        "key.retire",
        "Retire a signing key",
        RetireKey,
        _retire_key,
        _check_retire,
        effect=_effect_of_retiring,
        links=_LINKS,
        participant=participant_of,
        right=Right.REQUEST_KEYS,
    ),
    ChangeKind(
        "key.revoke",
        "Revoke a signing key",
        RevokeKey,
        _revoke_key,
        _check_key,
        effect=_effect_of_revoking,
        links=_LINKS,
        participant=participant_of,
        right=Right.REQUEST_KEYS,
    ),
)
