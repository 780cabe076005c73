"""What is remembered of a message's elements never changes what is read, written or refused.

Every test compares the quick way, through known layouts, with the long way through `plan`, which alone
knows the schema: `long_way` leaves nothing short enough to be known.
"""

import copy
import json
import os
import random
import re
from collections.abc import Callable

import msgspec
import pytest
from msgspec import structs

from schemas import codec, memory, rules
from schemas.errors import InvalidMessage
from tests.schemas.corpus import PACS_008, document_messages, documents, random_document
from tests.schemas.mutations import TEXTS, mutated
from tests.schemas.test_fuzz import damaged

ROUNDS = int(os.environ.get("TEST_FUZZ", "1500"))
RAW = PACS_008.read_bytes()
MESSAGE = codec.decode(RAW, media_type=codec.XML)
LEAF = re.compile(rb">([^<>]*[^<>\s][^<>]*)</")
STRING = re.compile(rb'"([^"\\]*)"(?=[,}\]])')


def seen(raw: bytes, media_type: str = codec.XML) -> bytes:
    """The bytes, after their elements have been seen often enough to be known."""
    for _ in range(2):
        codec.inspect(raw, media_type=media_type)
    return raw


@pytest.fixture
def long_way(monkeypatch) -> Callable[[Callable[[], object]], object]:
    """Do something without anything remembered."""

    def do(what: Callable[[], object]) -> object:
        with monkeypatch.context() as patch:
            patch.setattr(memory, "LONGEST", -1)
            patch.setattr(memory, "known", lambda _message, _document: None)
            return what()

    return do


def verdict(raw: bytes, media_type: str) -> object:
    """Everything that reading says: the message, or the refusal's rule, place and words."""
    try:
        message = codec.inspect(raw, media_type=media_type)
    except InvalidMessage as error:
        return error.rule, error.path, error.detail
    return message, msgspec.json.encode(message.document), rules.check(message)


def whole(raw: bytes, media_type: str) -> object:
    """The verdict, and what is written of the message; reading judges values as the rules alone do."""
    found = verdict(raw, media_type)
    if not isinstance(message := found[0], codec.Message):
        return found
    assert found[2] == rules.check(structs.replace(message, ordinary=None))
    written = [
        codec.encode(message.id, message.document, media_type=form) for form in (codec.XML, codec.JSON)
    ]
    return found, written


def is_known(raw: bytes, media_type: str = codec.XML) -> bool:
    """Whether the quick way takes these bytes."""
    sight = memory.sight(raw) if media_type == codec.XML else memory.sight_of_json(raw)
    return sight is not None and sight.read() is not None


def with_another_value(raw: bytes, values: re.Pattern[bytes], chance: random.Random) -> bytes:
    """The message with another text, of any kind, in the place of one to three values."""
    for _ in range(chance.choice((1, 1, 2, 3))):
        places = list(values.finditer(raw))
        if not places:
            return raw
        found = chance.choice(places)
        text = chance.choice(
            (
                *TEXTS,
                found[1].decode(),
                found[1].decode()[::-1],
                'a "b"',
                "O'Neil & Co",
                "a>b",
                "\u0338a",
                "0.00",
            )
        )
        raw = raw[: found.start(1)] + text.encode() + raw[found.end(1) :]
    return raw


def test_the_second_message_of_the_same_elements_teaches_and_the_third_profits():
    raw = (
        RAW.replace(b"<Ustrd>", b"<Ustrd>\n", 1)
        .replace(b"<Purp>", b"<Purp >", 1)
        .replace(b"<Ustrd>\n", b"<Ustrd>")
    )

    assert not is_known(raw)
    seen(raw)
    assert is_known(raw)
    assert is_known(raw.replace(b"512340.50", b"7.00").replace(b"INVOICE-2026", b"BILL"))


