"""Callbacks of rails, and what they ask of us: `POST /rails/IN`. The rail's signature authenticates them.

A rail that calls one path for each step calls them below this one: `POST /rails/KG/in/qr/1/tx/execute/ID`.
"""

from typing import Final

import structlog
from starlette.requests import Request
from starlette.responses import Response

from adapters import called
from schemas.errors import NotFound, SwitchError
from switch.api import body as bodies
from switch.api import inbound, limits
from switch.api.problems import problem
from switch.api.runtime import Runtime
from switch.payments.rails import Rail
from switch.writer import audit_notes
from switch.writer.event_kinds import EventKind

_log = structlog.get_logger()
PREFIX: Final = "/rails/"
_BODY_MAX: Final = 64 * 1024
"""Bytes: an answer about one order is far smaller, and this is parsed before its signature is known."""


async def _record_notice(runtime: Runtime, rail: Rail, raw: bytes) -> None:
    """Record operator notices from a rail.

    Messages without a recipient, like a second confirmation, are only acknowledged.
    """
    text = rail.notice(raw)
    if text is None:
        return
    country = rail.adapter.profile.country
    async with runtime.pool.acquire() as connection, connection.transaction():
        await audit_notes.note(connection, EventKind.RAIL_NOTICE, rail=country, text=text)
    _log.warning("rail_notice", rail=country)


def _called(rail: Rail, request: Request, path: str, body: bytes) -> bytes:
    """The message of a request below the rail's address.

    Raises:
        NotFound: this rail calls no paths.
        InvalidMessage: the path or a header cannot be kept.

    """
    raw = called.of(rail.adapter, request.method, path, request.headers, body)
    if raw is None:
        raise NotFound
    return raw


async def post_callback(request: Request) -> Response:
    """Receive a callback of a rail; it is acknowledged only after it is durable."""
    runtime: Runtime = request.app.state.runtime
    try:
        country, slash, below = request.scope["path"].removeprefix(PREFIX).partition("/")
        rail = runtime.rails.get(country)
        if rail is None:
            raise NotFound
        rail.check_source(request.client.host if request.client else "")
        raw = await bodies.read(request, min(runtime.settings.body_limit, _BODY_MAX))
        if slash:
            raw = _called(rail, request, f"/{below}", raw)
        asked = await inbound.serve(runtime, rail, raw)
        if asked is not None:
            limits.proved(request.scope, f"rail:{rail.adapter.profile.country}")
            return Response(asked.body, asked.status, media_type=asked.content_type)
        answers = rail.read(raw)
        limits.proved(request.scope, f"rail:{rail.adapter.profile.country}")
        if not answers:
            await _record_notice(runtime, rail, raw)
        for answer in answers:
            if not await inbound.hear_of_refund(runtime, rail, answer, raw):
                await runtime.dispatcher.answered(rail, answer, raw)
        acknowledgement = rail.adapter.acknowledge(raw)
    except SwitchError as error:
        return problem(error)
    return Response(acknowledgement.body, media_type=acknowledgement.content_type)
