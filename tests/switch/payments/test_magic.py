"""Every magic account, through the whole switch, on all ten rails: how it ends, and that money moves once."""

import asyncio
import json
import re
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID

import aiohttp
import pytest

from adapters import keys, registry
from adapters.china import messages as cnaps
from adapters.china import wire
from adapters.simulation import book as rail_book
from adapters.simulation.magic import Magic
from schemas.money import Money
from switch.clients.python import AsyncClient, PaymentState
from switch.sandbox.corridors import span
from tests.switch.payments.test_originate import control
from tests.switch.stack import Stack

COUNTRIES = registry.countries()
# fmt: off
ENDS = {
    "":             ("COMMITTED", None),
    "AC04":         ("ABORTED", "AC04"),
    "AC01":         ("ABORTED", "AC01"),
    "AM04":         ("ABORTED", "AM04"),
    "RR04":         ("ABORTED", "RR04"),
    "SLOW2":        ("COMMITTED", None),
    Magic.SILENT:   ("COMMITTED", None),
    Magic.DUPCB:    ("COMMITTED", None),
    Magic.OOO:      ("COMMITTED", None),
    Magic.LATE:     ("COMMITTED", None),
    Magic.UNKFND:   ("COMMITTED", None),
    Magic.GARBAGE:  ("COMMITTED", None),
    Magic.CUT:      ("COMMITTED", None),
    Magic.PENDING:  ("COMMITTED", None),
    Magic.WRONGREF: ("COMMITTED", None),
    Magic.BADSIG:   ("COMMITTED", None),
    Magic.HTTP502:  ("COMMITTED", None),
    Magic.FLIP:     ("ABORTED", "MS03"),
    Magic.RETURN:   ("ABORTED", "AC04"),
    Magic.RETURNED: ("COMMITTED", None),  # and given back by rails that can
    Magic.WRONGAMT: ("UNKNOWN", None),   # another amount confirms nothing: people decide
    Magic.LOST:     ("UNKNOWN", None),   # not found, which is no news before its expiry
}
# fmt: on
AT_ONCE = 16
"""A rail to which no connection is made in three seconds refuses rightly: no storm of them on a busy machine."""
WITHIN_S = 240.0
"""A bound for what never ends; the longest takes two enquiries."""
FORGET = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'payswitch writer%'"
)
SOONER = "UPDATE switch.open_payment SET due_at = clock_timestamp() WHERE rail = 'IN' AND state = 'UNKNOWN'"
"""UPI wants ten minutes between two enquiries: two, at the sandbox's pace, and a little more than its grace here."""
_SECOND = f"{SOONER} AND enquiries = 1 AND due_at > clock_timestamp() + interval '3 seconds'"
_FREED = """
    SELECT count(*) FROM switch.open_payment AS open
    JOIN ledger.transfer AS held ON held.id = open.uetr
    JOIN ledger.resolution AS freed ON freed.number = held.number
    WHERE open.state IN ('SENT', 'UNKNOWN')
"""


def test_every_magic_word_has_its_outcome() -> None:
    assert set(Magic) - {Magic.SLOW} <= set(ENDS)


class Banks:
    """A bank of each country, and a client for each."""

    def __init__(self, stack: Stack, clients: dict[str, AsyncClient]) -> None:
        self.stack = stack
        self.clients = clients
        self.gate = asyncio.Semaphore(AT_ONCE)
        self.ids = {p["country"]: p["id"] for p in reversed(stack.credentials["participants"])}

    async def pay(self, country: str, word: str) -> tuple[AsyncClient, PaymentState]:
        """An ordinary amount from the next country's bank to an account of this one's."""
        source = COUNTRIES[(COUNTRIES.index(country) + 1) % len(COUNTRIES)]
        edges, currency = span(source, country), registry.profile(source).currency
        amount = Money(min(edges.least * 1000, edges.most), currency).text
        document = self.stack.document(self.ids[source], self.ids[country], word=word, amount=amount)
        async with self.gate:
            return self.clients[source], await self.clients[source].pay(document, wait=1)


