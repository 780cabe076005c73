"""Live pages: a stream of server-sent events that says when there is something new to show.

The stream carries no figures: a page that hears `changed` is fetched again, with all checks of its reader.
The message `alive` says that nothing has changed. A stream ends with the token that opened it, with the
worker, and after ten minutes; a browser opens it again by itself, and the page says so if it cannot. A stream
is no use of a session: it neither prolongs it nor renews its token, which would not reach the browser.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

import asyncpg
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from schemas.errors import NotAcceptable, NotAllowed, NotAuthentic
from switch.api import limits
from switch.api.events import STREAM, LimitedStream
from switch.api.people import watch_person
from switch.base.quota import Quota
from switch.base.sql import statements
from switch.cases import notices
from switch.identity.model import Person
from switch.identity.permissions import Right, may
from switch.pages import language
from switch.pages.shell import PREFIX, SignInRequired, Switch

router = APIRouter(prefix=PREFIX, include_in_schema=False)
_PULSE: Final = statements("switch.pages")("pulse")
_LOOK_EVERY_S: Final = 1.0
_CHANGED_EVERY_S: Final = 2.0
"""At most one page in this time, however much happens."""
_BEAT_EVERY_S: Final = 5.0
_CHECK_EVERY_S: Final = 20.0
"""Seconds between checks that the session of the reader still holds."""
_STREAM_S: Final = 600.0
_OPEN: Final = Quota(64, 8, "live pages")


class _Pulse:
    """What the streams of this process look at, read once for all of them."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._read_at = float("-inf")
        self._seen: Any = None

    async def read(self, pool: asyncpg.Pool) -> Any:
        """A value that changes when there may be something new to show."""
        async with self._lock:
            now = asyncio.get_running_loop().time()
            if now - self._read_at >= _LOOK_EVERY_S:
                self._seen, self._read_at = await pool.fetchrow(_PULSE), now
            return self._seen


_pulse: Final = _Pulse()


@router.get("/live")
async def get_live(
    request: Request,
    switch: Switch,
    notices_: Annotated[bool, Query(alias="notices")] = False,  # noqa: FBT002 - a query parameter
) -> Response:
    """Stream `changed` and `alive` to a page of a signed-in person.

    With `notices`, also notices of cases: a browser asks for them once its user has consented to see them.
    """
    person = await _signed_in(request)
    if person is None:
        raise SignInRequired
    if STREAM not in request.headers.get("accept", ""):
        raise NotAcceptable("this address is a stream of events for the pages")
    limits.proved(request.scope, f"person:{person.name}")
    told = person.name if notices_ and may(person, Right.READ_CASES) else ""
    return LimitedStream(_messages(request, switch.pool, told), _OPEN, person.name)


async def _messages(request: Request, pool: asyncpg.Pool, told: str) -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    begun = checked = loop.time()
    said, seen = begun, await _pulse.read(pool)
    yield "retry: 2000\ndata: alive\n\n"
    while loop.time() - begun < _STREAM_S and not request.app.state.draining:
        await asyncio.sleep(_LOOK_EVERY_S)
        now = loop.time()
        if now - checked >= _CHECK_EVERY_S:
            checked = now
            if await _signed_in(request) is None:
                return
        if told:
            for number, why, kind in await notices.for_browser(pool, told):
                yield _notice(request, number, why, kind)
        fresh = await _pulse.read(pool)
        if fresh != seen and now - said >= _CHANGED_EVERY_S:
            seen, said = fresh, now
            yield "data: changed\n\n"
        elif now - said >= _BEAT_EVERY_S:
            said = now
            yield "data: alive\n\n"


def _notice(request: Request, number: int, why: str, kind: str) -> str:
    """A notice of a case for a browser to show, with the path of the case."""
    said = notices.sentence(language.of(request).code, number, why, kind)
    return f"event: notice\ndata: {json.dumps({'text': said, 'path': f'{PREFIX}/cases/{number}'})}\n\n"


async def _signed_in(request: Request) -> Person | None:
    try:
        return await watch_person(request)
    except (NotAuthentic, NotAllowed):
        return None
