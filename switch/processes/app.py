"""The application of one API worker."""

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

import structlog
from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ledger.garbage import collect_in_short_steps
from schemas.errors import NotAuthentic, SwitchError, TooManyRequests
from switch.api import (
    audit,
    callbacks,
    disclosure,
    events,
    health,
    iso_endpoints,
    keys,
    limits,
    messages,
    openapi,
    participants,
    people,
    people_sessions,
    problems,
    proof,
    queries,
    quotes,
    reads,
    reports,
    settlement,
    webhooks,
)
from switch.api.limits import Headers
from switch.api.routes import Routes, answer_head
from switch.api.runtime import Runtime, running
from switch.base import logs, metrics, tracing
from switch.base.settings import Settings
from switch.pages import site
from switch.processes import process, profiling

_REQUEST_ID: Final = re.compile(rb"[0-9A-Fa-f-]{8,64}")
_log = structlog.get_logger()

ROUTERS: Final = (
    people.router,
    people_sessions.router,
    participants.router,
    keys.router,
    settlement.router,
    reads.router,
    messages.router,
    events.router,
    quotes.router,
    webhooks.router,
    webhooks.keys_router,
    reports.router,
    audit.router,
    health.router,
    disclosure.router,
)
OF_PEOPLE: Final = (people.router, people_sessions.router)
"""Routers for people, which a worker serves with the pages."""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Handler = Callable[[Request], Awaitable[Response]]


class Edge:
    """The outermost layer: counts every request, and makes sure that no failure exposes internals."""

    def __init__(self, app: FastAPI, short_cuts: Mapping[str, Handler], limiter: limits.Limiter) -> None:
        self._app = app
        self._state = app.state
        self._state.draining = False
        self._limiter = limiter
        self._short_cuts = short_cuts
        """POST handlers by exact path that are called without the framework's layers: the hot path."""

    def drain(self) -> None:
        """Prepare the shutdown: `/readyz` says so, and connections are closed after their next response."""
        self._state.draining = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        runtime: Runtime | None = getattr(self._state, "runtime", None)
        status = 0
        request_id = _request_id(scope)
        structlog.contextvars.bind_contextvars(request_id=request_id)
        served = tracing.Served(scope, request_id)

        async def watch(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                limits.mark(scope, message)
                message["headers"] += self._headers(message["headers"], request_id, runtime)
            await send(message)

        try:
            await self._serve(scope, receive, watch, runtime)
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

    async def _serve(self, scope: Scope, receive: Receive, watch: Send, runtime: Runtime | None) -> None:
        handler = self._let_in(scope, runtime)
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


def _request_id(scope: Scope) -> str:
    """The caller's `Request-Id` if it looks like a UUID, so that logs get nothing else, or a new one."""
    for name, value in scope["headers"]:
        if name == b"request-id" and _REQUEST_ID.fullmatch(value):
            given: str = value.decode()
            return given
    return os.urandom(16).hex()


def _route(scope: Scope) -> str:
    """Name the route, never the requested path: labels must be few and contain no personal data."""
    return getattr(scope.get("route"), "path", None) or "none"


def make_app(settings: Settings) -> Edge:
    """Build the application."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        stop_tracing = tracing.start(settings, "api")
        try:
            async with profiling.running(settings, profiling.API), running(settings) as runtime:
                app.state.runtime = runtime
                app.state.streams = events.places()
                collect_in_short_steps()
                yield
        except Exception as error:
            process.report(error)  # uvicorn ends the process without an exception
            raise
        finally:
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
    handlers: Mapping[str, Handler] = iso_endpoints.HANDLERS if "api" in settings.serves else {}
    for path, post in handlers.items():
        app.add_route(path, post, methods=["POST"])
    if handlers:
        app.add_route(f"{callbacks.PREFIX}{{country}}", callbacks.post_callback, methods=["POST"])
    app.add_route(problems.CATALOGUE, problems.catalogue, methods=["GET"])
    for_people = "pages" in settings.serves
    routers = [router for router in ROUTERS if for_people or router not in OF_PEOPLE]
    for router in routers:
        answer_head(router.routes)
        app.include_router(router)
    if for_people:
        site.add_to(app)
    of_routers = (
        route for router in (*routers, *(site.ROUTERS if for_people else ())) for route in router.routes
    )
    app.state.routes = Routes([*app.routes, *of_routers])
    app.openapi = lambda: openapi.describe(app)  # type: ignore[method-assign]
    rails = {f"{callbacks.PREFIX}{country}": callbacks.post_callback for country in settings.rails}
    short_cuts = {**handlers, **(rails if handlers else {})}
    return Edge(app, short_cuts, limits.Limiter(settings))
