"""What a bank did not pay stays on the pages until it is paid, also once the next window has taken it over."""

import re
from html import unescape

import aiohttp
import pytest

from tests.switch.identity.test_people_api import agreed, bearer, call, status_report, until
from tests.switch.pages.test_crawl import defaulted
from tests.switch.stack import Stack


async def pay(stack: Stack) -> None:
    async with stack.client("asha-bank") as client:
        done = await client.pay(stack.document("asha-bank", "indus-bank", amount="900.00"), wait=25)
    assert done.status == "ACCC", done


async def page(http: aiohttp.ClientSession, stack: Stack, person: str, path: str, lang: str = "en") -> str:
    headers = {**bearer(stack, person), "Accept-Language": lang}
    async with http.get("/console" + path, headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        return unescape(await answer.text())


async def close(http: aiohttp.ClientSession, stack: Stack, window: int) -> None:
    await agreed(http, stack, "window.close", {"currency": "INR", "window": window}, "checker")
    await until(http, stack, window, "CLOSED")


async def settle(http: aiohttp.ClientSession, stack: Stack, window: int) -> None:
    """The central banks confirm, and the agent says that all have paid."""
    found = await until(http, stack, window, "CLOSED")
    content = {"window": window, "positions_sha256": found["positions_sha256"]}
    banks = sorted({f"regulator-{line['country'].lower()}" for line in found["lines"]})
    await agreed(http, stack, "settlement.confirm", content, *banks)
    settling = await until(http, stack, window, "SETTLING")
    key = stack.credentials["settlement_agents"]["INR"]["bearer"]
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/xml"}
    report = status_report([line for line in settling["lines"] if line["state"] == "INSTRUCTED"])
    async with http.post("/v1/settlements/confirmations", data=report, headers=headers) as answer:
        assert answer.status == 200, await answer.text()
    await until(http, stack, window, "SETTLED")


def concern(text: str, words: str) -> str:
    """The first sentence about what is wrong that has these words; empty if there is none."""
    items = text.partition('<ul class="concerns"')[2].partition("</ul>")[0].split("<li ")
    return next((item for item in items if words in item), "")


@pytest.mark.long
async def test_what_was_not_paid_is_on_the_pages_until_the_next_window_has_settled_it(stack: Stack) -> None:
    await pay(stack)
    async with aiohttp.ClientSession(stack.url) as http:
        first = await defaulted(stack)
        owed = "You have not paid "
        at_once = [await page(http, stack, "participant", path) for path in ("", "/own/position")]
        assert all(concern(text, owed) for text in at_once)
        _, listed = await call(http, "GET", "/v1/settlements?currency=INR", headers=bearer(stack, "operator"))
        second = next(one["window"] for one in listed if one["state"] == "OPEN")
        await pay(stack)
        await close(http, stack, second)
        operator, bank, window = (
            await page(http, stack, "operator", ""),
            await page(http, stack, "participant", ""),
            await page(http, stack, "operator", f"/windows/{second}"),
        )
        position = await page(http, stack, "participant", "/own/position")
        russian, chinese = [await page(http, stack, "participant", "", lang) for lang in ("ru", "zh")]
        other = await page(http, stack, "silkroad-fx", "")
        await settle(http, stack, second)
        later = [await page(http, stack, person, "") for person in ("operator", "participant")]

    said = concern(operator, f'href="/console/windows/{second}"')
    assert re.search(rf"asha-bank did not pay window ([\d, ]+, )?{first}\. It now owes", said), operator
    assert f'href="/console/windows/{first}"' in said
    assert f'href="/console/windows/{second}"' in said
    assert bank.index("You must pay") < bank.index('class="cards"')
    assert f"in window {second}" in concern(bank, "was not paid in an earlier window")
    assert f"in window {second}" in concern(position, "was not paid in an earlier window")
    assert f"of window {first}. The amount is part of its line here" in window
    assert concern(russian, f"в сеансе {second}")
    assert concern(chinese, f"窗口 {second}")
    assert "earlier window" not in other
    assert [concern(text, str(first)) for text in later] == ["", ""]
