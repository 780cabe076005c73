"""The description of events has every type, and what a switch sends follows it."""

import json
import urllib.request
from typing import Any

from jsonschema import Draft202012Validator

from switch.api import asyncapi, home
from switch.payments.events import TYPES
from tests.switch.stack import Stack


def fetched(stack: Stack, path: str, bearer: str = "") -> tuple[str, bytes]:
    request = urllib.request.Request(
        stack.url + path, headers={"Authorization": f"Bearer {bearer}"} if bearer else {}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.headers.get_content_type(), answer.read()


def validator(payload: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator({**payload, "components": asyncapi.document()["components"]})


def test_every_type_of_event_has_a_message_with_an_example_that_follows_it() -> None:
    messages = asyncapi.document()["components"]["messages"].values()

    assert {one["name"] for one in messages} == {*TYPES, "webhook.test"}
    for one in messages:
        (example,) = one["examples"]
        validator(one["payload"]).validate(example["payload"])
        assert example["payload"]["type"] == one["name"]


async def test_events_of_a_switch_follow_it(stack: Stack) -> None:
    _, raw = fetched(stack, "/v1/events?limit=1000", stack.participant("asha-bank")["bearer"])
    by_type = {one["name"]: one["payload"] for one in asyncapi.document()["components"]["messages"].values()}
    events = json.loads(raw)["events"]

    assert events
    for event in events:
        validator(by_type[event["type"]]).validate(event)


def test_the_address_of_the_switch_leads_to_its_descriptions(stack: Stack) -> None:
    media_type, page = fetched(stack, home.PATH)
    kind, document = fetched(stack, asyncapi.PATH)

    assert media_type == "text/html"
    assert json.loads(document) == asyncapi.document()
    assert kind == "application/json"
    for path, _ in home._LINKS:
        assert f'href="{path}"'.encode() in page
