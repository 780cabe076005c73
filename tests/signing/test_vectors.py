"""The published test vectors: the verifier accepts each, our client makes the same text, and a changed byte is refused."""

import json
from typing import Any

import pytest

from schemas.errors import NotAuthentic
from schemas.signing import http_signatures
from schemas.signing.keys import PublicKey
from switch.clients.python import SigningKey, signing
from tests.signing import vectors

PUBLISHED: list[dict[str, Any]] = json.loads(vectors.FILE.read_text())
IDS = [f"{vector['algorithm']}: {vector['name']}" for vector in PUBLISHED]


def verify(vector: dict[str, Any], **changed: Any) -> bytes:
    found = {**vector, **changed}
    lines = [
        (name.lower().encode(), value.encode())
        for name, value in {**found["headers"], **found["added_headers"]}.items()
    ]
    return http_signatures.verify(
        http_signatures.parse(lines),
        method=found["method"],
        authority=found["authority"],
        path=found["target"],
        headers=lines,
        body=found["body"].encode(),
        key=PublicKey.from_pem(found["keyid"], found["public_key"].encode()),
        now=found["created"],
    )


@pytest.mark.parametrize("vector", PUBLISHED, ids=IDS)
def test_the_switch_accepts_it_and_reads_the_same_text(vector: dict[str, Any]) -> None:
    assert verify(vector).decode() == vector["base"]


@pytest.mark.parametrize("vector", PUBLISHED, ids=IDS)
def test_it_is_refused_with_anything_changed(vector: dict[str, Any]) -> None:
    for changed in (
        {"method": "PUT"},
        {"target": "/v1/rails"},
        {"authority": "other.example"},
        {"body": "x"},
    ):
        with pytest.raises(NotAuthentic):
            verify(vector, **changed)


@pytest.mark.parametrize("vector", PUBLISHED, ids=IDS)
def test_the_private_key_signs_the_same_text(vector: dict[str, Any]) -> None:
    key = SigningKey.from_pem(vector["keyid"], vector["private_key"])
    public = PublicKey.from_pem(vector["keyid"], vector["public_key"].encode())
    _, _, signature = vector["added_headers"]["Signature"].partition("sig=:")

    assert public.verify(key.sign(vector["base"].encode()), vector["base"].encode())
    if vector["algorithm"] == "ed25519":  # always the same; one of ECDSA differs each time
        stated = signing.b64encode(key.sign(vector["base"].encode())).decode()
        assert signature == f"{stated}:"


def test_the_file_is_what_the_generator_writes() -> None:
    def without_signature(vector: dict[str, Any]) -> dict[str, Any]:
        kept = {name: value for name, value in vector["added_headers"].items() if name != "Signature"}
        return {**vector, "added_headers": kept}

    assert list(map(without_signature, vectors.vectors())) == list(map(without_signature, PUBLISHED))
