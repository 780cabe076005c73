"""One's own account: open sessions, passkeys and notices, and the forms that change them.

To add or remove a passkey, a person first proves the second factor again; this is valid for one change.
"""

import json
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fido2.utils import websafe_decode
from starlette.responses import Response

from schemas.errors import InvalidMessage, NotAllowed, NotAuthentic, NotFound, Refused
from switch.api.people import check_same_origin, forget_cookie, relying_party_of, token_of
from switch.identity import factors, notices, passkeys, providers, sessions, sign_in
from switch.identity.model import Person
from switch.pages import shell, tour
from switch.pages.shell import PREFIX, Context, form, redirect, render
from switch.pages.sign_in import assertion_of, options_for
from switch.writer.context import ServiceContext

router = APIRouter(prefix=PREFIX, include_in_schema=False)
Owner = Annotated[Person, Depends(shell.ACCOUNT.viewer)]
BASE: Final = shell.ACCOUNT.path


@router.get("/me")
async def get_account(request: Request, context: Context, person: Owner) -> Response:
    """Show one's own account."""
    return await _show(request, context, person)


async def _show(request: Request, context: ServiceContext, person: Person, problem: str = "") -> Response:
    pool, token, party = context.pool, token_of(request), relying_party_of(request)
    known = await passkeys.of_person(pool, person.name)
    confirmed = await sessions.is_confirmed(pool, token)
    options = passkeys.creation_options(context.data, party, person.name, known) if party else {}
    return render(
        request,
        "account.html",
        person,
        400 if problem else 200,
        sessions=await sessions.of_person(pool, person.name, token),
        passkeys=known,
        confirmed=confirmed,
        tour_hidden=tour.is_hidden(request),
        create=json.dumps(options) if options else "",
        passkey=options_for(request, passkeys.CONFIRM) if known else "",
        notices=await notices.of_person(pool, person.name),
        connected=await providers.of_person(pool, person.name),
        providers=[one for one in await providers.everyone(pool) if one.may_have(person)],
        problem=problem,
        base=PREFIX + BASE,
    )


@router.post("/me/confirm")
async def post_confirm(request: Request, context: Context, person: Owner) -> Response:
    """Prove the second factor again, for one change of the sign-in."""
    check_same_origin(request)
    values = await form(request)
    proof = factors.FactorProof(values.get("code", ""), assertion_of(request, values, passkeys.CONFIRM))
    try:
        await sign_in.confirm(context, person.name, token_of(request), proof)
    except NotAuthentic as error:
        return await _show(request, context, person, error.detail)
    return redirect(request, BASE)


@router.post("/me/passkeys")
async def post_passkey(request: Request, context: Context, person: Owner) -> Response:
    """Add a passkey."""
    check_same_origin(request)
    values = await form(request)
    party = relying_party_of(request)
    if party is None:
        raise InvalidMessage("passkeys need a host name, not an address")
    try:
        async with context.pool.acquire() as connection, connection.transaction():
            await sessions.use_confirmation(connection, token_of(request))
            await passkeys.add(
                connection,
                context.data,
                party,
                person.name,
                values.get("label", ""),
                values.get("passkey", ""),
            )
            await notices.add(connection, person.name, notices.PASSKEY_ADDED)
    except (NotAllowed, Refused) as error:
        return await _show(request, context, person, error.detail)
    return redirect(request, BASE)


@router.post("/me/passkeys/remove")
async def post_remove(request: Request, context: Context, person: Owner) -> Response:
    """Remove a passkey; never the last second factor."""
    check_same_origin(request)
    text = (await form(request)).get("id", "")
    try:
        id_ = websafe_decode(text)
    except ValueError:
        raise NotFound("no such passkey") from None
    try:
        async with context.pool.acquire() as connection, connection.transaction():
            await sessions.use_confirmation(connection, token_of(request))
            await passkeys.remove(connection, person.name, id_)
    except NotAllowed as error:
        return await _show(request, context, person, error.detail)
    return redirect(request, BASE)


@router.post("/me/notices/read")
async def post_read(request: Request, context: Context, person: Owner) -> Response:
    """Show the notices no longer on every page."""
    check_same_origin(request)
    async with context.pool.acquire() as connection:
        await notices.read(connection, person.name)
    return redirect(request, BASE)


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
