"""A server that proves who asks as the switch does, and then does what the test wants."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from schemas.signing import http_signatures
from schemas.signing.http_signatures import SigningKey

KEY = SigningKey.generate("IN-1:2026")
UETR = "7b1d1a3e-0000-4000-8000-000000000001"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def answering(body: object, *, status: int = 200, content_type: str = "application/json") -> Handler:
    """A handler that answers with `body` in JSON."""

    async def handler(_: web.Request) -> web.Response:
        return web.json_response(body, status=status, content_type=content_type)

    return handler


def status_report(status: str, reason: str | None = None, *, http: int = 200) -> Handler:
    """A pacs.002 in JSON."""
    transaction: dict[str, object] = {"OrgnlUETR": UETR, "TxSts": status}
    if reason:
        transaction["StsRsnInf"] = [{"Rsn": {"Cd": reason}}]
    document = {"FIToFIPmtStsRpt": {"GrpHdr": {"MsgId": "1"}, "TxInfAndSts": [transaction]}}
    return answering({"Document": document}, status=http)


def problem(status: int, reason: str = "NARR", name: str = "") -> Handler:
    """An RFC 9457 problem."""
    body = {
        "type": f"/docs/problems#{name}",
        "status": status,
        "reason": reason,
        "detail": "no",
        "retryable": status >= 500,
    }
    return answering(body, status=status, content_type="application/problem+json")


async def cut(request: web.Request) -> web.StreamResponse:
    """Cut the connection: the request may or may not have been acted on."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


class Server:
    """Answers with `answers`, one a request, and keeps the requests; a signed request must be authentic."""

    def __init__(self) -> None:
        self.answers: list[Handler] = []
        self.requests: list[tuple[web.Request, bytes]] = []
        self.nonces: list[str] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Prove, note, answer."""
        body = await request.read()
        if "Authorization" not in request.headers:
            self._prove(request, body)
        self.requests.append((request, body))
        return await self.answers.pop(0)(request)

    def _prove(self, request: web.Request, body: bytes) -> None:
        lines = [(name.lower(), value) for name, value in request.raw_headers]
        stated = http_signatures.parse(lines)
        http_signatures.verify(
            stated,
            method=request.method,
            authority=request.headers["Host"],
            path=request.raw_path,
            headers=lines,
            body=body,
            key=KEY.public,
            now=stated.created,
        )
        self.nonces.append(stated.nonce)
