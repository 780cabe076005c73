"""The writer process: the only one that changes the books. API workers reach it over a local socket."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Sequence
from pathlib import Path

import msgspec
import structlog

from ledger.writer import Writer
from schemas.errors import Unavailable
from switch import logs
from switch.commands import UNAVAILABLE, Change, Frame, Reply, requests_decoder
from switch.payment_book import PaymentBook
from switch.settings import Settings
from switch.workers.frames import FrameProtocol

_log = structlog.get_logger()
_encode = msgspec.msgpack.Encoder().encode


class WriterServer:
    """Feeds the ledger's writer from every connected worker, and tells them all what changed."""

    def __init__(self, database_url: str, queue_max: int) -> None:
        self._writer = Writer(database_url, PaymentBook(self._announce), queue_max=queue_max)
        self._peers: set[FrameProtocol] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, socket: Path) -> None:
        """Take the epoch, then listen; a stale socket of a dead writer is replaced."""
        await self._writer.start()
        socket.parent.mkdir(parents=True, exist_ok=True)
        socket.unlink(missing_ok=True)
        loop = asyncio.get_running_loop()
        await loop.create_unix_server(self._peer, str(socket))
        socket.chmod(0o600)
        _log.info("writer_ready")

    async def stop(self) -> None:
        """Finish what is queued, then give up the epoch."""
        await self._writer.stop()

    def _peer(self) -> FrameProtocol:
        peer = FrameProtocol(lambda payload: self._received(peer, payload), lambda: self._peers.discard(peer))
        self._peers.add(peer)
        return peer

    def _received(self, peer: FrameProtocol, payload: bytes) -> None:
        task = asyncio.create_task(self._answer(peer, payload))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, peer: FrameProtocol, payload: bytes) -> None:
        requests = requests_decoder.decode(payload)
        try:
            replies: Sequence[Reply] = await self._writer.submit_many([command for _, command in requests])
        except Unavailable:
            replies = [Reply(UNAVAILABLE)] * len(requests)
        numbered = [(request, reply) for (request, _), reply in zip(requests, replies, strict=True)]
        peer.send(_encode(Frame(numbered, [])))

    def _announce(self, changes: Sequence[Change]) -> None:
        payload = _encode(Frame([], list(changes)))
        for peer in self._peers:
            peer.send(payload)


async def run(settings: Settings) -> None:
    """Run until SIGTERM."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    server = WriterServer(settings.database, settings.writer_queue_max)
    await server.serve(settings.writer_socket)
    await stopping.wait()
    await server.stop()


def main() -> None:
    """Entry point of the process."""
    import uvloop

    settings = Settings()
    logs.configure("writer")
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(run(settings))


if __name__ == "__main__":
    os.umask(0o077)
    main()
