"""The OpenAPI document: routes as FastAPI knows them, answers from their types, messages of the catalogue.

Nothing is written twice: forms are those of `models`, failures those of the tree of errors, and who may call
an operation is read from the dependencies of its route.
"""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import msgspec
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts

from schemas import json_schema
from schemas.catalogue import catalogue
from schemas.errors import (
    DuplicateUetr,
    InvalidMessage,
    InvalidParameter,
    MessageTooLarge,
    NotAcceptable,
    NotAllowed,
    NotAuthentic,
    NotFound,
    OutcomeUnknown,
    Overloaded,
    Refused,
    SwitchError,
    TooManyRequests,
    Unavailable,
    UnsupportedRepresentation,
)
from schemas.versions import versions
from switch.api import answer_examples, examples, iso_endpoints, models, people, problems, reads, receiving
from switch.api.answers import ANSWERS, JSON, OperationAnswer
from switch.api.iso_endpoints import IsoEndpoint
from switch.identity import sessions

Json = dict[str, Any]

_PREFIX: Final = "#/components/schemas/"
_XML: Final = "application/xml"
_HEADER: Final = "BusinessApplicationHeader"
_READING: Final = frozenset({"get", "head"})
_INFO: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "summary": "ISO 20022 payments between national payment systems",
        "description": (
            "Participants sign each request (RFC 9421); a sandbox also accepts bearer keys, so that the"
            " first payment is one `curl`. An ISO message is sent as XML or JSON and answered by an ISO"
            " message; all other failures are problems (RFC 9457), explained at `/docs/problems`. Lists are"
            " pages: `Link` has the address of the next one. Amounts are decimal text, never numbers."
            " The switch signs an answer if the request has `Accept-Signature`: docs/reference/signatures.md."
        ),
        "license_info": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    }
)
_TAGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "iso20022": "One endpoint for each ISO 20022 message",
        "payments": "Payments and quotes",
        "messages": "Messages of other participants",
        "events": "What happened, in pages or as a stream",
        "webhooks": "Addresses to which events are delivered",
        "keys": "Signing keys of participants",
        "directory": "Participants, corridors and rails",
        "settlement": "Positions, windows, settlements, calendars",
        "reports": "Signed reports in several formats",
        "cases": "What needs a person: its owner, deadline and history",
        "screening": "What screening is set to",
        "people": "Sign-in and sessions of people",
        "changes": "Changes that two people approve",
        "audit": "Signed checkpoints of the log, and proofs",
    }
)
_SECURITY_SCHEMES: Final[Mapping[str, Json]] = MappingProxyType(
    {
        "signature": {
            "type": "apiKey",
            "in": "header",
            "name": "Signature",
            "description": (
                "HTTP Message Signatures (RFC 9421) of a participant, Ed25519 or ES256, with"
                " `Signature-Input` and `Content-Digest` (RFC 9530)"
            ),
        },
        "sandboxKey": {
            "type": "http",
            "scheme": "bearer",
            "description": "Key of a participant in a sandbox: `sk_test_...`; nowhere else",
        },
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": sessions.COOKIE,
            "description": "Session of a person, as `POST /v1/sign-in` sets it",
        },
        "sessionToken": {
            "type": "http",
            "scheme": "bearer",
            "description": "Token of a person's session, for programs",
        },
    }
)
_OF_PARTICIPANTS: Final[tuple[Json, ...]] = ({"signature": []}, {"sandboxKey": []})
_OF_PEOPLE: Final[tuple[Json, ...]] = ({"session": []}, {"sessionToken": []})
_CALLERS: Final = {
    reads._reader: _OF_PARTICIPANTS,  # noqa: SLF001 - the dependency itself
    people.signed_in: _OF_PEOPLE,
    people.caller: (*_OF_PARTICIPANTS, *_OF_PEOPLE),
}
"""Dependency of a route -> who may call it."""


def _header(example: str, description: str, **more: Any) -> Json:
    return {"description": description, "schema": {"type": "string", "examples": [example], **more}}


