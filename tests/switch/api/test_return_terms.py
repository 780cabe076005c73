"""What a pacs.004 and its header state of the return itself binds, when it is too late, and who would pay for it."""

import asyncio
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from tests.switch.api.test_doors import given_back, now, paid, positions, post, wish
from tests.switch.stack import Stack, started

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


@pytest.fixture(scope="module")
def market() -> Iterator[Stack]:
    """A switch whose rates move."""
    with started() as stack:
        yield stack


WITHIN_S = 8


@pytest.fixture(scope="module")
def strict() -> Iterator[Stack]:
    """A switch where a return is late after some seconds."""
    with started(return_within_days=WITHIN_S / 86_400) as stack:
        yield stack


async def set_rate(stack: Stack, rate: Decimal, provider: str) -> None:
    connection = await stack.connect()
    await connection.execute(
        "INSERT INTO switch.fx_rate (source, target, provider, rate) VALUES ('INR', 'PKR', $1, $2)",
        provider,
        rate,
    )
    await connection.close()


async def held_by(stack: Stack, owner: str) -> list[tuple[str, int]]:
    connection = await stack.connect()
    rows = await connection.fetch(
        "SELECT currency::text, (credits_posted - debits_posted)::bigint FROM ledger.account"
        " WHERE owner = $1 AND purpose = 'position' ORDER BY currency",
        owner,
    )
    await connection.close()
    return [tuple(row) for row in rows]


def returning(payment: dict[str, Any]) -> dict[str, Any]:
    credited = payment["credited_amount"]
    return given_back(payment["uetr"], credited["amount"], credited["currency"])


async def answered(stack: Stack, document: dict[str, Any]) -> tuple[int, str, str, str]:
    """HTTP status, transaction status, reason and text of the pacs.002."""
    status, answer = await post(stack, "indus-bank", "pacs.004", "pacs.004.001.09", document)
    (transaction,) = answer["Document"]["FIToFIPmtStsRpt"]["TxInfAndSts"]
    (why,) = transaction.get("StsRsnInf", [{}])
    return status, transaction["TxSts"], why.get("Rsn", {}).get("Cd", ""), "".join(why.get("AddtlInf", []))


async def test_two_banks_took_the_difference_from_the_fx_provider_by_a_late_return(market: Stack) -> None:
    """They paid, waited for the rate to move, returned at the old one, paid again, and shared the difference."""
    payment = await paid(market)
    rate, provider = Decimal(payment["exchange_rate"]), payment["fx_provider"]
    attack, before = returning(payment), await held_by(market, provider)

    await set_rate(market, rate * Decimal("1.2"), provider)
    status, outcome, reason, text = await answered(market, attack)
    assert (status, outcome, reason) == (422, "RJCT", "NARR")
    assert "the FX provider would lose by it" in text
    assert "send a new payment (pacs.008)" in text
    assert await held_by(market, provider) == before

    await set_rate(market, rate * Decimal("0.9"), provider)  # now the provider gains
    assert (await answered(market, attack))[:2] == (200, "ACSC")
    after = await held_by(market, provider)
    assert after != before

    await set_rate(market, rate * Decimal("1.3"), provider)
    assert (await answered(market, attack))[:2] == (200, "ACSC"), "a repeat is answered as before"
    assert (await answered(market, returning(payment)))[2] == "AM05"
    assert await held_by(market, provider) == after
    await set_rate(market, rate, provider)


async def test_a_return_without_a_rate_to_compare_waits_for_one(market: Stack) -> None:
    payment = await paid(market)
    rate, provider = Decimal(payment["exchange_rate"]), payment["fx_provider"]
    await set_rate(market, rate, "ganga-bank")
    status, outcome, reason, text = await answered(market, returning(payment))
    await set_rate(market, rate, provider)
    again = await answered(market, returning(payment))

    assert (status, outcome, reason) == (422, "RJCT", "AM03")
    assert "quotes no rate" in text
    assert again[:2] == (200, "ACSC")


@pytest.mark.long
async def test_a_late_return_is_refused_and_one_that_was_made_in_time_is_answered_as_before(
    strict: Stack,
) -> None:
    """A return had no bound: the option of the two banks never ended."""
    first = await paid(strict)
    in_time = returning(first)
    assert (await answered(strict, in_time))[:2] == (200, "ACSC")
    second = await paid(strict)
    await asyncio.sleep(WITHIN_S)
    before = await positions(strict, "indus-bank")

    status, outcome, reason, text = await answered(strict, returning(second))

    assert (status, outcome, reason) == (422, "RJCT", "TM01")
    assert "days ago" in text
    assert "send a new payment (pacs.008)" in text
    assert (await answered(strict, in_time))[:2] == (200, "ACSC")
    assert await positions(strict, "indus-bank") == before
