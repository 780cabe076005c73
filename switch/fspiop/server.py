"""The bridge's side of FSPIOP over HTTP: what a DFSP's connector sends.

A request that is refused is answered at once with 4xx and `errorInformation`: nothing was done, and there is
no callback. A request that is accepted is answered with 202; what comes of it is told by a callback.
"""

import asyncio
import logging
import re
from collections.abc import Coroutine
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web
from yarl import URL

from switch.fspiop import codec, jws, messages, parties, quotes
from switch.fspiop.codec import Values
from switch.fspiop.courier import media_type
from switch.fspiop.errors import ErrorCode, FspiopProblem
from switch.fspiop.forms import PARTY_TYPE, Unreadable
from switch.fspiop.journal import Journal
from switch.fspiop.messages import FspiopMessage
from switch.fspiop.office import Office, log
from switch.fspiop.parties import PartyAsked
from switch.fspiop.transfers import Transfers

BODY_MAX: Final = 256 << 10
BODY_WITHIN_S: Final = 10.0
WAITING_MAX: Final = 1000
"""Questions that may be in progress at once; transfers are not counted."""
STRANGERS_MAX: Final = 500
"""Connections on which no signature was verified yet; the oldest of more is closed."""
LOOK_EVERY_S: Final = 1.0
VERSIONS: Final = frozenset({"2", "2.0"})
_SUPPORTED: Final = (("2", "0"),)
_ID: Final = re.compile(r"[A-Za-z0-9-]{1,36}", re.ASCII)
_PARTY: Final = re.compile(r"[^\x00-\x20\x7f/?#]{1,128}")
_MEDIA: Final = re.compile(
    r"application/vnd\.interoperability\.(?P<iso>iso20022\.)?(?P<resource>[A-Za-z]+)\+json"
    r"(?:\s?;\s?version=(?P<version>\d+(?:\.\d+)?))?",
    re.ASCII,
)
_READ: Final = frozenset({
    "accept", "content-type", "date", "fspiop-source", "fspiop-destination", "fspiop-signature", "fspiop-uri",
    "fspiop-http-method", "fspiop-encryption",
})  # fmt: skip
"""Headers that the bridge reads."""
_ELSEWHERE: Final = (
    "participants", "fxQuotes", "fxTransfers", "bulkQuotes", "bulkTransfers", "transactionRequests",
    "authorizations", "transactions",
)  # fmt: skip
"""Resources of FSPIOP that the bridge does not have."""


