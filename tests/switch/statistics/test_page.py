"""The page of statistics and its data: each reader sees its own part, and the tables have the facts."""

import unicodedata
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree as ET

import asyncpg
import pytest
from lxml import html
from starlette.requests import Request

from switch.identity.model import Person, Role, Status
from switch.pages import series, statistics
from switch.reports import wording
from switch.statistics import making

OPERATOR = Person("olga", "Olga", Role.OPERATOR, "", Status.ACTIVE)
REGULATOR = Person("ravi", "Ravi", Role.REGULATOR, "IN", Status.ACTIVE)
CLERK = Person("pia", "Pia", Role.PARTICIPANT, "in-bank-1", Status.ACTIVE)
SVG = "{http://www.w3.org/2000/svg}"


async def page(pool: asyncpg.Pool, person: Person, lang: str = "en", **asked: str) -> Any:
    headers = [(b"accept-language", lang.encode())]
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/console/statistics",
        "query_string": b"",
        "headers": headers,
    }
    context = SimpleNamespace(reading=pool)
    response = await statistics.get_statistics(Request(scope), context, person, **asked)  # type: ignore[arg-type]
    text = bytes(response.body).decode()
    assert "style=" not in text, "the content security policy permits no styles in a page"
    return html.fromstring(text)


def tables(page: Any) -> dict[str, list[list[str]]]:
    """Rows of each chart's table, by the title of the chart."""
    return {
        figure.find("figcaption").text: [
            [cell.text_content() for cell in row] for row in figure.iterfind(".//tbody/tr")
        ]
        for figure in page.iterfind(".//figure")
    }


async def test_each_reader_sees_the_payments_that_it_may_see(pool: asyncpg.Pool) -> None:
    await making.catch_up(pool)
    counts = {}
    for person in (OPERATOR, REGULATOR, CLERK):
        shown = await page(pool, person, range="5y")
        rows = tables(shown)["Number of payments"]
        counts[person.name] = sum(int(cell.replace(",", "")) for row in rows for cell in row[1:])
    owners = {"olga": None, "ravi": ["in-bank-0", "in-bank-1"], "pia": ["in-bank-1"]}
    for name, owned in owners.items():
        expected = await pool.fetchval(
            "SELECT count(*) FROM switch.payment WHERE $1::text[] IS NULL OR sender = ANY ($1)"
            " OR debtor_agent = ANY ($1) OR (creditor_agent = ANY ($1) AND native_ref <> '')",
            owned,
        )
        assert counts[name] == expected
    assert counts["pia"] < counts["ravi"] < counts["olga"]


@pytest.mark.parametrize("lang", ["en", "ru", "zh"])
async def test_every_chart_has_its_table_and_is_told(pool: asyncpg.Pool, lang: str) -> None:
    await making.catch_up(pool)
    drawn = 0
    for asked in ({"range": "24h"}, {"range": "5y"}, {"range": "90d", "source": "IN", "target": "PK"}):
        shown = await page(pool, OPERATOR, lang, **asked)
        figures = shown.findall(".//figure")
        for figure in figures:
            drawing = figure.find("svg")
            if drawing is None:
                assert figure.find("p").text  # that there is nothing to draw
                continue
            assert drawing.get("role") == "img"
            assert drawing.find("title").text == figure.find("figcaption").text
            assert drawing.find("desc").text
            assert figure.find(".//tbody/tr") is not None
        assert len(figures) >= 5
        drawn += len([figure for figure in figures if figure.find("svg") is not None])
    assert drawn >= 10


async def test_the_headroom_of_an_account_goes_on_where_nothing_moves(pool: asyncpg.Pool) -> None:
    await making.catch_up(pool)
    shown = tables(await page(pool, CLERK, range="90d"))
    (title,) = (title for title in shown if title.startswith("Headroom"))
    rows = {row[0]: row[1:] for row in shown[title]}
    last = await pool.fetchrow(
        "SELECT least, cap - exposure AS left FROM switch.liquidity_fact"
        " WHERE span = 'day' AND owner = 'in-bank-1' ORDER BY at DESC LIMIT 1"
    )
    moved = [Decimal(cell.replace(",", "")) * 100 for cell in rows["2026-11-02"]]

    assert title == "Headroom: in-bank-1, INR position"
    assert moved == [last["least"], last["left"]]
    assert rows["2026-11-03"] == [rows["2026-11-02"][1]] * 2
    assert rows[min(rows)] == [statistics.NONE] * 2


async def test_a_corridor_has_its_costs_beside_the_targets(pool: asyncpg.Pool) -> None:
    await making.catch_up(pool)
    shown = await page(pool, OPERATOR, range="5y", source="IN", target="PK")
    found = tables(shown)
    names = [text.text for text in shown.iterfind(".//svg/text")]

    assert {"Cost to the sender, %: INR", "Value debited: INR"} <= found.keys()
    assert {"3 %", "5 %"} <= set(names)
    assert [row for row in found["Cost to the sender, %: INR"] if row[1] != statistics.NONE]


def test_a_line_has_gaps_and_names_do_not_lie_on_each_other() -> None:
    lines = [
        series.ChartLine("one", [Decimal(1), None, Decimal(3), Decimal(2)]),
        series.ChartLine("two <&", [Decimal(2), Decimal(2), Decimal(2), Decimal(2)]),
        series.ChartLine("none", [None, None, None, None]),
    ]
    drawn = ET.fromstring(series.chart("a & b", "told", lines, series.Axes(["x", "y", "z"], str)))
    names = {text.text: float(text.get("y", "")) for text in drawn.iter(f"{SVG}text")}

    assert drawn[0].text == "a & b"
    assert len(list(drawn.iter(f"{SVG}circle"))) == 1, "a value without neighbours is a dot"
    assert abs(names["one"] - names["two <&"]) >= 14
    assert "none" not in names


@pytest.mark.parametrize("value", ["300 тыс.", "500 млрд", "300 трлн"])
def test_the_values_of_an_axis_have_room_left_of_it(value: str) -> None:
    axes = series.Axes(["x"], lambda _: value)
    drawn = ET.fromstring(series.chart("t", "d", [series.ChartLine("a", [Decimal(3)])], axes))
    ends = [float(text.get("x", "")) for text in drawn.iter(f"{SVG}text") if text.text == value]

    assert ends
    assert min(ends) >= len(value) * 8, "a letter of the scale is up to 8 wide"


def test_a_chart_without_values_and_one_over_decades_can_be_drawn() -> None:
    empty = series.chart("t", "d", [series.ChartLine("a", [])], series.Axes([], str, logarithmic=True))
    wide = series.chart(
        "t",
        "d",
        [series.ChartLine("a", [Decimal("0.002"), Decimal(0), Decimal(40_000)])],
        series.Axes(["a"], str, logarithmic=True),
    )

    assert ET.fromstring(empty).tag == f"{SVG}svg"
    heights = [float(text.get("y", "")) for text in ET.fromstring(wide).iter(f"{SVG}text")]
    assert all(0 <= height <= series.HEIGHT for height in heights)
    assert ET.fromstring(series.spark("t", [Decimal(0), Decimal(0)])).tag == f"{SVG}svg"


@pytest.mark.parametrize("code", ["en", "ru", "zh"])
def test_every_name_fits_beside_its_line(code: str) -> None:
    known = wording.catalogue(code)
    for name in (*statistics.LINES.values(), "Cost"):
        said = known.get(name, name)
        wide = sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in said)
        assert wide <= series.NAME_PLACES_MAX, said
