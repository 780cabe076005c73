"""Outages of the caretaker and of a rail, longer than expiry and grace, and what a rail says too late."""

import asyncio
import contextlib
import copy
import json
import signal
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import aiohttp
import psutil
import pytest

from ledger.roles import Login
from schemas import codec, credit_transfer
from schemas.errors import DuplicateUetr, Unavailable
from schemas.payment import CreditTransfer
from switch.api.receiving import Received, _accepted_or_known
from switch.base import personal_data
from switch.base.database import connect_pool
from switch.clients.python import AsyncClient, PaymentState
from switch.operations import verify
from switch.payments import rails
from switch.payments.directory import Directory, Participant
from switch.payments.dispatch import Dispatcher
from switch.payments.intake import Intake
from switch.payments.rails import SILENT_MAX
from switch.payments.screening import Screening
from switch.writer.commands import Advance
from tests import tiers
from tests.switch.stack import Stack, started

EXPIRY_S, SCALE = 4.0, 0.05
WITHIN_S = 120.0


@pytest.fixture(scope="module")
def away() -> Iterator[Stack]:
    """Orders that expire soon."""
    with started(time_scale=SCALE, payment_expiry_s=EXPIRY_S) as stack:
        yield stack


@contextlib.asynccontextmanager
async def stopped(*words: str) -> AsyncIterator[None]:
    """Those of our processes whose command or name has all the words stand still; longer than expiry and grace."""
    found = [p for p in psutil.Process().children(recursive=True) if set(words) <= set(_words(p))]
    assert found, words
    for process in found:
        process.send_signal(signal.SIGSTOP)
    try:
        yield
        await asyncio.sleep(EXPIRY_S + 60 * SCALE + 6)
    finally:
        for process in found:
            process.send_signal(signal.SIGCONT)


def _words(process: psutil.Process) -> Sequence[str]:
    with contextlib.suppress(psutil.Error):
        return " ".join((*process.cmdline(), process.name())).split()
    return ()


async def ended(client: AsyncClient, uetr: str) -> PaymentState:
    async with asyncio.timeout(WITHIN_S):
        while not (state := await client.payment(uetr, wait=2)).final:
            pass
    return state


async def checks(stack: Stack) -> dict[str, bool]:
    connection = await stack.connect()
    try:
        return {r.name: r.ok async for r in verify.verify(connection, stack.settings.rails_directory, None)}
    finally:
        await connection.close()


async def test_a_repeat_has_its_payments_state_while_its_rail_is_away(away: Stack) -> None:
    """It got 503: whether the rail answers was looked at before the UETR was."""
    document = away.document("asha-bank", "indus-bank")
    async with away.client("asha-bank") as client:
        await client.pay(document, wait=20)
    changed = copy.deepcopy(document)
    changed["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]["Cdtr"]["Nm"] = "Somebody Else"
    async with taking(away) as (runtime, sender):
        for _ in range(SILENT_MAX):
            runtime.rails["PK"].breaker.count_exchange(answered=False)
        again = await _accepted_or_known(*received(runtime, document, sender))
        with pytest.raises(Unavailable):
            await _accepted_or_known(*received(runtime, away.document("asha-bank", "indus-bank"), sender))
        with pytest.raises(DuplicateUetr):
            await _accepted_or_known(*received(runtime, changed, sender))

    assert (again.known, again.state) == (True, "COMMITTED")


def received(runtime: Any, document: dict[str, Any], sender: Participant) -> tuple[Received, CreditTransfer]:
    """A message as a worker has received it, without a wait."""
    message, payment = read(document)
    return Received(runtime, message, sender, "application/json", 0.0), payment


def read(document: dict[str, Any]) -> tuple[codec.Message, CreditTransfer]:
    message = codec.decode(json.dumps(document).encode(), media_type=codec.JSON, expect="pacs.008")
    return message, credit_transfer.read(message)


@contextlib.asynccontextmanager
async def taking(stack: Stack) -> AsyncIterator[tuple[Any, Participant]]:
    """What an API worker takes payments in with, here."""
    pool = await connect_pool(stack.settings, Login.API)
    link = stack.link()
    await link.start()
    known = rails.connect(stack.settings, pool)
    directory = Directory(pool)
    await directory.refresh()
    dispatcher = Dispatcher(link, SCALE, EXPIRY_S)
    keys = personal_data.load(stack.settings.personal_data_keys)
    intake = Intake(
        stack.settings, directory, known, link, dispatcher, Screening(stack.settings, pool, directory, keys)
    )
    try:
        yield SimpleNamespace(intake=intake, pool=pool, rails=known), directory.now.by_id["asha-bank"]
    finally:
        await dispatcher.drain()
        for rail in known.values():
            await rail.adapter.close()
        await link.stop()
        await pool.close()


@pytest.mark.parametrize("word", tiers.some(["UNKFND", "SILENT"], "SILENT"))
@pytest.mark.long
async def test_a_stopped_caretaker_gives_no_money_away(away: Stack, word: str) -> None:
    """The first "not found" after the stop was believed: aborted here, credited there."""
    async with away.client("asha-bank") as client:
        async with stopped("switch.processes.caretaker"):
            first = [
                await client.pay(away.document("asha-bank", "indus-bank", word=word), wait=0)
                for _ in range(4)
            ]
        last = [await ended(client, payment.uetr) for payment in first]

    assert {payment.status for payment in last} == {"ACCC"}
    assert (await checks(away))["I5 agreement"]


@pytest.mark.long
async def test_an_outage_of_a_rail_uses_up_no_enquiry_and_ends_with_an_answer(away: Stack) -> None:
    """UPI allows three: an outage of the rail used them up, and its payments waited for people.

    Two of them wait for people here: they too are asked about again when the rail is back.
    """
    async with away.client("indus-bank") as client:
        first = [
            await client.pay(away.document("indus-bank", "asha-bank", word="SILENT"), wait=0)
            for _ in range(4)
        ]
        async with stopped("rail-IN"):
            await left_to_people(away, [payment.uetr for payment in first[:2]])
        last = [await ended(client, payment.uetr) for payment in first]

    assert {payment.status for payment in last} == {"ACCC"}


async def left_to_people(stack: Stack, uetrs: Sequence[str]) -> None:
    """The writer loses its connection, and reads what the database says of them."""
    connection = await stack.connect()
    theirs = "FROM switch.open_payment WHERE uetr = ANY($1) AND state = 'UNKNOWN'"
    async with asyncio.timeout(WITHIN_S):
        while await connection.fetchval(f"SELECT count(*) {theirs}", list(map(UUID, uetrs))) != len(uetrs):
            await asyncio.sleep(0.1)
    await connection.execute(
        "UPDATE switch.open_payment SET due_at = NULL WHERE uetr = ANY($1)", [UUID(uetr) for uetr in uetrs]
    )
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'payswitch writer%'"
    )
    await connection.close()


