"""A page's list that is longer than the page says so, and leads on: none ends silently."""

import re
import uuid
from collections.abc import AsyncIterator
from hashlib import sha256

import aiohttp
import asyncpg
import pytest_asyncio

from switch.pages import own_webhooks, reports
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


async def page(http: aiohttp.ClientSession, stack: Stack, path: str) -> str:
    async with http.get(path, headers=bearer(stack, "operator")) as answer:
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
