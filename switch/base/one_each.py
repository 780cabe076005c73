"""Work for many receivers at once, at most one task for each: nothing is sent twice at the same time."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any

import structlog

from switch.base import logs

_log = structlog.get_logger()


class OneEach:
    """The running task of each receiver. What a failed or cancelled task did not record is still due."""

    def __init__(self, failed: str) -> None:
        self._failed = failed
        """The event of the log for a task that failed."""
        self._tasks: dict[Hashable, asyncio.Task[None]] = {}

    def start(self, key: Hashable, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Start the work of a receiver, unless it has a task already."""
        if key not in self._tasks:
            task = self._tasks[key] = asyncio.create_task(work())
            task.add_done_callback(lambda ended: self._ended(key, ended))

    async def close(self) -> None:
        """Cancel all tasks, and wait until they have ended."""
        under_way = list(self._tasks.values())
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)

    def _ended(self, key: Hashable, task: asyncio.Task[None]) -> None:
        del self._tasks[key]
        error = None if task.cancelled() else task.exception()
        if error is not None:
            _log.warning(self._failed, error=type(error).__name__, detail=logs.where(error))
