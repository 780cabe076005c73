"""Reachability of rails, from the caretaker's probes: the same for every process and page."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import asyncpg

_LAST: Final = """
SELECT named.country, last.ok,
       (SELECT min(p.at) FROM switch.probe AS p
         WHERE NOT last.ok AND p.service = named.service
           AND p.at > coalesce((SELECT max(good.at) FROM switch.probe AS good
                                 WHERE good.service = named.service AND good.ok), '-infinity')) AS since
FROM (SELECT country, 'rail-' || country AS service FROM unnest($1::text[]) AS country) AS named
CROSS JOIN LATERAL (
    SELECT ok, at, every_s FROM switch.probe WHERE service = named.service ORDER BY at DESC LIMIT 1
) AS last
WHERE last.at > clock_timestamp() - (3 * last.every_s + 10) * interval '1 second'
"""


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
