"""No table of a report hides an amount at 1280 pixels: its columns wrap before the table must be scrolled."""

from importlib.resources import files
from itertools import count
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Browser

from switch.pages import shell, tables
from switch.pages.language import LANGUAGES, Language
from switch.reports.catalogue import CATALOGUE
from switch.reports.table import ColumnKind, ReportColumn

STYLE = (files("switch.pages") / "static" / "style.css").read_text()
BALANCE, PAYMENT, USUAL = "-1000000009112.14", "9999999999.00", "1100.90"
"""Of a settlement account, of the largest payment, and of what is usual."""
BALANCES = {"window-statement", "account-statement", "account-report", "notifications", "liquidity"}
"""Reports of accounts."""
UETR = "68a54c4c-227a-4cff-9268-44a9d1f48074"
VALUES = {
    ColumnKind.COUNT: 12,
    ColumnKind.PERCENT: "100.00",
    ColumnKind.RATE: "13.2835123456",
    ColumnKind.SECONDS: "81.079032",
    ColumnKind.INSTANT: "2026-12-01T05:51:52.123456Z",
}
WORDS = {
    "uetr": UETR,
    "currency": "INR",
    "debit_currency": "INR",
    "credit_currency": "PKR",
    "bic": "ASHAINBB",
    "body": '{"uetr":"68a54c4c227a4cff926844a9d1f48074"}',
    "detail": "the rail reports it as executed; aborted by the switch ACSP",
    "reason": "AC04",
    "rail": "PK",
    "source": "IN",
    "target": "PK",
    "corridor": "IN-PK",
    "day": "2026-12-01",
    "state": "RESERVED",
}
PAGE = """<!doctype html><html lang="{code}"><style>{style}</style><body class="inside"><header class="top"></header>
<nav class="ways"></nav><main>{table}</main></body></html>"""


def row_of(columns: tuple[ReportColumn, ...], largest: str) -> dict[str, object]:
    """A row with the widest usual values; the first and the last of its amounts are large."""
    amounts = count()
    large = {0, sum(column.kind is ColumnKind.AMOUNT for column in columns) - 1}
    return {
        column.name: (largest if next(amounts) in large else USUAL)
        if column.kind is ColumnKind.AMOUNT
        else VALUES.get(column.kind, WORDS.get(column.name, "position" if column.ours else "raast-gateway"))
        for column in columns
    }


@pytest.mark.parametrize("code", LANGUAGES)
async def test_no_table_of_a_report_hides_an_amount(browser: Browser, code: str) -> None:
    lang = Language(code, ZoneInfo("UTC"))
    template = shell._environment.get_template("table.html")
    module = template.make_module({"_": lang.text, "fmt": lang, "parts_of": tables.parts})
    page = await browser.new_page(viewport={"width": 1280, "height": 900})
    hidden = {}
    for name, definition in CATALOGUE.items():
        row = row_of(definition.columns, BALANCE if name in BALANCES else PAYMENT)
        document = {"report": name, "title": definition.title, "rows": [row], "totals": [], "notes": []}
        await page.set_content(PAGE.format(code=code, style=STYLE, table=vars(module)["show"](document, 10)))
        over = await page.eval_on_selector_all(
            ".scroll", "all => all.map(one => one.scrollWidth - one.clientWidth)"
        )
        if any(over):
            hidden[name] = over
    await page.close()

    assert not hidden
