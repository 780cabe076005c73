"""A page's list that is longer than the page says so, and leads on: none ends silently."""

import asyncio
import json
import re
import uuid
from collections.abc import AsyncIterator
from hashlib import sha256

import aiohttp
import asyncpg
import pytest
import pytest_asyncio

from schemas import codec
from switch.identity.model import Person, Role, Status
from switch.pages import country, own_webhooks, reports, windows
from switch.settlement import reads
from switch.writer.commands import CloseWindow
from tests.switch.api.test_doors import now
from tests.switch.cli.test_cli import payswitch
from tests.switch.identity.test_people_api import bearer
from tests.switch.pages.test_own_pages import clerk_of
from tests.switch.stack import Stack


@pytest_asyncio.fixture
async def http(stack: Stack) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(stack.url) as session:
        yield session


@pytest_asyncio.fixture
async def connection(stack: Stack) -> AsyncIterator[asyncpg.Connection]:
    found = await stack.connect()
    yield found
    await found.close()


async def page(http: aiohttp.ClientSession, stack: Stack, path: str, who: str = "operator") -> str:
    async with http.get(path, headers=bearer(stack, who)) as answer:
        assert answer.status == 200
        return await answer.text()


def leads_to(text: str, name: str) -> str:
    """Where the link with a cursor of this name leads."""
    found = re.findall(rf'href="([^"]*[?&;]{name}=\d+[^"]*)"', text)
    assert found, "the list ends silently"
    return str(found[0]).replace("&amp;", "&")


async def test_deliveries_beyond_a_page_are_reached(stack: Stack, http, connection):
    member = await clerk_of(stack, http, "ganga-bank")
    path = (await member.post("/own/webhooks", url="http://127.0.0.1:9/x"))[1].removeprefix("/console")
    many = own_webhooks._ROWS + 7
    await connection.execute(
        "INSERT INTO switch.webhook_delivery (webhook, seq, body, due_at, attempts)"
        " SELECT $1, n, '{}', NULL, 9 FROM generate_series(2000000, 2000000 + $2 - 1) AS n",
        uuid.UUID(path.rsplit("/", 1)[1]),
        many,
    )

    _, first = await member.get(path)
    for name in ("before", "missed_before"):
        _, second = await member.get(leads_to(first, name).removeprefix("/console"))
        assert ">2000000<" in second
    assert ">2000000<" not in first
    await member.post(f"{path}/remove")


async def test_reports_that_were_made_beyond_a_page_are_reached(stack: Stack, http, connection):
    await connection.execute(
        "INSERT INTO switch.report_artefact"
        " (sha256, report, format, parameters, scope, caller, revealed, as_of, event, octets, signature)"
        " SELECT sha256(n::text::bytea), 'rejects', 'json', '{}', 'all', 'long list', false, 1, 1, 1, ''"
        " FROM generate_series(1, $1) AS n",
        reports._MADE_MAX + 1,
    )

    try:
        first = await page(http, stack, "/console/reports")
        second = await page(http, stack, leads_to(first, "before"))
    finally:
        await connection.execute("DELETE FROM switch.report_artefact WHERE caller = 'long list'")

    assert sha256(b"1").hexdigest() in second
    assert sha256(b"1").hexdigest() not in first


async def test_breaks_beyond_a_page_are_reached(stack: Stack, http, connection):
    await connection.execute(
        "INSERT INTO switch.reconciliation_break (rail, cycle, ref, kind, detail, resolved_at, owner, resolution)"
        " SELECT 'IN', current_date, 'long-list-' || n, 'another_amount', 'test', clock_timestamp(), 'test', 'test'"
        " FROM generate_series(1, 205) AS n"
    )
    try:
        text, seen = await page(http, stack, "/console/breaks?resolved=true"), set()
        while True:
            seen |= set(re.findall(r"long-list-\d+", text))
            if "after=" not in text:
                break
            text = await page(http, stack, leads_to(text, "after"))
    finally:
        await connection.execute("DELETE FROM switch.reconciliation_break WHERE ref LIKE 'long-list-%'")

    assert len(seen) == 205


async def test_windows_before_one_are_listed(stack: Stack, http, connection):
    first, last = await connection.fetchrow("SELECT min(number), max(number) FROM ledger.settlement_window")

    everything = await page(http, stack, f"/console/windows?before={last + 1}")
    nothing = await page(http, stack, f"/console/windows?before={first}")

    assert f"/console/windows/{last}" in everything
    assert "/console/windows/" not in nothing


