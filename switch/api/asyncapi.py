"""`GET /v1/asyncapi.json`: the events of streams and webhooks (AsyncAPI 3), from the types of the models."""

from functools import cache
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from switch.api import answer_examples, models
from switch.payments.events import MESSAGE_RECEIVED, TYPES

PATH: Final = "/v1/asyncapi.json"
_PREFIX: Final = "#/components/schemas/"
_TEST: Final = "webhook.test"
Json = dict[str, Any]


async def serve(_: Request) -> Response:
    """Return the document; public, like that of the API."""
    return JSONResponse(document())


@cache
def document() -> Json:
    """Build the document."""
    names = {_name(kind): kind for kind in (*TYPES, _TEST)}
    of_stream = {name: {"$ref": f"#/components/messages/{name}"} for name in names if names[name] != _TEST}
    of_webhook = {name: {"$ref": f"#/components/messages/{name}"} for name in names}
    schemas = _schemas()
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "payswitch events",
            "version": "1",
            "description": (
                "What happens to the payments, messages, keys and people of a participant. The same events"
                " are in the pages of GET /v1/events, in its stream, and in deliveries to webhooks."
            ),
            "license": {"name": "Apache-2.0"},
            "tags": [{"name": "events"}, {"name": "webhooks"}],
        },
        "servers": {
            "switch": {
                "host": "payswitch.example",
                "protocol": "https",
                "description": "The switch whose participant you are; its address stands for this host",
            }
        },
        "defaultContentType": "application/json",
        "channels": {
            "stream": {
                "address": "/v1/events",
                "description": "Server-sent events, with Accept: text/event-stream; Last-Event-ID resumes.",
                "messages": of_stream,
            },
            "webhook": {
                "address": "{url}",
                "description": "POST to an address of POST /v1/webhooks, signed by Standard Webhooks (v1a).",
                "parameters": {"url": {"description": "The address that the participant added"}},
                "messages": of_webhook,
            },
        },
        "operations": {
            "streamEvent": _operation("stream", of_stream, "Send an event to an open stream"),
            "deliverEvent": _operation("webhook", of_webhook, "Deliver an event to a webhook"),
        },
        "components": {
            "messages": {name: _message(name, kind, schemas) for name, kind in names.items()},
            "schemas": schemas,
        },
    }


def _operation(channel: str, messages: Json, summary: str) -> Json:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": summary,
        "description": f"{summary}, once it is durable; a repetition has the same id.",
        "messages": [{"$ref": f"#/channels/{channel}/messages/{name}"} for name in messages],
    }


def _message(name: str, kind: str, schemas: Json) -> Json:
    data = models.renamed({"$ref": f"{_PREFIX}{_data_of(kind).__name__}"}, _PREFIX)
    own = {"type": "object", "properties": {"type": {"const": kind}, "data": data}}
    payload = {"allOf": [{"$ref": f"{_PREFIX}Event"}, own]}
    whole = {"components": {"schemas": schemas}}
    return {
        "name": kind,
        "title": name,
        "contentType": "application/json",
        "headers": {"$ref": f"{_PREFIX}WebhookHeaders"},
        "payload": payload,
        "examples": [{"name": name, "payload": answer_examples.of_schema(payload, whole)}],
    }


def _data_of(kind: str) -> type:
    """The form of the data of a type of event."""
    if kind == MESSAGE_RECEIVED:
        return models.MessageFactsDocument
    if kind.startswith("payment."):
        return models.PaymentFactsDocument
    return models.ChangeFactsDocument


def _schemas() -> Json:
    kinds = (
        models.EventDocument,
        models.PaymentFactsDocument,
        models.MessageFactsDocument,
        models.ChangeFactsDocument,
        models.WebhookHeadersDocument,
    )
    (_, found) = msgspec.json.schema_components(kinds, ref_template=f"{_PREFIX}{{name}}")
    schemas: Json = models.renamed(found, _PREFIX)
    return schemas


def _name(kind: str) -> str:
    """The name of a message: `PaymentPosted` for `payment.posted`."""
    return "".join(part.capitalize() for part in kind.replace("_", ".").split("."))
