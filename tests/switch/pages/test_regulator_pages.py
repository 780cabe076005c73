"""Pages of reports and of the open data, over HTTP, on a whole running switch."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import aiohttp
import pytest
import pytest_asyncio

from switch.pages import charts, drawing, language, open_data, reports
from switch.reports.catalogue import CATALOGUE
from tests.switch.identity.test_people_api import bearer
from tests.switch.stack import Stack

WEEK = "since=2026-01-01&until=2027-01-01&show=1"


@pytest_asyncio.fixture
async def http(stack: Stack) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(stack.url) as session:
        yield session


@pytest_asyncio.fixture
async def ravi(stack: Stack) -> dict[str, str]:
    """Who India's regulator is."""
    return bearer(stack, "regulator-in")


async def page(http: aiohttp.ClientSession, path: str, **headers: str) -> tuple[int, str, str]:
    async with http.get("/console" + path, headers=headers, allow_redirects=False) as answer:
        return answer.status, await answer.text(), answer.headers.get("Content-Security-Policy", "")


async def test_a_regulator_finds_its_reports_reads_one_and_sees_its_charts(
    http: aiohttp.ClientSession, ravi: dict[str, str]
) -> None:
    listed = await page(http, "/reports", **ravi)
    shown = await page(http, f"/reports/corridors?{WEEK}", **ravi)
    image = re.search(r'src="/console(/charts/[0-9a-f]{64}/payments\.svg)"', shown[1])
    assert image is not None, shown[1]
    drawn = await page(http, image[1], **ravi)
    unknown = await page(http, image[1].replace("payments", "uetr"), **ravi)
    phone = await page(http, f"{image[1]}?narrow=1", **ravi)
    again = await page(http, "/reports", **ravi)

    assert listed[0] == shown[0] == drawn[0] == 200
    assert "/console/reports/access" not in listed[1]  # the operators' own
    assert "unsafe-inline" not in shown[2]
    assert drawn[2] == charts.POLICY
    assert f'srcset="/console{image[1]}?narrow=1"' in shown[1]
    widths = {kind: ET.fromstring(made[1]).get("width") for kind, made in (("", drawn), ("phone", phone))}
    assert widths == {"": str(drawing.WIDTH), "phone": str(drawing.NARROW)}
    assert "<script" not in drawn[1]
    assert unknown[0] == 404
    assert image[1].split("/")[2] in again[1]


async def test_a_chart_is_shown_to_nobody_its_report_was_not_made_for(
    http: aiohttp.ClientSession, stack: Stack, ravi: dict[str, str]
) -> None:
    _, text, _ = await page(http, f"/reports/corridors?{WEEK}", **ravi)
    image = re.search(r"/charts/[0-9a-f]{64}/payments\.svg", text)
    assert image is not None
    other = bearer(stack, "regulator-pk")

    assert (await page(http, image[0], **other))[0] == 404
    assert (await page(http, image[0]))[0] == 303


async def test_an_invalid_form_names_the_error(http: aiohttp.ClientSession, ravi: dict[str, str]) -> None:
    status, text, _ = await page(http, "/reports/corridors?since=2026-01-01&show=1", **ravi)

    assert status == 400
    assert "missing: until" in text


async def test_reports_of_others_are_not_offered(http: aiohttp.ClientSession, ravi: dict[str, str]) -> None:
    assert (await page(http, "/reports/no-such-report", **ravi))[0] == 404
    assert (await page(http, "/reports/access-log", **ravi))[0] in {403, 404}
    assert (await page(http, "/reports"))[0] == 303


async def test_open_data_is_for_everybody(http: aiohttp.ClientSession) -> None:
    status, text, policy = await page(http, "/open-data")
    quarter = open_data.past_quarters(datetime.now(UTC))[0]
    drawn = await page(http, f"/open-data/payments.svg?quarter={quarter}")

    assert status == 200
    assert "<table>" in text
    assert "unsafe-inline" not in policy
    assert (drawn[0], drawn[2]) == (200, charts.POLICY)


def test_the_last_quarters_cross_the_year() -> None:
    found = open_data.past_quarters(datetime(2026, 4, 1, tzinfo=UTC))

    assert found[:3] == ["2026-Q1", "2025-Q4", "2025-Q3"]


def test_every_parameter_of_a_report_has_a_label() -> None:
    taken = {name for report in CATALOGUE.values() for name in (*report.takes, *report.may_take)}

    assert taken == set(reports.LABELS)


@pytest.mark.parametrize(("said", "given"), [("2026-11-23", "2026-11-23T00:00:00+00:00"), ("x", "x")])
def test_a_day_begins_at_midnight(said: str, given: str) -> None:
    assert reports.parameters({"since": said, "until": "", "show": "1"}) == {"since": given}


@pytest.mark.parametrize(("code", "name"), [("en", "Pakistan"), ("ru", "Пакистан"), ("zh", "巴基斯坦")])
async def test_the_country_page_has_the_countrys_name_and_says_that_nothing_is_credited_yet(
    http: aiohttp.ClientSession, stack: Stack, code: str, name: str
) -> None:
    person = bearer(stack, "regulator-pk")
    status, text, _ = await page(http, "/country", **person, Cookie=f"{language.COOKIE}={code}")

    assert status == 200
    say = language.Language(code, ZoneInfo("UTC")).text
    assert f"<h1>{say('Your country: {country}', country=name)}" in text
    assert f">{say('To be credited')}</th>" in text


async def test_the_card_of_refusals_says_whose_they_are(http: aiohttp.ClientSession, stack: Stack) -> None:
    _, text, _ = await page(http, "", **bearer(stack, "operator"))

    assert "Refused by the switch, last hour" in text
