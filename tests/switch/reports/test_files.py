"""One report, five files: they say the same, byte for byte the same each time, and no cell can run."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import openpyxl
import pypdf
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.errors import NotAcceptable
from schemas.money import Money
from switch.reports import cells, wording
from switch.reports.render import render
from switch.reports.table import (
    ColumnKind,
    Report,
    ReportColumn,
    Statistic,
    percent,
    ratio,
    totals_by_currency,
)

AT = datetime(2026, 11, 23, 18, 45, 0, 123456, tzinfo=UTC)
EVIL = [
    "=1+1",
    "+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    " =1",
    "\u00a0=1",
    "\uff1d1",
    "|calc",
    "%0A",
    "=cmd|' /C calc'!A0",
]
COLUMNS = (
    ReportColumn("name"),
    ReportColumn("amount", ColumnKind.AMOUNT),
    ReportColumn("count", ColumnKind.COUNT),
    ReportColumn("at", ColumnKind.INSTANT),
    ReportColumn("took_s", ColumnKind.SECONDS),
    ReportColumn("share", ColumnKind.PERCENT),
    ReportColumn("met", ColumnKind.FLAG),
)


def sample(names: list[str]) -> Report:
    rows = tuple(
        (name, Money(-10050 * n, "INR"), 2**60 + n, AT, timedelta(seconds=n), Decimal("3.10"), n % 2 == 0)
        for n, name in enumerate(names, 1)
    )
    return Report(
        name="sample",
        title="A sample",
        parameters={"since": "2026-11-23T00:00:00Z", "until": "2026-11-24T00:00:00Z", "as_of": "7"},
        columns=COLUMNS,
        rows=rows,
        totals=totals_by_currency(COLUMNS, rows, ("amount", "count")),
        notes=("=a note",),
        zone="Asia/Kolkata",
        statistic=Statistic("SAMPLE", ("name",), ("amount", "count", "share", "met")),
    )


def sheet(octets: bytes) -> list[list[Any]]:
    book = openpyxl.load_workbook(io.BytesIO(octets))
    return [[cell.value for cell in row] for row in book["Report"].iter_rows()]


def as_in_csv(value: Any, written: str) -> str:
    """A cell of a sheet as the CSV has it: numbers are numbers, and instants dates to the millisecond."""
    if isinstance(value, datetime):
        assert datetime.fromisoformat(written).replace(tzinfo=None) - value < timedelta(milliseconds=1)
        return written
    if isinstance(value, int | float):
        assert Decimal(repr(value)) == Decimal(written)
        return written
    return "" if value is None else str(value)


def test_every_format_has_the_same_content() -> None:
    report = sample(["asha-bank", "noor-wallet", "Банк", "银行"])
    table = list(csv.reader(io.StringIO(render(report, "csv").decode())))
    document = json.loads(render(report, "json"))
    book = sheet(render(report, "xlsx"))

    assert table[0] == [column["name"] for column in document["columns"]]
    from_json = [list(row.values()) for row in (*document["rows"], *document["totals"])]
    as_text = {True: "yes", False: "no", None: ""}
    assert table[1:] == [
        [as_text[v] if v is None or isinstance(v, bool) else str(v) for v in row] for row in from_json
    ]
    assert table[1:] == [
        [as_in_csv(value, written) for value, written in zip(row, line, strict=True)]
        for row, line in zip(book[1:], table[1:], strict=True)
    ]
    assert table[1][1:5] == [
        "-100.50",
        str(2**60 + 1),
        "2026-11-23T18:45:00.123456Z",
        "2026-11-24T00:15:00.123456+05:30",
    ]
    paper = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(render(report, "pdf"))).pages)
    assert f"{Decimal(table[-1][1]):,}" in paper
    assert "A sample" in paper


def test_the_same_report_is_the_same_bytes() -> None:
    for form in ("json", "csv", "xlsx", "pdf", "sdmx-csv"):
        assert render(sample(["a", "b"]), form) == render(sample(["a", "b"]), form)


@pytest.mark.parametrize("text", EVIL)
def test_no_cell_begins_as_a_formula_does(text: str) -> None:
    report = sample([text])
    (cell,) = [row[0] for row in csv.reader(io.StringIO(render(report, "csv").decode()))][1:2]
    book = openpyxl.load_workbook(io.BytesIO(render(report, "xlsx")))

    assert cell.startswith("'")
    for worksheet in book:
        for row in worksheet.iter_rows():
            for found in row:
                assert found.data_type in {"s", "n", "d"}
                assert str(found.value or "").lstrip()[:1] not in {"=", "+", "@"}
                assert found.hyperlink is None


@given(st.text())
@example("=")
@example(" \t=1")
@example("\x00=1")
@example("\u202e=1")
def test_harmless_text_is_harmless_and_stays_so(text: str) -> None:
    found = cells.harmless(text)

    assert not found or found.lstrip(" \u00a0")[:1] not in cells.FORMULA_STARTS or not found.strip()
    assert "\u202e" not in found
    assert "\x1b" not in found


def test_a_name_cannot_change_the_paper() -> None:
    report = sample(['#panic("x")', "$ x $", "*bold*", "@label", '"); #read("/etc/passwd"', "]"])
    paper = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(render(report, "pdf"))).pages)

    assert '#panic("x")' in paper
    assert "root:" not in paper


def test_statistics_are_observations_with_units() -> None:
    lines = list(csv.DictReader(io.StringIO(render(sample(["a"]), "sdmx-csv").decode())))

    assert [(line["INDICATOR"], line["UNIT"], line["OBS_VALUE"]) for line in lines] == [
        ("AMOUNT", "INR", "-100.50"),
        ("COUNT", "PN", str(2**60 + 1)),
        ("SHARE", "PT", "3.10"),
        ("MET", "PN", "0"),
    ]
    assert {line["STRUCTURE_ID"] for line in lines} == {"PAYSWITCH:SAMPLE(1.0)"}
    assert {line["ACTION"] for line in lines} == {"I"}


def test_a_format_that_a_report_has_not_is_refused() -> None:
    for form in ("bundle", "camt.053.001.08", "html", "sdmx-csv"):
        with pytest.raises(NotAcceptable):
            render(Report("bare", "Bare", {}, (), ()), form)


def test_totals_are_by_currency_and_never_across() -> None:
    columns = (ReportColumn("who"), ReportColumn("amount", ColumnKind.AMOUNT), ReportColumn("currency"))
    rows = tuple((n, Money(n, c), c) for n, c in ((1, "INR"), (2, "PKR"), (3, "INR")))

    assert totals_by_currency(columns, rows, ("amount",)) == (
        ("total", Money(4, "INR"), "INR"),
        ("total", Money(2, "PKR"), "PKR"),
    )


@given(st.integers(-(10**30), 10**30), st.integers(1, 10**30), st.integers(0, 8))
def test_a_ratio_is_the_nearest_decimal(numerator: int, denominator: int, digits: int) -> None:
    found = ratio(numerator, denominator, digits)

    assert found.as_tuple().exponent == -digits
    sign, places, _ = found.as_tuple()
    scaled = (-1 if sign else 1) * int("".join(map(str, places)))
    assert 2 * abs(numerator * 10**digits - scaled * denominator) <= denominator


def test_a_share_of_nothing_is_not_known() -> None:
    assert percent(0, 0) is None


NAMES = (
    "王小明",
    "張偉",
    "Мария Ёлкина",
    "Иван Қасымов",
    "Ўзбек Ғаниев",
    "Ҳасан Ҷалилов",
    "محمد رضا",
    "अनिल कुमार",
    "Őz",
)


@pytest.mark.parametrize("name", NAMES)
def test_names_of_every_country_print_with_glyphs_and_no_boxes(name: str) -> None:
    """Glyph 0 of a font is its box for what it lacks: no letter of a name is drawn by it."""
    plain, named = drawn(render(sample(["x"]), "pdf")), drawn(render(sample([name]), "pdf"))

    assert 0 not in plain | named
    assert len(named) > len(plain - named)


def drawn(octets: bytes) -> set[int]:
    """Numbers of the glyphs that a document draws, whatever their fonts."""
    found: set[int] = set()
    for page in pypdf.PdfReader(io.BytesIO(octets)).pages:
        content = page.get_contents()
        assert content is not None
        for operands, operator in content.operations:
            if operator in {b"Tj", b"TJ"}:
                parts = operands[0] if operator == b"TJ" else operands
                for part in parts:
                    raw = getattr(part, "original_bytes", None)
                    if raw is not None:
                        found |= {int.from_bytes(raw[at : at + 2]) for at in range(0, len(raw), 2)}
    return found


def test_a_spreadsheet_keeps_names_of_every_country() -> None:
    book = openpyxl.load_workbook(io.BytesIO(render(sample(list(NAMES)), "xlsx")))
    column = [str(row[0].value) for row in book["Report"].iter_rows(min_row=2, max_row=1 + len(NAMES))]

    assert column == list(NAMES)


@pytest.mark.parametrize(
    ("code", "at", "amount"),
    [
        ("en", "3 November 2026, 00:00:00 UTC; 3 November 2026, 05:30:00 Asia/Kolkata", "-95,317.33 INR"),
        ("ru", "3 ноября 2026", "-95\xa0317,33 INR"),
        ("zh", "2026年11月3日", "-95,317.33 INR"),
    ],
)
def test_paper_has_instants_in_words_and_amounts_with_their_currency(code: str, at: str, amount: str) -> None:
    report = Report(
        name="x", title="x", parameters={"currency": "INR"}, columns=(), rows=(), zone="Asia/Kolkata"
    )
    words = wording.Wording(code)

    assert words.written(report, "2026-11-03T00:00:00.000000Z").startswith(at)
    assert words.written(report, "-95317.33") == amount
    assert words.written(report, "43") == "43"
