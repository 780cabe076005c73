"""The operator's day: finding payments, ending doubt with a checker, keeping an eye on everything."""

import asyncio
import re

import pytest
from playwright.async_api import Locator, Page, Route, expect

from switch.sandbox.world import magic_account
from tests.browser import paying
from tests.browser.looking import (
    WAIT_MS,
    Look,
    Picture,
    expect_accessible_day_and_night,
    expect_whole_on_a_phone,
    in_each_language,
)

PAGES = (
    "",
    "/payments",
    "/payment-files",
    "/doubt",
    "/held",
    "/positions",
    "/rails",
    "/queues",
    "/breaks",
    "/cases",
    "/changes",
    "/reports",
)
TABS_MAX = 300


async def tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until `wanted` has the focus, and shows it."""
    await expect(wanted).to_be_visible()
    for _ in range(TABS_MAX):
        if await wanted.evaluate("element => element === document.activeElement"):
            outline = await wanted.evaluate("element => getComputedStyle(element).outlineStyle")
            assert outline != "none"
            return
        await page.keyboard.press("Tab")
    raise AssertionError("the keyboard does not reach it")


@pytest.mark.long
async def test_an_unknown_outcome_is_found_and_resolved_by_two_by_keyboard_alone(
    look: Look, picture: Picture
) -> None:
    """People sign in by keyboard here, too: see `looking.sign_in`."""
    uetr = await paying.doubtful(look.stack)
    page = await look("operator", "")
    ways = page.get_by_role("navigation", name="Navigation")
    await tab_to(page, ways.get_by_role("link", name="Payments", exact=True))
    await page.keyboard.press("Enter")
    await tab_to(page, page.get_by_label("UETR or reference"))
    await page.keyboard.type(uetr)
    await page.keyboard.press("Enter")
    await tab_to(page, page.get_by_role("link", name=uetr))
    await page.keyboard.press("Enter")
    await expect(page.locator("#state")).to_have_text("UNKNOWN")
    await tab_to(page, page.get_by_role("link", name="Request manual resolution"))
    await page.keyboard.press("Enter")
    await expect(page.locator("#uetr")).to_have_value(uetr)
    await tab_to(page, page.locator("#outcome"))
    await page.keyboard.type("committed")
    await tab_to(page, page.locator("#evidence"))
    await page.keyboard.type("statement of the rail, page 7")
    await tab_to(page, page.locator("#why"))
    await page.keyboard.type("The rail's operator confirmed by letter")
    await tab_to(page, page.get_by_role("button", name="Submit the request"))
    await page.keyboard.press("Enter")
    await expect(page.locator("#state")).to_have_text("requested")

    checker = await look("checker", page.url.partition("/console")[2])
    await expect(checker.get_by_role("row", name=uetr).first).to_contain_text("UNKNOWN")
    await picture(checker, "operate/change-vote")
    await tab_to(checker, checker.locator("#why"))
    await checker.keyboard.type("I have seen page 7")
    await tab_to(checker, checker.get_by_role("button", name="Approve"))
    await checker.keyboard.press("Enter")
    await expect(checker.locator("#state")).to_have_text("executed")

    done = await look("operator", f"/payments/{uetr}")
    await expect(done.locator("#state")).to_have_text("COMMITTED")
    await expect(done.locator(".journey .step.taken")).to_have_count(4)


async def test_a_payment_shows_its_journey_its_money_and_its_evidence_and_nobody(
    look: Look, picture: Picture
) -> None:
    uetr = await paying.paid(look.stack)
    page = await look("operator", f"/payments/{uetr}")
    document = await page.inner_text("main")

    await expect(page.locator(".journey .step.taken")).to_have_count(3)
    await expect(page.locator(".journey .state.passed")).to_have_count(4)
    await expect(page.get_by_role("row", name="conversion").first).to_contain_text("1,500.00 INR")
    await expect(page.get_by_role("link", name="Audit evidence of a payment")).to_be_visible()
    assert magic_account("IN", "") not in document
    assert await page.get_by_role("button", name=re.compile("personal data")).count() == 0
    await picture(page, "operate/payment")


async def test_a_refused_payment_shows_its_reason(look: Look) -> None:
    uetr = await paying.paid(look.stack, "20.00", word="AC04")
    page = await look("auditor", f"/payments/{uetr}")

    await expect(page.locator("#state")).to_have_text("ABORTED")
    await expect(page.locator("main")).to_contain_text("AC04")


async def test_payments_are_found_by_state_and_corridor(look: Look, picture: Picture) -> None:
    uetr = await paying.paid(look.stack)
    page = await look("operator", "/payments")
    await page.select_option("#in-state", "COMMITTED")
    await page.select_option("#source", "IN")
    await page.get_by_role("button", name="Search").click()

    await expect(page.get_by_role("link", name=uetr)).to_be_visible()
    await picture(page, "operate/payments")
    await page.select_option("#source", "PK")
    await page.get_by_role("button", name="Search").click()
    await expect(page.get_by_role("link", name=uetr)).to_have_count(0)


@in_each_language("ru")
async def test_the_table_of_payments_is_no_wider_than_its_box(look: Look, language: str) -> None:
    """At 1280 pixels the rail and the time were beyond its edge, in Russian, of which nothing told."""
    await paying.paid(look.stack, "1234567.00", word="AC04")
    await paying.paid(look.stack)
    page = await look("operator", "/payments", language=language)
    await page.set_viewport_size({"width": 1280, "height": 800})
    wide = await page.evaluate(
        "() => [...document.querySelectorAll('main .scroll')].map(box => box.scrollWidth - box.clientWidth)"
    )

    assert wide
    assert max(wide) <= 1


async def test_a_payment_opens_beside_its_list_and_on_a_phone_as_a_page(look: Look) -> None:
    uetr = await paying.paid(look.stack, "21.00")
    page = await look("operator", "/payments")
    listed = page.get_by_role("link", name=uetr)
    await listed.press("Enter")
    panel = page.get_by_role("dialog")
    await expect(panel.locator("#state")).to_have_text("COMMITTED")
    await expect_accessible_day_and_night(page)
    await page.keyboard.press("Escape")
    await expect(panel).to_be_hidden()
    await expect(listed).to_be_focused()
    await listed.click()
    await panel.get_by_role("link", name="Open as a page").click()
    await expect(page).to_have_url(re.compile(f"/payments/{uetr}$"))
    await page.goto("/console/payments")
    await page.set_viewport_size({"width": 390, "height": 844})
    await listed.click()

    await expect(page).to_have_url(re.compile(f"/payments/{uetr}$"))


async def test_unknown_outcomes_are_listed_by_age_with_a_link_to_the_request(
    look: Look, picture: Picture
) -> None:
    uetr = await paying.doubtful(look.stack)
    page = await look("operator", "/doubt")
    row = page.get_by_role("row", name=uetr)

    await expect(row).to_be_visible()
    await picture(page, "operate/doubt")
    await row.get_by_role("link", name=re.compile("Request resolution")).click()
    await expect(page.locator("#uetr")).to_have_value(uetr)


async def test_a_rail_is_closed_and_opened_again_by_two(look: Look, picture: Picture) -> None:
    for button, state in (("Close", "closed"), ("Open", "open")):
        page = await look("operator", "/rails")
        await picture(page, "operate/rails")
        row = page.get_by_role("table", name="Rails", exact=True).get_by_role("row", name="IN")
        await row.get_by_role("link", name="Open or close a rail: IN").click()
        await page.fill("#why", button)
        await page.get_by_role("button", name="Submit the request").click()
        checker = await look("checker", page.url.partition("/console")[2])
        await checker.fill("#why", "seen")
        await checker.get_by_role("button", name="Approve").click()
        await expect(checker.locator("#state")).to_have_text("executed")
        page = await look("operator", "/rails")
        row = page.get_by_role("table", name="Rails", exact=True).get_by_role("row", name="IN")
        await expect(row.get_by_role("cell", name=state, exact=True)).to_be_visible()


async def test_the_overview_is_live_and_can_be_paused(look: Look, picture: Picture) -> None:
    page = await look("operator", "")
    as_of = page.locator(".asof")
    before = await as_of.inner_text()
    await expect(as_of).not_to_have_text(before)
    pause = page.get_by_role("button", name="Pause updates")
    await pause.click()

    await expect(pause).to_have_attribute("aria-pressed", "true")
    await expect(page.locator("#live")).to_have_text("Paused")
    await picture(page, "operate/overview")


async def test_a_page_says_that_its_figures_are_stale_and_recovers(look: Look) -> None:
    page = await look("operator", "")
    live, stale = page.locator("#live"), page.locator("#stale")
    await expect(live).to_have_text("Live")
    await expect(stale).to_be_hidden()
    look.seen.leave(page)  # the browser reports each request that fails
    await page.context.set_offline(True)

    await expect(stale).to_contain_text("have not been updated since")
    await expect(live).to_have_text("Not live")
    await page.context.set_offline(False)
    await expect(stale).to_be_hidden()
    await expect(live).to_have_text("Live")


_SEEN_AGAIN_AND_AGAIN = """() => setInterval(() => {
    document.dispatchEvent(new Event('visibilitychange'));
    fetch('/console/static/icon.svg');
}, 100)"""
"""A live page that is seen again is fetched again at once. The icon says that it was seen again."""


async def test_a_live_page_is_not_fetched_while_its_form_is_sent_and_is_live_again_afterwards(
    look: Look,
) -> None:
    """What is shown may just be removed by the form: its page would be not found."""
    page = await look("operator")
    await page.clock.install()
    await page.goto("/console/positions")
    await expect(page.locator("#live")).to_have_text("Live")
    held: asyncio.Queue[Route] = asyncio.Queue()
    await page.route(re.compile("/console/(positions|language)$"), held.put)
    await page.evaluate(_SEEN_AGAIN_AND_AGAIN)
    async with asyncio.timeout(WAIT_MS / 1000):
        reading = await held.get()
        async with page.expect_event("requestfailed", lambda request: request == reading.request):
            await page.locator("button.tongue[lang=ru]").dispatch_event("click")
        sending = await held.get()
        for _ in range(2):
            await page.wait_for_event("request", lambda request: request.url.endswith("icon.svg"))
        assert (reading.request.method, sending.request.method) == ("GET", "POST")
        assert held.empty()
        await sending.fulfill(status=204)
        await page.clock.fast_forward(10_000)
        live_again = await held.get()

    assert live_again.request.method == "GET"


async def idle_for(look: Look, person: str, minutes: int) -> None:
    connection = await look.stack.connect()
    await connection.execute(
        "UPDATE switch.session SET seen_at = clock_timestamp() - make_interval(mins => $2) WHERE person = $1",
        person,
        minutes,
    )
    await connection.close()


@pytest.mark.long
async def test_an_unattended_page_says_when_it_is_signed_out_and_that_it_was(look: Look) -> None:
    look.expect_status(401)
    page = await look("auditor", "")
    ending = page.locator("#ending")
    await expect(page.locator("#live")).to_have_text("Live")
    await idle_for(look, "auditor", 12)
    await expect(ending).to_contain_text("You will be signed out at", timeout=30_000)
    await page.mouse.click(5, 5)
    await expect(ending).to_be_hidden()
    await idle_for(look, "auditor", 16)

    await expect(ending).to_contain_text("You have been signed out.", timeout=30_000)
    await expect(page.locator("main h1")).to_have_count(0)
    await ending.get_by_role("link", name="Sign in again").click()
    await expect(page).to_have_url(re.compile("/sign-in"))
    await look.forget("auditor")


async def test_a_regulator_sees_people_of_its_own_payments_and_it_is_written_down(look: Look) -> None:
    uetr = await paying.paid(look.stack, "12.00")
    page = await look("regulator-pk", f"/payments/{uetr}")
    await expect(page.locator("main")).to_contain_text("masked")
    await page.get_by_role("button", name=re.compile("personal data")).click()
    await expect(page.locator("main")).not_to_contain_text("masked")
    await expect(page.locator("main")).to_contain_text(magic_account("IN", ""))
    connection = await look.stack.connect()
    said = await connection.fetchval(
        "SELECT count(*) FROM ledger.event WHERE kind = 'PERSONAL_DATA' AND convert_from(body, 'UTF8') LIKE $1",
        f"%{uetr}%",
    )
    await connection.close()

    assert said == 1


@pytest.mark.long
@in_each_language()
async def test_the_pages_have_no_barriers(look: Look, language: str) -> None:
    uetr = await paying.paid(look.stack, "11.00")
    page = await look("operator", language=language)
    for path in (*PAGES, f"/payments/{uetr}"):
        await page.goto("/console" + path)
        await expect(page.locator("html")).to_have_attribute("lang", language)
        await expect_accessible_day_and_night(page)
        await expect_whole_on_a_phone(page)
