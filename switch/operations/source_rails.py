"""Where payments begin: rails whose orders are taken, as two people set it (`rail.inbound`). Reads only."""

from typing import Any, Final

import asyncpg

from switch.approvals.effects import term
from switch.base.sql import statements
from switch.participants.inbound import originates

_READ: Final = statements("switch.operations")("source_rails")


async def read(connection: asyncpg.Pool | asyncpg.Connection) -> list[dict[str, Any]]:
    """Every registered rail whose adapter takes orders, by country.

    `state`: `open`; `paused` by two people; `suspended`, as its gateway is: in both new orders are refused;
    or `off`: nobody has set that its orders are taken.
    """
    rows = await connection.fetch(_READ)
    return [_document(row) for row in rows if originates(row["country"])]


def _document(row: asyncpg.Record) -> dict[str, Any]:
    return {
        "country": row["country"],
        "state": _state(row),
        "since": row["since"],
        "gateway": row["gateway"],
        "purpose": row["purpose"] or None,
        "refunds_since": row["refunds_since"],
        "change": row["change"] if row["requested_by"] else None,  # a sandbox is filled without people
        "decided_at": row["decided_at"],
        "requested_by": row["requested_by"],
        "approved_by": list(row["approved_by"]),
    }


def _state(row: asyncpg.Record) -> str:
    if row["gateway"] is None:
        return term("off")
    if not row["open"]:
        return term("paused")
    return term("open") if row["active"] else term("suspended")
