"""The description is complete: forms, examples, callers and every status of each operation."""

import json
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from schemas.catalogue import catalogue
from schemas.errors import Refused
from switch.api import answers
from switch.base.settings import Settings
from switch.processes.app import make_app
from tests.description.described import Described, nodes


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Described:
    data: Path = tmp_path_factory.mktemp("data")
    return Described(make_app(Settings(data=data, sandbox=True))._app.openapi())


def contents(described: Described) -> list[tuple[str, str, dict[str, Any]]]:
    """Place, media type and content of each body, of requests and of responses."""
    found = []
    for name, (_, _, operation) in described.operations.items():
        bodies = {"request": operation.get("requestBody", {}), **operation["responses"]}
        for place, body in bodies.items():
            for media_type, content in described.resolved(body).get("content", {}).items():
                found.append((f"{name} {place}", media_type, content))
    return found


def shown(content: dict[str, Any]) -> list[Any]:
    if "example" in content:
        return [content["example"]]
    return [one["value"] for one in content.get("examples", {}).values()]


@pytest.mark.long
def test_the_document_is_valid_openapi(described: Described) -> None:
    OpenAPIV31SpecValidator(described.document).validate()
    json.dumps(described.document)


def test_every_message_has_a_schema_and_every_reference_a_target(described: Described) -> None:
    for node in nodes(described.document):
        if isinstance(node.get("$ref"), str):
            described.resolved(node)

    assert set(catalogue().messages) <= set(described.document["components"]["schemas"])


def test_titles_of_schemas_are_unique(described: Described) -> None:
    titles = [schema.get("title") for schema in described.document["components"]["schemas"].values()]
    stated = [title for title in titles if title]

    assert sorted(stated) == sorted(set(stated))


def test_every_operation_has_a_caller_a_text_and_every_status(described: Described) -> None:
    for name, (method, path, operation) in described.operations.items():
        statuses = set(operation["responses"])
        assert operation["summary"], name
        assert operation["description"], name
        assert {"400", "405", "429", "500", "503"} <= statuses, name
        assert bool(operation["security"]) == ("403" in statuses and "401" in statuses) or name in {
            "signIn", "beginEnrolment", "finishEnrolment", "addCosignature",
        }, name  # fmt: skip
        if "{" in path:
            assert "404" in statuses, name
        if "requestBody" in operation:
            assert {"413", "415"} <= statuses, name
        if operation["tags"] != ["iso20022"] and method == "get":
            assert ("422" in statuses) == (Refused in answers.ANSWERS[name].failures), name
    assert "HTTPValidationError" not in described.document["components"]["schemas"]


def test_every_answer_of_the_table_is_of_an_operation(described: Described) -> None:
    iso = {name for name, (_, path, _) in described.operations.items() if "/iso20022/" in path}

    assert set(answers.ANSWERS) == set(described.operations) - iso


def test_every_body_has_a_form_and_examples_that_follow_it(described: Described) -> None:
    wrong = []
    for place, media_type, content in contents(described):
        assert shown(content), (place, media_type)
        assert content["schema"], (place, media_type)
        if media_type.endswith("json"):
            wrong += [(place, described.problems(content["schema"], one)) for one in shown(content)]
        else:
            assert content["schema"]["type"] == "string", (place, media_type)

    assert [(place, found) for place, found in wrong if found] == []


def test_every_list_links_its_next_page(described: Described) -> None:
    lists = [
        (name, operation)
        for name, (_, _, operation) in described.operations.items()
        if any(parameter["name"] == "limit" for parameter in operation.get("parameters", ()))
    ]

    assert lists
    for name, operation in lists:
        assert {"after", "before"} & {parameter["name"] for parameter in operation["parameters"]}, name
        assert "Link" in operation["responses"]["200"]["headers"], name


def test_the_payments_endpoint_lists_all_its_answers(described: Described) -> None:
    _, _, operation = described.operations["sendCreditTransfer"]

    assert set(operation["responses"]) == {
        *("200", "202", "400", "401", "403", "405", "406", "409", "413", "415", "422", "429", "500", "503"),
    }
    assert {"application/problem+json", "application/xml"} == set(
        described.resolved(operation["responses"]["400"])["content"]
    )
