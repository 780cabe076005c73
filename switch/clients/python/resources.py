"""What can be asked of the switch, as steps: each method of both clients is one of these."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from .exchange import JSON, XML, Exchange, Request, Response, Steps
from .messages import Message, PaymentState
from .signing import SigningKey

_ACCEPT: Final = {"Accept": JSON}
_UPLOAD_S: Final = 300.0
"""Seconds that a whole file may take."""
_LONGEST_WAIT_S: Final = 20.0
"""Seconds of one long poll."""


class Resources(Exchange):
    """The steps of each request."""

    def pay(self, document: Message | bytes, media_type: str, wait: float) -> Steps[PaymentState]:
        """Send a pacs.008, and read its pacs.002."""
        answer = yield from self.post_message("pacs.008", document, media_type, wait)
        return PaymentState.of_report(answer.document)

    def send(self, document: Message) -> Steps[Message]:
        """Send any other message, and read its answer."""
        answer = yield from self.post_message(document["$type"][:8], document, JSON, 0)
        found: Message = answer.document
        return found

    def post_message(
        self, message: str, document: Message | bytes, media_type: str, wait: float
    ) -> Steps[Response]:
        """Send one message: a dict as JSON, or bytes as they are."""
        body = document if isinstance(document, bytes) else json.dumps(document, ensure_ascii=False).encode()
        headers = {"Content-Type": media_type, **_ACCEPT}
        if wait:
            headers["Prefer"] = f"wait={wait:g}"
        url = self.url(f"iso20022/{message}")
        return (yield from self.ask(Request("POST", url, headers, body, wait, message=True)))

    def payment(self, uetr: str, wait: float) -> Steps[PaymentState]:
        """Read a payment."""
        url = self.url(f"payments/{uetr}", {"wait": f"{wait:g}"} if wait else None)
        answer = yield from self.ask(Request("GET", url, _ACCEPT, wait=wait))
        return PaymentState.of_resource(answer.document)

    def wait(self, uetr: str, within_s: float) -> Steps[PaymentState]:
        """Read a payment again and again until it is final, or the time is over."""
        ends = time.monotonic() + within_s
        while True:
            left = ends - time.monotonic()
            state = yield from self.payment(uetr, max(0, round(min(left, _LONGEST_WAIT_S), 1)))
            if state.final or time.monotonic() >= ends:
                return state

    def read(self, resource: str, query: Mapping[str, str]) -> Steps[Any]:
        """Read any resource."""
        return (yield from self.ask(self.first_page(resource, query))).document

    def first_page(self, resource: str, query: Mapping[str, str]) -> Request:
        """The request of the first page of a list."""
        return Request("GET", self.url(resource, query), _ACCEPT)

    def hand_in(self, content: bytes, whole: str) -> Steps[Any]:
        """Hand in a file of payments; the same file again is the same file."""
        headers = {"Content-Type": XML, **_ACCEPT}
        url = self.url("payment-files", {"whole": whole} if whole else None)
        return (yield from self.ask(Request("POST", url, headers, content, _UPLOAD_S))).document

    def file_report(self, file: str) -> Steps[bytes]:
        """The pain.002 of a file of payments."""
        url = self.url(f"payment-files/{file}/report")
        return (yield from self.ask(Request("GET", url, {"Accept": XML}, wait=_UPLOAD_S))).content

    def change(self, method: str, resource: str, content: Mapping[str, Any] | None) -> Steps[Any]:
        """Change something that is not a message. A POST is sent once: a second would be a second change."""
        body = b"" if content is None else json.dumps(content).encode()
        headers = {**_ACCEPT, "Content-Type": JSON} if body else _ACCEPT
        request = Request(method, self.url(resource), headers, body, repeated=method != "POST")
        return (yield from self.ask(request)).document


def of_sandbox(credentials: Path | str, participant: str) -> tuple[str, SigningKey]:
    """The address and the key of a participant in `DIR/sandbox/credentials.json`.

    Raises:
        KeyError: there is no such participant.

    """
    sandbox = json.loads(Path(credentials).read_text(encoding="utf-8"))
    entry = {entry["id"]: entry for entry in sandbox["participants"]}[participant]
    return sandbox["url"], SigningKey.from_pem(entry["keyid"], entry["private_key"])


def entries_of(page: Any) -> list[Any]:
    """The entries of a page: it is a list, or an object with one, as those of events and messages."""
    return page if isinstance(page, list) else next(each for each in page.values() if isinstance(each, list))


def next_page(answer: Response) -> Request | None:
    """The request of the next page of a list; None at its end."""
    return None if answer.next is None else Request("GET", answer.next, _ACCEPT)
