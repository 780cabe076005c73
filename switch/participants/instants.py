"""Instants at which a change begins to apply."""

from datetime import UTC, datetime

import asyncpg

from schemas.errors import Refused
from schemas.reasons import Reason
from switch.approvals.effects import NOTHING


async def check_ahead(connection: asyncpg.Connection, instant: datetime | None, name: str) -> None:
    """Refuse an instant in the past: the change would not start then, and history cannot be changed.

    Raises:
        Refused: it is in the past by the database's clock.

    """
    if instant is not None and instant <= await connection.fetchval("SELECT clock_timestamp()"):
        raise Refused(
            f"{name} is in the past: state an instant in the future, or none",
            reason=Reason.NARRATIVE,
            path=name,
            remedy="State an instant in the future with its offset from UTC, or leave it out for now.",
        )


def instant_text(instant: datetime | None) -> str:
    """An instant in UTC for people; without one, that there is none."""
    return NOTHING if instant is None else instant.astimezone(UTC).isoformat(timespec="seconds")
