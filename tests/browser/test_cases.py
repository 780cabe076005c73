"""A case in the browser: taken from the overview, annotated, with the rail asked again, ended by two people."""

import asyncio
from pathlib import Path
from uuid import UUID

import pytest
from playwright.async_api import Page, expect

from tests.browser import paying
from tests.browser.looking import (
    Look,
    Picture,
    expect_accessible_day_and_night,
    expect_whole_on_a_phone,
    in_each_language,
)

HAS_CASE = "SELECT EXISTS (SELECT FROM switch.case_file WHERE uetr = $1)"
IS_ANSWERED = (
    "SELECT EXISTS (SELECT FROM switch.case_act AS a JOIN switch.case_file AS c ON c.number = a.file"
    " WHERE c.uetr = $1 AND a.kind = 'answered')"
)
IS_CLOSED = "SELECT closed_at IS NOT NULL FROM switch.case_file WHERE uetr = $1"


async def until(look: Look, query: str, uetr: str) -> None:
    """Wait for what the caretaker does by itself."""
    connection = await look.stack.connect()
    try:
        async with asyncio.timeout(60):
            while not await connection.fetchval(query, UUID(uetr)):
                await asyncio.sleep(0.05)
    finally:
        await connection.close()


async def opened(look: Look, uetr: str, language: str = "en") -> Page:
    """The page of the case of a payment, by the link on the payment's page."""
    await until(look, HAS_CASE, uetr)
    page = await look("operator", f"/payments/{uetr}", language=language)
    await page.locator('main li a[href^="/console/cases/"]').first.click()
    await expect(page.get_by_role("link", name=uetr)).to_be_visible()
    return page


@pytest.mark.long
async def test_an_operator_works_on_a_case_until_two_people_end_it(
    look: Look, picture: Picture, tmp_path: Path
) -> None:
    uetr = await paying.doubtful(look.stack)
    page = await opened(look, uetr)
    case = page.url.partition("/console")[2]
    await page.get_by_role("button", name="Take the case").click()
    await expect(page.locator("#owner")).to_have_text("operator")
    await page.get_by_role("button", name="Ask the rail again").click()
    await expect(page.locator("#history")).to_contain_text("The rail is asked again")
    await page.fill("#text", "The rail looks into it.")
    await page.get_by_role("button", name="Add the note").click()
    await expect(page.locator("#history")).to_contain_text("The rail looks into it.")
    file = tmp_path / "letter.txt"
    file.write_text("The payment was made.\n")
    await page.set_input_files("#file", file)
    await page.get_by_role("button", name="Attach the file").click()
    await expect(page.get_by_role("link", name="letter.txt")).to_be_visible()
    await until(look, IS_ANSWERED, uetr)
    await page.reload()
    await expect(page.locator("#history")).to_contain_text("Answer of the rail:")
    await picture(page, "operate/case")
    await page.get_by_role("link", name="Resolve a payment with an unknown outcome").click()
    await page.select_option("#outcome", "committed")
    await page.fill("#evidence", "letter of the rail")
    await page.fill("#why", "the rail confirmed")
    await page.get_by_role("button", name="Submit the request").click()
    checker = await look("checker", page.url.partition("/console")[2])
    await expect(checker.locator(f'a[href="/console{case}"]')).to_be_visible()
    await checker.fill("#why", "letter seen")
    await checker.get_by_role("button", name="Approve").click()
    await expect(checker.locator("#state")).to_have_text("executed")

    await until(look, IS_CLOSED, uetr)
    page = await look("operator", case)
    await expect(page.locator("#state")).to_have_text("closed")
    await expect(page.locator("#changes")).to_contain_text("executed")
    await expect(page.get_by_role("button", name="Ask the rail again")).to_have_count(0)


@pytest.mark.long
@in_each_language()
async def test_cases_are_accessible_and_whole_in_every_language(look: Look, language: str) -> None:
    uetr = await paying.doubtful(look.stack)
    page = await opened(look, uetr, language)
    case = page.url.partition("/console")[2]
    for path in (case, "/cases", "/cases/notices"):
        page = await look("operator", path, language=language)
        await expect_accessible_day_and_night(page)
        await expect_whole_on_a_phone(page)
