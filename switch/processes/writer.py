"""The writer process: the only one that changes the books. API workers connect to it over a local socket."""

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
import structlog

from adapters import registry
from ledger.high_water import HighWater
from ledger.writer import QUEUE_BYTES_MAX, LostEvents, Writer, look_for_garbage_in_short_steps
from schemas.errors import NotFound, OutcomeUnknown, Unavailable
from switch.base import lifeline, logs
from switch.base.settings import Settings
from switch.operations import restored, vitals
from switch.processes import process
from switch.writer.absence import AbsenceRule, rule_of
from switch.writer.commands import (
    Command,
    Frame,
    PaymentChange,
    Reply,
    command_decoder,
    requests_decoder,
)
from switch.writer.frames import FrameProtocol
from switch.writer.payment_book import PaymentBook
from switch.writer.verdicts import Verdict

_log = structlog.get_logger()
_LOOK_EVERY_S: Final = 0.2
_encode = msgspec.msgpack.Encoder().encode


class WriterServer:
    """Passes commands of connected workers to the ledger's writer, and notifies all workers of changes."""

    def __init__(
        self,
        database_url: str,
        queue_max: int,
        queue_bytes_max: int = QUEUE_BYTES_MAX,
        *,
        replicated: bool = False,
        high_water: HighWater | None = None,
    ) -> None:
        self.rules: dict[str, AbsenceRule] = {}
        """The rule for "not found" of each rail. Without a rule, "not found" proves nothing."""
        book = PaymentBook(self._announce, self.rules)
        self._writer = Writer(
            database_url,
            book,
            queue_max=queue_max,
            queue_bytes_max=queue_bytes_max,
            replicated=replicated,
            on_stuck=lifeline.are_stuck,
            high_water=high_water,
        )
        self._peers: set[FrameProtocol] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._listener: asyncio.Server | None = None

    async def serve(self, socket: Path, prepare: Callable[[Writer], Awaitable[None]] | None = None) -> None:
        """Begin an epoch, `prepare`, then listen; the stale socket of a dead writer is replaced."""
        await self._writer.start()
        if prepare is not None:
            await prepare(self._writer)
        _clear(socket)
        loop = asyncio.get_running_loop()
        # Keep the reference: uvloop closes a server without one.
        self._listener = await loop.create_unix_server(self._peer, str(socket))
        _log.info("writer_ready")

    @property
    def frozen(self) -> Exception | None:
        """Why the writer refuses everything; None during normal work."""
        return self._writer.frozen

    @property
    def idle(self) -> bool:
        """Whether no command waits."""
        return self._writer.idle

    def progress(self) -> tuple[int, int]:
        """Counters that change when a batch is durable, or when a reconnection to the database was tried."""
        return self._writer.meters.batches, self._writer.meters.reconnections

    async def stop(self) -> None:
        """Finish what is queued, then end the epoch."""
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
        requests: list[int] = []
        commands: list[Command] = []
        replies: list[tuple[int, Reply]] = []
        for request, raw in requests_decoder.decode(payload):
            try:
                commands.append(command_decoder.decode(raw))
                requests.append(request)
            except msgspec.DecodeError as error:
                replies.append((request, _reply(error)))
        try:
            decided = await self._writer.submit_many(commands)
        except Unavailable as error:
            decided = [error] * len(requests)
        replies += zip(requests, map(_reply, decided), strict=True)
        peer.send(_encode(Frame(replies, [])))

    def _announce(self, changes: Sequence[PaymentChange]) -> None:
        payload = _encode(Frame([], list(changes)))
        for peer in self._peers:
            peer.send(payload)


def _reply(reply: Reply | Exception) -> Reply:
    """Convert the result of a command. An exception means a defect, which is reported, not hidden."""
    if isinstance(reply, Reply):
        return reply
    if isinstance(reply, Unavailable):
        return Reply(Verdict.UNAVAILABLE, reason=reply.detail)
    if isinstance(reply, OutcomeUnknown):
        return Reply(Verdict.OUTCOME_UNKNOWN)
    _log.error("command_failed", error=type(reply).__name__, detail=logs.where(reply))
    return Reply(Verdict.FAILED_TO_DECIDE)


def _clear(socket: Path) -> None:
    socket.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    socket.unlink(missing_ok=True)


async def run(settings: Settings) -> None:
    """Run until SIGTERM, or until the writer freezes: a new process starts from the state in the database."""
    ending = process.Ending()
    server = WriterServer(
        settings.database,
        settings.writer_queue_max,
        settings.writer_queue_bytes_max,
        replicated=settings.synchronous_standby,
        high_water=HighWater(settings.high_water_file),
    )
    await server.serve(settings.writer_socket, partial(_check_for_restore, settings))
    watching = asyncio.create_task(vitals.watch("writer"))
    server.rules |= await asyncio.to_thread(
        _rules, settings
    )  # adapters are slow to load: payments go on meanwhile
    done = server.progress()
    lifeline.beat()
    while not ending.begun and server.frozen is None:
        await ending.wait(_LOOK_EVERY_S)
        before, done = done, server.progress()
        if server.idle or done != before:
            lifeline.beat()
    watching.cancel()
    if isinstance(server.frozen, LostEvents):
        await close_after_loss(settings)
    if server.frozen is not None:
        raise server.frozen
    await server.stop()


async def close_after_loss(settings: Settings) -> None:
    """Close the switch on a database that lost events, before a writer elsewhere can take it up."""
    high_water = HighWater(settings.high_water_file)
    successor = Writer(
        settings.database,
        PaymentBook(lambda _: None, {}),
        replicated=settings.synchronous_standby,
        high_water=high_water,
    )
    await successor.start()
    try:
        await _check_for_restore(settings, successor)
    finally:
        await successor.stop()


async def _check_for_restore(settings: Settings, writer: Writer) -> None:
    """Close the switch if its database was restored, before anybody else can reach the writer."""

    async def ask(command: Command) -> Reply:
        lifeline.beat()
        reply: Reply = await writer.submit(command)
        return reply

    await restored.take_up(settings, writer.last_seq, writer.told, ask)


def _rules(settings: Settings) -> dict[str, AbsenceRule]:
    """The rules of enquiries in the profiles of the rails; a rail without an adapter has no rule."""
    found: dict[str, AbsenceRule] = {}
    for country in settings.rails:
        with contextlib.suppress(NotFound):
            found[country] = rule_of(registry.profile(country), settings.time_scale)
    return found


def main() -> None:
    """Entry point of the process."""
    os.umask(0o077)
    look_for_garbage_in_short_steps()
    process.main("writer", run)


if __name__ == "__main__":
    main()
