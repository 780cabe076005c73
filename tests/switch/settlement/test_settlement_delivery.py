"""Instructions through a settlement agent's door: a real socket, a real simulated agent, and every way to fail."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import asyncpg
import pytest
import pytest_asyncio
from aiohttp import web

from adapters.simulation.book import Book, EntryStatus
from adapters.simulation.sandbox import free_port
from adapters.simulation.settlement_agent import CONFIRMATIONS, SettlementAgent
from schemas.errors import OutcomeUnknown
from schemas.signing import http_signatures, jws
from schemas.signing.keys import SigningKey
from switch.settlement import day, delivery, reads
from switch.settlement.files import SettlementFiles
from switch.settlement.proofs import ConfirmationProof
from switch.settlement.states import LineState, SettlementState
from switch.writer.context import ServiceContext
from tests.switch.services import balance, confirmed, done, onboarding, open_services
from tests.switch.settlement.test_settlement_day import FUNDS, instructed, line, state

KEY = SigningKey.generate("reserve-1")


@dataclass
class Door:
    """The agent and what came through its door; what it says to the switch is heard here."""

    services: ServiceContext
    agent: SettlementAgent
    url: str
    owner: asyncpg.Connection
    received: list[bytes]
    heard: asyncio.Queue[tuple[bytes, str]]

    async def hear(self) -> day.Processed:
        """The agent's next word, taken in as the API does."""
        async with asyncio.timeout(60):
            raw, signature = await self.heard.get()
        return await confirmed(self.services, raw, signature=signature)

    async def fault(self, word: str) -> None:
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.url}/faults", data=word) as answer,
        ):
            assert answer.status == 204

    async def later(self) -> None:
        """Time passes: what waits is due."""
        await self.owner.execute(
            "UPDATE switch.settlement_delivery SET due_at = clock_timestamp() WHERE due_at IS NOT NULL"
        )

    async def row(self) -> tuple[str, str]:
        found = await self.owner.fetchrow("SELECT state, detail FROM switch.settlement_delivery")
        return found["state"], found["detail"]


