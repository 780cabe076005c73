"""uvicorn's HTTP protocol with limits on what a peer may send or hold before it proves who it is.

The parser itself has no limit: one endless header would fill the memory of the worker. Nor has the server a
limit on connections without a byte: a few thousand of one stranger would keep everybody out.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, Final

from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from switch.api import body as bodies
from switch.api import limits
from switch.base import metrics, networks

HEAD_BYTES_MAX: Final = 64 * 1024
HEAD_WITHIN_S: Final = 15.0
"""From the connection, and from the first byte of every further request, to the end of the headers."""
STRANGERS_MAX: Final = 2_500
"""Connections of one worker on which nobody has proved who it is; the rest of its capacity is for others."""
OF_ADDRESS_MAX: Final = 1_000
"""Of these, those of one client address."""
OF_CALLER_MAX: Final = 2_000
"""Connections of one participant, person or rail to one worker."""
_TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
)

Refuses = Callable[[bytes, bytes, limits.Headers, str | None], Response | None]
"""Method, target, headers and proved caller of a request -> its refusal."""

_LOCAL: Final = "local"
"""Stands for the addresses behind a local socket."""

Crowd = dict["GuardedProtocol", None]
"""Connections in the order in which they were opened."""


class Connections:
    """The open connections of one worker, by who is known to be behind them.

    Where strangers hold too many, their oldest one is closed: nothing was done on it, because a request is
    executed only after its sender is proved. A caller with too many loses its oldest idle one.
    """

    def __init__(self, trusted: Iterable[networks.Network] = ()) -> None:
        self._trusted = tuple(trusted)
        """Proxies: their connections are many clients'."""
        self._strangers: Crowd = {}
        self._of_address: dict[str, Crowd] = defaultdict(dict)
        self._of_caller: dict[str, Crowd] = defaultdict(dict)

    def opened(self, one: "GuardedProtocol") -> None:
        """Count a new connection; close the oldest if there are too many.

        On a local socket, API workers pass on what is for people: of many addresses, but of strangers, too.
        """
        if one.client is not None and self._is_proxy(one.client[0]):
            return
        one.address = _LOCAL if one.client is None else limits.address_of({"client": one.client})
        crowd = self._of_address[one.address]
        crowd[one] = self._strangers[one] = None
        if len(crowd) > OF_ADDRESS_MAX and one.address != _LOCAL:
            self._drop(next(iter(crowd)), "address")
        elif len(self._strangers) > STRANGERS_MAX:
            self._drop(next(iter(self._strangers)), "strangers")

    def proved(self, one: "GuardedProtocol", caller: str) -> None:
        """Count a connection for the caller that sent an authentic request on it."""
        if one.caller == caller or one.address is None:
            return
        self.closed(one)
        one.caller = caller
        crowd = self._of_caller[caller]
        crowd[one] = None
        if len(crowd) > OF_CALLER_MAX:
            idle = next((other for other in crowd if other.idle), None)
            if idle is not None:
                self._drop(idle, "caller")

    def closed(self, one: "GuardedProtocol") -> None:
        """Count it no longer."""
        self._strangers.pop(one, None)
        for crowds, name in ((self._of_address, one.address), (self._of_caller, one.caller)):
            if name is not None and name in crowds:
                crowds[name].pop(one, None)
                if not crowds[name]:
                    del crowds[name]

    def _drop(self, one: "GuardedProtocol", cause: str) -> None:
        metrics.CONNECTIONS_DROPPED.labels(cause).inc()
        self.closed(one)
        one.hang_up()

    def _is_proxy(self, address: str) -> bool:
        return bool(self._trusted) and networks.is_within(networks.read(address), self._trusted)


class GuardedProtocol(HttpToolsProtocol):
    """Disconnects a peer whose headers are too large or too slow, or that holds too many connections."""

    def __init__(
        self, *arguments: Any, crowd: Connections, refuses: Refuses = lambda *_: None, **named: Any
    ) -> None:
        """`refuses` judges a request by its headers: what it returns is answered, and the body is skipped."""
        super().__init__(*arguments, **named)
        self._crowd = crowd
        self._refuses = refuses
        self._refusal: Response | None = None
        """The answer to the request that is arriving; None: the application answers."""
        self.address: str | None = None
        """The client's address, as limits count it; None: not counted."""
        self.caller: str | None = None
        """Who sent an authentic request on this connection."""
        self._head_bytes = 0
        self._in_body = False
        self._begins = False
        """The request began with the bytes that just arrived, so nothing of it was read yet."""
        self._clock: asyncio.TimerHandle | None = None

    @property
    def idle(self) -> bool:
        """Whether no request is in progress."""
        return self.cycle is None or self.cycle.response_complete

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the timer with the connection: it may never send a byte."""
        super().connection_made(transport)  # type: ignore[arg-type]
        self._clock = self.loop.call_later(HEAD_WITHIN_S, self.hang_up)
        self._crowd.opened(self)

    def data_received(self, data: bytes) -> None:
        """Count the bytes of headers; bodies have their own limits."""
        self._begins = False
        if not self._in_body:
            self._head_bytes += len(data)
            if self._clock is None:
                self._clock = self.loop.call_later(HEAD_WITHIN_S, self.hang_up)
            # The last chunk of headers may already contain body, so one more read is allowed.
            if self._head_bytes - len(data) > HEAD_BYTES_MAX:
                self.transport.write(_TOO_LARGE)
                self.hang_up()
                return
        super().data_received(data)

    def on_headers_complete(self) -> None:
        """The headers are complete."""
        self._in_body = self._begins = True
        if self._may_refuse():
            self._refusal = self._refuses(self.parser.get_method(), self.url, self.headers, self.caller)
            if self._refusal is not None:
                return  # the timer goes on until the body is complete
        self._stop_clock()
        self.scope[limits.PROVED] = self._proved  # type: ignore[typeddict-unknown-key]
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Pass a part of a body on, unless its request is refused."""
        if self._refusal is None:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is complete; the headers of the next one follow."""
        self._in_body = False
        self._head_bytes = 0
        if self._refusal is not None:
            self._stop_clock()
            self.transport.write(_written(self._refusal))
            self._refusal = None
            self.on_response_complete()
            return
        if self._begins and len(self.cycle.body) <= bodies.WHOLE_MAX:
            self.scope[bodies.WHOLE] = bytes(self.cycle.body)  # type: ignore[typeddict-unknown-key]
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """A stranger keeps a connection that it does not use only for a short time."""
        super().on_response_complete()
        if self.caller is None and self._clock is None and not self.transport.is_closing():
            self._clock = self.loop.call_later(HEAD_WITHIN_S, self.hang_up)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer."""
        self._stop_clock()
        self._crowd.closed(self)
        super().connection_lost(exc)

    def hang_up(self) -> None:
        """Close the connection."""
        self._stop_clock()
        if not self.transport.is_closing():
            self.transport.close()

    def _may_refuse(self) -> bool:
        """Whether an answer can be written now: no other is due, and the connection stays."""
        return self.idle and not self.expect_100_continue and self.parser.should_keep_alive()

    def _proved(self, caller: str) -> None:
        self._crowd.proved(self, caller)

    def _stop_clock(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None


def _written(answer: Response) -> bytes:
    lines = b"".join(b"%b: %b\r\n" % header for header in answer.raw_headers)
    return b"%b%b\r\n%b" % (STATUS_LINE[answer.status_code], lines, bytes(answer.body))