_HEADERS: Final[Mapping[str, Json]] = MappingProxyType(
    {
        "Allow": _header("GET, HEAD, OPTIONS", "The methods that the path has"),
        "Content-Disposition": _header('attachment; filename="rejects.csv"', "Name of the file"),
        "ETag": _header('"9f86d081884c"', "Identifies this state, for `If-None-Match` and `If-Match`"),
        "Idempotent-Replayed": _header("true", "Present if the message was known already"),
        "Link": _header(
            '</v1/windows?limit=100&before=4711>; rel="next"',
            "The address of the next page (RFC 8288); absent on the last page",
        ),
        "Location": _header(f"/v1/payments/{examples.ORIGINAL}", "Where to read the payment"),
        "Payswitch-As-Of": _header("4711", "Last event of the log that the file covers"),
        "Payswitch-Notes": _header(
            '"FIToFICstmrCdtTrf/CdtTrfTxInf/Purp";text="the rail does not carry this"',
            "Elements of the message that the rail does not carry",
        ),
        "Payswitch-Signature": _header("eyJhbGciOiJFZDI1NTE5In0..c2ln", "Detached JWS over the body"),
        "RateLimit": _header('"enquire";r=99;t=1', "What is left of the limit"),
        "RateLimit-Policy": _header('"enquire";q=100;w=10', "The limit"),
        "Request-Id": _header(
            "7b0f2f3e6c1d4a539f0e2d1c8a54e9b7", "Quote it to support; taken from the request"
        ),
        "Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer", "examples": [1]}},
        "Retry-After-Ms": {
            "description": "`overloaded`: milliseconds to wait",
            "schema": {"type": "integer", "examples": [240]},
        },
        "Set-Cookie": _header(f"{sessions.COOKIE}=token; Secure; HttpOnly", "The session"),
        "WWW-Authenticate": _header('Signature realm="payswitch"', "How to authenticate"),
    }
)
_UNCHANGED: Final[Json] = {
    "description": "It did not change since the caller read it (`If-None-Match`)",
    "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in ("ETag", "Request-Id")},
}
_ALWAYS: Final = ("Request-Id", "RateLimit", "RateLimit-Policy")
_OF_STATUS: Final[Mapping[int, tuple[str, ...]]] = MappingProxyType(
    {401: ("WWW-Authenticate",), 405: ("Allow",), 429: ("Retry-After",), 503: ("Retry-After",)}
)
_NO_METHOD: Final = "MethodNotAllowed"
_ANY_REFUSAL: Final = (
    NotAcceptable,
    DuplicateUetr,
    InvalidMessage,
    MessageTooLarge,
    UnsupportedRepresentation,
)
_PREFER: Final[Json] = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "examples": ["wait=10"]},
    "description": "Wait up to this many seconds for the payment to be final",
}
_WAIT: Final[Json] = {
    "name": "wait",
    "in": "query",
    "required": False,
    "schema": {"type": "string", "examples": ["10"]},
    "description": "The same as `Prefer: wait=10`",
}
_PAYMENT_ANSWERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "200": "The payment is final: pacs.002 has its status",
        "202": "The payment is in flight: read it again, or wait",
        "422": "The switch refuses the payment: pacs.002 has the reason, the place and the remedy",
    }
)


def describe(app: FastAPI) -> Json:
    """Build the document."""
    if app.openapi_schema is None:
        app.openapi_schema = _document(app)
    return app.openapi_schema


def _document(app: FastAPI) -> Json:
    routes = _routes(app)
    document = get_openapi(
        title=app.title, version=app.version, routes=[*routes.values()], servers=[{"url": "/"}], **_INFO
    )
    names = {found["operationId"] for path in document["paths"].values() for found in path.values()}
    document["tags"] = [{"name": name, "description": text} for name, text in _TAGS.items()]
    document["components"] = {
        "schemas": {**_of_parameters(document), **_schemas(names)},
        "securitySchemes": dict(_SECURITY_SCHEMES),
        "headers": dict(_HEADERS),
        "responses": {_NO_METHOD: _no_method()},
    }
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            route = routes[operation["operationId"]]
            answer = ANSWERS.get(operation["operationId"], OperationAnswer())
            _complete(document, path, method, operation, _security(route), answer)
    for endpoint in iso_endpoints.ISO_ENDPOINTS:
        path = f"{iso_endpoints.PREFIX}{endpoint.message}"
        document["paths"][path] = {"post": _iso_operation(document, endpoint)}
    document["paths"][iso_endpoints.CREDIT_TRANSFER] = {"post": _credit_transfer(document)}
    return document


class _Operation(RouteContext):
    """A route as the description shows it: HEAD is GET without the body, no operation of its own."""

    @property
    def methods(self) -> set[str]:
        return (super().methods or set()) - {"HEAD"}


def _routes(app: FastAPI) -> dict[str, RouteContext]:
    """The routes of the application by operation."""
    found = [one for one in iter_route_contexts(app.routes) if isinstance(one.original_route, APIRoute)]
    return {one.operation_id: _Operation(one.route, one._route_context) for one in found if one.operation_id}  # noqa: SLF001


