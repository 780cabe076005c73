"""The settlement day, oversight and proofs in the browser: operators, central banks and auditors at work."""

import asyncio
import io
import re
import time
import zipfile
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from playwright.async_api import Page, Route, expect

from ledger import audit
from ledger.signing import Cosigner
from switch.operations import housekeeping
from switch.reports import package
from tests.browser import paying
from tests.browser.looking import (
    WAIT_MS,
    Look,
    Picture,
    expect_accessible,
    expect_whole_on_a_phone,
    in_each_language,
)
from tests.switch.identity.test_people_api import bearer, call, status_report
from tests.switch.stack import Stack
from tests.switch.witness import test_witnessing as witnessing

PAGES = {
    "regulator-in": ("/country", "/windows", "/statistics", "/proofs", "/log", "/participants/asha-bank"),
    "operator": ("/participants", "/participants/new", "/participants/asha-bank", "/people", "/windows"),
    "auditor": ("/log?what=people", "/proofs", "/people"),
}


async def publish(stack: Stack) -> int:
    """Sign a checkpoint of everything so far; its size."""
    connection = await stack.connect()
    try:
        await audit.checkpoint(connection, housekeeping.signer(stack.settings))
        return (await audit.page(connection))[0].size
    finally:
        await connection.close()


@pytest.mark.long
@in_each_language()
@pytest.mark.parametrize("person", PAGES)
async def test_pages_have_no_barriers(look: Look, person: str, language: str) -> None:
    await paying.paid(look.stack)
    await publish(look.stack)
    for number, path in enumerate(PAGES[person]):
        page = await look(person, path, language=language, dark=number % 2 == 0)

        await expect(page.locator("html")).to_have_attribute("lang", language)
        await expect(page.locator("nav a[aria-current=page]")).to_have_count(1)
        await expect_accessible(page)
        await expect_whole_on_a_phone(page)
        await look.done(page)


async def api(stack: Stack, method: str, path: str, person: str = "operator") -> Any:
    async with aiohttp.ClientSession(stack.url) as http:
        status, found = await call(http, method, path, headers=bearer(stack, person))
    assert status == 200, found
    return found


async def until(stack: Stack, window: int, state: str) -> Any:
    """Wait for the caretaker to bring the window so far."""
    async with asyncio.timeout(WAIT_MS / 1000):
        while True:
            found = await api(stack, "GET", f"/v1/settlements/{window}")
            if found["state"] == state and found["positions_sha256"]:
                return found
            await asyncio.sleep(0.1)


async def ask(page: Page, link: str, why: str) -> str:
    """Follow a link to a form that is filled in already, say why, ask; the path of the request."""
    await page.get_by_role("link", name=link).click()
    await page.fill("#why", why)
    await page.get_by_role("button", name="Submit the request").click()
    await expect(page.locator("#state")).to_have_text("requested")
    return page.url.partition("/console")[2]


async def closed(look: Look) -> int:
    """The rupee's window with a payment in it, closed by two people in their pages; its number."""
    await paying.paid(look.stack)
    found = await api(look.stack, "GET", "/v1/settlements?currency=INR")
    window: int = next(each["window"] for each in found if each["state"] == "OPEN")
    operator = await look("operator", f"/windows/{window}")
    change = await ask(operator, "Close a settlement window now", "end of day")
    checker = await look("checker", change)
    await checker.fill("#why", "the day is over")
    await checker.get_by_role("button", name="Approve").click()
    await expect(checker.locator("#state")).to_have_text("executed")
    await until(look.stack, window, "CLOSED")
    return window


