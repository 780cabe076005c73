"""A switch on which pages have something to show: payments that ended in all the ways, debts, requests, cases."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp

from adapters.simulation.debit_book import DebitState
from adapters.simulation.magic import Magic, magic_account
from switch.clients.python import AsyncClient, payment_return, recall, recall_refusal, request_to_pay
from tests.browser import paying
from tests.browser.test_regulator import publish
from tests.clients.test_payment_files import line, written
from tests.switch.api.test_bulkheads import endpoint
from tests.switch.identity.test_people_api import bearer, call
from tests.switch.pages import test_crawl as crawl
from tests.switch.pages import test_debts as debts
from tests.switch.payments import inbound_world as inbound
from tests.switch.screening import holds
from tests.switch.screening.test_holds import case_of
from tests.switch.stack import Stack


@dataclass(slots=True)
class Lived:
    """What pages can be asked about: UETRs by how the payments ended, and numbers."""

    payments: dict[str, str]
    windows: list[int]
    held: int
    """The case of the payment that screening holds."""
    cases: list[int]
    changes: list[int]
    """What waits for a second person."""


@asynccontextmanager
async def lived(stack: Stack) -> AsyncIterator[Lived]:
    """While this lasts, a rail is closed, a list is in force, and a payment is held for its officers."""
    payments = await crawl.refused_early(stack) | await crawl.others(stack) | await crawl.gross(stack)
    payments |= await _orders(stack) | await _given_back(stack)
    await _file(stack, [_line(), _line(magic_account("PK", "AC04")), _line(bic="NOPEPKKA")])
    await _file(stack, [_line(), _line(amount="0")], whole=True)
    await _half_sent(stack)
    await debts.pay(stack)  # more than was received, so that the bank owes
    first = await crawl.defaulted(stack)
    second = await _carried(stack)
    await debts.pay(stack)  # a window without lines needs no settlement, which could be aborted
    windows = [first, second, await crawl.aborted(stack)]
    for word in ("", "", "AC04"):
        await paying.paid(stack, "1500.00", word=word)
    await _request_to_pay(stack)
    changes = await _requests(stack)
    await holds.use_lists(stack, [await holds.add_list(stack)])
    await holds.decide(stack, "screening.officers", {"participant": "*", "decided_by": "officers"})
    async with AsyncExitStack() as world:
        hook = await world.enter_async_context(endpoint(_gone))
        await _webhook(stack, hook)
        payments |= await world.enter_async_context(crawl.contradicted(stack))
        payments |= await world.enter_async_context(crawl.rail_closed(stack))
        held = await _held(stack)
        await _worked_on(stack, payments["doubt"])
        await publish(stack)
        yield Lived(payments, windows, held, await _cases(stack), changes)
    await holds.decide(stack, "screening.officers", {"participant": "*", "decided_by": "operators"})
    await holds.use_lists(stack, [])


async def _given_back(stack: Stack) -> dict[str, str]:
    """Payments of which parts came back, at the rate in force too, and which were recalled in all the ways."""
    parts, recalled, refused = [
        await paying.paid(stack, amount) for amount in ("1500.00", "700.00", "800.00")
    ]
    agents = {"from_agent": "asha-bank", "to_agent": "noor-wallet"}
    agents = {name: stack.participant(bank)["bic"] for name, bank in agents.items()}
    replies = {"from_agent": agents["to_agent"], "to_agent": agents["from_agent"], "reason": "CUST"}
    agreed = recall_refusal(recalled, **replies)
    agreed["Document"]["RsltnOfInvstgtn"]["Sts"]["Conf"] = "CNCL"
    async with stack.client("asha-bank") as asha, stack.client("noor-wallet") as noor:
        for amount in ("1000.00", "250.00"):
            await noor.send(payment_return(parts, amount=amount, currency="PKR", reason="CUST"))
        for uetr in (parts, recalled, refused):
            await asha.send(recall(uetr, **agents))
        await noor.send(agreed)
        await noor.send(recall_refusal(refused, **replies))
        await asha.send(recall(refused, **agents, reason="DUPL"))
    return {"parts": parts, "recall-agreed": recalled, "recall-refused": refused}


def _line(account: str = "", **more: str) -> str:
    return line(account, bic=more.pop("bic", "NOORPKKA"), **more)


async def _file(stack: Stack, lines: list[str], *, whole: bool = False) -> str:
    """The id of a file of payments that has ended, or was refused."""
    async with stack.client("asha-bank") as client:
        file = await _handed_in(client, lines, whole=whole)
        while file["state"] not in {"ended", "refused"}:
            await asyncio.sleep(0.2)
            file = await client.read(f"payment-files/{file['id']}")
    return str(file["id"])


async def _half_sent(stack: Stack) -> None:
    """A file, half done: some lines are credited or refused, of others the outcome is unknown until people state it."""
    refused = [_line(magic_account("PK", "AC04")), *(_line(bic="NOPEPKKA") for _ in range(2))]
    doubtful = [_line(magic_account("PK", Magic.WRONGAMT)) for _ in range(3)]
    async with stack.client("asha-bank") as client:
        file = await _handed_in(client, [*(_line() for _ in range(6)), *refused, *doubtful])
        while [file["by_status"].get(status) for status in ("ACCC", "RJCT")] != [6, len(refused)]:
            await asyncio.sleep(0.2)
            file = await client.read(f"payment-files/{file['id']}")
    assert file["state"] == "sending"


async def _handed_in(client: AsyncClient, lines: list[str], *, whole: bool = False) -> Any:
    with tempfile.TemporaryDirectory() as directory:
        path = written(Path(directory) / "salaries.xml", lines)
        return await client.hand_in(path.read_bytes(), whole=whole)


async def _orders(stack: Stack) -> dict[str, str]:
    """Payments that customers of a rail ordered there: one done, one refused, one that the gateway still owes."""
    await inbound.with_gateways(stack, ("IN", "PK"))
    (done,) = await inbound.originate(stack, "PK", "IN", amount="250.00")
    (refused,) = await inbound.originate(stack, "PK", "IN", word="AC04")
    (owed,) = await inbound.originate(stack, "PK", "IN", word="SLOW60", behaviour="GONE")
    states = await inbound.ended(stack, "PK", [done, refused, owed])
    assert states == [DebitState.DONE, DebitState.REFUNDED, DebitState.REFUNDED], states
    await inbound.until_case(stack, owed, "open")
    return {"ordered": done, "refused-order": refused, "owed-order": owed}


async def _carried(stack: Stack) -> int:
    """The window that took over the line of the bank that did not pay: closed, and to be confirmed."""
    await debts.pay(stack)
    async with aiohttp.ClientSession(stack.url) as http:
        _, listed = await call(http, "GET", "/v1/settlements?currency=INR", headers=bearer(stack, "operator"))
        window = next(int(one["window"]) for one in listed if one["state"] == "OPEN")
        await debts.close(http, stack, window)
    return window


async def _request_to_pay(stack: Stack) -> None:
    """A bank of the other country asks for money."""
    message = request_to_pay(
        creditor_agent=stack.participant("indus-bank")["bic"],
        creditor="Bilal Khan",
        creditor_account=magic_account("PK", ""),
        debtor_agent=stack.participant("asha-bank")["bic"],
        debtor="Asha Rao",
        amount="100.00",
        currency="INR",
        end_to_end_id="INVOICE-7",
    )
    async with stack.client("indus-bank") as client:
        await client.send(message)


async def _requests(stack: Stack) -> list[int]:
    """Changes that wait for a second person, after what two people have agreed about reports."""
    until = (datetime.now(UTC) + timedelta(hours=4)).isoformat(timespec="seconds")
    pair = {"source": "INR", "target": "PKR"}
    connection = await stack.connect()
    rate = await connection.fetchval(
        "SELECT rate FROM switch.fx_rate WHERE source = 'INR' AND target = 'PKR' ORDER BY valid_from DESC LIMIT 1"
    )
    await connection.close()
    offer = {
        "provider": "silkroad-fx",
        **pair,
        "rate": f"{rate:.6f}",
        "until": until,
        "inventory": "5000000.00",
    }
    await stack.agreed("report_destination.add", {"name": "rbi", "address": "https://rbi.example/in"})
    daily = {"name": "daily", "report": "corridors", "rhythm": "day", "destination": "rbi"}
    await stack.agreed("report_schedule.add", daily)
    account = {"participant": "asha-bank", "currency": "INR"}
    wanted = (
        ("operator", "cap.set", {**account, "net_debit_cap": "75000000.00"}),
        (
            "operator",
            "corridor.fees",
            {"source": "IN", "target": "PK", "fee_minor": 500, "fee_bps": 10, "confirmed_factor": "501"},
        ),
        ("operator", "corridor.close_all", {"country": "PK", "direction": "into"}),
        ("silkroad-fx", "fx.offer", offer),
    )
    return [await _ask(stack, person, kind, content) for person, kind, content in wanted]


async def _ask(stack: Stack, person: str, kind: str, content: dict[str, Any]) -> int:
    body = {"kind": kind, "content": content, "reason": "letter of the desk, 12 May"}
    async with aiohttp.ClientSession(stack.url) as http:
        status, answer = await call(http, "POST", "/v1/changes", body, headers=bearer(stack, person))
    assert status == 201, answer
    return int(answer["number"])


async def _gone(_request: aiohttp.web.Request) -> aiohttp.web.Response:
    return aiohttp.web.Response(status=503)


async def _webhook(stack: Stack, url: str) -> None:
    """An address of a bank that answers with an error, and so has deliveries that are tried again."""
    headers = {**bearer(stack, "participant"), "Sec-Fetch-Site": "same-origin"}
    form = {"url": f"{url}/events"}
    async with (
        aiohttp.ClientSession(stack.url, headers=headers) as http,
        http.post("/console/own/webhooks", data=form, allow_redirects=False) as answer,
    ):
        assert answer.status == 303, await answer.text()


async def _held(stack: Stack) -> int:
    """A payment that screening holds, while its list is in force; the number of its case."""
    document = holds.paying(stack)
    async with stack.client("asha-bank") as client:
        await client.pay(document, wait=0)
    return await case_of(stack, holds.uetr_of(document))


async def _worked_on(stack: Stack, uetr: str) -> None:
    """The case of a payment has an owner and a note."""
    query = "SELECT number FROM switch.case_file WHERE uetr::text = $1"
    connection = await stack.connect()
    async with asyncio.timeout(60):
        while (number := await connection.fetchval(query, uetr)) is None:
            await asyncio.sleep(0.1)
    await connection.close()
    headers = {**bearer(stack, "operator"), "Sec-Fetch-Site": "same-origin"}
    async with aiohttp.ClientSession(stack.url, headers=headers) as http:
        for act, form in (
            ("owner", {"owner": "operator"}),
            ("notes", {"text": "The rail looks into it; its desk answers by noon."}),
        ):
            path = f"/console/cases/{number}/{act}"
            async with http.post(path, data=form, allow_redirects=False) as answer:
                assert answer.status == 303, await answer.text()


async def _cases(stack: Stack) -> list[int]:
    """Numbers of all cases."""
    connection = await stack.connect()
    rows = await connection.fetch("SELECT number FROM switch.case_file ORDER BY number")
    await connection.close()
    return [row["number"] for row in rows]
