"""Cases: what needs a person, who works on it, and what was done. For the operator's people and officers."""

from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from schemas.errors import NotFound
from switch.api.paging import Before, cut
from switch.api.people import Number, Services, SignedIn, answer, answer_page, read_body
from switch.api.runtime import Runtime
from switch.base.personal_data import KeyRing
from switch.cases import acts, attachments, reading
from switch.cases.model import Case, CaseKind
from switch.identity.model import Person
from switch.identity.permissions import Right, require
from switch.operations import goaml, screening_decisions
from switch.writer.context import ServiceContext

router = APIRouter(prefix="/v1")
_FILE_BODY_MAX: Final = attachments.OCTETS_MAX * 4 // 3 + 4096
"""An attachment in base64, with its name and type."""
STATES: Final = ("open", "overdue", "closed")
ATTACHED: Final = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}
"""Headers of a file that a person attached: a browser stores it, and runs nothing of it."""
Act = Annotated[int, Path(ge=1, lt=2**63, description="number of the act that attached it")]
Owner = Annotated[
    str,
    Query(
        pattern="^(-|[a-z][a-z0-9._-]{1,63})?$", description="the name of the owner; `-`: cases without one"
    ),
]


class NewOwner(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The person who works on a case from now on; null: nobody."""

    owner: Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9._-]{1,63}$")] | None


class NewNote(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A note on a case."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=acts.NOTE_MAX, pattern=r"\S")]


class NewAttachment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file for a case; its content is base64."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=attachments.NAME_MAX)]
    media_type: Annotated[str, msgspec.Meta(description=f"One of {', '.join(attachments.TYPES)}")]
    content: bytes


@router.get("/cases", operation_id="listCases", tags=["cases"])
async def list_cases(  # noqa: PLR0917 - one a query parameter
    request: Request,
    services: Services,
    person: SignedIn,
    state: Annotated[str, Query(pattern=f"^({'|'.join(STATES)})?$")] = "",
    kind: Annotated[str, Query(pattern=f"^({'|'.join(CaseKind)})?$")] = "",
    owner: Owner = "",
    before: Before = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """Get cases, newest first, by state, kind and owner."""
    require(person, Right.READ_CASES)
    found = await reading.newest(
        services.pool, reader=person, state=state, kind=kind, owner=owner, before=before, limit=limit + 1
    )
    return answer_page(request, "before", cut(found, limit, lambda case: case.number), Case.document)


@router.get("/cases/{number}", operation_id="getCase", tags=["cases"])
async def get_case(request: Request, services: Services, person: SignedIn, number: Number) -> Response:
    """Get a case with its history, and the changes that were requested about it."""
    require(person, Right.READ_CASES)
    return answer(request, await document(services, number, person))


@router.put("/cases/{number}/owner", operation_id="assignCase", tags=["cases"])
async def put_owner(request: Request, services: Services, person: SignedIn, number: Number) -> Response:
    """Take a case, assign it to a colleague, or give it back with `null`."""
    wanted = await read_body(request, NewOwner)
    await acts.assign(services.pool, _runtime(request).settings, person, number, wanted.owner)
    return answer(request, await document(services, number, person))


@router.post("/cases/{number}/notes", operation_id="addCaseNote", tags=["cases"])
async def post_note(request: Request, services: Services, person: SignedIn, number: Number) -> Response:
    """Write a note; the log records its SHA-256."""
    wanted = await read_body(request, NewNote)
    await acts.write(services.pool, person, number, wanted.text)
    return answer(request, await document(services, number, person), 201)


@router.post("/cases/{number}/attachments", operation_id="addCaseAttachment", tags=["cases"])
async def post_attachment(request: Request, services: Services, person: SignedIn, number: Number) -> Response:
    """Attach a file of at most 2 MiB; the log records its SHA-256."""
    require(person, Right.WORK_ON_CASES)  # before a large body is read
    wanted = await read_body(request, NewAttachment, _FILE_BODY_MAX)
    file = (wanted.name, wanted.media_type, wanted.content)
    await acts.attach(services.pool, _runtime(request).keys, person, number, *file)
    return answer(request, await document(services, number, person), 201)


@router.get("/cases/{number}/attachments/{act}", operation_id="getCaseAttachment", tags=["cases"])
async def get_attachment(
    request: Request, services: Services, person: SignedIn, number: Number, act: Act
) -> Response:
    """Get an attached file; the log records that you read it."""
    keys = _runtime(request).keys
    return file_of(*await acts.open_attachment(services.pool, keys, person, number, act))


@router.post("/cases/{number}/questions", operation_id="askRailAgain", tags=["cases"])
async def post_question(request: Request, services: Services, person: SignedIn, number: Number) -> Response:
    """Have the rail asked for the outcome once more; the answer is in the history of the case."""
    await acts.ask(services.pool, _runtime(request).settings, person, number)
    return answer(request, await document(services, number, person), 202)


@router.get("/cases/{number}/hits", operation_id="getScreeningHits", tags=["cases"])
async def get_hits(request: Request, services: Services, person: SignedIn, number: Number) -> Response:
    """Get what screening found in the payment of a case, with names; the log records that you read it."""
    return answer(request, await hits(services, _runtime(request).keys, person, number))


@router.get("/cases/{number}/goaml", operation_id="getGoamlDraft", tags=["cases"])
async def get_goaml(request: Request, services: Services, person: SignedIn, number: Number) -> Response:
    """Get the draft of a suspicious transaction report in goAML form; the log records that you read it."""
    return await goaml_file(services, _runtime(request).keys, person, number)


async def goaml_file(services: ServiceContext, keys: KeyRing, person: Person, number: int) -> Response:
    """The draft of a report about the payment of a case, as a file."""
    require(person, Right.SCREEN_PAYMENTS)
    async with services.pool.acquire() as connection:
        case = await reading.one(connection, number, person)
    content = await goaml.draft(services.pool, keys, services.link, person, case)
    return file_of(f"goaml-draft-case-{number}.xml", goaml.MEDIA_TYPE, content)


async def hits(services: ServiceContext, keys: KeyRing, person: Person, number: int) -> dict[str, Any]:
    """What screening found in the payment of a case.

    Raises:
        NotFound: there is no such case, or it is not about a payment that screening holds or held.
        NotAllowed: this person does not decide about such payments.

    """
    require(person, Right.SCREEN_PAYMENTS)
    async with services.pool.acquire() as connection:
        case = await reading.one(connection, number, person)
    if case.kind is not CaseKind.SCREENING or case.uetr is None:
        raise NotFound("screening never held the payment of this case")
    return await screening_decisions.read_hits(services.pool, keys, services.link, person, case.uetr)


async def document(services: ServiceContext, number: int, person: Person) -> dict[str, Any]:
    """A case with its history and changes, as the API and commands show it to a person who may see it."""
    async with services.pool.acquire() as connection:
        case = await reading.one(connection, number, person)
        history = [act.document() for act in await reading.history(connection, number)]
        changes = [
            {**dict(row), "requested_at": row["requested_at"].isoformat()}
            for row in await reading.changes(connection, case)
        ]
    return {**case.document(), "history": history, "changes": changes}


def file_of(name: str, media_type: str, content: bytes) -> Response:
    """A file for the reader to store."""
    safe = "".join(
        letter if (letter.isascii() and letter.isalnum()) or letter in "-_." else "_" for letter in name
    )
    headers = {**ATTACHED, "Content-Disposition": f'attachment; filename="{safe}"'}
    return Response(content, media_type=media_type, headers=headers)


def _runtime(request: Request) -> Runtime:
    runtime: Runtime = request.app.state.runtime
    return runtime
