"""Every refusal leads on: it names the place, the rule and what to do; a message has all its mistakes at once."""

import json
import re
import urllib.error
import urllib.request
from typing import Any

import pytest

from schemas import codec, remedies
from schemas.errors import SwitchError
from schemas.reasons import Reason
from schemas.status_report import TODO
from switch.api import problems
from tests.description.described import Described
from tests.description.mistakes import GONE, GROUP, MISTAKES, TX, Mistake, Request, changed, sent
from tests.switch.stack import Stack

BOUNDED = (
    frozenset(
        {"length", "pattern", "code", "decimal", "digits", "minimum", "maximum", "boolean", "date", "base64"}
    )
    | {"choice", "repetition", "element", "size", "elements", "depth", "parameter", "representation"}
    | {
        *("method", "event-type", "not-acceptable"),
    }
)
"""Rules for which `expected` states what is allowed."""


@pytest.fixture(scope="module")
def described(stack: Stack) -> Described:
    return Described.of(stack.url)


def answered(stack: Stack, request: Request) -> tuple[int, str, bytes]:
    headers = dict(request.headers)
    if request.caller:
        headers.setdefault("Authorization", f"Bearer {stack.participant(request.caller)['bearer']}")
    headers = {name: value for name, value in headers.items() if value}
    asked = urllib.request.Request(
        stack.url + request.target, request.body or None, headers, method=request.method
    )
    try:
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return answer.status, answer.headers.get_content_type(), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get_content_type(), error.read()


def lines(document: dict[str, Any]) -> str:
    """The additional information of a pacs.002."""
    report = document["Document"]["FIToFIPmtStsRpt"]
    (about,) = report.get("TxInfAndSts") or report["OrgnlGrpInfAndSts"]
    return "".join(about["StsRsnInf"][0]["AddtlInf"])


@pytest.mark.parametrize("mistake", MISTAKES, ids=[one.name for one in MISTAKES])
def test_a_mistake_is_answered_with_its_place_and_its_remedy(
    stack: Stack, described: Described, mistake: Mistake
) -> None:
    request = mistake.request(stack.document("asha-bank", "indus-bank"))
    status, media_type, body = answered(stack, request)
    answer = json.loads(body)

    assert status == mistake.status, answer
    if "Document" in answer:
        text, todo = lines(answer).split(TODO)
        assert mistake.path in text, text
        assert mistake.remedy in f"{text} {todo}", answer
    else:
        (entry, *_) = [one for one in answer["errors"] if one["path"].startswith(mistake.path)] or [{}]
        assert entry, answer["errors"]
        assert entry["rule"], entry
        assert mistake.remedy in f"{entry['remedy']} {entry.get('expected', '')}", entry
    path = request.target.partition("?")[0]
    if (request.method.lower(), path) in {(verb, path) for verb, path, _ in described.operations.values()}:
        assert described.check(request.method, request.target, status, media_type, body) == []


@pytest.mark.parametrize("mistake", MISTAKES, ids=[one.name for one in MISTAKES])
def test_an_answer_names_place_rule_bounds_and_remedy(stack: Stack, mistake: Mistake) -> None:
    """Each entry of it, not only that of the mistake; a rule with bounds, formats or codes states them."""
    _, _, body = answered(stack, mistake.request(stack.document("asha-bank", "indus-bank")))
    answer = json.loads(body)

    for entry in answer.get("errors", ()):
        assert entry["path"], entry
        assert entry["rule"] not in {"schema", ""}, entry
        assert len(entry["remedy"].split()) > 2, entry
        if entry["rule"] in BOUNDED:
            assert entry.get("expected"), entry
    if "errors" not in answer:
        report = answer["Document"]["FIToFIPmtStsRpt"]
        (about,) = report.get("TxInfAndSts") or report["OrgnlGrpInfAndSts"]
        text, todo = lines(answer).split(TODO)
        assert about["StsRsnInf"][0]["Rsn"]
        assert re.match(r"\w+(/@?\w+)*: ", text), text
        assert len(todo.split()) > 2, todo


def test_there_are_enough_typical_mistakes() -> None:
    assert len(MISTAKES) >= 61
    assert len({one.name for one in MISTAKES}) == len(MISTAKES)


def test_a_message_has_all_its_mistakes_at_once(stack: Stack) -> None:
    document = stack.document("asha-bank", "indus-bank")
    by_schema = changed(
        document, (f"{GROUP}/CreDtTm", GONE), (f"{TX}/ChrgBr", "OUR"), (f"{TX}/PmtId/UETR", "1")
    )
    by_rules = changed(document, (f"{GROUP}/NbOfTxs", "2"), (f"{TX}/Dbtr", {}), (f"{TX}/Cdtr", {}))
    _, _, refused = answered(stack, sent(by_schema))
    _, _, told = answered(stack, sent(by_rules))

    assert {one["path"] for one in json.loads(refused)["errors"]} == {
        *(f"{GROUP}/CreDtTm", f"{TX}/ChrgBr", f"{TX}/PmtId/UETR"),
    }
    for place in (f"{GROUP}/NbOfTxs", f"{TX}/Dbtr/Nm", f"{TX}/Cdtr/Nm"):
        assert place in lines(json.loads(told))


def test_two_wrong_parameters_are_two_errors(stack: Stack) -> None:
    _, _, body = answered(stack, Request(target="/v1/quotes?amount=1.00&currency=inr&creditor_agent=x"))

    assert [one["path"] for one in json.loads(body)["errors"]] == ["query.creditor_agent", "query.currency"]


def test_a_rejection_in_xml_has_the_remedy(stack: Stack) -> None:
    request = Request(
        "POST", "/v1/iso20022/pacs.008", b"<Document>", {"Content-Type": codec.XML, "Accept": codec.XML}
    )
    status, media_type, body = answered(stack, request)

    assert (status, media_type) == (400, codec.XML)
    assert f"to do: {remedies.BY_RULE['well-formed']}".encode() in body


@pytest.mark.parametrize("reason", Reason, ids=str)
def test_every_reason_has_a_remedy(reason: Reason) -> None:
    assert remedies.remedy(str(reason))


def test_every_problem_has_a_section_with_an_example(stack: Stack) -> None:
    _, _, page = answered(stack, Request(target=problems.CATALOGUE, caller=""))
    kinds = list(problems._tree(SwitchError))

    for kind in kinds:
        example = problems.example_of(kind)
        assert f'<section id="{problems.name_of(kind)}">'.encode() in page
        assert example["type"] == f"{problems.CATALOGUE}#{problems.name_of(kind)}"
        assert all(one["remedy"] and one["rule"] for one in example["errors"]), kind
