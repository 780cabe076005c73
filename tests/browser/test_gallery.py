"""Every page of every role as pictures, to be looked at one by one: `pytest tests/browser/test_gallery.py --gallery DIR`.

Pages are found as a reader finds them, by their links, on a switch where payments ended in all the ways there
are. Each is taken in six settings, in which every two of width, colours and language meet.
"""

import re
import struct
import zlib
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import aiohttp
import pypdfium2
import pytest
import pytest_asyncio
from playwright.async_api import Page, Route
from starlette.requests import Request

from schemas.errors import (
    EffectChanged,
    NotAllowed,
    OutcomeUnknown,
    SwitchError,
    TooManyRequests,
    Unavailable,
)
from switch.api import problems
from switch.identity.model import Person, Role, Status
from switch.pages import site
from switch.reports.catalogue import CATALOGUE
from tests.browser import living
from tests.browser.looking import CONSOLE, Look, say_language
from tests.switch.identity.test_people_api import bearer
from tests.switch.stack import Stack

pytestmark = pytest.mark.timeout(3600)
SETTINGS: Final = (
    (1280, False, "en"),
    (1280, True, "ru"),
    (1280, False, "zh"),
    (390, True, "en"),
    (390, False, "ru"),
    (390, True, "zh"),
)
"""Width in pixels, dark, and language."""
PEOPLE: Final = (
    *("operator", "checker", "auditor", "regulator-in", "participant", "silkroad-fx", "officer"),
    "",
)
"""Roles whose pages differ; at the end nobody, who is not signed in."""
SEEDS: Final = {
    "": ("/sign-in", "/open-data", "/verify"),
    "operator": ("", "/nowhere"),
}
_HEIGHT_MAX: Final = 3600
_IN_ALL_SETTINGS: Final = 6
"""Pages of one kind that no link leads to: the fourth payment's page is made as the first one's."""
_LINKS: Final = "links => links.map(link => link.getAttribute('href'))"
_NO_PAGE: Final = re.compile(
    r"/(sign-out|openid)|[.](json|py|svg|jws|csv|xlsx|pdf|zip)\b|format=|/attachments/|/search|/live"
)
_FORM: Final = re.compile(r"changes[.]new[.].*")
"""Forms of changes are made alike: of the second one picture is enough."""
_ID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32,}|\b\d+\b|(?<=/participants/)(?!new)[^/]+")


@pytest.fixture(scope="module")
def gallery(request: pytest.FixtureRequest) -> Path:
    """The directory of the pictures; without the option nobody looks, and nothing is done."""
    found: Path | None = request.config.getoption("--gallery")
    if found is None:
        pytest.skip("pictures for people's eyes: --gallery DIR")
    return found


@pytest.fixture(scope="module")
def taken() -> set[str]:
    """Kinds of pages of which there are pictures in all settings: of other roles one picture is enough."""
    return set()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def world(gallery: Path, stack: Stack) -> AsyncIterator[living.Lived]:
    async with living.lived(stack) as found:
        yield found


def _seeds(world: living.Lived, person: str) -> list[str]:
    """Pages of a role that no link may lead to."""
    seeds = list(SEEDS.get(person, ("",)))
    if person in {"operator", "participant"}:
        seeds += [f"/payments/{world.payments[name]}" for name in sorted(world.payments, key=_telling)]
    if person == "operator":
        seeds += [f"/windows/{window}" for window in world.windows]
        seeds += [f"/cases/{case}" for case in world.cases]
        seeds += _reports(world)
    if person == "checker":
        seeds += [f"/changes/{change}" for change in world.changes[:2]]
    if person == "officer":
        seeds.append(f"/cases/{world.held}")
    return seeds


def _telling(name: str) -> int:
    """The payments whose pages have most to show come first."""
    telling = ("owed-order", "parts", "recall-refused", "recall-agreed", "doubt", "back")
    return (*telling, name).index(name)


def _reports(world: living.Lived) -> list[str]:
    """A preview of every report."""
    known = _known(world)
    known |= {name: known[name][:10] for name in ("since", "until")}  # days
    found = [
        (name, {each: known[each] for each in definition.takes})
        for name, definition in CATALOGUE.items()
        if known.keys() >= set(definition.takes)
    ]
    return [f"/reports/{name}?{urlencode({**asked, 'show': 1})}" for name, asked in found]


def _known(world: living.Lived) -> dict[str, str]:
    """What reports are asked about."""
    now = datetime.now(UTC)
    return {
        "window": str(world.windows[0]),
        "since": (now - timedelta(hours=2)).isoformat(),
        "until": (now + timedelta(days=1)).isoformat(),
        "participant": "asha-bank",
        "currency": "INR",
        "above": "0.01",
        "corridor": "IN-PK",
        "uetr": world.payments["done"],
    }


def _kind(path: str) -> str:
    """A name for pages that differ by numbers and ids only."""
    plain = path.partition("?")[0].removeprefix(CONSOLE)
    return _ID.sub("N", plain).strip("/").replace("/", ".") or "home"


