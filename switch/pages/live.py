"""Live pages: a stream of server-sent events that says when there is something new to show.

The stream carries no figures: a page that hears `changed` is fetched again, with all checks of its reader.
The message `alive` says that nothing has changed. A stream ends with the token that opened it, with the
worker, and after ten minutes; a browser opens it again by itself, and the page says so if it cannot. A stream
is no use of a session: it neither prolongs it nor renews its token, which would not reach the browser.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import asyncpg
from fastapi import APIRouter, Request
from starlette.responses import Response

from schemas.errors import NotAcceptable, NotAllowed, NotAuthentic
from switch.api import limits
from switch.api.events import STREAM, LimitedStream
from switch.api.people import watch_person
from switch.base.quota import Quota
from switch.base.sql import statements
from switch.identity.model import Person
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
async def get_live(request: Request, switch: Switch) -> Response:
    """Stream `changed` and `alive` to a page of a signed-in person."""
    person = await _signed_in(request)
    if person is None:
        raise SignInRequired
    if STREAM not in request.headers.get("accept", ""):
        raise NotAcceptable("this address is a stream of events for the pages")
    limits.proved(request.scope, f"person:{person.name}")
    return LimitedStream(_messages(request, switch.pool), _OPEN, person.name)


async def _messages(request: Request, pool: asyncpg.Pool) -> AsyncIterator[str]:
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
        fresh = await _pulse.read(pool)
        if fresh != seen and now - said >= _CHANGED_EVERY_S:
            seen, said = fresh, now
            yield "data: changed\n\n"
        elif now - said >= _BEAT_EVERY_S:
            said = now
            yield "data: alive\n\n"


async def _signed_in(request: Request) -> Person | None:
    try:
        return await watch_person(request)
    except (NotAuthentic, NotAllowed):
        return None
