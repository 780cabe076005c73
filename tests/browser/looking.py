"""How people look at the pages here: signed in, in a language, by day or by night, with nothing going wrong.

Pages of one person share one browser context for the whole session, because the switch renews a session's
token in it. What the browser's console reports as an error, a breach of the content security policy among
it, fails the test that looked.
"""

import re
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Error, Page, ViewportSize, expect

from switch.pages import language
from tests.switch.stack import Stack

CONSOLE: Final = "/console"
_STREAM: Final = f"{CONSOLE}/live"
PICTURES: Final = Path(__file__).parents[2] / "docs"
WAIT_MS: Final = 60_000
"""An upper bound of everything, for a machine that is busy."""

expect.set_options(timeout=WAIT_MS)

_RESTS_S: Final = 10 * 60
"""Idle for a little longer, a session is over."""
_SIZE: Final[ViewportSize] = {"width": 1200, "height": 800}
_PHONE: Final[ViewportSize] = {"width": 390, "height": 844}
_BEYOND: Final = """() => document.documentElement.scrollWidth > innerWidth
    ? [`the page is ${document.documentElement.scrollWidth} wide`]
    : [...document.querySelectorAll('td.n, .cards b')].filter(element => element.getClientRects().length)
        .filter(element => { const range = document.createRange(); range.selectNodeContents(element);
            const box = range.getBoundingClientRect(); return box.left < 0 || box.right > innerWidth + 1 })
        .map(element => element.textContent)"""
_PICTURE_HEIGHT_MAX: Final = 1100
_STATUS: Final = re.compile(r"the server responded with a status of (\d+)")
_OF_COLOURS: Final = ["color-contrast", "link-in-text-block"]
"""The rules of axe that colours decide; all others see the same by night."""
_AXE: Final = """async (rules) => (await axe.run(rules ? {runOnly: rules} : {})).violations.map(found => ({
    rule: found.id, help: found.help,
    nodes: found.nodes.map(node => ({at: node.target.join(' '), html: node.html, why: node.failureSummary})),
}))"""


def in_each_language(first: str = "en") -> pytest.MarkDecorator:
    """Run a test in `first`, which need not be English, and in the other languages if there is time."""
    others = [pytest.param(code, marks=pytest.mark.long) for code in language.LANGUAGES if code != first]
    return pytest.mark.parametrize("language", [first, *others])


def words(code: str) -> Callable[[str], str]:
    """What a text of the pages is in a language."""
    return language.Language(code, language.ZoneInfo("UTC")).text


@dataclass
class Seen:
    """What went wrong on the pages of one test. `expect_status` says which answers it provokes.

    Without slots: Playwright stores its side of a listener in the object that listens.
    """

    problems: list[str] = field(default_factory=list)
    allowed: set[int] = field(default_factory=set)

    def watch(self, page: Page) -> None:
        """Note every error of a page from now on."""
        page.on("pageerror", self._fail)
        page.on("console", self._hear)

    def leave(self, page: Page) -> None:
        """Note nothing of a page from now on."""
        page.remove_listener("pageerror", self._fail)
        page.remove_listener("console", self._hear)

    def _fail(self, error: Error) -> None:
        self.problems.append(f"script: {error}")

    def _hear(self, said: ConsoleMessage) -> None:
        status = _STATUS.search(said.text)
        if (
            said.location["url"].endswith(_STREAM)
            and status
            and int(status[1]) == HTTPStatus.TOO_MANY_REQUESTS
        ):
            return  # streams of the pages before it end within seconds; the page asks again
        if said.type == "error" and not (status and int(status[1]) in self.allowed):
            self.problems.append(said.text)


@dataclass(slots=True)
class Browsing:
    """One browser on one running switch, and who is signed in there."""

    browser: Browser
    stack: Stack
    contexts: dict[str, BrowserContext] = field(default_factory=dict)
    used_at: dict[str, float] = field(default_factory=dict)
    resting: dict[BrowserContext, list[Page]] = field(default_factory=dict)
    """Pages that no test looks at: another page costs a process, three times as much as what it shows."""

    async def page(self, context: BrowserContext) -> Page:
        """A page of a context, as if it were new."""
        resting = self.resting.get(context)
        return resting.pop() if resting else await context.new_page()

    async def rest(self, page: Page) -> None:
        """Keep a page for the next test; one that its test closed is gone."""
        if not page.is_closed() and page.context in self.contexts.values():
            await page.unroute_all()
            await page.goto("about:blank")
            await page.set_viewport_size(_SIZE)
            self.resting.setdefault(page.context, []).append(page)

    async def context(self, person: str) -> BrowserContext:
        """The context of a person of the sandbox, signed in through the page; of nobody, if it is empty."""
        if person and time.monotonic() - self.used_at.get(person, -_RESTS_S) >= _RESTS_S:
            await self.forget(person)
            page = await self.page(await self._open(person))
            await sign_in(page, self.stack, person)
            await self.rest(page)
        self.used_at[person] = time.monotonic()
        return self.contexts.get(person) or await self._open(person)

    async def forget(self, person: str) -> None:
        """Whoever comes next as this person signs in anew."""
        self.used_at.pop(person, None)
        if person in self.contexts:
            context = self.contexts.pop(person)
            self.resting.pop(context, None)
            await context.close()

    async def _open(self, person: str) -> BrowserContext:
        found = await self.browser.new_context(base_url=self.stack.url, viewport=_SIZE)
        found.set_default_timeout(WAIT_MS)
        self.contexts[person] = found
        return found


