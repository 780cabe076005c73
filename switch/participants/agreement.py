"""Agreement of those in whose name something is done: a new key, or a person who may act for them.

Two people of the switch could otherwise become any participant: with a key of their own, or with both halves
of the enrolment code of a person "of" the participant. Therefore the participant agrees itself: one of its
people takes a seat, or one of its keys signs the content of the request. Only its first key and its first
person are beyond this; two people of the switch register them when it joins, and it compares fingerprints.
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
from switch.identity.model import Role, Seat

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

    The central bank of its country stands for a participant that lost all its people, another one for a
    central bank that did. `without`: a person who does not count, because the change is about them.

    Raises:
        Refused: nobody can agree for it.

    """
    found = await connection.fetchrow(_WHO, str(role), scope, without)
    if found["has_people"]:
        return (Seat(role, scope),)
    if not found["is_known"]:
        return ()
    if found["has_central_bank"]:
        return (Seat(Role.REGULATOR, found["country"]),)
    if role is Role.REGULATOR:
        return ()
    raise refuse(
        "nobody can agree for this participant: send its signature (`payswitch keys agree`),"
        " or enrol a person of its central bank"
    )


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
    raise refuse("no key of the participant that is in force signed this content")


def _plain(content: Agreed) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(content)
    return plain
