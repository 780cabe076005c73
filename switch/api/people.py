"""Sign-in of people, and the changes that they request and approve.

A browser holds the session in a `__Host-` cookie; other programs of people send the token as a bearer token.
A request with the cookie that changes something must come from our own pages: the browser states the origin
in `Sec-Fetch-Site` or `Origin`, and a request with neither is refused.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Final, Literal, TypeVar

import asyncpg
import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import JSONResponse, Response

from schemas.errors import InvalidMessage, NotAllowed, NotAuthentic, UnsupportedRepresentation
from switch.api import body as bodies
from switch.api import limits, paging
from switch.api.authentication import authenticate
from switch.api.change_documents import change_document, foreseen_document, full_document
from switch.api.paging import After, Before, Limit, Page
from switch.api.runtime import Runtime
from switch.approvals import approvals
from switch.base import outward, urls
from switch.base.decoding import decoded
from switch.base.outward import OutwardReach
from switch.base.settings import Settings
from switch.change_catalogue import KINDS, describe
from switch.identity import devices, enrolment, guesses, passkeys, providers, sessions, sign_in
from switch.identity.model import Change, ChangeState, Person
from switch.identity.passkeys import RelyingParty
from switch.identity.permissions import Right, may, require
from switch.payments.directory import Participant
from switch.writer.context import ServiceContext
from switch.writer.kinds import Kind

router = APIRouter(prefix="/v1")
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_BODY_MAX: Final = 64 * 1024
_BEARER: Final = "bearer "
AUTOMATIC: Final = "Payswitch-Automatic"
"""The header of a request that no person made: its page is fetched again by a script."""
T = TypeVar("T")
Number = Annotated[int, Path(ge=1, lt=2**63)]


class SignIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The credentials of a person."""

    name: str
    password: str
    code: str


class BeginEnrolment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The two halves of a new person's enrolment code, and the chosen password."""

    name: str
    maker_half: str
    checker_half: str
    password: str


class FinishEnrolment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The data of the first step, with the first code of the authenticator."""

    name: str
    maker_half: str
    checker_half: str
    code: str


class RequestChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request for a change; `content` follows the JSON Schema of its kind."""

    kind: str
    content: dict[str, Any]
    reason: str


Digest = Annotated[
    str,
    msgspec.Meta(
        pattern="^[0-9a-f]{64}$",
        description="Digest of the effect that was shown to the person: the vote counts only for this effect",
    ),
]


class VoteRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The vote of a person on a change."""

    decision: Literal["approve", "refuse"]
    reason: str
    seen: Digest | None = None


def services_of(request: Request) -> ServiceContext:
    """The service context of this worker."""
    runtime: Runtime = request.app.state.runtime
    settings = runtime.settings
    return ServiceContext(
        runtime.pool,
        runtime.reading,
        runtime.link,
        settings.data,
        settings.sandbox,
        settings.bands,
        OutwardReach(outward.permitted_networks(settings, settings.openid_networks), settings.sandbox),
    )


async def read_body(request: Request, kind: type[T], limit: int = _BODY_MAX) -> T:
    """Read a JSON body, strictly.

    Raises:
        UnsupportedRepresentation: not JSON.
        InvalidMessage: not of this form.

    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise UnsupportedRepresentation(
            "Content-Type must be application/json", rule="representation", expected="application/json"
        )
    raw = await bodies.read(request, limit)
    if b"\\u0000" in raw or b"\0" in raw:
        raise InvalidMessage("a text must not contain NUL")
    return decoded(raw, kind)


def is_automatic(request: Request) -> bool:
    """Whether a page fetches something by itself, as its request states: that is no use of a session.

    The statement can only shorten a session, and is ignored where a request changes something.
    """
    return request.method in _SAFE and AUTOMATIC in request.headers


