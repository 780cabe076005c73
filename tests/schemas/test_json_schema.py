"""The JSON Schemas: valid schemas, whose examples validate, and that agree with the codec."""

import json
import random

import jsonschema
import pytest

from schemas import codec, json_schema
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


def test_a_header_may_stand_beside_the_document():
    schema = json_schema.standalone("pacs.008.001.08")

    assert schema["properties"]["AppHdr"]["properties"]["$type"] == {
        "const": "head.001.001.02",
        "title": "Version of the header",
    }


def test_titles_are_the_long_names():
    assert long_name("IntrBkSttlmAmt") == "Interbank Settlement Amount"
    assert long_name("UltmtDbtr") == "Ultimate Debtor"
    assert json_schema.schema("pacs.008.001.08")["title"] == "FI To FI Customer Credit Transfer"


def test_no_abbreviation_is_listed_in_vain():
    tags = {member.tag for kind in catalogue().types.values() for member in getattr(kind, "members", ())} | {
        root.tag for root in catalogue().messages.values()
    }
    spoken = " ".join(long_name(tag) for tag in tags)

    for short, word in words().items():
        assert any(short in tag for tag in tags), short
        assert word in spoken or short == "Intr", word
