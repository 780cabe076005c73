"""A person adds a passkey in a real browser, with a virtual authenticator, and signs in with it."""

import re
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from argon2 import PasswordHasher
from playwright.async_api import Browser, BrowserContext, CDPSession, Page, expect

from switch.identity import enrolment, secrets
from tests.browser.looking import CONSOLE, expect_accessible
from tests.switch.stack import Stack

PASSWORD = "correct horse battery"
VIRTUAL = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@dataclass
class Owner:
    """A person of this test, in a browser of their own with an authenticator."""

    stack: Stack
    name: str
    totp: str
    context: BrowserContext
    page: Page
    cdp: CDPSession
    authenticator: str

    @property
    def url(self) -> str:
        """Passkeys need a host name."""
        return self.stack.url.replace("127.0.0.1", "localhost") + CONSOLE

    async def code(self) -> str:
        """The present code, as if it was not used before."""
        return await self.stack.fresh_code(self.name, self.totp)

    async def passkeys(self) -> list[dict[str, Any]]:
        found = await self.cdp.send("WebAuthn.getCredentials", {"authenticatorId": self.authenticator})
        return found["credentials"]

    async def verified(self, verified: bool) -> None:
        """Whether the finger on the sensor is the owner's."""
        wanted = {"authenticatorId": self.authenticator, "isUserVerified": verified}
        await self.cdp.send("WebAuthn.setUserVerified", wanted)

    async def sign_in(self, code: str = "") -> None:
        """With a code, or else with the passkey."""
        await self.page.goto(f"{self.url}/sign-in")
        await self.page.fill("#name", self.name)
        await self.page.fill("#password", PASSWORD)
        if code:
            await self.page.fill("#code", code)
            await self.page.get_by_role("button", name="Sign in", exact=True).click()
        else:
            await self.page.get_by_role("button", name="Sign in with a passkey").click()

    async def add_passkey(self, label: str) -> None:
        await self.page.goto(f"{self.url}/me")
        await self.page.fill("#code", await self.code())
        await self.page.get_by_role("button", name="Confirm", exact=True).click()
        await self.page.fill("#label", label)
        await self.page.get_by_role("button", name="Add a passkey").click()


@pytest_asyncio.fixture(loop_scope="session")
async def owner(browser: Browser, stack: Stack) -> AsyncIterator[Owner]:
    name, totp = f"own-{uuid.uuid4().hex[:8]}", secrets.new_totp()
    connection = await stack.connect()
    await connection.execute(
        "INSERT INTO switch.person (name, display_name, role, status, password_hash, totp_secret)"
        " VALUES ($1, 'Own', 'auditor', 'active', $2, $3)",
        name,
        PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD),
        secrets.Seal(stack.settings.data).seal(totp),
    )
    await connection.close()
    context = await browser.new_context(locale="en-GB")
    page = await context.new_page()
    cdp = await context.new_cdp_session(page)
    await cdp.send("WebAuthn.enable")
    made = await cdp.send("WebAuthn.addVirtualAuthenticator", {"options": VIRTUAL})
    yield Owner(stack, name, totp, context, page, cdp, made["authenticatorId"])
    await context.close()


@pytest.mark.long
async def test_a_passkey_is_added_used_and_removed(owner: Owner) -> None:
    await owner.sign_in(await owner.code())
    await expect(owner.page).to_have_url(owner.url)
    await owner.add_passkey("laptop")
    await expect(owner.page.get_by_role("row", name=re.compile("laptop"))).to_be_visible()
    await expect(owner.page.get_by_role("status")).to_contain_text("Your sign-in was changed")
    await expect_accessible(owner.page)
    (made,) = await owner.passkeys()
    assert made["isResidentCredential"]
    assert made["rpId"] == "localhost"

    await owner.page.get_by_role("button", name="Sign out").click()
    await owner.sign_in()
    await expect(owner.page).to_have_url(owner.url)

    await owner.page.goto(f"{owner.url}/me")
    await owner.page.get_by_role("button", name="Confirm with a passkey").click()
    await owner.page.get_by_role("button", name=re.compile("Remove.*laptop")).click()
    await expect(owner.page.get_by_text("A passkey was removed from your account.")).to_be_visible()
    await owner.page.get_by_role("button", name="I made these changes").click()
    await expect(owner.page.get_by_role("status")).to_have_count(0)

    await owner.page.get_by_role("button", name="Sign out").click()
    await owner.sign_in()
    await expect(owner.page.get_by_role("alert").first).to_contain_text("is wrong")


@pytest.mark.long
async def test_a_stolen_device_without_its_owner_opens_nothing(owner: Owner) -> None:
    await owner.sign_in(await owner.code())
    await owner.add_passkey("phone")
    await expect(owner.page.get_by_role("row", name=re.compile("phone"))).to_be_visible()
    await owner.page.get_by_role("button", name="Sign out").click()
    await owner.verified(False)
    await owner.sign_in()

    await expect(owner.page.locator("[data-passkey-problem]")).to_be_visible()
    await owner.verified(True)
    await owner.sign_in()
    await expect(owner.page).to_have_url(owner.url)


@pytest.mark.long
async def test_an_invited_person_enrols_with_a_passkey_alone(owner: Owner) -> None:
    connection = await owner.stack.connect()
    half, hashed = enrolment.new_half()
    await connection.execute("UPDATE switch.person SET status = 'invited' WHERE name = $1", owner.name)
    other = await enrolment.invite(connection, owner.name, hashed)
    await owner.page.goto(f"{owner.url}/enrol")
    for field, value in (("name", owner.name), ("maker_half", half), ("checker_half", other)):
        await owner.page.fill(f"#{field}", value)
    await owner.page.fill("#password", PASSWORD)
    await owner.page.get_by_role("button", name="Continue").click()
    await owner.page.fill("#label", "security key")
    await expect_accessible(owner.page)
    await owner.page.get_by_role("button", name="Add a passkey").click()
    await expect(owner.page).to_have_url(f"{owner.url}/sign-in")
    await owner.sign_in()
    await expect(owner.page).to_have_url(owner.url)
    row = await connection.fetchrow(
        "SELECT status, totp_secret FROM switch.person WHERE name = $1", owner.name
    )
    await connection.close()

    assert tuple(row) == ("active", None)
