"""What a rail gives back after it was credited: booked as a return by rule, or left to two people."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp
import asyncpg
import pytest

from adapters import keys
from adapters import uetr as uetrs
from adapters.iso20022 import envelope
from adapters.iso20022.dialect import IsoParticipant
from adapters.pakistan.messages import DIALECT
from switch.payments.rail_connection import file_of
from switch.writer.commands import GivenBack
from switch.writer.verdicts import Verdict
from tests.switch.stack import Stack

WITHIN_S = 60.0
PAID = "1000.00"
_BREAK = (
    "SELECT id, detail, owner, resolution, resolved_at IS NOT NULL AS resolved FROM switch.reconciliation_break"
    " WHERE uetr = $1 AND kind = 'returned_by_rail' ORDER BY id"
)
_ENTRIES = (
    "SELECT l.debit, l.credit, sum(l.amount) FROM ledger.leg AS l JOIN ledger.transfer AS t USING (number)"
    " WHERE t.id = $1 OR t.corrects = (SELECT number FROM ledger.transfer WHERE id = $1) GROUP BY 1, 2"
)


@dataclass
class Raast:
    """The simulated rail of Pakistan as it speaks to the switch, with its own key."""

    stack: Stack

    def message(self, uetr: str, amount: str, *, reference: str, reason: str = "AC04") -> bytes:
        """A signed pacs.004."""
        place = file_of(self.stack.settings.rails_directory, "PK")
        us = IsoParticipant.of(json.loads(place.read_text())["identity"])
        key = keys.private((place.parent / "rail.key").read_bytes())
        at = datetime.now(UTC)
        given = {"Ccy": "PKR", "Amt": amount}
        transaction = {
            "RtrId": reference,
            "OrgnlEndToEndId": uetrs.to_hex(uetr),
            "OrgnlTxId": uetrs.to_hex(uetr),
            "OrgnlUETR": uetr,
            "RtrdIntrBkSttlmAmt": given,
            "RtrRsnInf": [{"Rsn": {"Cd": reason}}],
        }
        group = {
            "MsgId": reference,
            "CreDtTm": at.isoformat(timespec="milliseconds"),
            "NbOfTxs": "1",
            "SttlmInf": {"SttlmMtd": "CLRG"},
        }
        header = envelope.IsoHeader(us.operator, us.bic, reference, DIALECT.versions.payment_return, at)
        document = {"PmtRtr": {"GrpHdr": group, "TxInf": [transaction]}}
        return envelope.seal(envelope.write(DIALECT.envelope, header, document), key, at)

    async def gives_back(self, raw: bytes) -> int:
        async with aiohttp.ClientSession() as session:
            async with session.post(f"{self.stack.url}/rails/PK", data=raw) as answer:
                return answer.status


@asynccontextmanager
async def connected(stack: Stack) -> AsyncIterator[asyncpg.Connection]:
    connection = await stack.connect()
    try:
        yield connection
    finally:
        await connection.close()


async def until(connection: asyncpg.Connection, question: str, *arguments: Any) -> Any:
    async with asyncio.timeout(WITHIN_S):
        while not (found := await connection.fetchval(question, *arguments)):
            await asyncio.sleep(0.1)
    return found


async def paid(stack: Stack, bank: dict[str, str], word: str = "") -> tuple[str, str]:
    """A payment of a bank of its own to Pakistan, credited: its UETR, and the amount credited."""
    document = stack.document("asha-bank", "indus-bank", amount=PAID, word=word)
    transaction = document["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]
    transaction["DbtrAgt"]["FinInstnId"]["BICFI"] = bank["bic"]
    async with stack.client_of(bank) as client:
        payment = await client.pay(document, wait=20)
        assert payment.status == "ACCC", payment
        payment = await client.payment(payment.uetr)
    return payment.uetr, payment.credited_amount.amount


async def test_what_a_rail_gives_back_after_it_was_credited_is_booked_and_its_sender_is_notified(
    stack: Stack,
) -> None:
    """It was a contradiction that only people could end."""
    bank = await stack.add_bank(funds_minor=500_000)
    uetr, _ = await paid(stack, bank, "RETURNED")
    async with connected(stack) as connection, stack.client_of(bank) as client:
        question = "SELECT notified_at IS NOT NULL FROM switch.rail_return AS r JOIN switch.payment AS p"
        await until(connection, f"{question} USING (number) WHERE p.uetr = $1", uuid.UUID(uetr))
        payment = await client.payment(uetr)
        (position,) = [p for p in await client.positions() if p["purpose"] == "position"]
        messages = (await client.read("messages", after="0", limit="100"))["messages"]
        events = (await client.read("events", after="0", limit="500"))["events"]
        (found,) = await connection.fetch(_BREAK, uuid.UUID(uetr))
        sums = await connection.fetch(_ENTRIES, uuid.UUID(uetr))

    assert payment.returned
    assert payment.detail == "returned AC04"
    assert [step["event"] for step in payment.journey][-2:] == ["given_back", "returned"]
    assert position["headroom"] == "5000.00", position
    back = {(row["credit"], row["debit"]): row["sum"] for row in sums}
    assert all(back[row["debit"], row["credit"]] == row["sum"] for row in sums)
    (message,) = [m for m in messages if m["uetr"] == uetr]
    assert message["definition"] == "pacs.004.001.09"
    returned = message["message"]["Document"]["PmtRtr"]["TxInf"][0]
    assert returned["RtrdIntrBkSttlmAmt"] == {"Ccy": "INR", "Amt": PAID}
    assert returned["RtrRsnInf"] == [{"Rsn": {"Cd": "AC04"}}]
    assert {"payment.given_back", "payment.returned"} <= {
        event["type"] for event in events if event["subject"] == uetr
    }
    assert (found["resolved"], found["owner"], found["resolution"]) == (
        True,
        "the switch",
        "booked as a return, by rule",
    )


@pytest.mark.long
async def test_a_return_that_the_rail_repeats_is_booked_and_notified_once(stack: Stack) -> None:
    bank = await stack.add_bank(funds_minor=500_000)
    uetr, credited = await paid(stack, bank)
    raast, reference = Raast(stack), uuid.uuid4().hex
    raw = raast.message(uetr, credited, reference=reference)
    first = [await raast.gives_back(raw) for _ in range(2)]
    async with connected(stack) as connection:
        question = "SELECT count(*) = 1 FROM switch.correspondence WHERE receiver = $1"
        await until(connection, question, bank["id"])
        later = [
            await raast.gives_back(raw),
            await raast.gives_back(raast.message(uetr, credited, reference=reference)),
            await raast.gives_back(raast.message(uetr, "1.00", reference=reference)),
        ]
        await asyncio.sleep(2.5)
        returns = await connection.fetchval(
            "SELECT count(*) FROM ledger.transfer AS t JOIN ledger.transfer AS o ON o.number = t.corrects"
            " WHERE o.id = $1",
            uuid.UUID(uetr),
        )
        told = await connection.fetchval(
            "SELECT count(*) FROM switch.correspondence WHERE receiver = $1", bank["id"]
        )
        noted = await connection.fetchval(
            "SELECT count(*) FROM ledger.event AS e JOIN switch.payment AS p USING (number)"
            " WHERE p.uetr = $1 AND e.kind = 'GIVEN_BACK'",
            uuid.UUID(uetr),
        )

    assert first + later == [200] * 5
    assert (returns, told, noted) == (1, 1, 1)


@pytest.mark.long
async def test_more_than_was_credited_is_left_to_people_with_the_reason(stack: Stack) -> None:
    bank = await stack.add_bank(funds_minor=500_000)
    uetr, _ = await paid(stack, bank)
    more = "99999.00"
    assert await (raast := Raast(stack)).gives_back(raast.message(uetr, more, reference="part-1")) == 200
    async with connected(stack) as connection, stack.client_of(bank) as client:
        question = "SELECT detail LIKE '%left to people%' FROM switch.reconciliation_break WHERE uetr = $1"
        await until(connection, question, uuid.UUID(uetr))
        (found,) = await connection.fetch(_BREAK, uuid.UUID(uetr))
        subject = f"break/{found['id']}"
        await until(connection, "SELECT closed_at IS NULL FROM switch.case_file WHERE subject = $1", subject)
        payment = await client.payment(uetr)
        refused = await requested(stack, "break.return", {"number": found["id"], "evidence": "pacs.004"})
        await stack.agreed("break.resolve", {"number": found["id"], "resolution": "the banks agreed"})
        await until(
            connection, "SELECT closed_at IS NOT NULL FROM switch.case_file WHERE subject = $1", subject
        )

    assert f"{more} PKR" in found["detail"]
    assert found["detail"].endswith(
        "the rail gave back more than is left of what was credited, or another currency"
    )
    assert not payment.returned
    assert refused == (
        422,
        "no open break of a committed payment that its rail rejected, or of which so much is left",
    )


async def requested(stack: Stack, kind: str, content: dict[str, Any]) -> tuple[int, str]:
    body = {"kind": kind, "content": content, "reason": "test"}
    async with aiohttp.ClientSession(stack.url) as session:
        async with session.post("/v1/changes", json=body, headers=stack._bearer("operator")) as answer:
            return answer.status, (await answer.json())["detail"]


async def test_a_return_that_no_rail_signed_is_not_booked(stack: Stack) -> None:
    """A stolen API worker says that a rail gave money back: the caretaker reads the message again."""
    bank = await stack.add_bank(funds_minor=500_000)
    uetr, credited = await paid(stack, bank)
    minor, link = round(float(credited) * 100), stack.link()
    await link.start()
    command = GivenBack(uuid.UUID(uetr).bytes, "PK", "forged-1", minor, "PKR", "AC04", "AC04", 0, b"x", b"")
    noted = await link.ask(command)
    await link.stop()
    async with connected(stack) as connection, stack.client_of(bank) as client:
        question = "SELECT left_because FROM switch.rail_return WHERE reference = 'forged-1'"
        because = await until(connection, question)
        payment = await client.payment(uetr)
        (found,) = await connection.fetch(_BREAK, uuid.UUID(uetr))
        await stack.agreed("break.resolve", {"number": found["id"], "resolution": "forged"})

    assert noted.verdict is Verdict.GIVEN_BACK
    assert because == "the rail's message cannot be verified"
    assert not payment.returned
