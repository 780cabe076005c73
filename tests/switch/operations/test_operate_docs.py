"""The index of docs/operate has every page; every link and picture in its pages is there."""

import re
from pathlib import Path

import pytest

OPERATE = Path(__file__).parents[3] / "docs" / "operate"
PAGES = sorted(OPERATE.rglob("*.md"))
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def test_the_index_has_every_page() -> None:
    listed = {(OPERATE / link).resolve() for link in LINK.findall((OPERATE / "README.md").read_text())}

    assert {page for page in PAGES if page.name != "README.md"} <= listed


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_pictures_are_there(page: Path) -> None:
    missing = [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()]

    assert missing == []
