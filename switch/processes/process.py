"""Shared code of the processes: shutdown, its reason, and the lock that makes a process unique.

Liveness means progress, not a process id. A process reports a heartbeat after it has done its work; the
supervisor replaces one that does not. A process that ends reports why, and must end within a time limit.
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

from ledger.roles import Login
from switch.base import causes, database, lifeline, logs
from switch.base.settings import Settings
from switch.processes import profiling, status

END_WITHIN_S: Final = 15
"""Seconds from the start of the shutdown until the kernel ends the process, whatever still hangs."""
_LOCK_EVERY_S: Final = 0.5
_SESSION_EVERY_S: Final = 2.0
_SESSION_WITHIN_S: Final = 10.0
_SILENCE_MAX_S: Final = 20.0
"""After so long without a sign of life the server ends the session: another process of the kind continues."""
_log = structlog.get_logger()


class Lost(RuntimeError):
    """This process is no longer the only one of its kind: it must end, and a new one starts."""


class Stopped(Exception):
    """It was asked to end while it waited for its turn: an ordinary end."""


class Ending:
    """Set when the process should end: by a signal, or by a loss that is given as the reason."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._loss: Lost | None = None
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.begin)

    def begin(self, loss: str = "") -> None:
        """Begin the shutdown: the kernel ends tasks that ignore cancellation or wait for a dead peer."""
        if not self._event.is_set():
            status.STATUS.state = "ends"
            self._loss = Lost(loss) if loss else None
            signal.alarm(END_WITHIN_S)
            self._event.set()

    @property
    def begun(self) -> bool:
        """Whether the shutdown has begun."""
        return self._event.is_set()

    async def wait(self, within_s: float | None = None) -> None:
        """Return when the shutdown has begun, or after `within_s`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._event.wait()

    def check(self) -> None:
        """Raise the loss, after everything is closed.

        Raises:
            Lost: no operator requested the shutdown.

        """
        if self._loss is not None:
            raise self._loss


@contextlib.asynccontextmanager
async def only_one(settings: Settings, login: Login, lock: int, ending: Ending) -> AsyncIterator[None]:
    """Make this the only process of its kind in a database, by advisory lock `lock`; a second one waits here.

    The lock lasts as long as its database session. If the session ends, or does not respond for seconds, the
    lock is lost and the shutdown begins.
    """
    connection = await database.connect(settings, login, silence_max_s=_SILENCE_MAX_S)
    watching: asyncio.Task[None] | None = None
    try:
        connection.add_termination_listener(lambda _: ending.begin("the database ended the session"))
        while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", lock):
            status.STATUS.state = "standby"
            lifeline.beat()
            await ending.wait(_LOCK_EVERY_S)
            if ending.begun:
                ending.check()
                raise Stopped
        status.STATUS.state = "works"
        watching = asyncio.create_task(_watch(connection, ending))
        yield
    finally:
        if watching is not None:
            watching.cancel()
        connection.terminate()  # at once: a session that hangs must not delay the end


async def _watch(connection: asyncpg.Connection, ending: Ending) -> None:
    while True:
        await asyncio.sleep(_SESSION_EVERY_S)
        try:
            await connection.fetchval("SELECT 1", timeout=_SESSION_WITHIN_S)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
            ending.begin(f"the session with the lock does not respond: {type(error).__name__}")
            return


def main(name: str, work: Callable[[Settings], Coroutine[Any, Any, None]]) -> None:
    """Run a process from its settings to its end, and report the reason of an unexpected end."""
    logs.configure(name)
    with reported():
        uvloop.run(_observed(name, Settings(), work))


async def _observed(
    name: str, settings: Settings, work: Callable[[Settings], Coroutine[Any, Any, None]]
) -> None:
    async with profiling.running(settings, name), status.responding(settings):
        await work(settings)


@contextlib.contextmanager
def reported() -> Any:
    """Report an exception in the `with` as the reason of the end; the exit code is 1 then."""
    try:
        yield
    except (KeyboardInterrupt, Stopped):
        return
    except Exception as error:  # noqa: BLE001 - the outermost place of the process
        report(error)
        sys.exit(1)


def report(error: BaseException) -> None:
    """Report why the process ends, to its supervisor and in its log."""
    cause = causes.of(error) if not isinstance(error, Lost) else causes.Cause(str(error), lasting=False)
    lifeline.ends(cause.text, lasting=cause.lasting)
    _log.error("ends", error=type(error).__name__, reason=cause.text, detail=logs.where(error))
