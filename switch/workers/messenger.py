"""The messenger process: delivers webhooks. What strangers' servers do to it harms no payment."""

import asyncio
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import asyncpg
import structlog
import uvloop

from switch import logs, vitals
from switch.database import connect_pool
from switch.settings import Settings
from switch.webhooks import signing
from switch.webhooks.delivery import AT_ONCE, Messenger

_TICK_S: Final = 0.5
LOCK: Final = 7_266_337_003
"""Advisory lock: one messenger a database."""
_log = structlog.get_logger()


async def run(settings: Settings) -> None:
    """Run until SIGTERM. A second messenger waits here for the first to end."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    # A name is looked up in a thread: with one a delivery, a slow name server holds up its own names only.
    loop.set_default_executor(ThreadPoolExecutor(AT_ONCE, "names"))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    holder = await asyncpg.connect(settings.database)
    holder.add_termination_listener(lambda _: stopping.set())
    await holder.execute("SELECT pg_advisory_lock($1)", LOCK)
    pool = await connect_pool(settings)
    keys = signing.SigningKeys(settings.webhook_key)
    messenger = Messenger(pool, keys, sandbox=settings.sandbox, time_scale=settings.time_scale)
    watching = asyncio.create_task(vitals.watch("messenger", pool))
    _log.info("messenger_ready")
    while not stopping.is_set():
        try:
            await messenger.tick()
        except Exception as error:  # noqa: BLE001 - the outermost loop: it must turn whatever happens
            _log.warning("tried_again", error=type(error).__name__, detail=logs.where(error))
        try:
            await asyncio.wait_for(stopping.wait(), _TICK_S)
        except TimeoutError:
            continue
    watching.cancel()
    await messenger.close()


def main() -> None:
    """Entry point of the process."""
    settings = Settings()
    logs.configure("messenger")
    uvloop.run(run(settings))


if __name__ == "__main__":
    main()
