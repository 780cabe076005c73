"""People sign in with a real identity provider, the npm package oidc-provider, in a real browser.

The package is fetched to a cache outside the tree; where it cannot be had the tests are skipped.
"""

import asyncio
import json
import re
import subprocess
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from argon2 import PasswordHasher
from playwright.async_api import Browser, Page, expect

from adapters.simulation.sandbox import free_port
from switch.identity import secrets
from tests import npm
from tests.browser.looking import CONSOLE, expect_accessible
from tests.switch.identity.test_people_api import agreed, call
from tests.switch.stack import Stack

HERE = Path(__file__).parent
PASSWORD = "correct horse battery"
PEOPLE = {
    "auditor-1": {"groups": ["auditors"], "name": "Nadia N."},
    "auditor-2": {"groups": ["auditors"]},
    "auditor-3": {"groups": ["auditors"]},
    "guest": {"groups": ["guests"]},
}


@pytest.fixture(scope="session")
def package() -> Path:
    """The folder with the package, installed if it can be."""
    return npm.modules(npm.OIDC_PROVIDER).parent


@dataclass
class RealProvider:
    """The provider's process, registered with the switch by two people."""

    issuer: str
    id: str
    stack: Stack

    @property
    def ours(self) -> str:
        """The pages by a name, so that the provider on an address is another site."""
        return self.stack.url.replace("127.0.0.1", "localhost") + CONSOLE


@pytest.fixture(scope="session")
def running_provider(
    package: Path, stack: Stack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RealProvider]:
    port, id_, secret = free_port(), f"real-{uuid.uuid4().hex[:6]}", uuid.uuid4().hex
    issuer = f"http://127.0.0.1:{port}"
    provider = RealProvider(issuer, id_, stack)
    client = {
        "client_id": "payswitch",
        "client_secret": secret,
        "redirect_uris": [f"{provider.ours}/openid/callback"],
        "post_logout_redirect_uris": [f"{provider.ours}/sign-in"],
        "backchannel_logout_uri": f"{stack.url}{CONSOLE}/openid/backchannel-logout",
        "backchannel_logout_session_required": True,
    }
    file = tmp_path_factory.mktemp("provider") / "settings.json"
    file.write_text(json.dumps({"issuer": issuer, "port": port, "client": client, "people": PEOPLE}))
    folder = stack.settings.data / "keys" / "openid"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{id_}.secret").touch(0o600)
    (folder / f"{id_}.secret").write_text(secret)
    command = ["node", str(HERE / "provider.mjs"), str(package), str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            assert any("ready" in line for line in process.stdout)
            yield provider
        finally:
            process.terminate()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def provider(running_provider: RealProvider, stack: Stack) -> RealProvider:
    content = {
        "id": running_provider.id,
        "title": "Real provider",
        "issuer": running_provider.issuer,
        "client_id": "payswitch",
        "grants": ["auditors=auditor"],
        "just_in_time": True,
        "second_factors": ["otp"],
    }
    async with aiohttp.ClientSession(stack.url) as http:
        change = await agreed(http, stack, "identity_provider.set", content, "checker")
    assert change["state"] == "executed", change
    return running_provider


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser) -> AsyncIterator[Page]:
    context = await browser.new_context(locale="en-GB")
    yield await context.new_page()
    await context.close()


async def enter(page: Page, provider: RealProvider, name: str, *, otp: bool) -> None:
    """Sign in at the provider, whose page is open."""
    await expect(page).to_have_url(re.compile(f"^{re.escape(provider.issuer)}/interaction/"))
    await page.fill("[name=login]", name)
    if otp:
        await page.fill("[name=otp]", "1")
    await page.get_by_role("button", name="Enter").click()


async def test_a_person_is_added_signs_out_at_the_provider_too_and_comes_back(
    page: Page, provider: RealProvider
) -> None:
    await page.goto(f"{provider.ours}/reports")
    await expect_accessible(page)
    await page.get_by_role("link", name="Real provider").click()
    await enter(page, provider, "auditor-1", otp=True)
    await expect(page).to_have_url(f"{provider.ours}/reports")
    await expect(page.locator("header")).to_contain_text("Nadia N.")

    await page.get_by_role("button", name="Sign out").click()
    await expect(page).to_have_url(re.compile(f"^{re.escape(provider.issuer)}/session/end"))
    await page.get_by_role("button", name=re.compile("sign me out", re.IGNORECASE)).click()
    await expect(page).to_have_url(re.compile(f"^{re.escape(provider.ours)}/sign-in"))
    await page.get_by_role("link", name="Real provider").click()
    await enter(page, provider, "auditor-1", otp=True)
    await expect(page).to_have_url(provider.ours)


