"""The body of a request, read completely within limits of size and time, and the headers about it."""

import asyncio
import re
from functools import lru_cache
from typing import Final

from starlette.requests import Request

from schemas.errors import InvalidMessage, MessageTooLarge, UnsupportedRepresentation

READ_WITHIN_S: Final = 15.0
XML: Final = "application/xml"
JSON: Final = "application/json"
MEDIA_TYPES: Final = (XML, JSON)
ALLOWED: Final = "application/xml or application/json, in UTF-8"
WHOLE: Final = "payswitch.whole"
"""In the scope of a request, its body, if it is short and arrived before the request was begun."""
WHOLE_MAX: Final = 64 * 1024
_PINNED: Final = re.compile(r"application/vnd\.iso20022\.[a-z]{4}\.\d{3}\.\d{3}\.\d{2}\+(xml|json)", re.ASCII)
"""XML or JSON, with the only message that the body may hold."""
_REMEMBERED: Final = 256
"""How many values of a header are remembered, and the most characters of one: callers repeat theirs."""


async def read(request: Request, limit: int) -> bytes:
    """Read the body.

    Raises:
        UnsupportedRepresentation: it is compressed.
        MessageTooLarge: the stated or the actual size is larger than `limit` bytes.
        InvalidMessage: it is incomplete, or did not arrive in time.

    """
    if _values(request, b"content-encoding")[:1] not in ([], ["identity"]):
        raise UnsupportedRepresentation(
            "compressed bodies are not supported",
            path="header.Content-Encoding",
            rule="representation",
            expected="no Content-Encoding",
        )
    length = "".join(_values(request, b"content-length")[:1])
    if length.isascii() and length.isdigit() and (len(length) > 9 or int(length) > limit):  # noqa: PLR2004
        raise _too_large(limit)
    whole: bytes | None = request.scope.get(WHOLE)
    if whole is None:
        return await _arriving(request, limit)
    if len(whole) > limit:
        raise _too_large(limit)
    return whole


def _too_large(limit: int) -> MessageTooLarge:
    return MessageTooLarge(rule="size", expected=f"at most {limit} bytes")


async def _arriving(request: Request, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(READ_WITHIN_S):
            while True:
                message = await request.receive()
                if message["type"] == "http.disconnect":
                    raise InvalidMessage("the body is incomplete")
                part = message.get("body", b"")
                size += len(part)
                if size > limit:
                    raise _too_large(limit)
                parts.append(part)
                if not message.get("more_body"):
                    return b"".join(parts)
    except TimeoutError:
        raise InvalidMessage("the body did not arrive in time") from None


def _values(request: Request, name: bytes) -> list[str]:
    """The values of a header, by its name in lower case."""
    return [value.decode("latin-1") for stated, value in request.scope["headers"] if stated == name]


def media_type(request: Request) -> str:
    """Get `application/xml` or `application/json`, or either as `application/vnd.iso20022.<message>+xml`.

    Parameters are checked: only `charset=utf-8`.

    Raises:
        UnsupportedRepresentation: another type, or another character set.

    """
    values = _values(request, b"content-type")
    if len(values) != 1:
        raise UnsupportedRepresentation(
            "exactly one Content-Type is required", rule="representation", expected=ALLOWED
        )
    (value,) = values
    return _media_type(value) if len(value) <= _REMEMBERED else _media_type.__wrapped__(value)


@lru_cache(maxsize=_REMEMBERED)
def _media_type(value: str) -> str:
    kind, *parameters = (part.strip().lower() for part in value.split(";"))
    known = kind in MEDIA_TYPES or _PINNED.fullmatch(kind)
    if not known or any(p and p.replace('"', "") != "charset=utf-8" for p in parameters):
        raise UnsupportedRepresentation(
            f"Content-Type must be {ALLOWED}", rule="representation", expected=ALLOWED
        )
    return kind


def form(kind: str) -> str:
    """Get `application/xml` or `application/json` from a media type that may also name a message."""
    pinned = _PINNED.fullmatch(kind)
    return f"application/{pinned[1]}" if pinned else kind


def accepted(request: Request, default: str) -> str | None:
    """Choose the representation that `Accept` prefers, otherwise `default`; None if it allows neither."""
    header = ",".join(_values(request, b"accept")) or "*/*"
    return (
        _accepted(header, default) if len(header) <= _REMEMBERED else _accepted.__wrapped__(header, default)
    )


@lru_cache(maxsize=_REMEMBERED)
def _accepted(header: str, default: str) -> str | None:
    best: tuple[float, bool, str] | None = None
    for item in header.split(","):
        kind, *parameters = (part.strip().lower() for part in item.split(";"))
        quality = _quality(parameters)
        names = MEDIA_TYPES if kind in {"*/*", "application/*"} else (kind,)
        for name in names:
            candidate = (quality, name == default, name)
            if quality > 0 and name in MEDIA_TYPES and (best is None or candidate > best):
                best = candidate
    return best[2] if best else None


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name == "q":
            digits = value.replace(".", "", 1)
            return float(value) if digits.isascii() and digits.isdigit() and len(value) <= 5 else 0.0  # noqa: PLR2004
    return 1.0


def wait_seconds(request: Request, maximum: float) -> float:
    """Get how many seconds the caller will wait: `Prefer: wait=10` or `?wait=10`; 0 if absent or invalid."""
    asked = request.query_params.get("wait", "") if request.scope["query_string"] else ""
    for preference in ",".join(_values(request, b"prefer")).split(","):
        name, _, value = preference.strip().partition("=")
        if name.lower() == "wait":
            asked = value
    if not (asked.isascii() and asked.isdigit() and len(asked) <= 4):  # noqa: PLR2004
        return 0.0
    return min(float(asked), maximum)
