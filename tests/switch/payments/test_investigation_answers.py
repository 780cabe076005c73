"""An answer of a bank states only what is so: it repeats the question as it was asked, and contradicts no book."""

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from schemas.investigation import CREDITOR_AGENT, OF_SWITCH
from switch.payments.investigations import INTERIM_MAX, OF_PAYMENT_MAX
from tests.switch.api.test_doors import given_back, paid, post
from tests.switch.payments.test_correspondence import ANSWER, REQUEST, request
from tests.switch.payments.test_correspondence import answer as answer_to_request
from tests.switch.payments.test_investigations import (
    DOCS,
    Json,
    agent,
    answer,
    ask,
    kept,
    question,
    received,
    reply,
    said_of,
)
from tests.switch.stack import Stack

ORIGINAL = "InvstgtnRspn/OrgnlInvstgtnReq"
SAID = "InvstgtnRspn/InvstgtnRspn"
RECORD = f"{SAID}/InvstgtnData/RspnData"


async def asked_of_bank(stack: Stack, type_: str = "OTHR", word: str = "") -> tuple[Json, Json]:
    """A payment, and a question about it that the creditor agent has."""
    payment = await paid(stack, word=word)
    await ask(stack, question(payment["uetr"], type_, data={"ReqNrrtv": "Where is it?"}, name=uuid4().hex))
    (document,) = await received(stack, "indus-bank", payment["uetr"], "camt.110")
    return payment, document


def booking(payment: Json, **changed: Any) -> Json:
    credit = payment["credited_amount"]
    booked = {"Amt": {"Ccy": credit["currency"], "Amt": credit["amount"]}, "CdtDbtInd": "CRDT"}
    at = payment["journey"][-1]["at"][:23] + "Z"
    booked |= {"BookgDt": {"DtTm": at}, "ValDt": {"Dt": at[:10]}, "Refs": {"UETR": payment["uetr"]}}
    booked |= changed
    order = ("Amt", "CdtDbtInd", "XchgRate", "Acct", "BookgDt", "ValDt", "Refs", "Chrgs")
    return {tag: booked[tag] for tag in order if tag in booked}


def problem_of(found: Json) -> tuple[str, str]:
    """The place and the remedy of the only problem."""
    (problem,) = found["errors"]
    return problem["path"], problem["remedy"]


async def give_back(stack: Stack, payment: Json) -> None:
    credit = payment["credited_amount"]
    document = given_back(payment["uetr"], credit["amount"], credit["currency"])
    assert (await post(stack, "indus-bank", "pacs.004", "pacs.004.001.09", document))[0] == 200


# The number of questions


@pytest.mark.parametrize("type_", ["CCNR", "RQFI"])
async def test_questions_sent_at_the_same_time_passed_the_limit_of_one_payment(
    stack: Stack, type_: str
) -> None:
    uetr = (await paid(stack))["uetr"]
    found = await asyncio.gather(*(ask(stack, question(uetr, type_)) for _ in range(2 * OF_PAYMENT_MAX)))

    statuses = [status for status, _ in found]
    assert statuses.count(422) == OF_PAYMENT_MAX, statuses
    assert len(await kept(stack, uetr)) == OF_PAYMENT_MAX
    if type_ == "RQFI":
        assert len(await received(stack, "indus-bank", uetr, "camt.110")) == OF_PAYMENT_MAX


# What an answer repeats


def _party(tag: str) -> Callable[[Json], None]:
    return lambda original: original.update({tag: agent("NOORAEAA")})


FORGED: list[tuple[str, Callable[[Json], Any], str]] = [
    ("another asker", _party("Rqstr"), "Rqstr/Agt"),
    ("another responder", _party("Rspndr"), "Rspndr/Agt"),
    ("an originator that nobody stated", _party("ReqOrgtr"), "ReqOrgtr"),
    ("another sub-type", lambda asked: asked.update(InvstgtnSubTp={"Cd": "FRAD"}), "InvstgtnSubTp"),
    (
        "an id of the payment that the question does not state",
        lambda asked: asked["Undrlyg"]["IntrBk"].update(OrgnlTxId="4711"),
        "Undrlyg/IntrBk/OrgnlTxId",
    ),
]


