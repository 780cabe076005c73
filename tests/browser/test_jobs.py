"""The daily jobs of those who use the pages, from the first page to the end, with every click counted.

A click is a link, a button or a choice, or Enter in its place; typing is none. `CLICKS` has what each job takes
at most: a page that needs more fails here. Each job is done in one language; the other two are long tests.
"""

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import aiohttp
import pytest
from playwright.async_api import Locator, Page, expect

from schemas.signing import key_request
from schemas.signing.keys import SigningKey
from tests.browser import paying
from tests.browser.looking import Look, in_each_language, words
from tests.browser.test_regulator import api, publish, until
from tests.switch.identity.test_people_api import status_report

CLICKS: Final = {
    "find a payment that has not arrived": 1,
    "resolve a doubt with two people": 6,
    "pause and reopen a rail": 9,
    "close and settle a currency": 11,
    "find the bank that did not pay": 1,
    "onboard a participant with keys and caps": 5,
    "raise a cap": 5,
    "prove what happened to a payment": 2,
    "a regulator's morning": 4,
    "a treasury's day": 4,
}


@dataclass
class Job:
    """One job in one language: who does what on which page, and how many clicks it takes."""

    look: Look
    name: str
    language: str
    clicks: int = 0
    pages: dict[str, Page] = field(default_factory=dict)

    @property
    def say(self) -> Callable[[str], str]:
        return words(self.language)

    async def by(self, person: str, path: str = "") -> Page:
        """The page on which a person works, at the first page when they come to it."""
        if person not in self.pages:
            self.pages[person] = await self.look(person, path, language=self.language)
        return self.pages[person]

    async def press(self, wanted: Locator) -> None:
        """Follow a link or press a button."""
        self.clicks += 1
        await wanted.click()

    async def enter(self, page: Page, text: str) -> None:
        """Type into the search of the header, which Ctrl+K leads to, and press Enter."""
        await page.keyboard.press("Control+k")
        await page.keyboard.type(text)
        self.clicks += 1
        await page.keyboard.press("Enter")

    async def choose(self, field: Locator, value: str) -> None:
        self.clicks += 1
        await field.select_option(value)

    async def follow(self, page: Page, title: str) -> None:
        """An entry of the navigation."""
        await self.press(page.get_by_role("navigation").get_by_role("link", name=self.say(title), exact=True))

    async def act(self, page: Page, about: str, title: str) -> None:
        """The action beside the sentence that says what needs attention."""
        concern = page.locator(".concerns li").filter(has_text=about)
        await self.press(concern.get_by_role("link", name=self.say(title)).first)

    async def request(self, page: Page) -> None:
        """Say why, and submit the form."""
        await page.fill("#why", self.name)
        await self.press(page.get_by_role("button", name=self.say("Submit the request")))
        await expect(page.locator("#state")).to_have_text(self.say("requested"), ignore_case=True)

    async def agree(self, number: str, person: str = "checker") -> Page:
        """Decide on a change from the first page."""
        page = await self.by(person)
        await page.goto("/console")
        await self.act(page, number, "Decide")
        await page.fill("#why", "seen")
        await self.press(page.get_by_role("button", name=self.say("Approve"), exact=True))
        await expect(page.locator("#state")).to_have_text(self.say("executed"), ignore_case=True)
        return page

    def end(self, record: Callable[[str, object], None]) -> None:
        """Record the clicks; fail if there were more than the job may take."""
        record(f"clicks: {self.name}", self.clicks)

        assert self.clicks <= CLICKS[self.name]


def number_of(page: Page) -> str:
    """The change on this page, in the words of a sentence about it."""
    return f" {page.url.rsplit('/', 1)[1]} "


@in_each_language("ru")
async def test_a_payment_that_has_not_arrived_is_found_by_what_its_sender_knows(
    look: Look, language: str, record_property: Callable[[str, object], None]
) -> None:
    job = Job(look, "find a payment that has not arrived", language)
    end_to_end = f"RENT {uuid.uuid4().hex[:10]}"
    uetr = await paying.doubtful(look.stack, "41.10", end_to_end=end_to_end)
    page = await job.by("operator")
    await job.enter(page, end_to_end)

    await expect(page.locator("#uetr")).to_have_text(uetr)
    await expect(page.locator("#state")).to_have_text(job.say("UNKNOWN"), ignore_case=True)
    await expect(page.get_by_role("link", name=job.say("Request manual resolution"))).to_be_visible()
    job.end(record_property)


