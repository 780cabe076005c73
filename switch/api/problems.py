"""Failures as `application/problem+json` (RFC 9457); they never repeat what the caller sent."""

import dataclasses
import json
import math
import re
from collections.abc import Iterator, Mapping
from html import escape
from types import MappingProxyType
from typing import Any, Final

import asyncpg
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from schemas import remedies
from schemas.errors import (
    RESEND,
    Changed,
    CursorAhead,
    DuplicateUetr,
    EffectChanged,
    InvalidAmount,
    InvalidMessage,
    InvalidParameter,
    MessageTooLarge,
    NotAcceptable,
    NotAllowed,
    NotAuthentic,
    NotFound,
    OutcomeUnknown,
    Overloaded,
    Problem,
    Refused,
    SwitchError,
    TooManyRequests,
    Unavailable,
    UnsupportedRepresentation,
)
from schemas.reasons import Reason
from switch.api import queries
from switch.api.body import ALLOWED, MEDIA_TYPES
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
            "the query parameter limit must be a number from 1 to 500",
            path="query.limit",
            rule="parameter",
            expected="a number from 1 to 500",
        ),
        MessageTooLarge: MessageTooLarge(rule="size", expected="at most 262144 bytes"),
        UnsupportedRepresentation: UnsupportedRepresentation(rule="representation", expected=ALLOWED),
        InvalidAmount: InvalidAmount(path="amount", rule="amount"),
        Refused: Refused(
            "the creditor agent is not a participant",
            reason=Reason.INVALID_CREDITOR_BANK_IDENTIFIER,
            path="query.creditor_agent",
        ),
        CursorAhead: CursorAhead("the log ends at event 4711. Continue with after=4711", 4711),
        EffectChanged: EffectChanged(None),
        Overloaded: Overloaded(retry_after_ms=240),
        OutcomeUnknown: OutcomeUnknown(RESEND),
    }
)
"""The example of a type whose text depends on the request."""


PLACES: Final[Mapping[type[SwitchError], str]] = MappingProxyType(
    {
        InvalidMessage: "body",
        MessageTooLarge: "body",
        UnsupportedRepresentation: "header.Content-Type",
        InvalidParameter: "query",
        NotAuthentic: "header.Signature",
        NotAllowed: "caller",
        NotFound: "path",
        NotAcceptable: "header.Accept",
        CursorAhead: "query.after",
        Changed: "header.If-Match",
        TooManyRequests: "caller",
        DuplicateUetr: "FIToFICstmrCdtTrf/CdtTrfTxInf/PmtId/UETR",
        EffectChanged: "seen",
        Refused: "body",
    }
)
"""Where the mistake is, if the error does not say it: a part of the request."""
REMEDIES: Final[Mapping[type[SwitchError], str]] = MappingProxyType(
    {
        SwitchError: (
            "Contact the operator with the Request-Id. A payment: resend the same message to learn"
            " its status."
        ),
        InvalidParameter: "Correct the parameter; `/openapi.json` lists those of each operation.",
        InvalidAmount: "Give a decimal number above zero with no more decimals than its currency has.",
        MessageTooLarge: "Send a smaller body: the description of the operation has the largest size.",
        InvalidMessage: (
            "Correct the body: `/openapi.json` has its form, and `payswitch iso check FILE` finds every"
            " mistake of a message."
        ),
        UnsupportedRepresentation: "Send application/json or application/xml in UTF-8, without compression.",
        NotAuthentic: (
            "Sign the request with a key in force (RFC 9421: Signature, Signature-Input, Content-Digest, a"
            " new nonce, your clock right); in a sandbox send Authorization: Bearer sk_test_...; people sign"
            " in at POST /v1/sign-in."
        ),
        NotAllowed: "Do it as a caller who may: your own participant, active, or a person with the role.",
        NotFound: (
            "Check what you named (a UETR, a number, a name); the list of the resource has those"
            " that you may see."
        ),
        NotAcceptable: "Accept application/json or application/xml.",
        CursorAhead: "Drop what followed from the lost events, and continue with the cursor in `resume`.",
        Changed: "Read it again, decide anew, and send its present `ETag` as `If-Match`.",
        TooManyRequests: "Wait as `Retry-After` says; `RateLimit` shows what is left.",
        DuplicateUetr: "Resend the first message unchanged, or make a new payment with a new UETR.",
        EffectChanged: "Look at the present `effect`, and vote again with its digest as `seen`.",
        Overloaded: (
            "Send the same request again after `Retry-After-Ms` milliseconds, plus a random part of your"
            " own; send less at once."
        ),
        Unavailable: "Send the same request again after `Retry-After`.",
        OutcomeUnknown: (
            "Send exactly the same request again after `Retry-After`; until then do not pay in"
            " another way."
        ),
    }
)  # fmt: skip
"""What to do, where neither the rule nor the reason says more."""
_BY_ENTRY: Final = "Correct what the entries of `errors` name: each has its own remedy."
_OF_HTTP: Final[Mapping[int, tuple[str, str]]] = MappingProxyType(
    {
        404: ("path", "GET /openapi.json lists every path; none ends in a slash."),
        405: ("method", "Use a method that `Allow` names; `expected` has the same."),
    }
)


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
    kind = next(kind for kind in type(error).__mro__ if not kind.__name__.startswith("_"))
    body: dict[str, Any] = {
        "type": f"{CATALOGUE}#{name_of(kind)}",
        "title": title_of(kind),
        "status": error.status,
        "detail": error.detail,
        "reason": str(error.reason),
        "retryable": error.retryable,
    }
    body["errors"] = _errors(error)
    if isinstance(error, EffectChanged):
        body["effect"] = error.effect
    if isinstance(error, CursorAhead):
        body["resume"] = error.resume
    if isinstance(error, Overloaded):
        body["retry_after_ms"] = error.retry_after_ms
    return body


