"""A benchmark leaves the checkout as it was, unless it is told to publish."""

import argparse
import json
import subprocess

import pytest

from loadtests import keeping


def directory(*words):
    parser = argparse.ArgumentParser()
    keeping.add_options(parser)
    return parser.parse_args(words).results


def test_figures_go_to_an_ignored_folder_unless_they_are_published(tmp_path) -> None:
    assert directory() == keeping.IGNORED
    assert directory("--publish") == keeping.PUBLISHED
    assert directory("--results", str(tmp_path)) == tmp_path
    with pytest.raises(SystemExit):
        directory("--publish", "--results", str(tmp_path))


def test_what_a_benchmark_writes_is_ignored() -> None:
    root = keeping.PUBLISHED.parents[1]
    if not (root / ".git").exists():
        pytest.skip("not a checkout")
    asked = ["git", "-C", root, "check-ignore", "-q"]

    assert subprocess.run([*asked, keeping.IGNORED / "payments.json"], check=False).returncode == 0
    assert subprocess.run([*asked, keeping.PUBLISHED / "payments.json"], check=False).returncode == 1


def test_figures_are_kept_with_their_table(tmp_path) -> None:
    keeping.keep(tmp_path / "new", "codec", {"us": 1}, "| us |\n")

    assert json.loads((tmp_path / "new" / "codec.json").read_text()) == {"us": 1}
    assert (tmp_path / "new" / "codec.md").read_text() == "| us |\n"
