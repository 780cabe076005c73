"""`GET /v1/messages`: the messages of other participants to the caller, oldest first."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse

from switch.api import paging
from switch.api.reads import Context, Reader
from switch.payments import correspondence
from switch.payments.correspondence import StoredMessage

router = APIRouter(prefix="/v1")


@router.get("/messages", operation_id="listMessages", tags=["messages"])
async def list_messages(
    request: Request,
    context: Context,
    reader: Reader,
    after: Annotated[int, Query(ge=0, lt=2**63)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> JSONResponse:
    """Get messages after the cursor `after`; `next` is the cursor of the next page."""
    found = await correspondence.inbox(context.pool, context.keys, reader.id, after=after, limit=limit + 1)
    page = paging.cut(found, limit, lambda letter: letter.seq)
    return JSONResponse(
        {
            "messages": [_document(letter) for letter in page.entries],
            "next": page.entries[-1].seq if page.entries else after,
            "more": page.next is not None,
        },
        headers=paging.link(request, "after", page),
    )


def _document(letter: StoredMessage) -> dict[str, Any]:
    return {
        "seq": letter.seq,
        "at": letter.at.isoformat(),
        "sender": letter.sender,
        "definition": letter.definition,
        "uetr": str(letter.uetr) if letter.uetr else None,
        "message": letter.content,
    }