async def test_what_awaits_a_countrys_approval_shows_that_there_is_more(stack: Stack, http, connection):
    """A hundred were shown and counted, and the hundred and first was not there."""
    await connection.execute(
        "INSERT INTO switch.change (kind, content, maker, reason, seats, state, expires_at)"
        ' SELECT \'corridor.switch\', \'{"source":"IN","target":"PK","enabled":true}\', \'operator\','
        ' \'long list\', \'[{"role": "regulator", "scope": "IN"}]\', \'requested\','
        " clock_timestamp() + interval '1 hour' FROM generate_series(1, $1)",
        country.REQUESTS_MAX + 1,
    )
    try:
        text = await page(http, stack, "/console/country", "regulator-in")
    finally:
        await connection.execute("DELETE FROM switch.change WHERE reason = 'long list'")

    assert f"Only {country.REQUESTS_MAX} are shown; there are more." in text
    assert f"{country.REQUESTS_MAX}+" in text


async def test_confirmations_of_an_agent_beyond_the_listed_ones_are_mentioned(stack: Stack, connection):
    link = stack.link()
    await link.start()
    window = (await link.ask(CloseWindow("INR"))).number
    await link.stop()
    agent = await connection.fetchval("SELECT agent FROM switch.settlement_agent WHERE currency = 'INR'")
    report = {
        "GrpHdr": {"MsgId": "long list", "CreDtTm": now()},
        "TxInfAndSts": [{"OrgnlUETR": str(uuid.uuid4()), "TxSts": "ACSC"}],
    }
    body = codec.encode("pacs.002.001.10", {"FIToFIPmtStsRpt": report}, media_type=codec.JSON)
    await connection.execute(
        "INSERT INTO switch.settlement_confirmation"
        " (sha256, agent, message, body, signature, received_at, media_type, taken_at)"
        " SELECT sha256(('words' || n)::bytea), $1, 'pacs.002.001.10', $2, 'long list',"
        " clock_timestamp() + interval '1 hour', 'application/json', clock_timestamp()"
        " FROM generate_series(1, $3) AS n",
        agent,
        body,
        windows._CONFIRMATIONS_MAX + 1,
    )
    operator = Person("operator", "Operator", Role.OPERATOR, "", Status.ACTIVE)
    try:
        _, more = await windows._responses(connection, operator, await reads.find(connection, window), ())
    finally:
        await connection.execute("DELETE FROM switch.settlement_confirmation WHERE signature = 'long list'")
    _, none_more = await windows._responses(connection, operator, await reads.find(connection, window), ())

    assert (more, none_more) == (True, False)


async def test_recalls_older_than_the_newest_messages_are_counted(stack: Stack, http, connection):
    """The home page counted among the newest 200 messages only."""
    await connection.execute(
        "INSERT INTO switch.correspondence"
        " (id, uetr, sender, receiver, definition, message_id, fingerprint, body)"
        " SELECT gen_random_uuid(), gen_random_uuid(), 'asha-bank', 'noor-wallet',"
        " CASE WHEN n = 1 THEN 'camt.056.001.08' ELSE 'pain.013.001.07' END, 'long-list-' || n, '', ''"
        " FROM generate_series(1, 202) AS n ORDER BY n"
    )
    clerk = await clerk_of(stack, http, "noor-wallet")
    try:
        _, text = await clerk.get("")
    finally:
        await connection.execute("DELETE FROM switch.correspondence WHERE message_id LIKE 'long-list-%'")

    assert 'Cancellation requests awaiting your reply</a> <b class="warn">1</b>' in text


@pytest.mark.parametrize(
    ("words", "key"),
    [(("participant", "list"), "id"), (("people", "list"), "name"), (("rails", "breaks"), "id")],
)
async def test_a_list_of_the_command_line_has_a_bound_and_a_cursor(
    stack: Stack, connection, words: tuple[str, ...], key: str
):
    await connection.execute(
        "INSERT INTO switch.reconciliation_break (rail, cycle, ref, kind, detail)"
        " SELECT 'IN', current_date, 'long-list-' || n, 'another_amount', 'test' FROM generate_series(1, 3) AS n"
    )

    async def printed(*more: str) -> tuple[list[str], str]:
        ran = await asyncio.to_thread(payswitch, stack, *words, *more)
        ran.check_returncode()
        return [str(json.loads(line)[key]) for line in ran.stdout.splitlines()], ran.stderr

    try:
        everything, _ = await printed()
        first, told = await printed("--limit", "2")
        second, _ = await printed("--after", first[-1])
    finally:
        await connection.execute("DELETE FROM switch.reconciliation_break WHERE ref LIKE 'long-list-%'")

    assert first + second == everything
    assert f"more entries: continue with --after {first[-1]}" in told
