"""Reports on paper: nothing is printed over anything else or beyond the edge, whatever the width of the table."""

import io
import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import openpyxl
import pypdf
import pypdfium2
import pytest
from pydantic import ValidationError

from schemas.money import Money
from switch.base import letterhead
from switch.base.settings import Settings
from switch.change_catalogue import KINDS
from switch.pages import language
from switch.reports import (
    access,
    account_statement,
    corridors,
    costs,
    exceptions,
    fx_result,
    invoice,
    letter,
    liquidity,
    patterns,
    rejects,
    settlement_instruction,
    window_statement,
)
from switch.reports.catalogue import CATALOGUE
from switch.reports.letter import Letter, Letterhead
from switch.reports.query import Period, Scope
from switch.reports.render import json_file, pdf_file, render
from switch.reports.table import Cell, ColumnKind, Report, ReportColumn, ReportSeal, totals_by_currency
from switch.reports.wording import LANGUAGES, Wording
from switch.writer.event_kinds import EventKind

AT = datetime(2026, 11, 23, 18, 45, 0, 123456, tzinfo=UTC)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><circle cx="4" cy="4" r="4"/></svg>'
LETTER = Letter(
    Letterhead("Central Payments Operator", ("1 Bank Street", "Almaty 050000"), SVG),
    addressee="Asha Bank Limited",
    verify="https://switch.example/verify",
)
MOST_USED = {
    "window-statement": window_statement.COLUMNS,
    "settlement-instruction": settlement_instruction.COLUMNS,
    "account-statement": account_statement.COLUMNS,
    "liquidity": liquidity.COLUMNS,
    "corridors": corridors.COLUMNS,
    "costs": costs.COLUMNS,
    "invoice": invoice.COLUMNS,
    "fx-result": fx_result.COLUMNS,
    "rejects": rejects.REJECT_COLUMNS,
    "open-payments": rejects.OPEN_COLUMNS,
    "exceptions": exceptions.COLUMNS,
    "patterns": patterns.COLUMNS,
}
LARGE = 98_765_432_109_876_543_21
WIDE = "COMMITTED МЕЖДУНАРОДНОГО WWWWWWWWWWWWWWWWWWWW"


def cell(kind: ColumnKind, number: int) -> Cell:  # noqa: PLR0911 - one line per kind
    """A cell that is as wide as they come."""
    match kind:
        case ColumnKind.AMOUNT:
            return Money(-LARGE - number, "INR")
        case ColumnKind.COUNT:
            return 1_234_567 + number
        case ColumnKind.RATE:
            return Decimal("12345.6789012345")
        case ColumnKind.PERCENT:
            return Decimal("100.0000")
        case ColumnKind.INSTANT:
            return AT
        case ColumnKind.SECONDS:
            return timedelta(days=400)
        case ColumnKind.FLAG:
            return True
        case _:
            return (WIDE, "37693cfc-7480-49e4-5d87-b8c7d8b9aacd", "银行名称很长的一个参与者机构")[number % 3]


def report(name: str, columns: tuple[ReportColumn, ...], rows: int = 4) -> Report:
    made = tuple(tuple(cell(column.kind, n) for column in columns) for n in range(rows))
    adds = [column.name for column in columns if column.kind is ColumnKind.AMOUNT]
    return Report(
        name=name,
        title="Volumes, values and speed by corridor",
        parameters={"since": "2026-11-23T00:00:00.000000Z", "until": "2026-11-30T00:00:00.000000Z"},
        columns=columns,
        rows=made,
        totals=totals_by_currency(columns, made, adds),
        notes=("A positive amount is to be received. The nets of all accounts of a window sum to zero.",),
        zone="Asia/Kolkata",
        seal=ReportSeal(7, "ab" * 32, 5, "cd" * 32),
    )


Box = tuple[float, float, float, float]


def boxes(page: pypdfium2.PdfPage) -> Iterator[Box]:
    """The box of every printed character: left, bottom, right, top."""
    text = page.get_textpage()
    for place in range(text.count_chars()):
        if text.get_text_range(place, 1).strip():
            yield text.get_charbox(place, loose=False)