@asynccontextmanager
async def banks_of(stack: Stack) -> AsyncIterator[Banks]:
    async with AsyncExitStack() as opened:
        banks = Banks(stack, {})
        for country, name in banks.ids.items():
            banks.clients[country] = await opened.enter_async_context(stack.client(name))
        yield banks


async def until(client: AsyncClient, uetr: str, states: set[str]) -> PaymentState:
    """A payment, when it is in one of the states."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            payment = await client.payment(uetr, wait=2)
            if payment.state in states:
                return payment


async def until_returned(client: AsyncClient, uetr: str) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not (await client.payment(uetr)).returned:
            await asyncio.sleep(0.2)


async def ended(banks: Banks, country: str, word: str) -> tuple[str, str | None]:
    """How a payment to a word's account ends, and how often the rail credited it."""
    client, first = await banks.pay(country, word)
    wanted = {"UNKNOWN"} if word in {Magic.WRONGAMT, Magic.LOST} else {"COMMITTED", "ABORTED"}
    payment = await until(client, first.uetr, wanted)
    expected = 0 if word == Magic.LOST or (payment.state == "ABORTED" and word != Magic.FLIP) else 1
    if word == Magic.RETURNED and registry.profile(country).gives_back:
        expected = 0
        await until_returned(client, first.uetr)
    assert credits(banks.stack, country)[UUID(first.uetr)] == expected, (country, word)
    return payment.state, None if payment.state == "UNKNOWN" else payment.reason


@pytest.mark.long
async def test_an_order_that_its_rail_lost_ends_as_refused_after_several_not_found(ten: Stack) -> None:
    """Its expiry comes sooner here: the writer loses its connection, and reads what the database says of it.

    UPI is left out: one of the three enquiries that it allows is made before they count.
    """
    others = [country for country in COUNTRIES if country != "IN"]
    async with banks_of(ten) as banks:
        lost = {country: await banks.pay(country, Magic.LOST) for country in others}
        for client, first in lost.values():
            await until(client, first.uetr, {"UNKNOWN"})
        connection = await ten.connect()
        await connection.execute("UPDATE switch.open_payment SET expires_at = now() - interval '1 hour'")
        await connection.execute(FORGET)
        work = asyncio.gather(
            *(until(client, first.uetr, {"ABORTED", "COMMITTED"}) for client, first in lost.values())
        )
        await work
        await connection.close()

    assert {payment.reason for payment in await work} == {"AB06"}
    for payment in await work:
        said = [step.get("detail") for step in payment.journey if step["event"] == "enquiry"]
        assert said.count("not found") >= 2
        assert "not found" in payment.journey[-1]["detail"]


def credits(stack: Stack, country: str) -> Counter[UUID]:
    """How often the rail credited each payment; what was reversed is no credit."""
    counted: Counter[UUID] = Counter()
    for entry in rail_book.read(stack.settings.rails_directory / country / rail_book.FILE_NAME):
        sign = {rail_book.EntryStatus.DONE: 1, rail_book.EntryStatus.REVERSED: -1}.get(entry.outcome, 0)
        if entry.uetr:
            counted[UUID(entry.uetr)] += sign
    return counted


async def never_freed_while_in_doubt(stack: Stack, work: asyncio.Future[object]) -> None:
    """Look all the while: what may have left us is held."""
    connection = await stack.connect()
    while not work.done():
        await connection.execute(_SECOND)
        assert await connection.fetchval(_FREED) == 0
        await asyncio.wait([work], timeout=0.2)
    await connection.close()


