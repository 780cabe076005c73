"""Help and first steps: each page of a role explains itself, without scripts, and the steps can be hidden."""

import re

import aiohttp
import pytest

from switch.identity.model import Role
from switch.pages import site, tour
from switch.pages.help import HELP
from switch.pages.shell import NAVIGATION, PREFIX
from tests.switch.identity.test_people_api import bearer
from tests.switch.stack import Stack

FILES_AND_FORMS = {
    *("/live", "/search", "/charts/{sha256}/{measure}.svg", "/windows/{window}/instruction.jws"),
    *("/proofs/bundle.json", "/proofs/offline_verifier.py", "/cases/{number}/attachments/{act}"),
    "/own/tests/{uetr}",
}
"""What is no page of its own: a stream, files, and a part of another page."""
PUBLIC = {"/static/{name}", "/sign-in", "/enrol", "/openid/sign-in/{id}", "/openid/callback", "/verify"} | {
    "/open-data",
    "/open-data/{measure}.svg",
}
"""For everybody: they explain themselves in their text."""
PAGES = {
    route.path.removeprefix(PREFIX)  # type: ignore[attr-defined]
    for router in site.ROUTERS
    for route in router.routes
    if "GET" in route.methods  # type: ignore[attr-defined]
}


def test_every_page_has_help_and_no_help_is_left_over() -> None:
    shared = {"/own/statistics"}  # the same page as /statistics

    assert PAGES - FILES_AND_FORMS - PUBLIC - shared == set(HELP) - shared


def test_the_first_steps_of_a_role_are_pages_that_it_may_see_and_say_what_they_are_for() -> None:
    for role in Role:
        for step in tour.STEPS[role]:
            assert step in NAVIGATION
            assert role in step.roles
            assert step.about


@pytest.mark.parametrize("person", ["operator", "regulator-in", "participant"])
async def test_the_first_steps_are_hidden_and_shown_again(stack: Stack, person: str) -> None:
    own = {"Sec-Fetch-Site": "same-origin", **bearer(stack, person)}
    jar = aiohttp.CookieJar(unsafe=True)  # also of an address without a name
    async with aiohttp.ClientSession(stack.url, headers=own, cookie_jar=jar) as http:

        async def overview(data: dict[str, str] | None = None) -> str:
            request = http.get(PREFIX) if data is None else http.post(f"{PREFIX}/tour", data=data)
            async with request as answer:
                assert answer.status == 200
                return await answer.text()

        first = await overview()
        hidden = await overview({"hide": "yes"})
        async with http.get(f"{PREFIX}/me") as answer:
            offered = await answer.text()
        shown = await overview({})

    assert "First steps" in first
    assert "First steps" not in hidden
    assert "Show the first steps" in offered
    assert "First steps" in shown
    assert re.search(r'<details class="help"><summary>How this page works</summary>', first)


@pytest.mark.parametrize(
    ("path", "status", "title", "advice"),
    [
        ("/people", 403, "Not permitted", "Your role has no right to this."),
        ("/payments/00000000-0000-4000-8000-000000000001", 404, "Not found", "Check the address"),
        ("/payments?state=NONSENSE", 400, "This request cannot be understood", "Go back"),
    ],
)
async def test_a_page_of_an_error_keeps_the_navigation_and_says_what_to_do(
    stack: Stack, path: str, status: int, title: str, advice: str
) -> None:
    async with aiohttp.ClientSession(stack.url, headers=bearer(stack, "participant")) as http:
        async with http.get(PREFIX + path) as answer:
            page = await answer.text()

    assert answer.status == status
    assert f"<h1>{title}</h1>" in page
    assert advice in page
    assert f'href="{PREFIX}/own/position"' in page.partition("<main")[0]
