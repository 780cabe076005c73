"""`GET /v1/indirect-participants`: banks that are reached over a rail, through a gateway."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from adapters import registry
from switch.api import paging
from switch.api.paging import After, Limit
from switch.api.people import Caller, Services, answer_page
from switch.participants import indirect
from switch.payments.indirect import IndirectParticipant

router = APIRouter(prefix="/v1")
FIND_MAX = 64


@router.get("/indirect-participants", operation_id="listIndirectParticipants", tags=["directory"])
async def list_indirect_participants(  # noqa: PLR0917 - one for each parameter
    request: Request,
    services: Services,
    who: Caller,  # noqa: ARG001 - must be known
    rail: Annotated[str, Query(pattern="^([A-Z]{2})?$", description="country of a rail; empty: all")] = "",
    find: Annotated[
        str,
        Query(
            max_length=FIND_MAX,
            pattern=r"^[^\x00-\x1f\x7f]*$",
            description="part of a name, or the beginning of a member id or a BIC",
        ),
    ] = "",
    after: After = "",
    limit: Limit = paging.LIMIT_MAX,
) -> Response:
    """Get the banks that a payment reaches over a rail as creditor agents, by BIC or member id.

    Entries that have ended are left out; `since` may be a day to come.
    """
    found = await indirect.entries(
        services.pool, rail=rail, after=after, text=find, day=datetime.now(UTC).date(), limit=limit + 1
    )
    page = paging.cut(found, limit, key)
    return answer_page(
        request, "after", page, lambda each: indirect.document(each, registry.profile(each.rail).currency)
    )


def key(entry: IndirectParticipant) -> str:
    """The cursor of an entry."""
    return f"{entry.rail}/{entry.id}"
