"""The reference that the switch serves has every operation and event, and needs nothing from elsewhere."""

import re
import urllib.error
import urllib.request

import pytest

from switch.api import asyncapi, reference
from tests.description.described import Described
from tests.switch.stack import Stack


@pytest.fixture(scope="module")
def described(stack: Stack) -> Described:
    return Described.of(stack.url)


def fetched(stack: Stack, path: str) -> tuple[str, str, str]:
    """Media type, policy and text of a page."""
    with urllib.request.urlopen(stack.url + path, timeout=30) as answer:
        policy = answer.headers.get("Content-Security-Policy", "")
        return answer.headers.get_content_type(), policy, answer.read().decode()


def links(page: str) -> set[str]:
    return {found for found in re.findall(r'(?:href|src)="([^"]+)"', page) if not found.startswith("#")}


def test_the_index_leads_to_a_page_of_every_operation(stack: Stack, described: Described) -> None:
    _, _, index = fetched(stack, reference.PATH)

    assert {f"{reference.PATH}/{name}" for name in described.operations} <= links(index)
    seen = set()
    for name, (method, path, operation) in described.operations.items():
        media_type, policy, page = fetched(stack, f"{reference.PATH}/{name}")
        assert (media_type, policy) == ("text/html", reference._POLICY)
        assert f"<h1>{method.upper()} {path}</h1>" in page
        assert all(f"<h3>{status}</h3>" in page for status in operation["responses"])
        assert "<script" not in page
        assert "style=" not in page
        seen |= links(page)
    assert all(found.startswith("/") for found in seen)


def test_every_schema_that_a_page_names_has_one(stack: Stack, described: Described) -> None:
    for name in ("Payment", "pacs.008.001.08", "EventPage", "ActiveCurrencyAndAmount"):
        _, _, page = fetched(stack, f"/docs/api/schemas/{name}")
        named = {found.rpartition("/")[2] for found in links(page) if "/schemas/" in found}
        assert named <= described.document["components"]["schemas"].keys()


def test_every_type_of_event_is_on_its_page_with_an_example(stack: Stack) -> None:
    _, policy, page = fetched(stack, reference.EVENTS)

    assert policy == reference._POLICY
    for message in asyncapi.document()["components"]["messages"].values():
        assert f"<h2>{message['name']}</h2>" in page


@pytest.mark.parametrize("path", ["/docs/api/<b>", "/docs/api/schemas/nothing", "/docs/api/getPayment/x"])
def test_what_is_not_there_is_a_problem(stack: Stack, path: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        fetched(stack, path.replace("<", "%3C").replace(">", "%3E"))

    assert caught.value.code == 404
    assert "<b>" not in caught.value.read().decode()
