"""Each drawing of what neither side knows names the test that plays it, and each such test is drawn."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "operate" / "inbound.md"
PLAYED = ROOT / "tests" / "switch" / "payments" / "test_inbound_uncertain.py"
_DRAWING = re.compile(r"```mermaid\n(.*?)```\n\n`(test_\w+)`", re.DOTALL)


def test_every_drawing_is_played_and_every_play_is_drawn() -> None:
    drawn = _DRAWING.findall(PAGE.read_text())
    tests = {
        each.name
        for each in ast.parse(PLAYED.read_text()).body
        if isinstance(each, ast.AsyncFunctionDef) and each.name.startswith("test_")
    }

    assert len(drawn) == PAGE.read_text().count("```mermaid")
    assert sorted(name for _, name in drawn) == sorted(tests)


def test_every_message_of_a_drawing_is_between_two_of_its_parties() -> None:
    for drawing, name in _DRAWING.findall(PAGE.read_text()):
        parties = set(re.findall(r"participant (\w+) as", drawing))
        arrows = re.findall(r"^ +(\w+)--?>>(\w+): ", drawing, re.MULTILINE)
        notes = re.findall(r"Note over ([\w,]+):", drawing)
        assert arrows, name
        assert {*(end for arrow in arrows for end in arrow)} == parties, name
        assert {each for note in notes for each in note.split(",")} <= parties, name