def faults(octets: bytes) -> list[str]:
    """Characters that are beyond the edge, or that cover another one."""
    found = []
    for number, page in enumerate(pypdfium2.PdfDocument(octets), 1):
        width, height = page.get_size()
        lines: dict[int, list[Box]] = {}
        for box in boxes(page):
            if box[0] < 0 or box[1] < 0 or box[2] > width or box[3] > height:
                found.append(f"page {number}: beyond the edge at {box}")
            for line in {round(box[1] / 4), round((box[1] + 2) / 4)}:
                lines.setdefault(line, []).append(box)
        for line in lines.values():
            line.sort()
            for left, right in pairwise(line):
                if left == right:
                    continue
                across = min(left[2], right[2]) - right[0]
                along = min(left[3], right[3]) - max(left[1], right[1])
                if along > 1 and across > 0.4 * min(left[2] - left[0], right[2] - right[0]) + 0.3:
                    found.append(f"page {number}: {left} and {right}")
    return found


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", MOST_USED)
def test_nothing_is_printed_over_anything_else(name: str, language: str) -> None:
    octets = render(report(name, MOST_USED[name]), "pdf", language, LETTER)

    assert faults(octets) == []


@pytest.mark.parametrize("count", [1, 9, 30])
def test_a_table_of_any_width_is_printed_completely(count: int) -> None:
    columns = (ReportColumn("who"), *(ReportColumn(f"sum_{n}", ColumnKind.AMOUNT) for n in range(count)))
    octets = render(report("any", columns), "pdf", "en", LETTER)
    pages = [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(octets)).pages]

    assert faults(octets) == []
    assert all(f"Sum {n}" in " ".join("".join(pages).split()) for n in range(count))
    assert "".join(pages).count(f"{Decimal(-LARGE) / 100:,}") == count


@pytest.mark.parametrize("name", MOST_USED)
def test_totals_of_a_short_table_are_on_the_page_of_its_rows(name: str) -> None:
    made = report(name, MOST_USED[name])
    pages = pypdf.PdfReader(io.BytesIO(render(made, "pdf", "zh", LETTER))).pages
    alone = [text for page in pages if "合计" in (text := page.extract_text()) and "37693cfc" not in text]

    assert alone == []


def test_overprinting_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_file, "_em", lambda text: 0.2 * len(text))

    assert faults(render(report("corridors", corridors.COLUMNS), "pdf", "en", LETTER))


@pytest.mark.parametrize(
    ("language", "texts"),
    [
        ("en", ("Central Payments Operator", "Asha Bank Limited", "23 November 2026 \u2013 29 November 2026", "Approved by", "Page 1 of")),
        ("ru", ("23 ноября 2026", "Утвердил", "Страница 1 из")),
        ("zh", ("2026年11月23日", "审批人", "第1页")),
    ],
)  # fmt: skip
def test_an_officer_can_sign_it_and_anybody_can_verify_it(language: str, texts: tuple[str, ...]) -> None:
    made = report("costs", costs.COLUMNS)
    pages = pypdf.PdfReader(io.BytesIO(render(made, "pdf", language, LETTER))).pages
    text = " ".join(" ".join(page.extract_text() for page in pages).split())
    close = text.replace(" ", "") if language == "zh" else text.replace("\u202f", " ")

    assert [each for each in texts if each not in close] == []
    assert made.seal is not None
    for said in (
        json_file.sha256(made).hex(),
        made.seal.root,
        made.seal.checkpoint_root,
        "https://switch.example/verify",
    ):
        assert said in text
    assert text.count("INR") >= 2 * len(made.totals)


def test_a_report_of_a_country_is_addressed_to_its_authority() -> None:
    to_india = replace(LETTER, addressee="", country="IN")
    text = (
        pypdf.PdfReader(io.BytesIO(render(report("costs", costs.COLUMNS), "pdf", "ru", to_india)))
        .pages[0]
        .extract_text()
    )

    assert "Надзорный орган, Индия" in text


