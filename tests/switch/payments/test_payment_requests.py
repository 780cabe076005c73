"""Requests to pay: each is tied to the payment that answers it, and ends as paid, refused or expired."""

import asyncio
import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from schemas import fresh
from schemas.errors import Refused
from switch.api import examples
from switch.clients.python.problems import NotFound
from switch.payments import payment_requests
from tests.switch.stack import Stack

WITHIN_S = 30


def request(
    end_to_end: str = "", *, uetr: str = "", amount: str = "100.00", expiry: datetime | None = None
) -> Any:
    """A request of indus-bank to asha-bank."""
    example = examples.json_of("pain.013.001.07")
    document = json.loads(fresh.refreshed(json.dumps(example).encode()))
    (payment,) = document["Document"]["CdtrPmtActvtnReq"]["PmtInf"]
    (transfer,) = payment["CdtTrfTx"]
    transfer["PmtId"] = {"EndToEndId": end_to_end or uuid.uuid4().hex, **({"UETR": uetr} if uetr else {})}
    transfer["Amt"] = {"InstdAmt": {"Ccy": "INR", "Amt": amount}}
    if expiry is not None:
        payment["XpryDt"] = {"DtTm": expiry.isoformat()}
    return document


async def asked(stack: Stack, document: Any) -> str:
    """Send a request; its id."""
    async with stack.client("indus-bank") as client:
        await client.send(document)
        message_id = document["Document"]["CdtrPmtActvtnReq"]["GrpHdr"]["MsgId"]
        return next(
            each["id"] for each in await client.read("requests-to-pay") if each["message_id"] == message_id
        )


async def until(stack: Stack, id_: str, *states: str, who: str = "indus-bank") -> dict[str, Any]:
    async with stack.client(who) as client, asyncio.timeout(WITHIN_S):
        while (found := await client.read(f"requests-to-pay/{id_}"))["state"] not in states:
            await asyncio.sleep(0.2)
        return dict(found)


async def pay(
    stack: Stack, end_to_end: str, *, word: str = "", amount: str = "100.00", uetr: str = ""
) -> str:
    """Pay as asha-bank to indus-bank; the UETR."""
    document = stack.document("asha-bank", "indus-bank", amount=amount, word=word)
    (transfer,) = document["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"]
    transfer["PmtId"]["EndToEndId"] = end_to_end
    transfer["PmtId"]["UETR"] = uetr or transfer["PmtId"]["UETR"]
    async with stack.client("asha-bank") as client:
        await client.pay(document, wait=20)
    return str(transfer["PmtId"]["UETR"])


async def reports(stack: Stack, request_document: Any) -> list[dict[str, Any]]:
    """What the switch itself said to the asker of a request, by pain.014."""
    message_id = request_document["Document"]["CdtrPmtActvtnReq"]["GrpHdr"]["MsgId"]
    found = []
    async with stack.client("indus-bank") as client:
        async for each in client.entries("messages"):
            report = (each["message"] or {}).get("Document", {}).get("CdtrPmtActvtnReqStsRpt", {})
            group = report.get("OrgnlGrpInfAndSts", {})
            if each["sender"] == "payswitch" and group.get("OrgnlMsgId") == message_id:
                found.append({**report, "uetr": each["uetr"]})
    return found


async def test_a_request_is_paid_by_the_payment_with_its_end_to_end_id(stack: Stack) -> None:
    document = request(end_to_end := uuid.uuid4().hex)
    id_ = await asked(stack, document)
    assert (await until(stack, id_, "open"))["payment"] is None
    await pay(stack, uuid.uuid4().hex)
    failed = await pay(stack, end_to_end, word="AC04")

    paid = await pay(stack, end_to_end)
    found = await until(stack, id_, "paid", "expired", "refused")

    assert (found["state"], found["payment"]) == ("paid", paid)
    assert paid != failed
    assert await until(stack, id_, "paid", who="asha-bank") == found
    (report,) = await reports(stack, document)
    assert report["OrgnlGrpInfAndSts"]["GrpSts"] == "ACCC"
    assert "StsRsnInf" not in report["OrgnlGrpInfAndSts"]
    assert report["uetr"] == paid


async def test_one_payment_answers_one_request_and_the_oldest(stack: Stack) -> None:
    end_to_end = uuid.uuid4().hex
    documents = [request(end_to_end), request(end_to_end)]
    first, second = [await asked(stack, document) for document in documents]

    paid = await pay(stack, end_to_end)
    await until(stack, first, "paid")
    again = await pay(stack, end_to_end, amount="101.00")  # with the same amount it looks like the first
    found = await until(stack, second, "paid")

    assert (await until(stack, first, "paid"))["payment"] == paid
    assert found["payment"] == again
    assert [len(await reports(stack, each)) for each in documents] == [1, 1]


