"""The OpenAPI document: JSON resources as FastAPI describes them, ISO endpoints from the catalogue."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from schemas import json_schema
from schemas.catalogue import catalogue
from switch.api import examples, iso_endpoints, people, webhooks
from switch.api.iso_endpoints import IsoEndpoint
from switch.approvals.effects import Subject
from switch.identity.model import ChangeState

_PREFIX: Final = "#/components/schemas/"
_XML: Final = {"schema": {"type": "string", "description": "The same message as ISO 20022 XML, UTF-8"}}
_PROBLEM: Final[dict[str, Any]] = {
    "type": "object",
    "title": "Problem (RFC 9457)",
    "required": ["type", "title", "status", "detail", "reason", "retryable"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "reason": {"type": "string", "description": "ISO 20022 status reason"},
        "retryable": {"type": "boolean"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "path": {
                        "type": "string",
                        "description": "Element names, from the root element of the message",
                    },
                    "message": {"type": "string"},
                    "rule": {"type": "string", "description": "Name of the broken rule"},
                    "line": {"type": "integer", "description": "Line of the element in the XML, from 1"},
                    "column": {"type": "integer", "description": "Column in characters, from 1"},
                    "expected": {"type": "string", "description": "What is allowed there"},
                },
            },
        },
    },
}
_FAILURES: Final = {
    "400": "The message is malformed or not valid by its schema",
    "401": "The request is not authenticated, or the nonce of its signature was used before",
    "403": "The sender may not do this",
    "406": "The response can only be XML or JSON",
    "409": "The UETR is already used with other content (DUPL); nothing was changed",
    "413": "Too large",
    "415": "This media type or encoding is not supported",
    "503": "`unavailable`: nothing was done. `outcome-unknown`: it may be done. Resend the same message",
}
_TEXT: Final[dict[str, Any]] = {"type": "string"}
_TEXT_OR_NULL: Final[dict[str, Any]] = {"type": ["string", "null"]}
_ROW: Final = {
    "type": "object",
    "required": ["what", "now", "then", "unit", "moving"],
    "properties": {
        "what": {**_TEXT, "description": "What the change affects: a label, a name or an id"},
        "now": {**_TEXT, "description": "The present value; `none` if there is none"},
        "then": {**_TEXT, "description": "The value after the change"},
        "unit": {**_TEXT_OR_NULL, "description": "A currency, or the unit of the number"},
        "moving": {
            "type": "boolean",
            "description": "The value changes with every payment; it is not part of the digest",
        },
    },
}
_EFFECT: Final = {
    "type": ["object", "null"],
    "title": "Effect of a change",
    "description": "What the change would do if executed now; null once the change has ended",
    "required": ["rows", "warnings", "digest"],
    "properties": {
        "rows": {"type": "array", "items": _ROW},
        "warnings": {"type": "array", "items": _TEXT},
        "digest": {
            **_TEXT,
            "description": "Send it as `seen` to bind a vote to this effect",
        },
    },
}
_CHANGE: Final = {
    "type": "object",
    "title": "Change",
    "required": ["number", "kind", "content", "state", "effect", "links"],
    "properties": {
        "number": {"type": "integer"},
        "kind": _TEXT,
        "content": {
            "type": "object",
            "description": "As in the JSON Schema of the kind in `/v1/changes/kinds`",
        },
        "maker": _TEXT,
        "reason": _TEXT,
        "seats": {"type": "array", "items": {"type": "object"}, "description": "The roles that must approve"},
        "votes": {"type": "array", "items": {"type": "object"}},
        "state": {"enum": [str(state) for state in ChangeState]},
        "requested_at": {**_TEXT, "format": "date-time"},
        "expires_at": {**_TEXT, "format": "date-time"},
        "ended_at": {**_TEXT_OR_NULL, "format": "date-time"},
        "outcome": {**_TEXT, "description": "The result of the execution"},
        "effect": {"$ref": f"{_PREFIX}Effect"},
        "links": {
            "type": "array",
            "description": "What the change affects",
            "items": {
                "type": "object",
                "required": ["subject", "id", "href"],
                "properties": {
                    "subject": {"enum": [str(subject) for subject in Subject]},
                    "id": _TEXT,
                    "href": {**_TEXT_OR_NULL, "description": "Its path in the API"},
                },
            },
        },
        "comparisons": {
            "type": "array",
            "description": "Its values compared with those in force; not in lists",
            "items": {"type": "object"},
        },
        "maker_half": {
            **_TEXT,
            "description": "Shown once, to the requester of a new person: half of the enrolment code",
        },
        "checker_half": {**_TEXT, "description": "Shown once, to the last approver: the other half"},
    },
}
_ANSWERED_BY: Final[Mapping[str, tuple[str, dict[str, Any]]]] = MappingProxyType(
    {
        "listChanges": ("200", {"type": "array", "items": {"$ref": f"{_PREFIX}Change"}}),
        "getChange": ("200", {"$ref": f"{_PREFIX}Change"}),
        "requestChange": ("201", {"$ref": f"{_PREFIX}Change"}),
        "voteOnChange": ("200", {"$ref": f"{_PREFIX}Change"}),
    }
)
"""Operation -> the status and the schema of its response."""
_EFFECT_CHANGED: Final = {
    "description": "The effect of the change is no longer the one in `seen`; `effect` has the present one",
    "content": {
        "application/problem+json": {
            "schema": {
                "allOf": [
                    {"$ref": f"{_PREFIX}Problem"},
                    {"type": "object", "properties": {"effect": {"$ref": f"{_PREFIX}Effect"}}},
                ]
            }
        }
    },
}
_BODIES: Final[Mapping[str, type]] = MappingProxyType(
    {
        "signIn": people.SignIn,
        "beginEnrolment": people.BeginEnrolment,
        "finishEnrolment": people.FinishEnrolment,
        "requestChange": people.RequestChange,
        "voteOnChange": people.VoteRequest,
        "addWebhook": webhooks.NewWebhook,
        "replayDeliveries": webhooks.ReplayRequest,
    }
)
"""Operation -> the class of its JSON body."""
_NOT_FOUND: Final = {
    "description": "The caller has no such payment or request",
    "content": {"application/problem+json": {"schema": {"$ref": f"{_PREFIX}Problem"}}},
}
_LINK: Final = {
    "schema": {"type": "string", "examples": ['</v1/windows?limit=100&before=4711>; rel="next"']},
    "description": "The address of the next page (RFC 8288); absent on the last page",
}
_ANSWERS: Final = {
    "200": "The payment is final",
    "202": "The payment is in flight: read it again, or wait",
    "422": "The switch refuses the payment; the response states the reason",
}


def describe(app: FastAPI) -> dict[str, Any]:
    """Build the document."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, routes=app.routes)
        components = document.setdefault("components", {}).setdefault("schemas", {})
        components |= {"Problem": _PROBLEM, "Effect": _EFFECT, "Change": _CHANGE}
        for message in catalogue().messages:
            components.update(json_schema.definitions(message, prefix=_PREFIX))
            components[message] = _schema(message)
        components_security = document["components"].setdefault("securitySchemes", {})
        components_security["sandboxKey"] = {"type": "http", "scheme": "bearer"}
        document["paths"][iso_endpoints.CREDIT_TRANSFER] = {"post": _credit_transfer()}
        for endpoint in iso_endpoints.ISO_ENDPOINTS:
            document["paths"][f"{iso_endpoints.PREFIX}{endpoint.message}"] = {
                "post": _iso_operation(endpoint)
            }
        for path, operations in document["paths"].items():
            _describe_pages(operations.get("get", {}))
            for operation in operations.values():
                _describe_request(path, operation, components)
                _describe_answer(operation)
        app.openapi_schema = document
    return app.openapi_schema


