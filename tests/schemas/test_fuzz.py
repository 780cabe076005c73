"""Whatever the bytes: a message or `InvalidMessage`, soon, and never anything else.

`TEST_FUZZ` sets the number of inputs of each kind (default: a short run).
"""

import os
import random
import time
from collections.abc import Iterator

import pytest

from schemas import codec, credit_transfer, rules
from schemas.errors import InvalidMessage, Refused
from tests.schemas.corpus import PACS_008, documents
from tests.schemas.mutations import mutated

ROUNDS = int(os.environ.get("TEST_FUZZ", "3000"))
SLOWEST_S = 0.05
SAMPLE = codec.decode(PACS_008.read_bytes(), media_type=codec.XML)
XML = codec.encode(SAMPLE.id, SAMPLE.document, media_type=codec.XML)
JSON = codec.encode(SAMPLE.id, SAMPLE.document, media_type=codec.JSON)
PIECES = (
    b"<", b">", b"</", b"/>", b"&", b"&amp;", b"&#0;", b"&#x1F600;", b"<!--", b"-->", b"<![CDATA[", b"]]>", b"<?", b"?>",
    b'"', b"'", b"{", b"}", b"[", b"]", b":", b",", b"\\u", b"\\ud800", b"\\", b"null", b"true", b"1e9", b"\0", b"\xff",
    b"\xc0\xaf", b"\xef\xbb\xbf", "\u202e".encode(), "\U0001f600".encode(), b"xmlns", b' Ccy="EUR"', b"\r\n", b"A" * 200,
)  # fmt: skip


def damaged(raw: bytes, chance: random.Random) -> bytes:
    """The bytes with a few of them changed, cut, doubled or sprinkled with syntax."""
    octets = bytearray(raw)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        start = chance.randrange(len(octets) + 1)
        end = min(len(octets), start + chance.choice((0, 0, 1, 2, 30, 500)))
        octets[start:end] = chance.choice((*PIECES, bytes(octets[start : start + 60]), chance.randbytes(4)))
    return bytes(octets)


def damaged_messages(chance: random.Random) -> Iterator[bytes]:
    originals = [XML, JSON, *(document for _, document in documents() if len(document) < 20_000)]
    while True:
        yield damaged(chance.choice(originals), chance)


def random_bytes(chance: random.Random) -> Iterator[bytes]:
    while True:
        octets = chance.randbytes(chance.choice((0, 1, 3, 40, 400, 4000)))
        yield chance.choice((b"", b"<?xml version='1.0'?><a>", b"<Document>", b'{"a":"', b"{")) + octets


def mutated_trees(chance: random.Random) -> Iterator[bytes]:
    originals = [XML, *(document for _, document in documents() if len(document) < 20_000)]
    while True:
        yield mutated(chance.choice(originals), chance)


def digest_all(raw: bytes, media_type: str) -> bool:
    """Everything that a door does with bytes; whether they were a message."""
    try:
        message = codec.decode(raw, media_type=media_type)
    except InvalidMessage:
        return False
    rules.check(message)
    if message.name == "pacs.008":
        try:
            credit_transfer.read(message)
        except (InvalidMessage, Refused):
            return True
    for form in (codec.XML, codec.JSON):
        written = codec.encode(message.id, message.document, media_type=form)
        assert codec.decode(written, media_type=form, max_bytes=1 << 24).document == message.document
    return True


def is_slow(raw: bytes, media_type: str) -> bool:
    """Whether the bytes take long again and again; once may be the garbage collector."""
    for _ in range(3):
        start = time.thread_time()
        digest_all(raw, media_type)
        if time.thread_time() - start <= SLOWEST_S:
            return False
    return True


