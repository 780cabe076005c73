"""What screening is set to: lists with where they are from, who decides about held payments, and watch rules.

For people who read the log, and for screening officers.
"""

from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from switch.api import paging
from switch.api.paging import After, Before, Limit
from switch.api.people import Services, SignedIn, answer_page
from switch.cases.officers import EVERYBODY
from switch.identity.model import Person
from switch.identity.permissions import Right, may, require
from switch.operations import screening_lists, screening_officers, watching

router = APIRouter(prefix="/v1/screening")
_EVERYBODYS_CURSOR: Final = "."
"""Of the setting for all others, whose name no cursor has; it is the first one."""


@router.get("/lists", operation_id="listScreeningLists", tags=["screening"])
async def list_lists(
    request: Request, services: Services, person: SignedIn, before: Before = None, limit: Limit = 50
) -> Response:
    """Get the files of sanctions lists that were added, newest first, each with where it is from."""
    _check_reads(person)
    found = await screening_lists.read(services.pool, before=before, limit=limit + 1)
    return answer_page(request, "before", paging.cut(found, limit, lambda one: int(one["number"])))


@router.get("/officers", operation_id="listScreeningOfficers", tags=["screening"])
async def list_officers(
    request: Request, services: Services, person: SignedIn, after: After = "", limit: Limit = 100
) -> Response:
    """Get who decides about held payments: each participant with a setting of its own, and all others."""
    require(person, Right.READ_AUDIT)
    found = await screening_officers.read(services.pool)
    return answer_page(request, "after", paging.within(found, limit, _cursor_of_setting, after))


@router.get("/watch-rules", operation_id="listWatchRules", tags=["screening"])
async def list_watch_rules(
    request: Request, services: Services, person: SignedIn, after: After = "", limit: Limit = 100
) -> Response:
    """Get the newest version of every watch rule; one whose action is `none` has ended."""
    _check_reads(person)
    found = await watching.read(services.pool)
    page = paging.within(found, limit, lambda rule: f"{rule['number']:019}", after)
    return answer_page(request, "after", page)


def _check_reads(person: Person) -> None:
    if not may(person, Right.SCREEN_PAYMENTS):
        require(person, Right.READ_AUDIT)


def _cursor_of_setting(setting: dict[str, Any]) -> str:
    name: str = setting["participant"]
    return _EVERYBODYS_CURSOR if name == EVERYBODY else name
