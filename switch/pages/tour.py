"""The first steps of each role, on the overview until the reader hides them; the browser remembers that."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from switch.api.people import check_same_origin
from switch.identity.model import Person, Role
from switch.pages import shell
from switch.pages.shell import PREFIX, NavigationEntry, Viewer, form, redirect

router = APIRouter(prefix=PREFIX, include_in_schema=False)

COOKIE: Final = "payswitch-tour"
_HIDDEN: Final = "hidden"
_YEAR_S: Final = 365 * 86_400
STEPS: Final[Mapping[Role, Sequence[NavigationEntry]]] = MappingProxyType(
    {
        Role.OPERATOR: (shell.CASES, shell.APPROVALS, shell.PAYMENTS, shell.RAILS, shell.WINDOWS),
        Role.CHECKER: (shell.APPROVALS, shell.CASES, shell.PAYMENTS, shell.WINDOWS),
        Role.AUDITOR: (shell.LOG, shell.PROOFS, shell.REPORTS, shell.CASES),
        Role.REGULATOR: (shell.COUNTRY, shell.APPROVALS, shell.STATISTICS, shell.REPORTS),
        Role.OFFICER: (shell.SCREENING, shell.CASES),
        Role.PARTICIPANT: tuple(entry for entry in shell.OWN if not entry.path.endswith("statistics")),
    }
)
"""Pages that each role needs first, in this order; each says in a sentence what it is for."""


def steps(request: Request, person: Person) -> Sequence[NavigationEntry]:
    """The first steps of a reader who has not hidden them."""
    return () if is_hidden(request) else STEPS[person.role]


def is_hidden(request: Request) -> bool:
    """Whether this browser hides the first steps."""
    return request.cookies.get(COOKIE) == _HIDDEN


@router.post("/tour")
async def post_tour(request: Request, person: Viewer) -> Response:  # noqa: ARG001 - must be signed in
    """Hide the first steps in this browser, or show them again."""
    check_same_origin(request)
    hidden = "hide" in await form(request)
    response = redirect(request, "")
    response.set_cookie(
        COOKIE,
        _HIDDEN if hidden else "",
        max_age=_YEAR_S if hidden else 0,
        path="/",
        samesite="lax",
        httponly=True,
    )
    return response
