"""The reference of the API in a browser that reaches nothing but the switch: read, followed, without barriers."""

from playwright.async_api import Route, expect

from tests.browser.looking import Look, expect_accessible


async def test_an_engineer_reads_an_operation_without_the_internet(look: Look) -> None:
    page = await look("")
    outside: list[str] = []

    async def only_the_switch(route: Route) -> None:
        if route.request.url.startswith(look.stack.url):
            await route.continue_()
        else:
            outside.append(route.request.url)
            await route.abort()

    await page.route("**/*", only_the_switch)
    await page.goto(f"{look.stack.url}/")
    await page.get_by_role("link", name="/docs/api", exact=True).click()
    await expect_accessible(page)
    await page.get_by_role("link", name="POST /v1/iso20022/pacs.008").click()
    await expect(page.locator("h1")).to_have_text("POST /v1/iso20022/pacs.008")
    await page.locator("summary", has_text="pacs.008.001.08").first.click()
    await expect(page.locator("details[open] pre")).to_contain_text("FIToFICstmrCdtTrf")
    await expect_accessible(page)
    await page.get_by_role("link", name="Problem", exact=True).first.click()
    await expect(page.locator("h1")).to_have_text("Problem")
    await page.goto(f"{look.stack.url}/docs/events")
    await expect(page.locator("h2", has_text="payment.posted")).to_be_visible()
    assert outside == []
