"""Sessions of people: one's own, and those of others for whoever may end them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from switch.api import paging
from switch.api.paging import After, Limit
from switch.api.people import Services, SignedIn, answer_page, token_of
from switch.identity import sessions
from switch.identity.permissions import Right, require

router = APIRouter(prefix="/v1")
Name = Annotated[str, Path(pattern="^[a-z][a-z0-9._-]{1,63}$", description="the name of a person")]


@router.get("/me/sessions", operation_id="listMySessions", tags=["people"])
async def list_mine(
    request: Request, services: Services, person: SignedIn, after: After = "", limit: Limit = paging.LIMIT_MAX
) -> Response:
    """Get your own open sessions: begun, last used, shortened address, browser."""
    found = await sessions.of_person(services.pool, person.name, token_of(request))
    return answer_page(request, "after", paging.within(found, limit, lambda one: str(one.id), after))


@router.delete("/me/sessions", operation_id="endMySessions", tags=["people"])
async def end_mine(services: Services, person: SignedIn) -> Response:
    """End all your own sessions, the one of this request included."""
    return await _end(services, person, person.name)


@router.delete("/me/sessions/{id}", operation_id="endMySession", tags=["people"])
async def end_one_of_mine(
    services: Services, person: SignedIn, id_: Annotated[UUID, Path(alias="id")]
) -> Response:
    """End one of your own sessions."""
    return await _end(services, person, person.name, id_)


@router.get("/people/{name}/sessions", operation_id="listSessionsOfPerson", tags=["people"])
async def list_of_person(  # noqa: PLR0917 - one a parameter
    request: Request,
    services: Services,
    person: SignedIn,
    name: Name,
    after: After = "",
    limit: Limit = paging.LIMIT_MAX,
) -> Response:
    """Get the open sessions of another person."""
    require(person, Right.END_SESSIONS)
    found = await sessions.of_person(services.pool, name, token_of(request))
    return answer_page(request, "after", paging.within(found, limit, lambda one: str(one.id), after))


@router.delete("/people/{name}/sessions", operation_id="endSessionsOfPerson", tags=["people"])
async def end_of_person(services: Services, person: SignedIn, name: Name) -> Response:
    """End all sessions of another person; the log records who did it."""
    require(person, Right.END_SESSIONS)
    return await _end(services, person, name)


async def _end(services: Services, by: SignedIn, name: str, id_: UUID | None = None) -> Response:
    async with services.pool.acquire() as connection:
        await sessions.end_of(connection, name, by, id_)
    return Response(status_code=204)
