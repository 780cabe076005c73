"""A process's connections to the writer: commands out, replies and payment changes in.

Theory of operation. There may be several addresses: of the writer and of its standbys. A link keeps a
connection to each, and each announces whether it is the writer, and in which epoch; the one with the highest
epoch gets the commands. So every process knows of a takeover as soon as it has happened, whatever has become
of the old writer: a machine that is frozen or unreachable does not have to be noticed first.

Commands of one turn of the event loop are sent together. If the connection is lost, or another writer takes
over, every command in progress raises `OutcomeUnknown`: it may have been decided. Sending the same UETR again
returns the result. A command that was certainly not decided, because there is no writer just now or because
it reached one that was about to hand over, is sent to the next writer, within `_PATIENCE_S`.
"""

import asyncio
import contextlib
import itertools
import random
import ssl
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

import structlog

from ledger.silence import end_silent
from schemas.errors import BooksFrozen, OutcomeUnknown, Refused, Restoring, SwitchError, Unavailable
from schemas.reasons import Reason
from switch.base import private
from switch.base.causes import Impossible
from switch.base.settings import Settings
from switch.writer import addresses
from switch.writer.addresses import Address
from switch.writer.commands import (
    PROTOCOL,
    Command,
    Hello,
    PaymentChange,
    Ping,
    Reply,
    frame_decoder,
    request_encoder,
)
from switch.writer.frames import FrameProtocol
from switch.writer.kinds import ALL, Kind
from switch.writer.lifecycle import FINAL
from switch.writer.verdicts import Verdict

_RECONNECT_FIRST_S: Final = 0.05
_RECONNECT_MAX_S: Final = 0.5
_CONNECT_WITHIN_S: Final = 3.0
_ANSWER_WITHIN_S: Final = 30.0
_PATIENCE_S: Final = 4.0
"""How long a command waits for a writer; payments wait less than `payments.LATENESS_US`."""
WAITING_MAX: Final = 4_000
"""Maximum commands of one process in progress; more are refused."""
_FRAME_BYTES: Final = 4 * 1024 * 1024
_ARRAY_32: Final = b"\xdd"
"""MessagePack: an array with its length in the next four bytes."""
_UNKNOWN: Final = Reply(Verdict.OUTCOME_UNKNOWN)
_NOT_SENT: Final = Reply(
    Verdict.UNAVAILABLE, reason="the ledger's writer is unavailable; nothing was decided"
)
FinalChange = asyncio.Future[PaymentChange | None]
"""The final change of a payment; None once nobody waits for it any longer."""

_log = structlog.get_logger()