async def test_a_request_with_a_uetr_is_paid_by_no_other_payment(stack: Stack) -> None:
    uetr, end_to_end = str(uuid.uuid4()), uuid.uuid4().hex
    id_ = await asked(stack, request(end_to_end, uetr=uetr))
    await pay(stack, end_to_end)
    await asyncio.sleep(2.5)
    assert (await until(stack, id_, "open"))["state"] == "open"

    await pay(stack, end_to_end, uetr=uetr, amount="100.01")
    found = await until(stack, id_, "paid")

    assert found["payment"] == uetr


async def test_that_another_amount_was_paid_is_said(stack: Stack) -> None:
    document = request(end_to_end := uuid.uuid4().hex, amount="250.00")
    id_ = await asked(stack, document)

    await pay(stack, end_to_end)
    await until(stack, id_, "paid")

    (report,) = await reports(stack, document)
    (cause,) = report["OrgnlGrpInfAndSts"]["StsRsnInf"]
    assert cause["Rsn"]["Cd"] == "AM09"


async def test_a_request_that_nobody_pays_expires_and_its_asker_is_notified_once(stack: Stack) -> None:
    document = request(expiry=datetime.now(UTC) + timedelta(seconds=3))
    id_ = await asked(stack, document)

    found = await until(stack, id_, "expired", "paid")
    await asyncio.sleep(1.5)

    assert (found["state"], found["reason"], found["payment"]) == ("expired", "TM01", None)
    (report,) = await reports(stack, document)
    assert report["OrgnlGrpInfAndSts"]["GrpSts"] == "RJCT"


async def test_a_request_waits_for_a_payment_that_is_on_its_way(stack: Stack) -> None:
    document = request(end_to_end := uuid.uuid4().hex, expiry=datetime.now(UTC) + timedelta(seconds=3))
    id_ = await asked(stack, document)
    late = stack.document("asha-bank", "indus-bank", word="LATE")
    (transfer,) = late["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"]
    transfer["PmtId"]["EndToEndId"] = end_to_end
    async with stack.client("asha-bank") as client:
        await client.pay(late)
        await client.wait(transfer["PmtId"]["UETR"], within_s=60)
        outcome = (await client.payment(transfer["PmtId"]["UETR"])).status

    found = await until(stack, id_, "paid", "expired")
    assert found["state"] == ("paid" if outcome == "ACCC" else "expired")


@pytest.mark.parametrize(("status", "state"), [("ACCP", "accepted"), ("RJCT", "refused")])
async def test_the_debtor_agent_agrees_or_refuses(stack: Stack, status: str, state: str) -> None:
    document = request()
    id_ = await asked(stack, document)
    answer = {
        "$type": "pain.014.001.07",
        "Document": {
            "CdtrPmtActvtnReqStsRpt": {
                "GrpHdr": {
                    "MsgId": uuid.uuid4().hex,
                    "CreDtTm": datetime.now(UTC).isoformat(),
                    "InitgPty": {},
                },
                "OrgnlGrpInfAndSts": {
                    "OrgnlMsgId": document["Document"]["CdtrPmtActvtnReq"]["GrpHdr"]["MsgId"],
                    "OrgnlMsgNmId": "pain.013.001.07",
                    "GrpSts": status,
                    **({"StsRsnInf": [{"Rsn": {"Cd": "AC06"}}]} if status == "RJCT" else {}),
                },
            }
        },
    }
    async with stack.client("asha-bank") as client:
        await client.send(answer)

    found = await until(stack, id_, state)

    assert found["reason"] == ("AC06" if status == "RJCT" else None)
    assert bool(found["ended_at"]) == (status == "RJCT")


async def test_nobody_else_sees_a_request(stack: Stack) -> None:
    id_ = await asked(stack, request())
    async with stack.client("noor-wallet") as client:
        with pytest.raises(NotFound):
            await client.read(f"requests-to-pay/{id_}")
        assert id_ not in [each["id"] for each in await client.read("requests-to-pay")]


async def test_the_same_request_again_is_the_same_request(stack: Stack) -> None:
    document = request()
    first, again = await asked(stack, document), await asked(stack, document)

    assert first == again


@pytest.mark.parametrize(
    ("amount", "reason"),
    [({"Ccy": "QQQ", "Amt": "1.00"}, "AM11"), ({"Ccy": "INR", "Amt": "1.00001"}, "AM12")],
)
def test_what_is_no_amount_of_its_currency_is_refused(amount: dict[str, str], reason: str) -> None:
    with pytest.raises(Refused) as refused:
        payment_requests.amount_of({"Amt": {"InstdAmt": amount}})
    assert refused.value.reason == reason