async def test_an_answer_repeated_another_question_than_was_asked(stack: Stack) -> None:
    payment, document = await asked_of_bank(stack)
    for what, forge, place in FORGED:
        forged = json.loads(json.dumps(reply(document, "CLSD", "NOAD")))
        original = forged["InvstgtnRspn"]["OrgnlInvstgtnReq"]
        forge(original)
        order = ("MsgId", "RqstrInvstgtnId", "InvstgtnTp", "InvstgtnSubTp", "Undrlyg", "Rqstr", "Rspndr")
        forged["InvstgtnRspn"]["OrgnlInvstgtnReq"] = {
            tag: original[tag] for tag in (*order, "ReqOrgtr") if tag in original
        }
        status, problem = await answer(stack, forged)

        assert status == 422, what
        assert problem_of(problem)[0] == f"{ORIGINAL}/{place}"
        if place.endswith("/Agt"):
            assert "(" not in problem["detail"]
            assert problem["detail"].endswith(": ASHAINBB" if "Rqstr" in place else ": INDUPKKA")
    about_reason = reply(document, "CLSD", data={"RspnNrrtv": "On its way."})
    about_reason["InvstgtnRspn"]["InvstgtnRspn"]["InvstgtnData"][0] = {
        "OrgnlInvstgtnRsn": {"Cd": "CHCO"},
        "RspnData": {"RspnNrrtv": "On its way."},
    }
    _, problem = await answer(stack, about_reason)

    assert problem_of(problem)[0] == f"{SAID}/InvstgtnData/OrgnlInvstgtnRsn"
    assert [one["state"] for one in await kept(stack, payment["uetr"])] == ["asked"]


async def test_a_branch_of_the_asker_and_an_amount_in_other_digits_are_the_same(stack: Stack) -> None:
    payment = await paid(stack)
    asked = question(payment["uetr"], "OTHR", data={"ReqNrrtv": "Where is it?"})
    debit = payment["interbank_settlement_amount"]
    asked["InvstgtnReq"]["InvstgtnReq"]["Undrlyg"]["IntrBk"]["OrgnlIntrBkSttlmAmt"] = {
        "Ccy": debit["currency"],
        "Amt": "100",
    }
    assert (await ask(stack, asked))[0] == 202
    said = reply(asked, "CLSD", "NOAD")
    original = said["InvstgtnRspn"]["OrgnlInvstgtnReq"] = json.loads(
        json.dumps(said["InvstgtnRspn"]["OrgnlInvstgtnReq"])
    )
    original["Rqstr"] = agent("ASHAINBBXXX")
    original["Undrlyg"]["IntrBk"]["OrgnlIntrBkSttlmAmt"]["Amt"] = "100.00"

    assert (await answer(stack, said))[0] == 202


async def test_an_answer_to_an_erased_question_is_compared_with_what_is_kept(stack: Stack) -> None:
    _, document = await asked_of_bank(stack)
    connection = await stack.connect()
    try:
        await connection.execute(
            "UPDATE switch.correspondence SET sealed_key = NULL WHERE message_id = $1",
            document["InvstgtnReq"]["InvstgtnReq"]["MsgId"],
        )
    finally:
        await connection.close()
    forged = reply(document, "CLSD", "NOAD")
    forged["InvstgtnRspn"]["OrgnlInvstgtnReq"]["Rqstr"] = agent("NOORAEAA")
    status, problem = await answer(stack, forged)
    right, _ = await answer(stack, reply(document, "CLSD", "NOAD"))

    assert (status, problem_of(problem)[0]) == (422, f"{ORIGINAL}/Rqstr/Agt")
    assert right == 202


# What only the switch states


