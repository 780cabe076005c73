"""The messages on the pages of docs/integrate/recipes, from the examples of the description.

`python -m tests.docs.recipes` writes them into the pages; tests/docs/test_recipes.py sends them.
"""

import json
import re
from pathlib import Path
from typing import Final

from lxml import etree

from switch.api import examples

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = sorted((ROOT / "docs" / "integrate" / "recipes").glob("*.md"))
_PLACE: Final = re.compile(r"<!-- message: (\S+) -->\n.*?<!-- end -->", re.DOTALL)


def written(page: str) -> str:
    """A page with its messages."""
    return _PLACE.sub(lambda found: _blocks(found[1]), page)


def _blocks(message: str) -> str:
    content = examples.json_of(message)
    assert content is not None, message
    name = message[:8]
    shown = json.dumps(content, indent=1, ensure_ascii=False)
    return (
        f"<!-- message: {message} -->\n```xml {name}.xml\n{_xml(message)}\n```\n\n"
        f"```json {name}.json\n{shown}\n```\n<!-- end -->"
    )


def _xml(message: str) -> str:
    raw = examples.xml_of(message)
    assert raw is not None
    root = etree.fromstring(raw.encode())
    etree.indent(root, " ")
    text: str = etree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(written(page.read_text()))