class BridgeServer:
    """One bridge's server."""

    def __init__(self, office: Office, transfers: Transfers) -> None:
        self._office = office
        self._transfers = transfers
        self._key = office.settings.dfsp_key
        self._waiting: set[asyncio.Task[None]] = set()
        self._proved: set[Any] = set()
        """Connections that the DFSP has proved to be its own."""

    def application(self) -> web.Application:
        """The application to serve."""
        made = web.Application(client_max_size=BODY_MAX, middlewares=[_problems])
        made.on_response_prepare.append(_name)
        made.router.add_get("/health", self._health, allow_head=False)
        made.router.add_get("/parties/{type}/{id}", self._parties, allow_head=False)
        made.router.add_get("/parties/{type}/{id}/{sub}", self._parties, allow_head=False)
        made.router.add_post("/quotes", self._quotes)
        made.router.add_post("/transfers", self._post_transfer)
        made.router.add_get("/transfers/{id}", self._get_transfer, allow_head=False)
        for resource in _ELSEWHERE:
            made.router.add_route("*", f"/{resource}{{rest:.*}}", _not_here)
        for path in ("/quotes/{id}", "/parties/{type}/{id}{rest:.*}", "/transfers/{id}{rest:.*}"):
            for method in ("GET", "PUT", "PATCH"):
                made.router.add_route(method, path, _not_here)
        return made

    async def watch(self, runner: web.AppRunner) -> None:
        """Keep room for the DFSP, for ever: connections on which nobody proves anything are limited."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            found = [] if runner.server is None else runner.server.connections
            self._proved &= set(found)
            strangers = [each for each in found if each not in self._proved]
            for each in strangers[: max(0, len(strangers) - STRANGERS_MAX)]:
                each.force_close()

    async def stop(self) -> None:
        """Stop working on questions: nothing was promised."""
        for task in self._waiting:
            task.cancel()

    async def _health(self, _: web.Request) -> web.Response:
        number = len(await self._office.keep(Journal.open_transfers))
        waiting = await self._office.keep(Journal.waiting)
        return web.json_response({"status": "OK", "open_transfers": number, "waiting_callbacks": waiting})

    async def _parties(self, request: web.Request) -> web.Response:
        self._check(request, "parties", b"")
        kind, identifier = request.match_info["type"], request.match_info["id"]
        sub = request.match_info.get("sub")
        for text in (identifier, sub):
            if text is not None and not _PARTY.fullmatch(text):
                raise FspiopProblem(ErrorCode.MALFORMED, "{ID}: must be 1 to 128 visible characters")
        try:
            PARTY_TYPE.read(kind)
        except Unreadable as error:
            raise FspiopProblem(ErrorCode.MALFORMED, f"{{Type}}: {error}") from None
        asked = PartyAsked(kind, identifier, sub, request.headers.get("FSPIOP-Destination"), _path(request))
        self._later(parties.look_up(self._office, asked, parties.place(self._office, asked)))
        return _accepted()

    async def _quotes(self, request: web.Request) -> web.Response:
        values = await self._message(request, "quotes", messages.QUOTES_POST)
        self._check_destination(request, values["payee.partyIdInfo.fspId"])
        quotes.check(self._office, values, datetime.now(UTC))
        self._later(quotes.answer(self._office, values))
        return _accepted()

    async def _post_transfer(self, request: web.Request) -> web.Response:
        values = await self._message(request, "transfers", messages.TRANSFERS_POST)
        self._check_destination(request, values["payeeFsp"])
        await self._transfers.accept(values)
        return _accepted()

    async def _get_transfer(self, request: web.Request) -> web.Response:
        self._check(request, "transfers", b"")
        stated = request.match_info["id"]
        if not _ID.fullmatch(stated):
            raise FspiopProblem(ErrorCode.MALFORMED, "{ID}: must be a ULID or a UUID")
        self._later(self._transfers.report(stated))
        return _accepted()

    async def _message(self, request: web.Request, resource: str, message: FspiopMessage) -> Values:
        """Verify a request with a body, over its bytes as they came, and read it."""
        if "Content-Encoding" in request.headers:
            raise FspiopProblem(ErrorCode.MALFORMED, "Content-Encoding: is not supported")
        try:
            async with asyncio.timeout(BODY_WITHIN_S):
                body = await request.read()
        except TimeoutError:
            raise FspiopProblem(
                ErrorCode.CLIENT, "the body did not arrive", status=HTTPStatus.REQUEST_TIMEOUT
            ) from None
        self._check(request, resource, body)
        return codec.read(message, codec.parse(body))

    def _check(self, request: web.Request, resource: str, body: bytes) -> None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        for name in _READ & headers.keys():
            if len(request.headers.getall(name)) > 1:
                raise FspiopProblem(ErrorCode.TOO_MANY_ELEMENTS, f"{name}: occurs more than once")
        _check_media(headers, resource, has_body=request.method == "POST")
        _check_date(headers)
        if "fspiop-encryption" in headers:
            raise FspiopProblem(ErrorCode.VALIDATION, "FSPIOP-Encryption: is not supported; use TLS")
        if headers.get("fspiop-source") != self._office.settings.dfsp.id:
            text = f"FSPIOP-Source: must be {self._office.settings.dfsp.id}, the DFSP of this bridge"
            raise FspiopProblem(ErrorCode.PAYER_FSP, text, status=HTTPStatus.FORBIDDEN)
        stated = {"fspiop-uri": {request.raw_path, request.path}, "fspiop-http-method": {request.method}}
        for name, right in stated.items():
            if name in headers and headers[name] not in right:
                raise FspiopProblem(ErrorCode.SIGNATURE, f"{name}: is not that of the request")
        if body or "fspiop-signature" in headers:
            jws.verify(self._key, headers, body)
            self._proved.add(request.protocol)

    def _check_destination(self, request: web.Request, fsp: str) -> None:
        destination = request.headers.get("FSPIOP-Destination")
        if destination not in {None, fsp, self._office.settings.hub}:
            text = f"FSPIOP-Destination: must be the payee's FSP, or {self._office.settings.hub}"
            raise FspiopProblem(ErrorCode.PAYEE_FSP, text)

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        if len(self._waiting) >= WAITING_MAX:
            work.close()
            raise FspiopProblem(
                ErrorCode.BUSY, "too many questions at once", status=HTTPStatus.SERVICE_UNAVAILABLE
            )
        task = asyncio.create_task(work)
        self._waiting.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._waiting.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log("failed", error=type(error).__name__)


class _BrokenRequests(logging.Handler):
    """What the HTTP library says of a broken request, without its text: that repeats what was sent."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line of ours."""
        error = record.exc_info[1] if record.exc_info else None
        log("broken_request", error=type(error).__name__)


