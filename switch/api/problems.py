"""Failures as `application/problem+json` (RFC 9457), never with a word of what was sent."""

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from schemas.errors import InvalidMessage, SwitchError

MEDIA_TYPE = "application/problem+json"
_RETRY_AFTER = "1"


def problem_body(error: SwitchError) -> dict[str, Any]:
    """The members of the problem that tells `error`."""
    name = type(error).__name__
    body: dict[str, Any] = {
        "type": f"/docs/problems#{name.lower()}",
        "title": (type(error).__doc__ or name).strip().splitlines()[0],
        "status": error.status,
        "detail": error.detail,
        "reason": str(error.reason),
        "retryable": error.retryable,
    }
    if error.path is not None:
        body["errors"] = [{"path": error.path, "message": error.detail}]
    return body


def problem(error: SwitchError) -> Response:
    """Answer `error`."""
    headers = {"Retry-After": _RETRY_AFTER} if error.retryable else {}
    if error.status == 401:  # noqa: PLR2004
        headers["WWW-Authenticate"] = 'Signature realm="payswitch"'
    content = json.dumps(problem_body(error)).encode()
    return Response(content, error.status, headers, media_type=MEDIA_TYPE)


def plain(status: int, detail: str) -> Response:
    """Answer a failure that HTTP itself names: no such route, method not allowed, time-out."""
    body = {
        "type": "about:blank",
        "title": detail,
        "status": status,
        "detail": detail,
        "reason": "NARR",
        "retryable": False,
    }
    return Response(json.dumps(body).encode(), status, media_type=MEDIA_TYPE)


async def on_switch_error(_: Request, error: Exception) -> Response:
    """Answer an error of the tree."""
    assert isinstance(error, SwitchError)
    return problem(error)


async def on_defect(_: Request, __: Exception) -> Response:
    """Answer what nobody foresaw; the edge logs it."""
    return problem(SwitchError())


async def on_http_error(_: Request, error: Exception) -> Response:
    """Answer 404, 405 and their like."""
    return plain(getattr(error, "status_code", 500), getattr(error, "detail", "error"))


async def on_invalid_parameters(_: Request, error: Exception) -> Response:
    """Answer a query or path parameter that is not what the route takes; says where, not what."""
    places = [".".join(map(str, e["loc"])) for e in getattr(error, "errors", list)()]
    return problem(InvalidMessage(f"invalid parameter: {', '.join(places)}"))