class Link:
    """The way to the writer, restored whenever it is lost."""

    def __init__(
        self,
        at: Path | Sequence[Address],
        *,
        kinds: Iterable[Kind] = ALL,
        token: str = "",
        tls: Callable[[], ssl.SSLContext] | None = None,
    ) -> None:
        """`at`: a socket, or several addresses; `kinds`: what this process is, and `token` its proof there.

        `tls` is called at each connection, so that a certificate that was replaced is used.
        """
        places = (Address(path=at),) if isinstance(at, Path) else at
        hello = request_encoder.encode(Hello(PROTOCOL, sorted(kinds), token))
        self._peers = [_Peer(self, place, hello, tls) for place in places]
        self._writer: _Peer | None = None
        """The one that said last that it is the writer."""
        self._epoch = 0
        self._found = asyncio.Event()
        self._waits_until: float | None = None
        """By the loop's clock, until when commands wait for a writer; None while there is one."""
        self._in_progress = 0
        self._watchers: defaultdict[bytes, list[FinalChange]] = defaultdict(list)

    @classmethod
    def of(cls, settings: Settings, *kinds: Kind) -> "Link":
        """Make the link of a process of these kinds, to the writer of these settings."""
        return cls(
            addresses.of(settings),
            kinds=kinds,
            token=addresses.token_of(settings, kinds),
            tls=lambda: addresses.client_context(settings),
        )

    @property
    def connected(self) -> bool:
        """Whether there is a writer."""
        return self._writer is not None

    async def start(self, *, within_s: float = 30.0) -> None:
        """Find the writer, and stay connected from then on.

        Raises:
            TimeoutError: no writer became available in time.
            Impossible: somebody else could have put the socket there.

        """
        for peer in self._peers:
            with contextlib.suppress(OSError):  # there is no directory yet
                peer.check_place()
        for peer in self._peers:
            peer.start()
        await asyncio.wait_for(self._found.wait(), within_s)

    async def stop(self) -> None:
        """Close the connections."""
        self._writer = None
        for peer in self._peers:
            peer.stop()

    async def ask(self, command: Command) -> Reply:
        """Have the writer decide `command`; returns after its batch is durable.

        Raises:
            SwitchError: the command could not be decided; nothing was done.
            BooksFrozen: it would move money while the books are frozen; nothing was done.
            Refused: nobody signed or approved what it says; nothing was done.
            Restoring: the switch is closed after a restore of its database; nothing was done.
            Unavailable: no writer, or too many commands in progress; nothing was done.
            OutcomeUnknown: the connection was lost, or there was no reply in time: it may have been decided.

        """
        if self._in_progress >= WAITING_MAX:
            raise Unavailable("the ledger's writer is busy; nothing was decided")
        self._in_progress += 1
        try:
            peer = self._writer or await self._next_writer()
            reply = await peer.ask(command)
            if reply.verdict is Verdict.UNAVAILABLE and peer is not self._writer:
                reply = await self._ask_successor(command, reply)
        finally:
            self._in_progress -= 1
        if reply.verdict is Verdict.UNAVAILABLE:
            raise Unavailable(reply.reason or None)
        if reply.verdict is Verdict.OUTCOME_UNKNOWN:
            raise OutcomeUnknown
        if reply.verdict is Verdict.BOOKS_FROZEN:
            raise BooksFrozen
        if reply.verdict is Verdict.NO_CAUSE:
            raise Refused(
                f"{reply.verdict.text}: {reply.detail}",
                reason=Reason.NARRATIVE,
                remedy="Request the change again: the books refuse an order that no approved change caused.",
            )
        if reply.verdict is Verdict.RESTORING:
            raise Restoring(reply.detail or None)
        if reply.verdict is Verdict.FAILED_TO_DECIDE:
            raise SwitchError(reply.reason or None)
        return reply

    async def _ask_successor(self, command: Command, reply: Reply) -> Reply:
        """Ask again what a writer did not decide that is no longer the writer, while there is patience."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + _PATIENCE_S
        while loop.time() < ends:
            peer = self._writer or await self._next_writer()
            reply = await peer.ask(command)
            if reply.verdict is not Verdict.UNAVAILABLE or peer is self._writer:
                break
        return reply

    async def _next_writer(self) -> "_Peer":
        """Wait for a writer, if there was one a moment ago."""
        left = (self._waits_until or 0) - asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(max(0.0, left)):
                while self._writer is None:
                    await self._found.wait()
        except TimeoutError:
            raise Unavailable("the ledger's writer is unavailable; nothing was decided") from None
        return self._writer

    def watch(self, uetr: bytes) -> FinalChange:
        """Return a future of the payment's final state; drop it with `unwatch`."""
        future: FinalChange = asyncio.get_running_loop().create_future()
        self._watchers[uetr].append(future)
        return future

    def unwatch(self, uetr: bytes, future: FinalChange) -> None:
        """Stop waiting."""
        future.cancel()
        watchers = self._watchers.get(uetr)
        if watchers is not None and future in watchers:
            watchers.remove(future)
            if not watchers:
                del self._watchers[uetr]

    async def alive(self) -> bool:
        """Whether the writer responds, and soon."""
        try:
            return (await asyncio.wait_for(self.ask(Ping()), 2)).verdict is Verdict.PONG
        except (SwitchError, TimeoutError):
            return False

    def _announced(self, peer: "_Peer", epoch: int) -> None:
        """Hear whether a peer is the writer; of several that say so, the last epoch is right."""
        if peer is self._writer and epoch == 0:
            self._forget_writer()
        if epoch == 0 or (self._writer is not None and epoch < self._epoch):
            return
        if self._epoch:
            _log.info("writer_connected", writer=str(peer.address), epoch=epoch)
        before, self._writer, self._epoch = self._writer, peer, epoch
        self._waits_until = None
        self._found.set()
        if before is not None and before is not peer:
            before.abort()  # it was replaced and does not know yet; it will never commit again

    def _lost(self, peer: "_Peer") -> None:
        if peer is self._writer:
            self._forget_writer()

    def _forget_writer(self) -> None:
        self._writer = None
        self._found.clear()
        self._waits_until = asyncio.get_running_loop().time() + _PATIENCE_S

    def _changed(self, changes: Iterable[PaymentChange]) -> None:
        for change in changes:
            if change.state in FINAL:
                for watcher in self._watchers.pop(change.uetr, ()):
                    if not watcher.done():
                        watcher.set_result(change)


