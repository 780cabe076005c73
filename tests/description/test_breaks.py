"""What breaks clients of the last release is found, by operation or field, and what does not is not."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.description import breaks
from tests.description.breaks import ACCEPTED, Comparison

Json = dict[str, Any]
OLD: Json = {
    "paths": {
        "/v1/hooks": {
            "post": {
                "security": [{"signature": []}, {"sandboxKey": []}],
                "parameters": [
                    {"in": "query", "name": "limit", "schema": {"type": "integer", "maximum": 500}}
                ],
                "requestBody": {
                    "required": False,
                    "content": {
                        "application/json": {"schema": {"$ref": "#/components/schemas/New"}},
                        "application/xml": {"schema": {"type": "string"}},
                    },
                },
                "responses": {
                    "200": {
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Hook"}}}
                    },
                    "409": {"$ref": "#/components/responses/Problem"},
                },
            }
        },
        "/v1/rails": {"get": {"security": [], "responses": {"200": {}}}},
    },
    "components": {
        "schemas": {
            "New": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "url": {"type": "string", "maxLength": 500},
                    "kind": {"enum": ["all", "some"]},
                    "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                },
                "required": ["url"],
            },
            "Hook": {
                "type": "object",
                "properties": {
                    "id": {"type": "string"},
                    "state": {"enum": ["open"]},
                    "seen": {"type": "array", "items": {"type": "integer"}},
                },
                "required": ["id", "state"],
            },
        },
        "responses": {"Problem": {"content": {"application/problem+json": {"schema": {"type": "object"}}}}},
    },
}


def post(document: Json) -> Json:
    found: Json = document["paths"]["/v1/hooks"]["post"]
    return found


def new(document: Json) -> Json:
    found: Json = document["components"]["schemas"]["New"]
    return found


def hook(document: Json) -> Json:
    found: Json = document["components"]["schemas"]["Hook"]
    return found


def without(holder: Callable[[Json], Any], name: Any) -> Callable[[Json], None]:
    def change(document: Json) -> None:
        del holder(document)[name]

    return change


def with_(holder: Callable[[Json], Any], **members: Any) -> Callable[[Json], None]:
    return lambda document: holder(document).update(members)


STRING = {"type": "string"}
REQUIRED = {"in": "query", "name": "since", "required": True, "schema": STRING}
BREAKS = [
    (without(lambda d: d["paths"], "/v1/rails"), "GET /v1/rails: is gone"),
    (with_(lambda d: d["paths"]["/v1/rails"]["get"], security=[{"signature": []}]), "GET /v1/rails: was public, and is not"),
    (with_(post, security=[{"signature": []}]), "POST /v1/hooks: no longer accepts sandboxKey"),
    (without(lambda d: post(d)["responses"], "409"), "POST /v1/hooks: lost status 409"),
    (with_(lambda d: post(d)["responses"], **{"202": {}}), "POST /v1/hooks: succeeds with status 202 too"),
    (with_(post, parameters=[]), "POST /v1/hooks: lost the parameter limit"),
    (lambda d: post(d)["parameters"].append(REQUIRED), "POST /v1/hooks: the parameter since became required"),
    (with_(lambda d: post(d)["parameters"][0]["schema"], maximum=100), "POST /v1/hooks, limit: maximum became 100 (before: 500)"),
    (without(lambda d: post(d)["requestBody"]["content"], "application/xml"), "POST /v1/hooks, body: lost application/xml"),
    (without(post, "requestBody"), "POST /v1/hooks: takes no body any more"),
    (with_(new, required=["url", "kind"]), "New: the field kind became required"),
    (without(lambda d: new(d)["properties"], "kind"), "New: the field kind is gone"),
    (with_(lambda d: new(d)["properties"]["kind"], enum=["all"]), 'New.kind: no longer takes the value "some"'),
    (with_(lambda d: new(d)["properties"]["url"], maxLength=100), "New.url: maxLength became 100 (before: 500)"),
    (with_(lambda d: new(d)["properties"]["url"], type="integer"), "New.url: no longer takes string"),
    (with_(lambda d: new(d)["properties"], note=STRING), "New.note: no longer takes null"),
    (without(lambda d: hook(d)["properties"], "id"), "Hook: the field id is gone"),
    (with_(hook, required=["id"]), "Hook: the field state is no longer always present"),
    (with_(lambda d: hook(d)["properties"]["state"], enum=["open", "shut"]), 'Hook.state: may have the value "shut" now'),
    (with_(lambda d: hook(d)["properties"]["id"], type=["string", "null"]), "Hook.id: may be null now"),
    (with_(lambda d: hook(d)["properties"]["seen"]["items"], type="string"), "Hook.seen[]: may be string now"),
]  # fmt: skip
OPTIONAL = {"in": "query", "name": "since", "schema": STRING}
NO_BREAKS = [
    with_(lambda d: d["paths"], **{"/v1/new": {"get": {"responses": {"200": {}}}}}),
    with_(lambda d: d["paths"]["/v1/rails"]["get"]["responses"], **{"429": {}}),
    lambda d: post(d)["parameters"].append(OPTIONAL),
    with_(lambda d: new(d)["properties"], more=STRING),
    with_(lambda d: new(d)["properties"]["kind"], enum=["all", "some", "none"]),
    with_(lambda d: new(d)["properties"]["url"], maxLength=900),
    with_(lambda d: hook(d)["properties"], more=STRING),
    with_(hook, required=["id", "state", "seen"]),
]


@pytest.mark.parametrize(("change", "text"), BREAKS, ids=[text for _, text in BREAKS])
def test_each_kind_of_break_is_found_by_its_place(change: Callable[[Json], None], text: str) -> None:
    changed = copy.deepcopy(OLD)
    change(changed)

    assert Comparison(OLD, changed).breaks() == [text]


@pytest.mark.parametrize("change", NO_BREAKS, ids=range(len(NO_BREAKS)))
def test_what_breaks_nobody_is_none(change: Callable[[Json], None]) -> None:
    changed = copy.deepcopy(OLD)
    change(changed)

    assert Comparison(OLD, changed).breaks() == []


def test_the_description_keeps_what_the_last_release_promised() -> None:
    promised = json.loads(breaks.PROMISED.read_text())

    assert promised["paths"].keys() >= {"/v1/iso20022/pacs.008", "/v1/payments/{uetr}", "/v1/events"}
    assert {*Comparison(promised, breaks.present()).breaks()} == ACCEPTED.keys()


def test_the_check_names_each_break_and_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Any
) -> None:
    promised = json.loads(breaks.PROMISED.read_text())
    promised["paths"]["/v1/gone"] = {"get": {"responses": {}}}
    (tmp_path / "promised.json").write_text(breaks.written(promised))
    monkeypatch.setattr(breaks, "PROMISED", tmp_path / "promised.json")

    assert breaks.main([]) == 1
    assert "a client of the last release breaks: GET /v1/gone: is gone\n" in capsys.readouterr().out
