"""The rails' pages say what the code does."""

from pathlib import Path

import pytest

from adapters import reference, registry
from adapters.simulation.magic import Magic

PAGES = Path(__file__).parents[2] / "docs" / "rails"


@pytest.mark.parametrize("page", sorted(PAGES.glob("*.md")), ids=lambda page: page.stem)
def test_generated_parts_are_fresh(page):
    """If not: `python -m adapters.reference docs/rails`."""
    named = {other.stem for other in PAGES.glob("[A-Z][A-Z].md")}
    missing = ({page.stem} if page.stem in named else named) - set(registry.countries())
    if missing:
        pytest.skip(f"not installed: the adapters of {sorted(missing)}")

    assert reference.refreshed(page.stem, page.read_text()) == page.read_text()


@pytest.mark.parametrize("country", registry.countries())
def test_every_rail_has_a_page_that_states_what_is_not_public(country):
    text = (PAGES / f"{country}.md").read_text()

    assert registry.profile(country).rail in text
    for part in (
        "## Our assumptions (profile)",
        "## Needed for production",
        "Sources:",
        "\n<!-- generated: example -->\n```",
    ):
        assert part in text


def test_every_magic_word_is_explained():
    text = (PAGES / "magic.md").read_text()
    assert all(f"`{word}`" in text for word in Magic)


@pytest.mark.parametrize("country", registry.countries())
def test_the_page_of_a_rail_has_native_bytes_of_both_directions(country):
    page = (PAGES / f"{country}.md").read_text()
    parts = ["example", *(["ordered"] if registry.originates(country) else [])]
    blocks = {
        part: page.partition(f"<!-- generated: {part} -->\n")[2].partition("<!-- end -->")[0]
        for part in parts
    }

    assert [blocks[part].count("```") // 2 for part in parts] == [1, 2][: len(parts)]