@pytest.mark.parametrize(
    ("source", "least"),
    [(damaged_messages, 0.001), (random_bytes, -1.0), (mutated_trees, 0.05)],
    ids=["damaged messages", "random bytes", "mutated trees"],
)
def test_any_bytes_give_a_message_or_a_refusal(source, least):
    chance = random.Random(7)
    inputs = source(chance)
    messages = 0
    for _ in range(ROUNDS):
        raw = next(inputs)
        for media_type in (codec.XML, codec.JSON):
            start = time.thread_time()
            messages += digest_all(raw, media_type)
            assert time.thread_time() - start <= SLOWEST_S or not is_slow(raw, media_type)

    assert messages > least * ROUNDS


@pytest.mark.parametrize("junk", [None, 5, 1.5, b"x", object(), [], (), {"a": 1}, {5: "x"}, {"$type": "x"}])
def test_encode_refuses_any_content_that_is_no_message(junk):
    for document in (junk, {"FIToFICstmrCdtTrf": junk}, {**SAMPLE.document, "More": junk}):
        for form in (codec.XML, codec.JSON):
            with pytest.raises(InvalidMessage):
                codec.encode("pacs.008.001.08", document, media_type=form)


def test_encode_refuses_junk_in_any_place_of_a_message():
    chance = random.Random(3)
    junk = (
        None,
        5,
        1.5,
        b"x",
        "",
        "\0",
        "\ud800",
        "\ufffe",
        [],
        {},
        [None],
        {"a": "b"},
        {7: "x"},
        "x" * 5000,
    )

    def replaced(content: object, depth: int = 0) -> object:
        if isinstance(content, dict) and content and (depth < 2 or chance.random() < 0.8):
            tag = chance.choice(list(content))
            return {**content, tag: replaced(content[tag], depth + 1)}
        if isinstance(content, list) and chance.random() < 0.8:
            return [replaced(content[0], depth + 1)]
        return chance.choice(junk)

    for _ in range(ROUNDS):
        document = replaced(SAMPLE.document)
        for form in (codec.XML, codec.JSON):
            try:
                written = codec.encode(SAMPLE.id, document, media_type=form)
            except InvalidMessage:
                continue
            assert codec.decode(written, media_type=form).document == document


def test_content_in_any_order_is_written_in_the_schema_s_order():
    def shuffled(content: object) -> object:
        if isinstance(content, dict):
            items = list(content.items())
            chance.shuffle(items)
            return {tag: shuffled(value) for tag, value in items}
        return [shuffled(item) for item in content] if isinstance(content, list) else content

    chance = random.Random(4)
    for _ in range(50):
        document = shuffled(SAMPLE.document)
        assert codec.encode(SAMPLE.id, document, media_type=codec.XML) == XML
        assert codec.encode(SAMPLE.id, document, media_type=codec.JSON) == JSON


@pytest.mark.parametrize("form", [codec.XML, codec.JSON])
@pytest.mark.parametrize(
    ("remittance", "path"),
    [
        ({"Ustrd": ["a", "b", "c"], "Strd": "x"}, "Strd"),
        ({"Ustrd": ["a", "b", ""]}, "Ustrd[3]"),
        ({"Ustrd": ["", "b"]}, "Ustrd"),
        ({"Ustrd": ["a", "b"], "Strd": [{}, {"AddtlRmtInf": ["a", ""]}]}, "Strd[2]/AddtlRmtInf[2]"),
        ({"Ustrd": ["a", "b"], "Evil": "x"}, "Evil"),
    ],
)
def test_a_refusal_names_the_place_and_the_number(form, remittance, path):
    transaction = {**SAMPLE.content["CdtTrfTxInf"][0], "RmtInf": remittance}
    document = {"FIToFICstmrCdtTrf": {"GrpHdr": SAMPLE.content["GrpHdr"], "CdtTrfTxInf": [transaction]}}

    with pytest.raises(InvalidMessage) as refusal:
        codec.encode(SAMPLE.id, document, media_type=form)

    assert refusal.value.path == f"FIToFICstmrCdtTrf/CdtTrfTxInf/RmtInf/{path}"
