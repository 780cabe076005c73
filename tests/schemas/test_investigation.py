"""camt.110 and camt.111: what is asked and answered in codes is read, and what is not is refused with its place and a remedy."""

import copy
from typing import Any

import pytest

from schemas import codec, investigation, remedies, verdict
from schemas.codes import code_sets
from schemas.errors import Refused
from schemas.investigation import CREDITOR_AGENT, DEBTOR_AGENT, TYPES
from schemas.versions import versions

UETR = "7b0f2f3e-6c1d-4a53-9f0e-2d1c8a54e9b7"
FORMS = (codec.XML, codec.JSON)
DEBTORS, CREDITORS = ({"Agt": {"FinInstnId": {"BICFI": bic}}} for bic in ("ASHAINBB", "INDUPKKA"))
QUESTION: dict[str, Any] = {
    "InvstgtnReq": {
        "InvstgtnReq": {
            "MsgId": "ASHAINBB-1",
            "RqstrInvstgtnId": "CASE-1",
            "InvstgtnTp": {"Cd": "RQFI"},
            "Undrlyg": {"IntrBk": {"OrgnlEndToEndId": "INV-1", "OrgnlUETR": UETR}},
            "Rqstr": DEBTORS,
            "Rspndr": CREDITORS,
            "SvcLvl": [{"Cd": "R05D"}, {"Cd": "R03D"}],
        },
        "InvstgtnData": [
            {"Rsn": {"Cd": "NARR"}, "AddtlReqData": {"ReqNrrtv": "Which invoice does it pay?"}},
            {"Rsn": {"Cd": "CTOR"}, "RsnSubTp": {"Cd": "RQNM"}},
        ],
    }
}
ANSWER: dict[str, Any] = {
    "InvstgtnRspn": {
        "InvstgtnRspn": {
            "MsgId": "INDUPKKA-1",
            "InvstgtnSts": {"Sts": "CLSD"},
            "InvstgtnData": [{"RspnData": {"RspnNrrtv": "It is not stated."}}],
        },
        "OrgnlInvstgtnReq": {
            "MsgId": "ASHAINBB-1",
            "InvstgtnTp": {"Cd": "RQFI"},
            "Rqstr": DEBTORS,
            "Rspndr": CREDITORS,
        },
    }
}
Step = str | int


def through(message_id: str, document: dict[str, Any], form: str) -> codec.Message:
    raw = codec.encode(message_id, document, media_type=form)
    return codec.decode(raw, media_type=form, expect=message_id[:8])


def changed(document: dict[str, Any], path: tuple[Step, ...], value: object) -> dict[str, Any]:
    """A copy with the element at a path set; without it, if the value is None."""
    result = copy.deepcopy(document)
    place: Any = result
    for step in path[:-1]:
        place = place.setdefault(step, {}) if isinstance(place, dict) else place[step]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return result


@pytest.mark.parametrize("form", FORMS)
def test_a_question_is_read_and_repeats_no_text_of_its_sender(form: str) -> None:
    message = through("camt.110.001.01", QUESTION, form)
    verdict.check(message)
    asked = investigation.read_request(message)

    assert (asked.id, asked.investigation, asked.type, asked.reason) == (
        "ASHAINBB-1",
        "CASE-1",
        "RQFI",
        "NARR",
    )
    assert (asked.uetr, asked.action, asked.within_days) == (UETR, "", 3)
    assert asked.repeated["Rqstr"] == DEBTORS
    assert "invoice" not in str(asked.repeated)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("version", versions("camt.111"))
def test_an_answer_of_the_switch_is_read_back_in_every_version(version: str, form: str) -> None:
    asked = investigation.read_request(through("camt.110.001.01", QUESTION, codec.XML))
    document = investigation.build_response(
        asked.repeated,
        response_id="PAYSWITCH-1",
        investigation_id="17",
        status="PDNG",
        reason="FTNA",
        data=({"TxSts": {"Sts": {"Cd": "ACCC"}}},),
        next_responder="INDUPKKA",
    )
    message = through(version, document, form)
    verdict.check(message)
    said = investigation.read_response(message)

    assert (said.original_id, said.investigation, said.uetr) == ("ASHAINBB-1", "CASE-1", UETR)
    assert (said.status, said.reason, said.data) == ("PDNG", "FTNA", {"TxSts"})


