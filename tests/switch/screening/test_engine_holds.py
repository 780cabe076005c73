"""An outside engine on a running switch: its hits hold payments, and so does its silence."""

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.switch.screening.engine_server import EngineServer, EngineThread, in_thread
from tests.switch.screening.holds import decide, paying, typed, uetr_of, until
from tests.switch.screening.test_holds import TELLING, final, status
from tests.switch.stack import Stack, scraped

LISTED = "Zebulon Quartermain"


@pytest.fixture(scope="module")
def engine(stack: Stack) -> Iterator[EngineThread]:
    """An engine in the generic form, which every worker asks."""
    with pytest.MonkeyPatch.context() as patch, in_thread(EngineServer({LISTED: "X-1"})) as thread:
        patch.setenv("PAYSWITCH_DATA", str(stack.settings.data))
        patch.setenv("PAYSWITCH_PORT", str(stack.settings.port))
        patch.setenv("PAYSWITCH_RAILS", json.dumps(stack.settings.rails))
        asyncio.run(use_engine(stack, form="json", address=f"{thread.server.url}/screen", within_ms=7000))
        yield thread
        asyncio.run(use_engine(stack, form="none"))


async def use_engine(stack: Stack, **content: Any) -> None:
    """Put an engine in force, and wait until every worker asks it."""
    done = await decide(stack, "screening.engine", content)
    assert done["state"] == "executed", done
    connection = await stack.connect()
    try:
        since = await connection.fetchval(
            "SELECT extract(epoch FROM max(in_force_from))::float8 FROM switch.screening_engine"
        )
    finally:
        await connection.close()
    await asyncio.sleep(max(0.0, since - time.time()))
    await stack.until_read()


def hits_of(uetr: str) -> Any:
    return typed("screening", "hits", uetr, "--as", "operator")


def silent_payments(stack: Stack) -> float:
    text = scraped(stack.url, stack.settings.metrics_token_file)
    lines = [line for line in text.splitlines() if line.startswith("payswitch_screened_total")]
    return sum(float(line.split()[-1]) for line in lines if 'result="silent"' in line)


async def test_a_payment_passes_if_the_engine_finds_nothing(stack: Stack, engine: EngineThread) -> None:
    document = paying(stack, creditor="Bilal Khan")
    async with stack.client("asha-bank") as client:
        done = await client.pay(document, wait=20)

    assert done.status == "ACCC"
    (asked,) = [one for one in engine.server.seen if one["id"] == uetr_of(document)]
    assert [(one["part"], one["name"]) for one in asked["parties"]] == [
        ("debtor", "Asha Rao"), ("creditor", "Bilal Khan"),
    ]  # fmt: skip


async def test_a_hit_of_the_engine_waits_for_two_people(stack: Stack, engine: EngineThread) -> None:
    document = paying(stack, creditor=LISTED)
    uetr = uetr_of(document)
    async with stack.client("asha-bank") as client:
        assert (await client.pay(document, wait=0)).status == "PDNG"
    found = await asyncio.to_thread(hits_of, uetr)
    done = await decide(stack, "screening.release", {"uetr": uetr})
    ended = await final(stack, uetr)

    assert [(hit["party"], hit["entry"], hit["score"]) for hit in found["hits"]] == [("creditor", "X-1", 97)]
    assert found["engine_silent"] is False
    assert (done["state"], ended["state"]) == ("executed", "COMMITTED")


async def test_silence_holds_payments_and_they_continue_when_the_engine_answers(
    stack: Stack, engine: EngineThread
) -> None:
    before = silent_payments(stack)
    engine.stop()
    try:
        documents = [paying(stack, creditor="Bilal Khan") for _ in range(3)]
        listed, urgent = paying(stack, creditor=LISTED), paying(stack, creditor="Bilal Khan")
        async with stack.client("asha-bank") as client:
            for document in (*documents, listed, urgent):
                assert (await client.pay(document, wait=0)).status == "PDNG"
            shown = await status(stack, uetr_of(urgent))
            assert (await client.pay(urgent, wait=0)).status == "PDNG"  # a repetition is no other payment
        found = await asyncio.to_thread(hits_of, uetr_of(urgent))
        await decide(stack, "screening.release", {"uetr": uetr_of(urgent)}, "paid by hand yesterday")
        released = await final(stack, uetr_of(urgent))
        waiting = [(await status(stack, uetr_of(each)))[1]["state"] for each in (*documents, listed)]
    finally:
        engine.start()
    ends = [(await final(stack, uetr_of(each)))["state"] for each in documents]

    async def is_hit() -> bool:
        return bool((await asyncio.to_thread(hits_of, uetr_of(listed)))["hits"])

    await until(is_hit)
    held = (await status(stack, uetr_of(listed)))[1]["state"]
    await decide(stack, "screening.refuse", {"uetr": uetr_of(listed), "screening": 2})
    refused = await final(stack, uetr_of(listed))

    assert not [word for word in TELLING if word in json.dumps(shown).lower()]
    assert (found["hits"], found["engine_silent"]) == ([], True)
    assert (released["state"], waiting) == ("COMMITTED", ["RECEIVED"] * 4)
    assert (ends, held) == (["COMMITTED"] * 3, "RECEIVED")
    assert (refused["state"], refused["reason"]) == ("ABORTED", "RR04")
    assert silent_payments(stack) >= before + 5


@pytest.mark.long
async def test_a_slow_engine_delays_payments_and_refuses_none(stack: Stack, engine: EngineThread) -> None:
    """After five seconds the writer found the order too old: 503, though the engine had answered in time."""
    answers = []
    try:
        for delay_s in (5.5, 8.0):
            engine.server.delay_s = delay_s
            async with stack.client("asha-bank") as client:
                document = paying(stack, creditor="Bilal Khan")
                answers.append((await client.pay(document, wait=3)).status)
    finally:
        engine.server.delay_s = 0.0
    ended = await final(stack, uetr_of(document))

    assert (answers, ended["state"]) == (["ACCC", "PDNG"], "COMMITTED")


async def test_a_decision_about_a_hit_waits_while_the_engine_is_silent(
    stack: Stack, engine: EngineThread
) -> None:
    document = paying(stack, creditor=LISTED)
    uetr = uetr_of(document)
    async with stack.client("asha-bank") as client:
        assert (await client.pay(document, wait=0)).status == "PDNG"
    engine.stop()
    try:
        await decide(stack, "screening.release", {"uetr": uetr})
        await asyncio.sleep(2)
        waiting = (await status(stack, uetr))[1]["state"]
    finally:
        engine.start()

    assert (waiting, (await final(stack, uetr))["state"]) == ("RECEIVED", "COMMITTED")
