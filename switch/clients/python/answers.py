"""Verify answers that the switch signed for the caller: the profile of docs/reference/signatures.md."""

import re
from base64 import b64decode
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import httpx
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from .signing import content_digest
from .webhooks import NotVerified

ASKED: Final = (
    'sig=("@status" "content-digest" "content-type" "@method";req "@authority";req "@path";req "@query";req'
    ' "content-digest";req "signature";req);tag="payswitch-answer"'
)
"""The header `Accept-Signature` of a request whose answer must be signed."""
AnswerKeys = Mapping[str, str] | None
_LINE: Final = ("@method", "@authority", "@path")
_PARAMETERS: Final = re.compile(r';created=\d{1,11};keyid="([a-z0-9-]{1,64})";tag="payswitch-answer"')
_SIGNATURE: Final = re.compile(r"sig=:([A-Za-z0-9+/]{86}==):")


def verify_answer(keys: Mapping[str, str], answer: httpx.Response) -> None:
    """Verify that the switch gave this answer to its request (`answer.request`, as it was sent).

    Args:
        keys: Public keys of the switch (PEM) by key id, as `GET /v1/answer-keys` lists them.
        answer: A response that was read.

    Raises:
        NotVerified: there is no such signature, or none by one of these keys.

    """
    request, headers, ours = answer.request, answer.headers, answer.request.headers
    components = {'"@status"': str(answer.status_code), '"content-digest"': content_digest(answer.content)}
    components |= {f'"{name}"': headers[name] for name in ("content-type",) if name in headers}
    line = request.method, request.url.netloc.decode().lower(), request.url.raw_path.decode().split("?")[0]
    components |= {f'"{name}";req': value for name, value in zip(_LINE, line, strict=True)}
    components['"@query";req'] = f"?{request.url.query.decode()}"
    components |= {f'"{name}";req': ours[name] for name in ("content-digest", "signature") if name in ours}
    stated = headers.get("signature-input", "")
    parameters = _PARAMETERS.fullmatch(stated.removeprefix(f"sig=({' '.join(components)})"))
    signature = _SIGNATURE.fullmatch(headers.get("signature", ""))
    if parameters and signature:
        components['"@signature-params"'] = stated.removeprefix("sig=")
        base = "\n".join(f"{name}: {value}" for name, value in components.items()).encode("latin-1")
        with suppress(ValueError, InvalidSignature):
            key = load_pem_public_key(keys.get(parameters[1], "").encode())
            if isinstance(key, Ed25519PublicKey):
                return key.verify(b64decode(signature[1]), base)
    raise NotVerified("no key of the switch verifies the answer")
