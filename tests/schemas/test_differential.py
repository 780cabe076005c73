"""The catalogue accepts exactly what libxml2 accepts by the official schemas.

`schemas.reference.DIFFERENCES` lists the known ones. The mutations here make only one of them, base64.

`TEST_DIFFERENTIAL` sets the number of mutated messages (default: a short run).
"""

import os
import random

import pytest
from lxml import etree

from schemas import codec
from schemas.errors import InvalidMessage
from tests.schemas.corpus import (
    document_messages,
    documents,
    is_official,
    needs_shared,
    official_messages,
    random_document,
)
from tests.schemas.mutations import mutated

ROUNDS = int(os.environ.get("TEST_DIFFERENTIAL", "2000"))
LARGE = 1 << 26


LAX_IN_LIBXML2 = {"base64"}
"""Rules that the catalogue keeps and libxml2 does not."""


def differs(document: bytes, expected: bool) -> bool:
    """Whether the codec's verdict is another than expected, known differences apart."""
    try:
        codec.inspect(document, media_type=codec.XML, max_bytes=LARGE)
    except InvalidMessage as error:
        return expected and error.rule not in LAX_IN_LIBXML2
    return not expected


def differences(originals: list[tuple[str, bytes]], rounds: int, seed: int) -> tuple[list[bytes], int]:
    """Mutated documents whose verdicts differ, and how many libxml2 took."""
    chance = random.Random(seed)
    found: list[bytes] = []
    taken = 0
    for _ in range(rounds):
        message, document = chance.choice(originals)
        changed = mutated(document, chance)
        expected = is_official(message, changed)
        taken += expected
        if differs(changed, expected):
            found.append(changed)
    return found, taken


@needs_shared
def test_mutated_messages_of_the_corpus_get_the_same_verdict():
    found, taken = differences(list(documents()), ROUNDS, seed=20022)

    assert found == []
    assert ROUNDS * 0.1 < taken < ROUNDS * 0.6


@needs_shared
@pytest.mark.parametrize("message", official_messages())
def test_mutated_messages_of_every_version_get_the_same_verdict(message):
    chance = random.Random(message)
    originals = [
        (message, codec.encode(message, random_document(message, chance), media_type=codec.XML))
        for _ in range(6)
    ]
    for _, document in originals:
        assert is_official(message, document)

    found, _ = differences(originals, max(ROUNDS // 40, 20), seed=8583)

    assert found == []


def test_random_messages_of_every_version_pass_all_three_ways():
    """The three ways into a message (XML, JSON, encode) hold the same schema."""
    chance = random.Random(9)
    for message in document_messages():
        document = random_document(message, chance)
        xml = codec.encode(message, document, media_type=codec.XML)
        json = codec.encode(message, document, media_type=codec.JSON)
        assert codec.decode(xml, media_type=codec.XML).document == document
        assert codec.decode(json, media_type=codec.JSON).document == document
        assert etree.fromstring(xml).tag.endswith("}Document")
