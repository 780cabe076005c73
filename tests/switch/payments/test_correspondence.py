"""Answers reach the party whose id they name; nobody speaks in another's name; ids are of one payment."""

import json
import uuid
from typing import Any
from uuid import uuid4

import pytest

from tests.switch.api.test_doors import TOMORROW, assignment, given_back, inbox, now, paid, post, wish
from tests.switch.stack import Stack

REQUEST, ANSWER = "pain.013.001.07", "pain.014.001.07"


def agent(stack: Stack, who: str) -> dict[str, Any]:
    return {"FinInstnId": {"BICFI": stack.participant(who)["bic"]}}


def request(
    stack: Stack, creditor: str, message_id: str, debtor: str = "asha-bank", **initiator: Any
) -> dict[str, Any]:
    transfer = {
        "PmtId": {"EndToEndId": "INV-1"},
        "Amt": {"InstdAmt": {"Ccy": "INR", "Amt": "100.00"}},
        "ChrgBr": "SLEV",
        "CdtrAgt": agent(stack, creditor),
        "Cdtr": {"Nm": "Bilal Khan"},
    }
    head = {"MsgId": message_id, "CreDtTm": now(), "NbOfTxs": "1", "InitgPty": initiator}
    payment = {
        "PmtMtd": "TRF",
        "ReqdExctnDt": {"Dt": TOMORROW},
        "Dbtr": {"Nm": "Asha Rao"},
        "DbtrAgt": agent(stack, debtor),
        "CdtTrfTx": [transfer],
    }
    return {"CdtrPmtActvtnReq": {"GrpHdr": head, "PmtInf": [payment]}}


def answer(message_id: str, status: str = "ACCP", **head: Any) -> dict[str, Any]:
    return {
        "CdtrPmtActvtnReqStsRpt": {
            "GrpHdr": {"MsgId": uuid4().hex, "CreDtTm": now(), "InitgPty": {}, **head},
            "OrgnlGrpInfAndSts": {"OrgnlMsgId": message_id, "OrgnlMsgNmId": REQUEST, "GrpSts": status},
        }
    }


async def answers(stack: Stack, who: str, message_id: str) -> list[tuple[str, str]]:
    """Who answered a request of `who`, and how, as it reads it."""
    found = []
    for message in await inbox(stack, who):
        report = (message["message"] or {"Document": {}})["Document"].get("CdtrPmtActvtnReqStsRpt")
        if report and report["OrgnlGrpInfAndSts"]["OrgnlMsgId"] == message_id:
            found.append((message["sender"], report["OrgnlGrpInfAndSts"]["GrpSts"]))
    return found


async def test_an_answer_reaches_the_bank_that_it_names_where_two_enquired_under_one_id(stack: Stack):
    message_id = f"INV-{uuid4().hex[:8]}"
    for who in ("indus-bank", "noor-wallet"):
        assert (await post(stack, who, "pain.013", REQUEST, request(stack, who, message_id)))[0] == 202

    status, problem = await post(stack, "asha-bank", "pain.014", ANSWER, answer(message_id))
    named = answer(message_id, CdtrAgt=agent(stack, "indus-bank"))
    other = answer(message_id, "RJCT", CdtrAgt=agent(stack, "noor-wallet"))

    assert status == 422
    assert problem["errors"][0]["path"].endswith("GrpHdr/CdtrAgt")
    assert (await post(stack, "asha-bank", "pain.014", ANSWER, named))[0] == 202
    assert (await post(stack, "asha-bank", "pain.014", ANSWER, other))[0] == 202
    assert await answers(stack, "indus-bank", message_id) == [("payswitch", "PDNG"), ("asha-bank", "ACCP")]
    assert await answers(stack, "noor-wallet", message_id) == [("payswitch", "PDNG"), ("asha-bank", "RJCT")]


async def test_banks_that_share_an_id_are_notified_once_and_only_where_one_bank_is_meant(stack: Stack):
    message_id = uuid4().hex
    first = request(stack, "indus-bank", message_id)
    elsewhere = request(stack, "noor-wallet", message_id, debtor="ganga-bank")
    for who, document in (("indus-bank", first), ("noor-wallet", elsewhere)):
        assert (await post(stack, who, "pain.013", REQUEST, document))[0] == 202
    assert await answers(stack, "indus-bank", message_id) == []

    for _ in range(2):
        assert (
            await post(stack, "ganga-bank", "pain.013", REQUEST, request(stack, "ganga-bank", message_id))
        )[0] in {202, 409}

    assert await answers(stack, "indus-bank", message_id) == [("payswitch", "PDNG")]
    assert await answers(stack, "noor-wallet", message_id) == []


