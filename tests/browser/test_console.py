"""The browser's console stays silent on every page of the navigation, for each role, and on what its lists lead to."""

import pytest

from tests.browser.looking import CONSOLE, Look, expect_whole_on_a_phone

ROLES = ("operator", "checker", "auditor", "participant", "regulator-in", "silkroad-fx", "officer")
_LINKS = "links => links.map(link => link.getAttribute('href'))"
_PAGES_LEAST = {"officer": 2}


@pytest.mark.long
@pytest.mark.parametrize("person", ROLES)
async def test_no_page_of_a_role_reports_an_error(look: Look, person: str) -> None:
    """`look` fails at any error of a script, breach of the content policy, or failed request.

    Each page also fits a phone.
    """
    page = await look(person, "")
    pages = dict.fromkeys(await page.eval_on_selector_all("#menu a[href]", _LINKS))
    for address in pages:
        await page.goto(address)
        await expect_whole_on_a_phone(page)
        rows = await page.eval_on_selector_all("main tbody th a[href], main tbody td a[href]", _LINKS)
        first = next((link for link in rows if link.startswith(CONSOLE) and "?" not in link), None)
        if first:
            await page.goto(first)
            await expect_whole_on_a_phone(page)

    assert len(pages) >= _PAGES_LEAST.get(person, 8), pages