ASKED, SAID = ("InvstgtnReq", "InvstgtnReq"), ("InvstgtnRspn", "InvstgtnRspn")
FIRST = ("InvstgtnReq", "InvstgtnData", 0)
STATUS = (*SAID, "InvstgtnSts")
NOBODY = {"Pty": {"Nm": "Somebody"}}
WRONG_QUESTIONS: list[tuple[tuple[Step, ...], object, str, str]] = [
    ((*ASKED, "InvstgtnTp"), {"Cd": "RQDA"}, "investigation-type", "InvstgtnReq/InvstgtnReq/InvstgtnTp"),
    ((*ASKED, "InvstgtnTp"), {"Prtry": "RQFI"}, "investigation-type", "InvstgtnReq/InvstgtnReq/InvstgtnTp"),
    ((*ASKED, "InvstgtnTp"), {"Cd": "ZZZZ"}, "unknown-code", "InvstgtnReq/InvstgtnReq/InvstgtnTp/Cd"),
    ((*ASKED, "InvstgtnSubTp"), {"Cd": "ZZZZ"}, "unknown-code", "InvstgtnReq/InvstgtnReq/InvstgtnSubTp/Cd"),
    ((*ASKED, "Undrlyg"), {"Othr": {"Id": "1"}}, "investigation-payment", "InvstgtnReq/InvstgtnReq/Undrlyg"),
    (
        (*ASKED, "Undrlyg"),
        {"IntrBk": {"OrgnlTxId": "1"}},
        "uetr",
        "InvstgtnReq/InvstgtnReq/Undrlyg/IntrBk/OrgnlUETR",
    ),
    ((*ASKED, "Rqstr"), NOBODY, "investigation-party", "InvstgtnReq/InvstgtnReq/Rqstr"),
    ((*ASKED, "Rspndr"), NOBODY, "investigation-party", "InvstgtnReq/InvstgtnReq/Rspndr"),
    (
        (*ASKED, "ReqActn"),
        {"Actn": {"Prtry": "again"}},
        "investigation-action",
        "InvstgtnReq/InvstgtnReq/ReqActn/Actn",
    ),
    (
        (*ASKED, "ReqActn"),
        {"Actn": {"Cd": "ZZZZ"}},
        "unknown-code",
        "InvstgtnReq/InvstgtnReq/ReqActn/Actn/Cd",
    ),
    ((*FIRST, "Rsn"), {"Prtry": "why"}, "investigation-reason", "InvstgtnReq/InvstgtnData/Rsn"),
    ((*FIRST, "Rsn"), {"Cd": "ZZZZ"}, "unknown-code", "InvstgtnReq/InvstgtnData/Rsn/Cd"),
    (
        (*FIRST, "AddtlReqData"),
        None,
        "investigation-reason",
        "InvstgtnReq/InvstgtnData/AddtlReqData/ReqNrrtv",
    ),
    (
        ("InvstgtnReq", "InvstgtnData", 1, "AddtlReqData"),
        {"ReqdValtn": {"Prd": {"CurValDt": "2026-11-23", "ReqdValDt": "2026-11-20"}}},
        "investigation-data",
        "InvstgtnReq/InvstgtnData[2]/AddtlReqData/ReqdValtn",
    ),
]
WRONG_ANSWERS: list[tuple[tuple[Step, ...], object, str, str]] = [
    ((*SAID, "InvstgtnData"), None, "investigation-status", "InvstgtnRspn/InvstgtnRspn/InvstgtnSts"),
    (STATUS, {"Sts": "RJCT"}, "investigation-status", "InvstgtnRspn/InvstgtnRspn/InvstgtnSts/StsRsn"),
    (
        STATUS,
        {"Sts": "CLSD", "StsRsn": {"Prtry": "done"}},
        "investigation-status",
        "InvstgtnRspn/InvstgtnRspn/InvstgtnSts/StsRsn",
    ),
    (STATUS, {"Sts": "DONE"}, "unknown-code", "InvstgtnRspn/InvstgtnRspn/InvstgtnSts/Sts"),
    (
        ("InvstgtnRspn", "OrgnlInvstgtnReq", "InvstgtnTp"),
        {"Cd": "PINC"},
        "investigation-type",
        "InvstgtnRspn/OrgnlInvstgtnReq/InvstgtnTp",
    ),
    (
        (*SAID, "InvstgtnData", 0, "RspnData"),
        {"Compstn": {"Grantd": True}},
        "investigation-data",
        "InvstgtnRspn/InvstgtnRspn/InvstgtnData/RspnData/Compstn",
    ),
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("path", "value", "rule", "place"), WRONG_QUESTIONS)
def test_a_wrong_question_is_refused_with_its_place_and_a_remedy(
    path: tuple[Step, ...], value: object, rule: str, place: str, form: str
) -> None:
    message = through("camt.110.001.01", changed(QUESTION, path, value), form)

    assert_refused(message, rule, place)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("path", "value", "rule", "place"), WRONG_ANSWERS)
def test_a_wrong_answer_is_refused_with_its_place_and_a_remedy(
    path: tuple[Step, ...], value: object, rule: str, place: str, form: str
) -> None:
    message = through("camt.111.001.02", changed(ANSWER, path, value), form)

    assert_refused(message, rule, place)


def assert_refused(message: codec.Message, rule: str, place: str) -> None:
    with pytest.raises(Refused) as refusal:
        verdict.check(message)

    found = {(problem.path, problem.rule) for problem in refusal.value.problems}
    assert (place, rule) in found
    assert remedies.BY_RULE[rule]


def test_an_action_names_its_investigation() -> None:
    action = changed(QUESTION, (*ASKED, "ReqActn"), {"Actn": {"Cd": "RQCL"}})
    nameless = changed(action, (*ASKED, "RqstrInvstgtnId"), None)
    asked = investigation.read_request(through("camt.110.001.01", action, codec.XML))

    assert (asked.action, asked.investigation) == ("RQCL", "CASE-1")
    assert_refused(
        through("camt.110.001.01", nameless, codec.XML),
        "investigation-action",
        "InvstgtnReq/InvstgtnReq/RqstrInvstgtnId",
    )


def test_the_table_of_types_has_codes_of_the_list_and_somebody_who_asks() -> None:
    assert set(TYPES) < code_sets()["ExternalInvestigationType1Code"]
    for type_ in TYPES.values():
        assert type_.asked_by
        assert type_.asked_by <= {DEBTOR_AGENT, CREDITOR_AGENT}
        assert "RspnNrrtv" in type_.answers
        assert "ReqNrrtv" in type_.asks
