"""The two clients: `Client` blocks, `AsyncClient` is for asyncio. Both have the same methods."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from . import resources
from .answers import AnswerKeys
from .events import Event
from .exchange import JSON, TRIES, NoResponse, Request, Response, Steps, T
from .messages import Message, PaymentState
from .resources import Resources
from .signing import Signer
from .stream import TIMEOUT, EventStream


class Client:
    """A participant's connection to the switch, with a signing key or, in a sandbox, a bearer key.

    With `answer_keys`, the public keys of the switch (PEM) by key id, every answer must be signed by one of
    them; any other is no answer. A stream of events has no signature.
    `http` is an `httpx.Client` of your own, for a proxy, your CA or a client certificate.
    """

    def __init__(
        self,
        base_url: str,
        *,
        key: Signer | None = None,
        bearer: str | None = None,
        tries: int = TRIES,
        answer_keys: AnswerKeys = None,
        http: httpx.Client | None = None,
    ) -> None:
        self._resources = Resources(base_url, key, bearer, tries, answer_keys)
        # Without TLS there is nothing to verify, and no time is spent on reading certificates.
        self._http = http or httpx.Client(trust_env=False, verify=base_url.startswith("https"))

    @classmethod
    def of_sandbox(cls, credentials: Path | str, participant: str) -> Self:
        """Make the client of a sandbox participant, from `DIR/sandbox/credentials.json`.

        Raises:
            KeyError: there is no such participant.

        """
        url, key = resources.of_sandbox(credentials, participant)
        return cls(url, key=key)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def pay(self, document: Message | bytes, *, media_type: str = JSON, wait: float = 0) -> PaymentState:
        """Send one pacs.008: a dict (see `credit_transfer`) as JSON, or bytes of `media_type` unchanged.

        The call waits up to `wait` seconds for the payment to become final. Sending the same message again is
        always safe and gets the present status of the payment. A rejection is a state, not an error.

        Raises:
            RequestRefused: the message was not accepted and no money moves, or its UETR has other content.
            NoAnswer: it is unknown whether it was accepted.

        """
        return self._run(self._resources.pay(document, media_type, wait))

    def send(self, document: Message) -> Message:
        """Send any other message (see `messages`); get the message that answers it.

        Raises:
            RequestRefused: the message was not accepted.
            NoAnswer: it is unknown whether it was accepted: send the same document again.

        """
        return self._run(self._resources.send(document))

    def payment(self, uetr: str, *, wait: float = 0) -> PaymentState:
        """Get a payment with its history; wait up to `wait` seconds for it to become final.

        Raises:
            RequestRefused: this participant has no such payment (404).
            NoAnswer: the switch could not be reached.

        """
        return self._run(self._resources.payment(uetr, wait))

    def wait(self, uetr: str, *, within_s: float) -> PaymentState:
        """Wait until a payment is final, or `within_s` is over; raises as `payment` does."""
        return self._run(self._resources.wait(uetr, within_s))

    def positions(self) -> Any:
        """Get the positions of this participant, by currency."""
        return self.read("positions")

    def read(self, resource: str, **query: str) -> Any:
        """Get any other resource under `/v1`, decoded: `read("windows")`, `read("messages", after="0")`.

        Raises:
            RequestRefused: the switch refused.
            NoAnswer: it could not be reached.

        """
        return self._run(self._resources.read(resource, query))

    def entries(self, resource: str, **query: str) -> Iterator[Any]:
        """Read every entry of a list under `/v1`, page after page; raises as `read` does."""
        request: Request | None = self._resources.first_page(resource, query)
        while request is not None:
            answer = self._run(self._resources.ask(request))
            yield from resources.entries_of(answer.document)
            request = resources.next_page(answer)

    def hand_in(self, content: bytes, *, whole: bool = False) -> Any:
        """Hand in a pain.001 in XML, each line of which the switch pays; get what it says.

        Repeating it is safe: the same file is the same file. `bulk.send` sends each line from here instead.

        Raises:
            RequestRefused: it was not kept.
            NoAnswer: it is unknown whether it was kept: hand it in again.

        """
        return self._run(self._resources.hand_in(content, "true" if whole else ""))

    def file_report(self, file: str) -> bytes:
        """Get the pain.002 of a file that was handed in, as it is now; raises as `read` does."""
        return self._run(self._resources.file_report(file))

    def change(self, method: str, resource: str, content: dict[str, Any] | None = None) -> Any:
        """Change a resource that is not a message: `change("POST", "webhooks", {"url": ...})`.

        Raises:
            RequestRefused: the switch refused.
            NoAnswer: it is unknown whether it was done. A POST is sent only once: look before you repeat it.

        """
        return self._run(self._resources.change(method, resource, content))

    def events(self, *, after: int = 0) -> Iterator[Event]:
        """Yield events after a cursor as they happen, for ever: a broken stream is resumed without a gap.

        Keep the id of the last event that you worked off, and begin after it the next time.

        Raises:
            CursorAhead: the log does not have this cursor, after a restore.
            RequestRefused: the switch refuses the stream.
            NoAnswer: it could not be reached again.

        """
        stream = EventStream(self._resources, after)
        while True:
            request = stream.request()
            try:
                with self._http.stream(
                    "GET", request.url, headers=self._resources.proved(request), timeout=TIMEOUT
                ) as response:
                    if response.is_error:
                        response.read()
                    stream.opened(_head(response))
                    for line in response.iter_lines() if response.is_success else ():
                        if (event := stream.read(line)) is not None:
                            yield event
            except httpx.RequestError as error:
                stream.lost(error)
            time.sleep(stream.pause)

    def _run(self, steps: Steps[T]) -> T:
        outcome: Response | NoResponse | None = None
        try:
            while True:
                step = steps.send(outcome)
                outcome = self._do(step)
        except StopIteration as ended:
            result: T = ended.value
            return result

    def _do(self, step: Request | float) -> Response | NoResponse | None:
        if not isinstance(step, Request):
            time.sleep(step)
            return None
        try:
            return self._resources.received(self._http.send(_built(self._http, self._resources, step)))
        except httpx.RequestError as error:
            return NoResponse.of(error, step.url)


class AsyncClient:
    """As `Client`, for asyncio. `http` is an `httpx.AsyncClient` of your own."""

    def __init__(
        self,
        base_url: str,
        *,
        key: Signer | None = None,
        bearer: str | None = None,
        tries: int = TRIES,
        answer_keys: AnswerKeys = None,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        self._resources = Resources(base_url, key, bearer, tries, answer_keys)
        self._http = http or httpx.AsyncClient(trust_env=False, verify=base_url.startswith("https"))

    @classmethod
    def of_sandbox(cls, credentials: Path | str, participant: str) -> Self:
        """Make the client of a sandbox participant; raises as `Client.of_sandbox` does."""
        url, key = resources.of_sandbox(credentials, participant)
        return cls(url, key=key)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def pay(
        self, document: Message | bytes, *, media_type: str = JSON, wait: float = 0
    ) -> PaymentState:
        """Send one pacs.008; see `Client.pay`."""
        return await self._run(self._resources.pay(document, media_type, wait))

    async def send(self, document: Message) -> Message:
        """Send any other message; see `Client.send`."""
        return await self._run(self._resources.send(document))

    async def payment(self, uetr: str, *, wait: float = 0) -> PaymentState:
        """Get a payment with its history; see `Client.payment`."""
        return await self._run(self._resources.payment(uetr, wait))

    async def wait(self, uetr: str, *, within_s: float) -> PaymentState:
        """Wait until a payment is final; see `Client.wait`."""
        return await self._run(self._resources.wait(uetr, within_s))

    async def positions(self) -> Any:
        """Get the positions of this participant, by currency."""
        return await self.read("positions")

    async def read(self, resource: str, **query: str) -> Any:
        """Get any other resource under `/v1`; see `Client.read`."""
        return await self._run(self._resources.read(resource, query))

    async def entries(self, resource: str, **query: str) -> AsyncIterator[Any]:
        """Read every entry of a list; see `Client.entries`."""
        request: Request | None = self._resources.first_page(resource, query)
        while request is not None:
            answer = await self._run(self._resources.ask(request))
            for entry in resources.entries_of(answer.document):
                yield entry
            request = resources.next_page(answer)

    async def hand_in(self, content: bytes, *, whole: bool = False) -> Any:
        """Hand in a pain.001 in XML; see `Client.hand_in`."""
        return await self._run(self._resources.hand_in(content, "true" if whole else ""))

    async def file_report(self, file: str) -> bytes:
        """Get the pain.002 of a file that was handed in; see `Client.file_report`."""
        return await self._run(self._resources.file_report(file))

    async def change(self, method: str, resource: str, content: dict[str, Any] | None = None) -> Any:
        """Change a resource that is not a message; see `Client.change`."""
        return await self._run(self._resources.change(method, resource, content))

    async def events(self, *, after: int = 0) -> AsyncIterator[Event]:
        """Yield events as they happen; see `Client.events`."""
        stream = EventStream(self._resources, after)
        while True:
            request = stream.request()
            try:
                async with self._http.stream(
                    "GET", request.url, headers=self._resources.proved(request), timeout=TIMEOUT
                ) as response:
                    if response.is_error:
                        await response.aread()
                    stream.opened(_head(response))
                    if response.is_success:
                        async for line in response.aiter_lines():
                            if (event := stream.read(line)) is not None:
                                yield event
            except httpx.RequestError as error:
                stream.lost(error)
            await asyncio.sleep(stream.pause)

    async def _run(self, steps: Steps[T]) -> T:
        outcome: Response | NoResponse | None = None
        try:
            while True:
                step = steps.send(outcome)
                outcome = await self._do(step)
        except StopIteration as ended:
            result: T = ended.value
            return result

    async def _do(self, step: Request | float) -> Response | NoResponse | None:
        if not isinstance(step, Request):
            await asyncio.sleep(step)
            return None
        try:
            return self._resources.received(await self._http.send(_built(self._http, self._resources, step)))
        except httpx.RequestError as error:
            return NoResponse.of(error, step.url)


def _built(http: httpx.Client | httpx.AsyncClient, exchange: Resources, request: Request) -> httpx.Request:
    return http.build_request(
        request.method,
        request.url,
        headers=exchange.proved(request),
        content=request.body or None,
        timeout=request.timeout_s,
    )


def _head(response: httpx.Response) -> Response:
    content = response.content if response.is_error else b""
    return Response(response.status_code, response.headers, content)