def http_logger() -> logging.Logger:
    """The logger for the HTTP library."""
    logger = logging.getLogger("payswitch.fspiop")
    logger.setLevel(logging.WARNING)
    logger.handlers, logger.propagate = [_BrokenRequests()], False
    return logger


@web.middleware
async def _problems(request: web.Request, handler: Any) -> web.StreamResponse:
    resource = request.path.lstrip("/").partition("/")[0]
    try:
        return await handler(request)  # type: ignore[no-any-return]
    except FspiopProblem as problem:
        return _refusal(problem, resource)
    except web.HTTPRequestEntityTooLarge:
        return _refusal(FspiopProblem(ErrorCode.TOO_LARGE, f"at most {BODY_MAX} bytes"), resource)
    except web.HTTPMethodNotAllowed as error:
        text = f"only {', '.join(sorted(error.allowed_methods))}"
        refusal = _refusal(
            FspiopProblem(ErrorCode.CLIENT, text, status=HTTPStatus.METHOD_NOT_ALLOWED), resource
        )
        refusal.headers["Allow"] = error.headers["Allow"]
        return refusal
    except web.HTTPNotFound:
        return _refusal(
            FspiopProblem(ErrorCode.UNKNOWN_URI, "unknown URI", status=HTTPStatus.NOT_FOUND), resource
        )
    except (web.HTTPException, asyncio.CancelledError, ConnectionError):
        raise
    except Exception as error:  # noqa: BLE001 - the outermost place: no traceback leaves
        log("failed", error=type(error).__name__)
        failed = FspiopProblem(
            ErrorCode.SERVER,
            "the bridge failed; it is unknown whether the request was accepted: send it again unchanged",
            status=HTTPStatus.INTERNAL_SERVER_ERROR,
        )
        return _refusal(failed, resource)


async def _not_here(_: web.Request) -> web.Response:
    text = "not implemented: this bridge has GET /parties, POST /quotes, POST and GET /transfers"
    raise FspiopProblem(ErrorCode.NOT_IMPLEMENTED, text, status=HTTPStatus.NOT_IMPLEMENTED)


def _accepted() -> web.Response:
    return web.Response(status=HTTPStatus.ACCEPTED)


def _refusal(problem: FspiopProblem, resource: str) -> web.Response:
    response = web.json_response(problem.document, status=problem.status)
    if resource.isascii() and resource.isalpha():
        response.headers["Content-Type"] = media_type(resource)
    return response


async def _name(_: web.Request, response: web.StreamResponse) -> None:
    response.headers["Server"] = "payswitch-fspiop"


def _path(request: web.Request) -> str:
    """The path as it was sent, without a query."""
    return URL(request.raw_path, encoded=True).raw_path


def _check_media(headers: dict[str, str], resource: str, *, has_body: bool) -> None:
    """Refuse media types that are not this resource as ISO 20022, version 2.0."""
    wanted = media_type(resource)
    stated = headers.get("content-type")
    if stated is None and has_body:
        raise FspiopProblem(ErrorCode.MISSING, "Content-Type: is missing")
    if stated is not None:
        _check_version(_MEDIA.fullmatch(stated), resource, f"Content-Type: must be {wanted}")
    accept = headers.get("accept")
    if accept is None:
        if not has_body:
            raise FspiopProblem(ErrorCode.MISSING, "Accept: is missing")
        return
    for each in accept.split(","):
        if (found := _MEDIA.fullmatch(each.strip())) and found["version"] in {None, *VERSIONS}:
            _check_version(found, resource, f"Accept: must be {wanted}")
            return
    _check_version(_MEDIA.fullmatch(accept.split(",")[0].strip()), resource, f"Accept: must be {wanted}")


def _check_version(found: re.Match[str] | None, resource: str, text: str) -> None:
    if found is None or found["iso"] is None or found["resource"] != resource:
        raise FspiopProblem(ErrorCode.MALFORMED, text)
    if found["version"] not in {None, *VERSIONS}:
        raise FspiopProblem(
            ErrorCode.UNACCEPTABLE_VERSION, text, status=HTTPStatus.NOT_ACCEPTABLE, more=_SUPPORTED
        )


def _check_date(headers: dict[str, str]) -> None:
    if "date" not in headers:
        raise FspiopProblem(ErrorCode.MISSING, "Date: is missing")
    try:
        parsedate_to_datetime(headers["date"])
    except (ValueError, OverflowError):
        raise FspiopProblem(
            ErrorCode.MALFORMED, "Date: must be a date of HTTP, as in Mon, 23 Nov 2026 10:15:00 GMT"
        ) from None
