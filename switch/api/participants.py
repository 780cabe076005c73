"""Participants: public details of all, and all details of one's own. Changes are made at `/v1/changes`."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from switch.api import paging
from switch.api.documents import position_document, use_document
from switch.api.paging import After, Limit
from switch.api.people import Caller, Services, answer, answer_page
from switch.identity.model import Person
from switch.identity.permissions import Right, may
from switch.participants import certification, limits, liquidity, reads, velocity
from switch.payments.directory import Participant

router = APIRouter(prefix="/v1")
Id = Annotated[str, Path(pattern="^[a-z0-9][a-z0-9-]{1,34}$", description="the id of a participant")]


@router.get("/participants", operation_id="listParticipants", tags=["directory"])
async def list_participants(
    request: Request,
    services: Services,
    who: Caller,  # noqa: ARG001 - must be known
    after: After = "",
    limit: Limit = paging.LIMIT_MAX,
) -> Response:
    """Get the participants that can receive payments."""
    page = paging.within(await reads.read(services.pool), limit, lambda p: p.id, after)
    return answer_page(request, "after", page)


@router.get("/participants/{id}", operation_id="getParticipant", tags=["directory"])
async def get_participant(request: Request, services: Services, who: Caller, id: Id) -> Response:  # noqa: A002
    """Get a participant: public details, and positions, keys and liquidity if the caller may read them."""
    detail = await reads.detail(services.pool, id)
    found = detail.participant
    if not may_read(who, found.id, found.country):
        return answer(request, found)
    use = [use_document(u) for u in await liquidity.read(services.pool) if u.participant == id]
    certificate = await certification.last(services.pool, id)
    return answer(
        request,
        {
            **msgspec.to_builtins(found),
            "positions": [position_document(p) for p in detail.positions],
            "keys": detail.keys,
            "certificate": certificate and certificate.document(),
            "in_flight": detail.in_flight,
            "liquidity": use,
            "limits": [
                limit.document() for limit in await limits.read(services.pool) if limit.participant == id
            ],
            "velocity_limits": [
                limit.document() for limit in velocity.concerning(await velocity.read(services.pool), id)
            ],
        },
    )


@router.get("/liquidity", operation_id="listLiquidity", tags=["settlement"])
async def list_liquidity(
    request: Request, services: Services, who: Caller, after: After = "", limit: Limit = paging.LIMIT_MAX
) -> Response:
    """Get how much of its liquidity each participant uses; only participants that the caller may read."""
    countries = {p.id: p.country for p in await reads.read(services.pool)}
    found = [
        u
        for u in await liquidity.read(services.pool)
        if may_read(who, u.participant, countries[u.participant])
    ]
    standing = {
        (limit.participant, limit.currency): limit.document() for limit in await limits.read(services.pool)
    }
    page = paging.within(found, limit, lambda u: f"{u.participant}/{u.currency}", after)
    return answer_page(
        request,
        "after",
        page,
        lambda u: use_document(u) | {"limits": standing.get((u.participant, u.currency))},
    )


def may_read(who: Person | Participant, participant: str, country: str) -> bool:
    """Whether the caller may read a participant's data: as this participant, or by permission."""
    if isinstance(who, Person):
        return may(who, Right.READ_POSITIONS, participant=participant, country=country)
    return who.id == participant
