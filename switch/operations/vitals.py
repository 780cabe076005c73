"""Health of a process, measured from inside: event loop lag, processor time, connections."""

import asyncio
import os
import signal
import time
from typing import Final

import asyncpg

from switch.base import lifeline, metrics

_EVERY_S: Final = 1.0
_PATIENCE_S: Final = 5.0
_SERVING: Final = frozenset({"api", "pages"})
STUCK_S: Final = 60.0
"""Longer than any statement may take: by then, every connection in use must have been released."""
_END_WITHIN_S: Final = 30


async def watch(process: str, pool: asyncpg.Pool | None = None) -> None:
    """Measure once a second, until cancelled. `process` is the type of the process.

    A pool that gives no connection for a minute, although the database accepts new ones, does not recover.
    The process then ends, and a new one replaces it.
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
        if process in _SERVING:
            lifeline.beat()  # the process is alive: its loop runs, whatever the database does
        if pool is None or await _measure(process, pool):
            given = time.monotonic()
        elif time.monotonic() - given > STUCK_S and await _takes_connections(pool):
            _end()


def _end() -> None:
    """Begin an ordinary shutdown, and make sure that it completes."""
    lifeline.ends("the pool gives no connection, although the database accepts new ones", lasting=False)
    signal.alarm(_END_WITHIN_S)
    os.kill(os.getpid(), signal.SIGTERM)


async def _takes_connections(pool: asyncpg.Pool) -> bool:
    """Whether a connection outside the pool can be made, and responds."""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            connection = await pool._get_new_connection()  # noqa: SLF001 - as the pool would make one more
            try:
                return bool(await connection.fetchval("SELECT 1") == 1)
            finally:
                connection.terminate()
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
        return False


async def _measure(process: str, pool: asyncpg.Pool) -> bool:
    """Count connections, and get one as any request would; a time-out counts as that long a wait."""
    idle = pool.get_idle_size()
    metrics.POOL.labels(process, "idle").set(idle)
    metrics.POOL.labels(process, "used").set(pool.get_size() - idle)
    with metrics.POOL_SECONDS.labels(process).time():
        try:
            async with pool.acquire(timeout=_PATIENCE_S):
                return True
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
            return False  # the database is down: others report it, and this must go on measuring
