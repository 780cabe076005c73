"""What the processes have in common: their end, its reason, and being the only one of a kind.

Liveness is progress, not a process id. A process reports a beat when it has done what it is for; the
supervisor replaces one that does not. A process that ends says why, and has a bounded time to end in.
"""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, Final

import asyncpg
import structlog
import uvloop

from switch.base import causes, database, lifeline, logs
from switch.base.settings import Settings

END_WITHIN_S: Final = 15
"""From the wish to end until the kernel ends the process, whatever still hangs."""
_LOCK_EVERY_S: Final = 0.5
_SESSION_EVERY_S: Final = 2.0
_SESSION_WITHIN_S: Final = 10.0
_log = structlog.get_logger()


class Lost(RuntimeError):
    """This process is no longer the only one of its kind: it must end, and a new one begins."""


class Ending:
    """Set when the process should end: by a signal, or by a loss that it gives as the reason."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._loss: Lost | None = None
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.begin)

    def begin(self, loss: str = "") -> None:
        """End, and soon: what swallows its cancellation or waits for a dead peer is cut off by the kernel."""
        if not self._event.is_set():
            self._loss = Lost(loss) if loss else None
            signal.alarm(END_WITHIN_S)
            self._event.set()

    @property
    def begun(self) -> bool:
        """Whether the end has begun."""
        return self._event.is_set()

    async def wait(self, within_s: float | None = None) -> None:
        """Return when the end has begun, or after `within_s`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._event.wait()

    def check(self) -> None:
        """Raise what was lost, once everything is put away.

        Raises:
            Lost: the end was no wish of an operator's.

        """
        if self._loss is not None:
            raise self._loss


@contextlib.asynccontextmanager
async def only_one(settings: Settings, lock: int, ending: Ending) -> AsyncIterator[None]:
    """Be the only process of a kind in a database, by advisory lock `lock`; a second one waits here.

    The lock lives as long as its session. A session that ends, or does not answer for seconds, is a lock
    that is lost, and begins the end.
    """
    connection = await database.connect(settings)
    watching: asyncio.Task[None] | None = None
    try:
        connection.add_termination_listener(lambda _: ending.begin("the database ended our session"))
        while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", lock):
            lifeline.beat()
            await ending.wait(_LOCK_EVERY_S)
            if ending.begun:
                ending.check()
                raise Lost("stopped while another of its kind was at work")
        watching = asyncio.create_task(_watch(connection, ending))
        yield
    finally:
        if watching is not None:
            watching.cancel()
        connection.terminate()  # at once: a session that hangs must not keep us


async def _watch(connection: asyncpg.Connection, ending: Ending) -> None:
    while True:
        await asyncio.sleep(_SESSION_EVERY_S)
        try:
            await connection.fetchval("SELECT 1", timeout=_SESSION_WITHIN_S)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
            ending.begin(f"the session that holds our lock does not answer: {type(error).__name__}")
            return


def main(name: str, work: Callable[[Settings], Coroutine[Any, Any, None]]) -> None:
    """Run a process from its settings to its end, and report the reason of an end that nobody wanted."""
    logs.configure(name)
    with reported():
        uvloop.run(work(Settings()))


@contextlib.contextmanager
def reported() -> Any:
    """Report why what is in the `with` ends, where it ends by an exception; the exit code is 1 then."""
    try:
        yield
    except KeyboardInterrupt:
        return
    except Exception as error:  # noqa: BLE001 - the outermost place of the process
        report(error)
        sys.exit(1)


def report(error: BaseException) -> None:
    """Say why the process ends, to its supervisor and to its log."""
    cause = causes.of(error) if not isinstance(error, Lost) else causes.Cause(str(error), lasting=False)
    lifeline.ends(cause.text, lasting=cause.lasting)
    _log.error("ends", error=type(error).__name__, reason=cause.text, detail=logs.where(error))