def _describe_pages(operation: dict[str, Any]) -> None:
    """Describe how to get the next page of a list."""
    if any(parameter["name"] == "limit" for parameter in operation.get("parameters", ())):
        operation["responses"]["200"]["headers"] = {"Link": _LINK}


def _describe_answer(operation: dict[str, Any]) -> None:
    """Add the schema of the response to an operation."""
    name = operation["operationId"]
    if name in _ANSWERED_BY:
        status, schema = _ANSWERED_BY[name]
        answer = operation["responses"].pop("200")
        operation["responses"][status] = {**answer, "content": {"application/json": {"schema": schema}}}
    if name == "voteOnChange":
        operation["responses"]["409"] = _EFFECT_CHANGED


def _describe_request(path: str, operation: dict[str, Any], components: dict[str, Any]) -> None:
    """Add the schema of the JSON body to an operation, with examples of it and of the path parameters."""
    for parameter in operation.get("parameters", ()):
        example = examples.parameter(path, parameter["name"])
        if parameter.get("required"):
            parameter["example"] = example
    kind = _BODIES.get(operation["operationId"])
    if kind is not None:
        (_, found) = msgspec.json.schema_components([kind], ref_template=f"{_PREFIX}{{name}}")
        components.update(found)
        content = {
            "schema": {"$ref": f"{_PREFIX}{kind.__name__}"},
            "example": examples.BODIES[operation["operationId"]],
        }
        operation["requestBody"] = {"required": True, "content": {"application/json": content}}