async def find_person(request: Request) -> Person | None:
    """Find who is signed in; None if the request has no session.

    Raises:
        NotAuthentic: its session is not valid.
        NotAllowed: it comes from another site.

    """
    runtime: Runtime = request.app.state.runtime
    if runtime.kind is Kind.API:
        return await _find(request, sessions.look, sessions.look)

    used = not is_automatic(request)

    async def resumed(connection: asyncpg.Connection, cookie: str) -> Person:
        session = await sessions.resume(connection, cookie, used=used)
        request.state.noticed, request.state.ends_in_s = session.noticed, session.ends_in_s
        if session.stale:
            request.state.fresh_token = await sessions.renew(connection, cookie)
        return session.person

    async def borne(connection: asyncpg.Connection, token: str) -> Person:
        return (await sessions.resume(connection, token, used=used)).person

    return await _find(request, resumed, borne)


async def watch_person(request: Request) -> Person | None:
    """As `find_person`, for what a page does by itself: it is no use of the session, and renews no token."""
    return await _find(request, sessions.watch, sessions.watch)


FindPerson = Callable[[asyncpg.Connection, str], Awaitable[Person]]


async def _find(request: Request, of_cookie: FindPerson, of_bearer: FindPerson) -> Person | None:
    services = services_of(request)
    cookie = request.cookies.get(sessions.COOKIE)
    header = request.headers.get("authorization", "")
    async with services.pool.acquire() as connection:
        if cookie is not None:
            check_same_origin(request)
            return await of_cookie(connection, cookie)
        if header.lower().startswith(_BEARER):
            return await _of_bearer(services, connection, header[len(_BEARER) :].strip(), of_bearer)
    return None


async def _of_bearer(
    services: ServiceContext, connection: asyncpg.Connection, token: str, find: FindPerson
) -> Person | None:
    if services.sandbox and token.startswith("sk_test_"):
        try:
            return await sessions.of_bearer(connection, token)
        except NotAuthentic:
            return None  # perhaps the key of a participant
    return await find(connection, token)


def check_same_origin(request: Request) -> None:
    """Refuse a request that does not come from one of our pages."""
    if request.method in _SAFE:
        return
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site != "same-origin":
            raise NotAllowed("the request comes from another site")
        return
    origin = urls.split(request.headers.get("origin", ""))
    if origin is None or not origin.netloc or origin.netloc != request.headers.get("host"):
        raise NotAllowed("the request comes from another site")


async def signed_in(request: Request) -> Person:
    """Get the person who is signed in.

    Raises:
        NotAuthentic: no one is signed in.

    """
    person = await find_person(request)
    if person is None:
        raise NotAuthentic("not signed in")
    limits.proved(request.scope, f"person:{person.name}")
    return person


async def caller(request: Request) -> Person | Participant:
    """Get the caller: a person, or a participant's machine that signs its requests.

    Raises:
        NotAuthentic: neither.

    """
    person = await find_person(request)
    if person is not None:
        limits.proved(request.scope, f"person:{person.name}")
        return person
    return await authenticate(request, b"")


def token_of(request: Request) -> str:
    """The token of the session of a request; empty if it has none."""
    header = request.headers.get("authorization", "")
    bearer = header[len(_BEARER) :].strip() if header.lower().startswith(_BEARER) else ""
    return request.cookies.get(sessions.COOKIE) or bearer


def device_of(request: Request) -> devices.Device:
    """Where a request comes from, as far as a session stores it."""
    address = request.client.host if request.client else ""
    return devices.device(address, request.headers.get("user-agent", ""))


def relying_party_of(request: Request) -> RelyingParty | None:
    """What passkeys are bound to here; None where there cannot be any."""
    settings = request.app.state.runtime.settings
    return passkeys.relying_party(_authority(request, settings), sandbox=settings.sandbox)


def origin_of(request: Request) -> str:
    """The origin of the pages, as browsers see it: `https://pay.example`."""
    settings = request.app.state.runtime.settings
    return f"{'http' if settings.sandbox else 'https'}://{_authority(request, settings)}"


def _authority(request: Request, settings: Settings) -> str:
    """The configured authority; in a sandbox without one, the `Host` of the request."""
    return settings.authority or (request.headers.get("host", "") if settings.sandbox else "")


def source_of(request: Request, services: ServiceContext, name: str) -> guesses.SignInSource:
    """The source of an attempt to sign in with a name, by which failures are counted."""
    address = request.client.host if request.client else ""
    return guesses.source(services, name, address, request.cookies.get(guesses.DEVICE_COOKIE, ""))


