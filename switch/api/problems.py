"""Failures as `application/problem+json` (RFC 9457); they never repeat what the caller sent."""

import json
import re
from collections.abc import Iterator, Mapping
from html import escape
from types import MappingProxyType
from typing import Any, Final

import asyncpg
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from schemas.errors import (
    RESEND,
    CursorAhead,
    EffectChanged,
    InvalidMessage,
    InvalidParameter,
    OutcomeUnknown,
    Problem,
    Refused,
    SwitchError,
    Unavailable,
)
from schemas.reasons import Reason
from switch.api import queries
from switch.api.routes import Routes

MEDIA_TYPE: Final = "application/problem+json"
_AWAY: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)
_OURS: Final = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.CardinalityViolationError,
    asyncpg.SyntaxOrAccessError,
)
"""Database errors about a value or a statement: the database is available, the defect is in this program."""
MESSAGES: Final = "/v1/iso20022/"
"""The path prefix of ISO messages: the same message again is the same request."""
AWAY_NOW: Final = "The database is unavailable. Try again in a moment."
READING: Final = frozenset({"GET", "HEAD"})
"""Methods that change nothing."""
_BEFORE_CAPITAL: Final = re.compile(r"(?<!^)(?=[A-Z])")
CATALOGUE: Final = "/docs/problems"
"""The page that explains the problems; the `type` of each problem refers to it."""


EXAMPLES: Final[Mapping[type[SwitchError], SwitchError]] = MappingProxyType(
    {
        InvalidMessage: InvalidMessage(
            "is missing", path="FIToFICstmrCdtTrf/CdtTrfTxInf/IntrBkSttlmAmt", rule="missing"
        ),
        InvalidParameter: InvalidParameter(
            "the query parameter limit must be a number from 1 to 500", path="query.limit", rule="parameter"
        ),
        CursorAhead: CursorAhead("the log ends at event 4711. Continue with after=4711", 4711),
        EffectChanged: EffectChanged(None),
        OutcomeUnknown: OutcomeUnknown(RESEND),
    }
)
"""The example of a type whose text depends on the request."""


def is_away(error: Exception) -> bool:
    """Whether the database is unavailable or too slow: the same request may succeed later."""
    return isinstance(error, _AWAY) and not isinstance(error, _OURS)


def away(method: str, path: str) -> SwitchError:
    """The error of a request during which the database became unavailable."""
    if method in READING:
        return Unavailable(AWAY_NOW)
    return OutcomeUnknown(RESEND if path.startswith(MESSAGES) else None)


def name_of(kind: type[SwitchError]) -> str:
    """The fragment of a problem's `type`, such as `outcome-unknown`."""
    return _BEFORE_CAPITAL.sub("-", kind.__name__).lower()


def title_of(kind: type[SwitchError]) -> str:
    """The title of a problem: the same for all of its type."""
    return (kind.__doc__ or kind.__name__).strip().splitlines()[0]


def problem_body(error: SwitchError) -> dict[str, Any]:
    """The members of the problem of `error`."""
    kind = type(error)
    body: dict[str, Any] = {
        "type": f"{CATALOGUE}#{name_of(kind)}",
        "title": title_of(kind),
        "status": error.status,
        "detail": error.detail,
        "reason": str(error.reason),
        "retryable": error.retryable,
    }
    if found := _listed(error):
        body["errors"] = [_error(each) for each in found]
    elif error.path is not None:
        body["errors"] = [{"path": error.path, "message": error.detail}]
    if isinstance(error, EffectChanged):
        body["effect"] = error.effect
    if isinstance(error, CursorAhead):
        body["resume"] = error.resume
    return body


def _listed(error: SwitchError) -> tuple[Problem, ...]:
    """The problems of a message, if the error lists them."""
    if isinstance(error, Refused):
        return error.problems
    placed = error.path is not None or (isinstance(error, InvalidMessage) and error.line is not None)
    return error.problems if placed and isinstance(error, InvalidMessage) else ()


