"""Tables of reports on pages: wide ones in parts, terms in the reader's language, and every column of each report."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from switch.pages.language import Language
from switch.pages.tables import parts
from switch.reports import corridors, patterns
from switch.reports.catalogue import CATALOGUE
from switch.reports.table import TOTAL

RUSSIAN = Language("ru", ZoneInfo("UTC"))
ROWS_MAX = 2


def document(
    name: str, rows: list[dict[str, Any]], totals: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    names = [column.name for column in CATALOGUE[name].columns]
    empty: dict[str, Any] = dict.fromkeys(names)
    return {
        "report": name,
        "rows": [empty | row for row in rows],
        "totals": [empty | row for row in totals or []],
    }


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_column_is_in_a_part_and_no_part_is_too_wide(name: str) -> None:
    found = list(parts(document(name, []), RUSSIAN, ROWS_MAX))
    shown = {heading for part in found for heading in part.headings}

    assert shown == {RUSSIAN.text(column.heading) for column in CATALOGUE[name].columns}
    assert max(len(part.headings) for part in found) <= 13


def test_a_wide_table_names_its_rows_in_each_part() -> None:
    row = {"source": "IN", "target": "PK", "payments": 3, "debited": "1234.50", "within_10_s": "99.50"}
    total = {"source": TOTAL, "payments": 3}
    counts, values, speed = parts(document(corridors.NAME, [row] * 3, [total]), RUSSIAN, ROWS_MAX)

    assert [part.title for part in (counts, values, speed)] == ["Количество переводов", "Сумма", "Скорость"]
    assert all(row[:2] == ["IN", "PK"] for part in (counts, values, speed) for row in part.rows)
    assert all(len(part.rows) == ROWS_MAX for part in (counts, values, speed))
    assert values.rows[0][4] == "1\xa0234,50"
    assert values.classes == [""] * 4 + ["n"] * 4
    assert counts.totals[0][0] == "итого"
    assert speed.totals == []


def test_the_only_currency_of_a_wide_table_is_named_above() -> None:
    row = {"participant": "asha-bank", "purpose": "position", "currency": "INR", "net": "1.00"}
    (alone,) = parts(document("window-statement", [row, row]), RUSSIAN, ROWS_MAX)
    (mixed,) = parts(document("window-statement", [row, row | {"currency": "PKR"}]), RUSSIAN, ROWS_MAX)

    assert (alone.currency, len(alone.headings)) == ("INR", 12)
    assert (mixed.currency, len(mixed.headings)) == ("", 13)


@pytest.mark.parametrize(
    ("detail", "said"),
    [
        ("missing: debtor name, creditor account", "не указано: имя плательщика, счёт получателя"),
        ("payments: 12", "переводов: 12"),
        ("", ""),
    ],
)
def test_what_a_pattern_is_about_is_said_in_the_readers_language(detail: str, said: str) -> None:
    (part,) = parts(document(patterns.NAME, [{"rule": "missing_data", "detail": detail}]), RUSSIAN, ROWS_MAX)

    assert part.rows[0][-1] == said
    assert part.rows[0][0] != "missing_data"


def test_flags_reasons_and_empty_cells_are_written_as_people_read_them() -> None:
    (lists,) = parts(
        document("payments-above", [{"outcome": "committed", "returned": True}]), RUSSIAN, ROWS_MAX
    )
    (rejects,) = parts(document("rejects", [{"reason": "AC04"}]), RUSSIAN, ROWS_MAX)

    assert "да" in lists.rows[0]
    assert rejects.rows[0][3].startswith("AC04 ")
    assert rejects.rows[0][0] == ""


def test_what_an_event_of_the_access_log_states_is_in_words() -> None:
    (part,) = parts(document("access-log", [{"detail": '{"country":"IN","full":true}'}]), RUSSIAN, ROWS_MAX)

    assert part.rows[0][-1].startswith("Страна: IN; ")
    assert "{" not in part.rows[0][-1]
