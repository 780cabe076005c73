"""XML Schema's patterns mean here what they mean to libxml2, have examples, and take no time to refuse."""

import random
import time
from xml.sax.saxutils import quoteattr

import pytest
from lxml import etree

from schemas import wording
from schemas.catalogue import catalogue, patterns
from schemas.catalogue.model import Text
from schemas.json_schema import standalone

CROSS_OF_BLANKS_AND_SLASHES = "([a-z ]([a-z ]*(/[a-z ])?)*)"
ODD = (
    "^A$",
    r"[^/]+/[^/]*",
    r"a.c",
    r"\s\d{2}",
    r"[\d\-x]{1,3}",
    r"(AB|C)?D+",
    r"[+]{0,1}[0-9]{1,4}",
    r"([0-9]{4,4}-[0-9]{2,2})|([0-9]{2,2}\.[0-9])",
    r"X{2}  ",
    r"[a-z]{4}\.[0-9]{3}",
    '[\\n\\r!"%&*;<>=]{1,5}',
    CROSS_OF_BLANKS_AND_SLASHES,
)
KNOWN = sorted(
    {kind.pattern for kind in catalogue().types.values() if isinstance(kind, Text) and kind.pattern}
)
SCHEMA = (
    '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="a"><xs:simpleType>'
    '<xs:restriction base="xs:string"><xs:pattern value={}/></xs:restriction></xs:simpleType></xs:element>'
    "</xs:schema>"
)


def variants(text: str, chance: random.Random) -> set[str]:
    found = {
        text,
        "",
        text * 2,
        text[:-1],
        f"{text} ",
        f" {text}",
        f"{text}\n",
        "\u0661",
        "a\nc",
        "a/b",
        "a//b",
    }
    for _ in range(40):
        place = chance.randrange(len(text) + 1)
        found.add(
            text[:place]
            + chance.choice("AZaz09 -/.+():'\n!\u0661\u00e9")
            + text[place + chance.choice((0, 1)) :]
        )
    return found


@pytest.mark.parametrize("pattern", [*KNOWN, *ODD])
def test_a_pattern_takes_what_libxml2_takes(pattern):
    schema = etree.XMLSchema(etree.fromstring(SCHEMA.format(quoteattr(pattern))))
    matches = patterns.matcher(pattern)
    assert matches(patterns.example(pattern))

    for text in variants(patterns.example(pattern), random.Random(pattern)):
        element = etree.Element("a")
        element.text = text
        assert matches(text) == schema.validate(element), text


def test_a_pattern_that_repeats_a_repetition_is_refused_in_no_time():
    start = time.thread_time()

    assert not patterns.matcher(CROSS_OF_BLANKS_AND_SLASHES)("a" * 2000 + "//")
    assert time.thread_time() - start < 0.5


@pytest.mark.parametrize(
    "pattern", [r"\p{L}+", "[A-Z-[AEIOU]]", r"\i\c*", "a{3,1}", "(a", "[a", "a**", r"\w", "*"]
)
def test_what_is_not_understood_is_refused(pattern):
    with pytest.raises(patterns.UnsupportedPattern):
        patterns.matcher(pattern)


def test_every_example_matches_its_pattern():
    for pattern, (example, words) in wording.PATTERNS.items():
        assert patterns.matcher(pattern)(example), pattern
        assert words


def test_the_json_schema_keeps_the_patterns_that_both_languages_share():
    found = standalone("pacs.008.001.08")["$defs"]["UUIDv4Identifier"]["pattern"]

    assert found == "^(?:[a-f0-9]{8}-[a-f0-9]{4}-4[a-f0-9]{3}-[89ab][a-f0-9]{3}-[a-f0-9]{12})$"
