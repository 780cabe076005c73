"""What a pacs.004 and its header state of the return itself binds; other messages' headers bind too."""

import json
from typing import Any

import aiohttp
import pytest

from tests.switch.api.test_doors import given_back, now, paid, positions, post, wish
from tests.switch.stack import Stack

DAY = "2026-01-02"


@pytest.mark.parametrize(
    ("place", "change", "reason"),
    [
        pytest.param("TxInf", {"IntrBkSttlmDt": DAY}, "DT01", id="day"),
        pytest.param("GrpHdr", {"IntrBkSttlmDt": DAY}, "DT01", id="day-of-the-group"),
        pytest.param("GrpHdr", {"CreDtTm": "2020-01-01T00:00:00Z"}, "DT02", id="made-long-ago"),
        pytest.param("GrpHdr", {"CreDtTm": "2099-01-01T00:00:00Z"}, "DT02", id="made-in-the-future"),
        pytest.param("GrpHdr", {"SttlmInf": {"SttlmMtd": "INDA"}}, "CH16", id="method"),
        pytest.param(
            "GrpHdr", {"SttlmInf": {"SttlmMtd": "CLRG", "ClrSys": {"Prtry": "RAAST"}}}, "CH16", id="system"
        ),
        pytest.param("TxInf", {"XchgRate": "9"}, "AM09", id="rate"),
        pytest.param("TxInf", {"RtrdInstdAmt": {"Ccy": "INR", "Amt": "5.00"}}, "AM09", id="instructed"),
        pytest.param("TxInf", {"CompstnAmt": {"Ccy": "PKR", "Amt": "5.00"}}, "AG03", id="compensation"),
    ],
)
async def test_a_return_of_other_terms_was_executed(
    stack: Stack, place: str, change: dict[str, Any], reason: str
):
    """A return of another day, method, rate or amount was executed all the same, and nobody was told."""
    payment = await paid(stack)
    before = await positions(stack, "indus-bank")
    credited = payment["credited_amount"]
    document = given_back(payment["uetr"], credited["amount"], credited["currency"])
    content = document["PmtRtr"]
    (content["GrpHdr"] if place == "GrpHdr" else content["TxInf"][0]).update(change)

    status, problem = await post(stack, "indus-bank", "pacs.004", "pacs.004.001.09", document)

    assert (status, problem["reason"]) == (422, reason), problem
    assert problem["errors"][0]["path"].startswith(f"PmtRtr/{place}/{next(iter(change))}")
    assert await positions(stack, "indus-bank") == before


async def test_a_return_may_state_the_terms_that_it_has(stack: Stack):
    """And the same return sent again is the same return, whatever day it is."""
    payment = await paid(stack)
    credited, ordered = payment["credited_amount"], payment["interbank_settlement_amount"]
    document = given_back(payment["uetr"], credited["amount"], credited["currency"])
    document["PmtRtr"]["TxInf"][0] |= {
        "IntrBkSttlmDt": now()[:10],
        "XchgRate": payment["exchange_rate"].rstrip("0"),
        "RtrdInstdAmt": {"Ccy": ordered["currency"], "Amt": ordered["amount"]},
    }

    first = await post(stack, "indus-bank", "pacs.004", "pacs.004.001.09", document)
    second = await post(stack, "indus-bank", "pacs.004", "pacs.004.001.09", document)

    assert (first[0], second[0]) == (200, 200), first


def header(definition: str, sender: str, receiver: str, **more: str) -> dict[str, Any]:
    agents = {
        tag: {"FIId": {"FinInstnId": {"BICFI": bic}}} for tag, bic in (("Fr", sender), ("To", receiver))
    }
    return {**agents, "BizMsgIdr": "B-1", "MsgDefIdr": definition, "CreDt": now(), **more}


@pytest.mark.parametrize(
    ("change", "status", "reason", "path"),
    [
        pytest.param({"CpyDplct": "CODU"}, 422, "AG03", "AppHdr/CpyDplct", id="copy"),
        pytest.param({"BizPrcgDt": "2099-01-01T00:00:00Z"}, 422, "DT04", "AppHdr/BizPrcgDt", id="not-yet"),
        pytest.param({"Fr": "asha-bank"}, 403, "AG01", "AppHdr/Fr", id="from-another"),
        pytest.param({"To": "ganga-bank"}, 422, "AGNT", "AppHdr/To", id="to-another"),
    ],
)
@pytest.mark.parametrize("definition", ["pacs.004.001.09", "camt.056.001.08"])
async def test_the_header_of_a_message_about_a_payment_was_ignored(  # noqa: PLR0917 - a table
    stack: Stack, definition: str, change: dict[str, str], status: int, reason: str, path: str
):
    """A copy of a return for information moved money, as did one in another bank's name."""
    payment = await paid(stack)
    credited = payment["credited_amount"]
    returns = definition.startswith("pacs")
    document = (
        given_back(payment["uetr"], credited["amount"], credited["currency"])
        if returns
        else wish(payment["uetr"])
    )
    sender, receiver = ("indus-bank", "asha-bank") if returns else ("asha-bank", "indus-bank")
    named = {"Fr": sender, "To": receiver} | change
    if change == {"Fr": "asha-bank"}:
        named["Fr"] = receiver
    bics = [stack.participant(named.pop(tag))["bic"] for tag in ("Fr", "To")]
    message = {"$type": definition, "AppHdr": header(definition, *bics, **named), "Document": document}

    async with aiohttp.ClientSession() as session:
        answer = await session.post(
            f"{stack.url}/v1/iso20022/{definition[:8]}",
            data=json.dumps(message),
            headers={
                "Authorization": f"Bearer {stack.participant(sender)['bearer']}",
                "Content-Type": "application/json",
            },
        )
        problem = await answer.json()

    assert (answer.status, problem["reason"], problem["errors"][0]["path"]) == (status, reason, path), problem
