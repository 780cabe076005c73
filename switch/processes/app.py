"""The application of a worker that serves participants, or of one that serves people."""

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from contextlib import asynccontextmanager
from functools import cache, partial
from typing import Any, Final

import structlog
from fastapi import APIRouter, Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ledger.garbage import collect_in_short_steps
from schemas.errors import NotAuthentic, SwitchError, TooManyRequests
from switch.api import (
    answer_signing,
    asyncapi,
    audit,
    callbacks,
    cases,
    disclosure,
    events,
    fx,
    health,
    home,
    inbound,
    indirect,
    iso_endpoints,
    keys,
    limits,
    messages,
    openapi,
    participants,
    payment_files,
    people,
    people_sessions,
    problems,
    proof,
    qr,
    queries,
    quotes,
    rails,
    reads,
    receiving,
    reference,
    report_deliveries,
    reports,
    requests_to_pay,
    screening,
    settlement,
    source_rails,
    statistics,
    tariffs,
    webhooks,
)
from switch.api.answer_signing import AnswerSigner
from switch.api.limits import Headers
from switch.api.routes import Routes, answer_head
from switch.api.runtime import Runtime, running
from switch.base import answer_keys, logs, metrics, tracing
from switch.base.settings import Settings
from switch.pages import site
from switch.processes import for_people, process, profiling
from switch.processes.for_people import Forwarder
from switch.writer.kinds import Kind

_REQUEST_ID: Final = re.compile(rb"[0-9A-Fa-f-]{8,64}")
_GATED: Final = {
    f"{iso_endpoints.PREFIX}{message}".encode(): f"{iso_endpoints.PREFIX}{message}"
    for message in receiving.ADMITTED
}
"""Paths of messages that need a place, as they are sent, and as metrics name them."""
_log = structlog.get_logger()

ROUTERS: Final = (
    people.router,
    people_sessions.router,
    cases.router,
    report_deliveries.router,
    screening.router,
    source_rails.router,
    participants.router,
    keys.router,
    answer_signing.router,
    settlement.router,
    reads.router,
    rails.router,
    messages.router,
    events.router,
    quotes.router,
    payment_files.router,
    requests_to_pay.router,
    fx.router,
    tariffs.router,
    indirect.router,
    qr.router,
    webhooks.router,
    webhooks.keys_router,
    reports.router,
    statistics.router,
    audit.router,
    health.router,
    disclosure.router,
)
OF_PEOPLE: Final = (
    people.router,
    people_sessions.router,
    cases.router,
    report_deliveries.router,
    screening.router,
    source_rails.router,
)
"""Routers for people, which the workers of pages serve."""
OF_EVERY_WORKER: Final = (health.router, disclosure.router)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Handler = Callable[[Request], Awaitable[Response]]


