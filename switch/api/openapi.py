"""The OpenAPI document: the plain reads as FastAPI knows them, the ISO door from the catalogue."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from schemas import json_schema
from schemas.catalogue import catalogue
from switch.api import doors, examples, people, webhooks
from switch.api.doors import Door
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
                    "path": {"type": "string", "description": "Element names, from the message's own"},
                    "message": {"type": "string"},
                    "rule": {"type": "string", "description": "The rule that is broken, as one word"},
                    "line": {"type": "integer", "description": "Of the element in XML, from 1"},
                    "column": {"type": "integer", "description": "In characters, from 1"},
                    "expected": {"type": "string", "description": "What may stand there"},
                },
            },
        },
    },
}
_FAILURES: Final = {
    "400": "The message is malformed, or not of its schema",
    "401": "Nothing proves who sent it, or the signature's nonce was used before",
    "403": "The sender may not do this",
    "406": "The answer can be XML or JSON only",
    "409": "The UETR is known with other content (DUPL); nothing was changed",
    "413": "Too large",
    "415": "Not a media type or encoding that is read here",
    "503": "`unavailable`: nothing was done. `outcome-unknown`: it may have been. Resend the same message",
}
_TEXT: Final[dict[str, Any]] = {"type": "string"}
_TEXT_OR_NULL: Final[dict[str, Any]] = {"type": ["string", "null"]}
_ROW: Final = {
    "type": "object",
    "required": ["what", "now", "then", "unit", "moving"],
    "properties": {
        "what": {**_TEXT, "description": "What the change touches: a label, a name or an id"},
        "now": {**_TEXT, "description": "How it is; `none` where there is none"},
        "then": {**_TEXT, "description": "How it would be"},
        "unit": {**_TEXT_OR_NULL, "description": "A currency, or what the number counts"},
        "moving": {"type": "boolean", "description": "It moves with every payment; the digest leaves it out"},
    },
}
_EFFECT: Final = {
    "type": ["object", "null"],
    "title": "Effect of a change",
    "description": "What the change would do if it were executed now; null once it has ended",
    "required": ["rows", "warnings", "digest"],
    "properties": {
        "rows": {"type": "array", "items": _ROW},
        "warnings": {"type": "array", "items": _TEXT},
        "digest": {
            **_TEXT,
            "description": "Stated as `seen`, it binds a vote to this effect",
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
        "content": {"type": "object", "description": "As the kind's JSON Schema in `/v1/changes/kinds`"},
        "maker": _TEXT,
        "reason": _TEXT,
        "seats": {"type": "array", "items": {"type": "object"}, "description": "Who must agree"},
        "votes": {"type": "array", "items": {"type": "object"}},
        "state": {"enum": [str(state) for state in ChangeState]},
        "requested_at": {**_TEXT, "format": "date-time"},
        "expires_at": {**_TEXT, "format": "date-time"},
        "ended_at": {**_TEXT_OR_NULL, "format": "date-time"},
        "outcome": {**_TEXT, "description": "What came of it"},
        "effect": {"$ref": f"{_PREFIX}Effect"},
        "links": {
            "type": "array",
            "description": "What the change touches",
            "items": {
                "type": "object",
                "required": ["subject", "id", "href"],
                "properties": {
                    "subject": {"enum": [str(subject) for subject in Subject]},
                    "id": _TEXT,
                    "href": {**_TEXT_OR_NULL, "description": "Where the API has it"},
                },
            },
        },
        "comparisons": {
            "type": "array",
            "description": "Its values beside those in force; not in lists",
            "items": {"type": "object"},
        },
        "maker_half": {**_TEXT, "description": "Once, to who asks for a person: half of an enrolment code"},
        "checker_half": {**_TEXT, "description": "Once, to who completes it: the other half"},
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
"""Operation -> the status and the schema of its answer."""
_EFFECT_CHANGED: Final = {
    "description": "The change would now do something else than what was `seen`; `effect` says what",
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
        "voteOnChange": people.Say,
        "addWebhook": webhooks.Wanted,
        "replayDeliveries": webhooks.Again,
    }
)
"""Operation -> what its JSON body is read as."""
_NOT_FOUND: Final = {
    "description": "There is no such payment or request of the caller's",
    "content": {"application/problem+json": {"schema": {"$ref": f"{_PREFIX}Problem"}}},
}
_LINK: Final = {
    "schema": {"type": "string", "examples": ['</v1/windows?limit=100&before=4711>; rel="next"']},
    "description": "The address of the next page (RFC 8288); without it the list has ended",
}
_ANSWERS: Final = {
    "200": "The payment is final",
    "202": "The payment is in flight: ask again, or wait",
    "422": "The switch refuses the payment; the reason is in it",
}


def describe(app: FastAPI) -> dict[str, Any]:
    """Build the document once."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, routes=app.routes)
        components = document.setdefault("components", {}).setdefault("schemas", {})
        components |= {"Problem": _PROBLEM, "Effect": _EFFECT, "Change": _CHANGE}
        for message in catalogue().messages:
            components.update(json_schema.definitions(message, prefix=_PREFIX))
            components[message] = _schema(message)
        components_security = document["components"].setdefault("securitySchemes", {})
        components_security["sandboxKey"] = {"type": "http", "scheme": "bearer"}
        document["paths"][doors.CREDIT_TRANSFER] = {"post": _credit_transfer()}
        for door in doors.DOORS:
            document["paths"][f"{doors.PREFIX}{door.message}"] = {"post": _door(door)}
        for path, operations in document["paths"].items():
            _describe_pages(operations.get("get", {}))
            for operation in operations.values():
                _describe_request(path, operation, components)
                _describe_answer(operation)
        app.openapi_schema = document
    return app.openapi_schema


