"""Sign-in with an identity provider: the way there, the way back, and its notice of a logout.

The browser arrives back from another site, so it does not send our `SameSite=Strict` cookie at once: the
answer is a page that leads on by itself.
"""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from schemas.errors import NotAllowed, NotAuthentic, Unavailable
from switch.api.people import (
    check_same_origin,
    device_of,
    origin_of,
    set_cookie,
    signed_in,
    token_of,
)
from switch.identity import factors, federated, passkeys, sessions, tickets
from switch.pages import shell
from switch.pages.shell import PREFIX, Context, form, is_ours, page_or_overview, render
from switch.pages.sign_in import assertion_of, options_for, sign_in_form
from switch.writer.context import ServiceContext

router = APIRouter(prefix=PREFIX, include_in_schema=False)
BEGUN: Final = "__Host-payswitch-openid"
SECOND: Final = "__Host-payswitch-second"
CALLBACK: Final = f"{PREFIX}/openid/callback"
_ANSWER: Final = ("code", "state", "iss", "error")


@router.get("/openid/sign-in/{id}")
async def get_begin(
    request: Request,
    context: Context,
    id_: Annotated[str, Path(alias="id", max_length=40)],
    next_: Annotated[str, Query(alias="next", max_length=300)] = "",
) -> Response:
    """Lead to the provider."""
    return await _lead(request, context, id_, next_ if is_ours(next_) else "")


@router.post("/me/provider")
async def post_connect(request: Request, context: Context) -> Response:
    """Lead a signed-in person to the provider, to be bound to it; a confirmation is used up."""
    check_same_origin(request)
    try:
        person = await signed_in(request)
    except NotAuthentic:
        raise shell.SignInRequired from None
    id_ = (await form(request)).get("id", "")
    try:
        async with context.pool.acquire() as connection, connection.transaction():
            await sessions.use_confirmation(connection, token_of(request))
    except NotAllowed:
        return shell.redirect(request, shell.ACCOUNT.path)  # it asks for the confirmation
    return await _lead(request, context, id_, f"{PREFIX}/me", person.name)


async def _lead(
    request: Request, context: ServiceContext, id_: str, next_: str, person: str = ""
) -> Response:
    try:
        begun = await federated.begin(context, id_, _redirect(request), next_, person)
    except (NotAuthentic, Unavailable) as error:
        return await sign_in_form(request, context, status=error.status, problem=error.detail)
    # The forms of our pages may only be sent to us: a page leads on, and no form's answer redirects.
    response = (
        RedirectResponse(begun.address, 303)
        if not person
        else render(request, "onward.html", address=begun.address)
    )
    # Lax: the browser comes back from another site.
    response.set_cookie(
        BEGUN, begun.ticket, max_age=tickets.WITHIN_S, path="/", secure=True, httponly=True, samesite="lax"
    )
    return shell.finish(request, response)


@router.get("/openid/callback")
async def get_callback(request: Request, context: Context) -> Response:
    """Take the provider's answer."""
    try:
        signed = await federated.finish(
            context,
            request.cookies.get(BEGUN, ""),
            _answer(request),
            redirect=_redirect(request),
            device=device_of(request),
        )
    except (NotAuthentic, Unavailable) as error:
        return await sign_in_form(request, context, status=error.status, problem=error.detail)
    if signed.second:
        response = _second(request)
        response.set_cookie(
            SECOND,
            signed.second,
            max_age=tickets.WITHIN_S,
            path="/",
            secure=True,
            httponly=True,
            samesite="strict",
        )
    else:
        response = _enter(request, signed)
    response.delete_cookie(BEGUN, path="/", secure=True, httponly=True, samesite="lax")
    return response


@router.post("/openid/second-factor")
async def post_second(request: Request, context: Context) -> Response:
    """Check the second factor of a person whom a provider has signed in."""
    check_same_origin(request)
    values = await form(request)
    proof = factors.FactorProof(values.get("code", ""), assertion_of(request, values, passkeys.SIGN_IN))
    try:
        signed = await federated.prove(context, request.cookies.get(SECOND, ""), proof, device_of(request))
    except NotAuthentic as error:
        return _second(request, status=401, problem=error.detail)
    response = _enter(request, signed)
    response.delete_cookie(SECOND, path="/", secure=True, httponly=True, samesite="strict")
    return response


@router.post("/openid/backchannel-logout")
async def post_logout(request: Request, context: Context) -> Response:
    """End sessions at the request of a provider: OpenID Connect Back-Channel Logout 1.0."""
    values = await form(request)
    try:
        await federated.log_out(context, values.get("logout_token", ""))
    except NotAuthentic:
        return JSONResponse({"error": "invalid_request"}, 400)
    return Response(status_code=200)


def _answer(request: Request) -> dict[str, str]:
    """The parameters that we know, each once; others are ignored."""
    given = [(name, value) for name, value in request.query_params.multi_items() if name in _ANSWER]
    if len(dict(given)) != len(given):
        raise NotAuthentic("the identity provider's answer is not valid: sign in again")
    return dict(given)


def _second(request: Request, status: int = 200, problem: str = "") -> Response:
    options = options_for(request, passkeys.SIGN_IN)
    return render(request, "second_factor.html", None, status, problem=problem, passkey=options)


def _enter(request: Request, signed: federated.SignInOutcome) -> Response:
    response = render(request, "onward.html", address=page_or_overview(signed.next))
    if signed.token:
        set_cookie(response, signed.token)
    return response


def _redirect(request: Request) -> str:
    return f"{origin_of(request)}{CALLBACK}"