@in_each_language("zh")
async def test_a_doubt_is_resolved_by_two(
    look: Look, language: str, record_property: Callable[[str, object], None]
) -> None:
    job = Job(look, "resolve a doubt with two people", language)
    uetr = await paying.doubtful(look.stack, "41.20")
    page = await job.by("operator")
    await job.press(page.locator(".concerns").get_by_role("link", name=job.say("Resolve")).first)
    row = page.get_by_role("row", name=uetr)
    await job.press(row.get_by_role("link", name=job.say("Request resolution")))
    await job.choose(page.locator("#outcome"), "committed")
    await page.fill("#evidence", "statement of the rail, page 7")
    await job.request(page)
    await job.agree(number_of(page))
    await page.goto(f"/console/payments/{uetr}")

    await expect(page.locator("#state")).to_have_text(job.say("COMMITTED"), ignore_case=True)
    job.end(record_property)


@pytest.mark.long
@in_each_language()
async def test_a_rail_is_paused_and_opened_again_by_two(
    look: Look, language: str, record_property: Callable[[str, object], None]
) -> None:
    """Its payments wait, and go on by themselves."""
    job = Job(look, "pause and reopen a rail", language)
    page = await job.by("operator")
    await job.follow(page, "Rails")
    await job.press(page.get_by_role("link", name=f"{job.say('Open or close a rail')}: PK"))
    await job.request(page)
    await job.agree(number_of(page))
    async with look.stack.client("asha-bank") as client:
        await look.stack.until_read()
        held = await client.pay(look.stack.document("asha-bank", "noor-wallet", amount="41.30"))
        await page.goto("/console")
        await job.act(page, "Raast", "Request to open the rail")
        await job.request(page)
        await job.agree(number_of(page))
        while (await client.payment(held.uetr)).status == "ACSP":
            await client.payment(held.uetr, wait=5)
        ended = await client.payment(held.uetr)

    assert ended.state in {"COMMITTED", "ABORTED"}
    job.end(record_property)


@pytest.mark.long
@in_each_language("ru")
async def test_a_currency_is_closed_and_settled_and_the_bank_that_did_not_pay_is_named(
    look: Look, language: str, record_property: Callable[[str, object], None]
) -> None:
    job = Job(look, "close and settle a currency", language)
    await paying.paid(look.stack)
    open_windows = await api(look.stack, "GET", "/v1/settlements?currency=INR")
    window = next(each["window"] for each in open_windows if each["state"] == "OPEN")
    page = await job.by("operator")
    await job.follow(page, "Windows")
    await job.press(page.locator(f"main a[href$='window={window}']", has_text=job.say("Close")))
    await job.request(page)
    await job.agree(number_of(page))
    found = await until(look.stack, window, "CLOSED")
    await page.goto("/console")
    await job.act(page, f" {window}", "Request the confirmation")
    await job.request(page)
    banks = [
        f"regulator-{country.lower()}" for country in sorted({line["country"] for line in found["lines"]})
    ]
    for person in banks:
        bank = await job.by(person, "/country")
        await job.press(bank.locator("main ul a", has_text=f"{window}").first)
        await bank.fill("#why", "compared with our own books")
        await job.press(bank.get_by_role("button", name=job.say("Confirm the positions")))
        await expect(bank).not_to_have_url(f"/windows/{window}")
    settling = await until(look.stack, window, "SETTLING")
    job.end(record_property)

    await not_paid_by(look, settling["lines"], "asha-bank")
    await until(look.stack, window, "SETTLED")
    job = Job(look, "find the bank that did not pay", language, pages=job.pages)
    await page.goto("/console")
    await job.act(page, "asha-bank", "Open the window")
    await expect(page.get_by_role("row", name="asha-bank").first).to_contain_text(job.say("HELD"))
    job.end(record_property)


async def not_paid_by(look: Look, lines: list[dict[str, str]], *banks: str) -> None:
    """The settlement agent's word on every line."""
    agent = look.stack.credentials["settlement_agents"]["INR"]["bearer"]
    headers = {"Authorization": f"Bearer {agent}", "Content-Type": "application/xml"}
    async with aiohttp.ClientSession(look.stack.url, headers=headers) as http:
        report = status_report(lines, refused=banks)
        async with http.post("/v1/settlements/confirmations", data=report) as answer:
            assert answer.status == 200, await answer.text()