async def _take(page: Page, url: str, target: Path, setting: tuple[int, bool, str]) -> None:
    width, dark, code = setting
    await say_language(page.context, url, code)
    await page.set_viewport_size({"width": width, "height": 800})
    await page.emulate_media(color_scheme="dark" if dark else "light", reduced_motion="reduce")
    await page.reload()
    height: int = await page.evaluate("() => document.documentElement.scrollHeight")
    await page.screenshot(
        path=target / f"{width}-{'dark' if dark else 'light'}-{code}.png",
        full_page=True,
        clip={"x": 0, "y": 0, "width": width, "height": min(height, _HEIGHT_MAX)},
        animations="disabled",
        caret="hide",
    )


@pytest.mark.parametrize("person", PEOPLE)
async def test_pictures_of_every_page(
    look: Look, gallery: Path, world: living.Lived, taken: set[str], person: str
) -> None:
    look.expect_status(*range(400, 600))
    page = await look(person)
    seeds = [CONSOLE + path for path in _seeds(world, person)]
    waiting, mine, seen = list(seeds), Counter[str](), set[str]()
    while waiting:
        path = waiting.pop(0)
        kind = _kind(path)
        if path in seen or (mine[kind] and path not in seeds):
            continue
        seen.add(path)
        mine[kind] += 1
        await page.goto(path)
        target = gallery / f"{person or 'nobody'}.{kind}{f'.{mine[kind]}' if mine[kind] > 1 else ''}"
        target.mkdir(parents=True, exist_ok=True)
        shape = _FORM.sub("form", kind)
        is_telling = path in seeds and mine[kind] <= _IN_ALL_SETTINGS
        for setting in SETTINGS if is_telling or shape not in taken else SETTINGS[:1]:
            await _take(page, look.stack.url, target, setting)
        taken.add(shape)
        await say_language(page.context, look.stack.url, "en")
        links = await page.eval_on_selector_all("a[href]", _LINKS)
        waiting += [
            link.partition("#")[0] for link in links if link.startswith(CONSOLE) and not _NO_PAGE.search(link)
        ]


ERRORS: Final = {
    "forbidden": NotAllowed("this page is not available for your role"),
    "changed": EffectChanged(None),
    "too-many": TooManyRequests("too many requests"),
    "unavailable": Unavailable(),
    "away": OSError("the database is away"),
    "perhaps": OutcomeUnknown(site.PERHAPS_DONE),
    "defect": KeyError("a defect"),
}


@pytest.mark.parametrize("name", ERRORS)
async def test_pictures_of_pages_of_errors(look: Look, gallery: Path, name: str) -> None:
    """As the switch makes them; what leads there is tested elsewhere."""
    look.expect_status(*range(400, 600))
    error = ERRORS[name]
    known = site.or_page(problems.on_switch_error)
    handle = known if isinstance(error, SwitchError) else site.or_page(problems.on_defect, site.unexpected)

    async def answer(route: Route) -> None:
        headers = [
            (key.encode(), value.encode()) for key, value in (await route.request.all_headers()).items()
        ]
        request = Request(
            {
                "type": "http",
                "method": "GET",
                "headers": headers,
                "query_string": b"",
                "path": "/console/rails",
            }
        )
        request.state.viewer = Person("operator", "Olga Ivanova", Role.OPERATOR, "", Status.ACTIVE)
        made = await handle(request, error)
        await route.fulfill(
            status=made.status_code, body=bytes(made.body), content_type="text/html; charset=utf-8"
        )

    page = await look("operator")
    await page.route("**/console/rails", answer)
    await page.goto(f"{CONSOLE}/rails")
    target = gallery / f"error.{name}"
    target.mkdir(parents=True, exist_ok=True)
    for setting in SETTINGS:
        await _take(page, look.stack.url, target, setting)
    await say_language(page.context, look.stack.url, "en")


@pytest.mark.parametrize("language", ["en", "ru", "zh"])
async def test_pictures_of_reports_on_paper(
    gallery: Path, world: living.Lived, stack: Stack, language: str
) -> None:
    """Every page of every report, of the payments of this switch."""
    known = _known(world)
    async with aiohttp.ClientSession(stack.url, headers=bearer(stack, "operator")) as http:
        for name, definition in CATALOGUE.items():
            if "pdf" not in definition.formats or not known.keys() >= set(definition.takes):
                continue
            asked = {each: known[each] for each in definition.takes}
            if "payer" in definition.may_take:
                asked["uetr"] = known["uetr"]
            async with http.get(
                f"/v1/reports/{name}", params={**asked, "format": "pdf", "lang": language}
            ) as answer:
                octets = await answer.read()
            if answer.status != 200:
                continue  # such as a window that has no instruction
            for number, page in enumerate(pypdfium2.PdfDocument(octets)):
                target = gallery / f"report.{name}"
                target.mkdir(parents=True, exist_ok=True)
                _png(target / f"{language}-{number}.png", page)


def _png(target: Path, page: pypdfium2.PdfPage) -> None:
    """A page as a picture: each row of pixels has a filter of none before it."""
    bitmap = page.render(scale=1.4, rev_byteorder=True)
    width, height, stride = bitmap.width, bitmap.height, bitmap.stride
    octets, each = bytes(bitmap.buffer), bitmap.n_channels
    rows = b"".join(b"\0" + octets[row * stride : row * stride + width * each] for row in range(height))

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, {3: 2, 4: 6}[each], 0, 0, 0)
    target.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
