"""The published vectors of signed answers: our code makes the same text, the client verifies it, and nothing else."""

import json
from typing import Any

import httpx
import pytest

from schemas.signing import answer_signatures
from switch.clients.python import NotVerified, verify_answer
from switch.clients.python.answers import ASKED
from tests.signing import answer_vectors

PUBLISHED: list[dict[str, Any]] = json.loads(answer_vectors.FILE.read_text())
IDS = [vector["name"] for vector in PUBLISHED]


def verify(vector: dict[str, Any], **changed: Any) -> None:
    found = {**vector, **changed}
    request = httpx.Request(found["method"], found["url"], headers=found["sent"])
    headers = {**found["headers"], **found["added_headers"]}
    answer = httpx.Response(found["status"], headers=headers, content=found["body"].encode(), request=request)
    verify_answer({found["keyid"]: found["public_key"]}, answer)


def test_the_file_is_what_the_switch_signs() -> None:
    assert answer_vectors.answers() == PUBLISHED, "python -m tests.signing.answer_vectors"


def test_the_page_shows_the_text_of_the_first_vector_and_the_header() -> None:
    page = (answer_vectors.FILE.parent / "signatures.md").read_text()

    assert f"```text\n{PUBLISHED[0]['base']}\n```" in page
    assert f"\nAccept-Signature: {ASKED}\n" in page


def test_the_client_asks_for_what_the_switch_signs() -> None:
    assert ASKED == answer_signatures.ASKED


@pytest.mark.parametrize("vector", PUBLISHED, ids=IDS)
def test_the_client_verifies_it_and_nothing_that_was_changed(vector: dict[str, Any]) -> None:
    verify(vector)
    _, other = vector["url"].split("/v1/")
    for changed in (
        {"method": "PUT"},
        {"url": f"https://other.example/v1/{other}"},
        {"url": f"{vector['url']}1"},
        {"sent": {**vector["sent"], "Signature": "sig=:AA==:"}},
        {"sent": {}},
        {"status": 201},
        {"headers": {**vector["headers"], "content-type": "text/plain"}},
        {"body": f"{vector['body']} "},
        {"added_headers": {}},
        {"public_key": ""},
        {"public_key": PUBLISHED[0]["private_key"]},
        {"keyid": "answers-other"},
    ):
        with pytest.raises(NotVerified):
            verify(vector, **changed)
