"""Reachability of rails, from the caretaker's probes: the same for every process and page."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import asyncpg

from switch.base.sql import statements

_LAST: Final = statements("switch.payments")("reach")


@dataclass(frozen=True, slots=True)
class Reach:
    """Reachability of one rail."""

    reachable: bool | None
    """None: it was not probed recently."""
    unreachable_since: datetime | None
    """First of the consecutive failed probes."""


NOT_SEEN: Final = Reach(None, None)


async def read(
    connection: asyncpg.Connection | asyncpg.Pool, countries: Iterable[str]
) -> Mapping[str, Reach]:
    """Reachability of each rail; rails that were not probed recently are left out."""
    rows = await connection.fetch(_LAST, list(countries))
    return {row["country"]: Reach(row["ok"], row["since"]) for row in rows}
