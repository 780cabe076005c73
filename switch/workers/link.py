"""A worker's line to the writer: commands out, replies and news of payments in.

Commands of one turn of the event loop travel together. When the line breaks, every command under way
raises `Unavailable`: it may or may not have been decided, and asking again with the same UETR tells.
"""

import asyncio
import itertools
from collections import defaultdict
from pathlib import Path
from typing import Final

import structlog

from schemas.errors import SwitchError, Unavailable
from switch.commands import (
    FAILED,
    UNAVAILABLE,
    Change,
    Command,
    Reply,
    Request,
    frame_decoder,
    requests_encoder,
)
from switch.lifecycle import FINAL
from switch.workers.frames import FrameProtocol

_RECONNECT_S: Final = 0.1
_log = structlog.get_logger()


class Link:
    """One connection to the writer, made again whenever it breaks."""

    def __init__(self, socket: Path) -> None:
        self._socket = str(socket)
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Reply]] = {}
        self._unsent: list[Request] = []
        self._watchers: defaultdict[bytes, list[asyncio.Future[Change]]] = defaultdict(list)
        self._protocol: FrameProtocol | None = None
        self._broken = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        """Whether the writer is there."""
        return self._protocol is not None

    async def start(self, *, within_s: float = 30.0) -> None:
        """Connect, and keep connected from then on.

        Raises:
            TimeoutError: no writer so long.

        """
        await asyncio.wait_for(self._connect_at_last(), within_s)
        self._keeper = asyncio.create_task(self._keep_connected())

    async def stop(self) -> None:
        """Hang up."""
        if self._keeper:
            self._keeper.cancel()
        if self._protocol:
            self._protocol.close()

    async def ask(self, command: Command) -> Reply:
        """Have the writer decide `command`; answered after its batch is durable.

        Raises:
            SwitchError: the command could not be decided; nothing was done.
            Unavailable: no writer, its queue is full, or it went away before it answered.

        """
        if self._protocol is None:
            raise Unavailable("the ledger's writer is away")
        loop = asyncio.get_running_loop()
        request = next(self._ids)
        future: asyncio.Future[Reply] = loop.create_future()
        self._waiting[request] = future
        if not self._unsent:
            loop.call_soon(self._flush)
        self._unsent.append((request, command))
        # Shielded: a caller that goes away does not undo what it asked.
        reply = await asyncio.shield(future)
        if reply.verdict == UNAVAILABLE:
            raise Unavailable
        if reply.verdict == FAILED:
            raise SwitchError
        return reply

    def watch(self, uetr: bytes) -> asyncio.Future[Change]:
        """Get a future of the payment's final state; forget it with `unwatch`."""
        future: asyncio.Future[Change] = asyncio.get_running_loop().create_future()
        self._watchers[uetr].append(future)
        return future

    def unwatch(self, uetr: bytes, future: asyncio.Future[Change]) -> None:
        """Stop waiting."""
        future.cancel()
        watchers = self._watchers.get(uetr)
        if watchers is not None and future in watchers:
            watchers.remove(future)
            if not watchers:
                del self._watchers[uetr]

    async def _connect(self) -> bool:
        loop = asyncio.get_running_loop()
        self._broken.clear()
        try:
            _, self._protocol = await loop.create_unix_connection(
                lambda: FrameProtocol(self._received, self._lost), self._socket
            )
        except OSError:
            return False
        return True

    async def _connect_at_last(self) -> None:
        while not await self._connect():  # noqa: ASYNC110 - nothing tells when a socket file appears
            await asyncio.sleep(_RECONNECT_S)

    async def _keep_connected(self) -> None:
        while True:
            await self._broken.wait()
            await self._connect_at_last()
            _log.info("writer_connected")

    def _flush(self) -> None:
        requests, self._unsent = self._unsent, []
        if self._protocol is not None:
            self._protocol.send(requests_encoder.encode(requests))

    def _received(self, payload: bytes) -> None:
        frame = frame_decoder.decode(payload)
        for request, reply in frame.replies:
            future = self._waiting.pop(request, None)
            if future is not None and not future.done():
                future.set_result(reply)
        for change in frame.changes:
            if change.state in FINAL:
                for watcher in self._watchers.pop(change.uetr, ()):
                    if not watcher.done():
                        watcher.set_result(change)

    def _lost(self) -> None:
        self._protocol = None
        self._unsent = []
        waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            if not future.done():
                future.set_result(Reply(UNAVAILABLE))
        self._broken.set()