async def test_the_provider_ends_the_session_behind_our_back(page: Page, provider: RealProvider) -> None:
    await page.goto(f"{provider.ours}/openid/sign-in/{provider.id}")
    await enter(page, provider, "auditor-2", otp=True)
    await expect(page).to_have_url(provider.ours)
    await page.goto(f"{provider.issuer}/session/end")
    await page.get_by_role("button", name=re.compile("sign me out", re.IGNORECASE)).click()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        await page.goto(f"{provider.ours}/reports")
        if "/sign-in" in page.url:
            break
        await asyncio.sleep(0.2)

    await expect(page).to_have_url(re.compile("/sign-in"))


@pytest.mark.long
@pytest.mark.parametrize(("name", "otp"), [("guest", True), ("auditor-9", True), ("auditor-1x", False)])
async def test_who_has_no_group_gets_nothing(
    page: Page, provider: RealProvider, name: str, otp: bool
) -> None:
    await page.goto(f"{provider.ours}/openid/sign-in/{provider.id}")
    await enter(page, provider, name, otp=otp)

    await expect(page.get_by_role("alert")).to_contain_text("gives no access here")


@pytest.mark.long
async def test_an_answer_in_another_browser_or_once_more_gives_nothing(
    browser: Browser, page: Page, provider: RealProvider
) -> None:
    answers: list[str] = []
    page.on("request", lambda seen: answers.append(seen.url) if "/openid/callback" in seen.url else None)
    await page.goto(f"{provider.ours}/openid/sign-in/{provider.id}")
    await enter(page, provider, "auditor-1", otp=True)
    await expect(page).to_have_url(provider.ours)
    other = await browser.new_context(locale="en-GB")
    thief = await other.new_page()
    for one in (thief, page):
        await one.goto(answers[0])
        await expect(one.get_by_role("alert")).to_contain_text("expired")
    await other.close()


@pytest.mark.long
async def test_a_person_connects_and_our_second_factor_is_asked_for(
    page: Page, provider: RealProvider, stack: Stack
) -> None:
    """The person has a password and an authenticator; afterwards the provider's sign-in and the authenticator."""
    name, totp = f"own-{uuid.uuid4().hex[:8]}", secrets.new_totp()
    await _person(stack, name, totp)
    await page.goto(f"{provider.ours}/sign-in")
    await page.fill("#name", name)
    await page.fill("#password", PASSWORD)
    await page.fill("#code", await stack.fresh_code(name, totp))
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await expect(page).to_have_url(provider.ours)
    await page.goto(f"{provider.ours}/me")
    await page.fill("#code", await stack.fresh_code(name, totp))
    await page.get_by_role("button", name="Confirm", exact=True).click()
    await page.get_by_role("button", name="Connect: Real provider").click()
    await enter(page, provider, "auditor-3", otp=False)
    await expect(page.get_by_text("You sign in at:")).to_be_visible()
    await expect_accessible(page)
    await page.get_by_role("button", name="Sign out").click()

    await page.goto(f"{provider.ours}/openid/sign-in/{provider.id}")
    await expect(page.get_by_role("heading", name="Second factor")).to_be_visible()
    await expect_accessible(page)
    await page.fill("#code", "000000")
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await expect(page.get_by_role("alert").first).to_contain_text("is wrong")
    await page.fill("#code", await stack.fresh_code(name, totp))
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await expect(page).to_have_url(provider.ours)
    async with aiohttp.ClientSession(stack.url) as http:
        body = {"name": name, "password": PASSWORD, "code": await stack.fresh_code(name, totp)}
        status, _ = await call(http, "POST", "/v1/sign-in", body)

    assert status == 401, "the password ended"


async def _person(stack: Stack, name: str, totp: str) -> None:
    connection = await stack.connect()
    values: tuple[Any, ...] = (
        name,
        PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD),
        secrets.Seal(stack.settings.data).seal(totp),
    )
    await connection.execute(
        "INSERT INTO switch.person (name, display_name, role, status, password_hash, totp_secret)"
        " VALUES ($1, 'Own', 'auditor', 'active', $2, $3)",
        *values,
    )
    await connection.close()