async def test_an_answer_that_names_a_bank_without_an_enquiry_reaches_nobody(stack: Stack):
    message_id = uuid4().hex
    await post(stack, "indus-bank", "pain.013", REQUEST, request(stack, "indus-bank", message_id))
    document = answer(message_id, CdtrAgt=agent(stack, "noor-wallet"))

    assert (await post(stack, "asha-bank", "pain.014", ANSWER, document))[0] == 404
    assert await answers(stack, "indus-bank", message_id) == []


async def test_an_answer_that_names_another_message_or_payment_reaches_nobody(stack: Stack):
    message_id = uuid4().hex
    await post(stack, "indus-bank", "pain.013", REQUEST, request(stack, "indus-bank", message_id))
    other_kind, other_payment, same = (answer(message_id) for _ in range(3))
    other_kind["CdtrPmtActvtnReqStsRpt"]["OrgnlGrpInfAndSts"]["OrgnlMsgNmId"] = "pain.001.001.09"
    for document, end_to_end in ((other_payment, "INV-2"), (same, "INV-1")):
        named = {"OrgnlEndToEndId": end_to_end, "TxSts": "ACCP"}
        parts = [{"OrgnlPmtInfId": "NOTPROVIDED", "TxInfAndSts": [named]}]
        document["CdtrPmtActvtnReqStsRpt"]["OrgnlPmtInfAndSts"] = parts

    refused = [
        await post(stack, "asha-bank", "pain.014", ANSWER, wrong) for wrong in (other_kind, other_payment)
    ]
    assert [status for status, _ in refused] == [422, 422]
    paths = [problem["errors"][0]["path"].rpartition("/")[2] for _, problem in refused]
    assert paths == ["OrgnlMsgNmId", "OrgnlEndToEndId"]
    assert await answers(stack, "indus-bank", message_id) == []
    assert (await post(stack, "asha-bank", "pain.014", ANSWER, same))[0] == 202


async def test_two_accounts_under_one_id_are_not_verified(stack: Stack):
    """The answer names an account by that id alone."""
    asked = {"Acct": {"Id": {"IBAN": "PK60SAND0000000000000001"}}, "Agt": agent(stack, "indus-bank")}
    sent = assignment()
    sent["MsgId"] = sent.pop("Id")
    question = {"Assgnmt": sent, "Vrfctn": [{"Id": "1", "PtyAndAcctId": asked}] * 2}
    status, problem = await post(stack, "asha-bank", "acmt.023", "acmt.023.001.03", {"IdVrfctnReq": question})

    assert status == 422
    assert problem["errors"][0]["path"] == "IdVrfctnReq/Vrfctn/Id"


async def test_a_request_to_pay_that_nobody_could_pay_was_passed_on(stack: Stack):
    message_id = uuid4().hex
    (expired, passed, free, old, own) = (request(stack, "indus-bank", message_id) for _ in range(5))
    bodies = [document["CdtrPmtActvtnReq"] for document in (expired, passed, free, old, own)]
    bodies[0]["PmtInf"][0]["XpryDt"] = {"DtTm": "2026-01-01T00:00:00Z"}
    bodies[1]["PmtInf"][0]["ReqdExctnDt"] = {"Dt": "2026-01-01"}
    bodies[2]["PmtInf"][0]["CdtTrfTx"][0]["Amt"]["InstdAmt"]["Amt"] = "0.00"
    bodies[3]["GrpHdr"]["CreDtTm"] = "2026-01-01T00:00:00Z"
    bodies[4]["PmtInf"][0]["DbtrAgt"] = agent(stack, "indus-bank")

    refused = [
        await post(stack, "indus-bank", "pain.013", REQUEST, document)
        for document in (expired, passed, free, old, own)
    ]

    assert [status for status, _ in refused] == [422] * 5
    assert [(problem["reason"], problem["errors"][0]["path"]) for _, problem in refused] == [
        ("TM01", "CdtrPmtActvtnReq/PmtInf/XpryDt"),
        ("DT01", "CdtrPmtActvtnReq/PmtInf/ReqdExctnDt"),
        ("AM01", "CdtrPmtActvtnReq/PmtInf/CdtTrfTx/Amt/InstdAmt"),
        ("DT02", "CdtrPmtActvtnReq/GrpHdr/CreDtTm"),
        ("AGNT", "CdtrPmtActvtnReq/PmtInf/DbtrAgt"),
    ]
    assert not [m for m in await inbox(stack, "asha-bank") if message_id in json.dumps(m)]