class _Peer:
    """The connection to one address."""

    def __init__(
        self, link: Link, address: Address, hello: bytes, tls: Callable[[], ssl.SSLContext] | None
    ) -> None:
        self.address = address
        self._link = link
        self._hello = hello
        self._tls = tls
        self._ids = itertools.count(1)
        self._waiting: dict[int, tuple[asyncio.Future[Reply], float]] = {}
        """Replies by request, the oldest first, with the time of the loop until which each is awaited."""
        self._giving_up: asyncio.TimerHandle | None = None
        """One timer for all: the oldest request is the first to be given up."""
        self._unsent: list[tuple[int, bytes]] = []
        self._protocol: FrameProtocol | None = None
        self._greeted = False
        self._resigned = False
        """It announced that it is not the writer any more: once all replies are here, the connection ends."""
        self._broken = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Connect, and keep connected."""
        self._keeper = asyncio.create_task(self._keep_connected())

    def stop(self) -> None:
        """Close the connection for good."""
        if self._keeper:
            self._keeper.cancel()
        if self._protocol:
            self._protocol.close()

    def abort(self) -> None:
        """End this connection at once; the next one finds out what is there."""
        if self._protocol:
            self._protocol.abort()

    async def ask(self, command: Command) -> Reply:
        """Send a command and get its reply."""
        loop = asyncio.get_running_loop()
        request = next(self._ids)
        encoded = request_encoder.encode(
            (request, command)
        )  # encoded alone: a command that cannot be encoded does not affect others
        future: asyncio.Future[Reply] = loop.create_future()
        self._waiting[request] = future, loop.time() + _ANSWER_WITHIN_S
        if self._giving_up is None:
            self._giving_up = loop.call_later(_ANSWER_WITHIN_S, self._give_up)
        if not self._unsent:
            loop.call_soon(self._flush)
        self._unsent.append((request, encoded))
        return await future  # if the caller is cancelled, the command is not

    def _give_up(self) -> None:
        """Answer the requests that have waited too long, and wait for the next one that will."""
        loop = asyncio.get_running_loop()
        self._giving_up = None
        for request, (future, until) in list(self._waiting.items()):
            if until > loop.time():
                self._giving_up = loop.call_at(until, self._give_up)
                return
            del self._waiting[request]
            if not future.done():
                future.set_result(_UNKNOWN)

    async def _keep_connected(self) -> None:
        pause = _RECONNECT_FIRST_S
        while True:
            self._broken.clear()
            if await self._connect():
                await self._broken.wait()
                pause = _RECONNECT_FIRST_S if self._greeted else pause
            # Jitter, so that many processes do not return at the same instant.
            await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311
            pause = min(pause * 2, _RECONNECT_MAX_S)

    async def _connect(self) -> bool:
        try:
            async with asyncio.timeout(_CONNECT_WITHIN_S):
                protocol = await self._open()
        except Impossible as error:
            _log.error("writer_refused", reason=str(error))
            return False
        except (OSError, TimeoutError) as error:
            if isinstance(error, ssl.SSLError):
                _log.warning("writer_not_authentic", writer=str(self.address), reason=str(error))
            return False
        self._greeted = self._resigned = False
        self._protocol = protocol
        protocol.send(self._hello)
        return True

    def check_place(self) -> None:
        """Check the directory of a local socket; raises as `private.check`."""
        if self.address.path is not None:
            private.check(self.address.path.parent)

    async def _open(self) -> FrameProtocol:
        loop = asyncio.get_running_loop()
        address = self.address

        def made() -> FrameProtocol:
            return FrameProtocol(self._received, self._lost)

        if address.path is not None:
            self.check_place()
            _, protocol = await loop.create_unix_connection(made, str(address.path))
            return protocol
        assert self._tls is not None, "a remote writer needs TLS"
        _, protocol = await loop.create_connection(made, address.host, address.port, ssl=self._tls())
        end_silent(protocol.about("socket"))
        return protocol

    def _flush(self) -> None:
        unsent, self._unsent = self._unsent, []
        frame: list[bytes] = []
        size = 0
        for _, encoded in unsent:
            if frame and size + len(encoded) > _FRAME_BYTES:
                self._send(frame)
                frame, size = [], 0
            frame.append(encoded)
            size += len(encoded)
        if frame:
            self._send(frame)

    def _send(self, encoded: list[bytes]) -> None:
        if self._protocol is not None:
            self._protocol.send(_ARRAY_32 + len(encoded).to_bytes(4, "big") + b"".join(encoded))

    def _received(self, payload: bytes) -> None:
        frame = frame_decoder.decode(payload)
        if frame.epoch is not None:
            self._greeted = True
            self._resigned = self._link._writer is self and frame.epoch == 0  # noqa: SLF001 - its own peer
            self._link._announced(self, frame.epoch)  # noqa: SLF001
        for request, reply in frame.replies:
            waiting = self._waiting.pop(request, None)
            if waiting is not None and not waiting[0].done():
                waiting[0].set_result(reply)
        self._link._changed(frame.changes)  # noqa: SLF001
        if self._resigned and not self._waiting and self._protocol is not None:
            self._protocol.close()  # shows the old writer that nothing of ours is on its way any more

    def _lost(self) -> None:
        self._protocol = None
        unsent, self._unsent = {request for request, _ in self._unsent}, []
        waiting, self._waiting = self._waiting, {}
        for request, (future, _) in waiting.items():
            if not future.done():
                future.set_result(_NOT_SENT if request in unsent else _UNKNOWN)
        self._link._lost(self)  # noqa: SLF001
        self._broken.set()
