"""The process of a simulated rail with persistent TCP connections: TLS server and control port.

The rail's own port accepts only frames, so the control paths (see `server`) have a separate port, whose
address is in `DIR/control` while the process runs.
"""

import asyncio
import contextlib
import itertools
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

import uvicorn

from adapters.framing import Framer, FramingError, Length, framed
from adapters.simulation.rail import OrderProcessor, RailRequest, RailResponse
from adapters.simulation.server import SimulatorServer

CONTROL: Final = "control"
"""Name of the file with the address of the control port."""
READ_BYTES: Final = 64 * 1024
_PATIENCE_S: Final = 5.0
"""How long a message waits for a connection."""
_CUT_S: Final = 2.0
"""Time from half a response to the end of the connection, unless the participant ends it earlier: orders on
their way still arrive, and are answered on another connection."""
_HTTP_502: Final = 502

_log = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class Peer:
    """One connection of a participant."""

    writer: asyncio.StreamWriter
    length: Length
    signed_on: bool = False
    takes_orders: bool = False
    """Whether it answers requests of the rail, as its sign-on said."""
    silent: bool = False
    """Nothing may be sent on it any more: it will end soon."""
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    def send(self, message: bytes) -> None:
        """Send one message."""
        self.writer.write(framed(message, self.length))

    async def cut(self, raw: bytes) -> None:
        """Send an incomplete frame, and end the connection a little later."""
        self.silent = True
        self.writer.write(raw)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.gone.wait(), _CUT_S)
        self.writer.transport.close()


_requesting_peer: ContextVar[Peer | None] = ContextVar("asking", default=None)
"""The connection on which the order arrived, for all later messages about it."""


@dataclass(slots=True)
class Peers:
    """The participant's connections. A message uses that of its order, otherwise any signed-on one."""

    length: Length
    connected: list[Peer] = field(default_factory=list)
    _came: asyncio.Event = field(default_factory=asyncio.Event)
    _turns: "itertools.count[int]" = field(default_factory=itertools.count)

    async def deliver(self, body: bytes) -> None:
        """Send a message; it is lost, as on a real line, if nobody connects for long."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                while (peer := self._peer_for_message()) is None:
                    self._came.clear()
                    await self._came.wait()
        except TimeoutError:
            _log.warning("no participant is connected")
            return
        peer.send(body)

    def ask(self, frame: bytes) -> bool:
        """Send a request on the next connection that takes them; False if there is none."""
        able = [peer for peer in self.connected if peer.signed_on and peer.takes_orders and not peer.silent]
        if able:
            able[next(self._turns) % len(able)].writer.write(frame)
        return bool(able)

    def signed_on(self, peer: Peer) -> None:
        """From now on the connection receives messages that had no connection."""
        peer.signed_on = True
        self._came.set()

    async def close(self) -> None:
        """End the connections."""
        for peer in self.connected:
            peer.writer.transport.abort()

    def _peer_for_message(self) -> Peer | None:
        """The requesting connection, signed on or not; otherwise the oldest that is signed on."""
        requesting_peer = _requesting_peer.get()
        able = [peer for peer in self.connected if not peer.silent]
        if requesting_peer in able:
            return requesting_peer
        return next((peer for peer in able if peer.signed_on), None)


@runtime_checkable
class TcpSimulator(Protocol):
    """A country's simulated rail that uses frames."""

    processor: OrderProcessor
    peers: Peers

    async def answer(self, message: bytes, peer: Peer) -> RailResponse | None:
        """Respond to a message; None: never. The body is a message without its length."""

    def sign_off(self) -> None:
        """Notify every participant that the rail stops; they connect and sign on again when they can."""

    async def handle(self, request: RailRequest) -> RailResponse | None:
        """There is nothing at HTTP except the control paths."""


class ControlServer(SimulatorServer):
    """The control paths of a rail that does not use HTTP itself, with the additional `POST /sign-off`."""

    __slots__ = ()

    async def _rail(self, request: RailRequest) -> RailResponse | None:
        return await self.simulator.handle(request)

    def _controls(self) -> dict[str, Callable[[bytes], RailResponse]]:
        return {**super()._controls(), "POST /sign-off": lambda _: self._sign_off()}

    def _sign_off(self) -> RailResponse:
        assert isinstance(self.simulator, TcpSimulator), "it was made for a TcpSimulator"
        self.simulator.sign_off()
        return RailResponse(204)


@dataclass(slots=True)
class Listener:
    """Reads frames from every connection and answers each in a separate task."""

    simulator: TcpSimulator
    control: SimulatorServer
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection from its first byte to its last."""
        peers = self.simulator.peers
        peer = Peer(writer, peers.length)
        peers.connected.append(peer)
        framer = Framer(peers.length)
        try:
            while data := await reader.read(READ_BYTES):
                for message in framer.feed(data):
                    self._start(self._answer(message, peer))
        except (OSError, FramingError) as error:
            _log.warning("a connection ended: %s", type(error).__name__)
        finally:
            peers.connected.remove(peer)
            peer.gone.set()
            writer.transport.abort()

    async def _answer(self, message: bytes, peer: Peer) -> None:
        _requesting_peer.set(peer)
        self.control.seen[message[:4].decode("latin-1")] += 1
        response = await self.simulator.answer(message, peer)
        if response is None:
            return
        if response.status == _HTTP_502:
            await peer.cut(response.body)
        elif response.cut:
            whole = framed(response.body, peer.length)
            await peer.cut(whole[: len(whole) // 2])
        else:
            await self.simulator.peers.deliver(response.body)

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def run(
    simulator: TcpSimulator,
    control: SimulatorServer,
    *,
    port: int,
    certificate: Path,
    key: Path,
    data: Path,
    client_ca: Path | None = None,
) -> None:
    """Serve the rail and its control port until the process stops; `client_ca` as in `server.run`."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=client_ca)
    tls.load_cert_chain(certificate, key)
    tls.verify_mode = ssl.CERT_REQUIRED if client_ca else ssl.CERT_NONE
    async with _announced(data) as control_socket:
        listener = Listener(simulator, control)
        server = await asyncio.start_server(listener.serve, "127.0.0.1", port, ssl=tls, backlog=128)
        config = uvicorn.Config(
            control,
            ssl_certfile=certificate,
            ssl_keyfile=str(key),
            ws="none",
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        try:
            await uvicorn.Server(config).serve(sockets=[control_socket])
        finally:
            server.close()


@contextlib.asynccontextmanager
async def _announced(data: Path) -> AsyncIterator[socket.socket]:
    """A socket for the control port; its address is in a file as long as the socket exists."""
    file = data / CONTROL
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        file.write_text(f"https://127.0.0.1:{listener.getsockname()[1]}")
        try:
            yield listener
        finally:
            file.unlink(missing_ok=True)
