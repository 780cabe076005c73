"""A worker's connection to the writer: commands out, replies and payment changes in.

Commands of one turn of the event loop are sent together. If the connection is lost, every command in progress
raises `OutcomeUnknown`: it may have been decided. Sending the same UETR again returns the result.
"""

import asyncio
import itertools
from collections import defaultdict
from pathlib import Path
from typing import Final

import structlog

from schemas.errors import BooksFrozen, OutcomeUnknown, Restoring, SwitchError, Unavailable
from switch.writer.commands import (
    Command,
    PaymentChange,
    Ping,
    Reply,
    frame_decoder,
    request_encoder,
)
from switch.writer.frames import FrameProtocol
from switch.writer.lifecycle import FINAL
from switch.writer.verdicts import Verdict

_RECONNECT_S: Final = 0.1
_ANSWER_WITHIN_S: Final = 30.0
WAITING_MAX: Final = 4_000
"""Maximum commands of one process in progress; more are refused."""
_FRAME_BYTES: Final = 4 * 1024 * 1024
_ARRAY_32: Final = b"\xdd"
"""MessagePack: an array with its length in the next four bytes."""
_log = structlog.get_logger()


class Link:
    """One connection to the writer, restored whenever it is lost."""

    def __init__(self, socket: Path) -> None:
        self._socket = str(socket)
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Reply]] = {}
        self._unsent: list[bytes] = []
        self._watchers: defaultdict[bytes, list[asyncio.Future[PaymentChange]]] = defaultdict(list)
        self._protocol: FrameProtocol | None = None
        self._broken = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        """Whether the connection exists."""
        return self._protocol is not None

    async def start(self, *, within_s: float = 30.0) -> None:
        """Connect, and keep connected from then on.

        Raises:
            TimeoutError: the writer did not become available in time.

        """
        await asyncio.wait_for(self._connect_at_last(), within_s)
        self._keeper = asyncio.create_task(self._keep_connected())

    async def stop(self) -> None:
        """Close the connection."""
        if self._keeper:
            self._keeper.cancel()
        if self._protocol:
            self._protocol.close()

    async def ask(self, command: Command) -> Reply:
        """Have the writer decide `command`; returns after its batch is durable.

        Raises:
            SwitchError: the command could not be decided; nothing was done.
            BooksFrozen: it would move money while the books are frozen; nothing was done.
            Restoring: the switch is closed after a restore of its database; nothing was done.
            Unavailable: no writer, or too many commands in progress; nothing was done.
            OutcomeUnknown: the connection was lost, or there was no reply in time: it may have been decided.

        """
        if self._protocol is None or len(self._waiting) >= WAITING_MAX:
            raise Unavailable("the ledger's writer is unavailable or busy; nothing was decided")
        loop = asyncio.get_running_loop()
        request = next(self._ids)
        encoded = request_encoder.encode(
            (request, command)
        )  # encoded alone: a command that cannot be encoded does not affect others
        future: asyncio.Future[Reply] = loop.create_future()
        self._waiting[request] = future
        if not self._unsent:
            loop.call_soon(self._flush)
        self._unsent.append(encoded)
        try:
            # Shielded: if the caller is cancelled, the command is not.
            reply = await asyncio.wait_for(asyncio.shield(future), _ANSWER_WITHIN_S)
        except TimeoutError:
            self._waiting.pop(request, None)
            raise OutcomeUnknown from None
        if reply.verdict is Verdict.UNAVAILABLE:
            raise Unavailable(reply.reason or None)
        if reply.verdict is Verdict.OUTCOME_UNKNOWN:
            raise OutcomeUnknown
        if reply.verdict is Verdict.BOOKS_FROZEN:
            raise BooksFrozen
        if reply.verdict is Verdict.RESTORING:
            raise Restoring(reply.detail or None)
        if reply.verdict is Verdict.FAILED_TO_DECIDE:
            raise SwitchError
        return reply

    def watch(self, uetr: bytes) -> asyncio.Future[PaymentChange]:
        """Return a future of the payment's final state; drop it with `unwatch`."""
        future: asyncio.Future[PaymentChange] = asyncio.get_running_loop().create_future()
        self._watchers[uetr].append(future)
        return future

    def unwatch(self, uetr: bytes, future: asyncio.Future[PaymentChange]) -> None:
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
        while not await self._connect():  # noqa: ASYNC110 - there is no notification of a new socket file
            await asyncio.sleep(_RECONNECT_S)

    async def _keep_connected(self) -> None:
        while True:
            await self._broken.wait()
            await self._connect_at_last()
            _log.info("writer_connected")

    async def alive(self) -> bool:
        """Whether the writer responds, and soon."""
        try:
            return (await asyncio.wait_for(self.ask(Ping()), 2)).verdict is Verdict.PONG
        except (SwitchError, TimeoutError):
            return False

    def _flush(self) -> None:
        unsent, self._unsent = self._unsent, []
        frame: list[bytes] = []
        size = 0
        for encoded in unsent:
            if frame and size + len(encoded) > _FRAME_BYTES:
                self._send(frame)
                frame, size = [], 0
            frame.append(encoded)
            size += len(encoded)
        self._send(frame)

    def _send(self, encoded: list[bytes]) -> None:
        if self._protocol is not None:
            self._protocol.send(_ARRAY_32 + len(encoded).to_bytes(4, "big") + b"".join(encoded))

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
                future.set_result(Reply(Verdict.OUTCOME_UNKNOWN))
        self._broken.set()
