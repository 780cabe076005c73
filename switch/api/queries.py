"""Strict query parameters: an unknown one is refused, and the problem of a wrong one states what is allowed.

A caller that mistypes `limit`, or sends a cursor to a list without one, must not get the first page again.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, get_args, get_origin
from uuid import UUID

from annotated_types import Ge, Gt, Le, Lt
from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BeforeValidator

from schemas.errors import InvalidParameter, Problem

PREFIX: Final = "/v1/"
_OWN: Final = frozenset({"getReport"})
"""Operations that check their query parameters themselves, as strictly: each report has its own."""
_FORMS: Final[Mapping[type, str]] = {
    bool: "true or false",
    date: "a date, YYYY-MM-DD",
    datetime: "an instant, as 2026-11-23T00:00:00Z",
    UUID: "a UUID",
}


def _as_written(form: "re.Pattern[str]") -> BeforeValidator:
    """Only this form: the framework would also read a number, as seconds since 1970."""

    def check(value: object) -> object:
        if isinstance(value, str) and not form.match(value):
            raise ValueError
        return value

    return BeforeValidator(check)


Day = Annotated[date, _as_written(re.compile(r"\d{4}-\d\d-\d\d\Z", re.ASCII))]
Instant = Annotated[datetime, _as_written(re.compile(r"\d{4}-\d\d-\d\d[Tt]", re.ASCII))]


async def strict(request: Request) -> None:
    """Refuse query parameters that the route does not have; a dependency of every route below `/v1`.

    Raises:
        InvalidParameter: an unknown or a repeated parameter.

    """
    route = request.scope.get("route")
    if not request.scope["query_string"] or not request.scope["path"].startswith(PREFIX):
        return
    if isinstance(route, APIRoute) and route.operation_id not in _OWN:
        check(request, _query(route))


def check(request: Request, names: Iterable[str]) -> None:
    """Refuse parameters that are not in `names`.

    Raises:
        InvalidParameter: an unknown or a repeated parameter.

    """
    given = [name for name, _ in request.query_params.multi_items()]
    known = sorted(names)
    if not set(given) <= set(known):
        allowed = ", ".join(known) or "none"
        text = f"unknown query parameter; allowed: {allowed}"
        raise InvalidParameter(text, path="query", rule="parameter", expected=allowed)
    repeated = [name for name in known if given.count(name) > 1]
    if repeated:
        text = "a query parameter is repeated: give it once"
        raise InvalidParameter(text, path=f"query.{repeated[0]}", rule="parameter", expected="once")


def explain(request: Request, errors: Sequence[Any]) -> InvalidParameter:
    """The error of parameters that the framework refused: which, and what is allowed."""
    route = request.scope.get("route")
    fields = _all_fields(route) if isinstance(route, APIRoute) else {}
    problems = tuple(_tell(error["loc"], error["type"], fields) for error in errors)
    found = InvalidParameter("; ".join(one.text for one in problems), path=problems[0].path, rule="parameter")
    found.problems = problems
    return found


def _tell(place: Sequence[Any], kind: str, fields: Mapping[str, Any]) -> Problem:
    name = str(place[-1])
    field = fields.get(name)
    allowed = "" if field is None else _allowed(field)
    where = f"the {place[0]} parameter {name}" if field is not None else ".".join(map(str, place))
    if kind == "missing":
        text = f"{where} is missing: {allowed}" if allowed else f"{where} is missing"
    else:
        text = f"{where} must be {allowed}" if allowed else f"{where} is not valid"
    return Problem(".".join(map(str, place)), "parameter", text, expected=allowed or None)


def _query(route: APIRoute) -> tuple[str, ...]:
    """The names of the query parameters of a route and its dependencies."""
    return tuple(field.alias for part in _parts(route.dependant) for field in part.query_params)


def _all_fields(route: APIRoute) -> Mapping[str, Any]:
    """Every parameter of a route by its name."""
    return {
        field.alias: field
        for part in _parts(route.dependant)
        for field in (*part.query_params, *part.path_params, *part.header_params)
    }


def _parts(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for inner in dependant.dependencies:
        yield from _parts(inner)


def _allowed(field: Any) -> str:
    """The allowed values of a parameter as text: its bounds, or its description if it is a formatted text."""
    info = field.field_info
    first, last = _bounds(info.metadata)
    kinds = [kind for kind in (info.annotation, *get_args(info.annotation)) if kind in _FORMS]
    if first is not None or last is not None:
        return f"a number from {first} to {last}"
    choices = [text for kind in (info.annotation, *get_args(info.annotation)) for text in _literals(kind)]
    if choices:
        return f"one of {', '.join(choices)}"
    if info.description:
        return f"{info.description}"
    for kind in (info.annotation, *get_args(info.annotation)):
        if isinstance(kind, type) and issubclass(kind, StrEnum):
            return f"one of {', '.join(kind)}"
    return _FORMS[kinds[0]] if kinds else "a text in the documented format"


def _literals(kind: Any) -> tuple[str, ...]:
    return tuple(map(str, get_args(kind))) if get_origin(kind) is Literal else ()


def _bounds(metadata: Iterable[Any]) -> tuple[Any, Any]:
    first = last = None
    for rule in metadata:
        match rule:
            case Ge(ge=bound):
                first = bound
            case Gt(gt=bound):
                first = bound + 1  # type: ignore[operator]
            case Le(le=bound):
                last = bound
            case Lt(lt=bound):
                last = bound - 1  # type: ignore[operator]
    return first, last
