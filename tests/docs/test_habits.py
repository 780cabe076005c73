"""What people who join rely on: hooks that are the commands of `make check`, records of decisions of one form."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PARTS = ["Context", "Decision", "Consequences", "Alternatives"]


def test_the_hooks_before_a_commit_are_the_commands_of_make_check() -> None:
    recipe = re.search(r"^check:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert recipe is not None
    checks = [line.strip().replace("$(BIN)", ".venv/bin") for line in recipe[1].splitlines()]
    hooks = re.findall(r"^ +entry: (.+)$", (ROOT / ".pre-commit-config.yaml").read_text(), re.MULTILINE)

    assert hooks == checks


def test_every_decision_has_its_four_parts_and_is_listed() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = re.findall(r"\]\((\d{4}-[^)]+\.md)\)", (folder / "README.md").read_text())
    records = sorted(folder.glob("[0-9]*.md"))

    assert listed == [record.name for record in records]
    for record in records:
        parts = re.findall(r"^\*\*(\w+)\.\*\*", record.read_text(), re.MULTILINE)
        assert [part for part in parts if part in PARTS] == PARTS, record.name