async def test_a_request_to_pay_in_another_banks_name_is_refused(stack: Stack):
    forged = request(stack, "indus-bank", uuid4().hex)
    status, problem = await post(stack, "noor-wallet", "pain.013", REQUEST, forged)

    assert status == 403
    assert problem["errors"][0]["path"] == "CdtrPmtActvtnReq/PmtInf/CdtTrfTx/CdtrAgt"


async def test_a_request_to_pay_that_another_participant_began_is_refused(stack: Stack):
    bic = stack.participant("indus-bank")["bic"]
    forged = request(stack, "noor-wallet", uuid4().hex, Id={"OrgId": {"AnyBIC": bic}})
    customers = request(stack, "noor-wallet", uuid4().hex, Id={"OrgId": {"AnyBIC": "ACMEPKKA"}})

    assert (await post(stack, "noor-wallet", "pain.013", REQUEST, forged))[0] == 403
    assert (await post(stack, "noor-wallet", "pain.013", REQUEST, customers))[0] == 202


@pytest.mark.parametrize("form", ["pacs.028", "camt.056", "camt.029", "acmt.023", "pain.014"])
async def test_a_message_in_another_banks_name_is_refused(stack: Stack, form: str):
    other = agent(stack, "noor-wallet")
    named = {**assignment(), "Assgnr": {"Agt": other}}
    head = {"MsgId": uuid4().hex, "CreDtTm": now()}
    uetr = str(uuid.uuid4())
    forged = {
        "pacs.028": (
            "pacs.028.001.03",
            {"FIToFIPmtStsReq": {"GrpHdr": {**head, "InstgAgt": other}, "TxInf": [{"OrgnlUETR": uetr}]}},
        ),
        "camt.056": (
            "camt.056.001.08",
            {"FIToFIPmtCxlReq": {"Assgnmt": named, "Undrlyg": [{"TxInf": [{"OrgnlUETR": uetr}]}]}},
        ),
        "camt.029": (
            "camt.029.001.09",
            {
                "RsltnOfInvstgtn": {
                    "Assgnmt": named,
                    "Sts": {"Conf": "RJCR"},
                    "CxlDtls": [{"TxInfAndSts": [{"OrgnlUETR": uetr}]}],
                }
            },
        ),
        "acmt.023": (
            "acmt.023.001.03",
            {
                "IdVrfctnReq": {
                    "Assgnmt": {**head, "Assgnr": {"Agt": other}, "Assgne": {"Pty": {}}},
                    "Vrfctn": [
                        {"Id": "1", "PtyAndAcctId": {"Acct": {"Id": {"IBAN": "PK60SAND0000000000000001"}}}}
                    ],
                }
            },
        ),
        "pain.014": (ANSWER, answer(uuid4().hex, DbtrAgt=other)),
    }
    definition, document = forged[form]

    status, problem = await post(stack, "asha-bank", form, definition, document)

    assert (status, problem["detail"]) == (403, "this agent is not the participant that sent the message")


async def test_a_message_id_that_its_sender_used_before_is_refused_in_any_version(stack: Stack):
    first, second = await paid(stack), await paid(stack)
    one, other = wish(first["uetr"]), wish(second["uetr"])
    one["FIToFIPmtCxlReq"]["Assgnmt"]["Id"] = other["FIToFIPmtCxlReq"]["Assgnmt"]["Id"] = uuid4().hex

    assert (await post(stack, "asha-bank", "camt.056", "camt.056.001.08", one))[0] == 202
    assert (await post(stack, "asha-bank", "camt.056", "camt.056.001.08", one))[0] == 202
    assert (await post(stack, "asha-bank", "camt.056", "camt.056.001.11", other))[0] == 409


