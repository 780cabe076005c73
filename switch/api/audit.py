"""`/v1/audit`: signed checkpoints of the event log, proofs between them, and who has witnessed them.

All of it is public: a root reveals nothing but the number of events, and a witness needs no account with
those whom it watches. Client addresses are limited. What a witness sends is proved by its own signature.
"""

from typing import Annotated, Any, Final

import asyncpg
from fastapi import APIRouter, Path, Query, Request
from starlette.responses import JSONResponse, Response

from ledger import audit
from ledger.audit import Checkpoint
from ledger.signing import content_of
from schemas.errors import InvalidMessage, NotFound, Refused, Unavailable
from schemas.reasons import Reason
from switch.api import body as bodies
from switch.api import examples, paging
from switch.api.paging import After, Before, Limit
from switch.api.people import answer_page
from switch.api.reads import Context
from switch.operations import witnesses


def _example(content: object) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {"application/json": {"example": content}}}}


router = APIRouter(prefix="/v1/audit", tags=["audit"])
SIZE_MAX: Final = 2**63
_AT_ONCE: Final = 100
Size = Annotated[int, Path(ge=1, lt=SIZE_MAX)]
First = Annotated[int, Query(alias="from", ge=1, lt=SIZE_MAX)]
Second = Annotated[int, Query(alias="to", ge=1, lt=SIZE_MAX)]


@router.get(
    "/checkpoints",
    operation_id="listCheckpoints",
    responses=_example([dict(examples.CHECKPOINT_DOCUMENT)]),
)
async def list_checkpoints(
    request: Request, context: Context, before: Before = None, limit: Limit = _AT_ONCE
) -> Response:
    """Get the published checkpoints, newest first, each with the cosignatures of witnesses. Public."""
    async with context.reading.acquire() as connection:
        found = await audit.page(connection, before=before, limit=limit + 1)
    return answer_page(request, "before", paging.cut(found, limit, lambda one: one.size), _document)


@router.get(
    "/checkpoints/{size}",
    operation_id="getCheckpoint",
    responses=_example(dict(examples.CHECKPOINT_DOCUMENT)),
)
async def get_checkpoint(context: Context, size: Size) -> JSONResponse:
    """Get the checkpoint of this number of events, with the cosignatures of witnesses. Public."""
    async with context.reading.acquire() as connection:
        return JSONResponse(_document(await _find(connection, size)))


@router.get("/consistency", operation_id="getConsistency")
async def get_consistency(context: Context, first: First, second: Second) -> JSONResponse:
    """Get a bundle which proves that the checkpoint `to` extends the checkpoint `from`. Public.

    `older[0].proof` is the proof of RFC 9162, section 2.1.4, in hexadecimal. The bundle also has the proved
    events that state restores; `held` takes the place of `older` for a checkpoint that a restore lost
    although it kept the events. `payswitch witness check` and `payswitch audit verify` read it as a file.
    """
    if first > second:
        text = "the query parameter from must not be larger than to"
        raise Refused(
            text,
            reason=Reason.NARRATIVE,
            path="query.from",
            remedy=(
                "Name the older checkpoint as from and the newer one as to: GET /v1/audit/checkpoints"
                " lists them."
            ),
        )
    async with context.reading.acquire() as connection, _snapshot(connection):
        newest = await _find(connection, second)
        restores = await audit.restores(connection)
        if await audit.find(connection, first) is None and any(first <= each.kept for each in restores):
            return JSONResponse(await audit.consistency_of_held(connection, newest, first))
        older = await _find(connection, first)
        return JSONResponse(await audit.consistency(connection, newest, older))


@router.get("/witnesses", operation_id="listWitnesses")
async def list_witnesses(
    request: Request, context: Context, after: After = "", limit: Limit = paging.LIMIT_MAX
) -> Response:
    """Get the registered witnesses, and the largest checkpoint that each has cosigned. Public."""
    found = await witnesses.read(context.reading)
    page = paging.within(found, limit, lambda witness: witness.name, after)
    return answer_page(request, "after", page, lambda witness: witness.document())


@router.post(
    "/checkpoints/{size}/cosignatures",
    operation_id="addCosignature",
    status_code=204,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"text/plain": {"schema": {"type": "string"}, "example": examples.COSIGNATURE}},
        }
    },
)
async def add_cosignature(request: Request, context: Context, size: Size) -> Response:
    """Send the cosignature of a checkpoint: the line that a registered witness signed."""
    raw = await bodies.read(request, witnesses.LINE_MAX)
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise InvalidMessage("not UTF-8") from None
    await witnesses.accept(context.pool, size, text)
    return Response(status_code=204)


def _snapshot(connection: asyncpg.Connection) -> asyncpg.transaction.Transaction:
    return connection.transaction(isolation="repeatable_read", readonly=True)


async def _find(connection: asyncpg.Connection, size: int) -> Checkpoint:
    found = await audit.find(connection, size)
    if found is None:
        newest = await audit.page(connection)
        if not newest:
            raise Unavailable("no checkpoint is published yet")
        raise NotFound(f"no checkpoint has this size; the newest has {newest[0].size}")
    return found


def _document(found: Checkpoint) -> dict[str, Any]:
    content = content_of(found.note)
    return {
        "size": found.size,
        "root": found.root.hex(),
        "origin": content.origin,
        "published_at": found.at.isoformat(),
        "checkpoint": found.cosigned,
        "cosigned_by": [line.split(" ")[1] for line in found.cosignatures],
    }
