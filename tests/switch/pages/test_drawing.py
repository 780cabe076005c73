"""Bars as pictures: to scale, readable by those who see and those who listen, and harmless."""

from decimal import Decimal
from itertools import pairwise
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest

from switch.pages import drawing
from switch.pages.language import Language

SVG = "{http://www.w3.org/2000/svg}"
POINTS = [("IN → PK", "200"), ("PK → IN", "50"), ("CN → IN", "0")]


def drawn(title, points):
    return ET.fromstring(drawing.bars(title, "No data for the chart", points))


def bars_of(root):
    return [rect for rect in root.iter(f"{SVG}rect") if rect.find(f"{SVG}title") is not None]


def test_bars_are_as_long_as_their_values_and_in_their_order() -> None:
    lengths = [float(bar.get("width")) for bar in bars_of(drawn("Payments", POINTS))]

    assert lengths[0] == pytest.approx(4 * lengths[1], abs=0.5)
    assert lengths[2] == 0


def test_a_screen_reader_gets_the_title_and_every_value() -> None:
    root = drawn("Payments", POINTS)

    assert root.get("role") == "img"
    assert [root.find(f"{SVG}{part}").get("id") for part in ("title", "desc")] == ["title", "desc"]
    assert root.get("aria-labelledby") == "title desc"
    assert root.find(f"{SVG}title").text == "Payments"
    assert root.find(f"{SVG}desc").text == "IN → PK: 200; PK → IN: 50; CN → IN: 0"


def test_a_value_below_zero_goes_the_other_way() -> None:
    gain, cost = bars_of(drawn("Cost", [("IN → PK", "-1.5"), ("PK → IN", "1.5")]))

    assert float(gain.get("x")) + float(gain.get("width")) == pytest.approx(float(cost.get("x")), abs=0.2)


def test_values_and_scale_are_written_as_the_reader_writes_numbers() -> None:
    lang = Language("ru", ZoneInfo("UTC"))
    root = ET.fromstring(drawing.bars("Цена", "Нет данных", [("IN → PK", "1.5")], lang.decimal))

    written = [text.text for text in root.iter(f"{SVG}text")]

    assert "1,5" in written
    assert not [text for text in written if "." in text]
    assert root.find(f"{SVG}desc").text == "IN → PK: 1,5"


@pytest.mark.parametrize("width", [drawing.WIDTH, drawing.NARROW])
def test_numbers_of_the_scale_do_not_touch_and_nothing_is_outside(width: int) -> None:
    points = [("IN → PK", "98765.43"), ("PK → IN", "-12345.67"), ("CN → IN", "0")]
    root = ET.fromstring(drawing.bars("Cost", "No data", points, width=width))
    ticks = [float(text.get("x")) for text in root.iter(f"{SVG}text") if text.get("fill") == drawing._SOFT]
    ends = [float(bar.get("x")) + float(bar.get("width")) for bar in bars_of(root)]

    assert root.get("width") == str(width)
    assert all(right - left >= 60 for left, right in pairwise(ticks))
    assert max(*ends, *ticks) <= width - 60


def test_an_empty_drawing_says_so() -> None:
    root = drawn("Payments", [])

    assert [text.text for text in root.iter(f"{SVG}text")] == ["Payments", "No data for the chart"]
    assert root.find(f"{SVG}desc").text == "No data for the chart"


def test_markup_in_a_name_stays_text_and_a_picture_has_no_script_and_no_style() -> None:
    root = drawn('<script>"&', [("<b>", "1")])

    assert {element.tag.removeprefix(SVG) for element in root.iter()} == {
        *("svg", "title", "desc", "rect", "text", "path")
    }
    assert not [element for element in root.iter() if "style" in element.attrib]
    assert root.find(f"{SVG}title").text == '<script>"&'


@pytest.mark.parametrize(
    ("low", "high", "first", "last", "step"),
    [
        (0, 0, "0", "0.2", "0.2"),
        (0, 7, "0", "8", "2"),
        (0, 100, "0", "100", "20"),
        (0, "0.93", "0", "1", "0.2"),
        ("-1.5", "2.5", "-2", "3", "1"),
        (-3, 0, "-3", "0", "1"),
        (0, 123456, "0", "150000", "50000"),
    ],
)
def test_a_scale_is_of_round_numbers(low, high, first, last, step) -> None:
    ticks = drawing.scale(Decimal(low), Decimal(high))

    assert [ticks[0], ticks[-1], ticks[1] - ticks[0]] == [Decimal(first), Decimal(last), Decimal(step)]
    assert 0 in ticks
