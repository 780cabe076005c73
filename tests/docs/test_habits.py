"""What people who join rely on: hooks that are the commands of `make check`, records of decisions of one form."""

import re
from pathlib import Path

from switch.cli import COMMANDS, GROUPS

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


def test_what_contributing_names_is_there() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    packages = "adapters|docs|ledger|loadtests|schemas|switch|tests"
    named = re.findall(rf"`((?:{packages})/[^`\s]*)`", text) + re.findall(r"\]\(([^)#]+)", text)
    placeholders = re.compile(r"COUNTRY|NAME|CC\.md")

    assert [name for name in named if not placeholders.search(name) and not (ROOT / name).exists()] == []


def test_every_layer_has_its_place_in_the_readme_and_in_contributing() -> None:
    layers = [folder.name for folder in (ROOT / "switch").iterdir() if (folder / "__init__.py").exists()]

    for page in ("README.md", "CONTRIBUTING.md"):
        text = (ROOT / page).read_text()
        assert [layer for layer in sorted(layers) if f"{layer}/" not in text] == [], page


def test_every_command_is_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text()
    rows = " ".join(line for line in text.splitlines() if line.startswith("| `"))

    assert [name for name in (*COMMANDS, *GROUPS) if not re.search(rf"[`\s]{name}[`\s]", rows)] == []