def _describe_pages(operation: dict[str, Any]) -> None:
    """Say of a list how to get its next page."""
    if any(parameter["name"] == "limit" for parameter in operation.get("parameters", ())):
        operation["responses"]["200"]["headers"] = {"Link": _LINK}


def _describe_answer(operation: dict[str, Any]) -> None:
    """Give an operation the schema of its answer."""
    name = operation["operationId"]
    if name in _ANSWERED_BY:
        status, schema = _ANSWERED_BY[name]
        answer = operation["responses"].pop("200")
        operation["responses"][status] = {**answer, "content": {"application/json": {"schema": schema}}}
    if name == "voteOnChange":
        operation["responses"]["409"] = _EFFECT_CHANGED


def _describe_request(path: str, operation: dict[str, Any], components: dict[str, Any]) -> None:
    """Give an operation the schema of its JSON body, and examples of that and of what its path needs."""
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
    """The schema of a message; its example is one that the sandbox accepts, or there is none."""
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


def _door(door: Door) -> dict[str, Any]:
    answer = {"description": "The ISO answer", "content": _content(door.answer)}
    return {
        "operationId": door.operation,
        "tags": ["iso20022"],
        "summary": f"{door.summary} ({door.message})",
        "description": (
            f"Answered by {door.answer}. Requests are signed as those of pacs.008."
            f" {_how_to_send(door.message)}"
        ),
        "security": [{"sandboxKey": []}],
        "requestBody": {"required": True, "content": _request(door.message)},
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
            "The UETR is the payment's identity and idempotency key: the same message again answers with the"
            " payment's present state. Requests are signed (RFC 9421); a sandbox also takes bearer keys."
            f" {_how_to_send('pacs.008')}"
        ),
        "security": [{"sandboxKey": []}],
        "parameters": [
            {
                "name": "Prefer",
                "in": "header",
                "schema": {"type": "string", "examples": ["wait=10"]},
                "description": "Answer when the payment is final, for up to so many seconds",
            }
        ],
        "requestBody": {"required": True, "content": _request("pacs.008")},
        "responses": answers | _failures(),
    }


def _how_to_send(name: str) -> str:
    """How the examples of a message are sent to a sandbox."""
    return (
        f"The examples are messages of the sandbox's {examples.SENDERS[name]}. Before you send one, give it"
        " new ids and today's dates: `payswitch iso fresh FILE` (with `--original` where it is about an"
        " earlier message)."
    )


def _request(name: str) -> dict[str, Any]:
    """The content of a request, with an example of each version and representation."""
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
