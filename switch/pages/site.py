"""All pages together, and their errors as pages instead of problem documents."""

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import RedirectResponse, Response

from schemas.errors import NotFound, OutcomeUnknown, SwitchError, Unavailable
from switch.api import problems
from switch.pages import (
    account,
    approvals,
    charts,
    country,
    finding,
    live,
    log,
    open_data,
    openid,
    oversight,
    overview,
    own_keys,
    own_messages,
    own_money,
    own_tests,
    own_webhooks,
    participants,
    payments,
    people,
    proofs,
    reports,
    shell,
    sign_in,
    statistics,
    windows,
)

PERHAPS_DONE: Final = (
    "The connection to the database was lost. Check whether the action was carried out before you repeat it."
)
NO_PAGE: Final = "Page not found."
Handler = Callable[[Request, Any], Coroutine[Any, Any, Response]]
ROUTERS: Final[tuple[APIRouter, ...]] = (
    sign_in.router,
    openid.router,
    account.router,
    overview.router,
    live.router,
    finding.router,
    payments.router,
    oversight.router,
    approvals.router,
    reports.router,
    charts.router,
    open_data.router,
    participants.router,
    people.router,
    windows.router,
    country.router,
    statistics.router,
    proofs.router,
    log.router,
    own_money.router,
    own_keys.router,
    own_webhooks.router,
    own_messages.router,
    own_tests.router,
)


def add_to(app: FastAPI) -> None:
    """Add the pages to the application."""
    for router in ROUTERS:
        app.include_router(router)
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
        heading = (type(shown).__doc__ or "").strip().splitlines()[0]
        page = shell.render(
            request, "problem.html", status=shown.status, heading=heading, detail=shown.detail
        )
        if shown.retryable:
            page.headers["Retry-After"] = str(shown.retry_after_s)
        return page

    return handle


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
