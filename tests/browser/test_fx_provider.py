"""An FX provider's people in a browser: they see their rates, request one by the form, and what it would do."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from playwright.async_api import expect

from tests.browser.looking import (
    Look,
    Picture,
    expect_accessible,
    expect_whole_on_a_phone,
    in_each_language,
    words,
)

SEPARATED = {"en": "100,000.00", "ru": "100 000,00", "zh": "100,000.00"}
"""An amount as people of a language type it."""


async def reference(look: Look) -> Decimal:
    """The rate that two people set for the pair: an offer is within a band around it."""
    connection = await look.stack.connect()
    rate: Decimal = await connection.fetchval(
        "SELECT rate FROM switch.fx_rate WHERE source = 'INR' AND target = 'PKR' ORDER BY valid_from DESC LIMIT 1"
    )
    await connection.close()
    return rate


@in_each_language()
async def test_a_rate_is_requested_by_the_form_and_withdrawn(
    look: Look, picture: Picture, language: str
) -> None:
    say, rate = words(language), await reference(look)
    page = await look("silkroad-fx", "/own/rates", language=language)
    await expect(page.locator("nav a[aria-current=page]")).to_have_text(say("My rates"))
    await expect_accessible(page)
    await expect_whole_on_a_phone(page)
    if language == "en":
        await picture(page, "integrate/rates-en")
    until = datetime.now(UTC) + timedelta(hours=4)
    await page.select_option("#source", "INR")
    await page.select_option("#target", "PKR")
    await page.fill("#rate", f"{rate:.6f}")
    await page.fill("#large_from", SEPARATED[language])
    await page.fill("#large_rate", f"{rate * Decimal('1.001'):.6f}")
    await page.fill("#until", f"{until:%Y-%m-%dT%H:%M}")
    await page.fill("#inventory", "5000000.00")
    await page.fill("#improvements", "asha-bank=5")
    await page.fill("#reason", f"of the morning, {language}")
    await page.get_by_role("button", name=say("Submit the request"), exact=True).press("Enter")

    row = page.locator("tr", has_text=f"of the morning, {language}").first
    await expect(row).to_contain_text("INR → PKR")
    await row.get_by_role("link").first.click()
    await expect(page.locator("#effect")).to_contain_text("INR → PKR")
    await expect(page.locator("#effect")).to_contain_text(re.compile("≥ 100000.00"))
    await expect_accessible(page)
    await page.get_by_role("button", name=say("Withdraw")).first.click()
    await expect(page.locator("main")).to_contain_text(say("withdrawn"))


async def test_a_rate_beyond_the_band_is_refused_on_the_page(look: Look) -> None:
    look.expect_status(422)
    rate = await reference(look)
    page = await look("silkroad-fx", "/own/rates")
    until = datetime.now(UTC) + timedelta(hours=4)
    await page.select_option("#source", "INR")
    await page.select_option("#target", "PKR")
    for name, value in (
        ("rate", f"{rate * 2:.6f}"),
        ("until", f"{until:%Y-%m-%dT%H:%M}"),
        ("reason", "mistyped"),
    ):
        await page.fill(f"#{name}", value)
    await page.get_by_role("button", name="Submit the request").click()

    await expect(page.get_by_role("alert")).to_contain_text("beyond the band")
    await expect(page.locator("#rate")).to_have_value(f"{rate * 2:.6f}")


async def test_a_bank_has_no_rates(look: Look) -> None:
    look.expect_status(403)
    page = await look("participant", "/own/rates")

    await expect(page.locator("main")).to_contain_text("FX providers only")
    await expect(page.locator('nav a[href$="/own/rates"]')).to_have_count(0)
