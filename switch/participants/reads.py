"""Read participants: identity, accounts and signing keys. Reads only."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import asyncpg

from ledger import positions
from ledger.positions import Position
from schemas.errors import NotFound
from switch.base.sql import statements

_statement: Final = statements("switch.participants")
_KEYS: Final = _statement("keys")
_IN_FLIGHT: Final = _statement("count_in_flight")


@dataclass(frozen=True, slots=True)
class ParticipantRow:
    """One participant in the directory."""

    id: str
    name: str
    bic: str
    country: str
    kind: str
    status: str
    member_ids: tuple[str, ...]
    """Its ids in clearing systems, each whole or as the beginning that all ids of the institution have."""


@dataclass(frozen=True, slots=True)
class KeyRow:
    """One signing key; `state` is `in force`, `future`, `retired` or `revoked`."""

    keyid: str
    algorithm: str
    public_key: str
    valid_from: datetime
    valid_until: datetime | None
    revoked_at: datetime | None
    state: str


@dataclass(frozen=True, slots=True)
class ParticipantDetail:
    """A participant with its positions and keys; positions in minor units."""

    participant: ParticipantRow
    positions: tuple[Position, ...]
    keys: tuple[KeyRow, ...]
    in_flight: int
    """Payments from or to it that are not final."""


async def read(connection: asyncpg.Connection | asyncpg.Pool) -> list[ParticipantRow]:
    """Every participant, by id; removed ones too."""
    rows = await connection.fetch(
        "SELECT id, name, bic, country, kind, status, member_ids FROM switch.participant ORDER BY id"
    )
    return [ParticipantRow(*row) for row in rows]


async def find(connection: asyncpg.Connection | asyncpg.Pool, id_: str) -> ParticipantRow:
    """One participant.

    Raises:
        NotFound: there is none.

    """
    row = await connection.fetchrow(
        "SELECT id, name, bic, country, kind, status, member_ids FROM switch.participant WHERE id = $1", id_
    )
    if row is None:
        raise NotFound("no such participant")
    return ParticipantRow(*row)


async def keys(connection: asyncpg.Connection | asyncpg.Pool, id_: str) -> list[KeyRow]:
    """Every key of a participant, oldest first."""
    return [KeyRow(*row) for row in await connection.fetch(_KEYS, id_)]


async def detail(connection: asyncpg.Connection | asyncpg.Pool, id_: str) -> ParticipantDetail:
    """One participant with its positions, keys and number of payments in flight.

    Raises:
        NotFound: there is none.

    """
    participant = await find(connection, id_)
    in_flight = await connection.fetchval(_IN_FLIGHT, id_)
    return ParticipantDetail(
        participant,
        tuple(await positions.read(connection, id_)),
        tuple(await keys(connection, id_)),
        in_flight,
    )
