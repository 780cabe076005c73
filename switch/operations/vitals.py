"""How a process is doing, seen from inside: its event loop's lag, processor time, connections."""

import asyncio
import os
import signal
import time
from typing import Final

import asyncpg

from switch.base import lifeline, metrics

_EVERY_S: Final = 1.0
_PATIENCE_S: Final = 5.0
STUCK_S: Final = 60.0
"""Longer than any statement may take, so that whoever holds the connections has had to let go."""
_END_WITHIN_S: Final = 30


async def watch(process: str, pool: asyncpg.Pool | None = None) -> None:
    """Look once a second, until cancelled. `process` is what the process is, not which one.

    A pool that gives no connection for a minute, though the database takes new ones, will not mend itself:
    the process ends then, and a new one takes its place.
    """
    metrics.PROCESSES.labels(process).set(1)
    spent = time.process_time()
    given = time.monotonic()
    while True:
        asked = time.monotonic()
        await asyncio.sleep(_EVERY_S)
        metrics.LOOP_LAG.labels(process).observe(max(0.0, time.monotonic() - asked - _EVERY_S))
        now = time.process_time()
        metrics.CPU.labels(process).inc(now - spent)
        spent = now
        if process == "api":
            lifeline.beat()  # it is for answering: its loop turns, whatever the database does
        if pool is None or await _look_at(process, pool):
            given = time.monotonic()
        elif time.monotonic() - given > STUCK_S and await _takes_connections(pool):
            _end()


def _end() -> None:
    """Begin an ordinary end, and make sure of it."""
    lifeline.ends("its pool gives no connection, though the database takes new ones", lasting=False)
    signal.alarm(_END_WITHIN_S)
    os.kill(os.getpid(), signal.SIGTERM)


async def _takes_connections(pool: asyncpg.Pool) -> bool:
    """Whether a connection beside the pool can be made, and answers."""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            connection = await pool._get_new_connection()  # noqa: SLF001 - as the pool would make one more
            try:
                return bool(await connection.fetchval("SELECT 1") == 1)
            finally:
                connection.terminate()
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
        return False


async def _look_at(process: str, pool: asyncpg.Pool) -> bool:
    """Count connections, and get one more as any request would; waiting in vain counts as that long."""
    idle = pool.get_idle_size()
    metrics.POOL.labels(process, "idle").set(idle)
    metrics.POOL.labels(process, "used").set(pool.get_size() - idle)
    with metrics.POOL_SECONDS.labels(process).time():
        try:
            async with pool.acquire(timeout=_PATIENCE_S):
                return True
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
            return False  # the database is away: what needs it says so, and this must go on looking