@pytest.mark.long
async def test_a_window_is_closed_confirmed_by_central_banks_and_settled(
    look: Look, picture: Picture
) -> None:
    window = await closed(look)
    operator = await look("operator", f"/windows/{window}")
    await expect(operator.locator("main")).to_contain_text("recalculated from the lines below: matches")
    await expect_accessible(operator)
    await picture(operator, "operate/window-closed")
    await ask(operator, "Confirm settlement positions", "the day's positions")
    lines = (await api(look.stack, "GET", f"/v1/settlements/{window}"))["lines"]
    for country in sorted({line["country"] for line in lines}):
        bank = await look(f"regulator-{country.lower()}", "/country")
        if country == "IN":
            await expect_accessible(bank)
            await picture(bank, "regulate/country")
        await bank.get_by_role("link", name=f"Window {window}").click()
        await bank.fill("#why", "compared with our own books")
        await expect_accessible(bank)
        if country == "IN":
            await picture(bank, "regulate/window-confirm")
        await bank.get_by_role("button", name="Confirm the positions").click()
        await bank.goto(f"/console/windows/{window}")
        await expect(bank.get_by_text(f"confirmed by regulator-{country.lower()}")).to_be_visible()
    settling = await until(look.stack, window, "SETTLING")
    agent = look.stack.credentials["settlement_agents"]["INR"]["bearer"]
    headers = {"Authorization": f"Bearer {agent}", "Content-Type": "application/xml"}
    async with aiohttp.ClientSession(look.stack.url, headers=headers) as http:
        report = status_report(settling["lines"])
        async with http.post("/v1/settlements/confirmations", data=report) as answer:
            assert answer.status == 200
    await until(look.stack, window, "SETTLED")
    after = await look("regulator-in", f"/windows/{window}")

    await expect(after.locator("[aria-current=step]")).to_have_text("SETTLED")
    await expect(after.get_by_role("button", name="Confirm the positions")).to_have_count(0)
    await expect_accessible(after)
    await picture(after, "regulate/window-settled")


@in_each_language("zh")
async def test_a_proof_is_worked_out_in_the_page(look: Look, picture: Picture, language: str) -> None:
    """In every language the browser finds the same; with another key, or one changed byte, it does not."""
    uetr = await paying.paid(look.stack)
    await publish(look.stack)
    page = await look("regulator-in", "/proofs", language=language)
    await page.fill("#uetr", uetr)
    await page.press("#uetr", "Enter")
    verdict = page.locator("#verdict")
    await expect(verdict).to_have_class("done")
    await expect(page.locator("#signature")).to_have_class("good")
    await expect(page.locator("dd.good[id^=event-]")).to_have_count(await page.locator("section").count())
    await expect_accessible(page)
    if language == "en":
        await expect(verdict).to_have_text("Verified in this browser.")
        await picture(page, "regulate/proof")
    key = await page.input_value("#keys")
    await page.fill("#keys", key.replace("payswitch", "someoneelse"))
    await page.click("#again")

    await expect(verdict).to_have_class("problem")
    await expect(page.locator("#signature")).to_have_class("bad")
    await expect_accessible(page)


async def test_a_changed_byte_is_found_in_the_page(look: Look) -> None:
    uetr = await paying.paid(look.stack)
    await publish(look.stack)
    page = await look("auditor")

    async def change(route: Route) -> None:
        answer = await route.fetch()
        text = await answer.text()
        changed = text.replace('"kind": "CONFIRM"', '"kind": "REJECT"')
        assert changed != text
        await route.fulfill(response=answer, body=changed)

    await page.route(re.compile("/proofs/show"), change)
    await page.goto(f"/console/proofs/show?uetr={uetr}")

    await expect(page.locator("#verdict")).to_have_class("problem")
    await expect(page.locator("#signature")).to_have_class("good")
    await expect(page.locator("dd.bad[id^=event-]")).to_have_count(1)


async def test_cosignatures_of_witnesses_are_verified_in_the_page(look: Look) -> None:
    uetr = await paying.paid(look.stack)
    size = await publish(look.stack)
    witness, other = (Cosigner("browser.test", Ed25519PrivateKey.generate()) for _ in range(2))
    _, found = await witnessing.get(look.stack, f"checkpoints/{size}")
    line = witness.cosign(found["checkpoint"], int(time.time()))
    async with witnessing.registered(look.stack, witness.verifier_key):
        assert await witnessing.post(look.stack, size, line) == 204
        page = await look("auditor", f"/proofs/show?uetr={uetr}")
        shown = page.locator("#witnessed li")
        await expect(shown.filter(has_text=f"browser.test: Cosigned up to event {size}")).to_have_class(
            "good"
        )
        await page.fill("#witness-keys", other.verifier_key)
        await page.click("#again")
        await expect(shown).to_have_class("bad")
        await expect(page.locator("#verdict")).to_have_class("done")
        await expect_accessible(page)
        page = await look("regulator-in", "/proofs")
        await expect(page.locator("#witnesses tr", has_text="browser.test")).to_contain_text("cosigns")