@pytest.mark.parametrize("media_type", [codec.XML, pytest.param(codec.JSON, marks=pytest.mark.long)])
def test_other_values_in_known_elements_get_the_long_way_s_verdict(media_type, long_way):
    chance = random.Random(2)
    values = LEAF if media_type == codec.XML else STRING
    written = codec.encode(MESSAGE.id, MESSAGE.document, media_type=media_type)
    originals = [seen(written, media_type), *([seen(RAW)] if media_type == codec.XML else [])]
    taken = 0
    for _ in range(ROUNDS):
        raw = with_another_value(chance.choice(originals), values, chance)
        quick = verdict(raw, media_type)
        taken += isinstance(quick[0], codec.Message)
        assert quick == long_way(lambda raw=raw: verdict(raw, media_type)), raw

    assert ROUNDS * 0.05 < taken < ROUNDS * 0.9


@pytest.mark.parametrize("message", document_messages())
def test_every_message_s_values_get_the_long_way_s_verdict(message, long_way):
    chance = random.Random(message)
    for _ in range(3):
        document = random_document(message, chance)
        for media_type, values in ((codec.XML, LEAF), (codec.JSON, STRING)):
            raw = seen(codec.encode(message, document, media_type=media_type), media_type)
            for _ in range(max(ROUNDS // 300, 10)):
                changed = with_another_value(raw, values, chance)
                assert verdict(changed, media_type) == long_way(lambda c=changed, m=media_type: verdict(c, m))


@pytest.mark.parametrize("media_type", [codec.XML, codec.JSON])
def test_damaged_bytes_of_known_elements_get_the_long_way_s_verdict(media_type, long_way):
    chance = random.Random(3)
    originals = [codec.encode(MESSAGE.id, MESSAGE.document, media_type=media_type)]
    if media_type == codec.XML:
        originals += [RAW, *(raw for _, raw in documents()[:40] if len(raw) < memory.LONGEST)]
    for raw in originals:
        seen(raw, media_type)
    for _ in range(ROUNDS):
        raw = damaged(chance.choice(originals), chance)
        assert verdict(raw, media_type) == long_way(lambda raw=raw: verdict(raw, media_type)), raw


DRESSES = (
    lambda raw, _: raw,
    lambda raw, _: raw.replace(b"><", b">\n <"),
    lambda raw, _: raw.replace(b'"', b"'"),
    lambda raw, _: raw.replace(b">", b"\t>"),
    lambda raw, _: raw.replace(b"</", b"<!-- c --></", 1),
    lambda raw, _: raw.replace(b"<", b"<n:").replace(b"<n:/", b"</n:").replace(b"xmlns=", b"xmlns:n="),
    lambda raw, chance: raw.replace(b">", b" >", chance.randrange(40)),
    lambda raw, chance: re.sub(rb">([^<]+)</", rb"><![CDATA[\1]]></", raw, count=chance.randrange(1, 9)),
)
"""What a sender's software may do to a message without another meaning."""


def test_messages_of_any_elements_in_any_form_get_the_full_parsers_verdict(long_way):
    """Mutated trees of every version, dressed, come until they are known; then other values in them."""
    chance = random.Random(6)
    random_ones = [
        codec.encode(message, random_document(message, chance), media_type=codec.XML).partition(b"\n")[2]
        for message in document_messages()
    ]
    originals = [raw for _, raw in documents() if len(raw) < memory.LONGEST] + random_ones
    taken = 0
    for _ in range(max(ROUNDS // 10, 100)):
        raw, media_type = chance.choice(originals), codec.XML
        if chance.random() < 0.6:
            raw = mutated(raw, chance)
        raw = chance.choice(DRESSES)(raw, chance)
        message = verdict(raw, codec.XML)[0]
        if isinstance(message, codec.Message) and chance.random() < 0.3:
            media_type = codec.JSON
            raw = codec.encode(message.id, message.document, media_type=codec.JSON)
        for _ in range(3):
            quick = whole(raw, media_type)
        assert quick == long_way(lambda r=raw, m=media_type: whole(r, m)), raw
        for _ in range(3):
            changed = with_another_value(raw, LEAF if media_type == codec.XML else STRING, chance)
            quick = whole(changed, media_type)
            taken += isinstance(quick[0], tuple)
            assert quick == long_way(lambda r=changed, m=media_type: whole(r, m)), changed

    assert taken > ROUNDS * 0.02


EMPTY = {"BkToCstmrDbtCdtNtfctn": {"GrpHdr": {"MsgId": "M", "CreDtTm": "2026-11-23T10:00:00Z"}, "Ntfctn": [{
    "Id": "N", "Acct": {"Id": {"Othr": {"Id": "1"}}}, "Ntry": [{
        "Amt": {"Ccy": "INR", "Amt": "1.00"}, "CdtDbtInd": "CRDT", "Sts": {"Cd": "BOOK"}, "BkTxCd": {},
    }],
}]}}  # fmt: skip


@pytest.mark.parametrize("inside", [{"Prtry": {"Cd": "X"}}, "x", [], None, {}])
def test_an_object_that_was_empty_is_not_taken_for_one_that_is_not(inside, long_way):
    for _ in range(4):
        codec.encode("camt.054.001.08", EMPTY, media_type=codec.XML)
    assert memory.known("camt.054.001.08", EMPTY) is not None
    changed = copy.deepcopy(EMPTY)
    changed["BkToCstmrDbtCdtNtfctn"]["Ntfctn"][0]["Ntry"][0]["BkTxCd"] = inside

    def write():
        try:
            return codec.encode("camt.054.001.08", changed, media_type=codec.XML)
        except InvalidMessage as error:
            return error.rule, error.path

    assert write() == long_way(write)


def test_an_indicator_is_part_of_what_is_known(long_way):
    chance = random.Random(1)
    document = next(
        found
        for found in (random_document("pain.001.001.09", chance) for _ in range(100))
        if memory.outline(found) and "true" in str(found).lower()
    )
    changed = msgspec.json.decode(msgspec.json.encode(document).replace(b"true", b"false"))
    for content in (document, document, document, changed):
        written = codec.encode("pain.001.001.09", content, media_type=codec.XML)

    assert written == long_way(lambda: codec.encode("pain.001.001.09", changed, media_type=codec.XML))


def test_the_layouts_at_hand_are_few():
    chance = random.Random(2)
    for _ in range(20):
        document = random_document("pacs.008.001.08", chance)
        for _ in range(3):
            codec.encode("pacs.008.001.08", document, media_type=codec.XML)

    assert len(memory._latest["pacs.008.001.08"]) == memory._LATEST


def test_writing_known_elements_gives_the_long_way_s_bytes(long_way):
    chance = random.Random(4)
    for message in document_messages():
        document = random_document(message, chance)
        for media_type in (codec.XML, codec.JSON):
            written = [codec.encode(message, document, media_type=media_type) for _ in range(4)]
            expected = long_way(lambda m=message, d=document, t=media_type: codec.encode(m, d, media_type=t))
            assert written == [expected] * 4


DISGUISES = {
    "brackets the wrong way round": (b"<MsgId>", b">MsgId<"),
    "a blank before the declaration": (b"<?xml", b" <?xml"),
    "a vertical tab between elements": (b"<GrpHdr>\n", b"<GrpHdr>\n\x0b"),
    "a no-break space between elements": (b"<GrpHdr>\n", b"<GrpHdr>\n\xc2\xa0"),
    "NUL between elements": (b"<GrpHdr>\n", b"<GrpHdr>\n\0"),
    "NUL in a value": (b"INSTR-000042", b"INSTR\0000042"),
    "text between elements": (b"<GrpHdr>\n", b"<GrpHdr>x\n"),
    "a reference": (b"INSTR-000042", b"INSTR&#45;000042"),
    "an entity": (b"INSTR-000042", b"INSTR&evil;"),
    "a quotation mark": (b"INSTR-000042", b'INSTR","UETR":"'),
    "a backslash": (b"INSTR-000042", b"INSTR\\u0041"),
    "an escaped end": (b"INSTR-000042", b"INSTR\\"),
    "a CDATA section": (b"INSTR-000042", b"<![CDATA[INSTR-000042]]>"),
    "a comment": (b"INSTR-000042", b"INSTR<!-- -->-000042"),
    "a byte order mark": (b"<?xml", b"\xef\xbb\xbf<?xml"),
    "no UTF-8": (b"INSTR-000042", b"INSTR\xff"),
    "a surrogate": (b"INSTR-000042", b"INSTR\xed\xa0\x80"),
    "an end of CDATA": (b"INSTR-000042", b"INSTR]]>"),
    "unnormalised text": (b"Demo Bank of India", "Demo Ba\u0301nk".encode()),
    "an empty value": (b"INSTR-000042", b""),
    "a blank at an end": (b"INSTR-000042", b"INSTR-000042 "),
    "a blank for a value": (b"INSTR-000042", b" "),
    "an invisible character": (b"INSTR-000042", "INSTR\u202e000042".encode()),
    "an unknown currency": (b"KZT", b"ZZZ"),
    "decimals too fine": (b"512340.50", b"512340.505"),
    "an IBAN with wrong check digits": (b"KZ86125KZT5004100100", b"KZ87125KZT5004100100"),
    "a day that does not exist": (b"2026-11-23", b"2026-02-30"),
    "an instant without its offset": (b".900+05:30", b".900"),
    "a code that is too long": (b"GDDS", b"GDDSX"),
}


@pytest.mark.parametrize(("honest", "disguised"), DISGUISES.values(), ids=DISGUISES)
def test_no_disguised_message_passes_for_a_known_one(honest, disguised, long_way):
    raw = seen(RAW).replace(honest, disguised, 1)

    assert raw != RAW
    assert not is_known(raw)
    assert verdict(raw, codec.XML) == long_way(lambda: verdict(raw, codec.XML))


TRAPS = {
    "a currency as a namespace's name": b"<IntrBkSttlmAmt xmlns:Ccy=\"KZT\" Ccy='INR'>",
    "single quotation marks": b"<IntrBkSttlmAmt Ccy='INR'>",
    "a currency in a hint": (
        b'<IntrBkSttlmAmt xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        b'xsi:schemaLocation=\'x Ccy="KZT"\' Ccy="INR">'
    ),
    "an empty prefix": b'<IntrBkSttlmAmt Ccy = "INR" >',
    "a bracket in a hint": (
        b'<IntrBkSttlmAmt xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation=\'>\' Ccy="INR">'
    ),
}


@pytest.mark.parametrize("tag", TRAPS.values(), ids=TRAPS)
def test_what_is_learned_from_strange_markup_is_what_a_parser_finds(tag, long_way):
    raw = RAW.replace(b'<IntrBkSttlmAmt Ccy="KZT">', tag)
    for _ in range(9):
        assert verdict(raw, codec.XML) == long_way(lambda: verdict(raw, codec.XML))
    (message, *_) = verdict(raw, codec.XML)

    assert message.content["CdtTrfTxInf"][0]["IntrBkSttlmAmt"] == {"Ccy": "INR", "Amt": "512340.50"}


def test_a_name_twice_is_refused_in_known_elements_too():
    raw = seen(codec.encode(MESSAGE.id, MESSAGE.document, media_type=codec.JSON), codec.JSON)
    doubled = raw.replace(b'"ChrgBr":"SHAR"', b'"ChrgBr":"DEBT","ChrgBr":"SHAR"')

    with pytest.raises(InvalidMessage) as refusal:
        codec.inspect(doubled, media_type=codec.JSON)

    assert refusal.value.rule == "duplicate-key"


@pytest.mark.parametrize("value", [b"IN", 5, 5.5, None, ("a",), {"a"}, object()])
def test_only_text_is_text_in_known_elements_too(value):
    for _ in range(3):
        codec.encode(MESSAGE.id, MESSAGE.document, media_type=codec.JSON)
    content = MESSAGE.content
    document = {"FIToFICstmrCdtTrf": {**content, "GrpHdr": {**content["GrpHdr"], "MsgId": value}}}

    for form in (codec.XML, codec.JSON):
        with pytest.raises(InvalidMessage):
            codec.encode(MESSAGE.id, document, media_type=form)


def test_what_is_remembered_is_bounded():
    for number in range(2 * memory.REMEMBERED):
        memory.sight(b"<a%d>x</a%d>" % (number, number))

    assert memory._place_of_markup.cache_info().currsize == memory.REMEMBERED


def test_content_in_any_order_is_known_and_written_in_the_schema_s_order(long_way):
    def shuffled(content):
        if isinstance(content, list):
            return [shuffled(item) for item in content]
        if not isinstance(content, dict):
            return content
        tags = list(content)
        chance.shuffle(tags)
        return {tag: shuffled(content[tag]) for tag in tags}

    chance = random.Random(5)
    for message in ("pacs.008.001.08", "pacs.002.001.10", "camt.056.001.08", "pacs.008.001.13"):
        for _ in range(5):
            document = shuffled(random_document(message, chance))
            raw = msgspec.json.encode({"$type": message, "Document": document})
            for form in (codec.XML, codec.JSON):
                written = [codec.encode(message, document, media_type=form) for _ in range(4)]
                expected = long_way(lambda m=message, d=document, f=form: codec.encode(m, d, media_type=f))
                assert written == [expected] * 4
            assert verdict(seen(raw, codec.JSON), codec.JSON) == long_way(
                lambda r=raw: verdict(r, codec.JSON)
            )


JSON_RAW = codec.encode(MESSAGE.id, MESSAGE.document, media_type=codec.JSON)
JSON_DISGUISES = {
    "another version": (b"pacs.008.001.08", b"pacs.008.001.09"),
    "no message": (b"pacs.008.001.08", b"pacs.008.001.99"),
    "a name as a value": (b'"INSTR-000042"', b'"INSTR-000042":"x"'),
    "a second name": (b'"INSTR-000042"', b'"INSTR-000042","InstrId":"x"'),
    "a name in other letters": (b'"InstrId"', b'"instrId"'),
    "a name of a neighbour": (b'"InstrId"', b'"TxId"'),
    "a number": (b'"INSTR-000042"', b"42"),
    "null": (b'"INSTR-000042"', b"null"),
    "an escape": (b"INSTR-000042", b"INSTR\\u002d000042"),
    "a backslash at the end": (b"INSTR-000042", b"INSTR\\"),
    "a line break in a value": (b"INSTR-000042", b"INSTR\n000042"),
    "NUL": (b"INSTR-000042", b"INSTR\0000042"),
    "an odd number of quotation marks": (b"INSTR-000042", b'INSTR"000042'),
    "something after the end": (b"}}}", b"}}}x"),
    "a byte order mark": (b'{"$type"', b'\xef\xbb\xbf{"$type"'),
    "no UTF-8": (b"INSTR-000042", b"INSTR\xff"),
    "an empty value": (b"INSTR-000042", b""),
    "an unknown currency": (b"KZT", b"ZZZ"),
    "an IBAN with wrong check digits": (b"KZ86125KZT5004100100", b"KZ87125KZT5004100100"),
}


@pytest.mark.parametrize(("honest", "disguised"), JSON_DISGUISES.values(), ids=JSON_DISGUISES)
def test_no_disguised_json_passes_for_a_known_one(honest, disguised, long_way):
    raw = seen(JSON_RAW, codec.JSON).replace(honest, disguised, 1)

    assert is_known(JSON_RAW, codec.JSON)
    assert raw != JSON_RAW
    assert not is_known(raw, codec.JSON)
    assert verdict(raw, codec.JSON) == long_way(lambda: verdict(raw, codec.JSON))


def test_json_is_known_in_the_format_of_its_sender(long_way):
    indented = json.dumps(json.loads(JSON_RAW), indent=2, ensure_ascii=False).encode()
    other = seen(indented, codec.JSON).replace(b"INSTR-000042", b"INSTR-000043")

    assert is_known(other, codec.JSON)
    assert verdict(other, codec.JSON) == long_way(lambda: verdict(other, codec.JSON))


@pytest.mark.parametrize("media_type", [codec.XML, codec.JSON])
def test_a_code_in_no_list_is_known_and_left_to_the_rules(media_type, long_way):
    """Banks agree on purposes among themselves: such a message is read as quickly as any."""
    raw = seen(codec.encode(MESSAGE.id, MESSAGE.document, media_type=media_type), media_type)
    unlisted = raw.replace(b"GDDS", b"ZZZZ")
    message = codec.decode(unlisted, media_type=media_type)

    assert is_known(unlisted, media_type)
    assert [fault.path for fault in message.unlisted] == ["CdtTrfTxInf/Purp/Cd"]
    assert "unknown-code" in {finding.code for finding in rules.check(message)}
    assert verdict(unlisted, media_type) == long_way(lambda: verdict(unlisted, media_type))
