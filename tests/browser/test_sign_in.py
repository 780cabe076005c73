"""Everybody signs in through the page, and finds pages without barriers in every language, by day and by night."""

import pytest
from playwright.async_api import expect

from tests.browser.looking import Look, expect_accessible, expect_accessible_day_and_night, in_each_language
from tests.tiers import some

PEOPLE = ("operator", "checker", "auditor", "participant", "regulator-in", "regulator-pk")


@pytest.mark.parametrize("person", some(PEOPLE, "operator", "participant"))
async def test_everybody_signs_in_and_arrives(look: Look, person: str) -> None:
    page = await look(person, "")

    await expect(page.locator("header")).to_contain_text(f"Sandbox {person}")
    await expect_accessible(page)


async def test_a_wrong_code_gets_no_further_detail(look: Look) -> None:
    look.expect_status(401)
    page = await look("", "/sign-in")
    await page.fill("#name", "nobody-at-all")
    await page.fill("#password", "x" * 20)
    await page.fill("#code", "000000")
    await page.keyboard.press("Enter")

    await expect(page.get_by_role("alert")).to_be_visible()
    await expect_accessible(page)


@in_each_language("zh")
async def test_the_sign_in_has_no_barriers(look: Look, language: str) -> None:
    page = await look("", "/sign-in", language=language)

    await expect(page.locator("html")).to_have_attribute("lang", language)
    await expect_accessible_day_and_night(page)


async def test_a_visitor_is_led_to_the_sign_in_and_back(look: Look) -> None:
    page = await look("", "/reports")

    assert page.url.endswith("/console/sign-in?next=/console/reports")
