"""Facts by hour and day, made from the log: beside the payments, in batches, and equal to the log.

The caretaker adds what new events of the log have, a bounded number at a time, and remembers up to where it
came in the same transaction. So a crash loses and repeats nothing, and after an outage it catches up. A
payment's way does not touch any of this. `rebuild` makes everything again, and `wrong` compares with the log.
What was archived is in no log that could be read again: the facts of such days stay as they are.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import asyncpg

from switch.base.sql import statements
from switch.statistics.times import EDGES

EVERY_S: Final = 5.0
EVENTS_AT_ONCE: Final = 20_000
_BATCHES_AT_ONCE: Final = 10
_HOURS_AT_ONCE: Final = 24
_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_END: Final = datetime(9999, 1, 1, tzinfo=UTC)
_DAY: Final = timedelta(days=1)
_PROBES_SETTLE: Final = timedelta(minutes=10)
"""An hour of probes is counted when the next probe of each service must have come."""

_statement: Final = statements("switch.statistics")
_PAYMENTS: Final = _statement("payment_facts")
_TIMES: Final = _statement("payment_time_facts")
_AVAILABILITY: Final = _statement("availability_facts")
_LIQUIDITY: Final = _statement("liquidity_facts")
_STATES: Final = _statement("liquidity_states")
_LOCK: Final = _statement("lock_fact_mark")
_ADD_PAYMENTS: Final = _statement("add_payment_facts").format(facts=_PAYMENTS)
_ADD_TIMES: Final = _statement("add_payment_time_facts").format(facts=_TIMES)
_ADD_LIQUIDITY: Final = _statement("add_liquidity_facts").format(facts=_LIQUIDITY)
_ADD_AVAILABILITY: Final = _statement("add_availability_facts").format(facts=_AVAILABILITY)
_WRONG_PAYMENTS: Final = _statement("wrong_payment_facts").format(facts=_PAYMENTS)
_WRONG_TIMES: Final = _statement("wrong_payment_time_facts").format(facts=_TIMES)
_WRONG_LIQUIDITY: Final = _statement("wrong_liquidity_facts").format(facts=_LIQUIDITY)
_SET_SEQ: Final = "UPDATE switch.fact_mark SET seq = $1"
_SET_PROBED: Final = "UPDATE switch.fact_mark SET probed = $1"
_FIRST_PROBE: Final = "SELECT date_trunc('hour', min(at), 'UTC') FROM switch.probe WHERE at >= $1"
_MARK: Final = _statement("fact_mark")


class FactCheck(NamedTuple):
    """Result of a comparison with the log."""

    events: int
    """Number of events that were compared."""
    wrong: tuple[str, ...]
    """Hours and days that differ."""


async def catch_up(pool: asyncpg.Pool) -> None:
    """Add what has happened since the last time, up to a bound; the next call continues."""
    for _ in range(_BATCHES_AT_ONCE):
        async with pool.acquire() as connection, connection.transaction():
            if await _add_events(connection) < EVENTS_AT_ONCE:
                break
    async with pool.acquire() as connection, connection.transaction():
        await _add_probes(connection)


async def rebuild(connection: asyncpg.Connection) -> int:
    """Make the facts of the log again, in one transaction; return the number of events read.

    The caretaker waits meanwhile, and readers see the facts as they were.
    """
    async with connection.transaction():
        mark = await connection.fetchrow(_LOCK)
        since = readable_since(mark["archived_at"])
        await connection.execute("DELETE FROM switch.payment_fact WHERE at >= $1", since)
        await connection.execute("DELETE FROM switch.payment_time_fact WHERE at >= $1", since)
        await connection.execute("DELETE FROM switch.liquidity_fact WHERE at >= $1", since)
        for first in range(mark["archived"], mark["head"], EVENTS_AT_ONCE):
            last = min(mark["head"], first + EVENTS_AT_ONCE)
            await _add(connection, first, last, since, mark["archived"])
        await connection.execute(_SET_SEQ, mark["head"])
        return int(mark["head"] - mark["archived"])


async def wrong(connection: asyncpg.Connection) -> FactCheck:
    """Compare the facts with the log, in the connection's snapshot."""
    mark = await connection.fetchrow(_MARK)
    period = (mark["archived"], mark["seq"], readable_since(mark["archived_at"]))
    payments = await connection.fetch(_WRONG_PAYMENTS, *period)
    times = await connection.fetch(_WRONG_TIMES, *period, list(EDGES))
    states = await _states(connection, period[2])
    liquidity = await connection.fetch(_WRONG_LIQUIDITY, *period, *states, mark["archived"])
    return FactCheck(
        max(0, mark["seq"] - mark["archived"]),
        (*_names(payments, "payments"), *_names(times, "times"), *_names(liquidity, "liquidity")),
    )


def readable_since(archived_at: datetime | None) -> datetime:
    """The first day that the log has whole, if what was until `archived_at` was archived."""
    if archived_at is None:
        return _FIRST
    day = archived_at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day + _DAY


def _names(rows: Sequence[asyncpg.Record], what: str) -> list[str]:
    return [f"{what} of the {row['span']} {row['at'].astimezone(UTC):%Y-%m-%dT%H:%MZ}" for row in rows]


async def _add_events(connection: asyncpg.Connection) -> int:
    """Add the next events; return how many there were."""
    mark: Any = await connection.fetchrow(_LOCK)
    first = max(mark["seq"], mark["archived"])
    last = min(mark["head"], first + EVENTS_AT_ONCE)
    if last > first:
        await _add(connection, first, last, _FIRST, mark["archived"])
        await connection.execute(_SET_SEQ, last)
    return int(last - first)


async def _add(connection: asyncpg.Connection, first: int, last: int, since: datetime, archived: int) -> None:
    await connection.execute(_ADD_PAYMENTS, first, last, since)
    await connection.execute(_ADD_TIMES, first, last, since, list(EDGES))
    await connection.execute(_ADD_LIQUIDITY, first, last, since, *await _states(connection, _END), archived)


async def _states(
    connection: asyncpg.Connection, before: datetime
) -> tuple[list[int], list[int], list[int | None]]:
    """Accounts with their exposures and caps at the end of their newest day before an instant."""
    rows = await connection.fetch(_STATES, before)
    return tuple([row[name] for row in rows] for name in ("account", "exposure", "cap"))  # type: ignore[return-value]


async def _add_probes(connection: asyncpg.Connection) -> None:
    """Add the hours of probes that are over, up to a bound."""
    mark: Any = await connection.fetchrow(_LOCK)
    first = await connection.fetchval(_FIRST_PROBE, mark["probed"])
    if first is None:
        return
    first = max(first, mark["probed"])
    now: datetime = await connection.fetchval("SELECT clock_timestamp()")
    over = (now - _PROBES_SETTLE).astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    until = min(over, first + timedelta(hours=_HOURS_AT_ONCE))
    if until > first:
        await connection.execute(_ADD_AVAILABILITY, first, until)
        await connection.execute(_SET_PROBED, until)
