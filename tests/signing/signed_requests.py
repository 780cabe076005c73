"""One signed request, and what is needed to forge it."""

import base64
from dataclasses import dataclass, replace

from schemas.signing import http_signatures
from schemas.signing.http_signatures import SigningKey

NOW = 1_700_000_000
BODY = b"<Document>" + b"x" * 2_700 + b"</Document>"


@dataclass(frozen=True, slots=True)
class Request:
    """A request as a server sees it."""

    method: str = "POST"
    authority: str = "switch.example:8443"
    path: str = "/v1/iso20022/pacs.008"
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = BODY

    def with_header(self, name: bytes, value: bytes) -> "Request":
        """The same request with one header's value changed."""
        return replace(self, headers=tuple((n, value if n == name else v) for n, v in self.headers))

    def with_more(self, *lines: tuple[bytes, bytes]) -> "Request":
        """The same request with header lines added."""
        return replace(self, headers=self.headers + lines)

    def without(self, name: bytes) -> "Request":
        """The same request without a header."""
        return replace(self, headers=tuple((n, v) for n, v in self.headers if n != name))

    def header(self, name: bytes) -> bytes:
        """The value of a header."""
        return dict(self.headers)[name]

    def replaced(self, name: bytes, old: bytes, new: bytes) -> "Request":
        """The same request with a piece of a header's value changed; the piece must be there once."""
        value = self.header(name)
        assert value.count(old) == 1, (old, value)
        return self.with_header(name, value.replace(old, new))


def signed(
    key: SigningKey,
    *,
    now: int = NOW,
    nonce: str = "nonce-000001",
    content_type: str = "application/xml",
    meaning: dict[str, str] | None = None,
    **parts,
) -> Request:
    """A request that `key` signed, as ASGI would show it; `meaning` is headers that it has besides."""
    request = Request(**parts)
    meaning = meaning or {}
    added = http_signatures.sign(
        key,
        method=request.method,
        authority=request.authority,
        path=request.path,
        content_type=content_type if request.body else None,
        body=request.body,
        now=now,
        nonce=nonce,
        headers=meaning,
    )
    lines = tuple((name.lower().encode(), value.encode()) for name, value in (meaning | added).items())
    return replace(request, headers=((b"host", request.authority.encode()), *lines))


def check(request: Request, key: http_signatures.PublicKey, *, now: int = NOW) -> None:
    """What a server does."""
    http_signatures.verify(
        http_signatures.parse(request.headers),
        method=request.method,
        authority=request.authority,
        path=request.path,
        headers=request.headers,
        body=request.body,
        key=key,
        now=now,
    )


def signed_freely(key: SigningKey, request: Request, covered: dict[str, str], parameters: str) -> Request:
    """A request whose signature is the key's own and whose choice of what is signed is not the profile's."""
    text = f"({' '.join(covered)}){parameters}"
    lines = [f"{component}: {value}" for component, value in covered.items()]
    base = "\n".join([*lines, f'"@signature-params": {text}']).encode()
    signature = base64.b64encode(key.sign(base))
    return request.with_header(b"signature-input", b"sig=" + text.encode()).with_header(
        b"signature", b"sig=:" + signature + b":"
    )