async def test_two_checkpoints_are_compared_in_the_page(look: Look, picture: Picture) -> None:
    await paying.paid(look.stack)
    first = await publish(look.stack)
    await paying.paid(look.stack)
    second = await publish(look.stack)
    page = await look("regulator-pk", "/proofs")
    await picture(page, "regulate/checkpoints")
    await page.fill("#first", str(first))
    await page.fill("#second", str(second))
    await page.get_by_role("button", name="Compare", exact=True).click()

    await expect(page.locator("#verdict")).to_have_class("done")
    await expect(page.locator("[id^=older-].good")).to_have_count(1)


async def test_a_proof_is_shown_step_by_step_without_scripts(look: Look) -> None:
    uetr = await paying.paid(look.stack)
    await publish(look.stack)
    page = await look("auditor")
    await page.route(re.compile("/static/proof[.]js"), lambda route: route.abort())
    look.seen.problems.clear()
    await page.goto(f"/console/proofs/show?uetr={uetr}")
    await page.locator("details:not(.help) > summary").first.click()

    await expect(page.locator("#verdict")).to_contain_text("Verified by the switch.")
    await expect(page.locator("details[open] li code").last).to_have_text(
        await page.locator("dl.facts dd code").first.inner_text()
    )
    look.seen.problems[:] = [each for each in look.seen.problems if "ERR_FAILED" not in each]


@pytest.mark.long
async def test_pictures_of_oversight_and_administration(look: Look, picture: Picture) -> None:
    await paying.paid(look.stack)
    for person, path, name in (
        ("regulator-in", "/statistics", "regulate/statistics"),
        ("auditor", "/log", "regulate/log"),
        ("operator", "/participants", "operate/participants"),
        ("operator", "/participants/asha-bank", "operate/participant"),
        ("operator", "/people", "operate/people"),
    ):
        page = await look(person, path)
        await expect(page.locator("h1")).to_be_visible()
        await picture(page, name)


async def test_a_report_is_verified_in_the_browser_and_sent_nowhere(look: Look) -> None:
    now = datetime.now(UTC)
    asked = {"since": now - timedelta(days=1), "until": now + timedelta(days=1)}
    query = urlencode(
        {**{name: at.isoformat() for name, at in asked.items()}, "format": "pdf", "package": "true"}
    )
    async with aiohttp.ClientSession(look.stack.url, headers=bearer(look.stack, "regulator-in")) as http:
        async with http.get(f"/v1/reports/costs?{query}") as answer:
            octets = await answer.read()
    signed = package.unpack(octets)
    changed = {
        "name": "changed.zip",
        "mimeType": "application/zip",
        "buffer": repacked(octets, b"%PDF", b"%PdF"),
    }
    page = await look("", "/verify")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    verdict = page.locator("#verdict")

    await page.set_input_files("#file", {"name": "a.zip", "mimeType": "application/zip", "buffer": octets})
    await expect(verdict).to_have_class("done")
    await expect(page.locator("#facts")).to_contain_text(signed.sha256)
    await page.set_input_files("#file", changed)
    await expect(verdict).to_have_class("problem")
    await expect(verdict).to_contain_text("NOT VALID")
    pair = [(signed.name, signed.octets), (f"{signed.name}.jws", signed.signature.encode())]
    await page.set_input_files("#file", [{"name": n, "mimeType": "text/plain", "buffer": b} for n, b in pair])
    await expect(verdict).to_have_class("done")
    await page.set_input_files("#file", {"name": "x", "mimeType": "text/plain", "buffer": b"x"})
    await expect(verdict).to_contain_text("There is no signature")
    await expect_accessible(page)
    await expect_whole_on_a_phone(page)

    assert sent == []


def repacked(octets: bytes, what: bytes, by: bytes) -> bytes:
    """A package with something else in its files."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(octets)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(what, by))
    return out.getvalue()
