"""A request that a rail makes of us at a path below our address, as one message.

Most rails post every message to one address, so that the body is the message. A rail that calls one path for
each step, and signs the path, needs more to be verified later: the request is kept as it came.

    POST /in/qr/1/tx/execute/9c1e...
    h-hash: bWFkZSBieSB0aGUgcmFpbA==

    {"qrType":"staticQr", ...}
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from schemas.errors import InvalidMessage

_START = re.compile(r"(GET|POST) (/[!-~]{0,1000})", re.ASCII)
_HEADER = re.compile(r"([a-z][a-z0-9-]{0,63}): ([ -~]{0,2000})", re.ASCII)
_END = b"\n\n"


@dataclass(frozen=True, slots=True)
class CalledRequest:
    """One request of the rail. Names of headers are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def written(self) -> bytes:
        """The request as one message.

        Raises:
            InvalidMessage: the path or a header cannot be kept.

        """
        lines = [f"{self.method} {self.path}", *(f"{name}: {value}" for name, value in self.headers.items())]
        try:
            raw = "\n".join(lines).encode("ascii") + _END + self.body
        except UnicodeEncodeError:
            raise InvalidMessage("a path or a header is not ASCII") from None
        if read(raw) != self:
            raise InvalidMessage("a path or a header that cannot be kept")
        return raw


@runtime_checkable
class CalledAdapter(Protocol):
    """An adapter whose rail calls paths below our address."""

    @property
    def called_headers(self) -> tuple[str, ...]:
        """The headers that `read_request` needs beside path and body, in lower case."""


def of(adapter: object, method: str, path: str, headers: Mapping[str, str], body: bytes) -> bytes | None:
    """The message of a request at a path below our address; None if this rail calls no paths.

    Raises:
        InvalidMessage: the path or a header cannot be kept.

    """
    if not isinstance(adapter, CalledAdapter):
        return None
    kept = {name: headers[name] for name in adapter.called_headers if name in headers}
    return CalledRequest(method, path, kept, body).written()


def read(raw: bytes) -> CalledRequest | None:
    """The request in a message; None if the message is a body alone."""
    head, end, body = raw.partition(_END)
    try:
        first, *lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError:
        return None
    start = _START.fullmatch(first)
    headers = [_HEADER.fullmatch(line) for line in lines]
    if start is None or not end or None in headers:
        return None
    named = {found[1]: found[2] for found in headers if found}
    return CalledRequest(start[1], start[2], named, body)