@pytest.mark.parametrize("tag", ["OrgnlInstrId", "OrgnlEndToEndId", "OrgnlTxId", "OrgnlMsgId"])
async def test_ids_of_another_payment_than_the_uetrs_are_refused(stack: Stack, tag: str):
    ours, other = await paid(stack), await paid(stack)
    reference = other["uetr"].replace("-", "")
    stated: dict[str, Any] = {tag: reference}
    if tag == "OrgnlMsgId":
        stated = {"OrgnlGrpInf": {"OrgnlMsgId": reference, "OrgnlMsgNmId": "pacs.008.001.08"}}
    question = {
        "FIToFIPmtStsReq": {
            "GrpHdr": {"MsgId": uuid4().hex, "CreDtTm": now()},
            "TxInf": [{**stated, "OrgnlUETR": ours["uetr"]}],
        }
    }
    back = wish(ours["uetr"])
    back["FIToFIPmtCxlReq"]["Undrlyg"][0]["TxInf"][0] |= stated

    for form, definition, document in (
        ("pacs.028", "pacs.028.001.03", question),
        ("camt.056", "camt.056.001.08", back),
    ):
        status, problem = await post(stack, "asha-bank", form, definition, document)
        assert (status, problem["errors"][0]["path"].rpartition("/")[2]) == (422, tag)


async def test_a_return_that_names_another_payments_end_to_end_id_moves_nothing(stack: Stack):
    ours, other = await paid(stack), await paid(stack)
    credited = ours["credited_amount"]
    document = given_back(ours["uetr"], credited["amount"], credited["currency"])
    transaction = document["PmtRtr"]["TxInf"][0]
    transaction["OrgnlEndToEndId"] = other["uetr"].replace("-", "")

    assert (await post(stack, "indus-bank", "pacs.004", "pacs.004.001.09", document))[0] == 422

    transaction["OrgnlEndToEndId"] = ours["uetr"].replace("-", "")
    assert (await post(stack, "indus-bank", "pacs.004", "pacs.004.001.09", document))[0] == 200


AMOUNT = {"Ccy": "INR", "Amt": "100.00"}
WRONG_AMOUNT = {"Ccy": "INR", "Amt": "999.00"}
OTHER_DAY = "2020-02-29"
STRANGER = {"FinInstnId": {"BICFI": "NOORPKKA"}}
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "amount": ({"OrgnlIntrBkSttlmAmt": WRONG_AMOUNT}, "OrgnlIntrBkSttlmAmt"),
    "currency": ({"OrgnlIntrBkSttlmAmt": {"Ccy": "KZT", "Amt": "100.00"}}, "OrgnlIntrBkSttlmAmt"),
    "day": ({"OrgnlIntrBkSttlmDt": OTHER_DAY}, "OrgnlIntrBkSttlmDt"),
    "amount in the reference": (
        {"OrgnlTxRef": {"IntrBkSttlmAmt": WRONG_AMOUNT}},
        "OrgnlTxRef/IntrBkSttlmAmt",
    ),
    "instructed amount": ({"OrgnlTxRef": {"Amt": {"InstdAmt": WRONG_AMOUNT}}}, "OrgnlTxRef/Amt/InstdAmt"),
    "day in the reference": ({"OrgnlTxRef": {"IntrBkSttlmDt": OTHER_DAY}}, "OrgnlTxRef/IntrBkSttlmDt"),
    "debtor agent": ({"OrgnlTxRef": {"DbtrAgt": STRANGER}}, "OrgnlTxRef/DbtrAgt"),
    "creditor agent": ({"OrgnlTxRef": {"CdtrAgt": STRANGER}}, "OrgnlTxRef/CdtrAgt"),
}
"""What a message says of its original that is another's, and the place of it."""


