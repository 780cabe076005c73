"""A refused message is told everything that is wrong with it: place, line, column, and what would be right."""

import json
import random

import pytest
from lxml import etree

from schemas import codec, files
from schemas.errors import MOST_PROBLEMS, InvalidMessage
from tests.schemas.corpus import PACS_008, document_messages, random_document
from tests.schemas.mutations import mutated

PLAIN = PACS_008.read_text("utf-8")
ROOT = "FIToFICstmrCdtTrf/CdtTrfTxInf"


def problems(text: str, media_type: str = codec.XML) -> list:
    with pytest.raises(InvalidMessage) as refusal:
        codec.decode(text.encode(), media_type=media_type)
    assert refusal.value.problems[0].path == refusal.value.problems[0].path.strip("/")
    return list(refusal.value.problems)


def broken() -> str:
    tree = etree.fromstring(PLAIN.encode())
    space = {"i": etree.QName(tree).namespace}
    (transaction,) = tree.findall(".//i:CdtTrfTxInf", space)
    transaction.find("i:PmtId/i:UETR", space).text = "X"
    transaction.find("i:IntrBkSttlmAmt", space).text = "1,0"
    transaction.find("i:ChrgBr", space).text = "OUR"
    transaction.remove(transaction.find("i:CdtrAgt", space))
    etree.SubElement(transaction.find("i:Dbtr", space), f"{{{space['i']}}}Shoe").text = "43"
    return etree.tostring(tree, pretty_print=True).decode()


def test_all_errors_come_at_once_with_line_column_and_what_was_expected():
    text = broken()
    found = {problem.path: problem for problem in problems(text)}

    assert {path: problem.rule for path, problem in found.items()} == {
        f"{ROOT}/PmtId/UETR": "pattern",
        f"{ROOT}/IntrBkSttlmAmt": "decimal",
        f"{ROOT}/ChrgBr": "code",
        f"{ROOT}/Dbtr/Shoe": "element",
        f"{ROOT}/CdtrAgt": "missing",
    }
    for tag in ("UETR", "IntrBkSttlmAmt", "ChrgBr", "Shoe"):
        (problem,) = (problem for path, problem in found.items() if path.endswith(tag))
        line = text.split("\n")[problem.line - 1]
        assert line[problem.column - 1 :].startswith(f"<{tag}")
    assert found[f"{ROOT}/ChrgBr"].expected == "one of DEBT, CRED, SHAR, SLEV"
    assert "UUID" in found[f"{ROOT}/PmtId/UETR"].expected
    assert "for example" in found[f"{ROOT}/PmtId/UETR"].expected
    assert "43" not in repr(found)


def test_columns_count_characters_whatever_precedes_them():
    text = PLAIN.replace("\n", "").replace(">SLEV<", ">OUR<").replace(">SHAR<", ">OUR<")
    (problem,) = problems(text)

    assert text[problem.column - 1 :].startswith("<ChrgBr>OUR")


def test_json_has_the_same_errors_with_their_paths():
    message = codec.decode(PLAIN.encode(), media_type=codec.XML)
    content = json.loads(codec.encode(message.id, message.document, media_type=codec.JSON))
    transaction = content["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]
    transaction["PmtId"]["UETR"] = "X"
    transaction["IntrBkSttlmAmt"]["Amt"] = "1,0"
    transaction["ChrgBr"] = ["OUR"]
    del transaction["CdtrAgt"]
    transaction["Dbtr"]["Shoe"] = "43"

    found = {problem.path: problem.rule for problem in problems(json.dumps(content), codec.JSON)}

    assert found == {
        f"{ROOT}/PmtId/UETR": "pattern",
        f"{ROOT}/IntrBkSttlmAmt": "decimal",
        f"{ROOT}/ChrgBr": "type",
        f"{ROOT}/Dbtr/Shoe": "element",
        f"{ROOT}/CdtrAgt": "missing",
    }


def test_the_list_of_problems_is_bounded():
    entry = "<CdtTrfTxInf><A/><B/></CdtTrfTxInf>"
    start, _, rest = PLAIN.partition("<CdtTrfTxInf>")
    text = start + entry * 200 + "<CdtTrfTxInf>" + rest

    assert len(problems(text)) == MOST_PROBLEMS


def test_an_element_out_of_place_is_answered_with_what_is_allowed_there():
    text = PLAIN.replace("<SttlmInf>", "<CtrlSum>1</CtrlSum><SttlmInf>", 1)
    text = text.replace("<GrpHdr>", "<GrpHdr><Hello/>", 1)

    found = problems(text)

    assert (found[0].rule, found[0].path, found[0].expected) == (
        "element",
        "FIToFICstmrCdtTrf/GrpHdr/Hello",
        "MsgId",
    )


def refused(octets: bytes) -> InvalidMessage | None:
    try:
        codec.inspect(octets, media_type=codec.XML)
    except InvalidMessage as error:
        return error
    return None


@pytest.mark.parametrize("message", document_messages())
def test_the_diagnosis_is_of_one_mind_with_the_refusal(message):
    """Every refused mutation has problems, each with its place, and the check of a file has the same."""
    chance = random.Random(message)
    document = codec.encode(message, random_document(message, chance), media_type=codec.XML)
    for _ in range(60):
        changed = mutated(document, chance)
        error = refused(changed)
        if error is None:
            continue
        assert all(problem.line and problem.column for problem in error.problems) or not error.elements
        report = files.check_bytes(changed, "m.xml", scheme=None)
        assert not report.valid
        assert report.problems == error.problems != ()
        json.dumps(report.as_dict())


def test_a_syntax_error_states_where_the_parser_stopped():
    (problem,) = problems("<Document>\n  <A></B></Document>")

    assert (problem.rule, problem.line) == ("well-formed", 2)
    assert problem.column
