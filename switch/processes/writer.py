"""The writer process: the only one that changes the books. Other processes send it commands over sockets.

It listens on a socket of its machine and, if it is set, over TCP with mutual TLS. Of several writer processes
of a database one has the lease (`lease`); the others are its standbys: they listen over TCP, announce that
they are not the writer, and take over when the lease is free.

A hand-over loses nothing: the writer announces its end, decides what has reached it, gives the lease up, and
waits until every client has read its replies and closed. What reaches it meanwhile is refused as not decided,
and its sender asks the next writer.
"""

import asyncio
import contextlib
import os
import socket as sockets
import ssl
import struct
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final
from uuid import UUID

import msgspec
import structlog

from adapters import registry
from ledger.garbage import collect_in_short_steps
from ledger.high_water import HighWater
from ledger.roles import Login
from ledger.silence import end_silent
from ledger.writer import QUEUE_BYTES_MAX, LostEvents, Writer
from schemas.errors import NotFound, OutcomeUnknown, Unavailable
from switch.approvals.causes import Causes
from switch.base import lifeline, logs, metrics, private
from switch.base.settings import Settings
from switch.change_catalogue import KINDS
from switch.operations import restored, vitals
from switch.payments.signatures import Signatures
from switch.processes import process, status
from switch.processes.lease import Lease
from switch.settlement.causes import SettlementCauses
from switch.writer import addresses, kinds
from switch.writer.absence import AbsenceRule, rule_of
from switch.writer.addresses import LocalPeers
from switch.writer.commands import (
    PROTOCOL,
    Command,
    Frame,
    PaymentChange,
    Reply,
    hello_decoder,
    read_command,
    requests_decoder,
)
from switch.writer.frames import FrameProtocol
from switch.writer.kinds import Kind, Permission
from switch.writer.parts import BatchPart
from switch.writer.payment_book import PaymentBook
from switch.writer.verdicts import Verdict

_log = structlog.get_logger()
_LOOK_EVERY_S: Final = 0.2
_REQUEST_BYTES_MAX: Final = 16 << 20
"""Largest frame of a client."""
_UNDECIDED_BYTES_MAX: Final = 64 << 20
"""Bytes of one client's undecided commands from which on no more of it is read."""
_WHOLE_WITHIN_S: Final = 10.0
"""Seconds from the first byte of a frame to its last."""
_HELLO_WITHIN_S: Final = 5.0
_PEERS_MAX: Final = 512
_LEAVE_WITHIN_S: Final = 2.0
"""How long the writer waits at its end for clients to close."""
_CERTIFICATES_EVERY_S: Final = 60.0
_encode = msgspec.msgpack.Encoder().encode
Proved = Callable[[FrameProtocol, str], frozenset[Kind]]
"""The kinds of process that the peer of a connection has proved to be, with its token if it stated one."""


class _Peer:
    """One client: who it is, and what it waits for."""

    def __init__(self, server: "WriterServer", proved: Proved) -> None:
        self._server = server
        self._proved = proved
        self.permission: Permission | None = None
        """What it may send; None until it has greeted."""
        self.undecided = 0
        """Bytes of its commands that are being decided."""
        self.frames = FrameProtocol(
            self._received,
            lambda: server.left(self),
            self._connected,
            frame_max=_REQUEST_BYTES_MAX,
            whole_within_s=_WHOLE_WITHIN_S,
        )

    def _connected(self) -> None:
        socket = self.frames.about("socket")
        if socket is not None:
            end_silent(socket)
        asyncio.get_running_loop().call_later(_HELLO_WITHIN_S, self._check_greeted)
        self._server.came(self)

    def _check_greeted(self) -> None:
        if self.permission is None:
            self.frames.abort()

    def _received(self, payload: bytes) -> None:
        if self.permission is None:
            self._greet(payload)
            return
        self.undecided += len(payload)
        if self.undecided > _UNDECIDED_BYTES_MAX:
            self.frames.pause_reading()
        self._server.take(self, payload)

    def decided(self, size: int) -> None:
        """Read on once enough of its commands are decided."""
        self.undecided -= size
        if self.undecided <= _UNDECIDED_BYTES_MAX:
            self.frames.resume_reading()

    def _greet(self, payload: bytes) -> None:
        try:
            hello = hello_decoder.decode(payload)
            stated = frozenset(map(Kind, hello.kinds))
        except (msgspec.DecodeError, ValueError):
            self.refuse("it did not begin with a greeting of this protocol")
            return
        proved = self._proved(self.frames, hello.token)
        if hello.protocol != PROTOCOL:
            self.refuse(f"it uses version {hello.protocol} of the protocol, not {PROTOCOL}")
        elif not stated <= proved:
            self.refuse(f"it is not proved to be: {', '.join(sorted(stated - proved))}")
        else:
            self.permission = Permission(stated)
            self.frames.send(_encode(Frame([], [], self._server.epoch)))

    def refuse(self, reason: str) -> None:
        """Disconnect it, count it, and log why."""
        metrics.WRITER_REFUSED.labels("peer").inc()
        named = sorted(addresses.names_in(self.frames.about("peercert")))
        _log.warning(
            "peer_refused", reason=reason, names=named, peer=str(self.frames.about("peername") or "")
        )
        self.frames.abort()