def about(form: str, payment: dict[str, Any], said: dict[str, Any], receiver: dict[str, Any] | None = None):
    """A message about a payment that says something more of it; its sender, definition and document."""
    transaction = {"OrgnlUETR": payment["uetr"], **said}
    sent = {**assignment(), **({"Assgne": receiver} if receiver else {})}
    match form:
        case "pacs.028":
            if receiver:
                transaction["InstdAgt"] = receiver["Agt"]
            head = {"MsgId": uuid4().hex, "CreDtTm": now()}
            content = {"FIToFIPmtStsReq": {"GrpHdr": head, "TxInf": [transaction]}}
            return "asha-bank", "pacs.028.001.03", content
        case "pacs.004":
            credited = payment["credited_amount"]
            document = given_back(payment["uetr"], credited["amount"], credited["currency"])
            document["PmtRtr"]["TxInf"][0] |= said
            if receiver:
                document["PmtRtr"]["GrpHdr"]["InstdAgt"] = receiver["Agt"]
            return "indus-bank", "pacs.004.001.09", document
        case "camt.056":
            content = {"FIToFIPmtCxlReq": {"Assgnmt": sent, "Undrlyg": [{"TxInf": [transaction]}]}}
            return "asha-bank", "camt.056.001.08", content
        case _:
            details = [{"TxInfAndSts": [transaction]}]
            content = {"RsltnOfInvstgtn": {"Assgnmt": sent, "Sts": {"Conf": "RJCR"}, "CxlDtls": details}}
            return "indus-bank", "camt.029.001.09", content


def forms_and_wrongs() -> list[tuple[str, str]]:
    """A pacs.028 states amounts and days in its reference alone."""
    forms = ("pacs.028", "pacs.004", "camt.056", "camt.029")
    pairs = [(form, wrong) for form in forms for wrong in WRONG]
    return [(form, wrong) for form, wrong in pairs if form != "pacs.028" or "OrgnlTxRef" in WRONG[wrong][0]]


async def test_an_original_amount_day_or_agent_of_another_payment_is_refused_with_its_place(stack: Stack):
    payment = await paid(stack)
    assert (await post(stack, "asha-bank", "camt.056", "camt.056.001.08", wish(payment["uetr"])))[0] == 202
    seen = len(await inbox(stack, "indus-bank")), len(await inbox(stack, "asha-bank"))
    for form, wrong in forms_and_wrongs():
        said, place = WRONG[wrong]
        sender, definition, document = about(form, payment, said)

        status, problem = await post(stack, sender, form, definition, document)

        assert status == 422, (form, wrong, problem)
        assert problem["errors"][0]["path"].endswith(f"/{place}"), (form, wrong)
        assert problem["reason"] in {"AM09", "DT01", "AGNT"}
    assert (len(await inbox(stack, "indus-bank")), len(await inbox(stack, "asha-bank"))) == seen


async def test_a_message_about_a_payment_to_who_is_not_on_its_other_side_is_refused(stack: Stack):
    payment = await paid(stack)
    assert (await post(stack, "asha-bank", "camt.056", "camt.056.001.08", wish(payment["uetr"])))[0] == 202
    as_party = {"Pty": {"Id": {"OrgId": {"AnyBIC": "NOORPKKA"}}}}
    for form in ("pacs.028", "pacs.004", "camt.056", "camt.029"):
        sender = about(form, payment, {})[0]
        itself = {"Agt": agent(stack, sender)}
        receivers = [{"Agt": STRANGER}, itself, *([as_party] if form.startswith("camt") else [])]
        for receiver in receivers:
            _, definition, document = about(form, payment, {}, receiver)

            status, problem = await post(stack, sender, form, definition, document)

            assert (status, problem["reason"]) == (422, "AGNT"), (form, receiver)
            assert problem["errors"][0]["path"].split("/")[2] in {"InstdAgt", "Assgne"}


async def test_what_is_right_of_an_original_passes(stack: Stack):
    payment = await paid(stack)
    debtor, creditor = agent(stack, "asha-bank"), agent(stack, "indus-bank")
    day = payment["journey"][0]["at"][:10]
    credited = {"Ccy": payment["credited_amount"]["currency"], "Amt": payment["credited_amount"]["amount"]}
    for form in ("pacs.028", "camt.056", "camt.029", "pacs.004"):
        settled = AMOUNT if form in {"pacs.028", "camt.056"} else credited
        reference = {
            "IntrBkSttlmAmt": settled,
            "Amt": {"InstdAmt": settled},
            "IntrBkSttlmDt": day,
            "DbtrAgt": debtor,
            "CdtrAgt": creditor,
        }
        said: dict[str, Any] = {"OrgnlTxRef": reference}
        if form != "pacs.028":
            said |= {"OrgnlIntrBkSttlmAmt": settled, "OrgnlIntrBkSttlmDt": day}
        receiver = {"Agt": creditor if form in {"pacs.028", "camt.056"} else debtor}
        sender, definition, document = about(form, payment, said, receiver)

        status, answer = await post(stack, sender, form, definition, document)

        assert status in {200, 202}, answer


