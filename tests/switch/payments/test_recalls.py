"""A recall has an end: the payee's bank is asked over its rail or over the switch, and answers, pays or does neither."""

import asyncio
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from switch.base import failpoints
from switch.base.settings import Settings
from switch.cli.supervisor import running
from switch.payments.recalls import OTHER_DAYS, WITHIN_DAYS, late
from tests import scratch
from tests.switch.api.test_doors import assignment, given_back, inbox, paid, post
from tests.switch.identity.test_people_api import bearer
from tests.switch.payments.test_indirect import MEZAN, iban, pay, payment, set_up
from tests.switch.stack import Stack, started

ANSWER_S = 25.0
HURRY: dict[str, Any] = {"time_scale": 0.02, "sandbox_latency_s": 0.01}
DOCS = Path("docs/operate/day.md")


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """A switch where a recall ends soon; banks of Pakistan are reached through a gateway."""
    with started(recall_answer_within_days=ANSWER_S / 86_400) as stack:
        asyncio.run(set_up(stack))
        yield stack


def recall(uetr: str, reason: str) -> dict[str, Any]:
    cause = [{"Rsn": {"Cd": reason}}]
    return {
        "FIToFIPmtCxlReq": {
            "Assgnmt": assignment(),
            "Undrlyg": [{"TxInf": [{"OrgnlUETR": uetr, "CxlRsnInf": cause}]}],
        }
    }


async def asked(stack: Stack, uetr: str, reason: str) -> dict[str, Any]:
    """Recall a payment: the answer at once is that it is pending. The recall as the payer's bank sees it."""
    document = recall(uetr, reason)
    for _ in range(2):  # a repetition changes nothing
        status, answer = await post(stack, "asha-bank", "camt.056", "camt.056.001.08", document)
        assert (status, answer["Document"]["RsltnOfInvstgtn"]["Sts"]["Conf"]) == (202, "PDCR"), answer
    (found,) = (await described(stack, uetr))["recalls"]
    return found


async def described(stack: Stack, uetr: str) -> dict[str, Any]:
    async with stack.client("asha-bank") as client:
        found: dict[str, Any] = await client.read(f"payments/{uetr}")
    return found


async def until_ended(stack: Stack, uetr: str, within_s: float = ANSWER_S + 60) -> dict[str, Any]:
    async with asyncio.timeout(within_s):
        while (found := await described(stack, uetr))["recalls"][0]["ended_at"] is None:
            await asyncio.sleep(0.2)
    return found


async def told(stack: Stack, uetr: str, definition: str) -> list[dict[str, Any]]:
    """Messages of this kind about a payment that the payer's bank has got; it waits for one."""
    async with asyncio.timeout(60):
        while not (
            found := [
                m["message"]["Document"]
                for m in await inbox(stack, "asha-bank")
                if m["uetr"] == uetr and m["definition"].startswith(definition)
            ]
        ):
            await asyncio.sleep(0.2)
    return found


async def to_indirect_bank(stack: Stack) -> str:
    state = await pay(stack, payment(stack, MEZAN, iban("MEZN")))
    assert state.status == "ACCC", state
    return str(state.uetr)


@pytest.mark.parametrize("reason", ["DUPL", pytest.param("TECH", marks=pytest.mark.long)])
async def test_a_recall_goes_over_the_rail_and_the_money_comes_back(stack: Stack, reason: str) -> None:
    uetr = await to_indirect_bank(stack)
    first = await asked(stack, uetr, reason)
    found = await until_ended(stack, uetr)
    (returned,) = await told(stack, uetr, "pacs.004")

    assert (first["over_rail"], first["reason"]) == (True, reason)
    assert (found["recalls"][0]["state"], found["returned"]) == ("returned", True)
    assert returned["PmtRtr"]["TxInf"][0]["RtrRsnInf"] == [{"Rsn": {"Cd": "FOCR"}}]
    kinds = [m["definition"][:8] for m in await inbox(stack, "asha-bank") if m["uetr"] == uetr]
    assert kinds == ["pacs.004"], "the return is the answer"


async def test_a_rejection_over_the_rail_reaches_the_payers_bank_with_its_reason(stack: Stack) -> None:
    uetr = await to_indirect_bank(stack)
    await asked(stack, uetr, "CUST")
    found = await until_ended(stack, uetr)
    (answer,) = await told(stack, uetr, "camt.029")
    await asyncio.sleep(2)

    assert [found["recalls"][0][name] for name in ("state", "code")] == ["rejected", "CUST"]
    resolution = answer["RsltnOfInvstgtn"]
    assert resolution["Sts"]["Conf"] == "RJCR"
    (details,) = resolution["CxlDtls"][0]["TxInfAndSts"]
    assert details["CxlStsRsnInf"] == [{"Rsn": {"Cd": "CUST"}}]
    assert details["OrgnlUETR"] == uetr
    assert len(await told(stack, uetr, "camt.029")) == 1
    assert not found["returned"]


