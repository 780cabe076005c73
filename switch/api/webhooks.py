"""`/v1/webhooks`: the addresses to which the events of a participant are delivered."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Path, Query, Request
from starlette.responses import JSONResponse, Response

from schemas.errors import InvalidMessage
from switch.api import body as bodies
from switch.api import etags, paging, suspension
from switch.api.authentication import authenticate
from switch.api.paging import After, Before, Limit
from switch.api.people import Caller
from switch.api.reads import Context, Reader
from switch.base.decoding import decoded
from switch.payments.directory import Participant
from switch.payments.events import TYPES
from switch.webhooks import addresses, registry, secrets, signing

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])
keys_router = APIRouter(prefix="/v1/webhook-keys", tags=["webhooks"])
_BODY_MAX = 8 * 1024
Id = Annotated[UUID, Path()]
Seq = Annotated[int, Path(ge=1, lt=2**62)]


Url = Annotated[str, msgspec.Meta(extra_json_schema={"format": "uri", "maxLength": addresses.URL_MAX})]
_KNOWN = msgspec.Meta(max_length=60, extra_json_schema={"enum": sorted(TYPES)})
Types = Annotated[list[Annotated[str, _KNOWN]], msgspec.Meta(max_length=100)]


class NewWebhook(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An address, and the types of events to deliver; an empty list means all."""

    url: Url
    types: Types = []


