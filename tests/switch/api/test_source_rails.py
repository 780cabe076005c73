"""Operators see which rails' orders are taken, since when, and who decided it."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from adapters import registry
from switch import cli
from switch.sandbox import gateways
from tests.switch.api.test_lists import get, walk
from tests.switch.pages.test_debts import page
from tests.switch.stack import Stack

PATH = "/v1/source-rails"
CONTENT: dict[str, Any] = {"country": "PK", "gateway": gateways.gateway("PK")["id"], "refunds": True}


@pytest.fixture
async def as_found(stack: Stack) -> AsyncIterator[None]:
    """Afterwards the orders of the rail are taken again."""
    yield
    if (await listed(stack))["state"] == "suspended":
        await stack.agreed("participant.resume", {"participant": CONTENT["gateway"]})
    await stack.agreed("rail.inbound", {**CONTENT, "open": True})


async def listed(stack: Stack) -> dict[str, Any]:
    (found,) = await walk(stack, PATH, "operator")
    (rail,) = (each for each in found if each["country"] == "PK")
    return dict(rail)


async def test_each_rail_that_orders_payments_is_listed_with_who_decided_it(
    stack: Stack, as_found: None
) -> None:
    (found,) = await walk(stack, PATH, "auditor")
    pages = await walk(stack, f"{PATH}?limit=1", "checker")
    await stack.agreed("rail.inbound", {**CONTENT, "open": True})
    first = await listed(stack)
    await stack.agreed("rail.inbound", {**CONTENT, "open": True, "purpose": "FAMI"})
    again = await listed(stack)
    await stack.agreed("rail.inbound", {**CONTENT, "open": False})
    paused = await listed(stack)
    await stack.agreed("rail.inbound", {**CONTENT, "open": True})
    opened = await listed(stack)
    await stack.agreed("participant.suspend", {"participant": CONTENT["gateway"]})
    suspended = await listed(stack)

    assert all((each["change"] is None) == (each["requested_by"] is None) for each in found)
    assert [each["country"] for each in found] == sorted(filter(registry.originates, stack.settings.rails))
    assert [each for some in pages for each in some] == found
    assert [each["state"] for each in (first, again, paused, opened, suspended)] == [
        *("open", "open", "paused", "open", "suspended")
    ]
    assert again["since"] == first["since"], "it is open since the first decision, not since the newest"
    assert (again["purpose"], again["change"] > first["change"]) == ("FAMI", True)
    assert first["since"] < paused["since"] == paused["decided_at"] < opened["since"] == suspended["since"]
    assert (opened["requested_by"], opened["approved_by"]) == ("operator", ["checker"])
    assert opened["refunds_since"] == first["refunds_since"]


@pytest.mark.parametrize(("who", "status"), [("asha-bank", 401), ("officer", 403), ("regulator-in", 200)])
async def test_only_people_who_read_the_log_see_who_decided(stack: Stack, who: str, status: int) -> None:
    assert (await get(stack, PATH, who))[0] == status


async def both(stack: Stack) -> tuple[list[dict[str, Any]], str]:
    """The list of the API, and the page."""
    (found,) = await walk(stack, PATH, "operator")
    async with aiohttp.ClientSession(stack.url) as http:
        return found, await page(http, stack, "operator", "/rails")


def test_the_command_and_the_page_show_the_same(
    stack: Stack, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAYSWITCH_DATA", str(stack.settings.data))
    code = cli.run(["rails", "sources"])
    printed = [json.loads(row) for row in capfd.readouterr().out.splitlines()]
    found, shown = asyncio.run(both(stack))

    assert code == 0
    assert [{**each, "since": 0, "decided_at": 0, "refunds_since": 0} for each in printed] == [
        {**each, "since": 0, "decided_at": 0, "refunds_since": 0} for each in found
    ]
    assert all(each["gateway"] in shown for each in found)
