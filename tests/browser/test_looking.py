"""The tests' own eyes: what they are to see, they see."""

import pytest

from tests.browser.looking import Look, expect_accessible, expect_accessible_day_and_night

INLINE = """() => {
    const script = document.createElement('script');
    script.textContent = 'window.broken = true';
    document.body.append(script);
    return 'broken' in window;
}"""


async def test_a_barrier_is_found(look: Look) -> None:
    page = await look("", "/sign-in")
    await page.evaluate("() => document.getElementById('main').append(document.createElement('input'))")

    with pytest.raises(AssertionError, match="Form elements must have labels"):
        await expect_accessible(page)


async def test_a_breach_of_the_policy_is_found_and_has_no_effect(look: Look) -> None:
    page = await look("", "/sign-in")
    ran = await page.evaluate(INLINE)
    said, look.seen.problems = look.seen.problems, []

    assert not ran
    assert "Content Security Policy" in said[0]


async def test_a_failure_of_a_script_is_found(look: Look) -> None:
    page = await look("", "/sign-in")
    async with page.expect_event("pageerror"):
        await page.evaluate("() => { setTimeout(() => { throw new Error('broken') }) }")
    said, look.seen.problems = look.seen.problems, []

    assert said == ["script: broken"]


async def test_a_text_that_only_the_night_hides_is_found(look: Look) -> None:
    page = await look("", "/sign-in")
    await page.evaluate("() => { document.querySelector('main h1, main p').style.color = '#222' }")

    with pytest.raises(AssertionError, match="contrast"):
        await expect_accessible_day_and_night(page)