def _error(found: Problem) -> dict[str, Any]:
    """One problem of a message, without empty members."""
    members = {
        "path": found.path,
        "message": found.text,
        "rule": found.rule,
        "line": found.line,
        "column": found.column,
        "expected": found.expected,
    }
    return {name: value for name, value in members.items() if value is not None}


def problem(error: SwitchError) -> Response:
    """Build the response to `error`."""
    headers = {"Retry-After": str(error.retry_after_s)} if error.retryable else {}
    if error.status == 401:  # noqa: PLR2004
        headers["WWW-Authenticate"] = 'Signature realm="payswitch"'
    content = json.dumps(problem_body(error)).encode()
    return Response(content, error.status, headers, media_type=MEDIA_TYPE)


def example_of(kind: type[SwitchError]) -> dict[str, Any]:
    """An example of a problem of this type."""
    return problem_body(EXAMPLES[kind] if kind in EXAMPLES else kind())


def plain_body(status: int, detail: str) -> dict[str, Any]:
    """The members of a problem that HTTP itself names."""
    return {
        "type": "about:blank",
        "title": detail,
        "status": status,
        "detail": detail,
        "reason": Reason.NARRATIVE,
        "retryable": False,
    }


def plain(status: int, detail: str) -> Response:
    """Build the response to a failure that HTTP itself names: no such route, method not allowed, time-out."""
    return Response(json.dumps(plain_body(status, detail)).encode(), status, media_type=MEDIA_TYPE)


def catalogue(_: Request) -> Response:
    """Explain every problem, generated from the tree of errors."""
    rows = "".join(
        f'<tr id="{name_of(kind)}"><td>{kind.__name__}</td><td>{kind.status}</td>'
        f"<td>{kind.default_reason}</td><td>{_retry(kind)}</td>"
        f"<td>{escape((kind.__doc__ or '').strip().splitlines()[0])}</td></tr>"
        for kind in _tree(SwitchError)
    )
    return HTMLResponse(
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>payswitch problems</title>'
        "<h1>Problems</h1><p>Every failure that is not an ISO response is one of these (RFC 9457).</p><table>"
        "<tr><th>Problem</th><th>Status</th><th>ISO reason</th><th>Retry helps</th><th>Meaning</th></tr>"
        f"{rows}</table></html>"
    )


def _retry(kind: type[SwitchError]) -> str:
    if not kind.retryable:
        return "no"
    return "the same request only" if issubclass(kind, OutcomeUnknown) else "yes"


def _tree(kind: type[SwitchError]) -> Iterator[type[SwitchError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _tree(child)


async def on_switch_error(_: Request, error: Exception) -> Response:
    """Build the response to an error of the tree."""
    assert isinstance(error, SwitchError)
    return problem(error)


async def on_defect(request: Request, error: Exception) -> Response:
    """Build the response to an unexpected error; the edge logs it."""
    return problem(away(request.method, request.url.path) if is_away(error) else SwitchError())


async def on_http_error(request: Request, error: Exception) -> Response:
    """Build the response to 404, 405 and similar; OPTIONS is answered by the methods of the path."""
    status = getattr(error, "status_code", 500)
    detail = getattr(error, "detail", "error")
    routes: Routes = request.app.state.routes
    if status == 404:  # noqa: PLR2004
        right = routes.without_slash(request.scope)
        return plain(status, f"{detail}; without the trailing slash it is {right}" if right else detail)
    if status != 405:  # noqa: PLR2004
        return plain(status, detail)
    answer = Response(status_code=204) if request.method == "OPTIONS" else plain(status, detail)
    answer.headers["Allow"] = ", ".join(routes.methods(request.scope))
    return answer


def of_invalid_parameters(_: Request, error: Exception) -> SwitchError:
    """The error of an invalid query or path parameter; it states which parameter, not its value."""
    places = [".".join(map(str, e["loc"])) for e in getattr(error, "errors", list)()]
    return InvalidParameter(f"invalid parameter: {', '.join(places)}", rule="parameter")


async def on_invalid_parameters(request: Request, error: Exception) -> Response:
    """Build the response to an invalid query or path parameter: which one, and what is allowed."""
    return problem(queries.explain(request, getattr(error, "errors", list)()))
