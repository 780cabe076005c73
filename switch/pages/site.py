"""All pages together, and what becomes of their failures: a page, not a problem document."""

from collections.abc import Callable, Coroutine
from typing import Any, Final

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import Response

from schemas.errors import SwitchError
from switch.pages import (
    approvals,
    charts,
    country,
    log,
    open_data,
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

Handler = Callable[[Request, Any], Coroutine[Any, Any, Response]]
ROUTERS: Final[tuple[APIRouter, ...]] = (
    sign_in.router,
    overview.router,
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
    app.add_exception_handler(shell.SignInFirst, shell.on_sign_in_first)


def or_page(on_error: Handler) -> Handler:
    """Wrap the API's handler of errors: below `/console` people read a page instead."""

    async def handle(request: Request, error: Any) -> Response:
        if request.url.path.startswith(shell.PREFIX) and isinstance(error, SwitchError):
            heading = (type(error).__doc__ or "").strip().splitlines()[0]
            return shell.render(
                request, "problem.html", status=error.status, heading=heading, detail=error.detail
            )
        return await on_error(request, error)

    return handle
