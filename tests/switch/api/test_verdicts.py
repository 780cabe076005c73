"""The switch and `payswitch iso check` are of one mind, and an answer names everything that is wrong."""

import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from schemas import codec, files
from tests.switch.stack import Stack

ROOT = "FIToFICstmrCdtTrf/CdtTrfTxInf"


def transfer(stack: Stack) -> dict[str, Any]:
    return stack.document("asha-bank", "noor-wallet")["Document"]


async def sent(stack: Stack, raw: bytes, accept: str) -> tuple[int, bytes]:
    headers = {
        "Authorization": f"Bearer {stack.participant('asha-bank')['bearer']}",
        "Content-Type": codec.XML,
        "Accept": accept,
    }
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{stack.url}/v1/iso20022/pacs.008", data=raw, headers=headers) as answer,
    ):
        return answer.status, await answer.read()


def broken(stack: Stack) -> bytes:
    text = codec.encode("pacs.008.001.08", transfer(stack), media_type=codec.XML).decode()
    (end,) = {part for part in ("<ChrgBr>SLEV", "<ChrgBr>SHAR", "<ChrgBr>DEBT") if part in text}
    return text.replace(end, "<ChrgBr>OURS").replace("<UETR>", "<UETR>X").encode()


async def test_a_problem_lists_every_error_with_its_place_and_what_was_expected(stack: Stack) -> None:
    status, body = await sent(stack, broken(stack), "application/json")

    errors = json.loads(body)["errors"]
    assert status == 400
    assert [error["path"] for error in errors] == [f"{ROOT}/PmtId/UETR", f"{ROOT}/ChrgBr"]
    assert errors[1]["expected"] == "one of DEBT, CRED, SHAR, SLEV"
    assert all(error["line"] == 2 and error["column"] > 1 and error["rule"] for error in errors)


async def test_an_admi_002_lists_every_error(stack: Stack) -> None:
    status, body = await sent(stack, broken(stack), codec.XML)

    reason = codec.decode(body, media_type=codec.XML, expect="admi.002").content["Rsn"]
    first, second = reason["AddtlData"].split("\n")
    assert status == 400
    assert reason["ErrLctn"] == f"{ROOT}/PmtId/UETR"
    assert first.startswith(f"{ROOT}/PmtId/UETR (line 2, column ")
    assert second.endswith("expected: one of DEBT, CRED, SHAR, SLEV; to do: Use one of the listed codes.")


async def test_a_refusal_names_every_broken_rule(stack: Stack) -> None:
    document = transfer(stack)
    transaction = document["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]
    del transaction["DbtrAcct"], transaction["CdtrAcct"]
    raw = codec.encode("pacs.008.001.08", document, media_type=codec.XML)

    status, body = await sent(stack, raw, "application/json")

    (cause,) = json.loads(body)["Document"]["FIToFIPmtStsRpt"]["TxInfAndSts"][0]["StsRsnInf"]
    told = "".join(cause["AddtlInf"])
    assert (status, cause["Rsn"]["Cd"]) == (422, "AC02")
    assert f"{ROOT}/DbtrAcct: is missing" in told
    assert f"{ROOT}/CdtrAcct: is missing" in told


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("GrpHdr/CreDtTm", "2026-11-23T24:00:00Z"),
        ("GrpHdr/CreDtTm", "12026-11-23T10:00:00Z"),
        ("GrpHdr/CreDtTm", "-2026-11-23T10:00:00Z"),
        ("GrpHdr/CreDtTm", "2026-11-23T10:00:00"),
        ("CdtTrfTxInf/AccptncDtTm", "2026-11-23T24:00:00.000+05:30"),
        ("CdtTrfTxInf/IntrBkSttlmDt", "12026-11-23"),
        ("CdtTrfTxInf/IntrBkSttlmAmt", {"Ccy": "BGN", "Amt": "100.00"}),
        ("CdtTrfTxInf/IntrBkSttlmAmt", {"Ccy": "INR", "Amt": "0100.00"}),
        ("GrpHdr/NbOfTxs", "2"),
    ],
)
async def test_what_the_check_refuses_the_switch_refuses_for_the_same_place(
    stack: Stack, tmp_path: Path, path: str, value: object
) -> None:
    document = transfer(stack)
    content = document["FIToFICstmrCdtTrf"]
    holder, tag = path.split("/")
    (content["GrpHdr"] if holder == "GrpHdr" else content[holder][0])[tag] = value
    raw = codec.encode("pacs.008.001.08", document, media_type=codec.XML)
    (tmp_path / "payment.xml").write_bytes(raw)

    report = files.check(tmp_path / "payment.xml")
    status, body = await sent(stack, raw, "application/json")

    assert not report.valid
    assert status == 422
    told = json.dumps(json.loads(body))
    assert report.problems[0].path in told.replace('", "', "")