async def test_an_answer_to_a_request_to_pay_with_another_amount_day_or_agent_is_refused(stack: Stack):
    message_id = uuid4().hex
    await post(stack, "indus-bank", "pain.013", REQUEST, request(stack, "indus-bank", message_id))
    for said, reason in (
        ({"Amt": {"InstdAmt": WRONG_AMOUNT}}, "AM09"),
        ({"ReqdExctnDt": {"Dt": OTHER_DAY}}, "DT01"),
        ({"DbtrAgt": STRANGER}, "AGNT"),
        ({"CdtrAgt": STRANGER}, "AGNT"),
        ({}, None),
    ):
        document = answer(message_id)
        right = {
            "Amt": {"InstdAmt": {"Ccy": "INR", "Amt": "100"}},
            "ReqdExctnDt": {"Dt": TOMORROW},
            "Dbtr": {"Nm": "Asha Rao"},
            "DbtrAgt": agent(stack, "asha-bank"),
            "CdtrAgt": agent(stack, "indus-bank"),
            "Cdtr": {"Nm": "Bilal Khan"},
        }
        named = {"OrgnlEndToEndId": "INV-1", "TxSts": "ACCP", "OrgnlTxRef": {**right, **said}}
        parts = [{"OrgnlPmtInfId": "NOTPROVIDED", "TxInfAndSts": [named]}]
        document["CdtrPmtActvtnReqStsRpt"]["OrgnlPmtInfAndSts"] = parts

        status, problem = await post(stack, "asha-bank", "pain.014", ANSWER, document)

        assert (status, problem.get("reason")) == ((422, reason) if reason else (202, None))
    assert await answers(stack, "indus-bank", message_id) == [("asha-bank", "ACCP")]


async def test_a_suspended_participant_sees_what_was_decided_and_starts_nothing(stack: Stack):
    """A resend and a status request once got 403; and money moved by pacs.004."""
    given, kept = await paid(stack), await paid(stack)
    credited = given["credited_amount"]
    back = given_back(given["uetr"], credited["amount"], credited["currency"])
    assert (await post(stack, "indus-bank", "pacs.004", "pacs.004.001.09", back))[0] == 200
    sent, new = (stack.document("indus-bank", "asha-bank") for _ in range(2))
    async with stack.client("indus-bank") as client:
        state = await client.pay(sent, wait=20)
    connection = await stack.connect()
    await connection.execute("UPDATE switch.participant SET status = 'suspended' WHERE id = 'indus-bank'")
    await stack.until_read()
    try:
        question = about("pacs.028", {"uetr": state.uetr}, {})[2]
        again = {
            "the payment": await post(stack, "indus-bank", "pacs.008", "pacs.008.001.08", sent["Document"]),
            "the return": await post(stack, "indus-bank", "pacs.004", "pacs.004.001.09", back),
            "a question": await post(stack, "indus-bank", "pacs.028", "pacs.028.001.03", question),
        }
        other = given_back(kept["uetr"], credited["amount"], credited["currency"])
        refused = {
            "a payment": await post(stack, "indus-bank", "pacs.008", "pacs.008.001.08", new["Document"]),
            "a return": await post(stack, "indus-bank", "pacs.004", "pacs.004.001.09", other),
            "a wish": await post(stack, "indus-bank", "camt.056", "camt.056.001.08", wish(state.uetr)),
            "a request": await post(
                stack, "indus-bank", "pain.013", REQUEST, request(stack, "indus-bank", uuid4().hex)
            ),
        }
    finally:
        await connection.execute("UPDATE switch.participant SET status = 'active' WHERE id = 'indus-bank'")
        await connection.close()
        await stack.until_read()

    assert {what: status for what, (status, _) in again.items()} == dict.fromkeys(again, 200)
    assert {what: status for what, (status, _) in refused.items()} == dict.fromkeys(refused, 403)
