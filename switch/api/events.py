"""`GET /v1/events`: events in pages, or as a live stream with `Accept: text/event-stream`."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import APIRouter, Header, Query, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from switch.api import paging, proof, suspension
from switch.api.reads import Context, Reader
from switch.api.runtime import Runtime
from switch.base.quota import Quota
from switch.payments import events

router = APIRouter(prefix="/v1")
STREAM: Final = "text/event-stream"
_LOOK_EVERY_S: Final = 0.5
_BEAT_EVERY_S: Final = 15.0
_STREAM_S: Final = 3600.0
"""Seconds until a stream ends; its reader reconnects with `Last-Event-ID`, perhaps to another worker."""
STREAMS_MAX: Final = 64
"""Open streams of one worker; more are refused."""
STREAMS_OF_ONE: Final = 4
"""Open streams of one participant in one worker, so that it cannot use up the quota of others."""
_PAGE: Final = 200


@router.get("/events", operation_id="listEvents", tags=["events"])
async def list_events(  # noqa: PLR0917 - one a parameter of the request
    request: Request,
    context: Context,
    reader: Reader,
    after: Annotated[int, Query(ge=0, lt=2**62)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    last_event_id: Annotated[int | None, Header(ge=0, lt=2**62)] = None,
) -> Response:
    """Get events of the caller's payments and messages after the cursor `after`.

    `next` is the cursor of the next page. A cursor that is ahead of the log, or that a restore of the
    database left out, is answered with 409 `cursor-ahead`: continue with its `resume`. A suspended
    participant gets pages, and no stream.
    """
    if STREAM in request.headers.get("accept", ""):
        suspension.require_active(reader)
        start = after if last_event_id is None else last_event_id
        await events.check_cursor(context.pool, start)
        if request.method == "HEAD":
            return Response(media_type=STREAM)
        return _stream(request, context, reader.id, start)
    page = await events.read(context.pool, reader.id, after=after, limit=limit)
    more = paging.Page(list(page.events), page.next if page.more else None)
    return JSONResponse(
        {"events": [event.document() for event in page.events], "next": page.next, "more": page.more},
        headers=paging.link(request, "after", more),
    )


class LimitedStream(StreamingResponse):
    """A stream that counts against the quota from its first byte to its end, however it ends."""

    def __init__(self, lines: AsyncIterator[str], places: Quota, participant: str) -> None:
        super().__init__(lines, headers={"X-Accel-Buffering": "no"}, media_type=STREAM)
        self._places = places
        self._participant = participant

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream, or raise as `Quota.take` does."""
        with self._places.take(self._participant):
            await super().__call__(scope, receive, send)


def places() -> Quota:
    """The quota of streams of one worker."""
    return Quota(STREAMS_MAX, STREAMS_OF_ONE, "event streams")


def _stream(request: Request, context: Runtime, participant: str, after: int) -> Response:
    return LimitedStream(_lines(request, context, participant, after), request.app.state.streams, participant)


def _is_proved(request: Request, context: Runtime) -> bool:
    return proof.still_holds(request.scope, context.directory.now, context.settings)


async def _lines(request: Request, context: Runtime, participant: str, after: int) -> AsyncIterator[str]:
    """Events as they become durable, with a periodic heartbeat so that a dead connection is detected.

    They end with the key that the request was proved by, and when its participant is suspended: a thief's
    stream must outlive neither.
    """
    loop = asyncio.get_running_loop()
    ends, beat = loop.time() + _STREAM_S, loop.time()
    yield "retry: 2000\n\n"
    while loop.time() < ends and not request.app.state.draining and _is_proved(request, context):
        page = await events.read(context.pool, participant, after=after, limit=_PAGE)
        after = page.next
        for event in page.events:
            document = event.document()
            yield f"id: {event.seq}\nevent: {document['type']}\ndata: {json.dumps(document)}\n\n"
        if page.events:
            beat = loop.time()
        elif loop.time() - beat > _BEAT_EVERY_S:
            beat = loop.time()
            yield f": {after}\n\n"
        if not page.more:
            await asyncio.sleep(_LOOK_EVERY_S)