async def test_a_bank_named_another_agent_that_is_to_answer_next(stack: Stack) -> None:
    _, document = await asked_of_bank(stack)
    said = reply(document, "PDNG", "ARPL")
    said["InvstgtnRspn"]["InvstgtnRspn"]["NxtRspndr"] = agent("NOORAEAA")
    status, problem = await answer(stack, said)

    assert (status, problem_of(problem)[0]) == (422, f"{SAID}/NxtRspndr")


@pytest.mark.parametrize("status", ["PDNG", "CLSD", "RJCT"])
async def test_a_bank_stated_reasons_that_are_the_switchs_own(stack: Stack, status: str) -> None:
    payment, document = await asked_of_bank(stack)
    for reason in sorted(OF_SWITCH):
        found, problem = await answer(stack, reply(document, status, reason))

        assert (found, problem_of(problem)[0]) == (422, f"{SAID}/InvstgtnSts/StsRsn"), reason
    assert [one["code"] for one in await kept(stack, payment["uetr"])] == ["FTNA"]


def test_the_docs_say_which_reasons_only_the_switch_states() -> None:
    stated = re.search(r"only the switch states: ([^|]*)\|", DOCS.read_text())

    assert stated is not None
    assert set(re.findall(r"`(\w{4})`", stated[1])) == OF_SWITCH


# What contradicts the books


async def test_an_answer_contradicted_the_books_about_a_payment_that_was_posted(stack: Stack) -> None:
    payment, document = await asked_of_bank(stack)
    other = {"Ccy": "PKR", "Amt": "1.00"}
    for said, place in (
        (("RJCT", "ARJT", None), "InvstgtnSts/StsRsn"),
        (("CLSD", "ARDT", None), "InvstgtnSts/StsRsn"),
        (("RJCT", "NOOR", None), "InvstgtnSts/StsRsn"),
        (("CLSD", "", {"TxSts": {"Sts": {"Cd": "RJCT"}}}), "InvstgtnData/RspnData/TxSts/Sts"),
        (("PDNG", "", {"TxSts": {"Sts": {"Cd": "CANC"}}}), "InvstgtnData/RspnData/TxSts/Sts"),
        (("CLSD", "", {"Conf": booking(payment, Amt=other)}), "InvstgtnData/RspnData/Conf/Amt"),
        (
            ("CLSD", "", {"Conf": booking(payment, CdtDbtInd="DBIT")}),
            "InvstgtnData/RspnData/Conf/CdtDbtInd",
        ),
        (
            ("CLSD", "", {"Conf": booking(payment, Refs={"UETR": str(uuid4())})}),
            "InvstgtnData/RspnData/Conf/Refs/UETR",
        ),
        (
            ("CLSD", "", {"Conf": booking(payment, Refs={"ClrSysRef": "4711"})}),
            "InvstgtnData/RspnData/Conf/Refs/ClrSysRef",
        ),
        (
            ("CLSD", "", {"Conf": booking(payment, BookgDt={"Dt": "2020-02-29"})}),
            "InvstgtnData/RspnData/Conf/BookgDt",
        ),
        (
            ("CLSD", "", {"Conf": booking(payment, BookgDt={"DtTm": "2199-01-01T00:00:00Z"})}),
            "InvstgtnData/RspnData/Conf/BookgDt",
        ),
    ):
        status, problem = await answer(stack, reply(document, *said))

        assert (status, problem_of(problem)[0]) == (422, f"{SAID}/{place}"), said
    assert [one["state"] for one in await kept(stack, payment["uetr"])] == ["asked"]
    true = {"TxSts": {"Sts": {"Cd": "ACCC"}}, "Conf": booking(payment)}
    assert (await answer(stack, reply(document, "CLSD", data=true)))[0] == 202


