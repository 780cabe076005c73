"""`GET /v1/source-rails`: where payments begin, for people who read the log."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from switch.api import paging
from switch.api.paging import After, Limit
from switch.api.people import Services, SignedIn, answer_page
from switch.identity.permissions import Right, require
from switch.operations import source_rails

router = APIRouter(prefix="/v1")


@router.get("/source-rails", operation_id="listSourceRails", tags=["directory"])
async def list_source_rails(
    request: Request, services: Services, person: SignedIn, after: After = "", limit: Limit = 100
) -> Response:
    """Get the rails that can order payments: whether their orders are taken, since when, who decided it."""
    require(person, Right.READ_AUDIT)
    found = await source_rails.read(services.pool)
    return answer_page(
        request, "after", paging.within(found, limit, lambda rail: str(rail["country"]), after)
    )
