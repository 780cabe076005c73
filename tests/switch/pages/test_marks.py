"""Chips, times, identifiers and the labels of cells: what the design system makes of values."""

import re
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from zoneinfo import ZoneInfo

import pytest

from switch.identity.model import ChangeState, Status
from switch.pages import language, marks
from switch.pages.labels import labelled
from switch.pages.marks import Marks
from switch.settlement.states import LineState, SettlementState
from switch.writer.lifecycle import State

ENGLISH = Marks(language.Language("en", ZoneInfo("UTC")))
STATES = [*State, *SettlementState, *LineState, *ChangeState, *Status]
OVER = {"ABORTED", "refused", "withdrawn", "expired", "removed"}
UETR = "80ad5b39-cdff-4e4d-b63d-cf43fb62cf8f"
STYLE = files("switch.pages").joinpath("static", "style.css").read_text()


@pytest.mark.parametrize("state", sorted({str(state) for state in STATES}))
def test_every_state_has_a_tone_or_is_over(state: str) -> None:
    assert (state in marks.TONES) != (state in OVER)


@pytest.mark.parametrize("tone", sorted(set(marks.TONES.values()) - {"good"}))
def test_every_tone_has_a_shape_of_its_own(tone: str) -> None:
    """A word and a shape: colour alone says nothing. Done is the plain dot."""
    assert f".chip.{tone}::before" in STYLE


@pytest.mark.parametrize("code", language.LANGUAGES)
def test_a_recent_instant_is_relative_and_an_older_one_is_not(code: str) -> None:
    mark = Marks(language.Language(code, ZoneInfo("UTC")))
    now = datetime.now(UTC)
    recent, old = mark.when(now - timedelta(minutes=3)), mark.when(now - timedelta(days=3))

    assert "data-near" in recent
    assert re.search(r">3\D+</time>", recent)
    assert "data-near" not in old
    assert f">{now - timedelta(days=3):%Y-%m-%d %H:%M}</time>" in old
    for found in (recent, old):
        assert re.search(r'data-exact="\d{4}-\d\d-\d\d \d\d:\d\d:\d\d', found)


def test_a_short_uetr_contains_the_whole_one() -> None:
    found = ENGLISH.uetr(UETR, f"/console/payments/{UETR}")

    assert re.sub("<[^>]*>", "", found) == f"{UETR}Copy"
    assert f'data-copy="{UETR}"' in found


def test_marks_escape_what_they_show() -> None:
    assert "<b>" not in ENGLISH.state("<b>") + ENGLISH.uetr("<b>12345678<b>") + ENGLISH.copy('"><b>')


def test_cells_have_the_heading_of_their_column_and_wide_ones_none() -> None:
    table = (
        '<table><thead><tr><th scope="col">UETR</th><th class="n">Net <b>debit</b> cap</th></tr></thead>'
        '<tbody><tr><th scope="row">x</th><td class="n">5.00</td></tr><tr><td colspan="2">None</td></tr></tbody></table>'
    )
    found = labelled(f"<p>before</p>{table}<table><tr><td>plain</td></tr></table>")

    assert (
        '<th scope="row" data-label="UETR">x</th><td class="n" data-label="Net debit cap">5.00</td>' in found
    )
    assert '<td colspan="2">None</td>' in found
    assert "<td>plain</td>" in found
    assert re.sub(' data-label="[^"]*"', "", found).count(table) == 1
