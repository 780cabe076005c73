"""Changes to signing keys: several can be in force; a key is retired at a date, or revoked at once.

A new key comes as a request that the key itself signed, and the participant agrees to it. It is told of every
change of its keys, and revokes a key alone.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Final

import asyncpg
import msgspec

from schemas.errors import NotFound
from schemas.signing import key_request
from schemas.signing.keys import PublicKey
from switch.approvals.content import (
    KeyId,
    KeyRequestText,
    Participant,
    check_not_removed,
    participant_of,
    refuse,
)
from switch.approvals.effects import IRREVERSIBLE, NOTHING, Effect, Row, Subject, links_to, term
from switch.approvals.kinds import CHECKER, ChangeKind, Content, Execution, locked
from switch.base.sql import statements
from switch.identity.model import Person, Role, Seat
from switch.identity.permissions import Right
from switch.participants import agreement
from switch.participants.agreement import Agreed
from switch.writer.audit_notes import note
from switch.writer.event_kinds import EventKind

_statement: Final = statements("switch.participants")
_STATUS: Final = _statement("key_status")
_INSERT: Final = _statement("add_key")
_HAS_OTHER: Final = _statement("has_other_key")
_RETIRE: Final = _statement("retire_key")
_REVOKE: Final = _statement("revoke_key")
_END_OWN: Final = "SELECT switch.end_own_key($1, $2)"
_KEY: Final = "SELECT revoked_at FROM switch.participant_key WHERE keyid = $1 AND participant = $2"
_USED: Final = "SELECT true FROM switch.participant_key WHERE keyid = $1 OR public_key = $2 LIMIT 1"
ADD: Final = "key.add"


class AddKey(Agreed, frozen=True, kw_only=True):
    """A further key; several may be in force at once. Instants in ISO 8601 with an offset.

    `request` is the participant's PKCS #10 request for it. A person of the participant approves, or a key in
    force made the `signature`.
    """

    participant: Participant
    keyid: KeyId
    request: KeyRequestText
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


async def check_new_key(
    connection: asyncpg.Connection, participant: str, keyid: str, request: str
) -> PublicKey:
    """Check that a new key can be used, that its holder asks for it, and that it was never used; return it.

    Raises:
        Refused: it is not usable, the request is for something else, or the id or the key was used before.

    """
    try:
        read = key_request.read(request)
    except ValueError as error:
        raise refuse(
            str(error), remedy="Make the request again: payswitch keys new writes one of the right form."
        ) from None
    if (read.participant, read.key.keyid) != (participant, keyid):
        raise refuse(
            "the key request is for another participant (O) or key id (CN)",
            remedy="Make the request with O = the participant's id and CN = the key id (payswitch keys new).",
        )
    if await connection.fetchval(_USED, keyid, read.key.pem.decode()):
        raise refuse(
            "this key, or this key id, was used before",
            remedy="Make a new key under a new id: payswitch keys new.",
        )
    return read.key


async def _check_add_key(connection: asyncpg.Connection, content: AddKey) -> None:
    await check_not_removed(connection, content)
    await check_new_key(connection, content.participant, content.keyid, content.request)
    for instant in (content.valid_from, content.valid_until):
        if instant is not None and instant.tzinfo is None:
            raise refuse(
                "an instant needs its offset from UTC",
                remedy="Add the offset: 2026-11-23T14:05:07+05:30, or Z.",
            )
    if content.valid_from and content.valid_until and content.valid_until <= content.valid_from:
        raise refuse(
            "the key would never be valid: its end is not after its beginning",
            remedy="State an end after the beginning, or no end.",
        )
    await agreement.check_signature(connection, content.participant, ADD, content)


async def _add_seats(connection: asyncpg.Connection, content: AddKey, maker: Person) -> tuple[Seat, ...]:
    """A checker and, unless it asked or signed itself, the participant."""
    if content.signature is not None or maker.role is Role.PARTICIPANT:
        return (CHECKER,)
    return (CHECKER, *await agreement.own_seats(connection, Role.PARTICIPANT, content.participant))


async def insert_key(
    execution: Execution,
    participant: str,
    key: PublicKey,
    *,
    valid_from: datetime | None = None,
    valid_until: datetime | None = None,
) -> None:
    """Insert a key and tell the participant; None as `valid_from` is now, as `valid_until` without an end."""
    await execution.connection.execute(
        _INSERT, key.keyid, participant, key.algorithm, key.pem.decode(), valid_from, valid_until
    )
    await note(
        execution.connection,
        EventKind.KEY_ADDED,
        participant=participant,
        keyid=key.keyid,
        fingerprint=key.fingerprint,
        change=execution.number,
    )


async def _add_key(execution: Execution, content: AddKey) -> None:
    key = await check_new_key(execution.connection, content.participant, content.keyid, content.request)
    await insert_key(
        execution,
        content.participant,
        key,
        valid_from=content.valid_from,
        valid_until=content.valid_until,
    )


async def _check_key(connection: asyncpg.Connection, content: RetireKey | RevokeKey) -> None:
    row = await connection.fetchrow(locked(_KEY), content.keyid, content.participant)
    if row is None or row["revoked_at"] is not None:
        raise refuse("no such key", remedy="Use a key id of GET /v1/participants/{id}.")


async def _check_retire(connection: asyncpg.Connection, content: RetireKey) -> None:
    await _check_key(connection, content)
    if content.at is not None and content.at.tzinfo is None:
        raise refuse(
            "an instant needs its offset from UTC", remedy="Add the offset: 2026-11-23T14:05:07+05:30, or Z."
        )
    remains = await connection.fetchval(_HAS_OTHER, content.participant, content.keyid, content.at)
    if not remains:
        raise refuse(
            "no other key would be in force then: add one first",
            remedy="Add the new key first (key.add), and end this one when you sign with the new one.",
        )


async def _retire_key(execution: Execution, content: RetireKey) -> None:
    await execution.connection.execute(_RETIRE, content.keyid, content.at)
    await note(
        execution.connection,
        EventKind.KEY_RETIRED,
        participant=content.participant,
        keyid=content.keyid,
        change=execution.number,
    )


async def _revoke_seats(
    _connection: asyncpg.Connection, _content: RevokeKey, maker: Person
) -> tuple[Seat, ...]:
    """None for the participant itself: nothing may delay the end of a stolen key."""
    return () if maker.role is Role.PARTICIPANT else (CHECKER,)


async def _revoke_key(execution: Execution, content: RevokeKey) -> None:
    await execution.connection.execute(_REVOKE, content.keyid)
    await note(
        execution.connection,
        EventKind.KEY_REVOKED,
        participant=content.participant,
        keyid=content.keyid,
        change=execution.number,
    )


async def revoke_own(pool: asyncpg.Pool, participant: str, keyid: str) -> None:
    """Revoke a key for the participant that asks with a signature; a key that is revoked already stays so.

    Raises:
        NotFound: it has no such key.

    """
    async with pool.acquire() as connection, connection.transaction():
        ended = await connection.fetchval(_END_OWN, keyid, participant)
        if ended is None:
            raise NotFound("no such key")
        if ended:
            await note(connection, EventKind.KEY_REVOKED, participant=participant, keyid=keyid)


async def _effect_of_adding(connection: asyncpg.Connection, content: AddKey) -> Effect:
    rows = [Row(content.keyid, (await _status(connection, content.keyid))[0], term("in force"))]
    rows.append(Row(term("Fingerprint (SHA-256)"), NOTHING, fingerprint_of(content.request)))
    if content.valid_from is not None:
        rows.append(Row(term("Valid from (UTC)"), NOTHING, _text(content.valid_from)))
    if content.valid_until is not None:
        rows.append(Row(term("Valid until (UTC)"), NOTHING, _text(content.valid_until)))
    return Effect(tuple(rows))


def fingerprint_of(request: str) -> str:
    """Fingerprint of the key of a request; none if it cannot be read, which the change's check reports."""
    try:
        return key_request.read(request).key.fingerprint
    except ValueError:
        return NOTHING


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
        ADD,
        "Add a signing key",
        AddKey,
        _add_key,
        _check_add_key,
        effect=_effect_of_adding,
        links=_LINKS,
        seats=_add_seats,
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
        seats=_revoke_seats,
        participant=participant_of,
        right=Right.REQUEST_KEYS,
    ),
)
