"""A client that sends any bytes, and notices what other clients smooth over: resets, silence, broken answers."""

import asyncio
import time
from dataclasses import dataclass, field

import httptools

WITHIN_S = 10.0
"""Longest silence that is no hang."""
LISTEN_S = 0.3
"""How long an endless answer is listened to."""


@dataclass(slots=True)
class Answer:
    """What came back; `status` is 0 and `broken` says why if nothing whole did."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    seconds: float = 0.0
    broken: str = ""
    whole: bool = False

    @property
    def kind(self) -> str:
        """The media type."""
        return self.headers.get("content-type", "").partition(";")[0].strip()


class Wire:
    """One connection after the other, each used as long as the switch keeps it."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def exchange(self, octets: bytes, *, head: bool, cut: bool, patience_s: float = 0.0) -> Answer:
        """Send, and get the answer. A kept connection that the switch has just closed is replaced once."""
        reused = self._streams is not None
        answer = await self._once(octets, head=head, cut=cut, patience_s=patience_s)
        if answer.status == 0 and answer.broken == "closed" and reused and not cut:
            answer = await self._once(octets, head=head, cut=cut, patience_s=patience_s)
        return answer

    async def _once(self, octets: bytes, *, head: bool, cut: bool, patience_s: float) -> Answer:
        answer, began = Answer(), time.monotonic()
        if cut:
            await self.close()
        try:
            async with asyncio.timeout(WITHIN_S + patience_s):
                reader, writer = await self._open()
                writer.write(octets)
                if cut:
                    writer.write_eof()
                await writer.drain()
                await _read(reader, answer, head=head)
        except TimeoutError:
            answer.broken = "silent"
        except ConnectionError as error:
            answer.broken = "closed" if answer.status == 0 else type(error).__name__
        except httptools.HttpParserError as error:
            answer.broken = f"no HTTP: {error}"
        answer.seconds = time.monotonic() - began
        if (
            answer.broken
            or cut
            or not answer.whole
            or answer.headers.get("connection", "").lower() == "close"
        ):
            await self.close()
        return answer

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port, limit=1 << 20)
        return self._streams

    async def close(self) -> None:
        """Give the connection up."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def _read(reader: asyncio.StreamReader, answer: Answer, *, head: bool) -> None:
    parser = _Parser(answer, head=head)
    while not answer.whole:
        stream = answer.kind == "text/event-stream"
        try:
            octets = await asyncio.wait_for(reader.read(1 << 16), LISTEN_S if stream else None)
        except TimeoutError:
            if stream:
                return
            raise
        if not octets:
            if answer.status == 0:
                raise ConnectionResetError
            if not stream:
                answer.broken = "ended early"
            return
        parser.feed(octets)


class _Parser:
    """Callbacks of httptools, gathered into an `Answer`."""

    def __init__(self, answer: Answer, *, head: bool) -> None:
        self._answer = answer
        self._head = head
        self._interim = False
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, octets: bytes) -> None:
        self._parser.feed_data(octets)

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._answer.whole:
            self._answer.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        if self._answer.whole:
            return
        status = self._parser.get_status_code()
        self._interim = status < 200  # 100 Continue: the answer follows
        if self._interim:
            self._answer.headers.clear()
            return
        self._answer.status = status
        if self._head:  # the length is that of the answer to a GET
            self._answer.whole = True

    def on_body(self, body: bytes) -> None:
        if not self._answer.whole:  # what follows answers the rest of a body whose length was wrong
            self._answer.body += body

    def on_message_complete(self) -> None:
        self._answer.whole = not self._interim
