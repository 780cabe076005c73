"""Screening officers at work in the browser: a payment is held, two officers decide, and it continues or ends."""

from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Page, expect

from tests.browser.looking import (
    Look,
    Picture,
    expect_accessible_day_and_night,
    expect_whole_on_a_phone,
    in_each_language,
    words,
)
from tests.switch.screening.holds import LISTED, add_list, decide, paying, uetr_of, use_lists
from tests.switch.screening.test_holds import case_of, final
from tests.switch.stack import Stack


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def screened(stack: Stack) -> AsyncIterator[None]:
    """A list in force; the officers of the operator decide."""
    await use_lists(stack, [await add_list(stack)])
    await decide(stack, "screening.officers", {"participant": "*", "decided_by": "officers"})
    yield
    await decide(stack, "screening.officers", {"participant": "*", "decided_by": "operators"})
    await use_lists(stack, [])


async def held(look: Look) -> tuple[str, int]:
    """The UETR of a payment that is held, and the number of its case."""
    document = paying(look.stack)
    async with look.stack.client("asha-bank") as client:
        assert (await client.pay(document, wait=0)).status == "PDNG"
    return uetr_of(document), await case_of(look.stack, uetr_of(document))


async def found(look: Look, case: int, language: str) -> Page:
    """What an officer sees after opening the case from its first page, and asking for the names."""
    page = await look("officer", "/screening", language=language)
    await page.locator(f'#held a[href="/console/cases/{case}"]').click()
    assert LISTED not in await page.content()
    await page.get_by_role("button", name=words(language)("Show what screening found")).click()
    await expect(page.locator("#hits")).to_contain_text(LISTED)
    return page


@in_each_language()
async def test_two_officers_release_one_payment_and_refuse_another(
    look: Look, picture: Picture, screened: None, language: str
) -> None:
    say = words(language)
    decisions = (
        ("Release a payment that screening holds", "COMMITTED", ""),
        ("Refuse a payment that screening holds", "ABORTED", "RR04"),
    )
    for title, state, reason in decisions:
        uetr, case = await held(look)
        page = await found(look, case, language)
        if language == "en" and state == "COMMITTED":
            await picture(page, "operate/screening-case")
        await page.get_by_role("link", name=say(title)).click()
        await page.fill("#why", "compared with the passport")
        await page.get_by_role("button", name=say("Submit the request")).click()
        await expect(page.locator("#state")).to_have_text(say("requested"))
        assert await page.get_by_role("button", name=say("Approve")).count() == 0
        number = page.url.rpartition("/")[2]

        second = await look("second-officer", "/screening", language=language)
        if language == "en" and state == "COMMITTED":
            await picture(second, "operate/screening")
        await second.locator(f'#waiting a[href="/console/changes/{number}"]').click()
        await second.fill("#why", "the same")
        await second.get_by_role("button", name=say("Approve")).click()
        await expect(second.locator("#state")).to_contain_text(say("executed"))
        ended = await final(look.stack, uetr)
        assert (ended["state"], ended.get("reason") or "") == (state, reason)


@in_each_language()
async def test_the_pages_of_an_officer_are_accessible_whole_and_no_others_are_offered(
    look: Look, screened: None, language: str
) -> None:
    _, case = await held(look)
    for path in ("/screening", f"/cases/{case}", "/cases"):
        page = await look("officer", path, language=language)
        await expect_accessible_day_and_night(page)
        await expect_whole_on_a_phone(page)
    offered = [await link.get_attribute("href") for link in await page.locator("nav a").all()]
    assert {"/console/screening", "/console/cases"} <= set(offered)
    assert not [
        one for one in offered if one and one.endswith(("/payments", "/positions", "/reports", "/log"))
    ]


async def test_a_viewer_of_the_bank_sees_a_payment_in_progress_and_no_reason(
    look: Look, screened: None
) -> None:
    uetr, _ = await held(look)
    look.expect_status(403, 404)
    for path in (f"/payments/{uetr}", "/payments", ""):
        page = await look("asha-bank", path)
        text = (await page.inner_text("body")).lower()
        assert not [word for word in ("sanction", "screening", "officer", "held by") if word in text], path
    page = await look("asha-bank", "/screening")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Not permitted")