class Look:
    """Opens pages for one test: `page = await look("operator", "/payments", language="ru", dark=True)`."""

    def __init__(self, browsing: Browsing) -> None:
        self.stack = browsing.stack
        self.seen = Seen()
        self._browsing = browsing
        self._pages: list[Page] = []

    async def __call__(
        self, person: str, path: str | None = None, *, language: str = "en", dark: bool = False
    ) -> Page:
        """A new page of a person (nobody, if empty), at `path` behind `/console`, if any."""
        context = await self._browsing.context(person)
        await say_language(context, self.stack.url, language)
        page = await self._browsing.page(context)
        self._pages.append(page)
        self.seen.watch(page)
        await page.emulate_media(color_scheme="dark" if dark else "light", reduced_motion="reduce")
        if path is not None:
            await page.goto(CONSOLE + path)
        return page

    def expect_status(self, *statuses: int) -> None:
        """The test provokes answers of these: the browser's word of them is no failure."""
        self.seen.allowed.update(statuses)

    async def forget(self, person: str) -> None:
        """For a test that ends a person's session."""
        await self._browsing.forget(person)

    async def close(self) -> None:
        """Leave every page that was looked at to the next test."""
        while self._pages:
            await self.done(self._pages[-1])

    async def done(self, page: Page) -> None:
        """Leave one page: its next errors are of others."""
        self._pages.remove(page)
        self.seen.leave(page)
        await self._browsing.rest(page)


Picture = Callable[[Page, str], Awaitable[None]]
"""`await picture(page, "operate/overview")`: a picture for the docs, where they were asked for."""


async def take_picture(page: Page, name: str) -> None:
    """Write `docs/<part>/pictures/<name>.png` of a page, as far as one looks down at once."""
    part, _, file = name.partition("/")
    target = PICTURES / part / "pictures" / f"{file}.png"
    target.parent.mkdir(parents=True, exist_ok=True)
    height = await page.evaluate("() => document.documentElement.scrollHeight")
    clip = {"x": 0, "y": 0, "width": 1200, "height": min(height, _PICTURE_HEIGHT_MAX)}
    await page.screenshot(path=target, full_page=True, clip=clip, animations="disabled", caret="hide")


async def sign_in(page: Page, stack: Stack, person: str) -> None:
    """Sign in by keyboard alone: the name has the focus, Tab leads on, Enter sends."""
    entry: dict[str, Any] = stack.credentials["people"][person]
    await page.goto(f"{CONSOLE}/sign-in")
    await expect(page.locator("#name")).to_be_focused()
    await page.keyboard.type(person)
    await page.keyboard.press("Tab")
    await page.keyboard.type(entry["password"])
    await page.keyboard.press("Tab")
    await page.keyboard.type(await stack.fresh_code(person, entry["totp_secret"]))
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(stack.url + CONSOLE)


async def say_language(context: BrowserContext, url: str, code: str) -> None:
    """Choose a language."""
    await context.add_cookies([{"name": language.COOKIE, "value": code, "url": url}])


async def expect_accessible(page: Page, rules: Sequence[str] | None = None) -> None:
    """axe finds no violation, or none of `rules`; a violation is printed with its place and its remedy."""
    if not await page.evaluate("() => 'axe' in window"):
        await page.evaluate(AXE_SCRIPT)
    found = await page.evaluate(_AXE, rules)
    told = [
        f"{one['rule']}: {one['help']}\n  {node['at']}\n  {node['html'][:200]}\n  {node['why']}"
        for one in found
        for node in one["nodes"]
    ]

    assert not told, page.url + "\n" + "\n".join(told)


async def expect_whole_on_a_phone(page: Page) -> None:
    """At 390 pixels nothing is beyond the edge, least of all an amount."""
    await page.set_viewport_size(_PHONE)
    beyond = await page.evaluate(_BEYOND)
    await page.set_viewport_size(_SIZE)

    assert beyond == [], page.url


async def expect_accessible_day_and_night(page: Page) -> None:
    """The same with light and with dark colours; the page is loaded once and is dark afterwards."""
    await page.emulate_media(color_scheme="light", reduced_motion="reduce")
    await expect_accessible(page)
    await page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    await expect_accessible(page, _OF_COLOURS)
