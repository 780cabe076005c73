"""Agreement of those in whose name something is done: a new key, or a person who may act for them.

Two people of the switch could otherwise become any participant: with a key of their own, or with both halves
of the enrolment code of a person "of" the participant. Therefore the participant agrees itself: one of its
people takes a seat, or one of its keys signs the content of the request. Only its first key and its first
person are beyond this; two people of the switch register them when it joins, and it compares fingerprints.
What had a person or a key once is never new again, even if it lost all of them.
"""

import json
from typing import Annotated, Any, Final

import asyncpg
import msgspec

from schemas.errors import NotAuthentic
from schemas.signing import jws
from schemas.signing.keys import PublicKey
from switch.approvals.content import refuse
from switch.approvals.kinds import Content
from switch.base.sql import statements
from switch.identity.model import Person, Role, Seat, Status

_statement: Final = statements("switch.participants")
_WHO: Final = _statement("who_agrees")
_IN_FORCE: Final = _statement("keys_in_force")


class Agreed(Content, frozen=True, kw_only=True):
    """Content that a participant may agree to by a signature, instead of by one of its people."""

    signature: Annotated[
        str | None, msgspec.Meta(title="Signature by a key of the participant (detached JWS)")
    ] = None


async def own_seats(
    connection: asyncpg.Connection, role: Role, scope: str, *, without: str = ""
) -> tuple[Seat, ...]:
    """The seat of a participant (`scope`: its id) or of a central bank (its country); none before its first.

    A participant that lost all its people signs; if it lost its keys too, the central bank of its country
    stands for it, if it was there before the participant. A central bank that opened a corridor with another
    one stands for that one. `without`: a person who does not count, because the change is about them.

    Raises:
        Refused: nobody can agree for it, or it must sign.

    """
    found = await connection.fetchrow(_WHO, str(role), scope, without)
    if found["has_people"]:
        return (Seat(role, scope),)
    if not (found["has_had_people"] or found["has_had_key"]):
        return ()
    if await connection.fetchval(_IN_FORCE, scope):
        raise refuse(
            "nobody can agree for this participant but itself: send its signature by a key in force"
            " (`payswitch keys agree`)",
            remedy=(
                "Have the participant sign the content with payswitch keys agree, and send it as signature."
            ),
        )
    if found["substitutes"]:
        return (Seat(Role.REGULATOR, " ".join(found["substitutes"])),)
    if role is Role.REGULATOR:
        raise refuse(
            "nobody can agree for this central bank: another one of its people must be active,"
            " or a person of a central bank with which it opened a corridor",
            remedy="Enrol another person of this central bank, or ask one that a corridor connects to it.",
        )
    raise refuse(
        "nobody can agree for this participant: it has no key in force that could sign,"
        " and the central bank of its country, which could stand for it, has opened no corridor or came"
        " after it: remove the participant, and onboard it again under another id",
        remedy="Remove the participant, and onboard it again under another id.",
    )


async def seats_of_removal(
    connection: asyncpg.Connection, role: Role, scope: str, person: Person
) -> tuple[Seat, ...]:
    """Who agrees to the end of a person: nobody of theirs while another one is active.

    The last active person agrees themselves; for one who is not active, whoever can agree for them.

    Raises:
        Refused: nobody can agree.

    """
    found = await connection.fetchrow(_WHO, str(role), scope, person.name)
    if found["has_people"] or not found["has_had_people"]:
        return ()
    if person.status is Status.ACTIVE:
        return (Seat(role, scope),)
    return await own_seats(connection, role, scope, without=person.name)


async def has_had_people(connection: asyncpg.Connection, role: Role, scope: str) -> bool:
    """Whether a person of a participant or a central bank has ever enrolled."""
    found = await connection.fetchrow(_WHO, str(role), scope, "")
    return bool(found["has_had_people"])


async def has_joined(connection: asyncpg.Connection, role: Role, scope: str) -> bool:
    """Whether a participant has a key in force and has had a person, or a central bank has had a person."""
    has_key = role is Role.REGULATOR or await connection.fetchval(_IN_FORCE, scope) is not None
    return has_key and await has_had_people(connection, role, scope)


def payload(kind: str, content: Agreed) -> bytes:
    """What a participant signs: the kind and the content without the signature, as canonical JSON."""
    stated = {
        name: value for name, value in _plain(content).items() if value is not None and name != "signature"
    }
    text = json.dumps(
        {"kind": kind, "content": stated}, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    return text.encode()


async def check_signature(
    connection: asyncpg.Connection, participant: str, kind: str, content: Agreed
) -> None:
    """Check the signature of a content, if it has one.

    Raises:
        Refused: no key of the participant that is in force made it, or it is of another content.

    """
    if content.signature is None:
        return
    for row in await connection.fetch(_IN_FORCE, participant):
        try:
            key = PublicKey.from_pem(row["keyid"], row["public_key"].encode())
            jws.verify(content.signature, payload(kind, content), key=key)
        except NotAuthentic:
            continue
        return
    raise refuse(
        "no key of the participant that is in force signed this content",
        remedy="Have the participant sign these very bytes with a key in force (payswitch keys agree).",
    )


def _plain(content: Agreed) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(content)
    return plain
