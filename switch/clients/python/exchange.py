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
from .answers import ASKED, AnswerKeys, verify_answer
from .problems import NoAnswer, RequestRefused
from .signing import Signer, sign
from .webhooks import NotVerified

T = TypeVar("T")
JSON: Final = "application/json"
XML: Final = "application/xml"
STREAM: Final = "text/event-stream"
TRIES: Final = 5
PAUSE_S: Final = 0.2
PAUSE_S_MAX: Final = 5.0
STATED_S_MAX: Final = 10.0
"""The longest pause that a response can ask for within a call; more is for the caller to decide."""
GRACE_S: Final = 10.0
"""Seconds that a response may take in addition to the requested wait."""
SILENCE_S: Final = 45.0
"""Seconds without a byte after which a stream is given up: the switch sends a heartbeat every 15 s."""
_PROBLEM: Final = "application/problem+json"
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
    message: bool = False
    """Whether only an ISO 20022 message answers it: without one, its outcome is unknown."""

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
    def of(cls, error: httpx.RequestError, url: httpx.URL) -> "NoResponse":
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

    def __init__(
        self, base_url: str, key: Signer | None, bearer: str | None, tries: int, answers: AnswerKeys = None
    ) -> None:
        if (key is None) == (bearer is None):
            raise ValueError("give either a signing key or a bearer key")
        self.base = httpx.URL(base_url.rstrip("/") + "/")
        self._key = key
        self._bearer = bearer
        self.tries = tries
        self._answer_keys = answers

    def url(self, resource: str, query: Mapping[str, str] | None = None) -> httpx.URL:
        """The address of a resource under `/v1`."""
        url = self.base.join(f"v1/{resource}")
        return url.copy_with(params=dict(query)) if query else url

    def proved(self, request: Request) -> dict[str, str]:
        """The headers of one try, with those that prove who asks."""
        headers = dict(request.headers)
        if self._answer_keys is not None and headers.get("Accept") != STREAM:
            headers["Accept-Signature"] = ASKED
        if self._key is None:
            return {**headers, "Authorization": f"Bearer {self._bearer}"}
        url, now, nonce = request.url, int(time.time()), uuid.uuid4().hex
        line = {
            "method": request.method,
            "authority": url.netloc.decode().lower(),
            "target": url.raw_path.decode(),
        }
        return headers | sign(self._key, headers=headers, body=request.body, now=now, nonce=nonce, **line)

    def received(self, response: httpx.Response) -> Response | NoResponse:
        """Take over a response. One that must be signed and is not tells nothing: the outcome is unknown."""
        if self._answer_keys is not None:
            try:
                verify_answer(self._answer_keys, response)
            except NotVerified as error:
                return NoResponse(str(error))
        return Response.of(response)

    def ask(self, request: Request) -> Steps[Response]:
        """Send a request, and repeat it unchanged until a response is conclusive.

        Raises:
            RequestRefused: the switch refused it.
            NoAnswer: no try had a conclusive response.

        """
        tries = self.tries if request.repeated else 1
        failure, last, stated = "", None, 0.0
        for attempt in range(tries):
            if attempt:
                yield stated + jittered(pause_s(attempt - 1))
            stated = 0.0
            answer = yield request
            assert answer is not None
            if isinstance(answer, NoResponse):
                failure, last = answer.text, None
                continue
            refusal = refusal_in(answer, XML if request.headers.get("Accept") == XML else JSON)
            if refusal is None and request.message and not _is_message(answer):
                refusal = _foreign(answer)
            if refusal is None:
                return answer
            if not (may_pass(refusal) or (failure and _decides_nothing(refusal))):
                raise refusal
            failure, last = f"http {refusal.status} {refusal.name or refusal.detail}".rstrip(), refusal
            stated = stated_s(answer)
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
    try:
        document = None if answer.media_type in {STREAM, XML} else answer.document
    except (ValueError, RecursionError):
        return _foreign(answer)
    if answer.media_type == _PROBLEM and isinstance(document, dict):
        return problems.of(answer.status, document)
    if answer.media_type == media_type or (not answer.content and httpx.codes.is_success(answer.status)):
        return None
    return _foreign(answer)


def _foreign(answer: Response) -> RequestRefused:
    return RequestRefused(answer.status, "NARR", "not a response of the switch")


def _is_message(answer: Response) -> bool:
    return isinstance(answer.document, dict) and isinstance(answer.document.get("Document"), dict)


def _decides_nothing(refusal: RequestRefused) -> bool:
    """Whether it says nothing of an earlier try: the caller was refused, or the switch did not answer."""
    return refusal.status in _NOT_NOW or not refusal.name


def may_pass(refusal: RequestRefused) -> bool:
    """Whether the same request may succeed later; a success without its answer is of a proxy, or broken."""
    may = httpx.codes.is_success(refusal.status) or httpx.codes.is_server_error(refusal.status)
    return refusal.retryable or may or refusal.status == httpx.codes.TOO_MANY_REQUESTS


def stated_s(answer: Response) -> float:
    """The seconds to wait that a response states: `Retry-After-Ms`, which is finer, or `Retry-After`."""
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        text = answer.headers.get(name, "")
        if text.isascii() and text.isdecimal():
            return min(float(text) * unit_s, STATED_S_MAX)
    return 0.0