@pytest.mark.long
@in_each_language("zh")
async def test_a_participant_is_onboarded_with_a_key_and_a_cap(
    look: Look, language: str, record_property: Callable[[str, object], None]
) -> None:
    job = Job(look, "onboard a participant with keys and caps", language)
    name = f"new-{uuid.uuid4().hex[:8]}"
    key = SigningKey.generate(f"{name}-1")
    letters = "".join(chr(ord("A") + int(digit, 16)) for digit in uuid.uuid4().hex[:4])
    page = await job.by("operator")
    await job.follow(page, "Participants")
    await job.press(page.get_by_role("link", name=job.say("Onboard a participant")))
    typed = {
        "id": name,
        "name": "New Bank",
        "bic": f"{letters}INBB",
        "country": "IN",
        "currency.0": "INR",
        "net_debit_cap.0": "5000000",
        "keyid.0": key.keyid,
        "request.0": key_request.make(key, name),
    }
    for field_, value in typed.items():
        await page.locator(f'[id="{field_}"]').fill(value)
    await job.request(page)
    await job.agree(number_of(page))
    await page.goto(f"/console/participants/{name}")

    await expect(page.get_by_role("row", name="INR")).to_contain_text("5")
    await expect(page.get_by_role("row", name=key.keyid)).to_contain_text(
        job.say("in force"), ignore_case=True
    )
    job.end(record_property)


@in_each_language()
async def test_a_cap_is_raised(
    look: Look, language: str, record_property: Callable[[str, object], None]
) -> None:
    job = Job(look, "raise a cap", language)
    page = await job.by("operator")
    await job.enter(page, look.stack.participant("asha-bank")["bic"])
    account = page.get_by_role("row", name="INR").filter(has_text=job.say("position")).first
    await job.press(account.get_by_role("link", name=job.say("Set a net debit cap")))
    raised = f"9{uuid.uuid4().int % 10**6:06}000"
    await page.fill("#net_debit_cap", raised)
    await job.request(page)
    number = number_of(page)
    before = await page.locator("#effect").inner_text()
    await job.agree(number)
    await page.goto("/console/participants/asha-bank")
    after = await account.inner_text()

    assert before
    assert raised in re.sub("[^0-9]", "", after)
    job.end(record_property)


@pytest.mark.long
@in_each_language("ru")
async def test_an_auditor_proves_what_happened_to_a_payment(
    look: Look, language: str, record_property: Callable[[str, object], None]
) -> None:
    """Found by its UETR, verified in the browser, and a file that proves it elsewhere."""
    job = Job(look, "prove what happened to a payment", language)
    uetr = await paying.paid(look.stack, "41.40")
    await publish(look.stack)
    page = await job.by("auditor")
    await job.enter(page, uetr)
    await job.press(page.get_by_role("link", name=job.say("Verify the proof")))

    await expect(page.locator("#verdict")).to_have_text(job.say("Verified in this browser."))
    await expect(page.locator("#signature")).to_have_class("good")
    await expect(page.get_by_role("link", name=f"{uetr}.json")).to_be_visible()
    job.end(record_property)


@in_each_language("zh")
async def test_a_regulators_morning(
    look: Look, language: str, record_property: Callable[[str, object], None]
) -> None:
    """What awaits it, what its banks owe, a large payment, and yesterday's figures."""
    job = Job(look, "a regulator's morning", language)
    await paying.paid(look.stack, "41.50")
    page = await job.by("regulator-in")
    await job.follow(page, "Country")
    await expect(page.get_by_role("region", name=job.say("Net positions"))).to_be_visible()
    await expect(page.get_by_role("row", name="asha-bank").first).to_contain_text("INR")
    await job.press(page.get_by_role("link", name=job.say("Open and unknown payments")))
    await expect(page.get_by_role("button", name=job.say("Show"), exact=True)).to_be_visible()
    await job.press(page.get_by_role("button", name=job.say("Show"), exact=True))
    await expect(page.locator("main table")).to_be_visible()
    await job.follow(page, "Statistics")
    await expect(page.locator("svg.series").first).to_be_visible()
    job.end(record_property)


@pytest.mark.long
@in_each_language()
async def test_a_treasurys_day(
    look: Look, language: str, record_property: Callable[[str, object], None]
) -> None:
    """What it can still send, what it sent, and a statement for its own books."""
    job = Job(look, "a treasury's day", language)
    uetr = await paying.paid(look.stack, "41.60")
    page = await job.by("participant")
    await expect(page.locator(".cards")).to_contain_text("INR")
    await job.follow(page, "My position")
    await expect(page.locator(".cards .money").first).to_be_visible()
    await job.follow(page, "Payments")
    await expect(page.get_by_role("link", name=uetr)).to_be_visible()
    await job.follow(page, "Statements")
    await job.press(page.get_by_role("link", name=job.say("view")).first)
    await expect(page.locator("main table").first).to_be_visible()
    job.end(record_property)
