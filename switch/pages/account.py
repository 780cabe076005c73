"""One's own account: the open sessions, and the forms that end them."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from schemas.errors import InvalidMessage
from switch.api.people import check_same_origin, forget_cookie, token_of
from switch.identity import sessions
from switch.identity.model import Person
from switch.pages import shell
from switch.pages.shell import PREFIX, Context, form, redirect, render

router = APIRouter(prefix=PREFIX, include_in_schema=False)
Owner = Annotated[Person, Depends(shell.ACCOUNT.viewer)]
BASE: Final = shell.ACCOUNT.path


@router.get("/me")
async def get_account(request: Request, context: Context, person: Owner) -> Response:
    """Show one's own account."""
    found = await sessions.of_person(context.pool, person.name, token_of(request))
    return render(request, "account.html", person, sessions=found, base=PREFIX + BASE)


@router.post("/me/sessions/end")
async def post_end(request: Request, context: Context, person: Owner) -> Response:
    """End one of one's own sessions, or all of them: without `id`."""
    check_same_origin(request)
    text = (await form(request)).get("id", "")
    try:
        id_ = UUID(text) if text else None
    except ValueError:
        raise InvalidMessage("the id of the session is not valid") from None
    async with context.pool.acquire() as connection:
        await sessions.end_of(connection, person.name, person, id_)
    if id_ is None:
        return forget_cookie(redirect(request, "/sign-in"))
    return redirect(request, BASE)
