"""Sign-in, sign-out, choice of language, enrolment, and static files."""

from typing import Annotated, Final

import segno
from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from schemas.errors import NotAllowed, NotAuthentic, NotFound, SwitchError
from switch.api.people import check_same_origin, device_of, forget_cookie, set_cookie
from switch.identity import enrolment, sessions
from switch.identity import sign_in as signing_in
from switch.pages import language
from switch.pages.shell import PREFIX, Context, form, is_ours, redirect, render, static

router = APIRouter(prefix=PREFIX, include_in_schema=False)
_TYPES: Final = {
    "style.css": "text/css",
    "page.js": "text/javascript",
    "proof.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
_HOUR: Final = "public, max-age=3600"


@router.get("/static/{name}")
async def get_static(name: Annotated[str, Path(max_length=40)]) -> Response:
    """Return a static file."""
    if name not in _TYPES:
        raise NotFound
    return Response(static(name), media_type=_TYPES[name], headers={"Cache-Control": _HOUR})


@router.get("/sign-in")
async def get_sign_in(
    request: Request, next_: Annotated[str, Query(alias="next", max_length=300)] = ""
) -> Response:
    """Show the sign-in form."""
    return render(request, "sign_in.html", next=next_ if is_ours(next_) else "", failed=False)


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
            device=device_of(request),
        )
    except NotAuthentic:
        return render(
            request, "sign_in.html", status=401, next=wanted if is_ours(wanted) else "", failed=True
        )
    response = redirect(request, wanted.removeprefix(PREFIX) if is_ours(wanted) else "")
    set_cookie(response, token)
    return response


@router.post("/sign-out")
async def post_sign_out(request: Request, context: Context) -> Response:
    """End the session."""
    check_same_origin(request)
    token = request.cookies.get(sessions.COOKIE)
    if token:
        async with context.pool.acquire() as connection:
            await sessions.end(connection, token)
    return forget_cookie(redirect(request, "/sign-in"))


@router.post("/language")
async def post_language(request: Request) -> Response:
    """Set the language and return to the same page."""
    check_same_origin(request)
    values = await form(request)
    back = values.get("back", "")
    response = redirect(request, back.removeprefix(PREFIX) if is_ours(back) else "")
    if values.get("language") in language.LANGUAGES:
        response.set_cookie(
            language.COOKIE, values["language"], max_age=365 * 86_400, path="/", samesite="lax", httponly=True
        )
    return response


@router.get("/enrol")
async def get_enrol(request: Request) -> Response:
    """Show the first step of the enrolment of a new person."""
    return render(request, "enrol.html", step="password", problem="", secret="", picture="", values={})


@router.post("/enrol")
async def post_enrol(request: Request, context: Context) -> Response:
    """Set the password first, then check the first code of the new authenticator."""
    check_same_origin(request)
    values = await form(request)
    halves = (values.get("maker_half", ""), values.get("checker_half", ""))
    try:
        if "code" in values:
            await enrolment.finish(context, values.get("name", ""), *halves, values["code"])
            return redirect(request, "/sign-in")
        begun = await enrolment.begin(context, values.get("name", ""), *halves, values.get("password", ""))
    except (NotAuthentic, NotAllowed, SwitchError) as error:
        return render(
            request,
            "enrol.html",
            status=400,
            step="password",
            problem=error.detail,
            secret="",
            picture="",
            values={},
        )
    shown = {name: values.get(name, "") for name in ("name", "maker_half", "checker_half")}
    picture = segno.make(begun.totp_uri).svg_data_uri(scale=5)
    return render(
        request,
        "enrol.html",
        step="code",
        problem="",
        secret=begun.totp_secret,
        picture=picture,
        values=shown,
    )
