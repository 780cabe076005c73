"""Answers that the switch signs for a caller who asks (`Accept-Signature`), and the keys that verify them.

Nobody can then deny what was answered to which request.
"""

import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from schemas.errors import InvalidParameter
from schemas.signing import answer_signatures
from schemas.signing.answer_signatures import ASKED, SignedRequest
from schemas.signing.keys import SigningKey
from switch.api.runtime import Runtime
from switch.base import answer_keys

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]

router = APIRouter(prefix="/v1")
PATH: Final = "header.Accept-Signature"
_HEADER: Final = b"accept-signature"
_STREAM: Final = b"text/event-stream"


@router.get("/answer-keys", operation_id="listAnswerKeys", tags=["keys"])
async def list_keys(request: Request) -> JSONResponse:
    """Get the public keys that verify signed answers, the present one first.

    Compare it with the key that you received by another channel.
    """
    runtime: Runtime = request.app.state.runtime
    found = answer_keys.published(runtime.settings.answer_key)
    return JSONResponse([{"keyid": key.keyid, "public_key": key.pem.decode()} for key in found])


class AnswerSigner:
    """Signs what an API worker answers. It costs a caller who does not ask nothing."""

    def __init__(self, key: SigningKey | None, authority: str) -> None:
        self._key = key
        self._authority = authority
        """The host to which callers sign their requests; empty: the one that each states."""

    def sending(self, scope: MutableMapping[str, Any], send: Send) -> Send:
        """Where to send the answer to a request: `send` itself, or what signs first.

        Raises:
            InvalidParameter: what the caller asks for cannot be signed.

        """
        asked = [value for name, value in scope["headers"] if name == _HEADER]
        if not asked:
            return send
        if asked != [ASKED.encode()]:
            raise InvalidParameter(
                f"`Accept-Signature` must be {ASKED}", path=PATH, rule="parameter", expected=ASKED
            )
        if self._key is None:
            todo = "Leave `Accept-Signature` out, or ask the operator for such a key (GET /v1/answer-keys)."
            text = "this switch has no key that signs answers"
            raise InvalidParameter(text, path=PATH, rule="parameter", remedy=todo)
        if any(name == b"accept" and _STREAM in value for name, value in scope["headers"]):
            todo = "Read pages with Accept: application/json, or leave `Accept-Signature` out."
            text = "a stream has no signature: read pages"
            raise InvalidParameter(text, path=PATH, rule="parameter", remedy=todo)
        return _SignedSend(self._key, self._request(scope), send)

    def _request(self, scope: MutableMapping[str, Any]) -> SignedRequest:
        headers = scope["headers"]
        host = next((value.decode("latin-1") for name, value in headers if name == b"host"), "")
        return SignedRequest(
            scope["method"],
            self._authority or host,
            scope["raw_path"].decode("latin-1"),
            scope["query_string"].decode("latin-1"),
            headers,
        )


class _SignedSend:
    """Collects an answer, and sends it with its signature."""

    def __init__(self, key: SigningKey, request: SignedRequest, send: Send) -> None:
        self._key = key
        self._request = request
        self._send = send
        self._start: Message = {}
        self._body: list[bytes] = []

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        if message["type"] == "http.response.body":
            self._body.append(message.get("body", b""))
            if message.get("more_body"):
                return
            await self._sign()
            message = {**message, "body": b"".join(self._body)}
        await self._send(message)

    async def _sign(self) -> None:
        is_head = self._request.method == "HEAD"  # its body is not sent
        added = answer_signatures.sign(
            self._key,
            self._request,
            status=self._start["status"],
            headers=self._start["headers"],
            body=b"" if is_head else b"".join(self._body),
            now=int(time.time()),
        )
        lines = [(name.lower().encode(), value.encode("latin-1")) for name, value in added.items()]
        await self._send({**self._start, "headers": [*self._start["headers"], *lines]})