async def test_an_answer_said_that_a_payment_was_credited_that_the_books_say_was_returned(
    stack: Stack,
) -> None:
    payment, document = await asked_of_bank(stack)
    await give_back(stack, payment)
    for data, place in (
        ({"TxSts": {"Sts": {"Cd": "ACCC"}}}, "TxSts/Sts"),
        ({"Conf": booking(payment)}, "Conf"),
    ):
        status, problem = await answer(stack, reply(document, "CLSD", data=data))
        path, remedy = problem_of(problem)

        assert (status, path) == (422, f"{RECORD}/{place}")
        assert "returned" in problem["detail"]
        assert "ARDT" in remedy
    true = reply(document, "CLSD", "ARDT", {"Conf": booking(payment)})
    assert (await answer(stack, true))[0] == 202


async def test_what_only_the_bank_knows_is_carried_as_its_statement(stack: Stack) -> None:
    """The account of the payee was credited less charges, or is not yet: no book of the switch has that."""
    payment, document = await asked_of_bank(stack)
    other = {"Ccy": payment["credited_amount"]["currency"], "Amt": "1.00"}
    waiting = reply(document, "PDNG", data={"TxSts": {"Sts": {"Cd": "ACSP"}}})
    less = booking(payment, Amt=other, Chrgs={"Rcrd": [{"Amt": other}]})

    assert (await answer(stack, waiting))[0] == 202
    status, found = await answer(stack, reply(document, "CLSD", data={"Conf": less}))
    assert status == 202, found
    assert said_of((await received(stack, "asha-bank", payment["uetr"], "camt.111", 2))[1])["data"] == {
        "Conf": less
    }


# Interim answers


async def test_interim_answers_were_without_number(stack: Stack) -> None:
    payment, document = await asked_of_bank(stack)
    (before,) = await kept(stack, payment["uetr"])
    same = reply(document, "PDNG", "ARPL")
    found = [await answer(stack, same) for _ in range(2)]
    found += await asyncio.gather(
        *(answer(stack, reply(document, "PDNG", "ARPL")) for _ in range(3 * INTERIM_MAX))
    )
    again = await answer(stack, same)
    over, problem = await answer(stack, reply(document, "PDNG", "ARPL"))
    (after,) = await kept(stack, payment["uetr"])
    told = await received(stack, "asha-bank", payment["uetr"], "camt.111", INTERIM_MAX)
    last, _ = await answer(stack, reply(document, "CLSD", "NOAD"))

    assert [status for status, _ in found].count(202) == INTERIM_MAX + 1, "the repetition is no further one"
    assert again[0] == 202
    assert (over, problem_of(problem)) == (422, (f"{SAID}/InvstgtnSts/Sts", "Answer with CLSD or RJCT."))
    assert str(INTERIM_MAX) in problem["detail"]
    assert after["until"] == before["until"], "no interim answer gives more time"
    assert len(told) == INTERIM_MAX
    assert last == 202


async def test_an_interim_answer_after_its_time_took_the_question_back_from_people(stack: Stack) -> None:
    payment, document = await asked_of_bank(stack)
    connection = await stack.connect()
    try:
        await connection.execute(
            "UPDATE switch.investigation SET until_at = now() WHERE uetr = $1::uuid", payment["uetr"]
        )
        await received(stack, "asha-bank", payment["uetr"], "camt.111")
    finally:
        await connection.close()
    status, problem = await answer(stack, reply(document, "PDNG", "ARPL"))

    assert (status, problem_of(problem)[0]) == (422, f"{SAID}/InvstgtnSts/Sts")
    assert [(one["state"], one["code"]) for one in await kept(stack, payment["uetr"])] == [("people", "ESCA")]


# What a question states


async def test_a_question_for_a_wrong_bank_was_refused_without_the_right_one(stack: Stack) -> None:
    uetr = (await paid(stack))["uetr"]
    expected = question(uetr, "RQFI")
    expected["InvstgtnReq"]["InvstgtnReq"]["XpctdRspndr"] = agent("NOORAEAA")
    for document, tag in (
        (question(uetr, "RQFI", responder="NOORAEAA"), "Rspndr"),
        (expected, "XpctdRspndr"),
    ):
        status, problem = await ask(stack, document)

        assert status == 422
        assert problem_of(problem)[0] == f"InvstgtnReq/InvstgtnReq/{tag}/Agt"
        assert "(INDUPKKA)" in problem["detail"]