@pytest.mark.long
@pytest.mark.parametrize("over_rail", [True, False])
async def test_a_recall_that_nobody_answers_ends_with_noas(stack: Stack, over_rail: bool) -> None:
    uetr = await to_indirect_bank(stack) if over_rail else (await paid(stack))["uetr"]
    first = await asked(stack, uetr, "NARR")
    found = await until_ended(stack, uetr)
    (answer,) = await told(stack, uetr, "camt.029")

    assert first["over_rail"] is over_rail
    assert [found["recalls"][0][name] for name in ("state", "code")] == ["unanswered", "NOAS"]
    (details,) = answer["RsltnOfInvstgtn"]["CxlDtls"][0]["TxInfAndSts"]
    assert details["CxlStsRsnInf"] == [{"Rsn": {"Cd": "NOAS"}}]


async def test_the_creditor_agents_own_answer_ends_a_recall_over_the_switch(stack: Stack) -> None:
    uetr = (await paid(stack))["uetr"]
    first = await asked(stack, uetr, "CUST")
    details = {"OrgnlUETR": uetr, "CxlStsRsnInf": [{"Rsn": {"Cd": "CUST"}}]}
    no = {
        "RsltnOfInvstgtn": {
            "Assgnmt": assignment(),
            "Sts": {"Conf": "RJCR"},
            "CxlDtls": [{"TxInfAndSts": [details]}],
        }
    }
    status, _ = await post(stack, "indus-bank", "camt.029", "camt.029.001.09", no)
    found = await until_ended(stack, uetr)

    assert (status, first["over_rail"]) == (202, False)
    assert [found["recalls"][0][name] for name in ("state", "code")] == ["rejected", "CUST"]
    assert len(await told(stack, uetr, "camt.029")) == 1


async def agreed_and_not_paid(stack: Stack, *payments: str) -> None:
    """The payee's bank agrees to recalls over the switch, and pays nothing until their time is over."""
    for uetr in payments:
        await asked(stack, uetr, "CUST")
        yes = {
            "RsltnOfInvstgtn": {
                "Assgnmt": assignment(),
                "Sts": {"Conf": "CNCL"},
                "CxlDtls": [{"TxInfAndSts": [{"OrgnlUETR": uetr}]}],
            }
        }
        assert (await post(stack, "indus-bank", "camt.029", "camt.029.001.09", yes))[0] == 202
        assert (await described(stack, uetr))["recalls"][0]["state"] == "agreed"
        with pytest.raises(AssertionError, match="agreed and is not paid after its time"):
            await stack.agreed("recall.end", {"uetr": uetr, "evidence": "letter 12"})
    for uetr in payments:
        async with asyncio.timeout(ANSWER_S + 60):
            while not await cases_of(stack, uetr):
                await asyncio.sleep(0.2)


async def cases_of(stack: Stack, uetr: str, state: str = "open") -> list[dict[str, Any]]:
    async with (
        aiohttp.ClientSession(stack.url, headers=stack._bearer("operator")) as http,
        http.get("/v1/cases", params={"state": state, "limit": "200"}) as answer,
    ):
        found = await answer.json()
    return [case for case in found if (case["subject"]["type"], case["uetr"]) == ("recall", uetr)]


async def test_a_recall_that_was_agreed_and_not_paid_is_a_case_with_an_end(stack: Stack) -> None:
    """Without an end by itself: its money comes after all, or two people end it; the payer's bank is told."""
    late, never = [(await paid(stack))["uetr"] for _ in range(2)]
    await agreed_and_not_paid(stack, late, never)
    (case,) = await cases_of(stack, never)
    open_ = (await described(stack, never))["recalls"][0]

    await returned(stack, late)
    first = await until_ended(stack, late)
    await stack.agreed("recall.end", {"uetr": never, "evidence": "letter 12 of the bank"})
    second = await until_ended(stack, never)
    async with asyncio.timeout(60):  # beside the bank's own camt.029, which agreed
        while len(answers := await told(stack, never, "camt.029")) < 2:
            await asyncio.sleep(0.2)
    (answer,) = [each for each in answers if each["RsltnOfInvstgtn"]["Sts"]["Conf"] == "RJCR"]
    with pytest.raises(AssertionError, match="agreed and is not paid after its time"):
        await stack.agreed("recall.end", {"uetr": never, "evidence": "letter 13"})

    assert (open_["state"], open_["ended_at"]) == ("agreed", None)
    assert (case["kind"], case["participant"]) == ("exception", "indus-bank")
    assert case["due_at"]
    assert first["recalls"][0]["state"] == "returned"
    assert [second["recalls"][0][name] for name in ("state", "code")] == ["unpaid", "NARR"]
    (details,) = answer["RsltnOfInvstgtn"]["CxlDtls"][0]["TxInfAndSts"]
    assert details["CxlStsRsnInf"] == [{"Rsn": {"Cd": "NARR"}}]
    for uetr in (late, never):
        async with asyncio.timeout(60):
            while not await cases_of(stack, uetr, "closed"):
                await asyncio.sleep(0.2)
    assert {
        (row["uetr"], row["kind"], row["state"], row["owed_by"]) for row in await reported(stack, late, never)
    } == {
        (late, "recall", "returned", None),
        (late, "return", "returned", None),
        (never, "recall", "agreed, and ended without the money", "indus-bank"),
    }
    (unpaid,) = await reported(stack, never)
    assert re.fullmatch("change [0-9]+", unpaid["ended_by"])