def _schema(message: str) -> dict[str, Any]:
    """The schema of a message, with an example that the sandbox accepts, if there is one."""
    found = json_schema.schema(message, definitions=_PREFIX)
    found.pop("examples", None)
    example = examples.json_of(message)
    return found | ({"examples": [example]} if example is not None else {})


def _failures() -> dict[str, Any]:
    return {
        status: {
            "description": text,
            "content": {"application/problem+json": {"schema": {"$ref": f"{_PREFIX}Problem"}}},
        }
        for status, text in _FAILURES.items()
    }


def _iso_operation(endpoint: IsoEndpoint) -> dict[str, Any]:
    answer = {"description": "The ISO response", "content": _content(endpoint.answer)}
    return {
        "operationId": endpoint.operation,
        "tags": ["iso20022"],
        "summary": f"{endpoint.summary} ({endpoint.message})",
        "description": (
            f"The response is {endpoint.answer}. Sign requests as for pacs.008."
            f" {_how_to_send(endpoint.message)}"
        ),
        "security": [{"sandboxKey": []}],
        "requestBody": {"required": True, "content": _request(endpoint.message)},
        "responses": {"200": answer, "202": answer, "404": _NOT_FOUND} | _failures(),
    }


def _credit_transfer() -> dict[str, Any]:
    answers = {
        status: {"description": text, "content": _content("pacs.002.001.10")}
        for status, text in _ANSWERS.items()
    }
    return {
        "operationId": "sendCreditTransfer",
        "tags": ["iso20022"],
        "summary": "Send a customer credit transfer (pacs.008)",
        "description": (
            "The UETR is the identity and the idempotency key of the payment: the same message again gets the"
            " present status of the payment. Sign requests (RFC 9421); a sandbox also accepts bearer keys."
            f" {_how_to_send('pacs.008')}"
        ),
        "security": [{"sandboxKey": []}],
        "parameters": [
            {
                "name": "Prefer",
                "in": "header",
                "schema": {"type": "string", "examples": ["wait=10"]},
                "description": "Wait up to this many seconds for the payment to be final",
            }
        ],
        "requestBody": {"required": True, "content": _request("pacs.008")},
        "responses": answers | _failures(),
    }


def _how_to_send(name: str) -> str:
    """How to send the examples of a message to a sandbox."""
    return (
        f"The examples are messages of {examples.SENDERS[name]} in the sandbox. Before you send one, give it"
        " new ids and today's dates: `payswitch iso fresh FILE` (add `--original` if it refers to an"
        " earlier message)."
    )


def _request(name: str) -> dict[str, Any]:
    """The content of a request, with an example for each version and representation."""
    content = _content(*_versions(name))
    for media_type, example_of in (
        ("application/json", examples.json_of),
        ("application/xml", examples.xml_of),
    ):
        found = {message: {"value": example_of(message)} for message in _versions(name)}
        content[media_type] = {**content[media_type], "examples": found}
    return content


def _versions(name: str) -> list[str]:
    return [message for message in catalogue().messages if message.startswith(f"{name}.")]


def _content(*messages: str) -> dict[str, Any]:
    references = [{"$ref": f"{_PREFIX}{message}"} for message in messages]
    schema = references[0] if len(references) == 1 else {"oneOf": references}
    return {"application/json": {"schema": schema}, "application/xml": _XML}
