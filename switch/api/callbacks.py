"""Where rails answer later: `POST /rails/IN`. The rail's signature is the only authority here."""

from collections.abc import Sequence
from typing import Final

import structlog
from starlette.requests import Request
from starlette.responses import Response

from adapters.port import Answer
from schemas.errors import InvalidMessage, NotFound, SwitchError
from switch import logs
from switch.api import body as bodies
from switch.api.problems import problem
from switch.api.runtime import Runtime
from switch.rails import Rail

_log = structlog.get_logger()
PREFIX: Final = "/rails/"


def _decode(rail: Rail, raw: bytes) -> Sequence[Answer]:
    try:
        return rail.adapter.decode(raw)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        # A decoder should say InvalidMessage; until it does, what it stumbled over is still not a message.
        _log.error("decoder_failed", rail=rail.adapter.profile.country, detail=logs.where(error))
        raise InvalidMessage("not this rail's wire format") from None


async def post_callback(request: Request) -> Response:
    """Take in what a rail says of its own accord; acknowledged only after it is durable."""
    runtime: Runtime = request.app.state.runtime
    try:
        rail = runtime.rails.get(request.scope["path"].removeprefix(PREFIX))
        if rail is None:
            raise NotFound
        raw = await bodies.read(request, runtime.settings.body_limit)
        answers = _decode(rail, raw)
        if not answers:
            raise InvalidMessage("no answer in it")
        for answer in answers:
            await runtime.dispatcher.answered(rail, answer)
        acknowledgement = rail.adapter.acknowledge(raw)
    except SwitchError as error:
        return problem(error)
    return Response(acknowledgement.body, media_type=acknowledgement.content_type)
