"""How a process is doing, seen from inside: its event loop's lag, processor time, connections."""

import asyncio
import time
from typing import Final

import asyncpg

from switch import metrics

_EVERY_S: Final = 1.0
_PATIENCE_S: Final = 5.0


async def watch(process: str, pool: asyncpg.Pool | None = None) -> None:
    """Look once a second, until cancelled. `process` is what the process is, not which one."""
    metrics.PROCESSES.labels(process).set(1)
    spent = time.process_time()
    while True:
        asked = time.monotonic()
        await asyncio.sleep(_EVERY_S)
        metrics.LOOP_LAG.labels(process).observe(max(0.0, time.monotonic() - asked - _EVERY_S))
        now = time.process_time()
        metrics.CPU.labels(process).inc(now - spent)
        spent = now
        if pool is not None:
            await _look_at(process, pool)


async def _look_at(process: str, pool: asyncpg.Pool) -> None:
    """Count connections, and get one more as any request would; waiting in vain counts as that long."""
    idle = pool.get_idle_size()
    metrics.POOL.labels(process, "idle").set(idle)
    metrics.POOL.labels(process, "used").set(pool.get_size() - idle)
    with metrics.POOL_SECONDS.labels(process).time():
        try:
            async with pool.acquire(timeout=_PATIENCE_S):
                pass
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
            return  # the database is away: what needs it says so, and this must go on looking