class WriterServer:
    """Passes commands of connected processes to the ledger's writer, and notifies all of changes."""

    def __init__(
        self,
        database_url: str,
        queue_max: int,
        queue_bytes_max: int = QUEUE_BYTES_MAX,
        *,
        replicated: bool = False,
        high_water: HighWater | None = None,
        causes: Sequence[BatchPart] = (),
    ) -> None:
        """`causes`: the parts that refuse what nobody signed or approved."""
        self.rules: dict[str, AbsenceRule] = {}
        """The rule for "not found" of each rail. Without a rule, "not found" proves nothing."""
        book = PaymentBook(self._announce_changes, self.rules, causes)
        self._writer = Writer(
            database_url,
            book,
            queue_max=queue_max,
            queue_bytes_max=queue_bytes_max,
            replicated=replicated,
            on_stuck=lifeline.are_stuck,
            high_water=high_water,
        )
        self._peers: set[_Peer] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._listener: asyncio.Server | None = None
        self._remote: list[asyncio.Server] = []
        self._renewing: asyncio.Task[None] | None = None
        self._gone = asyncio.Event()
        self.epoch = 0
        """The epoch that clients know; 0 while this is not the writer."""

    @property
    def id(self) -> UUID:
        """The id of this writer in the database, once it has taken over."""
        return self._writer.id

    async def listen(self, settings: Settings) -> None:
        """Listen for other machines, as a standby at first.

        Raises:
            OSError: an address is not available, or a file of the certificates cannot be used.

        """
        places = list(map(addresses.parse, settings.writer_listen))
        context = None
        if any(place.path is None for place in places):
            context = addresses.server_context(settings)
            self._renewing = asyncio.create_task(_renew_certificate(context, settings))
        loop = asyncio.get_running_loop()

        local = LocalPeers.of(settings)

        def proved(frames: FrameProtocol, _: str) -> frozenset[Kind]:
            names = addresses.names_in(frames.about("peercert"))
            return addresses.kinds_named(names, settings.writer_peers) & local.allowed

        for place in places:
            if place.path is not None:
                self._remote.append(await self._listen_locally(place.path, local))
                continue
            self._remote.append(
                await loop.create_server(
                    lambda: _Peer(self, proved).frames,
                    place.host,
                    place.port,
                    ssl=context,
                    ssl_handshake_timeout=_HELLO_WITHIN_S,
                    reuse_address=True,
                )
            )
            _log.info("writer_listens", address=str(place))

    async def serve(
        self,
        socket: Path,
        prepare: Callable[[Writer], Awaitable[None]] | None = None,
        *,
        peers: LocalPeers | None = None,
    ) -> None:
        """Begin an epoch, `prepare`, then listen here; the stale socket of a dead writer is replaced.

        Without `peers`, whoever may open the socket may send everything.

        Raises:
            Impossible: somebody else could have made the directory of the socket.

        """
        await self._writer.start()
        if prepare is not None:
            await prepare(self._writer)
        self._listener = await self._listen_locally(socket, peers)
        self._announce_epoch(self._writer.epoch)
        _log.info("writer_ready", epoch=self.epoch)

    async def _listen_locally(self, socket: Path, peers: LocalPeers | None) -> asyncio.Server:
        def proved(frames: FrameProtocol, token: str) -> frozenset[Kind]:
            return kinds.ALL if peers is None else peers.kinds(_user_of(frames), token)

        _clear(socket)
        # Keep the reference: uvloop closes a server without one.
        made = await asyncio.get_running_loop().create_unix_server(
            lambda: _Peer(self, proved).frames, str(socket)
        )
        if peers is not None and peers.users:
            socket.chmod(0o666)  # whoever connects is judged by the user that the kernel names
        return made

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

    async def stop(self, release: Callable[[], None] = lambda: None) -> None:
        """Hand over: decide what is here, end the epoch, `release` the lease, and let the clients go."""
        was_writer = self.epoch > 0
        for server in (*self._remote, *([self._listener] if self._listener else [])):
            server.close()
        self._announce_epoch(0)
        await self._writer.stop()
        release()
        if was_writer:
            await self._wait_until_clients_left()
        for peer in list(self._peers):
            peer.frames.close()
        if self._renewing is not None:
            self._renewing.cancel()

    async def _wait_until_clients_left(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LEAVE_WITHIN_S):
                while any(peer.permission is not None for peer in self._peers):
                    self._gone.clear()
                    await self._gone.wait()

    def came(self, peer: _Peer) -> None:
        """Know a new connection."""
        self._peers.add(peer)
        if len(self._peers) > _PEERS_MAX:
            peer.refuse("there are too many connections")

    def left(self, peer: _Peer) -> None:
        """Forget a connection."""
        self._peers.discard(peer)
        self._gone.set()

    def take(self, peer: _Peer, payload: bytes) -> None:
        """Have the commands of one frame decided."""
        task = asyncio.create_task(self._answer(peer, payload))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, peer: _Peer, payload: bytes) -> None:
        requests: list[int] = []
        commands: list[Command] = []
        replies: list[tuple[int, Reply]] = []
        permission = peer.permission
        assert permission is not None, "it has greeted"
        try:
            asked = requests_decoder.decode(payload)
        except (msgspec.DecodeError, RecursionError):
            peer.refuse("a frame is not readable")
            return
        for request, raw in asked:
            try:
                command = read_command(raw)
            except (msgspec.DecodeError, RecursionError) as error:
                replies.append((request, _not_readable(error, permission)))
                continue
            if not permission.permits(command):
                replies.append((request, _not_permitted(command, permission)))
                continue
            commands.append(command)
            requests.append(request)
        try:
            decided = await self._writer.submit_many(commands)
        except Unavailable as error:
            decided = [error] * len(requests)
        if self._writer.frozen is not None:
            self._announce_epoch(0)  # first, so that its clients ask the next writer
        replies += zip(requests, map(_reply, decided), strict=True)
        peer.frames.send(_encode(Frame(replies, [])))
        peer.decided(len(payload))

    def _announce_changes(self, changes: Sequence[PaymentChange]) -> None:
        self._send_to_all(Frame([], list(changes)))

    def _announce_epoch(self, epoch: int) -> None:
        if epoch != self.epoch:
            self.epoch = epoch
            self._send_to_all(Frame([], [], epoch))

    def _send_to_all(self, frame: Frame) -> None:
        payload = _encode(frame)
        for peer in self._peers:
            if peer.permission is not None:
                peer.frames.send(payload)