def _listed(error: SwitchError) -> tuple[Problem, ...]:
    """The problems of a message, if the error lists them."""
    if isinstance(error, Refused):
        return error.problems
    placed = error.path is not None or (isinstance(error, InvalidMessage) and error.line is not None)
    return error.problems if placed and isinstance(error, InvalidMessage) else ()


def _errors(error: SwitchError) -> list[dict[str, Any]]:
    """Every mistake, each with its place and its remedy; of an outage, what to do about it."""
    if listed := _listed(error):
        return [_error(each, error) for each in listed]
    place = error.path if error.path is not None else _of_kind(PLACES, error)
    own = Problem(place or "", name_of(type(error)), error.detail, expected=_allowed(error))
    if isinstance(error, InvalidMessage):
        own = dataclasses.replace(own, rule=error.rule, expected=error.as_problem().expected)
    return [_error(own, error)]


def _allowed(error: SwitchError) -> str | None:
    return " or ".join(MEDIA_TYPES) if isinstance(error, NotAcceptable) else None


def _error(found: Problem, error: SwitchError) -> dict[str, Any]:
    """One mistake, without empty members."""
    members = {
        "path": found.path or _of_kind(PLACES, error) or "",
        "message": found.text,
        "rule": found.rule,
        "line": found.line,
        "column": found.column,
        "expected": found.expected,
        "remedy": _remedy(found.rule, error),
    }
    return {name: value for name, value in members.items() if value is not None}


def _remedy(rule: str, error: SwitchError) -> str | None:
    """The error's own remedy; otherwise that of the rule, of the class, or of the reason."""
    reason = str(error.reason)
    if error.remedy:
        return error.remedy
    if rule in remedies.BY_RULE:
        return remedies.remedy(reason, rule)
    return _of_kind(REMEDIES, error) or remedies.remedy(reason)


def _of_kind(table: Mapping[type[SwitchError], str], error: SwitchError) -> str | None:
    """The entry of an error's class, or of the nearest class above it; that of the root is its own alone."""
    kinds = [kind for kind in type(error).__mro__ if kind is type(error) or kind is not SwitchError]
    return next((table[kind] for kind in kinds if kind in table), None)


def problem(error: SwitchError) -> Response:
    """Build the response to `error`."""
    headers = {"Retry-After": str(error.retry_after_s)} if error.retryable else {}
    if isinstance(error, Overloaded):
        # Whole seconds as RFC 9110 requires, not earlier than the milliseconds.
        headers = {
            "Retry-After": str(math.ceil(error.retry_after_ms / 1000)),
            "Retry-After-Ms": str(error.retry_after_ms),
        }
    if error.status == 401:  # noqa: PLR2004
        headers["WWW-Authenticate"] = 'Signature realm="payswitch"'
    content = json.dumps(problem_body(error)).encode()
    return Response(content, error.status, headers, media_type=MEDIA_TYPE)