@contextlib.asynccontextmanager
async def served(application: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(application)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


@pytest_asyncio.fixture
async def door(database_url: str) -> AsyncIterator[Door]:
    heard: asyncio.Queue[tuple[bytes, str]] = asyncio.Queue()

    async def listen(request: web.Request) -> web.Response:
        raw = await request.read()
        await heard.put((raw, request.headers["Signature"]))
        return web.Response(status=200)

    switch = web.Application()
    switch.router.add_post(CONFIRMATIONS, listen)
    async with open_services(database_url) as services, served(switch) as address:
        for bank in ("asha-bank", "ganga-bank", "reserve"):
            await done(services, "participant.onboard", onboarding(bank))
        for bank in ("asha-bank", "ganga-bank"):
            funds = {"participant": bank, "currency": "INR", "amount": "1000.00", "reference": f"of {bank}"}
            await done(services, "funds.in", funds)
        book = Book(services.data / "agent" / "book.jsonl")
        agent = SettlementAgent(book, KEY, address, SettlementFiles(services.data).public_key)
        received: list[bytes] = []

        @web.middleware
        async def record(request: web.Request, handler):  # type: ignore[no-untyped-def]
            if request.path == "/":
                received.append(await request.read())
            return await handler(request)

        application = agent.application()
        application.middlewares.append(record)
        async with served(application) as url:
            owner = await asyncpg.connect(database_url)
            await owner.execute(
                "INSERT INTO switch.settlement_agent VALUES ('INR', 'reserve', 'PSWTKZKA', 'SCHEMEINR', $1)",
                url,
            )
            yield Door(services, agent, url, owner, received, heard)
            await owner.close()
        book.close()


async def a_window(door: Door) -> int:
    window = await instructed(door.services, ("asha-bank", "ganga-bank", 300_00))
    await delivery.deliver(door.services)
    return window


async def moved(door: Door) -> dict[str, int]:
    return {
        e.account: e.amount_minor for e in door.agent.book.entries.values() if e.outcome is EntryStatus.DONE
    }


async def test_an_instruction_goes_through_the_endpoint_and_the_agents_confirmation_settles_the_day(
    door: Door,
) -> None:
    window = await a_window(door)
    taken = await door.hear()
    again = await confirmed(door.services, (await confirmation(door))[0], signature="once more")
    await day.run_due(door.services)
    await door.later()
    await delivery.deliver(door.services)
    file = (await reads.find(door.services.pool, window)).file
    assert file is not None

    assert taken.settled == again.known == ("asha-bank", "ganga-bank")
    assert await state(door.services, window) is SettlementState.SETTLED
    assert await moved(door) == {"ASHAINBB": -300_00, "GANGINBB": 300_00}
    assert await balance(door.services, "asha-bank") == await balance(door.services, "ganga-bank") == FUNDS
    assert door.received == [SettlementFiles(door.services.data).read(file)[0]]


async def confirmation(door: Door) -> tuple[bytes, str]:
    """What the agent said, from the evidence."""
    body: bytes = await door.owner.fetchval("SELECT body FROM switch.settlement_confirmation")
    return body, "application/xml"


async def test_a_refusal_of_the_agent_holds_the_lines(door: Door) -> None:
    await door.fault("AM04")
    window = await a_window(door)
    taken = await door.hear()

    assert taken.held == ("asha-bank", "ganga-bank")
    assert await moved(door) == {}
    assert (await line(door.services, window, "asha-bank")).reason == "the agent rejected it: AM04"


@pytest.mark.parametrize("word", ["SILENT", "HTTP502"])
async def test_an_inconclusive_answer_is_enquired_and_never_sent_again(door: Door, word: str) -> None:
    await door.fault(word)
    window = await a_window(door)
    in_doubt = await door.row()
    lines = [(await line(door.services, window, name)).state for name in ("asha-bank", "ganga-bank")]
    await door.later()
    await delivery.deliver(door.services)
    taken = await door.hear()

    assert in_doubt == (("TAKEN", "http 202") if word == "SILENT" else ("SENT", "http 502"))
    assert lines == [LineState.INSTRUCTED, LineState.INSTRUCTED]
    assert [b"FICdtTrf" in raw for raw in door.received] == [True, False]
    assert taken.settled == ("asha-bank", "ganga-bank")
    assert await moved(door) == {"ASHAINBB": -300_00, "GANGINBB": 300_00}


async def test_what_the_agent_does_not_have_is_handed_over_again_with_the_same_bytes(door: Door) -> None:
    """A crash after the intent was written and before the socket was touched."""
    window = await instructed(door.services, ("asha-bank", "ganga-bank", 300_00))
    await door.owner.execute("UPDATE switch.settlement_delivery SET state = 'SENT'")
    for _ in range(2):
        await door.later()
        await delivery.deliver(door.services)
    taken = await door.hear()
    body = await door.owner.fetchval(
        "SELECT body FROM switch.settlement_instruction WHERE settlement_window = $1", window
    )

    assert [b"FIToFIPmtStsReq" in raw for raw in door.received] == [True, False]
    assert door.received[1] == body
    assert taken.settled == ("asha-bank", "ganga-bank")


async def test_an_agent_that_took_it_and_lost_it_is_for_people(door: Door) -> None:
    """It said 202 and then that it does not have it: nothing is sent again, nothing is freed."""
    await door.fault("LOST")
    window = await a_window(door)
    for _ in range(delivery.TIMING.enquiries_max + 3):
        await door.later()
        await delivery.deliver(door.services)
    notes = await door.owner.fetchval(
        "SELECT count(*) FROM switch.audit_note WHERE kind = 'SETTLEMENT_UNANSWERED'"
    )

    assert sum(b"FICdtTrf" in raw for raw in door.received) == 1
    assert len(door.received) == 1 + delivery.TIMING.enquiries_max
    assert notes == 1
    assert await door.row() == ("TAKEN", "http 404")
    assert (await line(door.services, window, "asha-bank")).state is LineState.INSTRUCTED


async def test_an_outage_of_the_agent_uses_up_no_enquiry(door: Door) -> None:
    """Two hours of it used them all up: the window waited for people, though the agent was back."""
    await door.fault("SILENT")
    await a_window(door)
    there = await door.owner.fetchval("SELECT door FROM switch.settlement_delivery")
    await door.owner.execute("UPDATE switch.settlement_delivery SET door = 'http://127.0.0.1:1'")
    for _ in range(delivery.TIMING.enquiries_max + 3):
        await door.later()
        await delivery.deliver(door.services)
    used = await door.owner.fetchval("SELECT enquiries FROM switch.settlement_delivery")
    await door.owner.execute("UPDATE switch.settlement_delivery SET door = $1", there)
    await door.later()
    await delivery.deliver(door.services)

    assert used == 0
    assert (await door.hear()).settled == ("asha-bank", "ganga-bank")


async def test_an_endpoint_that_is_away_is_tried_again(door: Door) -> None:
    await door.owner.execute("UPDATE switch.settlement_agent SET door = 'http://127.0.0.1:1'")
    await a_window(door)
    away = await door.row()
    await door.owner.execute("UPDATE switch.settlement_delivery SET door = $1", door.url)
    await door.later()
    await delivery.deliver(door.services)

    assert away == ("DUE", "connect")
    assert (await door.hear()).settled == ("asha-bank", "ganga-bank")


async def test_two_caretakers_at_once_hand_it_over_once(door: Door) -> None:
    await instructed(door.services, ("asha-bank", "ganga-bank", 300_00))
    await asyncio.gather(*(delivery.deliver(door.services) for _ in range(6)))

    assert len(door.received) == 1


async def test_the_endpoint_accepts_only_what_the_switch_signed(door: Door) -> None:
    forged = jws.sign(SigningKey.generate(SettlementFiles(door.services.data).public_key.keyid), b"<x/>")
    async with (
        aiohttp.ClientSession() as session,
        session.post(door.url, data=b"<x/>", headers={delivery.SIGNATURE: forged}) as answer,
    ):
        assert answer.status == 401


async def test_a_notification_that_a_crash_interrupted_is_processed(door: Door) -> None:
    """It was taken in, and the process died before its first line was posted."""
    window = await a_window(door)
    async with asyncio.timeout(60):
        raw, signature = await door.heard.get()

    with contextlib.suppress(OutcomeUnknown), pytest.MonkeyPatch.context() as patch:
        patch.setattr(day, "_RESULT_WITHIN_S", 0)
        await day.confirm(door.services, "reserve", raw, "application/xml", ConfirmationProof(signature))
    before = (await line(door.services, window, "asha-bank")).state
    await day.process_confirmations(door.services)
    await day.process_confirmations(door.services)

    assert before is LineState.INSTRUCTED
    assert (await line(door.services, window, "asha-bank")).state is LineState.SETTLED
    assert await door.owner.fetchval("SELECT count(taken_at) FROM switch.settlement_confirmation") == 1


async def test_the_confirmation_of_the_instructed_agent_counts_after_its_replacement(
    door: Door,
) -> None:
    await a_window(door)
    other = {
        **onboarding("indus-bank"),
        "kind": "settlement_agent",
        "accounts": [],
        "id": "other",
        "keys": [],
    }
    await done(door.services, "participant.onboard", other)
    named = {"currency": "INR", "agent": "other", "scheme_bic": "PSWTKZKA", "account": "SCHEMEINR"}
    await done(door.services, "settlement_agent.set", named, checkers=("chen", "ravi"))
    async with asyncio.timeout(60):
        raw, signature = await door.heard.get()
    stranger = await confirmed(door.services, raw, agent="other", signature=signature)
    taken = await confirmed(door.services, raw, signature=signature)

    assert (stranger.settled, stranger.unmatched) == ((), 2)
    assert taken.settled == ("asha-bank", "ganga-bank")


def test_the_agent_signs_as_the_switch_verifies() -> None:
    """The simulated agent's requests are those of RFC 9421 that the API takes."""
    headers = http_signatures.sign(
        KEY,
        method="POST",
        authority="127.0.0.1:1",
        path=CONFIRMATIONS,
        content_type="application/xml",
        body=b"<x/>",
        now=1,
        nonce="n" * 32,
    )

    assert {"Signature", "Signature-Input", "Content-Digest"} <= headers.keys()
