"""A real Chromium on a whole running switch; one of each for the session, signed-in people are kept.

All tests below run on one event loop, the browser's. Without Chromium they skip and say so.
"""

import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path

import noto_cjk_sans_otc  # type: ignore[import-untyped]
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright

from tests.browser.looking import Browsing, Look, Picture, take_picture
from tests.switch.stack import Stack

HERE = Path(__file__).parent
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The shell without a user interface first: the same engine at two thirds of the processor time."""


@cache
def chromium() -> str | None:
    """The browser's path. A name alone is not enough: Ubuntu has one that only tells how to get it."""
    for name in NAMES:
        path = shutil.which(name)
        if path and subprocess.run([path, "--version"], check=False, capture_output=True).returncode == 0:
            return path
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = pytest.mark.skip(reason="needs Chromium: apt-get install chromium-headless-shell, or chromium")
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
            if chromium() is None:
                item.add_marker(missing)


@pytest.fixture(scope="session")
def fonts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration of fonts: those of this machine, and the Chinese one in which reports are printed.

    Few servers have a Chinese font: without it every character is the same box, and no width is the true one.
    """
    found = tmp_path_factory.mktemp("fonts") / "fonts.conf"
    found.write_text(
        '<?xml version="1.0"?><fontconfig><include ignore_missing="yes">/etc/fonts/fonts.conf</include>'
        f"<dir>{noto_cjk_sans_otc.FONT_PATH.parent}</dir><cachedir>{found.parent}</cachedir></fontconfig>"
    )
    return found


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(fonts: Path) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        # Root needs --no-sandbox; /dev/shm is small in containers.
        options = ["--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        found = await playwright.chromium.launch(
            executable_path=chromium(), args=options, env={**os.environ, "FONTCONFIG_FILE": str(fonts)}
        )
        yield found
        await found.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browsing(browser: Browser, stack: Stack) -> Browsing:
    return Browsing(browser, stack)


@pytest_asyncio.fixture(loop_scope="session")
async def look(browsing: Browsing) -> AsyncIterator[Look]:
    """Opens pages: `page = await look("operator", "/payments", language="ru", dark=True)`."""
    found = Look(browsing)
    yield found
    await found.close()

    assert found.seen.problems == []


@pytest.fixture
def picture(request: pytest.FixtureRequest) -> Picture:
    """Takes a picture for the docs with `--pictures`; else nothing."""

    async def none(_page: Page, _name: str) -> None:
        pass

    return take_picture if request.config.getoption("--pictures") else none