def _of_parameters(document: Json) -> Json:
    """The schemas to which parameters refer; without those of failures that the switch never sends."""
    found: Json = document.get("components", {}).get("schemas", {})
    return {name: one for name, one in found.items() if not name.endswith("ValidationError")}


# ── schemas ──────────────────────────────────────────────────────────────────────────────────────────────


def _schemas(operations: set[str]) -> Json:
    """The schemas of answers and bodies of these operations, and of all ISO messages."""
    answers = [ANSWERS[name] for name in sorted(operations) if name in ANSWERS]
    kinds = [models.ProblemDocument, *(one.form for one in answers if one.form)]
    kinds += [one.body for one in answers if one.body]
    (_, found) = msgspec.json.schema_components(kinds, ref_template=f"{_PREFIX}{{name}}")
    schemas: Json = models.renamed(found, _PREFIX)
    for message in sorted(catalogue().messages):
        schemas.update(json_schema.definitions(message, prefix=_PREFIX))
    for name, header in json_schema.headers(_PREFIX).items():
        schemas[name] = header
    schemas[_HEADER] = {
        "title": "Business Application Header",
        "anyOf": [{"$ref": f"{_PREFIX}{name}"} for name in json_schema.headers(_PREFIX)],
    }
    for message, root in catalogue().messages.items():
        if root.tag != "AppHdr":
            schemas[message] = _schema(message)
    return schemas


def _schema(message: str) -> Json:
    """The schema of a message, with an example that the sandbox accepts, if there is one."""
    found = json_schema.schema(message, definitions=_PREFIX)
    found["properties"]["AppHdr"] = {"$ref": f"{_PREFIX}{_HEADER}"}
    found["title"] = f"{found['title']} ({message})"
    found["required"] = ["$type", *found["required"]]
    found.pop("examples", None)
    example = examples.json_of(message)
    return found | ({"examples": [example]} if example is not None else {})


def _reference(form: Any) -> Json:
    """The schema of an answer: a reference, or a list of them."""
    ((schema,), _) = msgspec.json.schema_components([form], ref_template=f"{_PREFIX}{{name}}")
    reference: Json = models.renamed(schema, _PREFIX)
    return reference


# ── operations ───────────────────────────────────────────────────────────────────────────────────────────


def _complete(  # noqa: PLR0917 - the parts of an operation
    document: Json, path: str, method: str, operation: Json, security: Sequence[Json], answer: OperationAnswer
) -> None:
    """Complete an operation: who may call it, its body, examples and every status that it answers."""
    if answer.signs:
        security = _OF_PARTICIPANTS
    operation["security"] = list(security)
    operation["summary"] = str(operation["description"]).partition("\n")[0]
    _give_examples(path, operation)
    if answer.body is not None:
        form = _reference(answer.body)
        content = {"schema": form, "example": examples.BODIES[operation["operationId"]]}
        operation["requestBody"] = {"required": True, "content": {JSON: content}}
    if operation["operationId"] == "confirmSettlement":
        operation["requestBody"] = {"required": True, "content": _confirmations()}
    if operation["operationId"] == "handInPaymentFile":
        file = {"schema": {"type": "string"}, "example": examples.PAYMENT_FILE}
        operation["requestBody"] = {"required": True, "content": {_XML: file}}
    given = operation["responses"].get(str(answer.status), {})
    success = _success(document, answer, given)
    operation["responses"] = {
        str(answer.status): success,
        **({"304": _UNCHANGED} if answer.tagged else {}),
        **_failures(document, _classes(method, operation, security, answer)),
    }


def _confirmations() -> Json:
    """The content of a settlement agent's confirmation: one of two messages in any version."""
    shown = {name: answer_examples.answer(name) for name in ("camt.054.001.08", "pacs.002.001.10")}
    content = _content(*(name for message in shown for name in versions(message[:8])))
    content[JSON]["examples"] = {name: {"value": one} for name, one in shown.items()}
    content[_XML]["examples"] = {
        name: {"value": answer_examples.as_xml(name, one["Document"])} for name, one in shown.items()
    }
    return content


def _give_examples(path: str, operation: Json) -> None:
    for parameter in operation.get("parameters", ()):
        parameter["schema"] = _of_parameter(parameter["schema"])
        example = examples.parameter(path, parameter["name"])
        asked = examples.ASKED.get(operation["operationId"], ())
        if parameter.get("required") or parameter["name"] in asked:
            parameter["example"] = example


