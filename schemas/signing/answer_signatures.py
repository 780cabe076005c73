"""Signatures of answers: HTTP Message Signatures (RFC 9421) that also cover the request, in one profile.

The profile, in full:

* the caller asks with `Accept-Signature`, whose value is `ASKED`
* covered, in this order: `@status`, `content-digest`, `content-type`; of the request (`;req`) `@method`,
  `@authority`, `@path`, `@query`, `content-digest`, `signature`. A header that the answer or the request does
  not have is left out, and nothing else
* parameters: `created`, `keyid`, `tag="payswitch-answer"`; Ed25519
* `Content-Digest` is one `sha-256` over the bytes of the body, also of an empty one

Whoever has the request, the answer and the public key can show to others what the switch answered to what.
"""

from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from schemas.signing.http_signatures import content_digest
from schemas.signing.keys import SigningKey

TAG: Final = "payswitch-answer"
_LABEL: Final = "sig"
_OF_ANSWER: Final = ("content-type",)
_OF_REQUEST: Final = ("content-digest", "signature")
_LINE: Final = ("@method", "@authority", "@path", "@query")
ASKED: Final = (
    f'{_LABEL}=("@status" "content-digest" '
    + " ".join([*(f'"{name}"' for name in _OF_ANSWER), *(f'"{name}";req' for name in (*_LINE, *_OF_REQUEST))])
    + f');tag="{TAG}"'
)
"""The only value of `Accept-Signature`."""

HeaderLines = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What a signature of an answer covers of its request."""

    method: str
    authority: str
    """Host and port, as the caller sent or signed them."""
    path: str
    query: str
    """Without its question mark."""
    headers: HeaderLines


def sign(
    key: SigningKey, request: SignedRequest, *, status: int, headers: HeaderLines, body: bytes, now: int
) -> dict[str, str]:
    """Sign an answer; get the headers to add. `now` is in seconds of Unix time."""
    digest = content_digest(body)
    components = {'"@status"': str(status), '"content-digest"': digest}
    components |= {f'"{name}"': value for name, value in _present(headers, _OF_ANSWER)}
    line = (request.method, request.authority.lower(), request.path, f"?{request.query}")
    components |= {f'"{name}";req': value for name, value in zip(_LINE, line, strict=True)}
    components |= {f'"{name}";req': value for name, value in _present(request.headers, _OF_REQUEST)}
    parameters = f'({" ".join(components)});created={now};keyid="{key.keyid}";tag="{TAG}"'
    lines = [f"{name}: {value}" for name, value in components.items()]
    base = "\n".join([*lines, f'"@signature-params": {parameters}']).encode("latin-1")
    return {
        "Content-Digest": digest,
        "Signature-Input": f"{_LABEL}={parameters}",
        "Signature": f"{_LABEL}=:{b64encode(key.sign(base)).decode()}:",
    }


def _present(headers: HeaderLines, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The values of the headers that there are; repeated ones are joined (RFC 9421, 2.1)."""
    for name in names:
        found = [
            value.strip(b" \t").decode("latin-1") for key, value in headers if key.lower() == name.encode()
        ]
        if found:
            yield name, ", ".join(found)