def test_a_workbook_is_ready_to_print() -> None:
    made = report("corridors", corridors.COLUMNS)
    book = openpyxl.load_workbook(io.BytesIO(render(made, "xlsx", "en", LETTER)))
    sheet = book["Report"]
    total = next(row for row in sheet.iter_rows() if row[0].value == "total")
    amounts = [found for found in total if isinstance(found.value, int | float)]
    about = {row[0].value: row[1].value for row in book["About"].iter_rows()}

    assert (sheet.freeze_panes, sheet.print_title_rows) == ("B2", "$1:$1")
    assert (sheet.page_setup.orientation, sheet.page_setup.paperSize, sheet.page_setup.fitToHeight) == (
        "landscape",
        9,
        0,
    )
    assert sheet.sheet_properties.pageSetUpPr.fitToPage
    assert "&P" in sheet.oddFooter.right.text
    assert about["Operator"] == "Central Payments Operator, 1 Bank Street, Almaty 050000"
    assert about["Audit root up to event 7"] == "ab" * 32
    assert all(found.font.bold for found in total if found.value)
    assert not amounts  # of 20 digits: exact as text, with its currency in the next test


def test_a_total_in_a_workbook_is_a_number_with_its_currency() -> None:
    columns = (
        ReportColumn("who"),
        ReportColumn("amount", ColumnKind.AMOUNT),
        ReportColumn("at", ColumnKind.INSTANT),
    )
    rows = (("a", Money(123_456, "INR"), AT),)
    made = Report("x", "x", {}, columns, rows, totals_by_currency(columns, rows, ("amount",)))
    sheet = openpyxl.load_workbook(io.BytesIO(render(made, "xlsx")))["Report"]

    assert (sheet["B3"].value, sheet["B3"].number_format) == (1234.56, '#,##0.00 "INR"')
    assert (sheet["B2"].number_format, sheet["C2"].is_date) == ("#,##0.00", True)


