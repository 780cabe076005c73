"""A participant's day in a browser: look, ask for a key, be told by a webhook, and make a first payment by hand."""

import re
import uuid
from collections.abc import Callable

import pytest
from aiohttp import web
from playwright.async_api import Page, expect

from schemas.signing import key_request
from schemas.signing.keys import SigningKey
from tests.browser.looking import (
    WAIT_MS,
    Look,
    Picture,
    expect_accessible,
    expect_accessible_day_and_night,
    expect_whole_on_a_phone,
    in_each_language,
    words,
)
from tests.switch.api.test_bulkheads import endpoint

PAGES = (
    "",
    "/payments",
    "/payment-files",
    "/own/position",
    "/own/statements",
    "/own/messages",
    "/own/qr",
    "/own/keys",
    "/own/webhooks",
    "/own/tests",
)


@pytest.mark.long
@pytest.mark.parametrize("path", PAGES)
@in_each_language()
async def test_every_page_is_without_barriers(look: Look, language: str, path: str) -> None:
    """In each language, by day and by night, and on a small screen nothing is out of reach."""
    page = await look("participant", path, language=language)

    await expect(page.locator("html")).to_have_attribute("lang", language)
    await expect_accessible_day_and_night(page)
    await expect_whole_on_a_phone(page)
    await page.set_viewport_size({"width": 360, "height": 640})
    wider = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wider <= 0


@in_each_language()
async def test_the_test_console_makes_a_payment_that_is_seen_to_end(
    look: Look, language: str, picture: Picture
) -> None:
    """Composed, checked and sent by keyboard alone; then its journey comes by itself, and the payment is in the list."""
    say = words(language)
    page = await look("participant", "/own/tests", language=language)
    await page.select_option("#creditor", "indus-bank")
    await page.fill("#amount", "12.50")
    await page.keyboard.press("Enter")
    await expect(page.locator("#message")).to_have_value(re.compile("pacs.008"))
    await page.get_by_role("button", name=say("Check"), exact=True).press("Enter")
    await expect(page.get_by_role("status")).to_contain_text("pacs.008.001.08")
    await expect_accessible(page)
    await page.get_by_role("button", name=say("Send"), exact=True).press("Enter")
    await expect(page.get_by_role("status")).to_contain_text(re.compile("HTTP 20[02]"))
    live = page.locator("[data-live]")
    await expect(live).to_contain_text("payment.posted", timeout=WAIT_MS)
    await expect(live).to_contain_text(say("COMMITTED"))
    await expect_accessible(page)
    await picture(page, f"integrate/test-console-{language}")
    uetr = (await live.get_attribute("data-live") or "").rsplit("/", 1)[1]
    listed = await look("participant", f"/payments?q={uetr}", language=language)
    await expect(listed.locator("tbody tr")).to_have_count(1)
    await expect(listed.locator("tbody tr")).to_contain_text(say("COMMITTED"))
    await picture(listed, f"integrate/payments-{language}")


async def test_a_payment_that_the_rail_refuses_is_seen_to_end_with_its_reason(look: Look) -> None:
    page = await look("participant", "/own/tests")
    await page.select_option("#creditor", "indus-bank")
    await page.fill("#reason", "AC04")
    await page.get_by_role("button", name="Compose").click()
    await page.get_by_role("button", name="Send").click()

    await expect(page.locator("[data-live]")).to_contain_text("AC04", timeout=WAIT_MS)
    await expect(page.locator("[data-live]")).to_contain_text("ABORTED", timeout=WAIT_MS)


async def test_an_invalid_message_is_answered_with_the_place(look: Look) -> None:
    look.expect_status(422)
    page = await look("participant", "/own/tests")
    await page.fill("#message", "{}")
    await page.get_by_role("button", name="Check").click()

    await expect(page.get_by_role("alert")).to_contain_text("Invalid")
    await expect_accessible(page)


@in_each_language("ru")
async def test_a_key_is_requested_and_the_request_withdrawn(
    look: Look, language: str, picture: Picture
) -> None:
    say = words(language)
    key = SigningKey.generate(f"mine-{uuid.uuid4().hex[:8]}")
    page = await look("participant", "/own/keys", language=language)
    await page.fill("#add-keyid", key.keyid)
    await page.fill("#add-request", key_request.make(key, "asha-bank"))
    await page.fill("#add-valid_until", "2031-01-01T00:00")
    await page.fill("#add-reason", "rotation")
    await page.keyboard.press("Enter")
    row = page.locator("tr", has_text=key.keyid)
    await expect(row).to_contain_text(say("requested"))
    await expect_accessible(page)
    await picture(page, f"integrate/keys-{language}")
    await row.get_by_role("button").click()
    await expect(row).to_contain_text(say("withdrawn"))


async def test_a_bad_key_is_refused_and_what_was_typed_stays(look: Look) -> None:
    look.expect_status(422)
    page = await look("participant", "/own/keys")
    await page.fill("#add-keyid", "mine-2")
    await page.fill("#add-request", "no key")
    await page.fill("#add-reason", "rotation")
    await page.get_by_role("button", name="Submit the request").first.click()

    await expect(page.get_by_role("alert")).to_be_visible()
    await expect(page.locator("#add-keyid")).to_have_value("mine-2")
    await expect_accessible(page)


@in_each_language("zh")
async def test_a_webhook_is_added_tested_and_removed(look: Look, language: str, picture: Picture) -> None:
    say = words(language)

    async def take(_: web.Request) -> web.Response:
        return web.Response(status=204)

    async with endpoint(take) as url:
        page = await look("participant", "/own/webhooks", language=language)
        await page.fill("#url", f"{url}/hook")
        await page.get_by_role("button", name=say("Add"), exact=True).click()
        await page.get_by_role("button", name=say("Send a test")).click()
        await expect(page.locator("dl.facts")).to_contain_text("204", timeout=WAIT_MS)
        await expect_accessible(page)
        await picture(page, f"integrate/webhook-{language}")
        home = await look("participant", "", language=language)
        await expect(home.locator("tr", has_text=url)).to_contain_text("204")
        await expect_accessible(home)
        await picture(home, f"integrate/overview-{language}")
        await _remove(page, say)
        await expect(page).to_have_url(re.compile("/own/webhooks$"))
        await expect(page.locator("table")).not_to_contain_text(url)


async def _remove(page: Page, say: Callable[[str], str]) -> None:
    await page.get_by_text(say("Remove this address")).click()
    await page.get_by_role("button", name=say("Remove"), exact=True).click()


async def test_the_position_and_the_statements_are_viewed(look: Look, picture: Picture) -> None:
    page = await look("participant", "/own/position")
    await expect(page.locator("main")).to_contain_text("Available to send")
    await picture(page, "integrate/position-en")
    await page.get_by_role("navigation").get_by_role("link", name="Statements").click()
    await picture(page, "integrate/statements-en")
    await page.get_by_role("link", name="view").first.click()

    await expect(page.locator("main table").first).to_be_visible()
    await expect_accessible(page)
