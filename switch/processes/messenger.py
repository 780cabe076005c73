"""The messenger process: webhooks, checkpoints for witnesses, notices, reports. It delays no payment."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import structlog

from ledger.garbage import collect_in_short_steps
from ledger.roles import Login
from switch.base import installation, lifeline, logs
from switch.base.settings import Settings
from switch.cases.sending import NoticeSender
from switch.operations import vitals
from switch.operations.witness_pushing import CheckpointPusher
from switch.processes import process
from switch.reports.delivery.sending import ReportSender
from switch.webhooks import signing
from switch.webhooks.delivery import AT_ONCE, Messenger

_TICK_S: Final = 0.5
LOCK: Final = 7_266_337_003
"""Advisory lock: one messenger per database."""
_log = structlog.get_logger()


async def run(settings: Settings) -> None:
    """Run until SIGTERM. A second messenger waits here for the first to end."""
    ending = process.Ending()
    # Names are resolved in threads: with one per delivery, a slow name server delays only its own names.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(AT_ONCE, "names"))
    async with process.only_one(settings, Login.MESSENGER, LOCK, ending):
        pool = await installation.open_pool(settings, Login.MESSENGER, "messenger")
        keys = signing.SigningKeys(settings.webhook_key)
        messenger = Messenger(pool, keys, settings)
        pusher = CheckpointPusher(pool, settings)
        sender = NoticeSender(pool, keys, settings)
        reports = ReportSender(pool, keys, settings)
        watching = asyncio.create_task(vitals.watch("messenger", pool))
        collect_in_short_steps()
        _log.info("messenger_ready")
        while not ending.begun:
            try:
                await messenger.tick()
                await pusher.tick()
                await sender.tick()
                await reports.tick()
                lifeline.beat()
            except Exception as error:  # noqa: BLE001 - the outermost loop: it must turn whatever happens
                _log.warning("tried_again", error=type(error).__name__, detail=logs.where(error))
            await ending.wait(_TICK_S)
        watching.cancel()
        await messenger.close()
        await pusher.close()
        await sender.close()
        await reports.close()
    ending.check()


def main() -> None:
    """Entry point of the process."""
    process.main("messenger", run)


if __name__ == "__main__":
    main()
