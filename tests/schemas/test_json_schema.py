"""The JSON Schemas: valid schemas, whose examples validate, and that agree with the codec."""

import json
import random

import jsonschema
import pytest

from schemas import codec, examples, json_schema
from schemas.catalogue import catalogue
from schemas.names import long_name, words
from tests.schemas.corpus import PACS_008, document_messages, random_document

MESSAGES = document_messages()


@pytest.mark.parametrize("message", MESSAGES)
def test_a_schema_is_valid_and_takes_its_example_and_random_documents(message):
    schema = json_schema.standalone(message)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    chance = random.Random(message)
    contents = [*schema["examples"], {"$type": message, "Document": random_document(message, chance)}]

    for content in contents:
        validator.validate(content)
        assert codec.decode(json.dumps(content).encode(), media_type=codec.JSON).id == message


def test_a_schema_refuses_what_the_codec_refuses():
    validator = jsonschema.Draft202012Validator(json_schema.standalone("pacs.008.001.08"))
    content = json.loads(
        codec.encode(
            "pacs.008.001.08",
            codec.decode(PACS_008.read_bytes(), media_type=codec.XML).document,
            media_type=codec.JSON,
        )
    )
    validator.validate(content)
    transaction = content["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]
    for tag, value in {
        "IntrBkSttlmAmt": {"Ccy": "KZT", "Amt": 5},
        "ChrgBr": "NONE",
        "Purp": {"Cd": "GDDS", "Prtry": "x"},
        "Evil": "x",
    }.items():
        damaged = {**transaction, tag: value}
        content["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"] = [damaged]
        assert not validator.is_valid(content), tag


HEADERS = sorted(name for name in catalogue().messages if name.startswith("head.001."))


@pytest.mark.parametrize("header_id", HEADERS)
def test_a_schema_takes_what_convert_writes_with_every_version_of_the_header(header_id):
    validator = jsonschema.Draft202012Validator(json_schema.standalone("pacs.008.001.08"))
    header = examples.document(header_id)
    document = examples.document("pacs.008.001.08")
    written = codec.encode(
        "pacs.008.001.08", document, media_type=codec.JSON, header=header, header_id=header_id
    )

    validator.validate(json.loads(written))

    broken = json.loads(written)
    del broken["AppHdr"]["BizMsgIdr"]
    assert not validator.is_valid(broken)


@pytest.mark.parametrize("message", MESSAGES)
def test_a_schema_takes_what_convert_writes_of_odd_but_valid_xml(message):
    """Indicators as 1 and 0, amounts with signs and points: whatever XML may say, its JSON validates."""
    validator = jsonschema.Draft202012Validator(json_schema.standalone(message))
    chance = random.Random(message + "odd")
    for _ in range(3):
        xml = codec.encode(message, random_document(message, chance), media_type=codec.XML).decode()
        odd = xml.replace(">true<", ">1<").replace(">1.5<", ">+01.50<").replace(">100.00<", ">.5<")
        found = codec.inspect(odd.encode(), media_type=codec.XML, max_bytes=1 << 22)
        written = codec.encode(message, found.document, media_type=codec.JSON)
        validator.validate(json.loads(written))
        assert codec.encode(
            message, codec.decode(written, media_type=codec.JSON).document, media_type=codec.XML
        ) == codec.encode(message, found.document, media_type=codec.XML)


def test_titles_are_the_long_names():
    assert long_name("IntrBkSttlmAmt") == "Interbank Settlement Amount"
    assert long_name("UltmtDbtr") == "Ultimate Debtor"
    assert json_schema.schema("pacs.008.001.08")["title"] == "FI To FI Customer Credit Transfer"


def test_every_listed_abbreviation_is_used():
    tags = {member.tag for kind in catalogue().types.values() for member in getattr(kind, "members", ())} | {
        root.tag for root in catalogue().messages.values()
    }
    spoken = " ".join(long_name(tag) for tag in tags)

    for short, word in words().items():
        assert any(short in tag for tag in tags), short
        assert word in spoken or short == "Intr", word
