"""All pages together, and their errors as pages instead of problem documents."""

from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import quote

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import RedirectResponse, Response
from structlog.contextvars import get_contextvars

from schemas.errors import NotFound, OutcomeUnknown, SwitchError, Unavailable
from switch.api import problems
from switch.api.people import watch_person
from switch.identity.model import Person
from switch.pages import (
    account,
    approvals,
    cases,
    charts,
    country,
    finding,
    indirect,
    live,
    log,
    open_data,
    openid,
    oversight,
    overview,
    own_keys,
    own_messages,
    own_money,
    own_qr,
    own_rates,
    own_tests,
    own_webhooks,
    participants,
    payment_files,
    payments,
    people,
    proofs,
    reports,
    screening,
    shell,
    sign_in,
    statistics,
    tour,
    verify,
    views,
    windows,
)

_OURS: Final = 500
"""From this status on, the switch failed and not the request."""
PERHAPS_DONE: Final = (
    "The connection to the database was lost. Check whether the action was carried out before you repeat it."
)
WORDS: Final[Mapping[int, tuple[str, str]]] = MappingProxyType(
    {
        HTTPStatus.BAD_REQUEST: (
            "This request cannot be understood",
            "Go back, and correct what you entered.",
        ),
        HTTPStatus.FORBIDDEN: (
            "Not permitted",
            "Your role has no right to this. Ask the operator if you need it.",
        ),
        HTTPStatus.NOT_FOUND: (
            "Not found",
            "It does not exist, or you may not see it. Check the address.",
        ),
        HTTPStatus.METHOD_NOT_ALLOWED: ("Not found", "Open the page from the overview."),
        HTTPStatus.CONFLICT: ("It was changed meanwhile", "Open the page again to see how it is now."),
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ("Too large", "Go back, and send less at once."),
        HTTPStatus.UNPROCESSABLE_ENTITY: (
            "This cannot be done as requested",
            "Go back, and correct what you entered.",
        ),
        HTTPStatus.TOO_MANY_REQUESTS: ("Too many requests", "Wait a moment, then reload the page."),
        HTTPStatus.INTERNAL_SERVER_ERROR: (
            "Something went wrong in the switch",
            "Try again. If it happens again, give the operator the time and the Request-Id below.",
        ),
        HTTPStatus.SERVICE_UNAVAILABLE: ("Not available at the moment", "Reload the page in a moment."),
    }
)
"""Title of a page of an error, and what the reader can do."""
NO_PAGE: Final = "Page not found."
Handler = Callable[[Request, Any], Coroutine[Any, Any, Response]]
ROUTERS: Final[tuple[APIRouter, ...]] = (
    sign_in.router,
    openid.router,
    account.router,
    overview.router,
    live.router,
    tour.router,
    finding.router,
    payments.router,
    payment_files.router,
    oversight.router,
    approvals.router,
    cases.router,
    reports.router,
    screening.router,
    charts.router,
    open_data.router,
    verify.router,
    views.router,
    participants.router,
    indirect.router,
    people.router,
    windows.router,
    country.router,
    statistics.router,
    proofs.router,
    log.router,
    own_money.router,
    own_rates.router,
    own_keys.router,
    own_webhooks.router,
    own_messages.router,
    own_qr.router,
    own_tests.router,
)


def add_to(app: FastAPI) -> None:
    """Add the pages to the application."""
    for router in ROUTERS:
        app.include_router(router)
    app.state.has_pages = True
    app.add_exception_handler(shell.SignInRequired, shell.on_sign_in_required)


def or_page(
    on_error: Handler, to_error: Callable[[Request, Any], SwitchError] = lambda _, error: error
) -> Handler:
    """Wrap the API's error handler: below `/console` the response is a page with the `to_error` error."""

    async def handle(request: Request, error: Any) -> Response:
        if not request.url.path.startswith(shell.PREFIX):
            return await on_error(request, error)
        if _has_slash_too_many(request, error):
            query = f"?{request.url.query}" if request.url.query else ""
            return RedirectResponse(quote(request.scope["path"].rstrip("/")) + query)
        shown = to_error(request, error)
        heading, advice = WORDS.get(shown.status, WORDS[HTTPStatus.INTERNAL_SERVER_ERROR])
        page = shell.render(
            request,
            "problem.html",
            await _reader(request, shown),
            status=shown.status,
            heading=heading,
            detail="" if shown.detail == NotFound().detail else shown.detail,  # the advice states as much
            advice="" if isinstance(shown, OutcomeUnknown) else advice,
            again=_again(request, shown),
            number=_number(shown),
            now=datetime.now(UTC),
        )
        if shown.retryable:
            page.headers["Retry-After"] = str(shown.retry_after_s)
        return page

    return handle


def _again(request: Request, shown: SwitchError) -> str:
    """The address of the page to try again; empty where that would do something twice, or changes nothing."""
    if request.method not in problems.READING or not (shown.retryable or shown.status >= _OURS):
        return ""
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def _number(shown: SwitchError) -> str:
    """The Request-Id by which an operator finds what failed in the log; empty where nothing did."""
    return str(get_contextvars().get("request_id", "")) if shown.status >= _OURS else ""


async def _reader(request: Request, shown: SwitchError) -> Person | None:
    """Who is signed in, also where there is no page: an address that is mistyped is no reason to leave.

    Where the session cannot be read, the page of the error is that of a stranger.
    """
    viewer: Person | None = getattr(request.state, "viewer", None)
    if viewer is not None or shown.status != HTTPStatus.NOT_FOUND:
        return viewer
    if not getattr(request.app.state, "has_pages", False):  # another process may not read sessions
        return None
    try:
        return await watch_person(request)
    except SwitchError:
        return None
    except Exception as error:
        if not problems.is_away(error):
            raise
        return None


def _has_slash_too_many(request: Request, error: Any) -> bool:
    """Whether the requested page exists without the trailing slash."""
    return (
        getattr(error, "status_code", 0) == HTTPStatus.NOT_FOUND
        and request.method == "GET"
        and request.app.state.routes.without_slash(request.scope) is not None
    )


def unexpected(request: Request, error: Exception) -> SwitchError:
    """An unexpected error, or an unavailable database; the caller logs it."""
    if not problems.is_away(error):
        return SwitchError()
    if request.method in problems.READING:
        return Unavailable(problems.AWAY_NOW)
    return OutcomeUnknown(PERHAPS_DONE)


def no_such_page(_: Request, __: Exception) -> SwitchError:
    """An unknown address, or the address of a form requested by GET."""
    return NotFound(NO_PAGE)
