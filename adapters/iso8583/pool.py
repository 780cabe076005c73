"""A few signed-on connections to one rail, over which all requests are multiplexed.

A response is matched to its request by trace number and times (`messages.Key`), not by connection: a rail
that lost one connection responds on another. So a lost connection does not fail a request; only its time-out
does. Messages that no request waits for (a late response, a second one, the final outcome of a pending order)
are passed to the handler `overheard` and never dropped.

Failures prove the same as in `adapters.http`: without a signed-on connection nothing was sent; after the
first byte only a response gives the outcome. The number of connections is maintained, with an increasing
pause after failures; an order is never sent again automatically. At most `PLACES` requests are in progress,
so a slow rail affects only itself.

With `serve`, requests of the rail are taken on every connection, which the sign-on says, and answered there.
"""

import asyncio
import itertools
import logging
import ssl
import time
from collections import deque
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Final

from adapters import tls
from adapters.framing import framed
from adapters.http import HttpFailure
from adapters.iso8583 import messages
from adapters.iso8583.codec import Fields, MacKey, pack, unseal
from adapters.iso8583.codes import APPROVED
from adapters.iso8583.dialect import Iso8583Dialect
from adapters.iso8583.link import RailLink
from adapters.iso8583.messages import Key
from adapters.originating import RequestHandler
from adapters.port import MessageHandler, RailConnection
from schemas.errors import InvalidMessage, NotAuthentic

