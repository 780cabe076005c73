"""Returns of a part of a payment, or at the rate in force, which `switch.writer.part_returns` has booked."""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

import asyncpg

from switch.base.sql import statements

_PAYMENTS: Final = statements("switch.payments")("payments_of_parts")


async def payments_of(connection: asyncpg.Connection, ids: Sequence[UUID]) -> Mapping[UUID, UUID]:
    """The UETRs of the payments of which these sets return a part, by the id of the set."""
    return {row["id"]: row["uetr"] for row in await connection.fetch(_PAYMENTS, ids)}