def png(width: int, height: int = 1) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress((b"\0" + bytes(width)) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.mark.parametrize("logo", [SVG, png(3)])
def test_a_logo_that_the_settings_accept_is_printed(tmp_path: Path, logo: bytes) -> None:
    file = tmp_path / "logo"
    file.write_bytes(logo)
    opened = letter.open_letter(
        Settings(letterhead_logo=file, letterhead_name="Operator", authority="a.example")
    )

    assert opened.verify == "https://a.example/verify"
    assert render(report("costs", costs.COLUMNS), "pdf", None, opened).startswith(b"%PDF")


@pytest.mark.parametrize(
    "logo",
    [None, b"", b"GIF89a", png(3)[:-5], png(3).replace(b"IDAT", b"IDAB"), png(4_001), SVG[:-6], b"<html/>", b" " * 200_001],
    ids=["missing", "empty", "gif", "cut", "checksum", "pixels", "half", "html", "large"],
)  # fmt: skip
def test_a_logo_that_cannot_be_printed_is_refused_at_the_start(tmp_path: Path, logo: bytes | None) -> None:
    file = tmp_path / "logo"
    if logo is not None:
        file.write_bytes(logo)

    with pytest.raises(ValidationError):
        Settings(letterhead_logo=file)
    with pytest.raises(ValueError):
        letterhead.read_logo(file)


@pytest.mark.parametrize(
    "wrong",
    [{"letterhead_name": "x" * 121}, {"letterhead_address": ["a\nb"]}, {"letterhead_address": ["x"] * 6}],
)
def test_a_letterhead_that_does_not_fit_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Settings(**wrong)  # type: ignore[arg-type]


def test_an_empty_column_leaves_its_width_to_one_whose_texts_are_broken() -> None:
    """The access log had a wide column for nobody, and its content in a narrow one."""
    body = json.dumps({"path": "/console/windows/17", "query": {"currency": "INR"}, "rows": list(range(40))})
    rows = [(number, AT, "PAGE_READ", number, "", body) for number in range(5)]
    content = access.report([], Period(AT, AT, 1, 9, 9), Scope("olga", everything=True))
    table = pdf_file._Table(replace(content, rows=tuple(rows)), Wording("ru"))
    (part,) = table.parts()
    widths = [column["width"] for column in part["columns"]]

    assert widths[5] > 0.35 * sum(widths)
    assert widths[4] < widths[5] / 5
    assert sum(widths) <= table.paper.width + 0.01
    assert part["rows"][0][2] == "просмотр страницы"


@pytest.mark.parametrize(
    ("code", "said"),
    [("en", "two people: change 4"), ("ru", "два сотрудника: изменение 4"), ("zh", "双人审批: 变更 4")],
)
def test_why_people_hold_a_line_is_said_in_the_readers_language(code: str, said: str) -> None:
    assert Wording(code).phrase("two people: change 4") == said
    assert language.Language(code, ZoneInfo("UTC")).detail("two people: change 4") == said


@pytest.mark.parametrize("code", ["ru", "zh"])
def test_a_note_names_states_and_steps_as_the_rows_show_them(code: str) -> None:
    said = Wording(code)
    unpaid = said.text("Lines that are HELD or CARRIED were not settled in this window.")
    refused = said.text(
        "REFUSE: the switch refused the payment. REJECT: the rail rejected it. EXPIRE: it was never sent."
    )

    assert all(said.text(state) in unpaid for state in ("HELD", "CARRIED"))
    assert all(said.text(step) in refused.lower() for step in ("REFUSE", "REJECT", "EXPIRE"))


def test_a_uetr_that_is_broken_is_broken_behind_a_hyphen() -> None:
    """Its last four characters stood alone on the next line."""
    pieces = pdf_file._breakable("88a7560e-2fef-4527-81c3-ce1c90fb8c40").split(pdf_file._BREAK)

    assert pieces == ["88a7560e-", "2fef-", "4527-", "81c3-", "ce1c90fb8c40"]


def test_a_term_of_programs_is_words_in_every_language() -> None:
    """English paper showed `credited_but_aborted`."""
    said = [Wording(code).cell("credited_but_aborted", ours=True) for code in LANGUAGES]

    assert said == [
        "credited but aborted",
        "зачислено, но прервано",
        Wording("zh").text("credited_but_aborted"),
    ]
    assert not any("_" in text for text in said)


@pytest.mark.parametrize("code", ["en", "ru", "zh"])
def test_the_access_log_on_paper_has_no_code_of_a_kind(code: str) -> None:
    """Kinds of one word were codes in English, and kinds of changes and their fields in every language."""
    said = Wording(code)
    content = {"name": "daily", "report": "corridors", "rhythm": "day"}
    body = {"change": -7, "change_kind": "report_schedule.add", "content": content}
    shown = said.facts(json.dumps(body))

    assert not [kind for kind in EventKind if said.phrase(kind) == kind or "_" in said.phrase(kind)]
    assert shown.startswith(f"{said.text('Kind')}: {said.text(KINDS['report_schedule.add'].title)}; ")
    assert said.text(CATALOGUE["corridors"].title) in shown
    assert KINDS["report_schedule.add"].labels["rhythm"] != "Rhythm"
    assert "Rhythm" not in shown


def test_what_an_event_states_is_no_json_on_paper() -> None:
    """The access and change log gave people the octets for programs."""
    detail = (
        '{"asked":{"country":"IN","since":1796000000000000},"full":true,"note":"","pem":"%s","role":"operator"}'
        % ("A" * 999)
    )
    content = Report("x", "X", {}, columns=(ReportColumn("detail"),), rows=((detail,),))

    said = {code: Wording(code).cells(content, content.rows[0])[0] for code in LANGUAGES}

    assert (
        said["en"]
        == "Country: IN; Since: 2026-11-30 00:53:20Z; Full: yes; Pem: " + "A" * 200 + "…; Role: operator"
    )
    assert said["ru"].startswith("Страна: IN; ")
    moved = (
        '{"credit":[3283500,"PKR"],"fx":["silkroad-fx","3.2835000000"],"lookups":[{"rail":"PK","bank":"X"}]}'
    )
    assert (
        Wording("en").facts(moved)
        == "Credited: 32,835.00 PKR; FX provider and rate: silkroad-fx, 3.2835; Lookups: Rail: PK; Bank: X"
    )
    assert "32\u00a0835,00 PKR; " in Wording("ru").facts(moved)
    assert said["zh"].startswith(f"{Wording('zh').text('Country')}: IN; ")