class ChangedWebhook(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What changes: what is left out stays. `enabled` false pauses deliveries, true resumes them."""

    url: Url | None = None
    types: Types | None = None
    enabled: bool | None = None


class ReplayRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The instant since which events are delivered again: all, or only the undelivered."""

    since: Annotated[datetime, msgspec.Meta(tz=True)]
    undelivered: bool = False


async def _signed(request: Request) -> tuple[Participant, bytes]:
    """Get the participant that makes a change: its signature covers the body. A suspended one may not."""
    raw = await bodies.read(request, _BODY_MAX)
    who = await authenticate(request, raw)
    suspension.require_active(who)
    return who, raw


@router.post("", operation_id="addWebhook", status_code=201)
async def add_webhook(request: Request, context: Context) -> JSONResponse:
    """Add an address. The response has the public key and the secret that verify deliveries.

    The secret is shown only now.
    """
    who, raw = await _signed(request)
    wanted = decoded(raw, NewWebhook)
    addresses.check(wanted.url, context.settings)
    _check_types(wanted.types)
    keys = await signing.public_keys(context.pool)  # raises if there is none, so that nothing is added
    added = await registry.add(context.pool, who.id, wanted.url, wanted.types)
    secret = await secrets.renew(context.pool, context.keys, added.id)
    headers = {"Location": f"/v1/webhooks/{added.id}", "ETag": _tag(added)}
    return JSONResponse({**_document(added, keys), "secret": secret}, 201, headers)


def _check_types(types: Sequence[str]) -> None:
    """Check that only events that exist are wanted; an unknown one would wait for ever."""
    for place, name in enumerate(types):
        if name not in TYPES:
            raise InvalidMessage(
                f"types[{place}] is no type of event; the types are: {', '.join(TYPES)}",
                path=f"types[{place}]",
                rule="event-type",
                expected=f"one of {', '.join(TYPES)}",
            )


def _tag(webhook: registry.Webhook) -> str:
    """The tag of what its owner decides; not of its cursor, which moves with every event."""
    return etags.of(json.dumps([webhook.url, webhook.types, webhook.disabled]).encode())


@router.get("", operation_id="listWebhooks")
async def list_webhooks(
    request: Request, context: Context, reader: Reader, after: After = "", limit: Limit = paging.LIMIT_MAX
) -> JSONResponse:
    """Get the caller's addresses, each with the public keys that verify deliveries now."""
    keys = await signing.public_keys(context.pool)
    found = await registry.of(context.pool, reader.id)
    page = paging.within(found, limit, lambda webhook: str(webhook.id), after)
    headers = paging.link(request, "after", page)
    return JSONResponse([_document(webhook, keys) for webhook in page.entries], headers=headers)


def _document(webhook: registry.Webhook, keys: list[str]) -> dict[str, Any]:
    """Describe an address to its owner; `public_key` is the newest key, which will be valid the longest."""
    return {**webhook.document(), "public_key": keys[0], "public_keys": keys}


@router.get("/{id}", operation_id="getWebhook")
async def get_webhook(request: Request, context: Context, reader: Reader, id: Id) -> Response:  # noqa: A002
    """Get one address."""
    found = await registry.get(context.pool, reader.id, id)
    document = _document(found, await signing.public_keys(context.pool))
    return etags.answer(request, JSONResponse(document), _tag(found))


@router.patch("/{id}", operation_id="changeWebhook")
async def change_webhook(request: Request, context: Context, id: Id) -> Response:  # noqa: A002
    """Change the address, the types of events, or whether anything is delivered.

    With `If-Match`, only if the webhook still has this `ETag`. While it is paused, deliveries wait.
    """
    who, raw = await _signed(request)
    wanted = decoded(raw, ChangedWebhook)
    if wanted.url is not None:
        addresses.check(wanted.url, context.settings)
    _check_types(wanted.types or ())
    changed = await registry.change(
        context.pool,
        who.id,
        id,
        url=wanted.url,
        types=wanted.types,
        enabled=wanted.enabled,
        seen=lambda webhook: etags.expected(request, _tag(webhook)),
    )
    document = _document(changed, await signing.public_keys(context.pool))
    return JSONResponse(document, headers={"ETag": _tag(changed)})


@router.post("/{id}/secret", operation_id="renewWebhookSecret", status_code=201)
async def renew_secret(request: Request, context: Context, id: Id) -> JSONResponse:  # noqa: A002
    """Make a new secret, which is shown only now. The present one signs beside it for 24 hours."""
    who, _ = await _signed(request)
    found = await registry.get(context.pool, who.id, id)
    secret = await secrets.renew(context.pool, context.keys, found.id)
    until = datetime.now(UTC) + secrets.OVERLAP
    return JSONResponse({"secret": secret, "previous_until": until.isoformat()}, 201)


@router.delete("/{id}", operation_id="removeWebhook", status_code=204)
async def remove_webhook(request: Request, context: Context, id: Id) -> Response:  # noqa: A002 - the route's name
    """Remove an address and the record of its deliveries."""
    who, _ = await _signed(request)
    await registry.remove(context.pool, who.id, id)
    return Response(status_code=204)


@router.post("/{id}/test", operation_id="testWebhook", status_code=202)
async def test_webhook(request: Request, context: Context, id: Id) -> Response:  # noqa: A002 - the route's name
    """Send a test event (`webhook.test`, id 0) to an address, once, shortly after the response."""
    who, _ = await _signed(request)
    await registry.test(context.pool, who.id, id)
    return Response(status_code=202)


@router.get("/{id}/deliveries", operation_id="listDeliveries")
async def list_deliveries(  # noqa: PLR0917 - one a parameter
    request: Request,
    context: Context,
    reader: Reader,
    id: Id,  # noqa: A002 - the route's name
    undelivered: Annotated[bool, Query()] = False,  # noqa: FBT002 - a query parameter
    before: Before = None,
    limit: Limit = 200,
) -> JSONResponse:
    """Get deliveries, newest first; `before` is the cursor from `Link`."""
    found = await registry.deliveries(
        context.pool, reader.id, id, undelivered=undelivered, before=before, limit=limit + 1
    )
    page = paging.cut(found, limit, lambda delivery: delivery.seq)
    headers = paging.link(request, "before", page)
    return JSONResponse([delivery.document() for delivery in page.entries], headers=headers)


@router.post("/{id}/deliveries/{seq}/replay", operation_id="replayDelivery", status_code=202)
async def replay_delivery(request: Request, context: Context, id: Id, seq: Seq) -> Response:  # noqa: A002
    """Deliver an event again."""
    who, _ = await _signed(request)
    await registry.replay(context.pool, who.id, id, seq)
    return Response(status_code=202)


@router.post("/{id}/replay", operation_id="replayDeliveries", status_code=202)
async def replay_deliveries(request: Request, context: Context, id: Id) -> Response:  # noqa: A002
    """Deliver all events since an instant again; with `undelivered`, only those not delivered yet."""
    who, raw = await _signed(request)
    replay = decoded(raw, ReplayRequest)
    last = await registry.replay_since(
        context.pool,
        who.id,
        id,
        since=replay.since,
        undelivered=replay.undelivered,
        keep=timedelta(days=context.settings.keep_deliveries_days),
    )
    return JSONResponse({"after": last}, 202)


@keys_router.get("", operation_id="listWebhookKeys")
async def list_keys(
    request: Request,
    context: Context,
    who: Caller,  # noqa: ARG001 - must be known
    before: Before = None,
    limit: Limit = 100,
) -> Response:
    """Get the present and former public keys of webhook signatures, newest first."""
    found = await signing.published(context.pool, before=before, limit=limit + 1)
    page = paging.cut(found, limit, lambda key: key.number)
    headers = paging.link(request, "before", page)
    return JSONResponse([key.document() for key in page.entries], headers=headers)