LINKS: Final = 3
PLACES: Final = 256
ANSWERED_MAX: Final = 128
"""Requests of the rail that are answered at once; those above it get no answer, and are repeated."""
ECHO_S: Final = 30.0
"""After this time without a message on a connection, an echo is sent on it."""
_PAUSES_S: Final = (0.0, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Pauses between attempts to connect, increasing with consecutive failures."""

_GOODBYE_S: Final = 1.0

_log = logging.getLogger(__name__)


class Unreachable(Exception):
    """No signed-on connection; the text states the cause: `connect`, `tls`, `timeout`, `sign-on 58`."""

    def __init__(self, detail: str, not_before: datetime | None = None) -> None:
        self.detail = detail
        self.not_before = not_before
        super().__init__(detail)


class Pool:
    """The connections to one rail, made on first use because they belong to the running event loop."""

    def __init__(
        self, connection: RailConnection, dialect: Iso8583Dialect, ours: MacKey, rails: MacKey
    ) -> None:
        self._connection = connection
        self._dialect = dialect
        timing = dialect.profile.timing
        self._connect_s = (connection.connect_s or timing.connect_s) * connection.connect_scale
        self._submit_s = (connection.submit_s or timing.submit_s) * connection.time_scale
        self._ours = ours
        self._rails = rails
        self._stans = itertools.count(1)
        self._links: list[RailLink] = []
        self._waiting: dict[Key, deque[asyncio.Future[Fields]]] = {}
        self._places = asyncio.Semaphore(PLACES)
        self._connecting = asyncio.Lock()
        self._changed = asyncio.Event()
        self._tls: ssl.SSLContext | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._failures = 0
        self._at = 0
        """The endpoint in use. It changes only when no connection can be made to it."""
        self._not_before = 0.0
        self._last = Unreachable("connect")
        self.overheard: MessageHandler | None = None
        """Receives the messages that no request waits for."""
        self._asked: RequestHandler | None = None
        self._answering = 0

    def serve(self, asked: RequestHandler) -> None:
        """See `ServingAdapter.serve`."""
        self._asked = asked
        self._start_keeper()

    def next_stan(self) -> int:
        """A trace number for messages that are not orders; orders have numbers from the switch."""
        return next(self._stans) % messages.STANS

    def pack(self, fields: Fields) -> bytes:
        """A message of ours with MAC and frame."""
        return pack(fields, self._dialect, self._ours)

    async def exchange(self, frame: bytes, key: Key) -> Fields | HttpFailure:
        """Send one request and wait for its response."""
        try:
            async with asyncio.timeout(self._connect_s):
                await self._places.acquire()
        except TimeoutError:
            return HttpFailure(sent=False, detail="busy")
        try:
            link = await self._link()
            return await self._ask(link, frame, key, self._submit_s)
        except Unreachable as error:
            return HttpFailure(sent=False, detail=error.detail, not_before=error.not_before)
        finally:
            self._places.release()

    async def close(self) -> None:
        """Sign off and close; a later exchange connects again."""
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=_GOODBYE_S)
        keeper, self._keeper = self._keeper, None
        ending = [*self._tasks, *([keeper] if keeper else [])]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        links, self._links = self._links, []
        await asyncio.gather(*[self._sign_off(link) for link in links])
        self._failures, self._not_before = 0, 0.0

    async def _ask(self, link: RailLink, frame: bytes, key: Key, timeout_s: float) -> Fields | HttpFailure:
        """Send on one connection; the response may arrive on any."""
        answer: asyncio.Future[Fields] = asyncio.get_running_loop().create_future()
        queue = self._waiting.setdefault(key, deque())
        queue.append(answer)
        try:
            async with asyncio.timeout(timeout_s):
                try:
                    await link.send(frame)
                except OSError:
                    # The rail may have received it: only a response, on any connection, or the time-out
                    # decides.
                    link.drop()
                return await answer
        except TimeoutError:
            # Both may happen in the same iteration of the event loop: then the response was in time.
            if answer.done() and not answer.cancelled():
                return answer.result()
            return HttpFailure(sent=True, detail="timeout")
        finally:
            if answer in queue:
                queue.remove(answer)
            if not queue:
                self._waiting.pop(key, None)

    async def _link(self) -> RailLink:
        """A signed-on connection, the one that was idle for longest.

        Raises:
            Unreachable: there is none.

        """
        if not self._links:
            await self._connect(wanted=1)
        self._start_keeper()
        if not self._links:
            raise Unreachable("connect")
        link = self._links.pop(0)
        self._links.append(link)
        return link

    def _start_keeper(self) -> None:
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep())

    async def _connect(self, *, wanted: int) -> None:
        """Make one connection if there are fewer than `wanted`.

        Raises:
            Unreachable: it failed now, or so recently that another attempt would do harm.

        """
        async with self._connecting:
            if len(self._links) >= wanted:
                return
            if time.monotonic() < self._not_before:
                raise self._last
            try:
                link = await self._signed_on()
            except Unreachable as error:
                pause = _PAUSES_S[min(self._failures, len(_PAUSES_S) - 1)]
                self._failures, self._not_before = self._failures + 1, time.monotonic() + pause
                self._last = error
                raise
            self._failures = 0
            self._links.append(link)

    async def _signed_on(self) -> RailLink:
        """Make a connection to the endpoint in use; if that fails, to the next ones in turn."""
        urls = self._connection.urls
        for at in [(self._at + turn) % len(urls) for turn in range(len(urls))]:
            try:
                return await self._signed_on_at(urls[at])
            except Unreachable as error:
                failure = error
                self._at = (at + 1) % len(urls)
        raise failure

    async def _signed_on_at(self, url: str) -> RailLink:
        try:
            async with asyncio.timeout(self._connect_s):
                link = await RailLink.connect(self._connection, url, self._trusted(), self._dialect.length)
        except ssl.SSLError:
            raise Unreachable("tls") from None
        except TimeoutError:
            raise Unreachable("timeout") from None
        except OSError:
            raise Unreachable("connect") from None
        link.start(self._dispatch, self._lost)
        try:
            answer = await self._manage(link, messages.SIGN_ON, self._connect_s)
        except asyncio.CancelledError:
            link.drop()
            raise
        if isinstance(answer, HttpFailure) or answer.get("39") != APPROVED or not link.open:
            await link.close()
            if isinstance(answer, HttpFailure):
                raise Unreachable(f"sign-on {answer.detail}")
            raise Unreachable(f"sign-on {answer.get('39', '')}", _not_before(answer))
        return link

    def _trusted(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = tls.context(self._connection)
        return self._tls

    async def _manage(self, link: RailLink, code: str, timeout_s: float) -> Fields | HttpFailure:
        """A network management exchange on this connection."""
        fields = messages.network_fields(
            code,
            self.next_stan(),
            datetime.now(UTC),
            takes_orders=code == messages.SIGN_ON and self._asked is not None,
        )
        return await self._ask(link, self.pack(fields), messages.awaited(fields), timeout_s)

    async def _sign_off(self, link: RailLink) -> None:
        """Sign off without waiting for a response, and close."""
        fields = messages.network_fields(messages.SIGN_OFF, self.next_stan(), datetime.now(UTC))
        try:
            async with asyncio.timeout(self._connect_s):
                await link.send(self.pack(fields))
        except OSError as error:
            _log.info("sign-off failed: %s", type(error).__name__)
        await link.close()

    async def _keep(self) -> None:
        """Maintain the number of connections and check that silent ones are alive."""
        while True:
            self._changed.clear()
            try:
                await self._connect(wanted=LINKS)
                wait_s = 0.0 if len(self._links) < LINKS else ECHO_S * self._connection.time_scale / 2
            except Unreachable:
                wait_s = max(self._not_before - time.monotonic(), 0.0)
            await asyncio.gather(*[self._test(link) for link in list(self._links)])
            await self._wait(wait_s)

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return

    async def _test(self, link: RailLink) -> None:
        """Send an echo on a connection that was silent for long; without a response it is dead."""
        if time.monotonic() - link.heard_at < ECHO_S * self._connection.time_scale:
            return
        if isinstance(await self._manage(link, messages.ECHO, self._submit_s), HttpFailure):
            link.drop()

    def _dispatch(self, link: RailLink, message: bytes) -> None:
        """Pass a message to the request that waits for it."""
        try:
            fields = unseal(message, self._dialect, self._rails)
        except (InvalidMessage, NotAuthentic) as error:
            _log.warning("message of the rail cannot be read: %s", type(error).__name__)
            return
        if fields["t"] == messages.NETWORK:
            self._start(self._manage_request(link, fields))
            return
        if self._asked is not None and messages.is_request(fields):
            self._start(self._answer(link, self._asked, framed(message, self._dialect.length)))
            return
        for answer in self._waiting.get(messages.key_of(fields), ()):
            if not answer.done():
                answer.set_result(fields)
                return
        if self.overheard is not None:
            self._start(self.overheard(framed(message, self._dialect.length)))

    async def _answer(self, link: RailLink, asked: RequestHandler, frame: bytes) -> None:
        """Answer a request of the rail on the connection on which it came."""
        if self._answering >= ANSWERED_MAX:
            _log.warning("request of the rail is not answered: too many at once")
            return
        self._answering += 1
        try:
            reply = await asked(frame)
        finally:
            self._answering -= 1
        if reply is not None:
            await link.send(reply.body)

    async def _manage_request(self, link: RailLink, fields: Fields) -> None:
        """Respond to the rail's network management; after its sign-off the connection is not used again."""
        await link.send(self.pack(messages.answer_fields(fields, APPROVED)))
        if fields.get("70") == messages.SIGN_OFF:
            link.drop()

    def _lost(self, link: RailLink) -> None:
        if link in self._links:
            self._links.remove(link)
        self._changed.set()

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.warning("rail message could not be processed: %s", type(error).__name__)


def _not_before(fields: Fields) -> datetime | None:
    try:
        return messages.read_not_before(fields)
    except InvalidMessage:
        return None