def _of_parameter(schema: Json) -> Json:
    """The schema of a parameter: one that is left out is absent, and never null."""
    found = {name: value for name, value in schema.items() if name not in {"title", "anyOf"}}
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    return found | (kinds[0] if len(kinds) == 1 else {"anyOf": kinds} if kinds else {})


def _success(document: Json, answer: OperationAnswer, given: Json) -> Json:
    """The response of success, with its headers and examples."""
    headers = {name: {"$ref": f"#/components/headers/{name}"} for name in (*answer.headers, *_ALWAYS)}
    response: Json = {"description": _text_of(answer), "headers": headers}
    content: Json = {}
    if answer.form is not None:
        schema = _reference(answer.form)
        example = given.get("content", {}).get(JSON, {}).get("example")
        shown = example if example is not None else answer_examples.of_schema(schema, document)
        content[JSON] = {"schema": schema, "example": shown}
    for media_type in answer.files:
        content[media_type] = {"schema": {"type": "string"}, "example": answer_examples.FILES[media_type]}
    return response | ({"content": content} if content else {})


def _text_of(answer: OperationAnswer) -> str:
    """The description of a success: the first sentence of its type."""
    if answer.form is None:
        return "Done" if not answer.files else "The file"
    kind = getattr(answer.form, "__args__", (answer.form,))[0]
    text: str = (kind.__doc__ or kind.__name__).strip().splitlines()[0]
    return f"A page of the list. Each entry: {text}" if answer.form is not kind else text


def _security(route: RouteContext) -> Sequence[Json]:
    """Who may call a route, by its dependencies; empty if everybody."""
    for part in _parts(route.dependant):
        if part.call in _CALLERS:
            return _CALLERS[part.call]
    return ()


def _parts(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for inner in dependant.dependencies:
        yield from _parts(inner)


# ── failures ─────────────────────────────────────────────────────────────────────────────────────────────


def _classes(
    method: str, operation: Json, security: Sequence[Json], answer: OperationAnswer
) -> list[type[SwitchError]]:
    """Every failure of an operation: those of its route, and its own."""
    found: list[type[SwitchError]] = [InvalidParameter, TooManyRequests, Unavailable, SwitchError]
    if method not in _READING:
        found.append(OutcomeUnknown)
    if security:
        found += [NotAuthentic, NotAllowed]
    if any(parameter["in"] == "path" for parameter in operation.get("parameters", ())):
        found.append(NotFound)
    if "requestBody" in operation:
        found += [InvalidMessage, MessageTooLarge, UnsupportedRepresentation]
    elif answer.signs:
        found += [MessageTooLarge, UnsupportedRepresentation]
    return [*dict.fromkeys([*found, *answer.failures])]


def _failures(document: Json, classes: Sequence[type[SwitchError]]) -> Json:
    """The responses of these failures by status, each shared by all operations with the same ones."""
    by_status: dict[int, list[type[SwitchError]]] = {}
    for kind in sorted(classes, key=lambda kind: (kind.status, kind.__name__)):
        by_status.setdefault(kind.status, []).append(kind)
    found = {}
    for status, kinds in by_status.items():
        name = f"{status}.{'.'.join(kind.__name__ for kind in kinds)}"
        document["components"]["responses"].setdefault(name, _failure(status, kinds))
        found[str(status)] = {"$ref": f"#/components/responses/{name}"}
    found["405"] = {"$ref": f"#/components/responses/{_NO_METHOD}"}
    return dict(sorted(found.items()))


def _failure(status: int, kinds: Sequence[type[SwitchError]]) -> Json:
    texts = [f"`{problems.name_of(kind)}`: {problems.title_of(kind)}" for kind in kinds]
    names = (*_OF_STATUS.get(status, ()), *(["Retry-After-Ms"] if Overloaded in kinds else []), "Request-Id")
    shown = {problems.name_of(kind): {"value": problems.example_of(kind)} for kind in kinds}
    return {
        "description": "\n\n".join(texts),
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in names},
        "content": {problems.MEDIA_TYPE: {"schema": {"$ref": f"{_PREFIX}Problem"}, "examples": shown}},
    }


def _no_method() -> Json:
    """Another method on a path of the API: no operation answers it, every path does."""
    return {
        "description": "The path does not have this method; `Allow` has those that it has",
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in ("Allow", "Request-Id")},
        "content": {
            problems.MEDIA_TYPE: {
                "schema": {"$ref": f"{_PREFIX}Problem"},
                "example": problems.plain_body(405, "Method Not Allowed", "GET, HEAD"),
            }
        },
    }


# ── ISO messages ─────────────────────────────────────────────────────────────────────────────────────────