def example_of(kind: type[SwitchError]) -> dict[str, Any]:
    """An example of a problem of this type."""
    return problem_body(EXAMPLES[kind] if kind in EXAMPLES else kind())


def plain_body(status: int, detail: str, expected: str = "") -> dict[str, Any]:
    """The members of a problem that HTTP itself names; `expected` is what would be right."""
    body = {
        "type": "about:blank",
        "title": detail,
        "status": status,
        "detail": detail,
        "reason": Reason.NARRATIVE,
        "retryable": False,
    }
    place, remedy = _OF_HTTP.get(status, (None, None))
    if place is None:
        return body
    entry = {"path": place, "message": detail, "rule": place, "remedy": remedy}
    return {**body, "errors": [{**entry, "expected": expected} if expected else entry]}


def plain(status: int, detail: str, expected: str = "") -> Response:
    """Build the response to a failure that HTTP itself names: no such route, method not allowed, time-out."""
    return Response(json.dumps(plain_body(status, detail, expected)).encode(), status, media_type=MEDIA_TYPE)


def catalogue(_: Request) -> Response:
    """Explain every problem with an example, generated from the tree of errors."""
    kinds = list(_tree(SwitchError))
    listed = "".join(
        f'<li><a href="#{name_of(kind)}">{name_of(kind)}</a> ({kind.status}): {escape(title_of(kind))}</li>'
        for kind in kinds
    )
    return HTMLResponse(
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>payswitch problems</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><main><h1>Problems</h1>'
        "<p>Every failure that is not an ISO response is one of these (RFC 9457). Its <code>type</code>"
        " leads to the section here. <code>errors</code> has every mistake: <code>path</code> (where),"
        " <code>rule</code>, <code>expected</code> (what is allowed),"
        " <code>remedy</code> (what to do).</p>"
        f"<ul>{listed}</ul>{''.join(map(_section, kinds))}</main></html>"
    )


def _section(kind: type[SwitchError]) -> str:
    """The section of one type of problem."""
    example = escape(json.dumps(example_of(kind), indent=2))
    rows = (
        ("Status", str(kind.status)),
        ("ISO reason", f"{kind.default_reason}, unless the refusal has a reason of its own"),
        ("Does a retry help?", _retry(kind)),
        ("What to do", _of_kind(REMEDIES, EXAMPLES.get(kind) or kind()) or _BY_ENTRY),
    )
    described = "".join(f"<dt>{name}</dt><dd>{escape(text or '')}</dd>" for name, text in rows)
    return (
        f'<section id="{name_of(kind)}"><h2>{name_of(kind)}</h2><p>{escape(title_of(kind))}</p>'
        f"<dl>{described}</dl><h3>Example</h3><pre>{example}</pre></section>"
    )


def _retry(kind: type[SwitchError]) -> str:
    if not kind.retryable:
        return "no"
    return "the same request only" if issubclass(kind, OutcomeUnknown) else "yes"


def _tree(kind: type[SwitchError]) -> Iterator[type[SwitchError]]:
    """A type of problem and those below it; without classes that only their own module knows."""
    if not kind.__name__.startswith("_"):
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
    allowed = ", ".join(routes.methods(request.scope))
    answer = Response(status_code=204) if request.method == "OPTIONS" else plain(status, detail, allowed)
    answer.headers["Allow"] = allowed
    return answer


def of_invalid_parameters(_: Request, error: Exception) -> SwitchError:
    """The error of an invalid query or path parameter; it states which parameter, not its value."""
    places = [".".join(map(str, e["loc"])) for e in getattr(error, "errors", list)()]
    return InvalidParameter(f"invalid parameter: {', '.join(places)}", rule="parameter")


async def on_invalid_parameters(request: Request, error: Exception) -> Response:
    """Build the response to an invalid query or path parameter: which one, and what is allowed."""
    return problem(queries.explain(request, getattr(error, "errors", list)()))
