"""Valid messages that are no payment are refused in ISO's words, and nothing is remembered of them."""

import json

import aiohttp
import pytest

from schemas import codec, status_report
from tests.switch.stack import Stack

IMPOSSIBLE = [("1.001", "AM12"), ("0.00", "AM01")]


@pytest.mark.parametrize(("amount", "reason"), IMPOSSIBLE)
async def test_an_impossible_amount_is_refused_by_a_status_report(
    stack: Stack, amount: str, reason: str
) -> None:
    document = stack.document("asha-bank", "noor-wallet")
    (transaction,) = document["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"]
    transaction["IntrBkSttlmAmt"]["Amt"] = amount
    headers = {
        "Authorization": f"Bearer {stack.participant('asha-bank')['bearer']}",
        "Content-Type": "application/json",
    }

    async with (
        aiohttp.ClientSession() as session,
        session.post(
            f"{stack.url}/v1/iso20022/pacs.008", data=json.dumps(document), headers=headers
        ) as answer,
    ):
        raw = await answer.read()

    assert answer.status == 422, raw
    report = status_report.read(codec.decode(raw, media_type="application/json", expect="pacs.002"))
    assert (report.status, report.reason) == ("RJCT", reason)
    assert report.uetr == transaction["PmtId"]["UETR"]