class Edge:
    """The outermost layer: counts every request, and makes sure that no failure exposes internals."""

    def __init__(
        self,
        app: FastAPI,
        short_cuts: Mapping[str, Handler],
        limiter: limits.Limiter,
        signer: AnswerSigner,
        forwarder: Forwarder | None = None,
    ) -> None:
        self._app = app
        self._state = app.state
        self._state.draining = False
        self._forwarder = forwarder
        """Of an API worker: to the pages of its machine."""
        self._limiter = limiter
        self._signer = signer
        self._short_cuts = short_cuts
        """POST handlers by exact path that are called without the framework's layers: the hot path."""

    def drain(self) -> None:
        """Prepare the shutdown: `/readyz` says so, and connections are closed after their next response."""
        self._state.draining = True

    def refuses(self, method: bytes, target: bytes, headers: Headers, caller: str | None) -> Response | None:
        """The refusal of a message before its body is read, if the line of its claimed sender is full.

        `caller`: who sent an authentic request on this connection. It is the cheapest way to refuse, so that
        most of the processor is left for the messages that are let in.
        """
        message = _GATED.get(target.partition(b"?")[0])
        runtime: Runtime | None = getattr(self._state, "runtime", None)
        if message is None or method != b"POST" or runtime is None or not runtime.admission.waiting:
            return None
        sender = limits.claimed(headers, runtime.directory.now)
        if sender is None or self._state.draining or not runtime.admission.full(sender):
            return None
        answer = problems.problem(runtime.admission.refused(sender, "share", proved=caller == sender))
        answer.raw_headers += self._headers(answer.raw_headers, _request_id(headers), runtime)
        metrics.HTTP.labels(message, "POST", str(answer.status_code)).inc()
        return answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal: SwitchError | None = None
        try:
            send = self._signer.sending(scope, send)
        except SwitchError as error:
            refusal = error
        if refusal is None and self._is_forwarded(scope["path"]):
            assert self._forwarder is not None
            await self._forwarder(scope, receive, send, is_ending=lambda: self._state.draining)
            return
        told = for_people.unwrap(scope) if scope["client"] is None else []
        started = time.perf_counter()
        runtime: Runtime | None = getattr(self._state, "runtime", None)
        status = 0
        request_id = _request_id(scope["headers"])
        structlog.contextvars.bind_contextvars(request_id=request_id)
        served = tracing.Served(scope, request_id)

        async def watch(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                limits.mark(scope, message)
                message["headers"] += self._headers(message["headers"], request_id, runtime)
                message["headers"] += told
            await send(message)

        try:
            handler = self._let_in(scope, runtime)
            if refusal is not None:
                await problems.problem(refusal)(scope, receive, watch)
            else:
                await self._serve(scope, receive, watch, handler)
        except Exception as error:  # noqa: BLE001 - the last place that can answer for a defect of ours
            answer = _answer_to(error, scope)
            if status == 0:
                await answer(scope, receive, watch)
        finally:
            route = scope["path"] if scope["path"] in self._short_cuts else _route(scope)
            metrics.http_request(route, scope["method"], status, time.perf_counter() - started)
            served.end(route, status)

    def _headers(self, given: Headers, request_id: str, runtime: Runtime | None) -> Headers:
        """The headers of every response beside those that it has.

        After a restore it says that the switch is closed: what it shows may lack what the rails did since.
        """
        added = [(b"x-content-type-options", b"nosniff"), (b"request-id", request_id.encode())]
        if runtime is not None and runtime.directory.now.closed:
            added.append((b"payswitch-closed", b"restored"))
        if b"cache-control" not in [name for name, _ in given]:
            added.append((b"cache-control", b"no-store"))
        if self._state.draining:
            added.append((b"connection", b"close"))
        return added

    def _is_forwarded(self, path: str) -> bool:
        if path in self._short_cuts or self._forwarder is None:
            return False
        return for_people.are_for_people(path) and self._forwarder.is_open

    async def _serve(self, scope: Scope, receive: Receive, watch: Send, handler: Handler | None) -> None:
        if handler is None:
            await self._app(scope, receive, watch)
            return
        scope["app"] = self._app
        response = await handler(Request(scope, receive))
        await response(scope, receive, watch)

    def _let_in(self, scope: Scope, runtime: Runtime | None) -> Handler | None:
        """Apply the rate limits; return the short cut of the path if there is one."""
        directory = runtime.directory.now if runtime else None
        self._limiter.arrive(scope, directory, callbacks.PREFIX, partial(_proves, runtime))
        return self._short_cuts.get(scope["path"]) if scope["method"] == "POST" else None


def _proves(runtime: Runtime | None, scope: Scope) -> bool:
    """Whether the headers of a request authenticate its sender, regardless of the body."""
    if runtime is None:
        return False
    try:
        proof.prove(scope, None, runtime.directory.now, runtime.settings)
    except NotAuthentic:
        return False
    return True


def _answer_to(error: Exception, scope: Scope) -> Response:
    """Build the response to an error that nothing else caught; the details go only to the log."""
    if isinstance(error, TooManyRequests):
        return problems.problem(error)
    if problems.is_away(error):
        _log.warning("database_away", error=type(error).__name__, detail=logs.where(error))
        return problems.problem(problems.away(scope["method"], scope["path"]))
    _log.error("request_failed", error=type(error).__name__, detail=logs.where(error))
    return problems.problem(SwitchError())


def _request_id(headers: Headers) -> str:
    """The caller's `Request-Id` if it looks like a UUID, so that logs get nothing else, or a new one."""
    for name, value in headers:
        if name == b"request-id" and _REQUEST_ID.fullmatch(value):
            given: str = value.decode()
            return given
    return os.urandom(16).hex()


def _route(scope: Scope) -> str:
    """Name the route, never the requested path: labels must be few and contain no personal data."""
    return getattr(scope.get("route"), "path_format", None) or "none"


def make_app(settings: Settings, kind: Kind = Kind.API) -> Edge:
    """Build the application for participants (`api`) or for people (`pages`)."""
    forwarder = Forwarder(settings.pages_socket) if kind is Kind.API else None

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        stop_tracing = tracing.start(settings, kind)
        try:
            async with profiling.running(settings, kind), running(settings, kind) as runtime:
                app.state.runtime = runtime
                if kind is Kind.API:
                    inbound.listen(runtime)
                app.state.streams = events.places()
                collect_in_short_steps()
                yield
        except Exception as error:
            process.report(error)  # uvicorn ends the process without an exception
            raise
        finally:
            if forwarder is not None:
                await forwarder.close()
            await asyncio.to_thread(stop_tracing)

    app = FastAPI(
        title="payswitch",
        version="1",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        dependencies=[Depends(queries.strict)],
        telemetry={"tracing": False, "metrics": False, "logs": False},
        exception_handlers={
            SwitchError: site.or_page(problems.on_switch_error),
            Exception: site.or_page(problems.on_defect, site.unexpected),
            HTTPException: site.or_page(problems.on_http_error, site.no_such_page),
            RequestValidationError: site.or_page(
                problems.on_invalid_parameters, problems.of_invalid_parameters
            ),
        },
    )
    short_cuts = _add_participants(app, settings) if kind is Kind.API else _add_people(app)
    app.add_route(problems.CATALOGUE, problems.catalogue, methods=["GET"])
    app.add_route(asyncapi.PATH, asyncapi.serve, methods=["GET"])
    reference.add_to(app)
    app.add_route(home.PATH, home.serve, methods=["GET"])
    app.add_route(home.VERIFY, home.serve_verify, methods=["GET"])
    app.openapi = lambda: openapi.describe(_documented())  # type: ignore[method-assign]
    return Edge(app, short_cuts, limits.Limiter(settings), _signer(settings, kind), forwarder)


def _signer(settings: Settings, kind: Kind) -> AnswerSigner:
    """What signs answers. Pages do not: API workers pass on what is for people, and sign its answer."""
    key = answer_keys.load(settings.answer_key) if kind is Kind.API else None
    return AnswerSigner(key, settings.authority)


def _add_participants(app: FastAPI, settings: Settings) -> Mapping[str, Handler]:
    """Add the endpoints of participants and rails; return those that are short cuts."""
    for path, post in iso_endpoints.HANDLERS.items():
        app.add_route(path, post, methods=["POST"])
    app.add_route(f"{callbacks.PREFIX}{{country}}", callbacks.post_callback, methods=["POST"])
    below = f"{callbacks.PREFIX}{{country}}/{{step:path}}"
    app.add_route(below, callbacks.post_callback, methods=["GET", "POST"])
    _add_routers(app, [router for router in ROUTERS if router not in OF_PEOPLE])
    rails = {f"{callbacks.PREFIX}{country}": callbacks.post_callback for country in settings.rails}
    return {**iso_endpoints.HANDLERS, **rails}


def _add_people(app: FastAPI) -> Mapping[str, Handler]:
    """Add pages and the API for people."""
    routers = [*OF_PEOPLE, *OF_EVERY_WORKER]
    _add_routers(app, routers)
    site.add_to(app)
    app.state.routes = _routes(app, [*routers, *site.ROUTERS])
    return {}


def _add_routers(app: FastAPI, routers: Sequence[APIRouter]) -> None:
    for router in routers:
        answer_head(router.routes)
        app.include_router(router)
    app.state.routes = _routes(app, routers)


def _routes(app: FastAPI, routers: Iterable[APIRouter]) -> Routes:
    return Routes([*app.routes, *(route for router in routers for route in router.routes)])


@cache
def _documented() -> FastAPI:
    """All endpoints of `/v1`, whoever serves them: one document describes them."""
    whole = FastAPI(title="payswitch", version="1", dependencies=[Depends(queries.strict)])
    _add_routers(whole, ROUTERS)
    return whole
