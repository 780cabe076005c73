"""What two people do to the switch, through the pages."""

import re
import uuid
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.browser.looking import (
    Look,
    Picture,
    expect_accessible_day_and_night,
    expect_whole_on_a_phone,
    in_each_language,
)

OPENING = "/changes/new/rail.switch?country=PK&open=true"
SAID = {
    "en": ("Approve", "requested", "executed"),
    "ru": ("Одобрить", "запрошено", "исполнено"),
    "zh": ("批准", "已申请", "已执行"),
}


async def ask(look: Look, path: str = OPENING, **options: Any) -> Page:
    """The page of a change that the operator has just asked for."""
    page = await look("operator", path, **options)
    await page.fill("#why", "for the browser tests")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile(r"/console/changes/\d+$"))
    return page


def path_of(page: Page) -> str:
    return page.url.partition("/console")[2]


@in_each_language("ru")
@pytest.mark.long
async def test_one_requests_another_approves_and_it_is_executed(
    look: Look, picture: Picture, language: str
) -> None:
    approve, requested, executed = SAID[language]
    asked = await ask(look, language=language)
    await expect(asked.locator("#state")).to_have_text(requested)
    page = await look("checker", path_of(asked), language=language)
    await page.fill("#why", "seen")
    await page.get_by_role("button", name=approve).click()
    await expect(page.locator("#state")).to_have_text(executed)
    if language == "en":
        await picture(await look("operator", "/changes"), "operate/changes")


async def test_both_central_banks_and_a_checker_open_a_corridor_each_once(look: Look) -> None:
    page = await ask(look, "/changes/new/corridor.switch?source=IN&target=PK&enabled=true")
    people = ("regulator-in", "checker", "regulator-pk")
    for person in people:
        voting = await look(person, path_of(page))
        await expect(voting.locator("#state")).to_have_text("requested")
        await voting.fill("#why", "seen")
        await voting.get_by_role("button", name="Approve").click()
        await expect(voting.get_by_role("row", name=person)).to_contain_text("approve")
        assert await voting.get_by_role("button", name="Approve").count() == 0

    await expect(voting.locator("#state")).to_have_text("executed")


async def test_one_person_alone_cannot(look: Look) -> None:
    """Neither does the page offer it, nor does the form that it does not offer do it."""
    look.expect_status(403)
    page = await ask(look)
    assert await page.get_by_role("button", name="Approve").count() == 0
    await page.evaluate(
        """path => {
            const form = document.createElement('form');
            form.method = 'post';
            form.action = path + '/votes';
            for (const [name, value] of [['decision', 'approve'], ['why', 'myself']]) {
                const field = document.createElement('input');
                field.name = name;
                field.value = value;
                form.append(field);
            }
            document.body.append(form);
            form.submit();
        }""",
        "/console" + path_of(page),
    )

    await expect(page.get_by_role("alert")).to_contain_text("your role may not do this")
    await expect(page.locator("#state")).to_have_text("requested")


async def test_a_checker_requests_nothing(look: Look) -> None:
    look.expect_status(403)
    page = await look("checker", OPENING)
    listed = await look("checker", "/changes")

    await expect(page.get_by_role("alert")).to_be_visible()
    assert await listed.get_by_text("Request a change").count() == 0


async def test_a_request_is_taken_back_by_its_maker_alone(look: Look) -> None:
    page = await ask(look)
    other = await look("checker", path_of(page))
    assert await other.get_by_role("button", name="Withdraw").count() == 0
    await page.get_by_role("button", name="Withdraw").click()

    await expect(page.locator("#state")).to_have_text("withdrawn")


async def test_an_invalid_form_names_the_error_and_keeps_the_input(look: Look) -> None:
    look.expect_status(422)
    page = await look(
        "operator", "/changes/new/cap.set?participant=asha-bank&currency=PKR&net_debit_cap=5.00"
    )
    await page.fill("#why", "no account there")
    await page.get_by_role("button", name="Submit the request").click()

    await expect(page.get_by_role("alert")).to_contain_text("no account in this currency")
    await expect(page.locator("#net_debit_cap")).to_have_value("5.00")
    await expect(page.locator("#why")).to_have_value("no account there")


async def test_each_of_two_people_has_half_of_a_new_persons_code(look: Look) -> None:
    name = f"wanda-{uuid.uuid4().hex[:8]}"
    page = await look("operator", f"/changes/new/person.add?name={name}&display_name=Wanda&role=auditor")
    await page.fill("#why", "hired")
    await page.get_by_role("button", name="Submit the request").click()
    await expect(page.locator("#half")).to_have_text(re.compile("^[0-9a-f]{16}$"))
    number = re.search(r"Change (\d+)", await page.locator("h1").inner_text())
    assert number is not None
    other = await look("checker", f"/changes/{number[1]}")
    await other.fill("#why", "met her")
    await other.get_by_role("button", name="Approve").click()

    await expect(other.locator("#half")).to_have_text(re.compile("^[0-9a-f]{16}$"))
    await expect(other.locator("#state")).to_have_text("executed")
    assert await page.locator("#half").inner_text() != await other.locator("#half").inner_text()


@pytest.mark.long
@in_each_language()
async def test_the_pages_have_no_barriers(look: Look, language: str) -> None:
    page = await ask(look, language=language)
    change = path_of(page)
    await expect_accessible_day_and_night(page)
    await look.done(page)
    for person, path in (("operator", "/changes"), ("operator", OPENING), ("checker", change)):
        page = await look(person, path, language=language)
        await expect_accessible_day_and_night(page)
        await expect_whole_on_a_phone(page)
        await look.done(page)