def _iso_operation(document: Json, endpoint: IsoEndpoint) -> Json:
    answer = {
        "description": f"The ISO response: {endpoint.answer}",
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in _ALWAYS},
        "content": _answer_content(endpoint.answer),
    }
    return {
        "operationId": endpoint.operation,
        "tags": ["iso20022"],
        "summary": f"{endpoint.summary} ({endpoint.message})",
        "description": (
            f"The response is {endpoint.answer}, or the first later version that can hold what it repeats."
            f" Sign requests as for pacs.008. {_how_to_send(endpoint.message)}"
        ),
        "security": list(_OF_PARTICIPANTS),
        "parameters": [_PREFER, _WAIT],
        "requestBody": {"required": True, "content": _request(endpoint.message)},
        "responses": {"200": answer, "202": answer}
        | _iso_failures(document, (NotFound, Refused), of_message=endpoint.message),
    }


def _credit_transfer(document: Json) -> Json:
    names = ("Location", "Idempotent-Replayed", "Payswitch-Notes", "Retry-After", *_ALWAYS)
    answers = {
        status: {
            "description": text,
            "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in names},
            "content": _answer_content("pacs.002.001.10", refused=status == "422"),
        }
        for status, text in _PAYMENT_ANSWERS.items()
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
        "security": list(_OF_PARTICIPANTS),
        "parameters": [_PREFER, _WAIT],
        "requestBody": {"required": True, "content": _request("pacs.008")},
        "responses": _iso_failures(document, (), of_message="pacs.008") | answers,
    }


def _iso_failures(document: Json, own: Sequence[type[SwitchError]], *, of_message: str) -> Json:
    """The failures of an ISO endpoint; with `Accept: application/xml` alone, admi.002 is one of the forms."""
    always = (InvalidParameter, NotAuthentic, NotAllowed, TooManyRequests, Unavailable, OutcomeUnknown)
    shed = (Overloaded,) if of_message in receiving.ADMITTED else ()
    found = _failures(document, (*always, *shed, *_ANY_REFUSAL, SwitchError, *own))
    for status in ("400", "401", "413", "415"):
        name = found[status]["$ref"].rpartition("/")[2]
        responses = document["components"]["responses"]
        responses[f"{name}.iso"] = {
            **responses[name],
            "content": {**responses[name]["content"], _XML: _xml(answer_examples.REJECTION)},
        }
        found[status] = {"$ref": f"#/components/responses/{name}.iso"}
    if (
        of_message == "pacs.004"
    ):  # a return that is refused is answered by pacs.002, what is wrong in it by a problem
        name = found["422"]["$ref"].rpartition("/")[2]
        refused = document["components"]["responses"][name]
        content = {**refused["content"], **_answer_content("pacs.002.001.10", refused=True)}
        found["422"] = {**refused, "content": content}
    return found


def _how_to_send(name: str) -> str:
    """How to send the examples of a message to a sandbox."""
    return (
        f"The examples are messages of {examples.SENDERS[name]} in the sandbox. Before you send one, give it"
        " new ids and today's dates: `payswitch iso fresh FILE` (add `--original` if it refers to an"
        " earlier message)."
    )


def _request(name: str) -> Json:
    """The content of a request, with an example for each version and representation."""
    content = _content(*_versions(name))
    for media_type, example_of in ((JSON, examples.json_of), (_XML, examples.xml_of)):
        found = {message: {"value": example_of(message)} for message in _versions(name)}
        content[media_type] = {**content[media_type], "examples": found}
    return content


def _answer_content(message: str, *, refused: bool = False) -> Json:
    """The content of an ISO response: its version, or a later one that can hold what it repeats."""
    content = _content(*(known for known in versions(message[:8]) if known >= message))
    document = answer_examples.answer(message, refused=refused)
    content[JSON]["example"] = document
    content[_XML] = _xml(answer_examples.as_xml(message, document["Document"]))
    return content


def _xml(example: str) -> Json:
    schema = {"type": "string", "description": "The same message as ISO 20022 XML, UTF-8"}
    return {"schema": schema, "example": example}


def _versions(name: str) -> list[str]:
    return [message for message in catalogue().messages if message.startswith(f"{name}.")]


def _content(*messages: str) -> Json:
    places = {message: f"{_PREFIX}{message}" for message in messages}
    schema: Json = {"oneOf": [{"$ref": place} for place in places.values()]}
    schema["discriminator"] = {"propertyName": "$type", "mapping": places}
    xml = {"schema": {"type": "string", "description": "The same message as ISO 20022 XML, UTF-8"}}
    return {JSON: {"schema": schema}, _XML: xml}