@pytest.mark.long
async def test_every_magic_word_ends_on_every_rail_as_its_table_defines(ten: Stack) -> None:
    async with banks_of(ten) as banks:
        trials = [(country, word) for country in COUNTRIES for word in ENDS]
        work = asyncio.gather(*(ended(banks, *trial) for trial in trials), return_exceptions=True)
        await never_freed_while_in_doubt(ten, work)
        found = defaultdict(dict)
        for (country, word), end in zip(trials, work.result(), strict=True):
            found[word][country] = end

    wrong = {w: {c: end for c, end in row.items() if end != ENDS[w]} for w, row in found.items()}
    assert {word: row for word, row in wrong.items() if row} == {}


async def test_a_late_answer_of_a_rail_is_received_on_any_connection(ten: Stack) -> None:
    """Rails on persistent connections: whichever process hears a late word records it."""
    async with banks_of(ten) as banks:
        for country in ("IR", "TJ"):
            client, first = await banks.pay(country, Magic.LATE)
            assert (await until(client, first.uetr, {"COMMITTED", "ABORTED"})).state == "COMMITTED"
            async with asyncio.timeout(WITHIN_S):
                while not await asyncio.to_thread(heard, ten, country):
                    await asyncio.sleep(0.2)


async def test_changed_hours_that_a_rail_sends_are_in_the_audited_log(ten: Stack) -> None:
    await control(ten, "RU", "POST", "/hours", {"closed_until": "2099-01-01T03:00:00Z"})
    await control(ten, "RU", "DELETE", "/hours")
    connection = await ten.connect()
    async with asyncio.timeout(WITHIN_S):
        while not (
            body := await connection.fetchval("SELECT body FROM ledger.event WHERE kind = 'RAIL_NOTICE'")
        ):
            await asyncio.sleep(0.1)
    await connection.close()

    told = json.loads(body)
    assert (told["rail"], "01.01.2099 06:00" in told["text"]) == ("RU", True)


async def test_a_notification_about_no_order_is_acknowledged(ten: Stack) -> None:
    """China confirms every online payment twice: the second confirmation was refused, and said again and again."""
    place = ten.settings.rails_directory / "CN"
    key = keys.private((place / "rail.key").read_bytes())
    content = (
        "<CmonConf><GrpHdr><MsgId>1</MsgId><Rmk>/E2E/2d0c9a0b6f3a4a2f9a1b2c3d4e5f6072/AMT/CNY1.00</Rmk></GrpHdr>"
        f"<OrgnlGrpHdr><OrgnlMsgTp>{cnaps.ORDER}</OrgnlMsgTp></OrgnlGrpHdr>"
        "<CmonConfInf><ProcSts>PR05</ProcSts></CmonConfInf></CmonConf>"
    )
    us = json.loads((place / "connection.json").read_text())["identity"]["bank"]
    header = wire.CnapsHeader(wire.NPC, us, datetime.now(UTC), cnaps.CONFIRMATION, "1", "1", "D")
    raw = wire.seal(header, wire.document(cnaps.OWN + cnaps.CONFIRMATION, content), key)
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{ten.url}/rails/CN", data=raw) as answer:
            assert answer.status == 200, await answer.text()


def heard(stack: Stack, country: str) -> float:
    """How many words of a rail were taken in outside an exchange."""
    page = stack.metrics()
    lines = re.findall(
        rf'requests_total\{{answer="\w+",operation="callback",rail="{country}"\}} ([0-9.]+)', page
    )
    return sum(map(float, lines))


@pytest.mark.parametrize("country", ["IN", "TJ"])
async def test_money_stays_held_while_an_outcome_is_unknown(ten: Stack, country: str) -> None:
    async with banks_of(ten) as banks:
        client, first = await banks.pay(country, Magic.WRONGAMT)
        await until(client, first.uetr, {"UNKNOWN"})
        connection = await ten.connect()
        held = await connection.fetchval(
            "SELECT count(*) FROM ledger.transfer AS t LEFT JOIN ledger.resolution AS r USING (number)"
            " WHERE t.id = $1 AND r.number IS NULL",
            UUID(first.uetr),
        )
        await connection.close()

    assert held == 1