async def test_a_creditor_agent_invented_ids_of_the_payment_that_it_asked_about(stack: Stack) -> None:
    payment = await paid(stack)
    uetr, reference = payment["uetr"], payment["rail_reference"]
    own = uetr.replace("-", "")  # the ids of the sender's message, as the sandbox makes it
    for tag in ("OrgnlInstrId", "OrgnlEndToEndId", "OrgnlTxId"):
        found = []
        for value in ("4711-INVENTED", reference, own if tag == "OrgnlEndToEndId" else reference):
            document = question(uetr, "RQFI", side=CREDITOR_AGENT)
            stated = document["InvstgtnReq"]["InvstgtnReq"]["Undrlyg"]["IntrBk"]
            document["InvstgtnReq"]["InvstgtnReq"]["Undrlyg"]["IntrBk"] = {tag: value, **stated}
            found.append(await ask(stack, document, "indus-bank"))

        assert [status for status, _ in found] == [422, 202, 202], tag
        path, remedy = problem_of(found[0][1])
        assert path == f"InvstgtnReq/InvstgtnReq/Undrlyg/IntrBk/{tag}"
        assert "leave it out" in remedy


# Ids that were used before


async def test_a_used_id_was_said_to_be_the_uetr_of_a_payment(stack: Stack) -> None:
    payment, document = await asked_of_bank(stack)
    credit = payment["credited_amount"]
    question_, other = (question(payment["uetr"]) for _ in range(2))
    other["InvstgtnReq"]["InvstgtnReq"] |= {"MsgId": question_["InvstgtnReq"]["InvstgtnReq"]["MsgId"]}
    other["InvstgtnReq"]["InvstgtnData"] = [{"Rsn": {"Cd": "CTOR"}}]
    first, second = (reply(document, "PDNG", reason) for reason in ("ARPL", "NOAD"))
    second["InvstgtnRspn"]["InvstgtnRspn"]["MsgId"] = first["InvstgtnRspn"]["InvstgtnRspn"]["MsgId"]
    id_ = uuid4().hex
    asks = [request(stack, "indus-bank", id_) for _ in range(2)]
    asks[1]["CdtrPmtActvtnReq"]["PmtInf"][0]["CdtTrfTx"][0]["Amt"]["InstdAmt"]["Amt"] = "101.00"
    answers = [answer_to_request(id_, status) for status in ("ACCP", "RJCT")]
    for one in answers:
        one["CdtrPmtActvtnReqStsRpt"]["GrpHdr"]["MsgId"] = id_
    back = uuid4().hex
    returns = [
        given_back(payment["uetr"], amount, credit["currency"], back) for amount in (credit["amount"], "1.00")
    ]
    for who, form, definition, documents, place in (
        ("asha-bank", "camt.110", "camt.110.001.01", (question_, other), "InvstgtnReq/InvstgtnReq/MsgId"),
        ("indus-bank", "camt.111", "camt.111.001.02", (first, second), f"{SAID}/MsgId"),
        ("indus-bank", "pain.013", REQUEST, asks, "CdtrPmtActvtnReq/GrpHdr/MsgId"),
        ("asha-bank", "pain.014", ANSWER, answers, "CdtrPmtActvtnReqStsRpt/GrpHdr/MsgId"),
        ("indus-bank", "pacs.004", "pacs.004.001.09", returns, "PmtRtr/TxInf/RtrId"),
    ):
        taken = await post(stack, who, form, definition, documents[0])
        status, problem = await post(stack, who, form, definition, documents[1])

        assert taken[0] in {200, 202}, taken
        assert (status, problem["reason"]) == (409, "DUPL"), form
        path, remedy = problem_of(problem)
        assert path == place
        assert "new id" in remedy
