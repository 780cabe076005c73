"""Sign-in, sign-out, choice of language, enrolment, and static files."""

import json
from collections.abc import Mapping
from typing import Annotated, Final

import segno
from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from schemas.errors import NotAllowed, NotAuthentic, NotFound, SwitchError
from switch.api.people import (
    check_same_origin,
    device_of,
    forget_cookie,
    origin_of,
    relying_party_of,
    services_of,
    set_cookie,
    set_device,
    source_of,
)
from switch.identity import enrolment, openid, passkeys, providers, sessions
from switch.identity import sign_in as signing_in
from switch.pages import language
from switch.pages.shell import PREFIX, Context, form, is_ours, page_or_overview, redirect, render, static
from switch.writer.context import ServiceContext

router = APIRouter(prefix=PREFIX, include_in_schema=False)
_TYPES: Final = {
    "style.css": "text/css",
    "page.js": "text/javascript",
    "passkey.js": "text/javascript",
    "proof.js": "text/javascript",
    "verify.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
WRONG: Final = "The name, password, code or passkey is wrong, or you are not allowed to sign in now."
_HOUR: Final = "public, max-age=3600"


@router.get("/static/{name}")
async def get_static(name: Annotated[str, Path(max_length=40)]) -> Response:
    """Return a static file."""
    if name not in _TYPES:
        raise NotFound
    return Response(static(name), media_type=_TYPES[name], headers={"Cache-Control": _HOUR})


@router.get("/sign-in")
async def get_sign_in(
    request: Request, context: Context, next_: Annotated[str, Query(alias="next", max_length=300)] = ""
) -> Response:
    """Show the sign-in form."""
    return await sign_in_form(request, context, next_ if is_ours(next_) else "")


@router.post("/sign-in")
async def post_sign_in(request: Request, context: Context) -> Response:
    """Sign in. After a failure the page never states the cause."""
    check_same_origin(request)
    values = await form(request)
    wanted = values.get("next", "")
    try:
        token = await signing_in.sign_in(
            context,
            values.get("name", ""),
            values.get("password", ""),
            values.get("code", ""),
            assertion=assertion_of(request, values, passkeys.SIGN_IN),
            device=device_of(request),
            source=source_of(request, context, values.get("name", "")),
        )
    except NotAuthentic:
        return await sign_in_form(
            request, context, wanted if is_ours(wanted) else "", status=401, problem=WRONG
        )
    response = redirect(request, page_or_overview(wanted).removeprefix(PREFIX))
    set_cookie(response, token)
    set_device(response, context, values.get("name", ""))
    return response


async def sign_in_form(
    request: Request, context: ServiceContext, wanted: str = "", *, status: int = 200, problem: str = ""
) -> Response:
    """The sign-in page, with the identity providers that there are."""
    return render(
        request,
        "sign_in.html",
        status=status,
        next=wanted,
        problem=problem,
        passkey=options_for(request, passkeys.SIGN_IN),
        providers=await providers.everyone(context.pool),
    )


def options_for(request: Request, purpose: str) -> str:
    """Options of a passkey for a script, as JSON; empty where passkeys are not possible."""
    party = relying_party_of(request)
    data = services_of(request).data
    return json.dumps(passkeys.request_options(data, party, purpose)) if party else ""


def assertion_of(request: Request, values: Mapping[str, str], purpose: str) -> passkeys.Assertion | None:
    """The passkey that a form was sent with, if any."""
    text = values.get("passkey", "")
    return passkeys.Assertion(text, relying_party_of(request), purpose) if text else None


@router.post("/sign-out")
async def post_sign_out(request: Request, context: Context) -> Response:
    """End the session."""
    check_same_origin(request)
    token = request.cookies.get(sessions.COOKIE)
    issuer = ""
    if token:
        async with context.pool.acquire() as connection:
            issuer = await sessions.issuer_of(connection, token)
            await sessions.end(connection, token)
    page = await leave(request, context, issuer) if issuer else None
    return forget_cookie(page or redirect(request, "/sign-in"))


async def leave(request: Request, context: ServiceContext, issuer: str) -> Response | None:
    """The page that leads to the provider's own sign-out; None if there is none."""
    known = await providers.everyone(context.pool)
    provider = next((one for one in known if one.issuer == issuer), None)
    if provider is None:
        return None
    back = f"{origin_of(request)}{PREFIX}/sign-in"
    address = await openid.logout_address(provider, back, reach=context.reach)
    return render(request, "onward.html", address=address) if address else None


@router.post("/language")
async def post_language(request: Request) -> Response:
    """Set the language and return to the same page."""
    check_same_origin(request)
    values = await form(request)
    back = values.get("back", "")
    response = redirect(request, page_or_overview(back).removeprefix(PREFIX))
    if values.get("language") in language.LANGUAGES:
        response.set_cookie(
            language.COOKIE, values["language"], max_age=365 * 86_400, path="/", samesite="lax", httponly=True
        )
    return response


@router.get("/enrol")
async def get_enrol(request: Request) -> Response:
    """Show the first step of the enrolment of a new person."""
    return _enrol(request)


@router.post("/enrol")
async def post_enrol(request: Request, context: Context) -> Response:
    """Set the password first; then check the first code of the new authenticator, or add a passkey."""
    check_same_origin(request)
    values = await form(request)
    name = values.get("name", "")
    halves = (values.get("maker_half", ""), values.get("checker_half", ""))
    party = relying_party_of(request)
    try:
        if "code" in values:
            passkey = _first_passkey(values, party)
            await enrolment.finish(context, name, *halves, values["code"], passkey=passkey)
            return redirect(request, "/sign-in")
        begun = await enrolment.begin(context, name, *halves, values.get("password", ""))
    except (NotAuthentic, NotAllowed, SwitchError) as error:
        return _enrol(request, status=400, problem=error.detail)
    options = passkeys.creation_options(context.data, party, name, []) if party else None
    return _enrol(
        request,
        step="code",
        secret=begun.totp_secret,
        picture=segno.make(begun.totp_uri).svg_data_uri(scale=5),
        values={each: values.get(each, "") for each in ("name", "maker_half", "checker_half")},
        passkey=json.dumps(options) if options else "",
    )


def _first_passkey(
    values: Mapping[str, str], party: passkeys.RelyingParty | None
) -> enrolment.FirstPasskey | None:
    text = values.get("passkey", "")
    return enrolment.FirstPasskey(text, values.get("label", ""), party) if text and party else None


def _enrol(request: Request, status: int = 200, **context: object) -> Response:
    empty = {"step": "password", "problem": "", "secret": "", "picture": "", "values": {}, "passkey": ""}
    return render(request, "enrol.html", None, status, **{**empty, **context})
