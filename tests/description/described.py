"""The description of the API as tests compare answers with it: strictly, so that nothing undescribed is sent."""

import json
import re
import urllib.request
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

Json = dict[str, Any]


@dataclass
class Described:
    """An OpenAPI document."""

    document: Json

    @classmethod
    def of(cls, url: str) -> "Described":
        """The description that a switch serves."""
        with urllib.request.urlopen(f"{url}/openapi.json", timeout=30) as answer:
            return cls(json.load(answer))

    @cached_property
    def operations(self) -> dict[str, tuple[str, str, Json]]:
        """Operation id -> method, path, operation."""
        return {
            found["operationId"]: (method, path, found)
            for path, operations in self.document["paths"].items()
            for method, found in operations.items()
        }

    @cached_property
    def _registry(self) -> Registry:
        return Registry().with_resource("urn:d", DRAFT202012.create_resource(closed(self.document)))

    def problems(self, schema: Json, value: object) -> list[str]:
        """What is wrong with a value by its schema."""
        placed = json.loads(json.dumps(schema).replace('"#/', '"urn:d#/'))
        found = Draft202012Validator(placed, registry=self._registry).iter_errors(value)
        return [f"{error.json_path}: {error.message[:200]}" for error in found]

    def resolved(self, node: Json) -> Json:
        """What a reference leads to."""
        while "$ref" in node:
            found: Any = self.document
            for part in node["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            node = found
        return node

    def find(self, method: str, target: str) -> Json:
        """The operation of a request."""
        path = target.partition("?")[0]
        return next(
            found
            for verb, template, found in sorted(self.operations.values(), key=lambda one: "{" in one[1])
            if verb == method.lower() and re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), path)
        )

    def check(self, method: str, target: str, status: int, media_type: str, body: bytes) -> list[str]:
        """What the description does not say about an answer."""
        place = f"{method} {target}: {status}"
        operation = self.find(method, target)
        if str(status) not in operation["responses"]:
            return [f"{place} is not described"]
        content = self.resolved(operation["responses"][str(status)]).get("content", {})
        if not body:
            return [] if status in {202, 204} else [f"{place}: no body"]
        if media_type not in content:
            return [f"{place}: {media_type} is not described"]
        if not media_type.endswith("json"):
            return []
        found = self.problems(content[media_type]["schema"], json.loads(body))
        return [f"{place}: {problem}" for problem in found]


def closed(document: Json) -> Json:
    """The same description, in which objects have no member that is not described."""
    found = deepcopy(document)
    for schema in found["components"]["schemas"].values():
        if schema.get("type") == "object" and "properties" in schema:
            schema["additionalProperties"] = False
    return found


def nodes(node: Any) -> Iterator[Json]:
    """Every object in a document."""
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from nodes(value)
    elif isinstance(node, list):
        for value in node:
            yield from nodes(value)
