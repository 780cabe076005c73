"""The reference page is made from the code, and names every rule that the code can break."""

import re
from pathlib import Path

from schemas import codec, reference, rules
from tests.schemas.corpus import REPOSITORY

SOURCES = [path.read_text("utf-8") for path in sorted((REPOSITORY / "schemas").glob("*.py"))]


def used(pattern: str) -> set[str]:
    return {name for source in SOURCES for name in re.findall(pattern, source)}


def test_the_page_is_what_the_code_makes():
    page = Path(REPOSITORY / "docs" / "reference" / "iso20022.md").read_text("utf-8")

    assert page == reference.page()


def test_every_rule_of_form_is_in_the_page():
    assert used(r'rule="([a-z0-9-]+)"') | {"schema"} == reference.SCHEMA_RULES.keys() | {"schema"}


def test_every_rule_of_the_scheme_is_in_the_page():
    assert used(r'(?:Finding|Fault)\(\s*"([a-z-]+)"') == reference.SCHEME_RULES.keys()


def test_the_guide_shows_one_payment_in_both_representations():
    guide = (REPOSITORY / "docs" / "integrate" / "messages.md").read_text("utf-8")
    (xml,) = re.findall(r"```xml payment.xml\n(.*?)```", guide, re.DOTALL)
    (json,) = re.findall(r"```json payment.json\n(.*?)```", guide, re.DOTALL)
    one = codec.decode(xml.encode(), media_type=codec.XML)
    other = codec.decode(json.encode(), media_type=codec.JSON)

    assert codec.digest(one) == codec.digest(other)
    assert rules.check(one) == []
