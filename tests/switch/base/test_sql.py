"""SQL that stands in files is named, described and used."""

import re
from pathlib import Path

import pytest

from switch.base.sql import statements

ROOT = Path(__file__).parents[3]
FILES = sorted(path for package in ("ledger", "switch") for path in ROOT.glob(f"{package}/**/sql/*.sql"))

NAMED = {
    name
    for package in ("ledger", "switch")
    for module in ROOT.glob(f"{package}/**/*.py")
    for name in re.findall(r'"(\w+)"', module.read_text())
}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_a_statement_is_the_text_of_its_file():
    assert statements("switch.writer")("add_note") == (ROOT / "switch/writer/sql/add_note.sql").read_text()


def test_a_statement_without_a_file_is_an_error():
    with pytest.raises(FileNotFoundError):
        statements("switch.writer")("no_such_statement")


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_file_begins_with_the_statements_name_and_what_it_does(path):
    assert re.match(rf"-- {path.stem}: \S", path.read_text())


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_file_is_used_by_its_package(path):
    """Or by a package above it: statements of the ledger are for the switch too."""
    assert path.stem in NAMED
