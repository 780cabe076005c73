"""The OpenAPI document holds every message, and every reference in it leads somewhere."""

import json
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI

from schemas.catalogue import catalogue
from switch.api import openapi, reads


def document() -> dict[str, Any]:
    app = FastAPI(title="payswitch", version="1")
    app.include_router(reads.router)
    return openapi.describe(app)


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_every_message_has_a_schema_and_every_reference_a_target() -> None:
    described = document()
    schemas = described["components"]["schemas"]

    assert set(catalogue().messages) <= set(schemas)
    assert {ref.removeprefix("#/components/schemas/") for ref in references(described)} <= set(schemas)
    json.dumps(described)


def test_every_list_links_its_next_page() -> None:
    windows = document()["paths"]["/v1/windows"]["get"]

    assert {"limit", "before"} <= {parameter["name"] for parameter in windows["parameters"]}
    assert 'rel="next"' in windows["responses"]["200"]["headers"]["Link"]["schema"]["examples"][0]


def test_the_endpoint_lists_all_its_answers() -> None:
    door = document()["paths"]["/v1/iso20022/pacs.008"]["post"]

    assert {"200", "202", "400", "401", "403", "406", "409", "413", "415", "422", "503"} == set(
        door["responses"]
    )