async def test_what_a_rail_did_after_its_refusal_is_a_break_and_no_agreement(away: Stack) -> None:
    """`verify` took the rail's late "done" for agreement, since the contradiction was on record."""
    before = await checks(away)
    async with away.client("asha-bank") as client:
        first = await client.pay(away.document("asha-bank", "indus-bank", word="FLIP"), wait=0)
        assert (await ended(client, first.uetr)).status == "RJCT"
    number = await break_of(away, first.uetr, "credited_but_aborted")
    during = await checks(away)
    await agreed(away, "break.resolve", {"number": number, "resolution": "the rail took it back"})
    after = await checks(away)

    assert [said["I5 agreement"] for said in (before, during, after)] == [True, False, True]
    assert [said["I8 reconciliation"] for said in (before, during, after)] == [True, False, True]


async def test_money_that_a_rail_gives_back_after_it_was_posted_has_an_owner_and_an_end(away: Stack) -> None:
    """A pacs.004 of the rail for a posted payment was counted, and nothing ended it."""
    async with away.client("asha-bank") as client:
        paid = await client.pay(away.document("asha-bank", "indus-bank"), wait=20)
        await said_by_rail(away, Advance(UUID(paid.uetr).bytes, "REJECT", rail="PK", rail_code="AC04"))
        number = await break_of(away, paid.uetr, "refused_but_committed")
        before = await client.payment(paid.uetr)
        await agreed(away, "break.return", {"number": number, "evidence": "pacs.004"})
        after = await client.payment(paid.uetr)

    assert (before.returned, after.returned) == (False, True)
    assert (after.status, after.detail) == ("ACCC", "returned NARR")
    assert (await checks(away))["I8 reconciliation"]


async def test_a_participant_that_was_sent_another_outcome_is_named(away: Stack, tmp_path: Path) -> None:
    """`verify` looked only for whether a payment that was acknowledged is here."""
    async with away.client("asha-bank") as client:
        refused = await client.pay(away.document("asha-bank", "indus-bank", word="AC04"), wait=20)
    told = tmp_path / "acknowledged.jsonl"
    connection = await away.connect()
    found = []
    for status in ("RJCT", "PDNG", "ACCC"):
        told.write_text(json.dumps({"uetr": refused.uetr, "status": status}) + "\n")
        found.append((await verify._acknowledged(connection, told)).ok)
    await connection.close()

    assert found == [True, True, False]


async def said_by_rail(stack: Stack, step: Advance) -> None:
    link = stack.link()
    await link.start()
    assert (await link.ask(step)).verdict == "contradiction"
    await link.stop()


async def break_of(stack: Stack, uetr: str, kind: str) -> int:
    connection = await stack.connect()
    try:
        async with asyncio.timeout(WITHIN_S):
            while True:
                number = await connection.fetchval(
                    "SELECT id FROM switch.reconciliation_break"
                    " WHERE uetr = $1 AND kind = $2 AND resolved_at IS NULL",
                    UUID(uetr),
                    kind,
                )
                if number is not None:
                    return int(number)
                await asyncio.sleep(0.2)
    finally:
        await connection.close()


async def agreed(stack: Stack, kind: str, content: dict[str, Any]) -> None:
    """Have two people do it."""
    people = stack.credentials["people"]
    body = {"kind": kind, "content": content, "reason": "test"}
    async with aiohttp.ClientSession(stack.url) as session:
        headers = {"Authorization": f"Bearer {people['operator']['bearer']}"}
        async with session.post("/v1/changes", json=body, headers=headers) as answer:
            number = (await answer.json())["number"]
        headers = {"Authorization": f"Bearer {people['checker']['bearer']}"}
        vote = {"decision": "approve", "reason": "seen"}
        async with session.post(f"/v1/changes/{number}/votes", json=vote, headers=headers) as answer:
            assert (await answer.json())["state"] == "executed", await answer.text()