async def reported(stack: Stack, *uetrs: str, country: str = "PK") -> list[dict[str, Any]]:
    """The exceptions of these payments, as the central bank of a country has them: that of the payee."""
    now = datetime.now(UTC)
    period = {
        "since": (now - timedelta(hours=1)).isoformat(),
        "until": (now + timedelta(hours=1)).isoformat(),
    }
    async with aiohttp.ClientSession(
        stack.url, headers=bearer(stack, f"regulator-{country.lower()}")
    ) as http:
        async with http.get("/v1/reports/exceptions", params=period) as answer:
            assert answer.status == 200, await answer.text()
            found = (await answer.json())["rows"]
    return [row for row in found if row["uetr"] in uetrs]


async def returned(stack: Stack, uetr: str) -> None:
    """The payee's bank gives the whole payment back."""
    found = await described(stack, uetr)
    credit = found["credited_amount"]
    document = given_back(uetr, credit["amount"], credit["currency"])
    status, answer = await post(stack, "indus-bank", "pacs.004", "pacs.004.001.09", document)
    assert status == 200, answer


@pytest.fixture(scope="module")
def dying() -> Iterator[Stack]:
    """A switch whose caretaker is killed at each point of a recall about every sixth time, and starts again."""
    os.environ["PAYSWITCH_FAILPOINTS"] = ",".join(f"{name}:kill@0.15" for name in failpoints.OF_RECALLS)
    try:
        with scratch.directory() as directory:
            settings = Settings(data=directory, sandbox=True, rails=("IN", "PK"), port=0, **HURRY)
            # With a fork server of its own, whose environment has the failpoints.
            with running(settings, lambda _: None) as supervisor:
                del os.environ["PAYSWITCH_FAILPOINTS"]
                stack = Stack(supervisor)
                asyncio.run(set_up(stack))
                yield stack
    finally:
        os.environ.pop("PAYSWITCH_FAILPOINTS", None)


@pytest.mark.chaos
@pytest.mark.long
@pytest.mark.timeout(2000)
async def test_a_caretaker_that_dies_at_every_point_of_a_recall_ends_each_once(dying: Stack) -> None:
    reasons = ["DUPL", "CUST"] * 2
    uetrs = [await to_indirect_bank(dying) for _ in reasons]
    ended = []  # one after the other: each death ends the round of all that are asked at once
    for uetr, reason in zip(uetrs, reasons, strict=True):
        await asked(dying, uetr, reason)
        ended.append(await until_ended(dying, uetr, within_s=480))
    answers = {"DUPL": "pacs.004", "CUST": "camt.029"}
    for uetr, reason in zip(uetrs, reasons, strict=True):
        await told(dying, uetr, answers[reason])
    await asyncio.sleep(3)
    messages = await inbox(dying, "asha-bank")

    assert [each["recalls"][0]["state"] for each in ended] == ["returned", "rejected"] * 2
    for uetr, reason in zip(uetrs, reasons, strict=True):
        kinds = [m["definition"][:8] for m in messages if m["uetr"] == uetr]
        assert kinds == [answers[reason]], (reason, kinds)


@pytest.mark.parametrize(
    ("reason", "days", "is_late"),
    [
        ("DUPL", 13.9, False),
        ("DUPL", 14.1, True),
        ("CUST", 29.9, False),
        ("CUST", 30.1, True),
        ("", 30.1, True),
        ("FRAD", 394.0, False),
        ("FRAD", 396.0, True),
    ],
)
def test_the_age_and_the_reason_decide_whether_a_payment_is_recalled(
    reason: str, days: float, is_late: bool
) -> None:
    assert bool(late(reason, timedelta(days=days))) is is_late


def test_the_decision_table_of_the_docs_is_that_of_the_code() -> None:
    rows = re.findall(
        r"^\| ((?:`[A-Z0-9]{4}`(?:, )?)+|all others) \|.*\| (\d+) days \|", DOCS.read_text(), re.MULTILINE
    )
    stated = {
        reason: float(days)
        for reasons, days in rows
        for reason in (re.findall(r"`(\w+)`", reasons) or ["all others"])
    }

    assert stated == {**WITHIN_DAYS, "all others": OTHER_DAYS}
