"""Signing in, and the changes that people ask for and agree to.

A browser holds the session in a `__Host-` cookie; other programs of people send the token as a bearer key.
A request that changes something and comes with the cookie must come from our own pages: the browser says
so in `Sec-Fetch-Site` or `Origin`, and one that says neither is turned away.
"""

import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal, TypeVar
from urllib.parse import urlsplit

import asyncpg
import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import JSONResponse, Response

from schemas.errors import InvalidMessage, NotAllowed, NotAuthentic
from switch.api import body as bodies
from switch.api import paging
from switch.api.authentication import authenticate
from switch.api.paging import After, Before, Limit, Page
from switch.api.runtime import Runtime
from switch.approvals import approvals
from switch.change_catalogue import KINDS, describe
from switch.identity import enrolment, sessions, sign_in
from switch.identity.model import Change, ChangeState, Person
from switch.identity.permissions import Right, may, require
from switch.payments.directory import Participant
from switch.writer.desk import Desk

router = APIRouter(prefix="/v1")
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_BODY_MAX: Final = 64 * 1024
_BEARER: Final = "bearer "
T = TypeVar("T")
Number = Annotated[int, Path(ge=1, lt=2**63)]


class SignIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who signs in, and by what."""

    name: str
    password: str
    code: str


class BeginEnrolment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new person's code, in its two halves, and the password it wants."""

    name: str
    maker_half: str
    checker_half: str
    password: str


class FinishEnrolment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The same, with the first code of the authenticator."""

    name: str
    maker_half: str
    checker_half: str
    code: str


class RequestChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A change that is asked for; `content` is what its kind says."""

    kind: str
    content: dict[str, Any]
    reason: str


Digest = Annotated[
    str,
    msgspec.Meta(
        pattern="^[0-9a-f]{64}$",
        description="The digest of the effect that the person was shown: the vote counts for it alone",
    ),
]


