"""One request of the fuzzer: what it says, who sends it, and by what it is let in."""

import base64
import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from schemas.errors import NotAuthentic
from schemas.signing import http_signatures
from schemas.signing.keys import SigningKey
from switch.identity import sessions

Door = Literal["signature", "bearer", "session", "nobody"]
Lines = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Request:
    """A request before it is signed. Texts are Latin-1: every byte may be said."""

    operation: str
    """What it was made from, such as `POST /v1/webhooks`."""
    sender: str
    door: Door
    method: str
    target: str
    headers: Lines = ()
    body: bytes = b""
    damage: tuple[str, ...] = ()
    """The names of what was done to it."""
    forged: int = -1
    """Which character of the signature's headers is changed after it was made; -1: none."""
    framing: Literal["length", "chunked", "short", "long"] = "length"
    """How the body is delimited: truly, in chunks, or by a length that is not its own."""

    @property
    def is_cut(self) -> bool:
        """Whether the bytes are no whole request, so that no answer is owed."""
        return self.framing in {"short", "long"}

    def to_json(self) -> str:
        """The request as a reproduction holds it."""
        fields = asdict(self) | {"body": base64.b64encode(self.body).decode()}
        return json.dumps(fields, indent=1)

    @classmethod
    def from_json(cls, text: str) -> "Request":
        """The request of a reproduction."""
        fields: dict[str, Any] = json.loads(text)
        fields["body"] = base64.b64decode(fields["body"])
        fields["headers"] = tuple((name, value) for name, value in fields["headers"])
        fields["damage"] = tuple(fields["damage"])
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class Senders:
    """What every sender proves itself with."""

    keys: Mapping[str, SigningKey]
    bearers: Mapping[str, str]
    sessions: dict[str, str]
    """Person -> the token of its cookie; replaced when the switch renews it."""
    out: set[str] = field(default_factory=set)
    """People whose session a request has ended."""

    @property
    def people(self) -> list[str]:
        """Everybody who is signed in."""
        return sorted(self.sessions)

    @property
    def participants(self) -> list[str]:
        """Everybody who signs."""
        return sorted(self.keys)


def octets(request: Request, senders: Senders, authority: str) -> bytes:
    """The bytes to send, signed now."""
    headers = {name.lower(): value for name, value in request.headers}
    proof = _proof(request, senders, authority, headers)
    body, framing = _framed(request)
    lines = [f"{request.method} {request.target} HTTP/1.1", f"Host: {authority}"]
    # What the signature says of the body comes in its own headers.
    lines += [f"{n}: {v}" for n, v in request.headers if n.lower() not in {p.lower() for p, _ in proof}]
    lines += [f"{name}: {value}" for name, value in (*proof, *framing)]
    return "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n" + body


def _proof(request: Request, senders: Senders, authority: str, headers: Mapping[str, str]) -> Lines:
    match request.door:
        case "bearer":
            return (("Authorization", f"Bearer {senders.bearers[request.sender]}"),)
        case "session":
            cookie = ("Cookie", f"{sessions.COOKIE}={senders.sessions[request.sender]}")
            return (cookie, *(() if "sec-fetch-site" in headers else (("Sec-Fetch-Site", "same-origin"),)))
        case "signature":
            return _signature(request, senders, authority, headers)
    return ()


def _signature(request: Request, senders: Senders, authority: str, headers: Mapping[str, str]) -> Lines:
    try:
        made = http_signatures.sign(
            senders.keys[request.sender],
            method=request.method,
            authority=authority,
            path=request.target,
            content_type=headers.get("content-type", ""),
            body=request.body,
            now=int(time.time()),
            nonce=uuid.uuid4().hex,
            headers=headers,
        )
    except (NotAuthentic, UnicodeError):  # the profile cannot say it: the sandbox's key gets it past the door
        return (("Authorization", f"Bearer {senders.bearers[request.sender]}"),)
    lines = list(made.items())
    if request.forged >= 0:
        name, value = lines[request.forged % len(lines)]
        place = request.forged % len(value)
        lines[request.forged % len(lines)] = (name, value[:place] + "~" + value[place + 1 :])
    return tuple(lines)


def _framed(request: Request) -> tuple[bytes, Lines]:
    body = request.body
    match request.framing:
        case "chunked":
            pieces = [body[at : at + 700] for at in range(0, len(body), 700)]
            chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
            return chunks + b"0\r\n\r\n", (("Transfer-Encoding", "chunked"),)
        case "short":
            return body, (("Content-Length", str(max(0, len(body) - 7))),)
        case "long":
            return body, (("Content-Length", str(len(body) + 7)),)
    stated = bool(body) or request.method not in {"GET", "HEAD", "DELETE"}
    return body, (("Content-Length", str(len(body))),) if stated else ()
