"""A stream of events that goes on after a break: where to resume, and when to give up."""

from typing import Final

import httpx

from .events import Event, Lines
from .exchange import (
    SILENCE_S,
    STREAM,
    Exchange,
    NoResponse,
    Request,
    Response,
    jittered,
    may_pass,
    pause_s,
    refusal_in,
    stated_s,
)
from .problems import NoAnswer, RequestRefused

TIMEOUT: Final = httpx.Timeout(SILENCE_S)


class EventStream:
    """The state of one reader of events: what it saw last, and how often in a row it could not connect."""

    def __init__(self, exchange: Exchange, after: int) -> None:
        self._exchange = exchange
        self._after = after
        self._failures = 0
        self._stated_s = 0.0
        self._lines = Lines()

    def request(self) -> Request:
        """The request of one connection, which resumes after the last event."""
        self._lines = Lines()
        headers = {"Accept": STREAM, "Last-Event-ID": str(self._after)}
        return Request("GET", self._exchange.url("events"), headers)

    def opened(self, response: Response) -> None:
        """Take the head of a response; the content only of a refusal.

        Raises:
            RequestRefused: the switch refuses the stream.
            NoAnswer: it cannot open one, again and again.

        """
        refusal = refusal_in(response, STREAM)
        if refusal is None:
            self._failures = 0
        elif may_pass(refusal):
            self._failed(f"http {refusal.status} {refusal.name}".rstrip(), refusal)
            self._stated_s = stated_s(response)
        else:
            raise refusal

    def lost(self, error: httpx.RequestError) -> None:
        """Take note that the connection failed.

        Raises:
            NoAnswer: there was no connection, again and again.

        """
        self._failed(NoResponse.of(error, self._exchange.base).text, None)

    def read(self, line: str) -> Event | None:
        """Take one line; get the event that it completes."""
        event = self._lines.read(line)
        if event is not None:
            self._after = event.id
        return event

    @property
    def pause(self) -> float:
        """Seconds to wait before the next connection."""
        return self._stated_s + jittered(pause_s(self._failures))

    def _failed(self, text: str, last: RequestRefused | None) -> None:
        self._failures += 1
        self._stated_s = 0.0
        if self._failures >= self._exchange.tries:
            raise NoAnswer(f"no stream in {self._failures} tries: {text}", last)