class Say(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a person says to a change."""

    decision: Literal["approve", "refuse"]
    reason: str
    seen: Digest | None = None


def desk_of(request: Request) -> Desk:
    """The desk of this worker."""
    runtime: Runtime = request.app.state.runtime
    settings = runtime.settings
    return Desk(runtime.pool, runtime.link, settings.data, settings.sandbox, settings.bands)


async def read_body(request: Request, kind: type[T]) -> T:
    """Read a JSON body, strictly.

    Raises:
        InvalidMessage: not JSON, or not of this form.

    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise InvalidMessage("application/json is read here")
    raw = await bodies.read(request, _BODY_MAX)
    if b"\\u0000" in raw or b"\0" in raw:
        raise InvalidMessage("NUL is no character of a text")
    try:
        return msgspec.json.decode(raw, type=kind, strict=True)
    except msgspec.DecodeError as error:
        raise InvalidMessage(str(error)) from None


async def find_person(request: Request) -> Person | None:
    """Find who is signed in; None where the request brings no session at all.

    Raises:
        NotAuthentic: it brings one that is not good.
        NotAllowed: it comes from another site.

    """
    desk = desk_of(request)
    cookie = request.cookies.get(sessions.COOKIE)
    header = request.headers.get("authorization", "")
    async with desk.pool.acquire() as connection:
        if cookie is not None:
            check_same_origin(request)
            session = await sessions.resume(connection, cookie)
            if session.stale:
                request.state.fresh_token = await sessions.renew(connection, cookie)
            return session.person
        if header.lower().startswith(_BEARER):
            return await _of_bearer(desk, connection, header[len(_BEARER) :].strip())
    return None


async def _of_bearer(desk: Desk, connection: asyncpg.Connection, token: str) -> Person | None:
    if desk.sandbox and token.startswith("sk_test_"):
        try:
            return await sessions.of_bearer(connection, token)
        except NotAuthentic:
            return None  # perhaps a participant's
    return (await sessions.resume(connection, token)).person


def check_same_origin(request: Request) -> None:
    """What changes something must have been sent by a page of ours."""
    if request.method in _SAFE:
        return
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site != "same-origin":
            raise NotAllowed("from another site")
        return
    origin = request.headers.get("origin")
    if origin is None or urlsplit(origin).netloc != request.headers.get("host"):
        raise NotAllowed("from another site")


async def signed_in(request: Request) -> Person:
    """The person who asks.

    Raises:
        NotAuthentic: nobody is signed in.

    """
    person = await find_person(request)
    if person is None:
        raise NotAuthentic("not signed in")
    return person


async def caller(request: Request) -> Person | Participant:
    """Whoever asks: a person, or a participant's machine that signs its requests.

    Raises:
        NotAuthentic: neither.

    """
    person = await find_person(request)
    if person is not None:
        return person
    return await authenticate(request, b"")


SignedIn = Annotated[Person, Depends(signed_in)]
Caller = Annotated[Person | Participant, Depends(caller)]
Office = Annotated[Desk, Depends(desk_of)]


def answer(
    request: Request, content: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer in JSON, with the session's new token if it has one."""
    response = JSONResponse(json.loads(msgspec.json.encode(content)), status, headers)
    token = getattr(request.state, "fresh_token", None)
    if token is not None:
        set_cookie(response, token)
    return response


def answer_page(
    request: Request, cursor: str, page: Page[T], document: Callable[[T], object] = lambda entry: entry
) -> Response:
    """Answer a page of a list, with the address of the next one."""
    content = [document(entry) for entry in page.entries]
    return answer(request, content, headers=paging.link(request, cursor, page))


def set_cookie(response: Response, token: str) -> None:
    """Give the session to the browser, out of reach of scripts and of other sites."""
    response.set_cookie(
        sessions.COOKIE,
        token,
        max_age=sessions.ABSOLUTE_S,
        path="/",
        secure=True,
        httponly=True,
        samesite="strict",
    )


@router.post("/sign-in", operation_id="signIn", tags=["people"])
async def post_sign_in(request: Request, desk: Office) -> Response:
    """Sign in with name, password and the code of an authenticator; the session comes as a cookie."""
    if request.headers.get("origin") is not None or request.headers.get("sec-fetch-site") is not None:
        check_same_origin(request)
    said = await read_body(request, SignIn)
    token = await sign_in.sign_in(desk, said.name, said.password, said.code)
    response = Response(status_code=204)
    set_cookie(response, token)
    return response


@router.post("/sign-out", operation_id="signOut", tags=["people"])
async def post_sign_out(request: Request, desk: Office, person: SignedIn) -> Response:  # noqa: ARG001 - must be known
    """End the session."""
    token = request.cookies.get(sessions.COOKIE) or request.headers["authorization"][len(_BEARER) :].strip()
    async with desk.pool.acquire() as connection:
        await sessions.end(connection, token)
    response = Response(status_code=204)
    response.delete_cookie(sessions.COOKIE, path="/", secure=True, httponly=True, samesite="strict")
    return response


@router.get("/me", operation_id="getMe", tags=["people"])
async def get_me(request: Request, person: SignedIn) -> Response:
    """Get who is signed in, and what this person may do."""
    rights = [str(right) for right in Right if may(person, right)]
    return answer(request, {"person": person, "rights": rights})


@router.get("/people", operation_id="listPeople", tags=["people"])
async def list_people(
    request: Request, desk: Office, person: SignedIn, after: After = "", limit: Limit = paging.LIMIT_MAX
) -> Response:
    """Get everybody who may sign in, or could once."""
    require(person, Right.READ_PEOPLE)
    found = await sessions.everybody(desk.pool)
    return answer_page(request, "after", paging.within(found, limit, lambda one: one.name, after))


@router.post("/enrolment", operation_id="beginEnrolment", tags=["people"])
async def begin_enrolment(request: Request, desk: Office) -> Response:
    """Begin to enrol: set the password, get what goes into the authenticator."""
    said = await read_body(request, BeginEnrolment)
    begun = await enrolment.begin(desk, said.name, said.maker_half, said.checker_half, said.password)
    return answer(request, begun)


@router.post("/enrolment/finish", operation_id="finishEnrolment", tags=["people"])
async def finish_enrolment(request: Request, desk: Office) -> Response:
    """Finish it with the authenticator's first code."""
    said = await read_body(request, FinishEnrolment)
    await enrolment.finish(desk, said.name, said.maker_half, said.checker_half, said.code)
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
    desk: Office,
    person: SignedIn,
    state: Annotated[ChangeState | None, Query()] = None,
    before: Before = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """Get changes, newest first, each with its effect; a participant's person gets its own requests."""
    maker = None if may(person, Right.READ_CHANGES) else person.name
    async with desk.pool.acquire() as connection:
        found = await approvals.read(connection, state=state, maker=maker, before=before, limit=limit + 1)
        page = paging.cut(found, limit, lambda c: c.number)
        documents = {c.number: await foreseen_document(connection, c) for c in page.entries}
    return answer_page(request, "before", page, lambda change: documents[change.number])


@router.get("/changes/{number}", operation_id="getChange", tags=["changes"])
async def get_change(request: Request, desk: Office, person: SignedIn, number: Number) -> Response:
    """Get a change: what it would do, what it is measured by, and every vote on it."""
    async with desk.pool.acquire() as connection:
        change = await approvals.find(connection, number)
    if not may_see(person, change):
        raise NotAllowed("your role may not do this")
    return answer(request, await full_document(desk, change))


@router.post("/changes", operation_id="requestChange", tags=["changes"])
async def post_change(request: Request, desk: Office, person: SignedIn) -> Response:
    """Ask for a change. For a new person, half an enrolment code comes with the answer, once."""
    said = await read_body(request, RequestChange)
    content, half = with_maker_half(said.kind, said.content)
    change = await approvals.request(desk, KINDS, person, said.kind, content=content, reason=said.reason)
    document = await full_document(desk, change)
    return answer(request, {**document, "maker_half": half} if half else document, 201)


@router.post("/changes/{number}/votes", operation_id="voteOnChange", tags=["changes"])
async def post_vote(request: Request, desk: Office, person: SignedIn, number: Number) -> Response:
    """Agree to a change, or refuse it. The last to agree has it executed.

    With `seen`, a change that would now do something else is not voted on: 409, with its present `effect`.
    """
    said = await read_body(request, Say)
    change = await approvals.vote(
        desk, KINDS, person, number, decision=said.decision, reason=said.reason, seen=said.seen
    )
    return answer(request, await full_document(desk, change))


@router.post("/changes/{number}/withdraw", operation_id="withdrawChange", tags=["changes"])
async def post_withdraw(request: Request, desk: Office, person: SignedIn, number: Number) -> Response:
    """Take one's own request back."""
    return answer(request, change_document(await approvals.withdraw(desk, person, number)))


def with_maker_half(kind: str, content: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Add the maker's half of an enrolment code where the kind has one and the maker brings none."""
    if kind not in {"person.add", "person.reset"} or "maker_half" in content:
        return content, ""
    half, hashed = enrolment.new_half()
    return {**content, "maker_half": hashed}, half


def change_document(change: Change) -> dict[str, Any]:
    """Describe a change in JSON's types; the secret is there only for who has just completed it."""
    document: dict[str, Any] = json.loads(msgspec.json.encode(change))
    document["content"] = json.loads(change.content)
    secret = document.pop("secret")
    return {**document, "checker_half": secret} if secret else document


async def foreseen_document(connection: asyncpg.Connection, change: Change) -> dict[str, Any]:
    """The same with what it touches (`links`), and what it would do (`effect`) while it is asked for."""
    effect = await approvals.foresee(connection, KINDS, change)
    return {
        **change_document(change),
        "effect": effect and effect.document(change.number),
        "links": [one.document() for one in await approvals.links(connection, KINDS, change)],
    }


async def full_document(desk: Desk, change: Change) -> dict[str, Any]:
    """The same with `comparisons` while it is asked for: what it is measured by, and by what factor."""
    async with desk.pool.acquire() as connection:
        document = await foreseen_document(connection, change)
        compared = await approvals.compare(connection, desk, KINDS, change)
    return {**document, "comparisons": [one.document() for one in compared]}


def may_see(person: Person, change: Change) -> bool:
    """Whether a person may read a change: its own, or by right."""
    return change.maker == person.name or may(person, Right.READ_CHANGES)
