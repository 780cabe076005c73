"""`/v1/webhooks`: where a participant wants to be told of its events."""

from typing import Annotated
from uuid import UUID

import msgspec
from fastapi import APIRouter, Path, Query, Request
from starlette.responses import JSONResponse, Response

from schemas.errors import InvalidMessage
from switch.api import body as bodies
from switch.api.authentication import authenticate
from switch.api.reads import Context, Reader
from switch.api.runtime import Runtime
from switch.directory import Participant
from switch.webhooks import addresses, registry, signing

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])
_BODY_MAX = 8 * 1024
Id = Annotated[UUID, Path()]
Seq = Annotated[int, Path(ge=1, lt=2**62)]


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An address, and the types of events that it is to be told of; none means all."""

    url: str
    types: list[Annotated[str, msgspec.Meta(max_length=60, pattern=r"^payment\.[a-z_]+$")]] = []


async def _signed(request: Request, runtime: Runtime) -> tuple[Participant, bytes]:
    """Who changes something here: its signature covers the body."""
    raw = await bodies.read(request, _BODY_MAX)
    return authenticate(request, raw, runtime.directory.now, runtime.settings), raw


@router.post("", operation_id="addWebhook", status_code=201)
async def add_webhook(request: Request, context: Context) -> JSONResponse:
    """Add an address. The answer has the public key that every delivery is signed with."""
    who, raw = await _signed(request, context)
    try:
        wanted = msgspec.json.decode(raw, type=Wanted, strict=True)
    except msgspec.DecodeError as error:
        raise InvalidMessage(str(error)) from None
    addresses.check(wanted.url, sandbox=context.settings.sandbox)
    added = await registry.add(context.pool, who.id, wanted.url, wanted.types)
    key = signing.load(context.settings.webhook_key)
    return JSONResponse({**added.document(), "public_key": key.public}, 201)


@router.get("", operation_id="listWebhooks")
async def list_webhooks(context: Context, reader: Reader) -> JSONResponse:
    """Get the caller's addresses."""
    return JSONResponse([webhook.document() for webhook in await registry.of(context.pool, reader.id)])


@router.delete("/{id}", operation_id="removeWebhook", status_code=204)
async def remove_webhook(request: Request, context: Context, id: Id) -> Response:  # noqa: A002 - the route's name
    """Remove an address, and forget what was delivered to it."""
    who, _ = await _signed(request, context)
    await registry.remove(context.pool, who.id, id)
    return Response(status_code=204)


@router.post("/{id}/test", operation_id="testWebhook", status_code=202)
async def test_webhook(request: Request, context: Context, id: Id) -> Response:  # noqa: A002 - the route's name
    """Send a made-up event (`webhook.test`, id 0) to an address, once, soon."""
    who, _ = await _signed(request, context)
    await registry.test(context.pool, who.id, id)
    return Response(status_code=202)


@router.get("/{id}/deliveries", operation_id="listDeliveries")
async def list_deliveries(
    context: Context,
    reader: Reader,
    id: Id,  # noqa: A002 - the route's name
    undelivered: Annotated[bool, Query()] = False,  # noqa: FBT002 - a query parameter
) -> JSONResponse:
    """Get the last deliveries, newest first."""
    found = await registry.deliveries(context.pool, reader.id, id, undelivered=undelivered)
    return JSONResponse([delivery.document() for delivery in found])


@router.post("/{id}/deliveries/{seq}/replay", operation_id="replayDelivery", status_code=202)
async def replay_delivery(request: Request, context: Context, id: Id, seq: Seq) -> Response:  # noqa: A002
    """Deliver an event again, now."""
    who, _ = await _signed(request, context)
    await registry.replay(context.pool, who.id, id, seq)
    return Response(status_code=202)