SignedIn = Annotated[Person, Depends(signed_in)]
Caller = Annotated[Person | Participant, Depends(caller)]
Services = Annotated[ServiceContext, Depends(services_of)]


def answer(
    request: Request, content: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Respond in JSON, with the new token of the session if there is one."""
    response = JSONResponse(json.loads(msgspec.json.encode(content)), status, headers)
    token = getattr(request.state, "fresh_token", None)
    if token is not None:
        set_cookie(response, token)
    return response


def answer_page(
    request: Request, cursor: str, page: Page[T], document: Callable[[T], object] = lambda entry: entry
) -> Response:
    """Respond with a page of a list and the address of the next page."""
    content = [document(entry) for entry in page.entries]
    return answer(request, content, headers=paging.link(request, cursor, page))


def set_cookie(response: Response, token: str) -> None:
    """Set the session cookie, which scripts and other sites cannot use."""
    response.set_cookie(
        sessions.COOKIE,
        token,
        max_age=sessions.ABSOLUTE_S,
        path="/",
        secure=True,
        httponly=True,
        samesite="strict",
    )


def set_device(response: Response, services: ServiceContext, name: str) -> None:
    """Mark the device from which a person has signed in."""
    response.set_cookie(
        guesses.DEVICE_COOKIE,
        guesses.device_cookie(services, name),
        max_age=guesses.DEVICE_S,
        path="/",
        secure=True,
        httponly=True,
        samesite="strict",
    )


def forget_cookie(response: Response) -> Response:
    """Have the browser drop the session cookie."""
    response.delete_cookie(sessions.COOKIE, path="/", secure=True, httponly=True, samesite="strict")
    return response


@router.post("/sign-in", operation_id="signIn", tags=["people"])
async def post_sign_in(request: Request, services: Services) -> Response:
    """Sign in with name, password and the code of an authenticator; the response sets a session cookie.

    `code` may be two consecutive codes in one text: these are right even if others guess at this name.
    Another cookie marks the device; sent with the next sign-in, failures of others do not delay it.
    """
    if request.headers.get("origin") is not None or request.headers.get("sec-fetch-site") is not None:
        check_same_origin(request)
    form = await read_body(request, SignIn)
    token = await sign_in.sign_in(
        services,
        form.name,
        form.password,
        form.code,
        device=device_of(request),
        source=source_of(request, services, form.name),
    )
    response = Response(status_code=204)
    set_cookie(response, token)
    set_device(response, services, form.name)
    return response


@router.post("/sign-out", operation_id="signOut", tags=["people"])
async def post_sign_out(request: Request, services: Services, person: SignedIn) -> Response:  # noqa: ARG001 - must be known
    """End the session."""
    async with services.pool.acquire() as connection:
        await sessions.end(connection, token_of(request))
    return forget_cookie(Response(status_code=204))


@router.get("/me", operation_id="getMe", tags=["people"])
async def get_me(request: Request, person: SignedIn) -> Response:
    """Get the person who is signed in, with role and permissions."""
    rights = [str(right) for right in Right if may(person, right)]
    return answer(request, {"person": person, "rights": rights})


@router.get("/people", operation_id="listPeople", tags=["people"])
async def list_people(
    request: Request, services: Services, person: SignedIn, after: After = "", limit: Limit = paging.LIMIT_MAX
) -> Response:
    """Get all people who can sign in or once could."""
    require(person, Right.READ_PEOPLE)
    found = await sessions.everybody(services.pool)
    return answer_page(request, "after", paging.within(found, limit, lambda one: one.name, after))


@router.get("/identity-providers", operation_id="listIdentityProviders", tags=["people"])
async def list_identity_providers(
    request: Request, services: Services, person: SignedIn, after: After = "", limit: Limit = paging.LIMIT_MAX
) -> Response:
    """Get the identity providers whose people may sign in, and what their groups grant."""
    require(person, Right.READ_PEOPLE)
    found = await providers.everyone(services.pool)
    return answer_page(request, "after", paging.within(found, limit, lambda one: one.id, after))


@router.post("/enrolment", operation_id="beginEnrolment", tags=["people"])
async def begin_enrolment(request: Request, services: Services) -> Response:
    """Begin the enrolment: set the password and get the secret for the authenticator."""
    form = await read_body(request, BeginEnrolment)
    begun = await enrolment.begin(services, form.name, form.maker_half, form.checker_half, form.password)
    return answer(request, begun)


@router.post("/enrolment/finish", operation_id="finishEnrolment", tags=["people"])
async def finish_enrolment(request: Request, services: Services) -> Response:
    """Finish the enrolment with the first code of the authenticator."""
    form = await read_body(request, FinishEnrolment)
    await enrolment.finish(services, form.name, form.maker_half, form.checker_half, form.code)
    return Response(status_code=204)


@router.get("/changes/kinds", operation_id="listChangeKinds", tags=["changes"])
async def list_kinds(
    request: Request,
    person: SignedIn,  # noqa: ARG001 - must be known
    after: After = "",
    limit: Limit = paging.LIMIT_MAX,
) -> Response:
    """Get every kind of change, with the JSON Schema of its content."""
    page = paging.within(list(KINDS.values()), limit, lambda kind: kind.name, after)
    return answer_page(request, "after", page, describe)


@router.get("/changes", operation_id="listChanges", tags=["changes"])
async def list_changes(  # noqa: PLR0917 - one a query parameter
    request: Request,
    services: Services,
    person: SignedIn,
    state: Annotated[ChangeState | None, Query()] = None,
    before: Before = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """Get changes, newest first, each with its effect.

    People of a participant get those that they requested, and those that have a seat for the participant.
    """
    concerning = None if may(person, Right.READ_CHANGES) else person
    async with services.pool.acquire() as connection:
        found = await approvals.read(
            connection, state=state, concerning=concerning, before=before, limit=limit + 1
        )
        page = paging.cut(found, limit, lambda c: c.number)
        documents = {c.number: await foreseen_document(connection, c) for c in page.entries}
    return answer_page(request, "before", page, lambda change: documents[change.number])


@router.get("/changes/{number}", operation_id="getChange", tags=["changes"])
async def get_change(request: Request, services: Services, person: SignedIn, number: Number) -> Response:
    """Get a change: its effect, the comparison with the values in force, and every vote."""
    async with services.pool.acquire() as connection:
        change = await approvals.find(connection, number)
    if not may_see(person, change):
        raise NotAllowed("your role may not do this")
    return answer(request, await full_document(services, change))


@router.post("/changes", operation_id="requestChange", tags=["changes"])
async def post_change(request: Request, services: Services, person: SignedIn) -> Response:
    """Request a change. For a new person, the response shows half of the enrolment code, once."""
    form = await read_body(request, RequestChange)
    content, half = enrolment.with_maker_half(form.kind, form.content)
    change = await approvals.request(services, KINDS, person, form.kind, content=content, reason=form.reason)
    document = await full_document(services, change)
    return answer(request, {**document, "maker_half": half} if half else document, 201)


@router.post("/changes/{number}/votes", operation_id="voteOnChange", tags=["changes"])
async def post_vote(request: Request, services: Services, person: SignedIn, number: Number) -> Response:
    """Approve or refuse a change. The last approval executes it.

    With `seen`, the vote is refused if the effect is now another one: 409, with the present `effect`.
    """
    vote = await read_body(request, VoteRequest)
    change = await approvals.vote(
        services, KINDS, person, number, decision=vote.decision, reason=vote.reason, seen=vote.seen
    )
    return answer(request, await full_document(services, change))


@router.post("/changes/{number}/withdraw", operation_id="withdrawChange", tags=["changes"])
async def post_withdraw(request: Request, services: Services, person: SignedIn, number: Number) -> Response:
    """Withdraw your own request."""
    return answer(request, change_document(await approvals.withdraw(services, person, number)))


def may_see(person: Person, change: Change) -> bool:
    """Whether a person may read a change: as its requester, with a seat, or by permission."""
    has_seat = any(seat.is_particular and seat.admits(person) for seat in change.seats)
    return change.maker == person.name or has_seat or may(person, Right.READ_CHANGES)
