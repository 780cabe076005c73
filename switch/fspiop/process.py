"""The process of a bridge: it wires up the parts, and stops when it is told to."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator

import httpx
from aiohttp import web

from switch.clients.python import AsyncClient
from switch.fspiop.courier import Courier
from switch.fspiop.journal import Journal, Keeper
from switch.fspiop.office import FspDirectory, Office, log
from switch.fspiop.server import BridgeServer, http_logger
from switch.fspiop.settings import BridgeSettings
from switch.fspiop.transfers import Transfers


def run(settings: BridgeSettings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        JournalUnusable: the journal cannot be opened.
        OSError: the address cannot be used.

    """
    asyncio.run(_serve(settings))


async def _serve(settings: BridgeSettings) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with _office(settings) as office:
        transfers = Transfers(office)
        server = BridgeServer(office, transfers)
        runner = web.AppRunner(
            server.application(), access_log=None, handle_signals=False, logger=http_logger()
        )
        await runner.setup()
        host, port = settings.address
        site = web.TCPSite(runner, host, port, ssl_context=settings.server_tls)
        await transfers.resume()
        await site.start()
        log("serving", address=settings.listen, port=runner.addresses[0][1], dfsp=settings.dfsp.id)
        work = [
            asyncio.create_task(each)
            for each in (
                office.courier.run(),
                transfers.follow(),
                transfers.sweep_for_ever(),
                server.watch(runner),
            )
        ]
        stopping = asyncio.create_task(stopped.wait())
        try:
            done, _ = await asyncio.wait([stopping, *work], return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopping}:
                task.result()
        finally:
            await runner.cleanup()
            await server.stop()
            transfers.stop()
            for task in (stopping, *work):
                task.cancel()
            await asyncio.gather(stopping, *work, return_exceptions=True)
    log("stopped")


@contextlib.asynccontextmanager
async def _office(settings: BridgeSettings) -> AsyncIterator[Office]:
    url = str(settings.switch.url)
    keep = Keeper(Journal.open(settings.journal_file))
    try:
        async with (
            httpx.AsyncClient(trust_env=False, verify=settings.switch_tls) as to_switch,
            httpx.AsyncClient(trust_env=False, verify=settings.dfsp_tls) as to_dfsp,
        ):
            client = AsyncClient(url, key=settings.switch_key, http=to_switch)
            courier = Courier(
                keep,
                to_dfsp,
                settings.signing_key,
                base=str(settings.dfsp.callbacks),
                source=settings.hub,
                destination=settings.dfsp.id,
                log=log,
            )
            yield Office(settings, client, keep, courier, FspDirectory(client))
    finally:
        keep.close()
