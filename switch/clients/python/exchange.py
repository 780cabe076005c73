"""Requests and retries without input and output: the same steps serve the blocking and the async client.

A step is a request to send or a pause to make; what comes back is a response, or why there is none. Every try
sends the same bytes under a new signature, because a nonce is used once.
"""

import json
import random
import time
import uuid
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import httpx

from . import problems
from .problems import NoAnswer, RequestRefused
from .signing import Signer, sign

T = TypeVar("T")
JSON: Final = "application/json"
STREAM: Final = "text/event-stream"
TRIES: Final = 5
PAUSE_S: Final = 0.2
PAUSE_S_MAX: Final = 5.0
GRACE_S: Final = 10.0
"""Seconds that a response may take in addition to the requested wait."""
SILENCE_S: Final = 45.0
"""Seconds without a byte after which a stream is given up: the switch sends a heartbeat every 15 s."""
_PROBLEM: Final = "application/problem+json"
_SERVER_ERROR: Final = 500
_NOT_NOW: Final = frozenset({401, 403})
"""Refusals of the caller, not of the message: an earlier try may have been accepted."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request. One that may not be `repeated` is sent once: a second would be a second thing."""

    method: str
    url: httpx.URL
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    wait: float = 0
    repeated: bool = True

    @property
    def timeout_s(self) -> float:
        """Seconds until the response is given up."""
        return self.wait + GRACE_S


@dataclass(frozen=True, slots=True)
class Response:
    """One response."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    next: httpx.URL | None = None
    """The address of the next page of a list, if it is on the same switch."""

    @property
    def media_type(self) -> str:
        """The media type, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip()

    @property
    def document(self) -> Any:
        """The content, decoded."""
        return json.loads(self.content) if self.content else None

    @classmethod
    def of(cls, response: httpx.Response) -> "Response":
        """Take over a response that was read."""
        more = response.links.get("next", {}).get("url")
        url = response.url.join(more) if more else None
        same = url is not None and (url.scheme, url.netloc) == (response.url.scheme, response.url.netloc)
        return cls(response.status_code, response.headers, response.content, url if same else None)


@dataclass(frozen=True, slots=True)
class NoResponse:
    """There was no response, and why."""

    text: str

    @classmethod
    def of(cls, error: httpx.TransportError, url: httpx.URL) -> "NoResponse":
        """Describe a network failure for people."""
        origin = f"{url.scheme}://{url.netloc.decode()}"
        match error:
            case httpx.ConnectError():
                return cls(f"{origin} refuses connections")
            case httpx.TimeoutException():
                return cls(f"{origin} did not respond in time")
            case _:
                return cls(f"the connection to {origin} was lost")


Steps = Generator[Request | float, Response | NoResponse | None, T]
"""Requests to send and seconds to pause; the result at the end."""


class Exchange:
    """Where the switch is, how to prove who asks, and how often to try."""

    def __init__(self, base_url: str, key: Signer | None, bearer: str | None, tries: int) -> None:
        if (key is None) == (bearer is None):
            raise ValueError("give either a signing key or a bearer key")
        self.base = httpx.URL(base_url.rstrip("/") + "/")
        self._key = key
        self._bearer = bearer
        self.tries = tries

    def url(self, resource: str, query: Mapping[str, str] | None = None) -> httpx.URL:
        """The address of a resource under `/v1`."""
        url = self.base.join(f"v1/{resource}")
        return url.copy_with(params=dict(query)) if query else url

    def proved(self, request: Request) -> dict[str, str]:
        """The headers of one try, with those that prove who asks."""
        headers = dict(request.headers)
        if self._key is None:
            return {**headers, "Authorization": f"Bearer {self._bearer}"}
        return headers | sign(
            self._key,
            method=request.method,
            authority=request.url.netloc.decode().lower(),
            target=request.url.raw_path.decode(),
            headers=headers,
            body=request.body,
            now=int(time.time()),
            nonce=uuid.uuid4().hex,
        )

    def ask(self, request: Request) -> Steps[Response]:
        """Send a request, and repeat it unchanged until a response is conclusive.

        Raises:
            RequestRefused: the switch refused it.
            NoAnswer: no try had a conclusive response.

        """
        tries = self.tries if request.repeated else 1
        failure, last, pause = "", None, 0.0
        for attempt in range(tries):
            if attempt:
                yield jittered(pause)
            pause = pause_s(attempt)
            answer = yield request
            assert answer is not None
            if isinstance(answer, NoResponse):
                failure, last = answer.text, None
                continue
            refusal = refusal_in(answer)
            if refusal is None:
                return answer
            if not (may_pass(refusal) or (failure and refusal.status in _NOT_NOW)):
                raise refusal
            failure, last = f"http {refusal.status} {refusal.name}".rstrip(), refusal
            pause = _retry_after(answer) or pause
        times = "1 try" if tries == 1 else f"{tries} tries"
        raise NoAnswer(f"no response in {times}: {failure}", last)


def pause_s(failures: int) -> float:
    """Seconds to wait after so many failures in a row."""
    return min(PAUSE_S * float(2**failures), PAUSE_S_MAX)


def jittered(pause: float) -> float:
    """A pause of its own for each client, so that they do not all come back at the same instant."""
    return pause * random.uniform(0.5, 1)  # noqa: S311 - nothing secret


def refusal_in(answer: Response, media_type: str = JSON) -> RequestRefused | None:
    """The problem that a response states; None if it is a response of `media_type`."""
    if answer.media_type == _PROBLEM:
        return problems.of(answer.status, answer.document)
    if answer.media_type == media_type or (not answer.content and httpx.codes.is_success(answer.status)):
        return None
    return RequestRefused(answer.status, "NARR", "not a response of the switch")


def may_pass(refusal: RequestRefused) -> bool:
    """Whether the same request may succeed later."""
    return (
        refusal.retryable
        or refusal.status >= _SERVER_ERROR
        or refusal.status == httpx.codes.TOO_MANY_REQUESTS
    )


def _retry_after(answer: Response) -> float:
    text = answer.headers.get("retry-after", "")
    return min(float(text), PAUSE_S_MAX) if text.isdecimal() else 0.0