def _user_of(frames: FrameProtocol) -> int:
    """The user id of the process at the other end of a local socket, by the kernel."""
    shape = struct.Struct("3i")
    credentials = frames.about("socket").getsockopt(sockets.SOL_SOCKET, sockets.SO_PEERCRED, shape.size)
    user: int = shape.unpack(credentials)[1]
    return user


async def _renew_certificate(context: ssl.SSLContext, settings: Settings) -> None:
    """Read the certificate again from time to time: one that was replaced is used for new connections."""
    assert settings.writer_tls_certificate is not None
    while True:
        await asyncio.sleep(_CERTIFICATES_EVERY_S)
        try:
            context.load_cert_chain(settings.writer_tls_certificate, settings.writer_tls_key, password=str)
        except OSError as error:
            _log.error("certificate_unusable", reason=str(error))


def _not_readable(error: Exception, permission: Permission) -> Reply:
    """Refuse a command with a field that is not possible; no text of msgspec repeats a value."""
    metrics.WRITER_REFUSED.labels("command").inc()
    _log.error("command_not_readable", reason=str(error), kinds=sorted(permission.kinds))
    return Reply(Verdict.FAILED_TO_DECIDE, reason=f"the command is not valid: {error}")


def _not_permitted(command: Command, permission: Permission) -> Reply:
    name = type(command).__name__
    metrics.WRITER_REFUSED.labels("command").inc()
    _log.error("command_refused", command=name, kinds=sorted(permission.kinds))
    return Reply(Verdict.FAILED_TO_DECIDE, reason=f"this kind of process may not send the command {name}")


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
    private.make(socket.parent)
    socket.unlink(missing_ok=True)


async def run(settings: Settings) -> None:
    """Run until SIGTERM, or until the writer freezes: a new process starts from the state in the database.

    If another writer has the lease, wait as its standby.
    """
    ending = process.Ending()
    for what in ("peer", "command", "cause"):
        metrics.WRITER_REFUSED.labels(what)  # from the first refusal on, an alert sees an increase
    server = WriterServer(
        settings.database_of(Login.WRITER),
        settings.writer_queue_max,
        settings.writer_queue_bytes_max,
        replicated=settings.synchronous_standby,
        high_water=HighWater(settings.high_water_file),
        causes=[
            Causes(KINDS, sandbox=settings.sandbox),
            SettlementCauses(sandbox=settings.sandbox),
            Signatures(
                sandbox=settings.sandbox,
                return_within=settings.return_within,
                authority=settings.authority,
            ),
        ],
    )
    lease = Lease(settings)
    await server.listen(settings)
    watching = asyncio.create_task(vitals.watch("writer"))
    if await lease.take(ending):
        await _write(settings, server, lease, ending)
    watching.cancel()
    await server.stop(lease.release)
    ending.check()


async def _write(settings: Settings, server: WriterServer, lease: Lease, ending: process.Ending) -> None:
    """Be the writer."""
    await server.serve(
        settings.writer_socket, partial(_check_for_restore, settings), peers=LocalPeers.of(settings)
    )
    status.STATUS.state = "works"
    keeping = asyncio.create_task(lease.keep(server.id))
    keeping.add_done_callback(lambda task: None if task.cancelled() else ending.begin(task.result()))
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
    if isinstance(server.frozen, LostEvents):
        await close_after_loss(settings)
    keeping.cancel()
    if server.frozen is not None:
        raise server.frozen


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
    collect_in_short_steps(old_every=1_000)
    process.main("writer", run)


if __name__ == "__main__":
    main()
