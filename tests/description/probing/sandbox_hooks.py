"""How schemathesis proves to a sandbox who asks, and what no description can say. Loaded in its environment.

`PROBING` has the credentials of the sandbox; nothing of the switch is imported but the client's signing.
"""

import json
import os
import re
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import requests
import schemathesis
from payswitch_client.signing import SigningKey, sign

CREDENTIALS = json.loads(os.environ["PROBING"])
BANK = next(bank for bank in CREDENTIALS["participants"] if bank["id"] == "asha-bank")
AGENT = next(iter(CREDENTIALS["settlement_agents"].values()))
XML = "application/xml"
UNKNOWN = "x-schemathesis-unknown-property"
ELEMENTS = ("Envlp", "Sgntr")
"""Members of messages that are an element of another schema, as text."""
LEAP_DAY = re.compile(r"^(-?\d{4,})-02-29")
EXAMPLE_HOLDS = {
    "requestChange": ("kind", "content"),
    "addCaseAttachment": ("name", "media_type", "content"),
}
"""Members of bodies whose values depend on each other, or on more than their form."""


class Signature(requests.auth.AuthBase):
    """Signs a request as it will be sent."""

    def __init__(self, caller: dict[str, str]) -> None:
        self._key = SigningKey.from_pem(caller["keyid"], caller["private_key"])

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        assert request.url
        assert request.method
        url = urlsplit(request.url)
        body = request.body or b""
        headers = {name: text(value) for name, value in request.headers.items()}
        if not all(value.isascii() for value in headers.values()):
            return request  # nobody can sign that, and the switch refuses it
        added = sign(
            self._key,
            method=request.method,
            authority=url.netloc,
            target=url.path + (f"?{url.query}" if "?" in request.url else ""),
            headers={"Content-Type": "", **headers},
            body=body.encode() if isinstance(body, str) else body,
            now=int(time.time()),
            nonce=uuid.uuid4().hex,
        )
        request.headers.update(added)
        return request


class Person(requests.auth.AuthBase):
    """The bearer key of a person."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {CREDENTIALS['people']['operator']['bearer']}"
        return request


def text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def schemes(context: Any) -> set[str]:
    """The security schemes of the operation."""
    return {name for one in context.operation.definition.raw.get("security", ()) for name in one}


def confirms(context: Any) -> bool:
    return bool(context.operation.definition.raw["operationId"] == "confirmSettlement")


auth = schemathesis.auth.set_from_requests
auth(Signature(AGENT)).apply_to(func=confirms)
auth(Signature(BANK)).apply_to(func=lambda of: "signature" in schemes(of) and not confirms(of))
auth(Person()).apply_to(func=lambda of: "sessionToken" in schemes(of) and "signature" not in schemes(of))


def members_of(node: Any) -> Any:
    """Pairs of place and value of an object or an array; none of a scalar."""
    return node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()


def give_elements(node: Any, name: str, element: str) -> None:
    """What holds an element of another schema gets one."""
    for key, value in members_of(node):
        if key == name:
            node[key] = element
        else:
            give_elements(value, name, element)


def give_leap_days(node: Any) -> None:
    """29 February becomes the 28th: no pattern knows which years have it."""
    for key, value in members_of(node):
        if isinstance(value, str):
            node[key] = LEAP_DAY.sub(r"\1-02-28", value)
        else:
            give_leap_days(value)


@schemathesis.serializer(XML)
def as_it_is(_: Any, value: Any) -> bytes:
    """XML is sent as the text that it is."""
    return value if isinstance(value, bytes) else str(value).encode()


@schemathesis.hook
def map_path_parameters(context: Any, value: dict[str, Any] | None) -> dict[str, Any] | None:
    """The key that signs is not revoked: every other request would be refused."""
    if value and value.get("keyid") == BANK["keyid"]:
        value["keyid"] = "another-key"
    return value


@schemathesis.hook
def filter_case(context: Any, case: Any) -> bool:
    """A header that nobody knows is ignored, as RFC 9110 (5.1) asks: it is no mistake."""
    return UNKNOWN not in (case.headers or {})


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """What is valid by the description alone becomes valid altogether; what shall be refused stays as it is."""
    operation = case.operation.definition.raw
    if operation["operationId"] == "revokeKey" and case.path_parameters.get("keyid") == BANK["keyid"]:
        case.path_parameters["keyid"] = "another-key"
    if case.meta is None or not case.meta.generation.mode.is_negative:
        make_body_valid(case, operation)
        make_query_valid(case, operation["operationId"])


def make_body_valid(case: Any, operation: dict[str, Any]) -> None:
    """Texts of XML are messages, headers agree with their document, and members with each other."""
    name = operation["operationId"]
    if case.media_type == XML and isinstance(case.body, str | bytes):
        stated = operation["requestBody"]["content"][XML]
        examples = (
            [stated["example"]] if "example" in stated else [e["value"] for e in stated["examples"].values()]
        )
        case.body = examples[0]
    elif name == "addCosignature":
        case.body = operation["requestBody"]["content"]["text/plain"]["example"]
    elif not isinstance(case.body, dict):
        return
    elif case.path.startswith("/v1/iso20022/") or name == "confirmSettlement":
        for name in ELEMENTS:
            give_elements(case.body, name, '<a xmlns="urn:a"/>')
        give_leap_days(case.body)
        case.body.pop("AppHdr", None)
    elif name in EXAMPLE_HOLDS:
        example = operation["requestBody"]["content"]["application/json"]["example"]
        case.body |= {member: example[member] for member in EXAMPLE_HOLDS[name] if member in case.body}
    elif name in {"addWebhook", "changeWebhook"} and "url" in case.body:
        case.body["url"] = "https://bank.example/hooks"
    elif name == "replayDeliveries":
        case.body["since"] = (datetime.now(UTC) - timedelta(hours=1)).isoformat()


def make_query_valid(case: Any, name: str) -> None:
    """A period is as long as its step allows."""
    query = case.query or {}
    if case.path.startswith("/v1/statistics") and {"since", "until"} & query.keys():
        query |= {"since": "2026-11-01T00:00:00Z", "until": "2026-11-02T00:00:00Z"}
